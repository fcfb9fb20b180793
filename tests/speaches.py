"""A server that behaves as speaches does: what it takes, refuses and ignores, as measured with its own router.

Source: github.com/speaches-ai/speaches at 870e1e1, run offline with its buffering and voice activity detection.
"""

from __future__ import annotations

import json
from typing import Any

from rt_magic.wire.codec import encode
from rt_magic.wire.dialects import DIALECTS
from rt_magic.wire.events import ClientEvent, ClientEventError, Json, SessionUpdate
from rt_magic.wire.requests import decode_client
from rt_magic.wire.server import ServerProtocol
from rt_magic.wire.states import State, Trigger

DEFAULT_TURNS: Json = {"type": "server_vad", "threshold": 0.9, "prefix_padding_ms": 0, "silence_duration_ms": 550}


class Speaches(ServerProtocol):
    """Settings as speaches takes them: each for itself, some with an error and success at once, no codes in errors."""

    shows = True
    """Whether its first frame shows the settings, and with them their shape."""
    answers = True
    """Whether it answers an update by itself."""

    def __init__(self, session_id: str, **options: Any) -> None:
        super().__init__(session_id, dialect=DIALECTS["speaches"], **{**options, "kind": "transcription"})
        self.session["turn_detection"] = dict(DEFAULT_TURNS)

    def greet(self) -> None:
        """Send the first frame."""
        if self.shows:
            return super().greet()
        self._move(Trigger.CREATED)
        self._outgoing.append('{"type": "session.created", "event_id": "event_1", "session": {"id": "sess_1"}}')

    def receive(self, message: str | bytes) -> ClientEvent | None:
        """Take a message; unknown keys are ignored without a word, and all settings that are right applied."""
        try:
            event = decode_client(message)
        except ClientEventError as error:
            self._complain(error.message)
            return None
        if not isinstance(event, SessionUpdate):
            return event
        if not self.answers:
            return event
        wrong = self._apply(dict(event.session))
        if self.state is State.CONFIGURING and wrong != "turn_detection: null":
            self._move(Trigger.CONFIGURED)
        if wrong:
            self._complain(f"1 validation error for Session\n{wrong}\n  Input should be valid")
        if wrong != "turn_detection: null":
            self._outgoing.append(
                encode(SessionUpdate(self.session, "event_x")).replace('"session.update"', '"session.updated"')
            )
        return event

    def _apply(self, update: Json) -> str:
        """Merge what is known and return what is complained about."""
        if "turn_detection" in update and update["turn_detection"] is None:
            return "turn_detection: null"  # the whole update is dropped: turn detection cannot be switched off
        wrong = "input_audio_format" if "input_audio_format" in update else ""
        turns = dict(update.get("turn_detection") or {})
        if turns.pop("prefix_padding_ms", None) is not None:
            wrong = "turn_detection.prefix_padding_ms"
        self.session["turn_detection"] |= {key: value for key, value in turns.items() if key in DEFAULT_TURNS}
        told = update.get("input_audio_transcription") or {}
        known = {key: value for key, value in told.items() if key in ("model", "language", "prompt")}
        self.session["input_audio_transcription"] = {**(self.session["input_audio_transcription"] or {}), **known}
        return wrong

    def _complain(self, message: str) -> None:
        error = {"type": "invalid_request_error", "message": message, "code": None, "param": None, "event_id": None}
        self._outgoing.append(json.dumps({"type": "error", "event_id": "event_y", "error": error}))
