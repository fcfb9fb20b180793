"""Live transcription in a notebook cell: speak, read the words while they are said, compute with them after.

In a notebook:

    %load_ext rt_magic

    %%transcribe

In Python:

    import rt_magic as rt

    transcript = rt.transcribe("interview.flac")
    print(transcript.text)

Everything is imported when it is first used, so that `import rt_magic` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rt_magic.exceptions import (
    AudioError,
    AuthenticationError,
    ConfigurationError,
    LocalProtocolError,
    MicrophoneError,
    ProtocolError,
    RemoteProtocolError,
    RtMagicError,
    ServiceConnectionError,
    ServiceError,
)

if TYPE_CHECKING:
    from rt_magic import testing
    from rt_magic.batch import transcribe
    from rt_magic.checks import doctor
    from rt_magic.corpora import transcribe_files
    from rt_magic.recovery import recover
    from rt_magic.session.defaults import use
    from rt_magic.session.services import AzureOpenAI, Compatible, Local, OpenAI, VoiceLive
    from rt_magic.session.session import RealtimeSession
    from rt_magic.transcriber import Transcriber, transcripts
    from rt_magic.transcript.segments import Segment, Word
    from rt_magic.transcript.transcript import Transcript
    from rt_magic.widgets.microphone import Microphone
    from rt_magic.widgets.transcript_view import TranscriptView

__version__ = "0.1.0"

__all__ = [
    "AudioError",
    "AuthenticationError",
    "AzureOpenAI",
    "Compatible",
    "ConfigurationError",
    "Local",
    "LocalProtocolError",
    "Microphone",
    "MicrophoneError",
    "OpenAI",
    "ProtocolError",
    "RealtimeSession",
    "RemoteProtocolError",
    "RtMagicError",
    "Segment",
    "ServiceConnectionError",
    "ServiceError",
    "Transcriber",
    "Transcript",
    "TranscriptView",
    "VoiceLive",
    "Word",
    "doctor",
    "recover",
    "testing",
    "transcribe",
    "transcribe_files",
    "transcripts",
    "use",
]

_HOMES = {
    "AzureOpenAI": "rt_magic.session.services",
    "Compatible": "rt_magic.session.services",
    "Local": "rt_magic.session.services",
    "Microphone": "rt_magic.widgets.microphone",
    "OpenAI": "rt_magic.session.services",
    "RealtimeSession": "rt_magic.session.session",
    "Segment": "rt_magic.transcript.segments",
    "Transcriber": "rt_magic.transcriber",
    "Transcript": "rt_magic.transcript.transcript",
    "TranscriptView": "rt_magic.widgets.transcript_view",
    "VoiceLive": "rt_magic.session.services",
    "Word": "rt_magic.transcript.segments",
    "doctor": "rt_magic.checks",
    "recover": "rt_magic.recovery",
    "transcribe": "rt_magic.batch",
    "transcribe_files": "rt_magic.corpora",
    "transcripts": "rt_magic.transcriber",
    "use": "rt_magic.session.defaults",
}


def __getattr__(name: str) -> Any:
    if name == "testing":
        return import_module("rt_magic.testing")
    if name not in _HOMES:
        raise AttributeError(f"module 'rt_magic' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: Any) -> None:
    """Register `%transcribe` and `%%transcribe`; called by `%load_ext rt_magic`."""
    from rt_magic.extension import load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take the magics away and end what they started; called by `%unload_ext rt_magic`."""
    from rt_magic.extension import unload

    unload(ipython)
