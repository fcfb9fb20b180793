"""A session: one logical transcription from start to finish, over one or more connections."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Self, TypeAlias

from rt_magic.audio.pace import Pace
from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE
from rt_magic.audio.recording import Recording
from rt_magic.exceptions import (
    AudioError,
    ConfigurationError,
    RtMagicError,
)
from rt_magic.languages import languages
from rt_magic.secrets import unexpected
from rt_magic.session.connection import Connection
from rt_magic.session.keeper import TRYING_AGAIN, Keeper, Phase
from rt_magic.session.provenance import versions
from rt_magic.session.report import Report
from rt_magic.session.resolution import check_service
from rt_magic.session.services import Service
from rt_magic.session.settled import settled_by
from rt_magic.session.timing import DEFAULT, Timing
from rt_magic.session.updates import Updates
from rt_magic.session.wishes import wishes
from rt_magic.threads import this_thread
from rt_magic.transcript.folding import fold, sounds
from rt_magic.transcript.segments import CutRefused, GaveUp, Lost, Opened, Segment, TurnCut
from rt_magic.transcript.transcript import Transcript
from rt_magic.transcript.turns import Folded
from rt_magic.wire.events import ServerEvent
from rt_magic.wire.protocol import MINIMUM_COMMIT

_log = logging.getLogger(__name__)

NOT_ENTERED = "this session was not entered; use it as: async with RealtimeSession(...) as s"

State: TypeAlias = Literal["connecting", "listening", "reconnecting", "draining", "stopped", "error"]


class RealtimeSession:
    """Transcribe what is sent to it, as a context manager on the loop that enters it.

    Entering returns at once: the connection is made in the background and audio waits in the recording until the
    service takes it. `turn_detection` is "auto", "server", "semantic", "client" or "off"; `silence_ms` is the pause
    that ends a turn. Errors of the service are raised by `send`, `finish` and iteration. Leaving without `finish`
    cancels. Raises ConfigurationError for what cannot work.

    `live=True` says that sound comes as it is spoken, so that `transcript.latency` is measured. `recording` and
    `transcript` are used where they are given, and made anew else; `offset` is the second of a source at which the
    recording begins. `on_state(state, sentence)` is called on the session's loop. `timing` has its time limits.
    """

    _keeping = Keeper
    _folded: Folded

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
        if model and dataclasses.is_dataclass(service):  # what is none is refused below
            service = dataclasses.replace(service, model=model)
        spoken = languages(language) if language else ()
        check_service(service, spoken, python=True)
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
        self.offset = offset
        self.recording = recording or Recording.create()
        self._pace = Pace() if live else None
        self._keeper = self._keeping(
            service,
            wanted,
            self.recording,
            timing,
            self._pace,
            receive=self._receive,
            lost=lambda number: self._take(Lost(), number),
            folded=lambda: self._folded,
            moved=self._wait_for,
        )
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
            options={name: value for name, value in options.items() if value},
            versions=versions(service),
            notice=None,  # nobody was told anything, unless a cell does so
        )
        self._report = Report(service, self.transcript, [*notes, *self._keeper.ladder.notes], streams)
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
        self.waits = ""
        """Why and how long no connection is tried, as a sentence; "" where one stands or is tried."""
        self.error: RtMagicError | None = None
        self._on_state = on_state
        self._folded = Folded(pace=self._pace, prompt=self._keeper.wanted.prompt, offset=offset)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        """The one that runs the loop."""
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._updates = Updates()

    # ── use ──

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise ConfigurationError("this session was entered before; make a new RealtimeSession for another one")
        self._loop, self._thread = asyncio.get_running_loop(), this_thread()
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
        if self._loop is not None and self._keeper.carriers.current is not None:
            if this_thread() == self._thread:
                self._keeper.wake()  # a call as if from another thread would cost a round of the loop
            else:
                self._loop.call_soon_threadsafe(self._keeper.wake)
        return position

    async def send(self, pcm: bytes) -> None:
        """Add PCM16 at 24 kHz to the recording; never waits for the network.

        Raises what ended the session, and ConfigurationError before the session is entered and after `finish`.
        """
        self._raise_error()
        if self._task is None:
            raise ConfigurationError(NOT_ENTERED)
        if self._keeper.finishing or self.state == "stopped":
            raise ConfigurationError("this session is finished and hears no more; make a new one for what follows")
        self.append(pcm)

    async def flush(self) -> None:
        """Close the turn that is open, as at a pause, so that its final text comes; the recording's clock stands.

        Where no connection stands, or it is lost before that text came, the next one closes the turn.
        """
        self._keeper.flush()

    async def finish(self, timeout: float | None = 30) -> Transcript:
        """Wait until everything sent is final, or marked failed after `timeout` seconds; return the transcript.

        Raises what ended the session, if it was an error.
        """
        if self._task is None:
            raise ConfigurationError(NOT_ENTERED)
        self._keeper.finish()
        if self.state not in ("stopped", "error"):
            self._move("draining", self.waits or "writing the last words")
        try:
            async with asyncio.timeout(timeout):
                await self._over.wait()
        except TimeoutError:
            self._take(GaveUp(f"no final text came within {timeout:g} s", self._unheard()))
            await self._stop_task()
            self._end("stopped", "stopped; the service did not answer in time")
        self._raise_error()
        return self.transcript

    def _unheard(self) -> tuple[int, int] | None:
        """Return the end of the recording that became no turn, if it is long enough to be one."""
        carriers = self._keeper.carriers
        start, stop = carriers.settled.position, self.recording.samples
        if (current := carriers.current) is not None:
            settled = settled_by(sounds(self._folded, current.number), current.first)
            start = max([start, *(end for _, end in settled)])
        return (start, stop) if stop - start >= MINIMUM_COMMIT else None

    def resume(self) -> None:
        """Begin again after the end or an error, on the session's loop: the recording and the transcript go on.

        Sound that came after the end is sent as well, and after an error all that had not become final text. Raises
        ConfigurationError while the session runs.
        """
        if self.state not in ("stopped", "error"):
            raise ConfigurationError(f"this session is {self.state}; only one that has ended can begin again")
        self._keeper.restart()
        self.error = None
        self._report.restart()
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
        return {"captured": samples, "received": samples, **self._keeper.carriers.counts}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What one should know of the words, as that they come in another language than asked for."""
        return self._report.warnings

    @property
    def reached(self) -> bool:
        """Whether the service took the last connection that has ended, whatever it said then."""
        return self._keeper.reached

    @property
    def behind(self) -> float:
        """Seconds of the recording that are not sent yet."""
        return (self.recording.samples - self._keeper.carriers.position) / SAMPLE_RATE

    # ── inner ──

    async def _run(self) -> None:
        """Run until everything is settled or an error is final."""
        try:
            await self._keeper.run()
            self._end("stopped", "stopped")
        except RtMagicError as error:
            self._fail(error)
        except Exception as error:  # a bug of ours must not leave a session that waits for ever
            _log.exception("a session ended by an unexpected error")
            self._fail(unexpected(error))

    def _wait_for(self, phase: Phase, status: str) -> None:
        self.waits = status if status.startswith(TRYING_AGAIN) else ""
        self._move("draining" if self._keeper.finishing else phase, status)

    def _receive(self, connection: Connection, event: ServerEvent | Opened | TurnCut | CutRefused) -> None:
        if isinstance(event, Opened):
            self.waits = ""
            self._keeper.accept(connection)
        elif not isinstance(event, TurnCut | CutRefused):
            error = self._report.take(event, self._keeper.asked(), connection.request_id)
            if error is not None:
                connection.fail(error)
        if connection.opened_at is not None:
            wanted, address = self._keeper.wanted, self._keeper.address
            self._report.describe(connection, wanted, address)
            if not self._keeper.finishing and self.state not in ("stopped", "error"):
                self._move("listening", self._report.listening(wanted, address))
        self._take(event, connection.number)

    def _take(self, event: Any, connection: int = 0) -> None:
        self._folded, changes = fold(self._folded, event, time.monotonic(), connection)
        self.transcript._apply(changes)

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
