"""One WebSocket of a session: opened, configured, fed from the recording, read until it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException

from rt_magic.audio.pcm import SAMPLE_RATE, Timeline
from rt_magic.audio.recording import Recording
from rt_magic.audio.vad import SpeechDetector
from rt_magic.exceptions import RtMagicError, ServiceConnectionError
from rt_magic.session.diagnosis import explain_close, explain_error
from rt_magic.session.services import Address
from rt_magic.transcript.segments import Opened, TurnCut
from rt_magic.wire.dialects import PREFIX_PADDING_MS, Dialect, Wanted
from rt_magic.wire.events import ServerEvent, SpeechStopped
from rt_magic.wire.protocol import ClientProtocol, State
from rt_magic.wire.turns import TurnDetector, TurnStopped

_log = logging.getLogger(__name__)

MAXIMUM_MESSAGE = 16 * 2**20
"""Bytes of the largest message taken: whole sessions and log-probabilities outgrow the library's 1 MiB."""

CHUNK = SAMPLE_RATE // 2
"""Samples in one append at the most, when audio is sent faster than it was spoken."""

WINDOW = 5 * SAMPLE_RATE
"""Samples after which the other side must have shown that it reads (by a pong), two windows may be under way."""

OPEN_TIMEOUT = 15.0
ANSWER_TIMEOUT = 20.0
TAIL_MS = 700
"""Silence beyond the closing one that is sent at the end, so that turn detection surely closes the last turn."""

QUIET = 1.0
"""Seconds without an event after which a service that cannot say that it is through is taken to be."""

QUIET_UNHEARD = 10.0
"""The same where we heard speech that the service has said nothing of; after it the rest is committed."""


