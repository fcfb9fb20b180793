"""Events as the text of WebSocket messages, and back.

Shapes are those of the GA Realtime API as published in the types of the `openai` package (`openai.types.realtime`);
the beta spellings that some servers still use are read as well.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from rt_magic.exceptions import RemoteProtocolError
from rt_magic.wire import fields
from rt_magic.wire.events import (
    AppendAudio,
    CancelResponse,
    ClearAudio,
    Cleared,
    ClientEvent,
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
    ServiceWarning,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    SpeakerSegment,
    SpeechStarted,
    SpeechStopped,
    Unknown,
    WordTime,
)
from rt_magic.wire.fields import event_id, identifier, item_id, said, text

# ── encoding ─────────────────────────────────────────────────────────────────────────────────────────────────

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


def encode(event: ClientEvent | ServerEvent) -> str:
    """Return the event as the text of one WebSocket message."""
    if isinstance(event, AppendAudio) and event.event_id is None:
        # The one hot path: nothing here needs escaping, and this is twice as fast as going through json.
        return f'{{"type":"input_audio_buffer.append","audio":"{base64.b64encode(event.audio).decode("ascii")}"}}'
    return json.dumps(_ENCODERS[type(event)](event), ensure_ascii=False, separators=(",", ":"))


def _object(type_: str, event: Any, **given: Any) -> Json:
    """Build the JSON object; None means that a field is left out, since services refuse many nulls."""
    body: Json = {"type": type_}
    if event.event_id:
        body["event_id"] = event.event_id
    body.update((key, value) for key, value in given.items() if value is not None)
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
    SessionUpdate: lambda e: _object(e.type, e, **(dict(e.session) if e.bare else {"session": dict(e.session)})),
    AppendAudio: lambda e: _object("input_audio_buffer.append", e, audio=base64.b64encode(e.audio).decode("ascii")),
    CommitAudio: lambda e: _object("input_audio_buffer.commit", e, final=e.final),
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
        f"{_TRANSCRIPTION}.{'intermediate' if e.tail else 'delta'}", e, item_id=e.item_id,
        content_index=e.content_index, **({"intermediate": e.tail} if e.tail else {"delta": e.delta}),
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
    ServiceWarning: lambda e: _object("warning", e, warning={"message": e.message, "code": e.code}),
    ResponseCreated: lambda e: _object("response.created", e, response={"object": "realtime.response"}),
    Unknown: lambda e: {**e.data, "type": e.type} | ({"event_id": e.event_id} if e.event_id else {}),
}  # fmt: skip

# ── decoding ─────────────────────────────────────────────────────────────────────────────────────────────────


def decode(message: str | bytes) -> ServerEvent:
    """Read one message of a service.

    Raises RemoteProtocolError where it is not a JSON object with a `type`, or a field has the wrong JSON type.
    """
    body = fields.parse(message)
    decoder = _DECODERS.get(body["type"])
    try:
        return decoder(body) if decoder else Unknown(body["type"], body, event_id(body))
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RemoteProtocolError(
            f"a {body['type']!r:.80} event has a field of the wrong type ({error}): {fields.shown(message)}"
        ) from error


def _created(body: Json) -> SessionCreated:
    bare = "session" not in body and body["type"] == "session.created"
    return SessionCreated(fields.mapping(body.get("session") or {}), event_id(body), "bare" if bare else body["type"])


def _failed(body: Json) -> Failed:
    error = fields.error_of(body)
    return Failed(
        identifier(body.get("item_id")), said(error.get("message")) or "", said(error.get("code")),
        said(error.get("type")), said(error.get("param")), fields.index(body.get("content_index")), event_id(body),
    )  # fmt: skip


def _complaint(body: Json) -> ErrorEvent:
    error = fields.error_of(body)
    return ErrorEvent(
        said(error.get("message")) or "", said(error.get("code")), said(error.get("type")),
        said(error.get("param")), said(error.get("event_id")), event_id(body),
    )  # fmt: skip


def _warning(body: Json) -> ServiceWarning:
    warning = body.get("warning")
    told = warning if isinstance(warning, dict) else {"message": warning}
    return ServiceWarning(said(told.get("message")) or "", said(told.get("code")), event_id(body))


def _completed(body: Json) -> Completed:
    usage = body.get("usage")
    heard, words = fields.phrases(body.get("phrases"))
    return Completed(
        identifier(body.get("item_id")), text(body.get("transcript")) or "", fields.index(body.get("content_index")),
        fields.entries(body.get("logprobs"), fields.logprob), usage if isinstance(usage, dict) else None,
        fields.entries(body.get("languages"), fields.language) if "languages" in body else heard,
        fields.entries(body.get("words"), fields.word) if "words" in body else words, event_id(body),
    )  # fmt: skip


def _delta(body: Json) -> Delta:
    item, index = identifier(body.get("item_id")), fields.index(body.get("content_index"))
    return Delta(item, text(body.get("delta")) or "", index, event_id(body), tail=text(body.get("intermediate")) or "")


def _segment(body: Json) -> SpeakerSegment:
    return SpeakerSegment(
        identifier(body.get("item_id")), said(body.get("id")) or "", text(body.get("text")) or "",
        said(body.get("speaker")), fields.seconds(body.get("start")), fields.seconds(body.get("end")),
        fields.index(body.get("content_index")), event_id(body),
    )  # fmt: skip


def _previous(body: Json) -> str | None:
    return identifier(body.get("previous_item_id"))


_DECODERS: dict[str, Callable[[Json], ServerEvent]] = {
    "session.created": _created,
    "session.updated": lambda b: SessionUpdated(fields.mapping(b.get("session") or {}), event_id(b)),
    "input_audio_buffer.speech_started": lambda b: SpeechStarted(
        item_id(b), fields.milliseconds(b.get("audio_start_ms")), event_id(b)
    ),
    "input_audio_buffer.speech_stopped": lambda b: SpeechStopped(
        item_id(b), fields.milliseconds(b.get("audio_end_ms")), event_id(b)
    ),
    "input_audio_buffer.committed": lambda b: Committed(identifier(b.get("item_id")), _previous(b), event_id(b)),
    "input_audio_buffer.cleared": lambda b: Cleared(event_id(b)),
    "conversation.item.added": lambda b: ItemAdded(item_id(b), _previous(b), event_id(b)),
    "conversation.item.done": lambda b: ItemDone(item_id(b), _previous(b), event_id(b)),
    "conversation.item.deleted": lambda b: ItemDeleted(item_id(b), event_id(b)),
    f"{_TRANSCRIPTION}.delta": _delta,
    f"{_TRANSCRIPTION}.completed": _completed,
    f"{_TRANSCRIPTION}.segment": _segment,
    f"{_TRANSCRIPTION}.failed": _failed,
    "error": _complaint,
    "response.created": lambda b: ResponseCreated(event_id(b)),
    # Spellings of beta servers …
    "transcription_session.created": _created,
    "transcription_session.updated": lambda b: SessionUpdated(fields.mapping(b.get("session") or {}), event_id(b)),
    "conversation.created": _created,
    "conversation.item.created": lambda b: ItemAdded(item_id(b), _previous(b), event_id(b)),
    # … of Azure Voice Live (`azure.ai.voicelive.models`), of MAI-Transcribe-2-Streaming (Microsoft's how-to) …
    "warning": _warning,
    f"{_TRANSCRIPTION}.intermediate": _delta,
    # … and of vLLM (`vllm.entrypoints.openai.realtime.protocol`).
    "transcription.delta": lambda b: Delta(None, text(b.get("delta")) or "", 0, event_id(b)),
    "transcription.done": lambda b: _completed({**b, "transcript": b.get("text")}),
}
