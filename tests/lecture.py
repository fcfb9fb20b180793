"""A recording of any length whose every 10 ms are numbered, written as a stream, and a service that counts them.

Words are the stretches of it that are loud. The service's text of a turn is the numbers of its words, so that what one
connection and what several make of a recording can be compared word for word.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from rt_magic.audio.vad import SpeechDetector
from rt_magic.testing import PeerConnection, ScriptedPeer
from rt_magic.wire.events import (
    AppendAudio,
    CommitAudio,
    Completed,
    ErrorEvent,
    SessionUpdate,
    SpeechStarted,
    SpeechStopped,
)
from rt_magic.wire.protocol import MINIMUM_COMMIT
from rt_magic.wire.turns import TurnDetector, TurnStarted
from tests.coded import _CODE, _MARK, BLOCK, numbered, spans
from tests.speech import RATE, human

LOUD = 200.0
"""Deviation in LSB from which 10 ms are part of a word; the noise of the recording has 8."""
GAP, SHORTEST = 15, 8
"""Blocks of quiet that are still inside a word, and of sound that make one."""


@dataclass(frozen=True)
class Lecture:
    """A recording in a file: for each block the word that it is part of, or -1."""

    path: Path
    word: NDArray[np.int32]

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.word)

    def words(self, numbers: Sequence[int]) -> str:
        """Return the words of which more than half is in these blocks."""
        heard = self.word[list(numbers)]
        found, counts = np.unique(heard[heard >= 0], return_counts=True)
        return " ".join(map(str, found[2 * counts > self.size[found]]))

    @cached_property
    def size(self) -> NDArray[np.int64]:
        """Blocks of each word."""
        return np.bincount(self.word[self.word >= 0])

    def quiet(self, block: int, around: int = 10) -> bool:
        """Tell whether no word is within so many blocks of the beginning of one."""
        return bool((self.word[max(0, block - around) : block + around] < 0).all())


def lecture(path: Path, seconds: float, seed: int = 0) -> Lecture:
    """Write a recording of about so many seconds: pieces of human speech, pauses of 0.8 to 1.6 s before each."""
    rng, pieces = np.random.default_rng(seed), [np.frombuffer(pcm, "<i2").astype(float) for _, pcm, _ in human()]
    parts: list[NDArray[np.int32]] = []
    words = blocks = 0
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        while blocks * BLOCK < seconds * RATE:
            clean = np.concatenate([np.zeros(round(rng.uniform(0.8, 1.6) * RATE)), pieces[len(parts) % len(pieces)]])
            clean = clean[: len(clean) // BLOCK * BLOCK]
            noisy = np.rint(clean + rng.normal(0, 8, len(clean))).clip(-32768, 32767).astype("<i2")
            file.write(numbered(noisy, blocks))
            runs = loud(clean)
            word = np.full(len(clean) // BLOCK, -1, np.int32)
            for first, last in runs:
                word[first : last + 1] = words
                words += 1
            parts.append(word)
            blocks += len(word)
        rest = rng.normal(0, 8, RATE).astype("<i2")
        file.write(numbered(rest[: len(rest) // BLOCK * BLOCK], blocks))
        parts.append(np.full(RATE // BLOCK, -1, np.int32))
    return Lecture(path, np.concatenate(parts))


def loud(samples: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return first and last block of each word."""
    found = np.flatnonzero(samples.reshape(-1, BLOCK).std(axis=1) > LOUD).tolist()
    joined: list[list[int]] = []
    for block in found:
        if joined and block - joined[-1][1] <= GAP:
            joined[-1][1] = block
        else:
            joined.append([block, block])
    return [(first, last) for first, last in joined if last - first + 1 >= SHORTEST]


