"""The flat events of the Realtime API's beta as the official `openai` package types them, made strict."""

from __future__ import annotations

from typing import Any

from openai.types.beta.realtime.realtime_client_event import RealtimeClientEvent
from openai.types.beta.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter

from tests.judges.openai_types import judge, union_classes

EXTRAS: dict[str, TypeAdapter[Any]] = {
    "session.id": TypeAdapter(str),
    "session.expires_at": TypeAdapter(int),
}
"""Keys of a session in an answer that the package has only where it is made over HTTP."""

_CLIENT_CLASSES = union_classes(RealtimeClientEvent)
_SERVER_CLASSES = union_classes(RealtimeServerEvent)


def judge_client_event(message: str) -> BaseModel:
    """Return a client's message as its class of the beta's types; AssertionError if it is not quite that."""
    return judge(message, _CLIENT_CLASSES, {})


def judge_server_event(message: str) -> BaseModel:
    """Return a server's message as its class of the beta's types; AssertionError if it is not quite that."""
    return judge(message, _SERVER_CLASSES, EXTRAS)
