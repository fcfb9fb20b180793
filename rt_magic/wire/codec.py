"""Events as the text of WebSocket messages, and back.

Shapes are those of the GA Realtime API as published in the types of the `openai` package (`openai.types.realtime`);
the beta spellings that some servers still use are read as well.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from rt_magic.exceptions import RemoteProtocolError
from rt_magic.wire.events import (
    AppendAudio,
    CancelResponse,
    ClearAudio,
    Cleared,
    ClientEvent,
    ClientEventError,
    CommitAudio,
    Committed,
    Completed,
    DeleteItem,
    Delta,
    ErrorEvent,
    Failed,
    ItemAdded,
    ItemDeleted,
    ItemDone,
    Json,
    LogProb,
    ResponseCreated,
    ServerEvent,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    SpeakerSegment,
    SpeechStarted,
    SpeechStopped,
    Unknown,
    WordTime,
)

T = TypeVar("T")

# ── encoding ─────────────────────────────────────────────────────────────────────────────────────────────────

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


def encode(event: ClientEvent | ServerEvent) -> str:
    """Return the event as the text of one WebSocket message."""
    if isinstance(event, AppendAudio) and event.event_id is None:
        # The one hot path: nothing here needs escaping, and this is twice as fast as going through json.
        return f'{{"type":"input_audio_buffer.append","audio":"{base64.b64encode(event.audio).decode("ascii")}"}}'
    return json.dumps(_ENCODERS[type(event)](event), ensure_ascii=False, separators=(",", ":"))


def _object(type_: str, event: Any, **fields: Any) -> Json:
    """Build the JSON object; None means that a field is left out, since services refuse many nulls."""
    body: Json = {"type": type_}
    if event.event_id:
        body["event_id"] = event.event_id
    body.update((key, value) for key, value in fields.items() if value is not None)
    return body


def _item(event: ItemAdded | ItemDone) -> Json:
    content = [{"type": "input_audio"}]
    return {
        "id": event.item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user",
        "content": content,
    }  # fmt: skip


def _with_previous(body: Json, previous_item_id: str | None) -> Json:
    body["previous_item_id"] = previous_item_id
    return body


def _logprob(entry: LogProb) -> Json:
    return {"token": entry.token, "bytes": list(entry.token.encode()), "logprob": entry.logprob}


def _word(word: WordTime) -> Json:
    return {"word": word.word, "start": word.start, "end": word.end, "probability": word.probability}


def _error(event: ErrorEvent) -> Json:
    error = {"type": event.kind or "invalid_request_error", "code": event.code, "message": event.message}
    return error | {"param": event.param, "event_id": event.client_event_id}


def _failure(event: Failed) -> Json:
    return {
        "type": event.kind or "transcription_error",
        "code": event.code,
        "message": event.message,
        "param": event.param,
    }


_ENCODERS: dict[type, Callable[[Any], Json]] = {
    SessionUpdate: lambda e: _object("session.update", e, session=dict(e.session)),
    AppendAudio: lambda e: _object("input_audio_buffer.append", e, audio=base64.b64encode(e.audio).decode("ascii")),
    CommitAudio: lambda e: _object("input_audio_buffer.commit", e),
    ClearAudio: lambda e: _object("input_audio_buffer.clear", e),
    DeleteItem: lambda e: _object("conversation.item.delete", e, item_id=e.item_id),
    CancelResponse: lambda e: _object("response.cancel", e),
    SessionCreated: lambda e: _object("session.created", e, session=dict(e.session)),
    SessionUpdated: lambda e: _object("session.updated", e, session=dict(e.session)),
    SpeechStarted: lambda e: _object(
        "input_audio_buffer.speech_started", e, item_id=e.item_id, audio_start_ms=e.audio_start_ms
    ),
    SpeechStopped: lambda e: _object(
        "input_audio_buffer.speech_stopped", e, item_id=e.item_id, audio_end_ms=e.audio_end_ms
    ),
    Committed: lambda e: _with_previous(
        _object("input_audio_buffer.committed", e, item_id=e.item_id), e.previous_item_id
    ),
    Cleared: lambda e: _object("input_audio_buffer.cleared", e),
    ItemAdded: lambda e: _with_previous(_object("conversation.item.added", e, item=_item(e)), e.previous_item_id),
    ItemDone: lambda e: _with_previous(_object("conversation.item.done", e, item=_item(e)), e.previous_item_id),
    ItemDeleted: lambda e: _object("conversation.item.deleted", e, item_id=e.item_id),
    Delta: lambda e: _object(
        f"{_TRANSCRIPTION}.delta", e, item_id=e.item_id, content_index=e.content_index, delta=e.delta
    ),
    Completed: lambda e: _object(
        f"{_TRANSCRIPTION}.completed", e, item_id=e.item_id, content_index=e.content_index, transcript=e.transcript,
        logprobs=e.logprobs and [_logprob(entry) for entry in e.logprobs],
        usage=None if e.usage is None else dict(e.usage),
        languages=None if e.languages is None else [{"code": code} for code in e.languages],
        words=None if e.words is None else [_word(word) for word in e.words],
    ),
    SpeakerSegment: lambda e: _object(
        f"{_TRANSCRIPTION}.segment", e, item_id=e.item_id, content_index=e.content_index, id=e.segment_id,
        text=e.text, speaker=e.speaker, start=e.start, end=e.end,
    ),
    Failed: lambda e: _object(
        f"{_TRANSCRIPTION}.failed", e, item_id=e.item_id, content_index=e.content_index, error=_failure(e)
    ),
    ErrorEvent: lambda e: _object("error", e, error=_error(e)),
    ResponseCreated: lambda e: _object("response.created", e, response={"object": "realtime.response"}),
    Unknown: lambda e: {**e.data, "type": e.type} | ({"event_id": e.event_id} if e.event_id else {}),
}  # fmt: skip

# ── decoding ─────────────────────────────────────────────────────────────────────────────────────────────────


def decode(message: str | bytes) -> ServerEvent:
    """Read one message of a service.

    Raises RemoteProtocolError where it is not a JSON object with a `type`, or a field has the wrong JSON type.
    """
    body = _parse(message)
    decoder = _SERVER_DECODERS.get(body["type"])
    try:
        return decoder(body) if decoder else Unknown(body["type"], body, _event_id(body))
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RemoteProtocolError(
            f"a {body['type']!r:.80} event has a field of the wrong type ({error}): {_shown(message)}"
        ) from error


def decode_client(message: str | bytes) -> ClientEvent:
    """Read one message of a client, as a server does.

    Raises RemoteProtocolError; its `code` and `param` attributes carry what a service would answer.
    """
    if isinstance(message, bytes):
        raise ClientEventError("Expected a text WebSocket message.", code="invalid_event")
    try:
        body = _parse(message)
    except RemoteProtocolError as error:
        raise ClientEventError(str(error), code="invalid_json") from error
    event_id = body.get("event_id")
    if event_id is not None and (not isinstance(event_id, str) or len(event_id) > 512):
        raise ClientEventError(
            "'event_id' must be a string of at most 512 characters.", code="invalid_value", param="event_id"
        )
    decoder = _CLIENT_DECODERS.get(body["type"])
    if decoder is None:
        known = ", ".join(repr(name) for name in _CLIENT_DECODERS)
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


def _parse(message: str | bytes) -> Json:
    try:
        text = message.decode() if isinstance(message, bytes) else message
        body = _loads(text)
        if _HALF_CHARACTER.search(text):
            body = _loads(_without_halves(json.dumps(body, ensure_ascii=False)))
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"a message is not JSON: {_shown(message)}") from error
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise RemoteProtocolError(f"a message is not an object with a 'type': {_shown(message)}")
    return body


# JSON can escape half a character (a UTF-16 surrogate), which no file and no other message could hold.
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


def _without_halves(text: str) -> str:
    """Join the halves of characters that stand together, put U+FFFD for those that stand alone."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _loads(text: str) -> Any:
    """Read JSON; numbers that are not finite become null, so that no arithmetic behind this line meets one."""
    return json.loads(text, parse_float=_finite, parse_constant=lambda _: None)


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _shown(message: str | bytes) -> str:
    return repr(message[:120]) + ("…" if len(message) > 120 else "")


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"expected text, got {value!r:.60}")


