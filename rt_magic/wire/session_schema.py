"""The session object as a server keeps it: defaults, and updates merged in or refused as a whole.

The schema is that of a GA transcription session (`openai.types.realtime.RealtimeTranscriptionSessionCreateRequest`);
merging follows the services: a field left out keeps its value, null switches off, one bad field voids the update.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from rt_magic.wire.dialects import Kind
from rt_magic.wire.events import ClientEventError, Json


@dataclass(frozen=True, slots=True)
class Text:
    """Any string, or one of `choices`."""

    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `low` to `high`, whole if `whole`."""

    low: float
    high: float
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of strings, each one of `choices` if there are any."""

    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with these fields; `nullable` where null switches it off, `required` fields must come with it."""

    fields: Mapping[str, Rule]
    nullable: bool = False
    required: tuple[str, ...] = ()
    whole: bool = False
    """True where an update replaces the object instead of being merged into it."""


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""


Rule: TypeAlias = Text | Number | Texts | Flag | Fields

_INCLUDE = Texts(("item.input_audio_transcription.logprobs",))
_TURNS: Mapping[str, Rule] = {
    "threshold": Number(0, 1, whole=False),
    "prefix_padding_ms": Number(0, 60_000),
    "silence_duration_ms": Number(0, 60_000),
}


def _audio(turn_detection: Fields) -> Fields:
    return Fields(
        {
            "input": Fields(
                {
                    "format": Fields({"type": Text(("audio/pcm",)), "rate": Number(24000, 24000)}, required=("type",)),
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

TURN_DETECTION_DEFAULTS: Mapping[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
}


def default_session(model: str | None = None, *, kind: Kind = "transcription") -> Json:
    """Return the session as it is before any update: 24 kHz PCM, server turn detection; a voice model answers."""
    audio_input: Json = {
        "format": {"type": "audio/pcm", "rate": 24000},
        "transcription": {"model": model} if model else None,
        "noise_reduction": None,
        "turn_detection": dict(TURN_DETECTION_DEFAULTS),
    }
    if kind == "transcription":
        return {"type": kind, "audio": {"input": audio_input}}
    audio_input["turn_detection"] |= {"create_response": True, "interrupt_response": True}
    return {"type": kind, "output_modalities": ["audio"], "audio": {"input": audio_input}}


def merge_session(
    current: Json, update: Mapping[str, Any], event_id: str | None = None, *, unknown: frozenset[str] = frozenset()
) -> Json:
    """Return `current` with `update` merged in; raises ClientEventError and changes nothing if any of it is wrong.

    `unknown` holds the paths of fields that this server is too old to know.
    """
    try:
        kind = current["type"]
        if update.get("type") in ("transcription", "realtime") and update["type"] != kind:
            message = f"Passing a {update['type']} session update event to a {kind} session is not allowed."
            raise _Refused("invalid_parameter", "", message)
        schema = TRANSCRIPTION_SESSION if kind == "transcription" else REALTIME_SESSION
        merged: Json = _merge(schema, copy.deepcopy(current), update, "session", unknown)
    except _Refused as refusal:
        raise ClientEventError(refusal.message, code=refusal.code, param=refusal.param, event_id=event_id) from None
    turns = merged["audio"]["input"]["turn_detection"]
    if turns is not None and turns["type"] == "semantic_vad":
        merged["audio"]["input"]["turn_detection"] = {key: turns[key] for key in turns if key not in _TURNS}
    elif turns is not None:
        merged["audio"]["input"]["turn_detection"] = {**TURN_DETECTION_DEFAULTS, **turns}
    return merged


class _Refused(Exception):
    def __init__(self, code: str, param: str, message: str) -> None:
        super().__init__(message)
        self.code, self.param, self.message = code, param, message


def _merge(rule: Rule, current: Any, value: Any, path: str, unknown: frozenset[str]) -> Any:
    if isinstance(rule, Fields):
        return _merge_fields(rule, current, value, path, unknown)
    if isinstance(rule, Text):
        if not isinstance(value, str):
            raise _invalid_type(path, "a string", value)
        _check_choice(rule.choices, value, path)
    elif isinstance(rule, Texts):
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise _invalid_type(path, "an array of strings", value)
        for index, entry in enumerate(value):
            _check_choice(rule.choices, entry, f"{path}[{index}]")
    elif isinstance(rule, Flag):
        if not isinstance(value, bool):
            raise _invalid_type(path, "a boolean", value)
    else:
        kinds = int if rule.whole else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise _invalid_type(path, "an integer" if rule.whole else "a number", value)
        if not rule.low <= value <= rule.high:
            bounds = f"between {rule.low:g} and {rule.high:g}"
            raise _Refused(
                "invalid_value",
                path,
                f"Invalid value for '{path}': expected a value {bounds}, but got {value} instead.",
            )
    return value


def _merge_fields(rule: Fields, current: Any, value: Any, path: str, unknown: frozenset[str]) -> Any:
    if value is None and rule.nullable:
        return None
    if not isinstance(value, Mapping):
        raise _invalid_type(path, "an object", value)
    merged: Json = dict(current) if isinstance(current, dict) and not rule.whole else {}
    for key in rule.required:
        if key not in value:
            raise _Refused(
                "missing_required_parameter", f"{path}.{key}", f"Missing required parameter: '{path}.{key}'."
            )
    for key, entry in value.items():
        inner = rule.fields.get(key)
        if inner is None or f"{path}.{key}" in unknown:
            raise _Refused("unknown_parameter", f"{path}.{key}", f"Unknown parameter: '{path}.{key}'.")
        merged[key] = _merge(inner, merged.get(key), entry, f"{path}.{key}", unknown)
    return merged


def _check_choice(choices: tuple[str, ...], value: str, path: str) -> None:
    if choices and value not in choices:
        known = ", ".join(f"'{choice}'" for choice in choices)
        raise _Refused("invalid_value", path, f"Invalid value: '{value}'. Supported values are: {known}.")


def _invalid_type(path: str, expected: str, value: object) -> _Refused:
    got = "null" if value is None else type(value).__name__
    return _Refused("invalid_type", path, f"Invalid type for '{path}': expected {expected}, but got {got} instead.")
