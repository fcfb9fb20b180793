"""A session: one logical transcription from start to finish, over one or more connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, Self, TypeAlias

from rt_magic.audio.pace import Pace
from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE
from rt_magic.audio.recording import Recording
from rt_magic.exceptions import (
    AudioError,
    AuthenticationError,
    ConfigurationError,
    RtMagicError,
    ServiceConnectionError,
)
from rt_magic.languages import languages
from rt_magic.secrets import redact
from rt_magic.session import prefetch
from rt_magic.session.carrying import Carriers
from rt_magic.session.connection import Connection
from rt_magic.session.diagnosis import Asked, can_retry, explain_handshake
from rt_magic.session.ladder import Ladder
from rt_magic.session.opening import HandshakeRefused, NotReached
from rt_magic.session.provenance import versions
from rt_magic.session.relay import Relay
from rt_magic.session.report import Report, signed_in
from rt_magic.session.resolution import check_service
from rt_magic.session.retry import Attempts
from rt_magic.session.services import Address, Local, Service
from rt_magic.session.timing import Timing
from rt_magic.session.updates import Updates, is_running
from rt_magic.session.wishes import wishes
from rt_magic.transcript.folding import fold
from rt_magic.transcript.segments import CutRefused, GaveUp, Lost, Opened, Segment, TurnCut
from rt_magic.transcript.transcript import Transcript
from rt_magic.transcript.turns import Folded
from rt_magic.wire.events import ServerEvent

_log = logging.getLogger(__name__)

State: TypeAlias = Literal["connecting", "listening", "reconnecting", "draining", "stopped", "error"]

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
        wanted, notes, streams = wishes(
            service,
            languages=spoken,
            model=model,
            prompt=prompt,
            keywords=keywords,
            turn_detection=turn_detection,
            silence_ms=silence_ms,
            noise_reduction=noise_reduction,
        )
        self._ladder = Ladder(service, wanted)
        self.wanted = self._ladder.wanted
        self.offset = offset
        self.recording = recording or Recording.create()
        self._alone = transcript is None
        """Whether nobody else writes into the transcript, so that its end is the session's."""
        self.transcript = Transcript(recording=self.recording, offset=offset) if transcript is None else transcript
        options = {
            "language": language,
            "model": model,
            "prompt": prompt,
            "keywords": list(keywords),
            "turn_detection": turn_detection,
            "silence_ms": silence_ms,
            "noise_reduction": noise_reduction,
        }
        self.transcript._describe(
            options={name: value for name, value in options.items() if value}, versions=versions(service)
        )
        self._report = Report(service, self.transcript, [*notes, *self._ladder.notes], streams)
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
        self._carriers = Carriers()
        self._close_at = 0
        """Sample of the recording behind which a turn was to be closed last."""
        self._connections = 0
        """Number of the newest connection that the service accepted."""
        self._address: Address | None = None
        self._timing = timing
        self._attempts = Attempts(timing.retry)
        self._finishing = False
        self._over = asyncio.Event()
        self._updates = Updates()

    # ── use ──

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise ConfigurationError("this session was entered before; make a new RealtimeSession for another one")
        self._loop = asyncio.get_running_loop()
        self.transcript._begin()
        self._task = asyncio.create_task(self._run(), name="rt_magic-session")
        return self

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        if self.state not in ("stopped", "error"):
            await self.cancel()
        self.recording.close()

    def append(self, pcm: bytes, captured: float | None = None) -> int:
        """Add PCM16 at 24 kHz to the recording and return its position in samples; from any thread, never waits.

        `captured` is the monotonic time of its last sample, where it is known; else it is taken to be new.
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
            self._pace.note(position + memoryview(pcm).nbytes // BYTES_PER_SAMPLE, time.monotonic(), captured)
        if self._loop is not None and self._carriers.current is not None:
            if is_running(self._loop):
                self._wake()  # a call as if from another thread would cost a round of the loop
            else:
                self._loop.call_soon_threadsafe(self._wake)
        return position

    async def send(self, pcm: bytes) -> None:
        """Add PCM16 at 24 kHz to the recording; never waits for the network.

        Raises what ended the session, and ConfigurationError after `finish`.
        """
        self._raise_error()
        if self._finishing or self.state == "stopped":
            raise ConfigurationError("this session is finished and hears no more; make a new one for what follows")
        self.append(pcm)

    async def flush(self) -> None:
        """Close the turn that is open, as at a pause, so that its final text comes; the recording's clock stands.

        Where no connection stands, or it is lost before that text came, the next one closes the turn.
        """
        self._close_at = self.recording.samples
        if self._carriers.current is not None:
            self._carriers.current.flush(self._close_at)

    async def finish(self, timeout: float | None = 30) -> Transcript:
        """Wait until everything sent is final, or marked failed after `timeout` seconds; return the transcript.

        Raises what ended the session, if it was an error.
        """
        if self._task is None:
            raise ConfigurationError("this session was not entered; use it as: async with RealtimeSession(...) as s")
        self._finishing = True
        if self.state not in ("stopped", "error"):
            self._move("draining", "writing the last words")
        if self._carriers.current is not None:
            self._carriers.current.finish()
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
        sent = self._carriers.current.position if self._carriers.current is not None else 0
        self._lose()
        self._carriers.settled.add(0, sent)
        self.error = None
        self._report.restart()
        self._ladder = Ladder(self.service, self.wanted)
        self._finishing = False
        self._attempts.restart()
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
        async with contextlib.aclosing(self._updates.follow(self.transcript, self._over.is_set)) as updates:
            async for segment in updates:
                yield segment
        self._raise_error()

    @property
    def counts(self) -> dict[str, int]:
        """Samples at 24 kHz: `received` into the recording, `sent` to the service with its `padding`."""
        samples = self.recording.samples
        return {"captured": samples, "received": samples, **self._carriers.counts}

    @property
    def behind(self) -> float:
        """Seconds of the recording that are not sent yet."""
        return (self.recording.samples - self._carriers.position) / SAMPLE_RATE

    # ── inner ──

    async def _run(self) -> None:
        """Keep a connection until everything is settled or an error is final."""
        try:
            while True:
                asked, quota = None, False
                try:
                    await self._connect()
                    return self._end("stopped", "stopped")
                except HandshakeRefused as answer:
                    refused = answer.refused
                    if self._address is not None and self._ladder.climb(refused, self._address):
                        continue
                    error = explain_handshake(self._asked(), refused)
                    asked, quota = refused.retry_after(datetime.now(UTC)), refused.status == 429
                    final = not can_retry(error, refused.status)
                except NotReached as nobody:
                    error, final = nobody.error, self._connections == 0 and not nobody.passing
                except ServiceConnectionError as lost:
                    error, final = lost, self._connections == 0 and self._carriers.current is None
                if self._carriers.of_use(asyncio.get_running_loop().time()):
                    self._attempts.progress()
                wait = self._attempts.fail(error, final=final, asked=asked, quota=quota)
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

    async def _connect(self) -> None:
        connection, address = await self._dial()
        self._carriers.current = connection
        self._tell(connection)
        relay = Relay(partial(self._dial, held=True), self._pass, self._retire)
        await relay.run(connection, address)

    async def _dial(self, *, held: bool = False) -> tuple[Connection, Address]:
        try:
            self._address = address = await prefetch.address(self.service, self._ladder.rung)
        except AuthenticationError as error:
            if not self._connections:
                raise
            # Who was let in before will be so again: what gives tokens has troubles of its own at times.
            raise NotReached(error, passing=True) from None
        if address.signed_in and not self._connections:
            self._move("draining" if self._finishing else "connecting", f"connecting, {signed_in(address)}")
        connection = Connection(
            self._connections + 1,
            self._asked(),
            self.service.speaks,
            replace(self.wanted, kind=self._ladder.rung.kind),
            self.recording,
            self._carriers.settled.position,
            self._receive,
            settled=self._carriers.settled,
            timing=self._timing,
            held=held,
            last_chance=self._attempts.last_chance,
            pace=self._pace,
        )
        return connection, address

    def _pass(self, connection: Connection) -> None:
        """Go on with the connection that has taken over."""
        self._carriers.pass_to(connection)
        self._tell(connection)

    def _tell(self, connection: Connection) -> None:
        """Ask of a connection that takes sound what was asked before of the session."""
        connection.flush(self._close_at)
        if self._finishing:
            connection.finish()

    def _retire(self, connection: Connection) -> None:
        self._carriers.retire(connection, self._folded)

    def _asked(self) -> Asked:
        return self._ladder.asked(self._address)

    def _lose(self) -> None:
        """Forget the connection; the next one sends again what of the recording has not become text on it."""
        for number in self._carriers.lose(self._folded):
            self._take(Lost(), number)

    def _receive(self, connection: Connection, event: ServerEvent | Opened | TurnCut | CutRefused) -> None:
        if isinstance(event, Opened):
            self._connections = connection.number
            self.wanted = connection.protocol.wanted  # what the service accepted: the next connection asks for that
            self._ladder.hold(connection.protocol.lacking)
        elif not isinstance(event, TurnCut | CutRefused):
            error = self._report.take(event, self._asked(), connection.request_id)
            if error is not None:
                connection.fail(error)
        if connection.opened_at is not None:
            self._report.describe(connection, self.wanted, self._address)
            if not self._finishing and self.state not in ("stopped", "error"):
                self._move("listening", self._report.listening(self.wanted, self._address))
        self._take(event, connection.number)

    def _take(self, event: Any, connection: int = 0) -> None:
        self._folded, changes = fold(self._folded, event, time.monotonic(), connection)
        self.transcript._apply(changes)

    def _wake(self) -> None:
        if self._carriers.current is not None:
            self._carriers.current.wake()

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
        self._updates.wake()

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
