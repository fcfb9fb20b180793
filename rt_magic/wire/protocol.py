"""The transcribing side of a connection: configure, stream audio, drain. No I/O, no clock, no threads."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE, silence
from rt_magic.exceptions import LocalProtocolError, RemoteProtocolError
from rt_magic.wire.codec import decode, encode
from rt_magic.wire.dialects import DIALECTS, Accepted, Dialect, Wanted
from rt_magic.wire.events import (
    AppendAudio,
    CancelResponse,
    ClearAudio,
    Cleared,
    ClientEvent,
    CommitAudio,
    Committed,
    Completed,
    ErrorEvent,
    Failed,
    ResponseCreated,
    ServerEvent,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    SpeechStarted,
)
from rt_magic.wire.one_turn import OneTurn
from rt_magic.wire.open_turns import OpenTurns
from rt_magic.wire.refusals import adapt, give_up, is_lasting, refused_field, refused_shape
from rt_magic.wire.settings import (
    differences,
    is_same_language,
    is_same_model,
    read_accepted,
    read_kind,
    recognised,
    session_update,
    unanswered,
)
from rt_magic.wire.states import Machine, State, Trigger

if TYPE_CHECKING:
    from rt_magic.audio.resampling import Resampler

MINIMUM_COMMIT = SAMPLE_RATE // 10
"""Samples below which services refuse a commit (100 ms)."""

MAXIMUM_AMENDMENTS = 8
"""Refused configurations in a row after which a session gives up."""

LATE_ANSWER = 0.3
"""Seconds after which a refusal counts where a server may have taken the rest of the settings all the same."""

_SHAPES = {"nested": "openai", "flat": "speaches"}
_EMPTY = "input_audio_buffer_commit_empty"
_NO_ANSWER_TO_CANCEL = ("response_cancel_not_active", "conversation_already_has_active_response")
_BROKEN = ("processing_error", "invalid_audio")
"""Errors after which a server of one turn at a time gives no answer to it (vLLM)."""


class ClientProtocol(Machine):
    """The transcribing side: configure, stream audio, drain.

    `receive` never raises: what cannot be read is left out and said in `notes`. A refused configuration is asked
    for again with less (`give_up`); what cannot be helped is `failure`, the service's own event.
    """

    def __init__(self, dialect: Dialect, wanted: Wanted) -> None:
        super().__init__()
        self.wanted = self._wish = wanted
        self.accepted: Accepted | None = None
        self.failure: ErrorEvent | None = None
        self.notes: list[str] = []
        self.warnings: list[str] = []
        """Those of the notes that tell of other words than one asked for, as in another language."""
        self.given_up: tuple[str, ...] = ()
        """Fields that the service refused, in the order in which they were dropped."""
        self.lacking: tuple[str, ...] = ()
        """Those of them that it refused whatever their value, so that nobody need ask for them again."""
        self.uncommitted = 0
        """Samples appended since the last commit of ours."""
        self.refused_commits: list[int] = []
        """Commits of ours that closed nothing, by their number among those that were not answered before."""
        self._event_number = 0
        self._unreadable = 0
        self._pending_update: str | None = None
        self._pending_commits: list[str] = []
        self._pending_fence: str | None = None
        self._own_commits: set[str] = set()
        self._clears: set[str] = set()
        self._refuses_clear = False
        self._turns = OpenTurns()
        self._open, self._partial = dialect.open, dialect.partial
        self._expires_at: float | None = None
        self._refusal: ErrorEvent | None = None
        self._echo: tuple[Dialect, Accepted] | None = None
        self._adopt(dialect)

    def _adopt(self, dialect: Dialect) -> None:
        """Speak this dialect from now on."""
        self.dialect = dialect
        self._one_turn = OneTurn() if dialect.one_turn else None
        self._resampler: Resampler | None = None
        if dialect.rate != SAMPLE_RATE:
            from rt_magic.audio.resampling import Resampler

            self._resampler = Resampler(dialect.rate)

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
        if self._one_turn is None:
            return self._take(event)
        events, due = self._one_turn.incoming(event)
        self._outgoing += [encode(client_event) for client_event in due]
        return [taken for each in events for taken in self._take(each)]

    def _take(self, event: ServerEvent) -> list[ServerEvent]:
        match event:
            case SessionCreated() if self.state is State.CONNECTING and self._is_greeting(event):
                self._receive_created(event)
            case SessionUpdated() if self.state is State.CONFIGURING:
                self._receive_updated(read_accepted(event.session, self.wanted, self.dialect))
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

    def _is_greeting(self, created: SessionCreated) -> bool:
        """Tell whether this opens the session: some services speak of a conversation besides."""
        besides = created.greeting == "conversation.created"
        return not besides or (recognised(created) is not None and (self._open or bool(self.dialect.greeting)))

    def _receive_created(self, created: SessionCreated) -> None:
        self._move(Trigger.CREATED)
        if self._open:
            remembered = DIALECTS[_SHAPES[self.wanted.shape]] if self.wanted.shape else None
            self._adopt(remembered or recognised(created) or DIALECTS["openai"])
        self.wanted = dataclasses.replace(self.wanted, kind=read_kind(created.session) or self.wanted.kind)
        self._expires_at = read_accepted(created.session).expires_at
        self._configure()
        if not self.dialect.answers:
            self._receive_updated(unanswered(self.wanted))

    def _receive_updated(self, accepted: Accepted) -> None:
        if self._refusal is not None:
            self._note(f"the service took the settings and complains: {self._refusal.message}")
            self._refusal = None
        heard = is_same_model(accepted, self.wanted) and is_same_language(accepted, self.wanted, self.dialect)
        if self._open and self._echo is None and accepted.complete and not heard:
            # Taken and not applied, as by servers that know the other shape: that is tried, once.
            self._echo = self.dialect, accepted
            self._switch("to flat" if self.dialect.shape == "nested" else "to nested")
            self._configure()
            return
        self._settle_on(accepted)

    def _settle_on(self, accepted: Accepted) -> None:
        # Some say when they will end the connection in their first frame only.
        self.accepted = dataclasses.replace(accepted, expires_at=accepted.expires_at or self._expires_at)
        self._pending_update = None
        for sentence in differences(accepted, self.wanted, self.dialect):
            self._warn(sentence)
        self._move(Trigger.CONFIGURED)

    def _switch(self, shape: str) -> None:
        """Say the whole wish again in the other shape."""
        self.given_up += (shape,)
        self.lacking += (shape,)
        self.wanted = give_up(dataclasses.replace(self._wish, kind=self.wanted.kind), shape) or self.wanted
        self._adopt(DIALECTS[_SHAPES[shape.removeprefix("to ")]])

    @property
    def undecided(self) -> bool:
        """Whether a refusal waits for what else the server says; `decide` is to be called after `LATE_ANSWER`."""
        return self._refusal is not None

    def decide(self) -> None:
        """Act on a refusal for which the server has not made up by taking the settings."""
        refusal, self._refusal = self._refusal, None
        if refusal is None or self.state is not State.CONFIGURING:
            return
        shape = refused_shape(refusal, self.dialect) if self._open else None
        if self._echo is not None and shape is not None:  # neither shape is right: the first one was at least taken
            dialect, accepted = self._echo
            self._switch(f"to {dialect.shape}")
            self._settle_on(accepted)
        elif shape is not None and shape not in self.given_up:
            self._switch(shape)
            self._configure()
        else:
            self._amend(refusal)

    def _amend(self, error: ErrorEvent) -> None:
        """Ask again for less, or fail where nothing is left to give up."""
        field = refused_field(error)
        amended = give_up(self.wanted, field)
        if amended is None and field == "turn_detection" and self._partial and field not in self.given_up:
            amended = dataclasses.replace(self.wanted, turn_detection="server")  # some cannot switch it off
        both_kinds = field.startswith("to ") and field in self.given_up
        if amended is None or both_kinds or len(self.given_up) >= MAXIMUM_AMENDMENTS:
            self.failure = error
            return
        self._note(f"the service does not take {error.param or field or 'a setting'}: {error.message}")
        if self.wanted.languages != amended.languages:
            heard = ", ".join(amended.languages) or "any language"
            self._warn(f"the service listens for {heard} instead of {', '.join(self.wanted.languages)}")
        # Of turns, what a service lacks is only known when its plainest kind was asked for.
        if is_lasting(error) and (field != "turn_detection" or self.wanted.turn_detection == "server"):
            self.lacking += (field,)
        self.wanted = amended
        self.given_up += (field,)
        self._configure()

    def _receive_error(self, error: ErrorEvent) -> list[ServerEvent]:
        own = error.client_event_id
        if self.state is State.CONFIGURING and own in (None, self._pending_update):
            self._refusal = self._refusal or error
            if not self._partial:
                self.decide()
            return [error] if self.failure else []
        if self._one_turn is not None and error.code in _BROKEN:
            self.failure = error
            return [error]
        if self.state is State.CONNECTING:
            self.failure = error
        elif own in self._own_commits or (own is None and error.code == _EMPTY and self._pending_commits):
            # Turn detection of the service was faster, or there was nothing: either way nothing is missing.
            refused = own or self._pending_commits[0]
            if refused in self._pending_commits:
                self.refused_commits.append(self._pending_commits.index(refused))
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
        if not self.dialect.commits and self.accepted is not None and self.accepted.server_turns:
            return 0  # the service closes its turns, and would break the connection over ours
        padding = max(0, MINIMUM_COMMIT - self.uncommitted) if pad else 0
        if padding:
            self._append(silence(padding))
        if self._resampler is not None and (rest := self._resampler.flush()):
            self._put(AppendAudio(rest))
        own = self._send(CommitAudio(self._next_event_id()))
        self._pending_commits.append(own)
        self._own_commits.add(own)
        self.uncommitted = 0
        return padding

    def clear(self) -> bool:
        """Have the service forget what is not committed; False where it does not take that."""
        if self.state is not State.STREAMING:
            raise LocalProtocolError(f"audio can be cleared while streaming, but the connection is {self.state.value}")
        if self._one_turn is not None:
            self._put(CommitAudio(final=True))  # which ends the stretch; that nothing was said in it is the answer
            self.uncommitted = 0
            return True
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
    def holding(self) -> bool:
        """Whether the service has to answer before it takes more audio; what is appended meanwhile is kept."""
        return self._one_turn is not None and self._one_turn.holding

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
        self.wanted, notes = adapt(self.wanted, self.dialect)
        for sentence in notes:
            self._warn(sentence)
        body, bare = session_update(self.wanted, self.dialect), self.dialect.shape == "bare"
        self._pending_update = self._send(SessionUpdate(body, self._next_event_id(), self.dialect.update, bare))

    def _append(self, pcm: bytes) -> None:
        audio = pcm if self._resampler is None else self._resampler.feed(pcm)
        if audio:
            self._put(AppendAudio(audio))
        self.uncommitted += len(pcm) // BYTES_PER_SAMPLE

    def _send(self, event: ClientEvent) -> str:
        self._put(event)
        return event.event_id or ""

    def _put(self, event: ClientEvent) -> None:
        for each in [event] if self._one_turn is None else self._one_turn.outgoing(event):
            self._outgoing.append(encode(each))

    def _next_event_id(self) -> str:
        self._event_number += 1
        return f"rtm-{self._event_number}"

    def _warn(self, sentence: str) -> None:
        self._note(sentence)
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)
