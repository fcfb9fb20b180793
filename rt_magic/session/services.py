"""The services that transcribe, as settings: frozen, picklable, equal by value, their repr without keys."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from rt_magic.exceptions import ConfigurationError
from rt_magic.languages import language_name
from rt_magic.wire.dialects import DIALECTS, Dialect

Engine: TypeAlias = Literal["auto", "pocketsphinx", "whisper"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where one connection goes, and the headers that open it; never shown, since a header holds the key."""

    url: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Local:
    """The embedded engine: a server of our own on this machine, started when needed.

    `engine` is "auto" (whisper if it and its model are installed, else pocketsphinx), "pocketsphinx" or "whisper";
    `model` names a model or its folder.
    """

    engine: Engine = "auto"
    model: str | None = None
    name: ClassVar[str] = "local"
    host: ClassVar[None] = None

    def __post_init__(self) -> None:
        if self.engine not in get_args(Engine):
            raise ConfigurationError(
                f"there is no engine {self.engine!r}; choose one of {', '.join(map(repr, get_args(Engine)))}"
            )

    @property
    def speaks(self) -> Dialect:
        """How the embedded server speaks."""
        return DIALECTS["embedded"]

    def label(self) -> str:
        """Return the words by which the cell names this service."""
        return "embedded engine"

    @staticmethod
    def download(name: str) -> Path:
        """Fetch a model for the whisper engine, with progress, and return its folder; nothing else ever downloads."""
        from rt_magic.local.recognizers import download

        return Path(download(name))


@dataclass(frozen=True, slots=True)
class _Remote:
    """What services beyond this machine have in common."""

    @property
    def speaks(self) -> Dialect:
        """How the service speaks."""
        raise NotImplementedError

    def address(self) -> Address:
        """Return where the next connection goes; raises ConfigurationError or AuthenticationError."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Compatible(_Remote):
    """A server that speaks the Realtime protocol, by its address; the key is `api_key` or RT_MAGIC_API_KEY."""

    url: str
    model: str | None = field(default=None, kw_only=True)
    api_key: str | None = field(default=None, kw_only=True, repr=False)
    dialect: str = field(default="auto", kw_only=True)
    name: ClassVar[str] = "compatible"

    def __post_init__(self) -> None:
        if self.dialect != "auto" and self.dialect not in DIALECTS:
            raise ConfigurationError(
                f"there is no dialect {self.dialect!r}; choose 'auto' or one of {', '.join(DIALECTS)}"
            )
        socket_address(self.url, "")

    @property
    def speaks(self) -> Dialect:
        """How the server is taken to speak."""
        return DIALECTS["openai" if self.dialect == "auto" else self.dialect]

    @property
    def host(self) -> str:
        """The host that audio goes to."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def label(self) -> str:
        """Return the words by which the cell names this service."""
        return f"compatible server, model {self.model}" if self.model else "compatible server"

    def address(self) -> Address:
        """Return where the next connection goes."""
        key = self.api_key or os.environ.get("RT_MAGIC_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        parts = urlsplit(self.url)
        if parts.path.rstrip("/") in ("", "/v1"):
            return Address(f"{socket_address(self.url, self.speaks.path)}?{self.speaks.query}", headers)
        query = f"?{parts.query}" if parts.query else f"?{self.speaks.query}"
        return Address(socket_address(self.url, parts.path) + query, headers)


@dataclass(frozen=True, slots=True)
class OpenAI(_Remote):
    """OpenAI's Realtime API; the key is `api_key` or OPENAI_API_KEY."""

    model: str | None = field(default=None, kw_only=True)
    api_key: str | None = field(default=None, kw_only=True, repr=False)
    base_url: str | None = field(default=None, kw_only=True)
    name: ClassVar[str] = "openai"

    @property
    def speaks(self) -> Dialect:
        """How OpenAI speaks."""
        return DIALECTS["openai"]

    @property
    def _base(self) -> str:
        return self.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com"

    @property
    def host(self) -> str:
        """The host that audio goes to."""
        return urlsplit(self._base).netloc

    def label(self) -> str:
        """Return the words by which the cell names this service."""
        return f"OpenAI, model {self.model}" if self.model else "OpenAI"

    def address(self) -> Address:
        """Return where the next connection goes."""
        key = self.api_key or os.environ.get("OPENAI_API_KEY")
        if not key:
            raise ConfigurationError(
                "OpenAI was chosen and there is no key for it; set OPENAI_API_KEY or give OpenAI(api_key=...)"
            )
        url = f"{socket_address(self._base, self.speaks.path)}?{self.speaks.query}"
        return Address(url, {"Authorization": f"Bearer {key}"})


@dataclass(frozen=True, slots=True)
class AzureOpenAI(_Remote):
    """Azure OpenAI's Realtime API; `model` is the name of a transcription deployment.

    The endpoint is AZURE_OPENAI_ENDPOINT unless given, the key AZURE_OPENAI_API_KEY.
    """

    endpoint: str | None = None
    model: str | None = field(default=None, kw_only=True)
    api_key: str | None = field(default=None, kw_only=True, repr=False)
    name: ClassVar[str] = "azure"

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            socket_address(self.endpoint, "")

    @property
    def speaks(self) -> Dialect:
        """How Azure OpenAI speaks."""
        return DIALECTS["azure"]

    @property
    def _base(self) -> str:
        base = self.endpoint or os.environ.get("AZURE_OPENAI_ENDPOINT")
        if not base:
            raise ConfigurationError(
                "Azure OpenAI was chosen and its address is not known; set AZURE_OPENAI_ENDPOINT to "
                "https://<resource>.openai.azure.com, or give AzureOpenAI(endpoint)"
            )
        return base

    @property
    def host(self) -> str:
        """The host that audio goes to."""
        return urlsplit(self._base if "//" in self._base else f"//{self._base}").netloc

    def deployment(self) -> str:
        """Return the deployment that transcribes."""
        return self.model or os.environ.get("AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT") or "gpt-realtime-whisper"

    def label(self) -> str:
        """Return the words by which the cell names this service."""
        return f"Azure OpenAI, deployment {self.deployment()}"

    def address(self) -> Address:
        """Return where the next connection goes."""
        key = self.api_key or os.environ.get("AZURE_OPENAI_API_KEY")
        if not key:
            raise ConfigurationError(
                "Azure OpenAI was chosen and there is no key for it; set AZURE_OPENAI_API_KEY or give "
                "AzureOpenAI(endpoint, api_key=...)"
            )
        return Address(f"{socket_address(self._base, self.speaks.path)}?{self.speaks.query}", {"api-key": key})


Service: TypeAlias = Local | Compatible | OpenAI | AzureOpenAI


@dataclass(frozen=True, slots=True)
class Resolved:
    """A service and why it was chosen, as the end of the sentence "because …"."""

    service: Service
    reason: str
    note: str = ""


def socket_address(address: str, path: str) -> str:
    """Return `ws(s)://host[:port]` and `path` for any http(s) or ws(s) address; plain text only on this machine."""
    parts = urlsplit(address if "://" in address else f"https://{address}")
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        raise ConfigurationError(
            f"{address!r} is not the address of a service; write it as https://host or ws://127.0.0.1:8000"
        )
    secure = parts.scheme in ("https", "wss")
    if not secure and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            f"{address!r} would send speech over an unencrypted connection; write "
            f"{'https' if parts.scheme == 'http' else 'wss'}://{parts.netloc} (unencrypted is for this machine only)"
        )
    return f"{'wss' if secure else 'ws'}://{parts.netloc.rpartition('@')[2]}{path}"


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_azure(address: str) -> bool:
    host = urlsplit(address if "://" in address else f"https://{address}").hostname or ""
    return any(part in ("azure", "microsoft") for part in host.split(".")) and ".azure." in f".{host}."