def _id(value: object) -> str | None:
    """Read the id of an item; some servers leave it out, some leave it empty."""
    return _text(value) or None


def _said(value: object) -> str | None:
    """Read a word about an error, whatever its type: the error itself must not be lost for it."""
    return value if value is None or isinstance(value, str) else str(value)[:200]


def _index(value: object) -> int:
    """Read `content_index`, which is optional in the published schema and absent on some servers."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


_LONGEST_SECONDS = 1e8
"""Times beyond it (three years) are no times."""


def _milliseconds(value: object) -> int | None:
    """Read a time that adds to a turn; one that cannot be right counts as not given."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _LONGEST_SECONDS * 1000:
        return int(value)
    return None


def _seconds(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LONGEST_SECONDS:
        return float(value)
    raise TypeError(f"expected seconds, got {value!r:.60}")


def _mapping(value: object) -> Json:
    if isinstance(value, dict):
        return value
    raise TypeError(f"expected an object, got {value!r:.60}")


def _entries(value: object, read: Callable[[Json], T]) -> tuple[T, ...] | None:
    """Read a list that adds to a text; what is not as expected is left out, so that the text itself is never lost."""
    if not isinstance(value, list):
        return None
    entries = []
    for entry in value:
        try:
            entries.append(read(entry))
        except (TypeError, KeyError, AttributeError, RecursionError):
            continue
    return tuple(entries)


def _read_logprob(entry: Json) -> LogProb:
    return LogProb(str(entry.get("token", "")), _seconds(entry["logprob"]))


def _read_word(entry: Json) -> WordTime:
    probability = entry.get("probability")
    return WordTime(
        str(entry["word"]),
        _seconds(entry["start"]),
        _seconds(entry["end"]),
        None if probability is None else _seconds(probability),
    )


def _read_language(entry: object) -> str:
    code = entry.get("code") if isinstance(entry, dict) else entry
    if not isinstance(code, str):
        raise TypeError(f"expected a language code, got {entry!r:.60}")
    return code


def _event_id(body: Json) -> str:
    event_id = body.get("event_id")
    return event_id if isinstance(event_id, str) else ""


def _item_id(body: Json) -> str | None:
    item = body.get("item")
    return _id(item.get("id")) if isinstance(item, dict) else _id(body.get("item_id"))


def _error_of(body: Json) -> Json:
    """Return the error object; some compatible servers send a bare sentence."""
    error = body.get("error")
    return error if isinstance(error, dict) else {"message": body.get("message") if error is None else error}


def _decode_failed(body: Json) -> Failed:
    error = _error_of(body)
    return Failed(
        _id(body.get("item_id")), _said(error.get("message")) or "", _said(error.get("code")),
        _said(error.get("type")), _said(error.get("param")), _index(body.get("content_index")), _event_id(body),
    )  # fmt: skip


def _decode_error(body: Json) -> ErrorEvent:
    error = _error_of(body)
    return ErrorEvent(
        _said(error.get("message")) or "", _said(error.get("code")), _said(error.get("type")),
        _said(error.get("param")), _said(error.get("event_id")), _event_id(body),
    )  # fmt: skip


def _decode_completed(body: Json) -> Completed:
    usage = body.get("usage")
    return Completed(
        _id(body.get("item_id")), _text(body.get("transcript")) or "", _index(body.get("content_index")),
        _entries(body.get("logprobs"), _read_logprob), usage if isinstance(usage, dict) else None,
        _entries(body.get("languages"), _read_language), _entries(body.get("words"), _read_word), _event_id(body),
    )  # fmt: skip


_ServerDecoder: TypeAlias = Callable[[Json], ServerEvent]

_SERVER_DECODERS: dict[str, _ServerDecoder] = {
    "session.created": lambda b: SessionCreated(_mapping(b.get("session") or {}), _event_id(b)),
    "session.updated": lambda b: SessionUpdated(_mapping(b.get("session") or {}), _event_id(b)),
    "input_audio_buffer.speech_started": lambda b: SpeechStarted(
        _item_id(b), _milliseconds(b.get("audio_start_ms")), _event_id(b)
    ),
    "input_audio_buffer.speech_stopped": lambda b: SpeechStopped(
        _item_id(b), _milliseconds(b.get("audio_end_ms")), _event_id(b)
    ),
    "input_audio_buffer.committed": lambda b: Committed(
        _id(b.get("item_id")), _id(b.get("previous_item_id")), _event_id(b)
    ),
    "input_audio_buffer.cleared": lambda b: Cleared(_event_id(b)),
    "conversation.item.added": lambda b: ItemAdded(_item_id(b), _id(b.get("previous_item_id")), _event_id(b)),
    "conversation.item.done": lambda b: ItemDone(_item_id(b), _id(b.get("previous_item_id")), _event_id(b)),
    "conversation.item.deleted": lambda b: ItemDeleted(_item_id(b), _event_id(b)),
    f"{_TRANSCRIPTION}.delta": lambda b: Delta(
        _id(b.get("item_id")), _text(b.get("delta")) or "", _index(b.get("content_index")), _event_id(b)
    ),
    f"{_TRANSCRIPTION}.completed": _decode_completed,
    f"{_TRANSCRIPTION}.segment": lambda b: SpeakerSegment(
        _id(b.get("item_id")), _said(b.get("id")) or "", _text(b.get("text")) or "", _said(b.get("speaker")),
        _seconds(b.get("start")), _seconds(b.get("end")), _index(b.get("content_index")), _event_id(b),
    ),
    f"{_TRANSCRIPTION}.failed": _decode_failed,
    "error": _decode_error,
    "response.created": lambda b: ResponseCreated(_event_id(b)),
}  # fmt: skip
# Beta servers' spellings of the same events.
_SERVER_DECODERS["transcription_session.created"] = _SERVER_DECODERS["session.created"]
_SERVER_DECODERS["transcription_session.updated"] = _SERVER_DECODERS["session.updated"]
_SERVER_DECODERS["conversation.item.created"] = _SERVER_DECODERS["conversation.item.added"]


def _decode_session_update(body: Json, event_id: str | None) -> SessionUpdate:
    if "session" not in body:
        raise _MissingError("session")
    if not isinstance(body["session"], dict):
        raise _InvalidError("session")
    return SessionUpdate(body["session"], event_id)


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


def _decode_delete(body: Json, event_id: str | None) -> DeleteItem:
    if not isinstance(body.get("item_id"), str):
        raise _MissingError("item_id")
    return DeleteItem(body["item_id"], event_id)


_CLIENT_DECODERS: dict[str, Callable[[Json, str | None], ClientEvent]] = {
    "session.update": _decode_session_update,
    "input_audio_buffer.append": _decode_append,
    "input_audio_buffer.commit": lambda _, event_id: CommitAudio(event_id),
    "input_audio_buffer.clear": lambda _, event_id: ClearAudio(event_id),
    "conversation.item.delete": _decode_delete,
    "response.cancel": lambda _, event_id: CancelResponse(event_id),
}
