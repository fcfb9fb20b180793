"""What each service wants to hear: URL, session configuration and abilities, as data.

Everything a session needs to know about a service's way of speaking the protocol stands here; adding a dialect is
adding one entry to `DIALECTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from rt_magic.wire.events import ErrorEvent

TurnDetection: TypeAlias = Literal["server", "semantic", "client", "off"]

PREFIX_PADDING_MS = 300
"""Audio kept before the start of speech, in ms: what we ask services for, and what client-side turns use."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of servers speaks."""

    name: str
    path: str
    query: str = ""
    fence: bool = False
    """True where `input_audio_buffer.clear` is answered strictly after all audio before it has been worked off."""


DIALECTS: dict[str, Dialect] = {
    "embedded": Dialect("embedded", "/v1/realtime", "intent=transcription", fence=True),
    "openai": Dialect("openai", "/v1/realtime", "intent=transcription"),
    "azure": Dialect("azure", "/openai/v1/realtime", "intent=transcription"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for, in the words of no service in particular."""

    model: str | None = None
    languages: tuple[str, ...] = ()
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    turn_detection: TurnDetection = "server"
    silence_ms: int = 500
    noise_reduction: Literal["near", "far"] | None = None
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the service said it does, read from `session.updated`."""

    model: str | None
    language: str | None
    server_turns: bool
    prefix_padding: float
    """Seconds before the speech that the service's start times include."""
    closing_silence: float
    """Seconds after the speech that the service's end times include."""
    expires_at: float | None
    """Unix time at which the service ends the connection."""


def session_update(wanted: Wanted) -> dict[str, Any]:
    """Return the body of a GA `session.update` for a transcription session.

    Turn detection is always sent, whole or as null: left out, a service falls back to cutting at 200 ms of silence.
    """
    transcription: dict[str, Any] = {}
    if wanted.model:
        transcription["model"] = wanted.model
    if len(wanted.languages) == 1:
        transcription["language"] = wanted.languages[0]
    elif wanted.languages:
        transcription["languages"] = list(wanted.languages)
    if wanted.prompt:
        transcription["prompt"] = wanted.prompt
    if wanted.keywords:
        transcription["keywords"] = list(wanted.keywords)
    turn_detection: dict[str, Any] | None = None
    if wanted.turn_detection == "server":
        turn_detection = {
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": PREFIX_PADDING_MS,
            "silence_duration_ms": wanted.silence_ms,
        }
    elif wanted.turn_detection == "semantic":
        turn_detection = {"type": "semantic_vad", "eagerness": "auto"}
    noise = {"type": f"{wanted.noise_reduction}_field"} if wanted.noise_reduction else None
    audio_input = {
        "format": {"type": "audio/pcm", "rate": 24000},
        "transcription": transcription,
        "turn_detection": turn_detection,
        "noise_reduction": noise,
    }
    body: dict[str, Any] = {"type": "transcription", "audio": {"input": audio_input}}
    if wanted.logprobs:
        body["include"] = ["item.input_audio_transcription.logprobs"]
    return body


def read_accepted(session: Mapping[str, Any]) -> Accepted:
    """Read the configuration in force from a session object, whatever of it is there."""
    audio = _mapping(_mapping(session.get("audio")).get("input"))
    transcription = _mapping(audio.get("transcription"))
    turns = _mapping(audio.get("turn_detection"))
    expires_at = session.get("expires_at")
    return Accepted(
        model=_text(transcription.get("model")),
        language=_text(transcription.get("language")),
        server_turns=bool(turns),
        prefix_padding=_number(turns.get("prefix_padding_ms")) / 1000,
        closing_silence=_number(turns.get("silence_duration_ms")) / 1000,
        expires_at=_number(expires_at) if expires_at else None,
    )


# Optional fields that a service may not know; each can be dropped without changing what the user gets to read.
_OPTIONAL: dict[str, dict[str, Any]] = {
    "keywords": {"keywords": ()},
    "prompt": {"prompt": None},
    "noise_reduction": {"noise_reduction": None},
    "include": {"logprobs": False},
}


def amend(wanted: Wanted, error: ErrorEvent) -> Wanted | None:
    """Return what to ask for instead after a refused `session.update`, or None where nothing can be given up.

    One refused field is dropped at a time, since one bad field voids the whole update.
    """
    field = (error.param or "").rsplit(".", 1)[-1]
    if field == "turn_detection" or "turn detection is not supported" in error.message.lower():
        return replace(wanted, turn_detection="client") if wanted.turn_detection in ("server", "semantic") else None
    if field in _OPTIONAL:
        amended = replace(wanted, **_OPTIONAL[field])
        return amended if amended != wanted else None
    if field == "languages" and len(wanted.languages) > 1:
        return replace(wanted, languages=wanted.languages[:1])
    if field == "language" and wanted.languages:
        short = wanted.languages[0].split("-")[0]
        return replace(wanted, languages=() if wanted.languages == (short,) else (short,))
    return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