SERVICE_NAMES = ("azure", "openai", "voicelive", "local")


def resolve_service(
    value: object = None,
    *,
    configured: object = None,
    default: object = None,
    namespace: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Resolved:
    """Choose the service: what was asked for, what is configured, `rt.use`, RT_MAGIC_SERVICE, Azure, this machine.

    A key that was exported for something else never decides where speech goes. Raises ConfigurationError.
    """
    environ = os.environ if environ is None else environ
    for candidate, reason in (
        (value, "you asked for it"),
        (configured, "TranscribeMagics.service is set"),
        (default, "rt.use was called"),
        (environ.get("RT_MAGIC_SERVICE"), "RT_MAGIC_SERVICE is set"),
    ):
        if candidate:
            return Resolved(_service(candidate, namespace or {}), reason)
    if environ.get("AZURE_OPENAI_ENDPOINT"):
        return Resolved(AzureOpenAI(), "AZURE_OPENAI_ENDPOINT is set")
    note = ""
    if environ.get("OPENAI_API_KEY"):
        note = "OPENAI_API_KEY is set: --service openai uses it; audio then goes to api.openai.com"
    return Resolved(Local(), "no service is set", note)


def _service(value: object, namespace: Mapping[str, Any]) -> Service:
    if isinstance(value, Local | Compatible | OpenAI | AzureOpenAI):
        return value
    if not isinstance(value, str):
        raise ConfigurationError(
            f"{type(value).__name__} is not a service; give one of {', '.join(SERVICE_NAMES)}, an address, "
            "or an object such as rt.AzureOpenAI(...)"
        )
    if value == "local":
        return Local()
    if value == "openai":
        return OpenAI()
    if value == "azure":
        return AzureOpenAI()
    if "://" in value:
        return AzureOpenAI(value) if _is_azure(value) else Compatible(value)
    if value in namespace:
        return _service(namespace[value], {})
    raise ConfigurationError(
        f"there is no service {value!r}; give one of {', '.join(SERVICE_NAMES)}, an address, or the name of a "
        "variable that holds a service"
    )


def check_service(service: Service, languages: tuple[str, ...] = ()) -> None:
    """Raise ConfigurationError, with the ways out, if the service cannot do what is asked.

    Looks at tables, the environment and what is installed: nothing is imported, started or opened.
    """
    if not isinstance(service, Local):
        service.address()
        return
    whisper = service.engine == "whisper" or (service.engine == "auto" and service.model is not None)
    if whisper and find_spec("faster_whisper") is None:
        raise ConfigurationError(
            'the whisper engine is not installed; install it with: %pip install "rt-magic[whisper]"'
        )
    other = next((code for code in languages if code.split("-")[0] != "en"), None)
    if other is not None and not whisper:
        raise ConfigurationError(_refusal(other))
    if not whisper and find_spec("pocketsphinx") is None:
        raise ConfigurationError(
            'there is no speech engine on this machine; install one with: %pip install "rt-magic[local]"'
        )


def _refusal(code: str) -> str:
    name = language_name(code)
    return (
        f"The embedded engine understands English only; it has no model for {name} ({code}). To transcribe {name}:\n"
        "  (1) set AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY (AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT names your "
        "deployment), or\n"
        '  (2) %pip install "rt-magic[whisper]", once rt_magic.Local.download("small") (about 0.5 GB), then '
        f"%%transcribe --service local --model small --lang {code}, or\n"
        f"  (3) use a model you have: %%transcribe --service local --model /path/to/model --lang {code}"
    )
