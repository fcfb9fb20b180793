"""The session object as a server keeps it: what it may hold, defaults, and updates merged in or refused as a whole.

The schemas are those of the official packages, as named at each.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from rt_magic.wire.dialects import DIALECTS, Dialect, Kind
from rt_magic.wire.events import ClientEventError, Json
from rt_magic.wire.merging import Fields, Flag, Number, Refused, Rule, Text, Texts, merge

_INCLUDE = Texts(("item.input_audio_transcription.logprobs",))
_TURNS: Mapping[str, Rule] = {
    "threshold": Number(0, 1, whole=False),
    "prefix_padding_ms": Number(0, 60_000),
    "silence_duration_ms": Number(0, 60_000),
}


def _audio(turn_detection: Fields, lowest_rate: int = 24000) -> Fields:
    return Fields(
        {
            "input": Fields(
                {
                    "format": Fields(
                        {"type": Text(("audio/pcm",)), "rate": Number(lowest_rate, 24000)}, required=("type",)
                    ),
                    "transcription": Fields(
                        {
                            "model": Text(),
                            "language": Text(),
                            "languages": Texts(),
                            "prompt": Text(),
                            "keywords": Texts(),
                            "delay": Text(("minimal", "low", "medium", "high", "xhigh")),
                        },
                        nullable=True,
                    ),
                    "turn_detection": turn_detection,
                    "noise_reduction": Fields(
                        {"type": Text(("near_field", "far_field")), "strength": Number(0, 10, whole=False)},
                        nullable=True,
                        required=("type",),
                        whole=True,
                    ),
                }
            )
        }
    )


TRANSCRIPTION_SESSION = Fields(
    required=("type",),
    fields={
        "type": Text(("transcription",)),
        "include": _INCLUDE,
        "audio": _audio(Fields({"type": Text(("server_vad",)), **_TURNS}, nullable=True, required=("type",))),
    },
)

REALTIME_SESSION = Fields(
    required=("type",),
    fields={
        "type": Text(("realtime",)),
        "include": _INCLUDE,
        "output_modalities": Texts(("text", "audio")),
        "instructions": Text(),
        "audio": _audio(
            Fields(
                {
                    "type": Text(("server_vad", "semantic_vad")),
                    **_TURNS,
                    "eagerness": Text(("low", "medium", "high", "auto")),
                    "create_response": Flag(),
                    "interrupt_response": Flag(),
                },
                nullable=True,
                required=("type",),
            )
        ),
    },
)

MAI_SESSION = Fields(
    required=("type",),
    fields={"type": Text(("transcription",)), "audio": _audio(Fields({}, nullable=True), 16000)},
)
"""MAI-Transcribe-2-Streaming: of turn detection only null."""

_FLAT_TURNS = Fields(
    {
        "type": Text(("server_vad", "semantic_vad")),
        **_TURNS,
        "eagerness": Text(("low", "medium", "high", "auto")),
        "create_response": Flag(),
        "interrupt_response": Flag(),
    },
    nullable=True,
    required=("type",),
)
_FLAT: Mapping[str, Rule] = {
    "modalities": Texts(("text", "audio")),
    "instructions": Text(),
    "include": _INCLUDE,
    "input_audio_format": Text(("pcm16", "g711_ulaw", "g711_alaw")),
    "input_audio_transcription": Fields({"model": Text(), "language": Text(), "prompt": Text()}, nullable=True),
    "input_audio_noise_reduction": Fields(
        {"type": Text(("near_field", "far_field"))}, nullable=True, required=("type",), whole=True
    ),
    "turn_detection": _FLAT_TURNS,
}

FLAT_SESSION = Fields(_FLAT)
"""The beta's sessions (`openai.types.beta.realtime`), of either kind."""

