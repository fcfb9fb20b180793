"""The states of one connection, seen from either end. No I/O, no clock, no threads.

Everything that moves a connection from state to state stands in `TRANSITIONS`; a call that the table does not
allow raises LocalProtocolError and changes nothing.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping

from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE, silence
from rt_magic.exceptions import LocalProtocolError, RemoteProtocolError
from rt_magic.wire.codec import decode, decode_client, encode
from rt_magic.wire.dialects import (
    Accepted,
    Dialect,
    Kind,
    Wanted,
    give_up,
    read_accepted,
    read_kind,
    refused_field,
    session_update,
)
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
    ErrorEvent,
    Failed,
    Json,
    ResponseCreated,
    ServerEvent,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    SpeechStarted,
)
from rt_magic.wire.open_turns import OpenTurns
from rt_magic.wire.session_schema import default_session, merge_session

MINIMUM_COMMIT = SAMPLE_RATE // 10
"""Samples below which services refuse a commit (100 ms)."""

MAXIMUM_AMENDMENTS = 8
"""Refused configurations in a row after which a session gives up."""

_OBJECTS: Mapping[Kind, str] = {"transcription": "realtime.transcription_session", "realtime": "realtime.session"}
_EMPTY = "input_audio_buffer_commit_empty"
_NO_ANSWER_TO_CANCEL = ("response_cancel_not_active", "conversation_already_has_active_response")


class State(enum.Enum):
    """Where one connection stands; not to be confused with the state a user sees."""

    CONNECTING = "connecting"
    CONFIGURING = "configuring"
    STREAMING = "streaming"
    DRAINING = "draining"
    CLOSED = "closed"


class Trigger(enum.Enum):
    """What moves a connection on."""

    CREATED = "created"
    CONFIGURED = "configured"
    FINISHED = "finished"
    CLOSED = "closed"


TRANSITIONS: Mapping[State, Mapping[Trigger, State]] = {
    State.CONNECTING: {Trigger.CREATED: State.CONFIGURING, Trigger.CLOSED: State.CLOSED},
    State.CONFIGURING: {Trigger.CONFIGURED: State.STREAMING, Trigger.CLOSED: State.CLOSED},
    State.STREAMING: {Trigger.FINISHED: State.DRAINING, Trigger.CLOSED: State.CLOSED},
    State.DRAINING: {Trigger.CLOSED: State.CLOSED},
    State.CLOSED: {Trigger.CLOSED: State.CLOSED},
}


class _Machine:
    """A state that only moves as the table says, and the messages waiting to be sent."""

    def __init__(self) -> None:
        self.state = State.CONNECTING
        self._outgoing: list[str] = []

    def _move(self, trigger: Trigger) -> None:
        if trigger not in TRANSITIONS[self.state]:
            raise LocalProtocolError(f"a connection that is {self.state.value} cannot be {trigger.value}")
        self.state = TRANSITIONS[self.state][trigger]

    def messages_to_send(self) -> list[str]:
        """Return the messages that have become due, each once, in order."""
        due, self._outgoing = self._outgoing, []
        return due

    def close(self) -> None:
        """Note that the connection is gone; may be called in any state."""
        self._move(Trigger.CLOSED)


class ClientProtocol(_Machine):
    """The transcribing side: configure, stream audio, drain.

    `receive` never raises: what cannot be read is left out and said in `notes`. A refused configuration is asked
    for again with less (`give_up`); what cannot be helped is `failure`, the service's own event.
    """

    def __init__(self, dialect: Dialect, wanted: Wanted) -> None:
        super().__init__()
        self.dialect = dialect
        self.wanted = wanted
        self.accepted: Accepted | None = None
        self.failure: ErrorEvent | None = None
        self.notes: list[str] = []
        self.given_up: tuple[str, ...] = ()
        """Fields that the service refused, in the order in which they were dropped."""
        self.uncommitted = 0
        """Samples appended since the last commit of ours."""
        self._event_number = 0
        self._unreadable = 0
        self._pending_update: str | None = None
        self._pending_commits: list[str] = []
        self._pending_fence: str | None = None
        self._own_commits: set[str] = set()
        self._clears: set[str] = set()
        self._refuses_clear = False
        self._turns = OpenTurns()

    # ── what the service says ──

    def receive(self, message: str | bytes) -> list[ServerEvent]:
        """Take one message of the service and return the events that matter to the transcript and the user."""
        try:
            event = decode(message)
        except RemoteProtocolError as error:
            if not self._unreadable:
                self._note(f"the service sent something unreadable, which was left out: {error}")
            self._unreadable += 1
            return []
        match event:
            case SessionCreated() if self.state is State.CONNECTING:
                self._move(Trigger.CREATED)
                self.wanted = dataclasses.replace(self.wanted, kind=read_kind(event.session) or self.wanted.kind)
                self._configure()
            case SessionUpdated() if self.state is State.CONFIGURING:
                self.accepted = read_accepted(event.session, self.wanted)
                self._pending_update = None
                self._compare(self.accepted)
                self._move(Trigger.CONFIGURED)
            case ErrorEvent():
                return self._receive_error(event)
            case SpeechStarted():
                self._turns.speak(event.item_id)
            case Committed():
                self._turns.commit(event.item_id)
                del self._pending_commits[:1]
            case Completed() | Failed():
                self._turns.settle(event.item_id)
            case Cleared():
                self._turns.clear()
                self._pending_fence = None
            case ResponseCreated():
                self._send(CancelResponse())
                self._note("the service began to answer instead of only transcribing; the answer was cancelled")
        return [event]

    def _receive_error(self, error: ErrorEvent) -> list[ServerEvent]:
        own = error.client_event_id
        if self.state is State.CONFIGURING and own in (None, self._pending_update):
            field = refused_field(error)
            amended = give_up(self.wanted, field)
            both_kinds = field.startswith("to ") and field in self.given_up
            if amended is None or both_kinds or len(self.given_up) >= MAXIMUM_AMENDMENTS:
                self.failure = error
                return [error]
            self._note(f"the service does not take {error.param or 'a setting'}: {error.message}")
            self.wanted = amended
            self.given_up += (field,)
            self._configure()
            return []
        if self.state is State.CONNECTING:
            self.failure = error
        elif own in self._own_commits or (own is None and error.code == _EMPTY and self._pending_commits):
            # Turn detection of the service was faster, or there was nothing: either way nothing is missing.
            refused = own or self._pending_commits[0]
            self._pending_commits = [commit for commit in self._pending_commits if commit != refused]
            if error.code == _EMPTY:
                return []
        elif own is not None and own == self._pending_fence:
            self._pending_fence = None
            return []
        elif own in self._clears:
            self._refuses_clear = True
            return []
        elif error.code in _NO_ANSWER_TO_CANCEL:
            return []
        return [error]

    # ── what we ask ──

    def append_audio(self, pcm: bytes) -> None:
        """Send PCM16; allowed while streaming only, since audio sent earlier is lost to an unconfigured session."""
        if self.state is not State.STREAMING:
            raise LocalProtocolError(f"audio can be sent while streaming, but the connection is {self.state.value}")
        self._append(pcm)

    def commit(self, *, pad: bool = True) -> int:
        """Close the turn over what was appended since the last commit; return the padding added, in samples.

        Services refuse less than 100 ms, so `pad` fills up with silence.
        """
        if self.state not in (State.STREAMING, State.DRAINING):
            raise LocalProtocolError(
                f"a turn can be committed while streaming, but the connection is {self.state.value}"
            )
        padding = max(0, MINIMUM_COMMIT - self.uncommitted) if pad else 0
        if padding:
            self._append(silence(padding))
        own = self._send(CommitAudio(self._next_event_id()))
        self._pending_commits.append(own)
        self._own_commits.add(own)
        self.uncommitted = 0
        return padding

    def clear(self) -> bool:
        """Have the service forget what is not committed; False where it does not take that."""
        if self.state is not State.STREAMING:
            raise LocalProtocolError(f"audio can be cleared while streaming, but the connection is {self.state.value}")
        if self._refuses_clear:
            return False
        self._clears.add(self._send(ClearAudio(self._next_event_id())))
        self.uncommitted = 0
        return True

    def finish(self, *, padding: int = 0) -> None:
        """Begin to drain: append `padding` samples of silence, so that the service's turn detection ends the last turn.

        With client-side turns commit the tail before; `drained` tells when everything is settled.
        """
        self._move(Trigger.FINISHED)
        if padding:
            self._append(silence(padding))
        if self.dialect.fence:
            self._pending_fence = self._send(ClearAudio(self._next_event_id()))

    @property
    def awaits_commit(self) -> bool:
        """Whether a commit of ours is not answered yet."""
        return bool(self._pending_commits)

    def abandon(self, item_id: str | None) -> None:
        """Settle a turn for which no text comes any more."""
        self._turns.settle(item_id)

    def abandon_all(self) -> list[str | None]:
        """Settle every turn that is open and return their items."""
        self._pending_commits.clear()
        return self._turns.settle_all()

    @property
    def open_turns(self) -> int:
        """Turns that were begun and neither completed nor failed."""
        return len(self._turns) + len(self._pending_commits)

    @property
    def drained(self) -> bool:
        """True once nothing more can come: all turns settled, and the fence answered where there is one."""
        return self.state is State.DRAINING and not self.open_turns and self._pending_fence is None

    # ── inner ──

    def _configure(self) -> None:
        self._pending_update = self._send(SessionUpdate(session_update(self.wanted), self._next_event_id()))

    def _compare(self, accepted: Accepted) -> None:
        """Say where the service's echo of the configuration is not what was asked for."""
        wanted = self.wanted
        if not accepted.complete:
            return
        if wanted.model and accepted.model != wanted.model:
            self._note(f"the service transcribes with {accepted.model or 'no model'} instead of {wanted.model}")
        listed = "languages" in session_update(wanted)["audio"]["input"]["transcription"]  # not known to be echoed
        if wanted.languages and accepted.languages != (wanted.languages if accepted.languages or not listed else ()):
            heard = ", ".join(accepted.languages) or "any language"
            self._note(f"the service listens for {heard} instead of {', '.join(wanted.languages)}")
        if accepted.server_turns != (wanted.turn_detection in ("server", "semantic")):
            self._note(
                f"turns are cut by {'the service' if accepted.server_turns else 'rt_magic'}, against the setting"
            )
        if accepted.rate not in (None, SAMPLE_RATE):
            self._note(
                f"the service expects {accepted.rate:g} samples per second instead of {SAMPLE_RATE}: no words fit"
            )

    def _append(self, pcm: bytes) -> None:
        self._outgoing.append(encode(AppendAudio(pcm)))
        self.uncommitted += len(pcm) // BYTES_PER_SAMPLE

    def _send(self, event: ClientEvent) -> str:
        self._outgoing.append(encode(event))
        return event.event_id or ""

    def _next_event_id(self) -> str:
        self._event_number += 1
        return f"rtm-{self._event_number}"

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