class Auditor(ScriptedPeer):
    """A service that hears any number of connections and keeps of each the numbers of the blocks that came.

    With `life` each connection ends after so many seconds and says so before.
    """

    def __init__(self, lecture: Lecture, *, life: float | None = None) -> None:
        super().__init__()
        self.lecture = lecture
        self.life = life
        self.arrived: list[array[int]] = []
        self.cut_off = 0
        """Connections that were still in use when their time was over."""

    def once(self) -> NDArray[np.int64]:
        """Return for each block of the recording how often it came."""
        return np.bincount(np.fromiter(chain(*self.arrived), np.int64), minlength=self.lecture.blocks)

    @property
    def edges(self) -> list[int]:
        """First block of each connection, and the one behind its last, but for the recording's own."""
        found = [edge for numbers in self.arrived if numbers for edge in (numbers[0], numbers[-1] + 1)]
        return [edge for edge in found if 0 < edge < self.lecture.blocks]

    def _greet(self, socket: ServerConnection, request: Request) -> Response | None:
        self._scripts = [self._hear]
        return super()._greet(socket, request)

    async def _serve(self, socket: ServerConnection) -> None:
        self._scripts = [self._hear]
        await super()._serve(socket)
        self._unfinished = 0

    async def _hear(self, connection: PeerConnection) -> None:
        self.arrived.append(array("L"))
        try:
            await _Hearing(self, connection, self.arrived[-1]).run()
        except ConnectionClosed:
            pass


class _Hearing:
    def __init__(self, auditor: Auditor, connection: PeerConnection, arrived: array[int]) -> None:
        self.auditor, self.connection, self.arrived = auditor, connection, arrived
        self.at: array[int] = array("q")  # for each block of the connection its number, -1 for padding
        self.speech, self.turns = SpeechDetector(), TurnDetector()
        self.items, self.begun = 0, 0

    async def run(self) -> None:
        peer, ends = self.connection, float("inf")
        if self.auditor.life is not None:
            ends = time.monotonic() + self.auditor.life
            peer.protocol._about["expires_at"] = time.time() + self.auditor.life
        await peer.greet()
        while True:
            match await peer.next_event(patience=None):
                case SessionUpdate() as update:
                    turns = update.session["audio"]["input"]["turn_detection"]
                    self.turns = TurnDetector(
                        silence_ms=turns["silence_duration_ms"], prefix_ms=turns["prefix_padding_ms"]
                    )
                case AppendAudio() as event:
                    peer.pcm.clear()  # three hours of it are half a gigabyte
                    await self.hear(event.audio)
                case CommitAudio() as event if len(self.at) * BLOCK - self.begun < MINIMUM_COMMIT:
                    empty = "input_audio_buffer_commit_empty"
                    await peer.send(ErrorEvent("too short", empty, client_event_id=event.event_id))
                case CommitAudio():
                    await self.settle(self.begun, len(self.at) * BLOCK)
            if time.monotonic() > ends:
                self.auditor.cut_off += 1
                await peer.close(1001, "Your session hit the maximum duration.")
                return

    async def hear(self, pcm: bytes) -> None:
        blocks = np.frombuffer(pcm, "<i2").reshape(-1, BLOCK)[:, :_CODE] & 1
        marked = (blocks[:, : len(_MARK)] == _MARK).all(axis=1)
        numbers = np.packbits(blocks[:, len(_MARK) : len(_MARK) + 32].astype(np.uint8), axis=1).view(">u4")[:, 0]
        self.at.extend(np.where(marked, numbers.astype(np.int64), -1).tolist())
        self.arrived.extend(numbers[marked].tolist())
        for frame in self.speech.feed(pcm):
            for decision in self.turns.push(frame.speech, frame.energy):
                item = f"item_{self.connection.number}_{self.items}"
                if isinstance(decision, TurnStarted):
                    await self.connection.send(SpeechStarted(item, decision.at * 1000 // RATE))
                else:
                    await self.connection.send(SpeechStopped(item, decision.stop * 1000 // RATE))
                    await self.settle(decision.start, decision.stop)

    async def settle(self, start: int, stop: int) -> None:
        item = f"item_{self.connection.number}_{self.items}"
        self.items, self.begun = self.items + 1, stop
        numbers = [number for number in self.at[start // BLOCK : stop // BLOCK] if number >= 0]
        assert len(spans(numbers)) <= 1
        await self.connection.send(
            self.connection.protocol.commit(item), Completed(item, self.auditor.lecture.words(numbers))
        )