_VOICE_LIVE_TURNS = ("server_vad", "semantic_vad", "azure_semantic_vad", "azure_semantic_vad_multilingual")
VOICE_LIVE_SESSION = Fields(
    {
        **_FLAT,
        "model": Text(),
        "include": Texts((*_INCLUDE.choices, "item.input_audio_transcription.phrases")),
        "input_audio_sampling_rate": Number(8000, 24000),
        "input_audio_transcription": Fields(
            {"model": Text(), "language": Text(), "prompt": Text(), "phrase_list": Texts()}, nullable=True
        ),
        "input_audio_noise_reduction": Fields(
            {"type": Text(("azure_deep_noise_suppression", "near_field", "far_field"))},
            nullable=True, required=("type",), whole=True,
        ),
        "input_audio_echo_cancellation": Fields(
            {"type": Text(("server_echo_cancellation",))}, nullable=True, required=("type",), whole=True
        ),
        "turn_detection": Fields(
            {
                **_FLAT_TURNS.fields,
                "type": Text(_VOICE_LIVE_TURNS),
                "speech_duration_ms": Number(0, 60_000),
                "remove_filler_words": Flag(),
                "languages": Texts(),
                "auto_truncate": Flag(),
            },
            nullable=True, required=("type",),
        ),
    }
)  # fmt: skip
"""What of Azure Voice Live's session concerns hearing (`azure.ai.voicelive.models.RequestSession`)."""

BARE_SESSION = Fields({"model": Text()}, nullable=True)
"""vLLM's only setting."""

TURN_DETECTION_DEFAULTS: Mapping[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
}


def schema_of(dialect: Dialect, kind: Kind) -> Fields:
    """Return what a session of a dialect may hold."""
    if dialect.name == "mai":
        return MAI_SESSION
    if dialect.shape == "nested":
        return TRANSCRIPTION_SESSION if kind == "transcription" else REALTIME_SESSION
    return BARE_SESSION if dialect.shape == "bare" else VOICE_LIVE_SESSION if dialect.voice else FLAT_SESSION


def default_session(
    model: str | None = None, *, kind: Kind = "transcription", dialect: Dialect = DIALECTS["openai"]
) -> Json:
    """Return the session as it is before any update: server turn detection; a voice model answers."""
    turns = dict(TURN_DETECTION_DEFAULTS)
    transcription = {"model": model} if model else None
    if dialect.shape == "bare":
        return {"model": model} if model else {}
    if dialect.shape == "flat":
        answers = {"create_response": True, "interrupt_response": True} if dialect.voice else {}
        session: Json = {"modalities": ["text", "audio"]} if dialect.voice else {}
        return session | {
            "input_audio_format": "pcm16",
            "input_audio_transcription": transcription,
            "input_audio_noise_reduction": None,
            "turn_detection": turns | answers,
        }
    audio_input: Json = {
        "format": {"type": "audio/pcm", "rate": dialect.rate},
        "transcription": transcription,
        "noise_reduction": None,
        "turn_detection": turns if dialect.turns else None,
    }
    if kind == "transcription":
        return {"type": kind, "audio": {"input": audio_input}}
    audio_input["turn_detection"] |= {"create_response": True, "interrupt_response": True}
    return {"type": kind, "output_modalities": ["audio"], "audio": {"input": audio_input}}


def merge_session(
    current: Json,
    update: Mapping[str, Any],
    event_id: str | None = None,
    *,
    unknown: frozenset[str] = frozenset(),
    dialect: Dialect = DIALECTS["openai"],
) -> Json:
    """Return `current` with `update` merged in; raises ClientEventError and changes nothing if any of it is wrong.

    `unknown` holds the paths of fields that this server is too old to know.
    """
    kind: Kind = current.get("type", "transcription")
    try:
        if dialect.shape == "nested" and update.get("type") in ("transcription", "realtime") and update["type"] != kind:
            message = f"Passing a {update['type']} session update event to a {kind} session is not allowed."
            raise Refused("invalid_parameter", "session.type", message)
        merged: Json = merge(schema_of(dialect, kind), copy.deepcopy(current), update, "session", unknown)
    except Refused as refusal:
        raise ClientEventError(refusal.message, code=refusal.code, param=refusal.param, event_id=event_id) from None
    audio = merged["audio"]["input"] if dialect.shape == "nested" else merged
    turns = audio.get("turn_detection")
    if turns is not None and turns["type"] == "semantic_vad":
        audio["turn_detection"] = {key: turns[key] for key in turns if key not in _TURNS}
    elif turns is not None:
        audio["turn_detection"] = {**TURN_DETECTION_DEFAULTS, **turns}
    return merged
