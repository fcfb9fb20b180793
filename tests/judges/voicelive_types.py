"""The events of Azure Voice Live as the official `azure-ai-voicelive` package has them, made strict.

Its constructors accept anything, so keys are compared with the fields of its classes, at every depth, and values that
can only be one of some words with those.
"""

from __future__ import annotations

import json
from typing import Any

from azure.ai.voicelive import models
from azure.ai.voicelive._utils.model_base import Model

EXTRAS = frozenset({"session.input_audio_transcription.prompt"})
"""Keys that Microsoft's how-to documents and the package (1.3.1) does not have: by path."""

WORDS = {
    "modalities": {word.value for word in models.Modality},
    "include": {word.value for word in models.SessionIncludeOption},
    "input_audio_format": {word.value for word in models.InputAudioFormat},
    "turn_detection.type": {word.value for word in models.TurnDetectionType},
    "input_audio_noise_reduction.type": {"azure_deep_noise_suppression", "near_field", "far_field"},
    "input_audio_echo_cancellation.type": {"server_echo_cancellation"},
}
"""What a value can be, where the package names all there is: by path in the session."""


def judge_client_event(message: str) -> Model:
    """Return a client's message as its class of the package; AssertionError if it is not quite that."""
    return _judge(message, models.ClientEvent)


def judge_server_event(message: str) -> Model:
    """Return a server's message as its class of the package; AssertionError if it is not quite that."""
    return _judge(message, models.ServerEvent)


def _judge(message: str, union: Any) -> Model:
    body = json.loads(message)
    kind = union.__mapping__.get(body.get("type"))
    if kind is None:
        raise AssertionError(f"{body.get('type')!r} is no event of Voice Live: {message:.200}")
    event = kind._deserialize(body, [])
    _compare(event, body, "")
    for path, words in WORDS.items():
        for word in _values(body.get("session") or {}, path.split(".")):
            if word not in words:
                raise AssertionError(f"session.{path} cannot be {word!r}")
    return event  # type: ignore[no-any-return]


def _compare(model: Any, body: dict[str, Any], path: str) -> None:
    """Hold every key of a JSON object against the fields of its class, and do so for what is in it."""
    fields = {field._rest_name: name for name, field in type(model)._attr_to_rest_field.items()}
    for key, value in body.items():
        if f"{path}{key}" in EXTRAS:
            continue
        if key not in fields:
            raise AssertionError(f"{type(model).__name__} has no {path}{key!r}: {json.dumps(body):.300}")
        inner = getattr(model, fields[key])
        pairs = zip(inner, value, strict=True) if isinstance(inner, list) else [(inner, value)]
        for one, other in pairs:
            if isinstance(one, Model):
                _compare(one, other, f"{path}{key}.")
            elif isinstance(other, dict):
                raise AssertionError(f"{path}{key} is no object of the package: {json.dumps(body):.300}")


def _values(body: Any, path: list[str]) -> list[Any]:
    value = body.get(path[0]) if isinstance(body, dict) else None
    if value is None:
        return []
    if len(path) > 1:
        return _values(value, path[1:])
    return value if isinstance(value, list) else [value]
