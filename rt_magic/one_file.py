"""One file of many, in whichever process it is done: what goes there, and what comes back."""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass, replace
from typing import Any

from rt_magic.audio.decoding import AudioSource
from rt_magic.audio.files import open_audio
from rt_magic.batch import Options, Transcription
from rt_magic.exceptions import ConfigurationError, RtMagicError
from rt_magic.pacing import Why
from rt_magic.portal import portal
from rt_magic.secrets import redact
from rt_magic.session.services import AzureOpenAI, Local, OpenAI, Service, VoiceLive
from rt_magic.session.yielding import NoConnection, YieldingSession
from rt_magic.threads import in_thread
from rt_magic.transcript.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file, in a form that can travel; with `why` it had no connection, and `error` is of all."""

    transcript: Transcript | None = None
    error: RtMagicError | None = None
    why: Why | None = None
    retry_after: float | None = None


def transcribe_one(path: str, options: Options, attempt: int) -> Outcome:
    """Transcribe one file in the process that this is called in; never raises what is the file's or the service's."""
    return portal().run(_transcribe(path, options)).result()


def submit_here(function: object, path: str, options: Options, attempt: int) -> Any:
    """Begin a file on this process's own loop, as an executor begins `function`; return its future."""
    return portal().run(_transcribe(path, options))


async def _transcribe(path: str, options: Options) -> Outcome:
    def look_at() -> AudioSource:
        return open_audio(path, start=options.start, stop=options.stop)

    try:
        audio = await in_thread(look_at)
        return Outcome(await Transcription(audio, options, YieldingSession).run())
    except NoConnection as none:
        return Outcome(None, none.error, none.why, none.retry_after)
    except RtMagicError as error:
        return Outcome(None, error)
    except Exception as error:
        return Outcome(None, raised(error))


def raised(error: BaseException) -> RtMagicError:
    """Return what an executor or a library raised as an error of the file, without secrets."""
    return RtMagicError(redact(f"{type(error).__name__}: {error}"))


def settings_of(options: Options) -> dict[str, Any]:
    """Return all that the words depend on, as plain values; no key, no credential, no speed."""
    service = options.service
    who = {"name": service.name, "host": service.host, "voice_model": service.voice_model}
    if isinstance(service, Local):
        who |= {"engine": service.engine, "model": service.model}
    else:
        who |= {"model": service.transcriber()}
    names = ("language", "model", "prompt", "keywords", "turn_detection", "silence_ms", "noise_reduction")
    return {"service": who} | {name: getattr(options, name) for name in (*names, "channels", "start", "stop")}


def portable(service: Service) -> Service:
    """Return a service for other processes: what this environment says of it is kept, save keys.

    Raises ConfigurationError for a credential that cannot travel.
    """
    if isinstance(service, AzureOpenAI):
        service = replace(
            service,
            endpoint=service._base,
            model=service.transcriber(),
            realtime_model=service.voice_model,
        )
    elif isinstance(service, VoiceLive):
        service = service.pinned()
    elif isinstance(service, OpenAI):
        service = replace(service, base_url=service._base, model=service.transcriber())
    try:
        (sys.modules.get("cloudpickle") or pickle).dumps(service)
    except Exception as error:
        raise ConfigurationError(
            f"the credential cannot be sent to other processes ({type(error).__name__}: {redact(str(error))}); leave "
            "it out, so that each worker signs in by itself, or give a function of a module that returns a token"
        ) from None
    return service
