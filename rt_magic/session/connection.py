"""One WebSocket of a session: opened, configured, fed from the recording, read until it ends."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from rt_magic.audio.pace import Pace
from rt_magic.audio.pcm import SAMPLE_RATE, Timeline
from rt_magic.audio.recording import Recording
from rt_magic.exceptions import RtMagicError
from rt_magic.secrets import redact
from rt_magic.session.complaints import explain_close, explain_error
from rt_magic.session.cutting import PREFIX
from rt_magic.session.diagnosis import Asked, clock_ahead, request_id
from rt_magic.session.opening import opened
from rt_magic.session.sending import Sender
from rt_magic.session.services import Address
from rt_magic.session.settled import Settled
from rt_magic.session.timing import DEFAULT, Timing
from rt_magic.session.waiting import Waiting
from rt_magic.transcript.segments import CutRefused, Opened, TurnCut
from rt_magic.wire.dialects import Dialect, Wanted
from rt_magic.wire.events import (
    Committed,
    Delta,
    ErrorEvent,
    Failed,
    ServerEvent,
    SpeechStarted,
    SpeechStopped,
)
from rt_magic.wire.protocol import LATE_ANSWER, ClientProtocol
from rt_magic.wire.states import State

_log = logging.getLogger(__name__)

WINDOW = 5 * SAMPLE_RATE
"""Samples after which the other side must have shown that it reads (by a pong), two windows may be under way."""

ANSWER_TIMEOUT = 20.0


class Connection:
    """Carry the recording from `position` on to a service, and its events back.

    `emit(connection, event)` is called for each event on the loop that runs it. `number` tells the connections of a
    session apart. One that is `held` sends nothing before `begin`; with `last_chance` a turn without an answer is
    marked as failed where else the connection is given up for another one. `pace` is told what was sent when.
    """

    def __init__(
        self,
        number: int,
        asked: Asked,
        dialect: Dialect,
        wanted: Wanted,
        recording: Recording,
        position: int,
        emit: Callable[[Connection, ServerEvent | Opened | TurnCut | CutRefused], None],
        *,
        settled: Settled | None = None,
        timing: Timing = DEFAULT,
        held: bool = False,
        last_chance: bool = False,
        pace: Pace | None = None,
    ) -> None:
        self.number = number
        self.asked = asked
        self.protocol = ClientProtocol(dialect, wanted)
        self.opened_at: float | None = None
        """When the service took the settings, in monotonic seconds."""
        self.request_id: str | None = None
        """The service's own name for this connection."""
        self.expires_at: float | None = None
        """When the service will end the connection, in monotonic seconds."""
        self.passed = False
        """Whether the sound goes to the next connection by now."""
        self._sender = Sender(
            self.protocol, recording, settled or Settled(), position, lambda cut: self._emit(self, cut)
        )
        self._waiting = Waiting(
            asked.host,
            self.protocol,
            self._sender,
            timing,
            lambda failed: self._emit(self, failed),
            last_chance=last_chance,
        )
        self._timing = timing
        self._pace = pace
        self._released = asyncio.Event()
        if not held:
            self._released.set()
        self._next: Connection | None = None
        self._emit = emit
        self._socket: ClientConnection | None = None
        self._wake = asyncio.Event()
        self._finishing = False
        self._error: RtMagicError | None = None
        self._complaint = ""
        """What the service has complained of, if it has said nothing since."""
        self._their_clock = 0.0
        """Seconds by which the service's clock is ahead of ours."""
        self._pongs: deque[Awaitable[float]] = deque()
        self._unproven = 0

    @property
    def timeline(self) -> Timeline:
        """Where in the recording lies what was sent."""
        return self._sender.timeline

    @property
    def first(self) -> int:
        """First sample of the recording that this connection has to send."""
        return self._sender.first

    @property
    def position(self) -> int:
        """First sample of the recording that is not sent yet."""
        return self._sender.position

    @property
    def settled(self) -> int:
        """Turns that became text."""
        return self._waiting.watch.settled

    @property
    def reached(self) -> bool:
        """Whether the service took the connection, whatever it said then."""
        return self._socket is not None

    # ── what the session asks ──

    async def run(self, address: Address) -> None:
        """Open, configure, stream and drain; return when drained, raise an RtMagicError when it broke."""
        async with opened(address, self.asked, keepalive=self._timing.keepalive) as socket:
            self._socket = socket
            if socket.response is not None:
                headers = dict(socket.response.headers.raw_items())
                self.request_id = self._waiting.request_id = request_id(headers)
                self._their_clock = clock_ahead(headers)
            ticking = asyncio.create_task(self._tick(), name="rt_magic-tick")
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
                for task in (ticking, pump, reader):
                    task.cancel()
                await asyncio.gather(ticking, pump, reader, return_exceptions=True)
                self.protocol.close()
                self._sender.close()

    def wake(self) -> None:
        """Say that the recording has grown."""
        self._wake.set()

    def flush(self, position: int) -> None:
        """Ask for the open turn to be closed behind a position of the recording."""
        self._sender.ask_to_close(position)
        self._wake.set()

    def finish(self) -> None:
        """Ask for the rest to be sent and everything to be settled."""
        self._finishing = True
        self._wake.set()

    def pass_on(self, successor: Connection | None) -> None:
        """Have another connection take over at a pause, once it stands; None: rather not."""
        self._next = successor
        self._sender.forget_pause()
        self._wake.set()

    def begin(self, position: int) -> None:
        """Begin, where the connection was held, to send the recording from a position on."""
        self._waiting.heard = position
        self._sender.begin(position)
        self._waiting.watch.look(time.monotonic())
        self._released.set()

    def fail(self, error: RtMagicError) -> None:
        """End the connection with an error that the session found in an event."""
        self._error = error

    # ── inner ──

    def _closed(self, code: int, reason: str) -> RtMagicError:
        return explain_close(code, reason or self._complaint, self.asked.host, self.request_id)

    async def _read(self, socket: ClientConnection) -> None:
        async for message in socket:
            events = self.protocol.receive(message)
            while self.protocol.refused_commits:
                self._emit(self, CutRefused(self.protocol.refused_commits.pop(0)))
            for event in events:
                self._complaint = event.message if isinstance(event, ErrorEvent) else ""
                self._note(event)
                if self.protocol.failure is None:
                    self._emit(self, _clean(event))
            if self._error is not None:
                raise self._error
            self._raise_failure()
            self._begin_when_accepted()
            await self._send_due()
            self._waiting.changed.set()
        raise self._closed(socket.close_code or 1005, socket.close_reason or "")

    def _raise_failure(self) -> None:
        if (failure := self.protocol.failure) is not None:
            raise explain_error(
                failure.code, failure.message, param=failure.param, asked=self.asked, request=self.request_id
            )

    def _note(self, event: ServerEvent) -> None:
        """Keep account of what an event says about turns."""
        now = time.monotonic()
        cutter, seen = self._sender.cutter, self._waiting.watch.cut
        if isinstance(event, Committed) and self._sender.found and event.item_id not in seen:
            # Turns are closed in their order; that this is not ahead of the service matters: sound would be lost.
            cut = self._sender.found.popleft()
            self._waiting.heard = cut.at or self._waiting.heard
            self._emit(self, cut)
        self._waiting.watch.take(event, now)
        match event:
            case SpeechStarted(audio_start_ms=int()):
                self._sender.trust_times()
            case SpeechStopped(audio_end_ms=int(end)):
                self._sender.trust_times()
                self._waiting.heard = self.timeline.to_recording(end * SAMPLE_RATE // 1000)
            case Delta() if cutter is not None and (event.delta + event.tail).strip():
                if event.item_id not in seen and not self.protocol.awaits_commit:
                    cutter.hear()

    def _begin_when_accepted(self) -> None:
        if self.opened_at is None and self.protocol.state is State.STREAMING:
            self._begin()

    def _begin(self) -> None:
        accepted = self.protocol.accepted
        assert accepted is not None
        self.opened_at = time.monotonic()
        left = (accepted.expires_at or 0.0) - time.time() - self._their_clock
        self.expires_at = self.opened_at + left if left > 0 else None
        self._waiting.watch.begin(self.opened_at)
        self._emit(
            self,
            Opened(self.timeline, accepted.prefix_padding, accepted.closing_silence, accepted.language),
        )
        if not accepted.server_turns:
            self._sender.cut_turns()
        elif not self.protocol.dialect.fence:
            self._sender.find_turns()
        self._wake.set()

    async def _pump(self) -> None:
        """Send what is recorded and not sent, as far as the other side keeps reading; then drain."""
        while self.protocol.state in (State.CONNECTING, State.CONFIGURING):
            if self.protocol.undecided:
                await asyncio.sleep(LATE_ANSWER)
                self.protocol.decide()
                self._raise_failure()
                self._begin_when_accepted()
                await self._send_due()
                continue
            greeted = self.protocol.state is State.CONFIGURING
            await self._waiting.step(ANSWER_TIMEOUT, "answered the settings" if greeted else "greeted us")
        await self._released.wait()
        while not self.passed:
            self._wake.clear()
            while not self._sender.through and not self.passed:
                while self.protocol.holding:
                    await self._waiting.step(self._waiting.watch.limit, "answered a turn")
                await self._send_next()
                await self._close_due()
            await self._close_due()
            if self.passed or (self._finishing and self._sender.through):
                break
            await self._wake.wait()
            self._waiting.check()
        await self._drain()

    async def _tick(self) -> None:
        """Have the pump look now and then for what is overdue; a time limit to each of its waits would cost more."""
        while True:
            await asyncio.sleep(self._waiting.watch.limit / 4)
            self._wake.set()

    async def _close_due(self) -> None:
        if not self.passed and self._sender.close_due():
            await self._send_due()

    async def _send_next(self) -> None:
        """Send the next piece; let the successor that stands begin at a pause, a moment before the end."""
        before = self.timeline.length
        pcm = self._sender.step()
        await self._send_due()
        if not pcm:
            return
        if self._pace is not None:
            self._pace.note_sent(self.position, time.monotonic())
        await self._prove(self.timeline.length - before)
        if self._next is None or (self._finishing and self._sender.through):
            return  # there is nothing left for another one
        if self._sender.at_pause(pcm, self._next.opened_at is not None):
            self.passed = True
            self._next.begin(self.position - PREFIX)  # words may begin softly

    async def _drain(self) -> None:
        self._sender.finish()
        await self._send_due()
        assert self._socket is not None
        await (await self._socket.ping())  # all has been read by then, or the connection is lost
        await self._waiting.settle()
        if self._sender.cutter is None and not self.protocol.dialect.fence and await self._waiting.until_quiet():
            self.protocol.commit()
            await self._send_due()
            await self._waiting.settle()

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


def _clean(event: ServerEvent) -> ServerEvent:
    """Take secrets out of what a service says about an error, since some repeat what they were sent."""
    if isinstance(event, ErrorEvent | Failed):
        return dataclasses.replace(event, message=redact(event.message))
    return event
