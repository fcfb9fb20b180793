"""The services that transcribe, as settings: frozen, picklable, equal by value, their repr without keys."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, get_args
from urllib.parse import SplitResult, urlsplit

from rt_magic.exceptions import ConfigurationError
from rt_magic.session.credentials import Credential, bearer, check_credential, prove
from rt_magic.wire.dialects import DIALECTS, Dialect, Rung, cloud_of, is_azure_host, named_deployments
from rt_magic.wire.models import MODELS

Engine: TypeAlias = Literal["auto", "pocketsphinx", "whisper"]

DEFAULT_MODEL = "gpt-realtime-whisper"
"""The model that writes while one speaks; on Azure, the name that its deployment usually has."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where one connection goes, and the headers that open it; they hold a key or token and are never shown."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    credential: str = "key"
    """The name of what the headers were made of."""
    signed_in: bool = False
    """True where a token is sent, not a key."""
    scoped: bool = False
    """True where the token's audience is ours to choose, and may be the wrong one."""
    proxied: bool = True
    """False for what must not leave this machine, whatever proxy the environment names."""


@dataclass(frozen=True, slots=True)
class Local:
    """The embedded engine: a server of our own on this machine, started when needed.

    `engine` is "auto" (whisper if it and its model are installed, else pocketsphinx), "pocketsphinx" or "whisper";
    `model` names a model or its folder.
    """

    engine: Engine = field(default="auto", kw_only=True)
    model: str | None = field(default=None, kw_only=True)
    name: ClassVar[str] = "local"
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

    `base_url` (else OPENAI_BASE_URL) is another server's, up to and with its `/v1`.
    """

    model: str | None = field(default=None, kw_only=True)
    api_key: str | None = field(default=None, kw_only=True, repr=False)
    base_url: str | None = field(default=None, kw_only=True)
    name: ClassVar[str] = "openai"
    voice_model: ClassVar[None] = None
    scopes: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.base_url is not None:
            self.target(Rung())

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
        return _host(self._base)

    def label(self) -> str:
        """Return the words by which the cell names this service."""
        return f"OpenAI, model {self.transcriber()}"

    def transcriber(self) -> str:
        """Return the model that transcribes."""
        return self.model or DEFAULT_MODEL

    def pinned(self) -> OpenAI:
        """Return the service with what the environment says now, so that what the cell names is where it goes."""
        return replace(self, base_url=self._base, model=self.transcriber())

    def target(self, rung: Rung) -> str:
        """Return where a connection goes. Raises ConfigurationError for an address that cannot be meant."""
        if is_azure(self._base):
            raise ConfigurationError(
                f"{self._base!r} is an address of Azure, which speaks otherwise; use rt.AzureOpenAI({self._base!r})"
            )
        path = _split(self._base).path.rstrip("/")
        target = self.speaks.target(rung.kind)
        if path and not self.speaks.path.startswith(path):
            target = f"{path}{target.removeprefix(self.speaks.path.rpartition('/')[0])}"
        return socket_address(self._base) + target

    def check(self) -> None:
        """Raise ConfigurationError for what can be seen to be wrong without asking anybody."""
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
class AzureOpenAI:
    """Azure OpenAI's Realtime API, with a key or with Entra ID.

    `endpoint` is any address that the portal shows (else AZURE_OPENAI_ENDPOINT); `model` the transcription deployment
    (else AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT, else the one that the address names, else `gpt-realtime-whisper`);
    `realtime_model` a voice deployment to fall back on (else AZURE_OPENAI_REALTIME_DEPLOYMENT). `credential` is any of
    azure-identity, an AzureKeyCredential or a function that returns a token; without it and without a key,
    `DefaultAzureCredential` is asked. `scope` pins the token's audience, as a sovereign cloud may need.
    """

    endpoint: str | None = None
    model: str | None = field(default=None, kw_only=True)
    realtime_model: str | None = field(default=None, kw_only=True)
    api_key: str | None = field(default=None, kw_only=True, repr=False)
    credential: Credential | None = field(default=None, kw_only=True, repr=False)
    scope: str | None = field(default=None, kw_only=True)
    name: ClassVar[str] = "azure"

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            self.target(Rung())
        check_credential(self.credential)
        if self.api_key and self.credential is not None:
            raise ConfigurationError("both api_key= and credential= are given; leave one out")

    @property
    def speaks(self) -> Dialect:
        """How Azure OpenAI speaks."""
        return DIALECTS["azure"]

    @property
    def scopes(self) -> tuple[str, ...]:
        """Audiences to ask a token for, in order."""
        return (self.scope,) if self.scope else cloud_of(self.host).scopes

    @property
    def voice_model(self) -> str | None:
        """The voice deployment to fall back on."""
        return self.realtime_model or os.environ.get("AZURE_OPENAI_REALTIME_DEPLOYMENT") or self._named()[1]

    @property
    def _base(self) -> str:
        base = self.endpoint or os.environ.get("AZURE_OPENAI_ENDPOINT")
        if not base:
            raise ConfigurationError(
                "Azure OpenAI was chosen and its address is not known; set AZURE_OPENAI_ENDPOINT to "
                "https://<resource>.openai.azure.com, or give rt.AzureOpenAI(endpoint)"
            )
        return base

    @property
    def host(self) -> str:
        """The host that audio goes to."""
        return _host(self._base)

    def label(self) -> str:
        """Return the words by which the cell names this service."""
        return f"Azure OpenAI, deployment {self.transcriber()}"

    def transcriber(self) -> str:
        """Return the deployment that transcribes."""
        return self.model or os.environ.get("AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT") or self._named()[0] or DEFAULT_MODEL

    def pinned(self) -> AzureOpenAI:
        """Return the service with what the environment says now, so that what the cell names is where it goes."""
        return replace(self, endpoint=self._base, model=self.transcriber(), realtime_model=self.voice_model)

    def _named(self) -> tuple[str | None, str | None]:
        """Return the deployments that the address names: one that transcribes, one that speaks."""
        parts = _split(self._base)
        transcriber, other = named_deployments(parts.path, parts.query)
        if other is not None and any(model in other.lower() for model in MODELS):
            return other, None
        return transcriber, other

    def target(self, rung: Rung) -> str:
        """Return where a connection goes. Raises ConfigurationError for an address that cannot be meant."""
        address = socket_address(self._base)
        name = _split(self._base).hostname or ""
        if "." not in name and not _is_loopback(name):
            raise ConfigurationError(
                f"{self._base!r} is a name, not an address; write https://<resource>.openai.azure.com"
            )
        return address + self.speaks.target(rung.kind, self.voice_model)

    def check(self) -> None:
        """Raise ConfigurationError for what can be seen to be wrong without asking anybody."""
        self.target(Rung())

    async def address(self, rung: Rung) -> Address:
        """Return where the next connection goes, with a fresh token where one is needed."""
        url = self.target(rung)
        proof = await prove(
            api_key=self.api_key,
            credential=self.credential,
            key_variable="AZURE_OPENAI_API_KEY",
            token_variable="AZURE_OPENAI_AD_TOKEN",
            scope=rung.scope if rung.scope in self.scopes else self.scopes[0],
            authority=cloud_of(self.host).authority,
        )
        return Address(url, proof.headers, proof.name, proof.signed_in, proof.scoped)


@dataclass(frozen=True, slots=True)
class Compatible:
    """A server that speaks the Realtime protocol, by its address; the key is `api_key` or RT_MAGIC_API_KEY."""

    url: str
    model: str | None = field(default=None, kw_only=True)
    api_key: str | None = field(default=None, kw_only=True, repr=False)
    dialect: str = field(default="auto", kw_only=True)
    name: ClassVar[str] = "compatible"
    voice_model: ClassVar[None] = None
    scopes: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.dialect != "auto" and self.dialect not in DIALECTS:
            raise ConfigurationError(
                f"there is no dialect {self.dialect!r}; choose 'auto' or one of {', '.join(DIALECTS)}"
            )
        self.target(Rung())

    @property
    def speaks(self) -> Dialect:
        """How the server is taken to speak."""
        return DIALECTS["openai" if self.dialect == "auto" else self.dialect]

    @property
    def host(self) -> str:
        """The host that audio goes to."""
        return _host(self.url)

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
        parts = _split(self.url)
        if parts.path.rstrip("/") in ("", "/v1"):
            return socket_address(self.url) + self.speaks.target(rung.kind)
        return f"{socket_address(self.url)}{parts.path}{f'?{parts.query}' if parts.query else ''}"

    def check(self) -> None:
        """Raise ConfigurationError for what can be seen to be wrong without asking anybody."""
        self.target(Rung())

    async def address(self, rung: Rung) -> Address:
        """Return where the next connection goes, with the key if there is one."""
        key = self.api_key or os.environ.get("RT_MAGIC_API_KEY")
        return Address(self.target(rung), bearer(key, "the server's key") if key else {})


Service: TypeAlias = Local | Compatible | OpenAI | AzureOpenAI


def socket_address(address: str) -> str:
    """Return `ws(s)://host[:port]` of any address that one can copy; unencrypted for this machine only.

    Path, query and trailing parts are left out: they belong to other services, or to versions that are gone.
    """
    parts = _split(address)
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        raise ConfigurationError(
            f"{address!r} is not the address of a service; write it as https://host or ws://127.0.0.1:8000"
        )
    secure = parts.scheme in ("https", "wss")
    if not secure and not _is_loopback(parts.hostname):
        better = f"{'https' if parts.scheme == 'http' else 'wss'}://{_host(address)}"
        raise ConfigurationError(
            f"{address!r} would send speech over an unencrypted connection; write {better} "
            "(unencrypted is for this machine only)"
        )
    return f"{'wss' if secure else 'ws'}://{_host(address)}"


# What stands before the host, or a field of the query that is called like a secret.
_SECRET = re.compile(r"//[^/?#]*@|[?&][\w-]*(key|token|secret|password|signature)[\w-]*=", re.IGNORECASE)


def _split(address: str) -> SplitResult:
    address = address.strip(" \t\r\n'\"`<>")
    if _SECRET.search(address):
        raise ConfigurationError(
            "the address holds a key or a password, which would be shown with it; leave that out and give api_key="
        )
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        _ = parts.port  # which is read when it is asked for
    except ValueError as error:
        raise ConfigurationError(f"{address!r} is not an address: {error}") from None
    return parts


def _host(address: str) -> str:
    return _split(address).netloc.rpartition("@")[2].lower()


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_azure(address: str) -> bool:
    """Tell whether an address is of an Azure host, sovereign clouds included."""
    return is_azure_host(_split(address).hostname or "")
