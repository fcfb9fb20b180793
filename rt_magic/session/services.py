"""The services that transcribe, as settings: frozen, picklable, equal by value, their repr without keys."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, get_args

from rt_magic.exceptions import ConfigurationError
from rt_magic.session.addresses import Address, host_of, is_azure, socket_address, split
from rt_magic.session.azure import AzureOpenAI, VoiceLive
from rt_magic.session.credentials import bearer
from rt_magic.wire.addresses import Rung
from rt_magic.wire.dialects import DIALECTS, Dialect
from rt_magic.wire.models import DEFAULT_MODEL

__all__ = ["Address", "AzureOpenAI", "Compatible", "Local", "OpenAI", "Service", "VoiceLive", "is_azure"]

Engine: TypeAlias = Literal["auto", "pocketsphinx", "whisper"]


@dataclass(frozen=True, slots=True)
class Local:
    """The embedded engine: a server of our own on this machine, started when needed.

    `engine` is "auto" (whisper if it and its model are installed, else pocketsphinx), "pocketsphinx" or "whisper";
    `model` names a model or its folder.
    """

    engine: Engine = field(default="auto", kw_only=True)
    model: str | None = field(default=None, kw_only=True)
    name: ClassVar[str] = "local"
    ways: ClassVar[int] = 1
    host: ClassVar[None] = None
    voice_model: ClassVar[None] = None
    scopes: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.engine not in get_args(Engine):
            raise ConfigurationError(
                f"there is no engine {self.engine!r}; choose one of {', '.join(map(repr, get_args(Engine)))}"
            )
        if self.engine == "pocketsphinx" and self.model is not None:
            raise ConfigurationError(f"pocketsphinx brings its own model and takes no other, but model={self.model!r}")

    @property
    def speaks(self) -> Dialect:
        """How the embedded server speaks."""
        return DIALECTS["embedded"]

    def label(self) -> str:
        """Return the words by which the cell names this service."""
        return "embedded engine"

    def pinned(self) -> Local:
        """Return the service itself: nothing of it comes from the environment."""
        return self

    @staticmethod
    def download(name: str) -> Path:
        """Fetch a model for the whisper engine, with progress, and return its folder; nothing else ever downloads."""
        from rt_magic.local.recognizers import download

        return Path(download(name))


@dataclass(frozen=True, slots=True)
class OpenAI:
    """OpenAI's Realtime API; the key is `api_key` or OPENAI_API_KEY, the model `gpt-realtime-whisper` unless given.

    `base_url` (else OPENAI_BASE_URL) is another server's, up to and with its `/v1`; on a host of Azure's it means Azure
    OpenAI, with the same key, or else that of AZURE_OPENAI_API_KEY.
    """

    model: str | None = field(default=None, kw_only=True)
    api_key: str | None = field(default=None, kw_only=True, repr=False)
    base_url: str | None = field(default=None, kw_only=True)
    name: ClassVar[str] = "openai"
    ways: ClassVar[int] = 1
    voice_model: ClassVar[None] = None
    scopes: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.base_url is not None and not is_azure(self.base_url):
            self.target(Rung())

    @property
    def meant(self) -> OpenAI | AzureOpenAI:
        """The service that the address means: OpenAI's own client sends its key to Azure's hosts, too."""
        if not is_azure(self._base):
            return self
        key = self.api_key or os.environ.get("AZURE_OPENAI_API_KEY") or os.environ.get("OPENAI_API_KEY")
        return AzureOpenAI(self._base, model=self.model, api_key=key)

    @property
    def speaks(self) -> Dialect:
        """How OpenAI speaks."""
        return DIALECTS["openai"]

    @property
    def _base(self) -> str:
        return self.base_url or os.environ.get("OPENAI_BASE_URL") or f"https://{self.speaks.host}"

    @property
    def host(self) -> str:
        """The host that audio goes to."""
        return host_of(self._base)

    def label(self) -> str:
        """Return the words by which the cell names this service."""
        return f"OpenAI, model {self.transcriber()}"

    def transcriber(self) -> str:
        """Return the model that transcribes."""
        return self.model or DEFAULT_MODEL

    def pinned(self) -> OpenAI | AzureOpenAI:
        """Return the service with what the environment says now, so that what the cell names is where it goes."""
        meant = self.meant
        if isinstance(meant, AzureOpenAI):
            return meant.pinned()
        return replace(self, base_url=self._base, model=self.transcriber())

    def target(self, rung: Rung) -> str:
        """Return where a connection goes. Raises ConfigurationError for an address that cannot be meant."""
        path = split(self._base).path.rstrip("/")
        target = self.speaks.target(rung.kind)
        if path and not self.speaks.path.startswith(path):
            target = f"{path}{target.removeprefix(self.speaks.path.rpartition('/')[0])}"
        return socket_address(self._base) + target

    def check(self) -> None:
        """Raise ConfigurationError for what can be seen to be wrong without asking anybody."""
        meant = self.meant
        if isinstance(meant, AzureOpenAI):
            return meant.check()
        self.target(Rung())
        self._key()

    async def address(self, rung: Rung) -> Address:
        """Return where the next connection goes, with its key."""
        return Address(self.target(rung), bearer(self._key(), "OpenAI's key"))

    def _key(self) -> str:
        key = self.api_key or os.environ.get("OPENAI_API_KEY")
        if not key:
            raise ConfigurationError(
                "OpenAI was chosen and there is no key for it; set OPENAI_API_KEY, or give rt.OpenAI(api_key=...)"
            )
        return key


@dataclass(frozen=True, slots=True)
class Compatible:
    """A server that speaks the Realtime protocol, by its address; the key is `api_key` or RT_MAGIC_API_KEY.

    `dialect` is "auto" (found out from the server's first frame and its answers), or the name of one of `DIALECTS`.
    """

    url: str
    model: str | None = field(default=None, kw_only=True)
    api_key: str | None = field(default=None, kw_only=True, repr=False)
    dialect: str = field(default="auto", kw_only=True)
    name: ClassVar[str] = "compatible"
    voice_model: ClassVar[None] = None
    scopes: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.dialect not in DIALECTS:
            raise ConfigurationError(f"there is no dialect {self.dialect!r}; choose one of {', '.join(DIALECTS)}")
        self.target(Rung())

    @property
    def speaks(self) -> Dialect:
        """How the server is taken to speak."""
        return DIALECTS[self.dialect]

    @property
    def ways(self) -> int:
        """How many queries of the address there are to try."""
        return 1 if self._has_path else len(self.speaks.ways(self.model))

    @property
    def host(self) -> str:
        """The host that audio goes to."""
        return host_of(self.url)

    @property
    def _has_path(self) -> bool:
        return split(self.url).path.rstrip("/") not in ("", "/v1")

    def pinned(self) -> Compatible:
        """Return the service itself: only its key may come from the environment, and that is read late."""
        return self

    def label(self) -> str:
        """Return the words by which the cell names this service."""
        return f"compatible server, model {self.model}" if self.model else "compatible server"

    def transcriber(self) -> str | None:
        """Return the model that transcribes, None for the server's own choice."""
        return self.model

    def target(self, rung: Rung) -> str:
        """Return where a connection goes: the address as given, completed if it names no path."""
        if not self._has_path:
            way = min(rung.way, self.ways - 1)
            return socket_address(self.url) + self.speaks.target(rung.kind, model=self.model, way=way)
        parts = split(self.url)
        return f"{socket_address(self.url)}{parts.path}{f'?{parts.query}' if parts.query else ''}"

    def check(self) -> None:
        """Raise ConfigurationError for what can be seen to be wrong without asking anybody."""
        self.target(Rung())

    async def address(self, rung: Rung) -> Address:
        """Return where the next connection goes, with the key if there is one."""
        key = self.api_key or os.environ.get("RT_MAGIC_API_KEY")
        if not key:
            return Address(self.target(rung), {}, "none")
        return Address(self.target(rung), bearer(key, "the server's key"))


Service: TypeAlias = Local | Compatible | OpenAI | AzureOpenAI | VoiceLive