class ServerProtocol(_Machine):
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
        expires_at: int | None = None,
        check: Callable[[Json, str | None], None] | None = None,
    ) -> None:
        super().__init__()
        self.session: Json = default_session(model, kind=kind)
        self._check = check
        self.unknown: frozenset[str] = frozenset()
        """Paths of session fields that this server refuses as unknown, as one older than the schema would."""
        self._about: Json = {"id": session_id, "object": _OBJECTS[kind]}
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
            event = decode_client(message)
            if isinstance(event, SessionUpdate):
                session = merge_session(self.session, event.session, event.event_id, unknown=self.unknown)
                if self._check is not None:
                    self._check(session, event.event_id)
                self.session = session
        except ClientEventError as error:
            self.refuse(error)
            return None
        if isinstance(event, SessionUpdate):
            if self.state is State.CONFIGURING:
                self._move(Trigger.CONFIGURED)
            self.send(SessionUpdated(self._shown()))
        return event

    def refuse(self, error: ClientEventError) -> None:
        """Answer a client's event with an `error` event; the session goes on."""
        self.send(ErrorEvent(error.message, error.code, "invalid_request_error", error.param, error.event_id))

    def commit(self, item_id: str) -> Committed:
        """Return the `Committed` event of the next turn, chained to the one before."""
        event = Committed(item_id, self._last_item)
        self._last_item = item_id
        return event

    def send(self, event: ServerEvent) -> None:
        """Queue an event, numbered."""
        self._event_number += 1
        self._outgoing.append(encode(_numbered(event, f"event_{self._event_number}")))

    def _shown(self) -> Json:
        return {**self.session, **self._about}


def _numbered(event: ServerEvent, event_id: str) -> ServerEvent:
    return dataclasses.replace(event, event_id=event_id)
