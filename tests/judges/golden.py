"""Messages of dialects that no package types: what may stand in each, from the public source that is named.

A message is right if it has exactly these keys and each value is as the entry says: a type, or one of some values.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Rule: TypeAlias = type | tuple[Any, ...] | Mapping[str, Any] | Callable[[Any], bool]


def samples(value: Any) -> bool:
    """Tell whether this is base64 of whole 16-bit samples, and not of nothing."""
    pcm = base64.b64decode(value, validate=True)
    return len(pcm) > 0 and len(pcm) % 2 == 0


# github.com/vllm-project/vllm, vllm/entrypoints/openai/realtime/protocol.py and connection.py (`session.update` has its
# model beside the type; `commit` takes `final`), and examples/online_serving/openai_realtime_client.py.
VLLM_CLIENT: Mapping[str, Mapping[str, Rule]] = {
    "session.update": {"model": (None, str)},
    "input_audio_buffer.append": {"audio": samples},
    "input_audio_buffer.commit": {"final": (True, False)},
}
VLLM_SERVER: Mapping[str, Mapping[str, Rule]] = {
    "session.created": {"id": str, "created": int},
    "transcription.delta": {"delta": str},
    "transcription.done": {"text": str, "usage": (None, dict)},
    "error": {"error": str, "code": (None, str)},
}

# learn.microsoft.com/azure/ai-services/speech-service/mai-transcribe-2-streaming-realtime (2026-09-30): the settings
# of its quickstart, and nothing else, since there is neither turn detection nor noise reduction.
MAI_CLIENT: Mapping[str, Mapping[str, Rule]] = {
    "session.update": {
        "event_id": str,
        "session": {
            "type": ("transcription",),
            "audio": {
                "input": {
                    "format": {"type": ("audio/pcm",), "rate": (16000, 24000)},
                    "transcription": {"model": str, "language?": str},
                    "turn_detection": (None,),
                }
            },
        },
    },
    "input_audio_buffer.append": {"audio": samples},
    "input_audio_buffer.commit": {"event_id": str},
}


def judge(message: str, rules: Mapping[str, Mapping[str, Rule]]) -> dict[str, Any]:
    """Return a message as an object; AssertionError if it is none of these, lacks a key or has one too many."""
    body: dict[str, Any] = json.loads(message)
    if body.get("type") not in rules:
        raise AssertionError(f"{body.get('type')!r} is no event of this dialect: {message:.200}")
    _compare({key: value for key, value in body.items() if key != "type"}, rules[body["type"]], body["type"])
    return body


def _compare(body: Any, rules: Mapping[str, Rule], path: str) -> None:
    if not isinstance(body, dict):
        raise AssertionError(f"{path} must be an object, got {body!r}")
    known = {key.rstrip("?"): (key, rule) for key, rule in rules.items()}
    for key in body:
        if key not in known:
            raise AssertionError(f"{path} has no {key!r}")
    for key, (spelt, rule) in known.items():
        if key not in body:
            if not spelt.endswith("?"):
                raise AssertionError(f"{path} lacks {key!r}")
            continue
        value, place = body[key], f"{path}.{key}"
        if isinstance(rule, Mapping):
            _compare(value, rule, place)
        elif isinstance(rule, type):
            right = type(value) is rule
            if not right:
                raise AssertionError(f"{place} must be {rule.__name__}, got {value!r:.60}")
        elif isinstance(rule, tuple):
            if not any(type(value) is one if isinstance(one, type) else value == one for one in rule):
                raise AssertionError(f"{place} cannot be {value!r:.60}")
        elif not rule(value):
            raise AssertionError(f"{place} is not right: {value!r:.60}")
