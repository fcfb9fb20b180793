"""The serving side of a connection: greet, keep the settings, refuse what is wrong. No I/O, no clock, no threads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from rt_magic.wire.dialects import DIALECTS, Dialect, Kind
from rt_magic.wire.events import (
    ClientEvent,
    ClientEventError,
    CommitAudio,
    Committed,
    ErrorEvent,
    Json,
    ServerEvent,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
)
from rt_magic.wire.requests import decode_client
from rt_magic.wire.session_schema import default_session, merge_session
from rt_magic.wire.spoken import spoken
from rt_magic.wire.states import Machine, State, Trigger

_OBJECTS: Mapping[Kind, str] = {"transcription": "realtime.transcription_session", "realtime": "realtime.session"}


class ServerProtocol(Machine):
    """The serving side of the same table: greets, merges configurations, refuses what is wrong, numbers its events.

    What a message means for the audio is the caller's business: `receive` returns the client's event, or None where
    it was answered here. `check` is shown each configuration, with the id of the event that asks for it, before it
    takes effect, and may refuse it by raising ClientEventError.
    """

    def __init__(
        self,
        session_id: str,
        *,
        model: str | None = None,
        kind: Kind = "transcription",
        dialect: Dialect = DIALECTS["openai"],
        expires_at: int | None = None,
        check: Callable[[Json, str | None], None] | None = None,
    ) -> None:
        super().__init__()
        self.dialect = dialect
        self.session: Json = default_session(model, kind=kind, dialect=dialect)
        self._check = check
        self.unknown: frozenset[str] = frozenset()
        """Paths of session fields that this server refuses as unknown, as one older than the schema would."""
        self._about: Json = {"id": session_id}
        if dialect.shape == "nested":
            self._about["object"] = _OBJECTS[kind]
        if expires_at is not None:
            self._about["expires_at"] = expires_at
        self._event_number = 0
        self._last_item: str | None = None

    def greet(self) -> None:
        """Send `session.created`, the first frame of a connection."""
        self._move(Trigger.CREATED)
        self.send(SessionCreated(self._shown()))

    def receive(self, message: str | bytes) -> ClientEvent | None:
        """Take one message of the client; an update is merged and answered, a wrong message refused."""
        try:
            event = decode_client(message, update=self.dialect.update, bare=self.dialect.shape == "bare")
            if isinstance(event, SessionUpdate):
                session = self.merge(event)
                if self._check is not None:
                    self._check(session, event.event_id)
                self.session = session
        except ClientEventError as error:
            self.refuse(error)
            return None
        if isinstance(event, SessionUpdate):
            if self.state is State.CONFIGURING:
                self._move(Trigger.CONFIGURED)
            if self.dialect.answers:
                self.send(SessionUpdated(self._shown()))
        if isinstance(event, CommitAudio) and self.dialect.one_turn and event.final is None:
            return CommitAudio(event.event_id, False)
        return event

    def merge(self, update: SessionUpdate) -> Json:
        """Return the settings with an update merged in; raises ClientEventError for what is wrong with it."""
        return merge_session(self.session, update.session, update.event_id, unknown=self.unknown, dialect=self.dialect)

    def refuse(self, error: ClientEventError) -> None:
        """Answer a client's event with an `error` event; the session goes on."""
        self.send(ErrorEvent(error.message, error.code, "invalid_request_error", error.param, error.event_id))

    def commit(self, item_id: str) -> Committed:
        """Return the `Committed` event of the next turn, chained to the one before."""
        event = Committed(item_id, self._last_item)
        self._last_item = item_id
        return event

    def send(self, event: ServerEvent) -> None:
        """Queue an event, numbered, if the dialect has it."""
        text = spoken(dataclasses.replace(event, event_id=f"event_{self._event_number + 1}"), self.dialect)
        if text is not None:
            self._event_number += 1
            self._outgoing.append(text)

    def _shown(self) -> Json:
        return {**self.session, **self._about}
