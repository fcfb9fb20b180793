"""What a client says, read as a server does: what is wrong with it is said in the words of the services."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from rt_magic.exceptions import RemoteProtocolError
from rt_magic.wire import fields
from rt_magic.wire.events import (
    AppendAudio,
    CancelResponse,
    ClearAudio,
    ClientEvent,
    ClientEventError,
    CommitAudio,
    DeleteItem,
    Json,
    SessionUpdate,
)


def decode_client(message: str | bytes, *, update: str = "session.update", bare: bool = False) -> ClientEvent:
    """Read one message of a client, as a server does.

    `update` is what the server calls the event with settings; `bare`: they stand in the event itself.

    Raises RemoteProtocolError; its `code` and `param` attributes carry what a service would answer.
    """
    if isinstance(message, bytes):
        raise ClientEventError("Expected a text WebSocket message.", code="invalid_event")
    try:
        body = fields.parse(message)
    except RemoteProtocolError as error:
        raise ClientEventError(str(error), code="invalid_json") from error
    event_id = body.get("event_id")
    if event_id is not None and (not isinstance(event_id, str) or len(event_id) > 512):
        raise ClientEventError(
            "'event_id' must be a string of at most 512 characters.", code="invalid_value", param="event_id"
        )
    if bare and body["type"] == update:
        return SessionUpdate({key: value for key, value in body.items() if key != "type"}, event_id, bare=True)
    decoders = {update: _decode_session_update, **_CLIENT_DECODERS}
    decoder = decoders.get(body["type"])
    if decoder is None:
        known = ", ".join(repr(name) for name in decoders)
        raise ClientEventError(
            f"Invalid value: {body['type']!r:.80}. Supported values are: {known}.",
            code="invalid_value",
            param="type",
            event_id=event_id,
        )
    try:
        return decoder(body, event_id)
    except _MissingError as error:
        raise ClientEventError(
            f"Missing required parameter: '{error}'.",
            code="missing_required_parameter",
            param=str(error),
            event_id=event_id,
        ) from None
    except _InvalidError as error:
        raise ClientEventError(
            f"Invalid value for '{error}'.", code="invalid_type", param=str(error), event_id=event_id
        ) from None


class _MissingError(Exception):
    pass


class _InvalidError(Exception):
    pass


def _decode_session_update(body: Json, event_id: str | None) -> SessionUpdate:
    if "session" not in body:
        raise _MissingError("session")
    if not isinstance(body["session"], dict):
        raise _InvalidError("session")
    return SessionUpdate(body["session"], event_id, body["type"])


def _decode_append(body: Json, event_id: str | None) -> AppendAudio:
    audio = body.get("audio")
    if audio is None:
        raise _MissingError("audio")
    if not isinstance(audio, str):
        raise _InvalidError("audio")
    try:
        return AppendAudio(base64.b64decode(audio, validate=True), event_id)
    except (binascii.Error, ValueError):
        raise _InvalidError("audio") from None


def _decode_commit(body: Json, event_id: str | None) -> CommitAudio:
    final = body.get("final")
    return CommitAudio(event_id, final if isinstance(final, bool) else None)


def _decode_delete(body: Json, event_id: str | None) -> DeleteItem:
    if not isinstance(body.get("item_id"), str):
        raise _MissingError("item_id")
    return DeleteItem(body["item_id"], event_id)


_CLIENT_DECODERS: dict[str, Callable[[Json, str | None], ClientEvent]] = {
    "input_audio_buffer.append": _decode_append,
    "input_audio_buffer.commit": _decode_commit,
    "input_audio_buffer.clear": lambda _, event_id: ClearAudio(event_id),
    "conversation.item.delete": _decode_delete,
    "response.cancel": lambda _, event_id: CancelResponse(event_id),
}