class Connection:
    """Carry the recording from `position` on to a service, and its events back.

    `emit(connection, event)` is called for each event on the loop that runs it. `number` tells the connections of a
    session apart.
    """

    def __init__(
        self,
        number: int,
        dialect: Dialect,
        wanted: Wanted,
        recording: Recording,
        position: int,
        emit: Callable[[Connection, ServerEvent | Opened | TurnCut], None],
    ) -> None:
        self.number = number
        self.protocol = ClientProtocol(dialect, wanted)
        self.timeline = Timeline()
        self.position = position
        """First sample of the recording that is not sent yet."""
        self._recording = recording
        self._emit = emit
        self._socket: ClientConnection | None = None
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._finishing = False
        self._error: RtMagicError | None = None
        self._flushes = 0
        self._pongs: deque[Awaitable[float]] = deque()
        self._unproven = 0
        self._speech = SpeechDetector()
        self._turns: TurnDetector | None = None
        self._heard = position
        """Up to where, in the recording, the service has reported turns."""

    # ── what the session asks ──

    async def run(self, address: Address) -> None:
        """Open, configure, stream and drain; return when drained, raise an RtMagicError when it broke."""
        async with self._opened(address) as socket:
            self._socket = socket
            pump = asyncio.create_task(self._pump(), name="rt_magic-pump")
            reader = asyncio.create_task(self._read(socket), name="rt_magic-read")
            try:
                await asyncio.wait((pump, reader), return_when=asyncio.FIRST_COMPLETED)
                if reader.done() and not pump.done():
                    reader.result()
                await pump
            except ConnectionClosed as closed:
                end = closed.rcvd
                raise explain_close(
                    end.code if end else 1006, end.reason if end else "", self._host(address)
                ) from closed
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

    def fail(self, error: RtMagicError) -> None:
        """End the connection with an error that the session found in an event."""
        self._error = error

    # ── inner ──

    @staticmethod
    def _host(address: Address) -> str:
        return address.url.split("/")[2]

    @contextlib.asynccontextmanager
    async def _opened(self, address: Address) -> AsyncIterator[ClientConnection]:
        try:
            socket = await _Connect(
                address.url,
                additional_headers=dict(address.headers),
                max_size=MAXIMUM_MESSAGE,
                compression=None,
                open_timeout=OPEN_TIMEOUT,
                close_timeout=2,
            )
        except InvalidStatus as refused:
            response = refused.response
            body = bytes(response.body or b"").decode(errors="replace")
            raise HandshakeRefused(response.status_code, body, dict(response.headers.raw_items())) from None
        except (OSError, TimeoutError, InvalidHandshake, WebSocketException) as error:
            raise ServiceConnectionError(
                f"no connection to {self._host(address)}: {error or type(error).__name__}; "
                "check the address and the network"
            ) from error
        try:
            yield socket
        finally:
            await socket.close()

    async def _read(self, socket: ClientConnection) -> None:
        async for message in socket:
            before = self.protocol.state
            for event in self.protocol.receive(message):
                if isinstance(event, SpeechStopped) and event.audio_end_ms is not None:
                    self._heard = self.timeline.to_recording(event.audio_end_ms * SAMPLE_RATE // 1000)
                if self.protocol.failure is None:
                    self._emit(self, event)
            if self._error is not None:
                raise self._error
            if self.protocol.failure is not None:
                raise explain_error(self.protocol.failure.code, self.protocol.failure.message)
            if before is not State.STREAMING and self.protocol.state is State.STREAMING:
                self._begin()
            await self._send_due()
            self._changed.set()
        raise explain_close(socket.close_code or 1005, socket.close_reason or "", "the service")

    def _begin(self) -> None:
        accepted = self.protocol.accepted
        assert accepted is not None
        self._emit(
            self,
            Opened(self.timeline, accepted.prefix_padding, accepted.closing_silence, accepted.language),
        )
        if not accepted.server_turns:
            silence = None if self.protocol.wanted.turn_detection == "off" else self.protocol.wanted.silence_ms
            self._turns = TurnDetector(silence_ms=silence, prefix_ms=PREFIX_PADDING_MS)
        self._wake.set()

    async def _pump(self) -> None:
        """Send what is recorded and not sent, as far as the other side keeps reading; then drain."""
        while self.protocol.state in (State.CONNECTING, State.CONFIGURING):
            await self._wait(self._changed, ANSWER_TIMEOUT, "did not accept the session's settings")
        flushed = 0
        while True:
            self._wake.clear()
            while self.position < self._recording.samples:
                await self._send_chunk()
            if self._flushes > flushed:
                flushed = self._flushes
                await self._close_turn()
            if self._finishing and self.position == self._recording.samples:
                break
            await self._wake.wait()
        await self._drain()

    async def _send_chunk(self) -> None:
        pcm = self._recording.read(self.position, min(self.position + CHUNK, self._recording.samples))
        samples = len(pcm) // 2
        first = self.timeline.length
        self.timeline.add(self.position, samples)
        self.position += samples
        self.protocol.append_audio(pcm)
        if self._turns is not None:
            for frame in self._speech.feed(pcm):
                for decision in self._turns.push(frame.speech, frame.energy):
                    if isinstance(decision, TurnStopped):
                        self._commit(decision)
        await self._send_due()
        await self._prove(self.timeline.length - first)

    def _commit(self, turn: TurnStopped) -> None:
        start = self.timeline.to_recording(turn.start + round(PREFIX_PADDING_MS / 1000 * SAMPLE_RATE))
        end = self.timeline.to_recording(turn.speech)
        self._emit(self, TurnCut(turn.start, start / SAMPLE_RATE, end / SAMPLE_RATE))
        padding = self.protocol.commit()
        if padding:
            self.timeline.pad(padding)

    async def _close_turn(self) -> None:
        """Close the turn that is open, by the silence that turn detection waits for or by a commit of ours."""
        if self._turns is not None:
            for decision in self._turns.finish():
                if isinstance(decision, TurnStopped):
                    self._commit(decision)
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
        if self._turns is not None:
            await self._close_turn()
            self.protocol.finish()
        else:
            samples = self._closing_samples()
            self.timeline.pad(samples)
            self.protocol.finish(padding=samples)
        await self._send_due()
        await self._settle()
        if self._turns is None and not self.protocol.dialect.fence:
            unheard = self._unheard_speech()
            await self._quiet(QUIET_UNHEARD if unheard else QUIET)
            if unheard and self._unheard_speech():
                self.protocol.commit()
                await self._send_due()
                await self._settle()

    async def _settle(self) -> None:
        """Wait until no turn is open."""
        while not self.protocol.drained:
            self._changed.clear()
            await self._changed.wait()

    async def _quiet(self, seconds: float) -> None:
        """Wait until that long no event has come and no turn is open."""
        with contextlib.suppress(TimeoutError):
            while True:
                self._changed.clear()
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
                await self._settle()

    def _unheard_speech(self) -> bool:
        """Tell whether the recording holds speech behind the last turn that the service reported."""
        tail = self._recording.read(max(self._heard, self.position - 60 * SAMPLE_RATE), self.position)
        detector, turns = SpeechDetector(), TurnDetector()
        return any(turns.push(frame.speech, frame.energy) for frame in detector.feed(tail))

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
            raise ServiceConnectionError(f"the service {what} within {timeout:g} s") from None
        event.clear()


class _Connect(connect):
    """A connect that follows no redirect: the library would take a custom key header along to another host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class HandshakeRefused(Exception):
    """The service answered the handshake with something other than a connection."""

    def __init__(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        super().__init__(f"handshake answered with {status}")
        self.status = status
        self.body = body
        self.headers = headers
