"""What each service wants to hear: URL, session configuration and abilities, as data.

Everything a session needs to know about a service's way of speaking the protocol stands here; adding a dialect is
adding one entry to `DIALECTS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from rt_magic.wire.events import ErrorEvent

TurnDetection: TypeAlias = Literal["server", "semantic", "client", "off"]
Kind: TypeAlias = Literal["transcription", "realtime"]

PREFIX_PADDING_MS = 300
"""Audio kept before the start of speech, in ms: what we ask services for, and what client-side turns use."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of servers speaks."""

    name: str
    path: str
    host: str | None = None
    """Where the service is unless an address says otherwise."""
    fence: bool = False
    """True where `input_audio_buffer.clear` is answered strictly after all audio before it has been worked off."""

    def target(self, kind: Kind = "transcription", voice_model: str | None = None) -> str:
        """Return path and query: a transcription session names no model there, a voice session must."""
        query = "intent=transcription" if kind == "transcription" else f"model={quote(voice_model or '', safe='')}"
        return f"{self.path}?{query}"


DIALECTS: dict[str, Dialect] = {
    "embedded": Dialect("embedded", "/v1/realtime", fence=True),
    "openai": Dialect("openai", "/v1/realtime", host="api.openai.com"),
    "azure": Dialect("azure", "/openai/v1/realtime"),
}

SCOPES = ("https://ai.azure.com/.default", "https://cognitiveservices.azure.com/.default")
"""Audiences of an Entra ID token: the one documented today, and the older one that some resources still want."""

_WRONG_MODEL = re.compile(r"op+erationnotsupported|\bmodel\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to open a connection: the kind of session, and which audience a token is asked for."""

    kind: Kind = "transcription"
    scope: str = SCOPES[0]


def next_rung(
    rung: Rung, status: int, body: str, *, token: bool, voice_model: bool, scopes: tuple[str, ...]
) -> Rung | None:
    """Return what to try after a refused handshake, or None where nothing else can work.

    `token` says that a token was sent, whose audience may have been the wrong one; `voice_model` that a voice
    deployment is known, in whose session transcription can be switched on.
    """
    if status == 401 and token and rung.scope != scopes[-1]:
        return replace(rung, scope=scopes[scopes.index(rung.scope) + 1])
    unknown = status == 404 or (status == 400 and _WRONG_MODEL.search(body) is not None)
    if unknown and voice_model and rung.kind == "transcription":
        return replace(rung, kind="realtime")
    return None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for, in the words of no service in particular."""

    kind: Kind = "transcription"
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
    """Return the body of a GA `session.update`.

    Turn detection is always sent, whole or as null: left out, a service falls back to cutting at 200 ms of silence.
    A voice session is told in every way there is not to answer, since answers are paid for and nobody hears them.
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
    if turn_detection is not None and wanted.kind == "realtime":
        turn_detection |= {"create_response": False, "interrupt_response": False}
    audio_input: dict[str, Any] = {
        "format": {"type": "audio/pcm", "rate": 24000},
        "transcription": transcription,
        "turn_detection": turn_detection,
    }
    if wanted.noise_reduction:  # off is the default everywhere, and not every server knows the word
        audio_input["noise_reduction"] = {"type": f"{wanted.noise_reduction}_field"}
    body: dict[str, Any] = {"type": wanted.kind, "audio": {"input": audio_input}}
    if wanted.kind == "realtime":
        body |= {"output_modalities": ["text"], "instructions": "Do not answer."}
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


def read_kind(session: Mapping[str, Any]) -> Kind | None:
    """Return what kind of session the service has opened, where its first frame says so."""
    kind = session.get("type")
    return "transcription" if kind == "transcription" else "realtime" if kind == "realtime" else None


_OPTIONAL: Mapping[str, Mapping[str, Any]] = {
    "keywords": {"keywords": ()},
    "prompt": {"prompt": None},
    "noise_reduction": {"noise_reduction": None},
    "include": {"logprobs": False},
    "turn_detection": {"turn_detection": "client"},
    "to transcription": {"kind": "transcription"},
    "to realtime": {"kind": "realtime"},
}
"""What to ask for instead where a field is refused; none of it changes what the user gets to read."""


def refused_field(error: ErrorEvent) -> str:
    """Return which part of an update an error is about, from its `param` or its words."""
    message = error.message.lower()
    if "turn detection is not supported" in message:
        return "turn_detection"
    if "passing a transcription session update" in message:
        return "to realtime"
    if "passing a realtime session update" in message:
        return "to transcription"
    parts = (error.param or "").split(".")
    return next((part for part in reversed(parts) if part in (*_OPTIONAL, "language", "languages")), parts[-1])


def give_up(wanted: Wanted, field: str) -> Wanted | None:
    """Return what to ask for without a refused field, or None where nothing is left to give up.

    One field at a time, since one bad field voids the whole update.
    """
    if field == "languages" and len(wanted.languages) > 1:
        return replace(wanted, languages=wanted.languages[:1])
    if field == "language" and wanted.languages:
        short = wanted.languages[0].split("-")[0]
        return replace(wanted, languages=() if wanted.languages == (short,) else (short,))
    if field not in _OPTIONAL or (field == "turn_detection" and wanted.turn_detection in ("client", "off")):
        return None
    changed = replace(wanted, **_OPTIONAL[field])
    return changed if changed != wanted else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1e12
    return float(value) if known else 0.0  # type: ignore[arg-type]  # `known` says that it is a number
