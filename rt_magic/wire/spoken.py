"""What a server says, in the words of its dialect. Pure."""

from __future__ import annotations

import json

from rt_magic.wire.codec import encode
from rt_magic.wire.dialects import Dialect
from rt_magic.wire.events import (
    Completed,
    Delta,
    ErrorEvent,
    ItemAdded,
    ItemDone,
    Json,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
    Unknown,
    WordTime,
)


def spoken(event: ServerEvent, dialect: Dialect) -> str | None:
    """Return the event as the text of one WebSocket message, None where the dialect has no such event."""
    if dialect.shape == "nested" or isinstance(event, Unknown):
        return encode(event)
    if dialect.shape == "bare":
        body = _bare(event)
        return None if body is None else json.dumps(body, ensure_ascii=False)
    if isinstance(event, ItemDone):
        return None
    body = json.loads(encode(event))
    if isinstance(event, ItemAdded):
        body["type"] = "conversation.item.created"
    elif isinstance(event, SessionCreated):
        body["type"] = dialect.greeting or body["type"]
    elif isinstance(event, SessionUpdated) and dialect.update.startswith("transcription_"):
        body["type"] = f"transcription_{body['type']}"
    elif isinstance(event, Completed) and dialect.voice:
        body.pop("usage", None)
        body.pop("languages", None)
        body.pop("words", None)
        if event.words:
            body["phrases"] = [_phrase(event, event.words)]
    return json.dumps(body, ensure_ascii=False)


def _phrase(event: Completed, words: tuple[WordTime, ...]) -> Json:
    """Return the words as Azure Voice Live has them (`azure.ai.voicelive.models.TranscriptionPhrase`)."""
    phrase = _placed(event.transcript, words[0].start, words[-1].end)
    if event.languages:
        phrase["locale"] = event.languages[0]
    return phrase | {"words": [_placed(word.word, word.start, word.end) for word in words]}


def _placed(text: str, start: float, end: float) -> Json:
    offset = round(start * 1000)
    return {"text": text, "offset_milliseconds": offset, "duration_milliseconds": round(end * 1000) - offset}


def _bare(event: ServerEvent) -> Json | None:
    """Return the events of vLLM (`vllm/entrypoints/openai/realtime/protocol.py`)."""
    match event:
        case SessionCreated():
            return {"type": "session.created", **event.session}
        case Delta():
            return {"type": "transcription.delta", "delta": event.delta}
        case Completed():
            usage = None if event.usage is None else dict(event.usage)
            return {"type": "transcription.done", "text": event.transcript, "usage": usage}
        case ErrorEvent():
            return {"type": "error", "error": event.message, "code": event.code}
    return None
