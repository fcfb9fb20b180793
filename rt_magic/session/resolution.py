"""Which service transcribes, why, and whether it can: decided before anything is opened."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from rt_magic.exceptions import ConfigurationError
from rt_magic.languages import language_name
from rt_magic.optional import extra
from rt_magic.session.addresses import split
from rt_magic.session.services import AzureOpenAI, Compatible, Local, OpenAI, Service, VoiceLive, is_azure
from rt_magic.shell import running_shell
from rt_magic.wire.dialects import DIALECTS
from rt_magic.wire.models import MODELS
from rt_magic.words import SERVICES


@dataclass(frozen=True, slots=True)
class Resolved:
    """A service and why it was chosen, as the end of the sentence "because …"."""

    service: Service
    reason: str
    note: str = ""
    """What else could be chosen."""
    warning: str = ""
    """Why it may not be what was meant."""


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
            return Resolved(_service(candidate, namespace or {}, environ), reason)
    if environ.get("AZURE_OPENAI_ENDPOINT"):
        return Resolved(AzureOpenAI(), "AZURE_OPENAI_ENDPOINT is set")
    note = ""
    if environ.get("OPENAI_API_KEY"):
        base = environ.get("OPENAI_BASE_URL")
        note = "OPENAI_API_KEY is set: --service openai uses it; audio then goes to "
        note += "the address in OPENAI_BASE_URL" if base else str(DIALECTS["openai"].host)
    warning = ""
    if environ.get("AZURE_OPENAI_API_KEY"):
        warning = "AZURE_OPENAI_API_KEY is set and AZURE_OPENAI_ENDPOINT is not: set that too, and Azure OpenAI is used"
    return Resolved(Local(), "no service is set", note, warning)


_OBJECT = "an object such as rt.AzureOpenAI(...)"


def _service(value: object, namespace: Mapping[str, Any], environ: Mapping[str, str]) -> Service:
    if isinstance(value, OpenAI):
        return value.meant
    if isinstance(value, Service):
        return value
    if not isinstance(value, str):
        raise ConfigurationError(
            f"{type(value).__name__} is not a service; give one of {', '.join(SERVICES)}, an address, or {_OBJECT}"
        )
    if value == "local":
        return Local()
    if value == "openai":
        base = environ.get("OPENAI_BASE_URL", "")
        if not is_azure(base):
            return OpenAI()
        return AzureOpenAI(base, api_key=environ.get("AZURE_OPENAI_API_KEY") or environ.get("OPENAI_API_KEY"))
    if value == "azure":
        return AzureOpenAI()
    if value == "voicelive":
        return VoiceLive()
    if "://" in value:
        return _addressed(value)
    if value in namespace:
        return _service(namespace[value], {}, environ)
    raise ConfigurationError(
        f"there is no service {value!r}; give one of {', '.join(SERVICES)}, an address, or the name of a "
        "variable that holds a service"
    )


def _addressed(address: str) -> Service:
    if not is_azure(address):
        return Compatible(address)
    return VoiceLive(address) if "voice-live" in split(address).path.split("/") else AzureOpenAI(address)


_allowed: list[Sequence[str]] = []


def allow(services: Sequence[str]) -> None:
    """Let only these services be used in this process, named as `azure` or by host; none: all that IPython's own
    configuration allows.
    """
    _allowed[:] = [tuple(services)] if services else []


def check_allowed(service: Service) -> None:
    """Raise ConfigurationError for a service that whoever runs this place does not allow."""
    allowed = _allowed[0] if _allowed else _configured()
    if allowed and not {service.name, service.host} & set(allowed):
        raise ConfigurationError(f"{service.name} is not among the services allowed here: {', '.join(allowed)}")


def _configured() -> Sequence[str]:
    """Return what IPython's configuration allows, whether or not the extension is loaded."""
    section = getattr(running_shell(), "config", {}).get("TranscribeMagics", {})
    return tuple(map(str, section.get("allowed_services") or ()))


def english_only(service: Local) -> bool:
    """Tell whether the embedded engine that this service chooses knows no language but English.

    Raises ConfigurationError, with the line that mends it, where its model is not on this machine.
    """
    if service.engine == "pocketsphinx" or find_spec("faster_whisper") is None:
        return True
    from rt_magic.local.recognizers import choose

    return bool(choose(service.engine, service.model).english_only)


def check_service(service: Service, languages: tuple[str, ...] = (), *, python: bool = False) -> None:
    """Raise ConfigurationError, with the ways out, if the service is not allowed or cannot do what is asked.

    The ways out are lines of a cell's magic; with `python` true they are arguments of a call.
    Looks at tables, the environment and what is installed; no model is loaded, nothing is started or opened.
    """
    if isinstance(service, Service):
        check_allowed(service)
    if isinstance(service, Service) and not isinstance(service, Local):
        service.check()
        return
    if not isinstance(service, Local):
        raise ConfigurationError(f"{service!r} is not a service; give {_OBJECT}")
    whisper = service.engine == "whisper" or (service.engine == "auto" and service.model is not None)
    if service.model in MODELS:  # by its whole name: a folder of one's own may be called after it
        how = 'service="openai"' if python else "--service openai"
        raise ConfigurationError(
            f"{service.model} is a hosted model, which the embedded engine lacks: name its service, {how} or azure"
        )
    if whisper and find_spec("faster_whisper") is None:
        raise ConfigurationError(f"the whisper engine is not installed; install it with: {extra('whisper')}")
    if not whisper and find_spec("pocketsphinx") is None and find_spec("faster_whisper") is None:
        raise ConfigurationError(_no_engine(sys.version_info[:2]))
    english = english_only(service)
    other = next((code for code in languages if code.split("-")[0] != "en"), None)
    if other is not None and english:
        if whisper:
            raise ConfigurationError(
                f"the model {service.model!r} understands English only; for {language_name(other)} leave .en away"
            )
        raise ConfigurationError(_refusal(other, python))


def _no_engine(python: tuple[int, int]) -> str:
    if python >= (3, 14):
        # There is no wheel of it, and the extra installs nothing then.
        return f"there is no embedded engine for Python {python[0]}.{python[1]} yet; use Python 3.13, or: " + extra(
            "whisper"
        )
    return f"there is no speech engine on this machine; install one with: {extra('local')}"


def _refusal(code: str, python: bool) -> str:
    name = language_name(code)
    if python:
        azure, openai = (f'language="{code}", service="{chosen}"' for chosen in ("azure", "openai"))
        small, own = (f'language="{code}", service=rt_magic.Local(model="{model}")' for model in _MODELS)
        address = 'service="ADDRESS"'
    else:
        azure, openai = (f"%%transcribe --service {chosen} --lang {code}" for chosen in ("azure", "openai"))
        small, own = (f"%%transcribe --service local --model {model} --lang {code}" for model in _MODELS)
        address = "--service ADDRESS"
    if os.environ.get("AZURE_OPENAI_ENDPOINT"):
        azure = f"{azure}, since AZURE_OPENAI_ENDPOINT is set"
    else:
        azure = (
            "set AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY (AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT names your "
            "deployment)"
        )
    return (
        f"The embedded engine understands English only; it has no model for {name} ({code}). To transcribe {name}:\n"
        f"  (1) {azure}, or\n"
        f'  (2) {extra("whisper")}, once rt_magic.Local.download("small") (about 0.5 GB), then {small}, or\n'
        f"  (3) use a model you have: {own}, or\n"
        f"  (4) with OPENAI_API_KEY set: {openai}; or {address} of a server"
    )


_MODELS = "small", "/path/to/model"
"""One that can be fetched, and one of the user's own."""
