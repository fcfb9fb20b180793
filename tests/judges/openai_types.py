"""The GA events of the Realtime API as the official `openai` package types them, made strict.

The package's own reading is lenient: it accepts keys that it does not know and values of other types. Here each event
must be of the class that its `type` names, of exactly the right types, and without an unknown key at any depth but
those in `EXTRAS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from openai.types.realtime import RealtimeTranscriptionSessionCreateRequest
from openai.types.realtime.realtime_client_event import RealtimeClientEvent
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict


class Word(TypedDict):
    """A word of `completed.words`, our embedded server's extension, as Whisper names its parts."""

    word: str
    start: float
    end: float
    probability: Annotated[float, Field(ge=0, le=1)] | None


# The session in an answer has three keys that the package types only where a session is made over HTTP
# (RealtimeTranscriptionSessionCreateResponse); `words` is ours.
EXTRAS: dict[str, TypeAdapter[Any]] = {
    "session.id": TypeAdapter(str),
    "session.object": TypeAdapter(str),
    "session.expires_at": TypeAdapter(int),
    "words": TypeAdapter(list[Word]),
}
"""Keys beyond the package's types, and their own types: by path, in server events only."""


def judge_server_event(message: str) -> BaseModel:
    """Return a server's message as its class of `openai.types.realtime`; AssertionError if it is not quite that."""
    return _of_its_kind(judge(message, _SERVER_CLASSES, EXTRAS))


def judge_client_event(message: str) -> BaseModel:
    """Return a client's message as its class of `openai.types.realtime`; AssertionError if it is not quite that."""
    return _of_its_kind(judge(message, _CLIENT_CLASSES, {}))


def union_classes(union: Any) -> dict[str, type[BaseModel]]:
    """Return the classes of a union by the `type` of their events."""
    members = get_args(get_args(union)[0] if get_origin(union) is Annotated else union)
    return {get_args(member.model_fields["type"].annotation)[0]: member for member in members}


_SERVER_CLASSES = union_classes(RealtimeServerEvent)
_CLIENT_CLASSES = union_classes(RealtimeClientEvent)


def _of_its_kind(event: BaseModel) -> BaseModel:
    session = getattr(event, "session", None)
    if getattr(session, "type", None) == "transcription":
        # The union has a class for conversations too, which shares many keys.
        assert isinstance(session, RealtimeTranscriptionSessionCreateRequest)
    return event


def judge(message: str, classes: dict[str, type[BaseModel]], extras: dict[str, TypeAdapter[Any]]) -> BaseModel:
    """Return a message as its class; AssertionError for another type, a value of another type or an unknown key."""
    if not isinstance(message, str):
        raise AssertionError(f"a message must be text, got {message!r:.60}")
    body = json.loads(message)
    kind = classes.get(body.get("type"))
    if kind is None:
        raise AssertionError(f"{body.get('type')!r} is no event of the GA protocol: {message:.200}")
    try:
        event = kind.model_validate_json(message, strict=True)
        for path, value in _unknown(event, ""):
            if path not in extras:
                raise AssertionError(f"{kind.__name__} has no {path!r}: {message:.300}")
            extras[path].validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise AssertionError(f"not a {kind.__name__}: {error}\n{message:.300}") from error
    return event


def _unknown(value: object, path: str) -> Iterator[tuple[str, Any]]:
    """Yield path and value of every key that a class along the way does not know."""
    if isinstance(value, BaseModel):
        for key, extra in (value.model_extra or {}).items():
            yield f"{path}{key}", extra
        for key in type(value).model_fields:
            yield from _unknown(getattr(value, key), f"{path}{key}.")
    elif isinstance(value, list):
        for entry in value:
            yield from _unknown(entry, path)
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _unknown(entry, f"{path}{key}.")
