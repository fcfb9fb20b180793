"""A session: one logical transcription from start to finish, over one or more connections."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, Self, TypeAlias

from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE, Pace
from rt_magic.audio.recording import Recording
from rt_magic.exceptions import AudioError, ConfigurationError, RtMagicError, ServiceConnectionError
from rt_magic.languages import languages
from rt_magic.secrets import redact
from rt_magic.session import prefetch
from rt_magic.session.conduct import Conduct
from rt_magic.session.connection import Connection, Mute
from rt_magic.session.diagnosis import Asked, can_retry, explain_error, explain_handshake
from rt_magic.session.ladder import Ladder
from rt_magic.session.opening import HandshakeRefused, NotReached
from rt_magic.session.relay import Relay
from rt_magic.session.resolution import check_service
from rt_magic.session.services import Address, Local, Service
from rt_magic.session.settled import Settled, settled_by
from rt_magic.session.timing import Timing
from rt_magic.transcript.segments import Folded, GaveUp, Lost, Opened, Segment, TurnCut, fold, sounds
from rt_magic.transcript.transcript import Transcript, TranscriptChange
from rt_magic.wire.dialects import TurnDetection, Wanted
from rt_magic.wire.events import Completed, ErrorEvent, Failed, ServerEvent
from rt_magic.wire.models import EMBEDDED, fit, guess_abilities

_log = logging.getLogger(__name__)

State: TypeAlias = Literal["connecting", "listening", "reconnecting", "draining", "stopped", "error"]

MAXIMUM_ATTEMPTS = 6
"""Connections in a row that may fail before the session gives up, where none has ever been of use."""

MAXIMUM_REPEATS = 20
"""The same where one has been of use, ten minutes in all: the recording goes on, and most outages end before."""

MAXIMUM_MUTES = 3
"""Connections in a row that may fall silent over a turn before it is marked as failed."""

QUOTA_WAIT = 20.0
"""Seconds to wait at least after a 429 that names no time: quotas begin at three a minute."""

STOOD = 60.0
"""Seconds after which a connection that is lost is not counted with the failed attempts before it."""

MAXIMUM_WAIT = 90.0
"""Seconds that a service may ask to wait before it is tried again; longer, and the session ends by saying so."""


DEFAULT = Timing()


class RealtimeSession:
    """Transcribe what is sent to it, as a context manager on the loop that enters it.

    Entering returns at once: the connection is made in the background and audio waits in the recording until the
    service takes it. `turn_detection` is "auto", "server", "semantic", "client" or "off"; `silence_ms` is the pause
    that ends a turn. Errors of the service are raised by `send`, `finish` and iteration. Leaving without `finish`
    cancels. Raises ConfigurationError for what cannot work.
    """

    def __init__(
        self,
        service: Service,
        *,
        language: str | None = None,
        model: str | None = None,
        prompt: str | None = None,
        keywords: Sequence[str] = (),
        turn_detection: str = "auto",
        silence_ms: int = 500,
        noise_reduction: str | None = None,
        recording: Recording | None = None,
        transcript: Transcript | None = None,
        live: bool = False,
        offset: float = 0.0,
        on_state: Callable[[State, str], object] | None = None,
        timing: Timing = DEFAULT,
    ) -> None:
        if isinstance(service, Local) and model:
            service = replace(service, model=model)
        spoken = languages(language) if language else ()
        check_service(service, spoken)
        self.service = service = service.pinned()
        abilities = EMBEDDED if isinstance(service, Local) else guess_abilities(model or _model(service))
        wanted, notes = fit(
            Wanted(
                model=model or _model(service),
                languages=spoken,
                prompt=prompt,
                keywords=tuple(keywords),
                turn_detection=_turn_detection(turn_detection),
                silence_ms=silence_ms,
                noise_reduction=_noise_reduction(noise_reduction),
            ),
            abilities,
        )
        self._ladder = Ladder(service, wanted)
        self.wanted = self._ladder.wanted
        self._notes = [*notes, *self._ladder.notes]
        self._conduct = Conduct(abilities.streams)
        self.offset = offset
        self.recording = recording or Recording.create()
        self._alone = transcript is None
        """Whether nobody else writes into the transcript, so that its end is the session's."""
        self.transcript = Transcript(recording=self.recording, offset=offset) if transcript is None else transcript
        self.recording.describe(
            {
                "started_at": (self.transcript.started_at or datetime.now(UTC)).isoformat(),
                "service": service.name,
                "language": language,
                "prompt": prompt,
                "keywords": list(keywords),
            }
        )
        self.state: State = "connecting"
        self.status = "connecting"
        self.error: RtMagicError | None = None
        self._on_state = on_state
        self._pace = Pace() if live else None
        self._folded = Folded(pace=self._pace, prompt=self.wanted.prompt, offset=offset)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._leaving: list[Connection] = []
        """Connections that take no more sound, with turns that are not settled yet."""
        self._connections = 0
        """Number of the newest connection that the service accepted."""
        self._address: Address | None = None
        self._settled = Settled()
        """What of the recording no connection has to send (again)."""
        self._timing = timing
        self._sent = 0
        self._padding = 0
        self._proven = False
        """Whether a connection was of use, so that it is worth more patience when the network is lost."""
        self._mutes = 0
        """Connections in a row that fell silent."""
        self._finishing = False
        self._over = asyncio.Event()
        self._updates: dict[str, Segment] = {}
        self._updated = asyncio.Event()
        self._unsubscribe: Callable[[], None] | None = None

    # ── use ──

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="rt_magic-session")
        return self

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        if self.state not in ("stopped", "error"):
            await self.cancel()
        self.recording.close()

    def append(self, pcm: bytes) -> int:
        """Add PCM16 at 24 kHz to the recording and return its position in samples; from any thread, never waits.

        Raises AudioError where it cannot be recorded, as on a full disk; what was recorded before is sent on.
        """
        try:
            position = self.recording.append(pcm)
        except OSError as error:
            raise AudioError(
                f"sound cannot be recorded in {self.recording.folder} ({error.strerror}); what was recorded before is "
                "transcribed; make room, and record again"
            ) from error
        if self._pace is not None:
            self._pace.note(position + len(pcm) // BYTES_PER_SAMPLE, time.monotonic())
        if self._loop is not None and self._connection is not None:
            self._loop.call_soon_threadsafe(self._wake)
        return position

    async def send(self, pcm: bytes) -> None:
        """Add PCM16 at 24 kHz to the recording; never waits for the network. Raises what ended the session."""
        self._raise_error()
        self.append(pcm)

    async def flush(self) -> None:
        """Close the turn that is open, as at a pause, so that its final text comes; the recording's clock stands."""
        if self._connection is not None:
            self._connection.flush()

    async def finish(self, timeout: float | None = 30) -> Transcript:
        """Wait until everything sent is final, or marked failed after `timeout` seconds; return the transcript.

        Raises what ended the session, if it was an error.
        """
        if self._task is None:
            raise ConfigurationError("this session was not entered; use it as: async with RealtimeSession(...) as s")
        self._finishing = True
        if self.state not in ("stopped", "error"):
            self._move("draining", "writing the last words")
        if self._connection is not None:
            self._connection.finish()
        try:
            async with asyncio.timeout(timeout):
                await self._over.wait()
        except TimeoutError:
            self._take(GaveUp(f"no final text came within {timeout:g} s"))
            await self._stop_task()
            self._end("stopped", "stopped; the service did not answer in time")
        self._raise_error()
        return self.transcript

    def resume(self) -> None:
        """Begin again after the end or an error, on the session's loop: the recording and the transcript go on.

        Sound that came after the end is sent as well, and after an error all that had not become final text. Raises
        ConfigurationError while the session runs.
        """
        if self.state not in ("stopped", "error"):
            raise ConfigurationError(f"this session is {self.state}; only one that has ended can begin again")
        sent = self._connection.position if self._connection is not None else 0
        self._lose()
        self._settled.add(0, sent)
        self.error = None
        self._conduct = Conduct(not self._conduct.late)
        self._ladder = Ladder(self.service, self.wanted)
        self._finishing, self._mutes = False, 0
        self._over.clear()
        self.transcript._finish(False)
        self._move("connecting", "connecting")
        self._task = asyncio.create_task(self._run(), name="rt_magic-session")

    async def cancel(self) -> None:
        """End at once; what is not final is marked failed."""
        await self._stop_task()
        self._take(GaveUp("the session was cancelled before this text was final"))
        self._end("stopped", "cancelled")

    async def __aiter__(self) -> AsyncGenerator[Segment, None]:
        """Yield segments as they change, interim ones coalesced; ends after `finish`. For one consumer."""
        if self._unsubscribe is not None:
            raise ConfigurationError("this session is iterated already; use transcript.on_change for a second reader")
        self._unsubscribe = self.transcript.on_change(self._note_update)
        self._updates.update((s.id, s) for s in (*self.transcript.segments, *self.transcript.interim))
        self._updated.set()
        try:
            while True:
                await self._updated.wait()
                self._updated.clear()
                updates, self._updates = list(self._updates.values()), {}
                for segment in updates:
                    yield segment
                if self._over.is_set() and not self._updates:
                    self._raise_error()
                    return
        finally:
            self._unsubscribe()
            self._unsubscribe = None

    @property
    def counts(self) -> dict[str, int]:
        """Samples at 24 kHz: `received` into the recording, `sent` to the service with its `padding`."""
        timelines = [connection.timeline for connection in self._carrying()]
        sent = self._sent + sum(timeline.length for timeline in timelines)
        padding = self._padding + sum(timeline.padding for timeline in timelines)
        samples = self.recording.samples
        return {"captured": samples, "received": samples, "sent": sent, "padding": padding}

    @property
    def behind(self) -> float:
        """Seconds of the recording that are not sent yet."""
        position = self._connection.position if self._connection else self._settled.position
        return (self.recording.samples - position) / SAMPLE_RATE

    # ── inner ──

    async def _run(self) -> None:
        """Keep a connection until everything is settled or an error is final."""
        attempt = 0
        try:
            while True:
                wait, at_least = None, 0.0
                try:
                    await self._connect()
                    return self._end("stopped", "stopped")
                except HandshakeRefused as answer:
                    refused = answer.refused
                    if self._address is not None and self._ladder.climb(refused, self._address):
                        continue
                    error = explain_handshake(self._asked(), refused)
                    wait = refused.retry_after(datetime.now(UTC))
                    at_least = QUOTA_WAIT * (0.75 + random.random() / 2) if refused.status == 429 else 0.0
                    final = not can_retry(error, refused.status)
                except NotReached as nobody:
                    error, final = nobody.error, self._connections == 0 and not nobody.passing
                except ServiceConnectionError as lost:
                    error, final = lost, self._connections == 0 and self._connection is None
                if self._progressed():
                    attempt = self._mutes = 0
                    self._proven = True
                attempt += 1
                self._mutes += isinstance(error, Mute)
                if final or attempt >= (MAXIMUM_REPEATS if self._proven else MAXIMUM_ATTEMPTS):
                    raise error
                if wait is None:
                    wait = max(backoff(attempt, random.random()), at_least) * self._timing.retry
                elif wait > MAXIMUM_WAIT:
                    raise type(error)(
                        f"{error.message} (it wants to be left alone for {wait / 60:.0f} min)",
                        request_id=error.request_id,
                    )
                self._lose()
                state: State = "reconnecting" if self._connections else "connecting"
                self._move("draining" if self._finishing else state, f"trying again in {wait:.0f} s: {error}")
                await asyncio.sleep(wait)
        except RtMagicError as error:
            self._lose()
            self._fail(error)
        except Exception as error:  # a bug of ours must not leave a session that waits for ever
            _log.exception("a session ended by an unexpected error")
            self._lose()
            self._fail(
                RtMagicError(f"the session ended by an unexpected error: {redact(repr(error))}; please report it")
            )

    def _progressed(self) -> bool:
        """Tell whether the connection that is lost was of use, so that what failed before it does not count."""
        connection = self._connection
        if connection is None or connection.opened_at is None:
            return False
        return connection.settled > 0 or asyncio.get_running_loop().time() - connection.opened_at >= STOOD

    async def _connect(self) -> None:
        self._connection, address = await self._dial()
        if self._finishing:
            self._connection.finish()
        await Relay(self._dial_next, self._pass, self._retire).run(self._connection, address)

    async def _dial(self, *, held: bool = False) -> tuple[Connection, Address]:
        self._address = address = await prefetch.address(self.service, self._ladder.rung)
        if address.signed_in and not self._connections:
            self._move("draining" if self._finishing else "connecting", f"connecting, {self._signed_in()}")
        connection = Connection(
            self._connections + 1,
            self._asked(),
            self.service.speaks,
            replace(self.wanted, kind=self._ladder.rung.kind),
            self.recording,
            self._settled.position,
            self._receive,
            settled=self._settled,
            timing=self._timing,
            held=held,
            last_chance=self._mutes >= MAXIMUM_MUTES,
        )
        return connection, address

    async def _dial_next(self) -> tuple[Connection, Address]:
        return await self._dial(held=True)

    def _pass(self, connection: Connection) -> None:
        """Go on with the connection that has taken over; the one before writes its last words."""
        if self._connection is not None:
            self._leaving.append(self._connection)
        self._connection = connection
        if self._finishing:
            connection.finish()

    def _retire(self, connection: Connection) -> None:
        """Forget a connection of which everything is settled."""
        self._leaving.remove(connection)
        self._account(connection)
        self._settled.add(connection.first, connection.position)

    def _carrying(self) -> list[Connection]:
        return [*self._leaving, *([self._connection] if self._connection is not None else [])]

    def _asked(self) -> Asked:
        return self._ladder.asked(self._address)

    def _signed_in(self) -> str:
        return f"signed in by {self._address.credential}" if self._address and self._address.signed_in else ""

    def _lose(self) -> None:
        """Forget the connection; the next one sends again what of the recording has not become text on it."""
        lost = self._carrying()
        self._connection, self._leaving = None, []
        for connection in lost:
            self._account(connection)
            self._take(Lost(), connection.number)

    def _account(self, connection: Connection) -> None:
        self._sent += connection.timeline.length
        self._padding += connection.timeline.padding
        for start, stop in settled_by(sounds(self._folded, connection.number), connection.first):
            self._settled.add(start, stop)

    def _receive(self, connection: Connection, event: ServerEvent | Opened | TurnCut) -> None:
        match event:
            case Opened():
                self._connections = connection.number
                self.wanted = connection.protocol.wanted  # what the service accepted: the next connection asks for that
                self._ladder.hold(connection.protocol.given_up)
            case ErrorEvent():
                self.transcript._record({"type": "error", "code": event.code, "message": event.message})
            case Failed():
                self.transcript._record({"type": "failed", "code": event.code, "message": event.message})
            case Completed(usage=usage) if usage:
                self.transcript._add_usage(usage)
        if not isinstance(event, Opened | TurnCut):
            error = self._conduct.take(event, self._asked(), connection.request_id)
            if error is None and isinstance(event, ErrorEvent) and event.code == "session_expired":
                error = explain_error(event.code, event.message, request=connection.request_id)  # some stay open
            if error is not None:
                connection.fail(error)
        if connection.opened_at is not None:
            self._describe(connection)
            self._listen()
        self._take(event, connection.number)

    def _listen(self) -> None:
        """Say that it listens, and what one should know about how."""
        if self._finishing or self.state in ("stopped", "error"):
            return
        late = f"{self.wanted.model or 'the service'} writes after each pause" if self._conduct.late else ""
        parts = ["listening", self._signed_in(), late, *self._conduct.notes[-1:]]
        self._move("listening", "; ".join(part for part in parts if part))

    def _describe(self, connection: Connection) -> None:
        accepted = connection.protocol.accepted
        notes = [*self._notes, *map(redact, connection.protocol.notes), *self._conduct.notes]
        if accepted is None or self.transcript.meta.get("notes") == notes:
            return
        self.transcript.meta.update(
            service=self.service.name,
            host=self.service.host,
            model=accepted.model or self.wanted.model,
            languages=list(self.wanted.languages) or _understood(self.service),
            notes=notes,
            credential=self._address.credential if self._address and self.service.host else None,
        )

    def _take(self, event: Any, connection: int = 0) -> None:
        self._folded, changes = fold(self._folded, event, time.monotonic(), connection)
        self.transcript._apply(changes)

    def _wake(self) -> None:
        if self._connection is not None:
            self._connection.wake()

    def _note_update(self, change: TranscriptChange) -> None:
        if self._loop is not None and not _is_running(self._loop):  # a correction, made on the user's thread
            self._loop.call_soon_threadsafe(self._note_update, change)
            return
        for id_ in change.remove:
            self._updates.pop(id_, None)
        self._updates.update((segment.id, segment) for segment in change.upsert)
        self._updated.set()

    def _fail(self, error: RtMagicError) -> None:
        # Without the frames in which it arose, whose variables hold keys.
        error.__cause__ = error.__context__ = None
        self.error = error.with_traceback(None)
        self._take(GaveUp(error.message))
        self._end("error", str(error))

    def _end(self, state: State, status: str) -> None:
        if self.state in ("stopped", "error"):
            return
        self._move(state, status)
        if self._alone:
            self.transcript._record({"type": "stopped", **self.counts})
            self.transcript._finish()
        self._over.set()
        self._updated.set()

    def _move(self, state: State, status: str) -> None:
        if (state, status) == (self.state, self.status):
            return
        self.state, self.status = state, status
        if self._on_state is not None:
            self._on_state(state, status)

    async def _stop_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _raise_error(self) -> None:
        if self.error is not None:
            raise self.error


def backoff(attempt: int, chance: float) -> float:
    """Return the seconds to wait before an attempt: doubling from half a second to 30 s, less up to half by chance."""
    return min(30.0, 0.25 * 2.0**attempt) * (1 - chance / 2)


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether this thread is the one that runs the loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _understood(service: Service) -> list[str]:
    """Return the languages of a service that knows one whatever is asked for."""
    only_english = isinstance(service, Local) and service.model is None and service.engine != "whisper"
    return ["en"] if only_english else []


def _model(service: Service) -> str | None:
    return None if isinstance(service, Local) else service.transcriber()


_TURN_DETECTION: dict[str, TurnDetection] = {
    "auto": "server",
    "server": "server",
    "semantic": "semantic",
    "client": "client",
    "off": "off",
}


def _turn_detection(word: str) -> TurnDetection:
    if word not in _TURN_DETECTION:
        raise ConfigurationError(
            f"turn_detection={word!r} is not known; choose one of {', '.join(map(repr, _TURN_DETECTION))}"
        )
    return _TURN_DETECTION[word]


def _noise_reduction(word: str | None) -> Literal["near", "far"] | None:
    if word in (None, "off"):
        return None
    if word not in ("near", "far"):
        raise ConfigurationError(f"noise_reduction={word!r} is not known; choose 'near', 'far' or 'off'")
    return word  # type: ignore[return-value]  # checked in the line above
