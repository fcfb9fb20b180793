"""One WebSocket of a session: opened, configured, fed from the recording, read until it ends."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from rt_magic.audio.pcm import SAMPLE_RATE, Timeline
from rt_magic.audio.recording import Recording
from rt_magic.audio.vad import SpeechDetector
from rt_magic.exceptions import RtMagicError, ServiceConnectionError
from rt_magic.secrets import redact
from rt_magic.session.cutting import PREFIX, Cut, Cutter
from rt_magic.session.diagnosis import Asked, clock_ahead, explain_close, explain_error, request_id
from rt_magic.session.opening import opened
from rt_magic.session.services import Address
from rt_magic.session.settled import Settled
from rt_magic.session.timing import Timing
from rt_magic.transcript.segments import Opened, TurnCut
from rt_magic.wire.dialects import Dialect, Wanted
from rt_magic.wire.events import (
    Committed,
    Completed,
    Delta,
    ErrorEvent,
    Failed,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
    SpeechStopped,
)
from rt_magic.wire.protocol import ClientProtocol, State
from rt_magic.wire.turns import TurnDetector

_log = logging.getLogger(__name__)

CHUNK = SAMPLE_RATE // 2
"""Samples in one append at the most, when audio is sent faster than it was spoken."""

WINDOW = 5 * SAMPLE_RATE
"""Samples after which the other side must have shown that it reads (by a pong), two windows may be under way."""

LOOK_BACK = 10 * SAMPLE_RATE
"""Samples that are listened to again to find out whether there is a pause, as turn detection has to settle in."""

ANSWER_TIMEOUT = 20.0
STALL = 60.0
"""Seconds without any turn settled after which one that is committed is taken for lost, its text so far kept."""

IDLE = 30 * SAMPLE_RATE
"""Samples without speech after which a service that leaves turns to us is told to forget them."""

TAIL_MS = 700
"""Silence beyond the closing one that is sent at the end, so that turn detection surely closes the last turn."""

QUIET = 1.0
"""Seconds without an event after which a service that cannot say that it is through is taken to be."""

QUIET_UNHEARD = 10.0
"""The same where we heard speech that the service has said nothing of; after it the rest is committed."""


DEFAULT = Timing()


class Mute(ServiceConnectionError):
    """The other side is there, has taken speech and says nothing any more."""


class Connection:
    """Carry the recording from `position` on to a service, and its events back.

    `emit(connection, event)` is called for each event on the loop that runs it. `number` tells the connections of a
    session apart. One that is `held` sends nothing before `begin`; with `last_chance` a turn without an answer is
    marked as failed where else the connection is given up for another one.
    """

    def __init__(
        self,
        number: int,
        asked: Asked,
        dialect: Dialect,
        wanted: Wanted,
        recording: Recording,
        position: int,
        emit: Callable[[Connection, ServerEvent | Opened | TurnCut], None],
        *,
        settled: Settled | None = None,
        timing: Timing = DEFAULT,
        held: bool = False,
        last_chance: bool = False,
    ) -> None:
        self.number = number
        self.asked = asked
        self.protocol = ClientProtocol(dialect, wanted)
        self.timeline = Timeline()
        self.position = position
        """First sample of the recording that is not sent yet."""
        self.opened_at: float | None = None
        """When the service took the settings, on the loop's clock."""
        self.settled = 0
        """Turns that became text."""
        self.request_id: str | None = None
        """The service's own name for this connection."""
        self.first = position
        """First sample of the recording that this connection has to send."""
        self.expires_at: float | None = None
        """When the service will end the connection, on the loop's clock."""
        self.passed = False
        """Whether the sound goes to the next connection by now."""
        self._settled = settled or Settled()
        self._timing = timing
        self._last_chance = last_chance
        self._released = asyncio.Event()
        if not held:
            self._released.set()
        self._next: Connection | None = None
        self._pause: Cutter | None = None
        self._recording = recording
        self._emit = emit
        self._socket: ClientConnection | None = None
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._finishing = False
        self._error: RtMagicError | None = None
        self._flushes = 0
        self._their_clock = 0.0
        """Seconds by which the service's clock is ahead of ours."""
        self._pongs: deque[Awaitable[float]] = deque()
        self._unproven = 0
        self._cutter: Cutter | None = None
        self._first = 0
        """Sample of the connection at which what is not committed begins."""
        self._committed: dict[str | None, float] = {}
        """When turns were committed that have no text yet, by item."""
        self._cut: set[str | None] = set()
        """Items that are committed."""
        self._settled_at = 0.0
        self._last_event = self._looked_at = self._asked_at = 0.0
        self._heard = position
        """Up to where, in the recording, the service has reported turns."""

    # ── what the session asks ──

    async def run(self, address: Address) -> None:
        """Open, configure, stream and drain; return when drained, raise an RtMagicError when it broke."""
        async with opened(address, self.asked, keepalive=self._timing.keepalive) as socket:
            self._socket = socket
            if socket.response is not None:
                headers = dict(socket.response.headers.raw_items())
                self.request_id = request_id(headers)
                self._their_clock = clock_ahead(headers)
            pump = asyncio.create_task(self._pump(), name="rt_magic-pump")
            reader = asyncio.create_task(self._read(socket), name="rt_magic-read")
            try:
                await asyncio.wait((pump, reader), return_when=asyncio.FIRST_COMPLETED)
                if pump.done() and isinstance(pump.exception(), ConnectionClosed):
                    await reader  # what came before the end is read still, and tells best why it came
                if reader.done() and not pump.done():
                    reader.result()
                await pump
                if self._error is not None:  # found in the very event that settled the last turn
                    raise self._error
            except ConnectionClosed as closed:
                end = closed.rcvd or closed.sent  # what we sent is the library's own: no pong, or a frame too large
                raise self._closed(end.code if end else 1006, end.reason if end else "") from None
            finally:
                for task in (pump, reader):
                    task.cancel()
                await asyncio.gather(pump, reader, return_exceptions=True)
                self.protocol.close()

    def wake(self) -> None:
        """Say that the recording has grown."""
        self._wake.set()

    def flush(self) -> None:
        """Ask for the open turn to be closed behind what is recorded so far."""
        self._flushes += 1
        self._wake.set()

    def finish(self) -> None:
        """Ask for the rest to be sent and everything to be settled."""
        self._finishing = True
        self._wake.set()

    def pass_on(self, successor: Connection | None) -> None:
        """Have another connection take over at a pause, once it stands; None: rather not."""
        self._next, self._pause = successor, None
        self._wake.set()

    def begin(self, position: int) -> None:
        """Begin, where the connection was held, to send the recording from a position on."""
        self.first = self.position = self._heard = position
        self._looked_at = asyncio.get_running_loop().time()
        if self._cutter is not None:
            self._cutter = self._new_cutter()
        self._released.set()

    def fail(self, error: RtMagicError) -> None:
        """End the connection with an error that the session found in an event."""
        self._error = error

    # ── inner ──

    def _closed(self, code: int, reason: str) -> RtMagicError:
        return explain_close(code, reason, self.asked.host, self.request_id)

    async def _read(self, socket: ClientConnection) -> None:
        async for message in socket:
            before = self.protocol.state
            for event in self.protocol.receive(message):
                self._note(event)
                if self.protocol.failure is None:
                    self._emit(self, _clean(event))
            if self._error is not None:
                raise self._error
            if (failure := self.protocol.failure) is not None:
                raise explain_error(
                    failure.code, failure.message, param=failure.param, asked=self.asked, request=self.request_id
                )
            if before is not State.STREAMING and self.protocol.state is State.STREAMING:
                self._begin()
            await self._send_due()
            self._changed.set()
        raise self._closed(socket.close_code or 1005, socket.close_reason or "")

    def _note(self, event: ServerEvent) -> None:
        """Keep account of what an event says about turns."""
        now = self._last_event = asyncio.get_running_loop().time()
        match event:
            case SessionCreated() | SessionUpdated():
                expires_at = event.session.get("expires_at")
                if isinstance(expires_at, int | float) and expires_at > time.time() + self._their_clock:
                    self.expires_at = now + expires_at - time.time() - self._their_clock
            case SpeechStopped(audio_end_ms=int(end)):
                self._heard = self.timeline.to_recording(end * SAMPLE_RATE // 1000)
            case Committed():
                self._cut.add(event.item_id)
                self._committed.setdefault(event.item_id, now)
            case Delta() if self._cutter is not None and event.delta.strip():
                if event.item_id not in self._cut and not self.protocol.awaits_commit:
                    self._cutter.hear()
            case Completed() | Failed():
                self._committed.pop(event.item_id, None)
                self._settled_at = now
                self.settled += isinstance(event, Completed)

    def _begin(self) -> None:
        accepted = self.protocol.accepted
        assert accepted is not None
        self.opened_at = self._looked_at = self._asked_at = asyncio.get_running_loop().time()
        self._emit(
            self,
            Opened(self.timeline, accepted.prefix_padding, accepted.closing_silence, accepted.language),
        )
        if not accepted.server_turns:
            self._cutter = self._new_cutter()
        self._wake.set()

    def _new_cutter(self) -> Cutter:
        wanted = self.protocol.wanted
        return Cutter(self.position, None if wanted.turn_detection == "off" else wanted.silence_ms)

    async def _pump(self) -> None:
        """Send what is recorded and not sent, as far as the other side keeps reading; then drain."""
        while self.protocol.state in (State.CONNECTING, State.CONFIGURING):
            greeted = self.protocol.state is State.CONFIGURING
            await self._wait(self._changed, ANSWER_TIMEOUT, "answered the settings" if greeted else "greeted us")
        await self._released.wait()
        flushed = 0
        while not self.passed:
            self._wake.clear()
            while self.position < self._recording.samples and not self.passed:
                await self._send_next()
            if self._flushes > flushed:
                flushed = self._flushes
                await self._close_turn()
            if self.passed or (self._finishing and self.position == self._recording.samples):
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STALL * self._timing.stall / 4):
                    await self._wake.wait()
            self._abandon_stalled()
            self._expect_answers()
        await self._drain()

    async def _send_next(self) -> None:
        """Send the next piece, leaving out what has become text on another connection."""
        done = self._settled.after(self.position)
        if done is not None and done[0] <= self.position:
            await self._close_turn()
            self.position = done[1]
            if self._cutter is not None:
                self._cutter = self._new_cutter()
            return
        stop = min(self.position + CHUNK, self._recording.samples, done[0] if done else self._recording.samples)
        pcm = self._recording.read(self.position, stop)
        await self._send(pcm)
        if self._next is not None and not self._finishing:
            self._pass_at_pause(self._next, pcm)

    def _pass_at_pause(self, successor: Connection, pcm: bytes) -> None:
        """Let the successor begin where nobody speaks, a moment before, as words may begin softly."""
        start = self.position - len(pcm) // 2
        if self._pause is None:
            before = max(self.first, start - LOOK_BACK)
            self._pause = Cutter(before, self.protocol.wanted.silence_ms)
            self._pause.feed(self._recording.read(before, start))
        self._pause.feed(pcm)
        cutter = self._cutter or self._pause
        if successor.opened_at is not None and cutter.idle >= PREFIX and self._pause.idle >= PREFIX:
            self.passed = True
            successor.begin(self.position - PREFIX)

    async def _send(self, pcm: bytes) -> None:
        before = self.timeline.length
        if self._cutter is not None:
            first = self.position
            for cut in self._cutter.feed(pcm):
                # Exactly up to the cut, which lies in a quiet moment: what comes after it is the next turn's.
                self._append(pcm[2 * (self.position - first) : 2 * max(0, cut.at - first)])
                self._commit(cut)
            self._append(pcm[2 * (self.position - first) :])
            self._forget_silence()
        else:
            self._append(pcm)
        await self._send_due()
        await self._prove(self.timeline.length - before)

    def _append(self, pcm: bytes) -> None:
        if pcm:
            self.timeline.add(self.position, len(pcm) // 2)
            self.position += len(pcm) // 2
            self.protocol.append_audio(pcm)

    def _commit(self, cut: Cut) -> None:
        begun = self.timeline.to_recording(self._first)
        self._emit(self, TurnCut(self._first, cut.start / SAMPLE_RATE, cut.end / SAMPLE_RATE, begun, self.position))
        padding = self.protocol.commit()
        if padding:
            self.timeline.pad(padding)
        self._first = self.timeline.length

    def _forget_silence(self) -> None:
        """Let the service forget a long silence, so that nobody pays for it and no model makes up words for it.

        The moment before is sent again, since the next word may begin softly in it.
        """
        assert self._cutter is not None
        if self._cutter.idle < IDLE or self.protocol.dialect.fence or not self.protocol.clear():
            return
        self._first = self.timeline.length
        self.protocol.append_audio(self._recording.read(self.position - PREFIX, self.position))
        self.timeline.pad(PREFIX)
        self._cutter.drop()

    def _abandon_stalled(self) -> None:
        """Settle turns for which no text comes any more, so that nothing waits for them."""
        now, limit = asyncio.get_running_loop().time(), STALL * self._timing.stall
        if now - self._last_event > limit and not self._last_chance:
            return  # nothing at all is heard of it: see `_expect_answers`
        stalled = [item for item, since in self._committed.items() if now - max(since, self._settled_at) > limit]
        if not self.protocol.dialect.fence:
            self._abandon(stalled)

    def _expect_answers(self) -> None:
        """Raise where the other side is there but works no more: what it had not settled is then sent to another."""
        now, limit = asyncio.get_running_loop().time(), STALL * self._timing.stall
        if not self.protocol.awaits_commit:
            self._asked_at = now
        if self.protocol.dialect.fence:
            return  # it answers for each turn, however long that takes, or ends
        if now - self._asked_at > limit or (self._committed and now - self._last_event > limit):
            raise self._mute(limit)
        if self._cutter is None and now - max(self._last_event, self._looked_at) > limit:
            self._looked_at = now
            if self._unheard_speech():
                raise self._mute(limit)

    def _mute(self, seconds: float) -> Mute:
        return Mute(
            f"{self.asked.host} has taken speech and said nothing of it for {seconds:g} s; a new connection goes on",
            request_id=self.request_id,
        )

    def _abandon(self, items: Iterable[str | None]) -> None:
        for item in list(items):
            self._committed.pop(item, None)
            self.protocol.abandon(item)
            self._emit(self, Failed(item, f"the service wrote no final text within {STALL * self._timing.stall:g} s"))

    async def _close_turn(self) -> None:
        """Close the turn that is open, by the silence that turn detection waits for or by a commit of ours."""
        if self._cutter is not None:
            for cut in self._cutter.finish():
                self._commit(cut)
        else:
            samples = self._closing_samples()
            self.timeline.pad(samples)
            self.protocol.append_audio(bytes(2 * samples))
        await self._send_due()

    def _closing_samples(self) -> int:
        accepted = self.protocol.accepted
        closing = accepted.closing_silence if accepted else 0.0
        return round((closing + TAIL_MS / 1000) * SAMPLE_RATE)

    async def _drain(self) -> None:
        if self._cutter is not None:
            await self._close_turn()
            self.protocol.finish()
        else:
            samples = self._closing_samples()
            self.timeline.pad(samples)
            self.protocol.finish(padding=samples)
        await self._send_due()
        assert self._socket is not None
        await (await self._socket.ping())  # all has been read by then, or the connection is lost
        await self._settle()
        if self._cutter is None and not self.protocol.dialect.fence and await self._until_quiet():
            self.protocol.commit()
            await self._send_due()
            await self._settle()

    async def _settle(self) -> None:
        """Wait until no turn is open, or nothing has come for so long that nothing will."""
        while not self.protocol.drained:
            self._changed.clear()
            try:
                async with asyncio.timeout(None if self.protocol.dialect.fence else STALL * self._timing.stall):
                    await self._changed.wait()
            except TimeoutError:
                if not self._last_chance:
                    raise self._mute(STALL * self._timing.stall) from None
                if self.protocol.awaits_commit:
                    self._abandon([None])
                self._abandon(self.protocol.abandon_all())

    async def _until_quiet(self) -> bool:
        """Wait until no turn is open and nothing comes any more; tell whether speech was left unreported."""
        heard, unheard = -1, True
        while True:
            if heard != self._heard:
                heard, unheard = self._heard, self._unheard_speech()
            self._changed.clear()
            try:
                async with asyncio.timeout((QUIET_UNHEARD if unheard else QUIET) * self._timing.quiet):
                    await self._changed.wait()
            except TimeoutError:
                return unheard
            await self._settle()

    def _unheard_speech(self) -> bool:
        """Tell whether the recording holds speech behind the last turn that the service reported."""
        position = max(self._heard, self.position - 60 * SAMPLE_RATE)
        while position < self.position:
            start, stop = self._settled.after(position) or (self.position, self.position)
            piece = self._recording.read(position, min(start, self.position))
            detector, turns = SpeechDetector(), TurnDetector()
            if any(turns.push(frame.speech, frame.energy) for frame in detector.feed(piece)):
                return True
            position = max(stop, position + 1)
        return False

    async def _send_due(self) -> None:
        assert self._socket is not None
        for text in self.protocol.messages_to_send():
            await self._socket.send(text)

    async def _prove(self, samples: int) -> None:
        """Keep no more than two windows of audio between us and the other side's reading of it."""
        assert self._socket is not None
        self._unproven += samples
        if self._unproven >= WINDOW:
            self._unproven = 0
            self._pongs.append(await self._socket.ping())
            if len(self._pongs) > 1:
                await self._pongs.popleft()

    async def _wait(self, event: asyncio.Event, timeout: float, what: str) -> None:
        try:
            async with asyncio.timeout(timeout):
                await event.wait()
        except TimeoutError:
            raise ServiceConnectionError(
                f"{self.asked.host} took the connection and has not {what} within {timeout:g} s; it may be "
                "overloaded, or is no Realtime service",
                request_id=self.request_id,
            ) from None
        event.clear()


def _clean(event: ServerEvent) -> ServerEvent:
    """Take secrets out of what a service says about an error, since some repeat what they were sent."""
    if isinstance(event, ErrorEvent | Failed):
        return dataclasses.replace(event, message=redact(event.message))
    return event
