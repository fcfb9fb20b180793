"""A recording whose every 10 ms carry their own number, and a service that "transcribes" a turn as those numbers.

Whatever happens in between, what was sent, to which connection and into which text can be counted afterwards.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.audio.vad import SpeechDetector
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.transcript.segments import Segment
from rt_magic.wire.events import (
    AppendAudio,
    ClearAudio,
    Cleared,
    CommitAudio,
    Completed,
    Delta,
    ErrorEvent,
    ItemAdded,
    ItemDone,
    ServerEvent,
    SessionUpdate,
    SpeechStarted,
    SpeechStopped,
)
from rt_magic.wire.protocol import MINIMUM_COMMIT
from rt_magic.wire.turns import TurnDetector, TurnStarted, TurnStopped
from tests.speech import human

BLOCK = 240
"""Samples of a block: 10 ms."""

_MARK = np.unpackbits(np.frombuffer(b"\xa5\x3c\x96\x0f", np.uint8))
_CODE = len(_MARK) + 64
Span = tuple[int, int]
"""First and last block, both included."""


@dataclass(frozen=True)
class Coded:
    """A coded recording: `pcm`, and the spans of blocks in which somebody speaks."""

    pcm: bytes
    speech: tuple[Span, ...]

    @property
    def samples(self) -> NDArray[np.int16]:
        """The recording as samples."""
        return np.frombuffer(self.pcm, "<i2")

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.pcm) // 2 // BLOCK


@cache
def coded(pieces: int = 5, seed: int = 0, pauses: tuple[float, float] = (0.8, 1.6)) -> Coded:
    """Return that many pieces of human speech with pauses of so many seconds before each, numbered."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(pieces):
        _, speech, _ = human()[number % len(human())]
        parts += [np.zeros(round(rng.uniform(*pauses) * SAMPLE_RATE)), np.frombuffer(speech, "<i2").astype(float)]
    parts.append(np.zeros(round(1.5 * SAMPLE_RATE)))
    samples = np.concatenate(parts)
    samples = samples[: len(samples) // BLOCK * BLOCK]
    samples = np.rint(samples + rng.normal(0, 8, len(samples))).clip(-32768, 32767).astype("<i2")
    pcm = numbered(samples).tobytes()
    return Coded(pcm, tuple(_speech(pcm)))


def numbered(samples: NDArray[np.int16], first: int = 0) -> NDArray[np.int16]:
    """Write into the lowest bits of whole blocks their numbers, from `first` on; return the samples."""
    blocks = samples.reshape(-1, BLOCK)
    numbers = np.arange(first, first + len(blocks), dtype=np.uint32)
    bits = np.unpackbits(np.stack([numbers, ~numbers], 1).astype(">u4").view(np.uint8), axis=1)
    code = np.concatenate([np.broadcast_to(_MARK, (len(blocks), len(_MARK))), bits], 1).astype("<i2")
    blocks[:, :_CODE] = (blocks[:, :_CODE] & ~1) | code
    return samples


def _speech(pcm: bytes) -> list[Span]:
    turns, spans, begun = TurnDetector(), [], 0
    for frame in SpeechDetector().feed(pcm):
        for decision in turns.push(frame.speech, frame.energy):
            if isinstance(decision, TurnStarted):
                begun = decision.speech // BLOCK
            else:
                spans.append((begun, decision.speech // BLOCK - 1))
    return spans


def decode_blocks(pcm: bytes) -> list[tuple[int, int]]:
    """Return (sample, number) of each block whose code is found in PCM16, wherever it lies."""
    bits = (np.frombuffer(pcm, "<i2") & 1).astype(np.uint8)
    if len(bits) < _CODE:
        return []
    count = len(bits) - _CODE + 1
    found = np.ones(count, bool)
    for index, bit in enumerate(_MARK):
        found &= bits[index : index + count] == bit
    blocks = []
    for sample in np.flatnonzero(found).tolist():
        found_number, inverse = np.packbits(bits[sample + len(_MARK) : sample + _CODE]).view(">u4").tolist()
        if found_number ^ inverse == 0xFFFFFFFF:
            blocks.append((sample, found_number))
    return blocks


def covered(coded: Coded, streams: Sequence[bytes]) -> NDArray[np.bool_]:
    """Return for each sample of the recording whether it arrived in one of the streams, next to its block's code."""
    original, seen = coded.samples, np.zeros(len(coded.samples), bool)
    for stream in streams:
        samples = np.frombuffer(stream, "<i2")
        for at, number in decode_blocks(stream):
            home = number * BLOCK
            after = min(2 * BLOCK, len(samples) - at, len(original) - home)
            same = samples[at : at + after] == original[home : home + after]
            seen[home : home + (after if same.all() else int(same.argmin()))] = True
            before = min(BLOCK, at, home)
            same = samples[at - before : at][::-1] == original[home - before : home][::-1]
            seen[home - (before if same.all() else int(same.argmin())) : home] = True
    return seen


def spans(numbers: Sequence[int]) -> list[Span]:
    """Join numbers that follow each other."""
    joined: list[list[int]] = []
    for number in numbers:
        if joined and joined[-1][1] + 1 == number:
            joined[-1][1] = number
        else:
            joined.append([number, number])
    return [(first, last) for first, last in joined]


def spoken(segments: Sequence[Segment]) -> list[Span]:
    """Return the spans of blocks that a transcript holds, in its order; failed segments are left out."""
    return [
        (int(first), int(last))
        for segment in segments
        if segment.final and not segment.error
        for first, _, last in (span.partition("-") for span in segment.text.split())
    ]


@dataclass(frozen=True)
class Fault:
    """What befalls a connection once the part `at` (0 to 1) of what was left to send has come.

    `act` is "abort", "freeze", "slow", "expire" (said, but not closed), "mute" (reads, answers nothing any more) or a
    close code (1005: none is named); above 1, `at` means the end's closing, below 0 the
    first padding, as a connection gets that is left for another.
    """

    act: str | int
    at: float


class CodedService(ScriptedPeer):
    """Detect turns in what comes (or take commits) and answer each with the numbers of its blocks.

    `faults` befall the connections in order, those that come after them are served well. Texts come late and, with
    `disorder`, out of their turns' order.
    """

    def __init__(self, coded: Coded, *, seed: int = 0, faults: Sequence[Fault | Refusal] = (), disorder: bool = False):
        super().__init__()
        self.coded = coded
        self.faults = list(faults)
        self.disorder = disorder
        self.expires_in: Callable[[int], float | None] = lambda number: None
        """Seconds after which the connection of that number is said to end."""
        self.times = True
        """Whether it says where turns begin and end."""
        self.takes = 0.0
        """Seconds that it takes to hear a second of sound."""
        self.overlaps = 0
        """Connections that were opened while another one was."""
        self._random = random.Random(seed)
        self._open = 0
        self._released = asyncio.Event()

    @property
    def streams(self) -> list[bytes]:
        """What came on each connection."""
        return [bytes(connection.pcm) for connection in self.connections]

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        self._released.set()
        for connection in self.connections:
            connection.abort()  # the session is over; nothing that is left half closed need be waited for
        await super().__aexit__(kind, error, traceback)

    def _greet(self, socket: ServerConnection, request: Request) -> Response | None:
        fault = self.faults[0] if self.faults else None
        if isinstance(fault, Refusal):
            self.faults.pop(0)
        self._scripts = [fault if isinstance(fault, Refusal) else self._script]
        self._unfinished = 1
        return super()._greet(socket, request)

    async def _serve(self, socket: ServerConnection) -> None:
        self._scripts = [self._script]
        await super()._serve(socket)
        self._unfinished = 0

    async def _script(self, connection: PeerConnection) -> None:
        fault = self.faults.pop(0) if self.faults else None
        assert not isinstance(fault, Refusal)
        self.overlaps += self._open > 0
        self._open += 1
        try:
            await _Listener(self, connection, fault, random.Random(self._random.random())).run()
        except ConnectionClosed:
            await connection.finish()  # what had come by then counts as come
        except _Fallen:
            pass
        finally:
            self._open -= 1


class _Fallen(Exception):
    """The fault has come about."""


class _Listener:
    """One connection of the service."""

    def __init__(
        self, service: CodedService, connection: PeerConnection, fault: Fault | None, rng: random.Random
    ) -> None:
        self.service, self.connection, self.fault, self.rng = service, connection, fault, rng
        self.speech = SpeechDetector()
        self.turns: TurnDetector | None = None
        self.trigger: int | None = None
        self.begun = 0  # sample at which what is not committed begins
        self.items = 0
        self.due: list[tuple[int, ServerEvent]] = []  # sample from which an answer may go out, and the answer

    async def run(self) -> None:
        peer = self.connection
        expires_in = self.service.expires_in(peer.number)
        if expires_in is not None:
            import time

            peer.protocol._about["expires_at"] = time.time() + expires_in
        await peer.greet()
        while True:
            try:
                async with asyncio.timeout(0.05):
                    event = await peer.expect(object)
            except TimeoutError:
                await self.answer(all_of_them=True)  # nothing comes any more: say all that is left
                continue
            match event:
                case SessionUpdate():
                    turns = event.session["audio"]["input"]["turn_detection"]
                    if turns is not None:
                        self.turns = TurnDetector(
                            silence_ms=turns["silence_duration_ms"], prefix_ms=turns["prefix_padding_ms"]
                        )
                case AppendAudio():
                    await self.hear(event.audio)
                case CommitAudio():
                    await self.commit(event)
                case ClearAudio():
                    self.begun = len(peer.pcm) // 2
                    await peer.send(Cleared())
            await self.fall()
            await self.answer()

    async def hear(self, pcm: bytes) -> None:
        await asyncio.sleep(self.service.takes * len(pcm) / 2 / SAMPLE_RATE)
        if self.turns is None:
            return
        for frame in self.speech.feed(pcm):
            for decision in self.turns.push(frame.speech, frame.energy):
                if isinstance(decision, TurnStarted):
                    at = decision.at * 1000 // SAMPLE_RATE if self.service.times else None
                    await self.connection.send(SpeechStarted(self.item, at))
                    if self.rng.random() < 0.5:
                        await self.connection.send(Delta(self.item, "so far"))
                else:
                    assert isinstance(decision, TurnStopped)
                    at = decision.stop * 1000 // SAMPLE_RATE if self.service.times else None
                    await self.connection.send(SpeechStopped(self.item, at))
                    await self.settle(decision.start, decision.stop)

    async def commit(self, event: CommitAudio) -> None:
        end = len(self.connection.pcm) // 2
        if end - self.begun < MINIMUM_COMMIT:
            empty = "input_audio_buffer_commit_empty"
            await self.connection.send(ErrorEvent("too short", empty, client_event_id=event.event_id))
            return
        if self.rng.random() < 0.5:
            await self.connection.send(Delta(self.item, "so far"))
        await self.settle(self.begun, end)

    @property
    def item(self) -> str:
        return f"item_{self.connection.number}_{self.items}"

    async def settle(self, start: int, stop: int) -> None:
        self.begun = stop
        committed = self.connection.protocol.commit(self.item)
        previous = committed.previous_item_id
        await self.connection.send(committed, ItemAdded(self.item, previous), ItemDone(self.item, previous))
        blocks = decode_blocks(bytes(self.connection.pcm[2 * start : 2 * stop]))
        text = " ".join(f"{first}-{last}" for first, last in spans([number for _, number in blocks]))
        longest = (15 if self.service.disorder else 4) * SAMPLE_RATE
        late = stop + self.rng.randrange(longest) if self.rng.random() < 0.7 else 0
        if not self.service.disorder and self.due:
            late = max(late, self.due[-1][0])
        self.due.append((late, Completed(self.item, text)))
        self.items += 1

    async def answer(self, *, all_of_them: bool = False) -> None:
        come = len(self.connection.pcm) // 2
        ready = [event for late, event in self.due if all_of_them or late <= come]
        if self.service.disorder:
            self.rng.shuffle(ready)
        self.due = [] if all_of_them else [entry for entry in self.due if entry[0] > come]
        await self.connection.send(*ready)

    async def fall(self) -> None:
        """Let the fault come about when its time has come."""
        if self.fault is None:
            return
        blocks = self.service.coded.blocks
        newest = [number for _, number in decode_blocks(bytes(self.connection.pcm[-2 * SAMPLE_RATE :]))]
        if not newest:
            return
        if self.trigger is None:
            first = newest[0]
            self.trigger = min(blocks - 1, first + round(max(0.0, self.fault.at) * (blocks - 1 - first)))
        closing = not any(self.connection.pcm[-BLOCK:]) or self.turns is None
        if max(newest) < self.trigger or (not 0 <= self.fault.at <= 1 and not closing):
            return
        fault, self.fault = self.fault, None
        socket = self.connection._socket
        match fault.act:
            case "abort":
                self.connection.abort()
            case "freeze":
                socket.transport.pause_reading()
                await self.service._released.wait()
                self.connection.abort()
            case "slow":
                await asyncio.sleep(0.3)
                return
            case "expire":
                await self.connection.send(ErrorEvent("Your session hit the maximum duration.", "session_expired"))
                await self.connection.finish()
            case "mute":
                while True:
                    await self.connection.expect(object)
            case 1005:
                async with socket.send_context():
                    socket.protocol.send_close()  # without a code, which `close` does not do
                await socket.wait_closed()
            case code:
                assert isinstance(code, int)
                await socket.close(code, "as the test says")
        raise _Fallen


def complaints(coded: Coded, segments: Sequence[Segment], streams: Sequence[bytes]) -> list[str]:
    """Return all that is wrong with a transcript of the coded recording, and with what reached the service."""
    found = []
    missing = np.flatnonzero(~covered(coded, streams))
    if len(missing):
        found.append(f"{len(missing)} samples never arrived, the first in block {missing[0] // BLOCK}")
    ranges = spoken(segments)
    found += [f"{one} and {two} are doubled or out of order" for one, two in pairwise(ranges) if two[0] <= one[1]]
    said = {number for first, last in ranges for number in range(first, last + 1)}
    for first, last in coded.speech:
        lost = [number for number in range(first, last + 1) if number not in said]
        if lost:
            found.append(f"of the speech {first}-{last} the blocks {spans(lost)} are in no text")
    ids = [segment.id for segment in segments]
    if len(set(ids)) < len(ids):
        found.append(f"ids occur twice: {ids}")
    starts = [segment.start for segment in segments if segment.start is not None]
    if starts != sorted(starts):
        found.append(f"times are not in order: {starts}")
    found += [f"{segment.id} is not final" for segment in segments if not segment.final]
    found += [f"{segment.id} failed: {segment.error}" for segment in segments if segment.error]
    return found
