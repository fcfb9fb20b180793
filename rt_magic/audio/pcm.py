"""PCM16 samples and the clocks that count them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 24_000
"""Samples per second of every recording and of every connection to a service, in Hz."""

BYTES_PER_SAMPLE = 2


def to_pcm16(samples: NDArray[Any]) -> bytes:
    """Convert mono samples to little-endian PCM16: floats in -1…1 are clipped, integers scaled by their width."""
    if samples.dtype == np.int16:
        return bytes(samples.astype("<i2", copy=False).tobytes())
    if samples.dtype == np.int32:
        return bytes((samples >> 16).astype("<i2").tobytes())
    if samples.dtype == np.uint8:
        return bytes(((samples.astype(np.int16) - 128) << 8).astype("<i2").tobytes())
    if not np.issubdtype(samples.dtype, np.floating):
        raise TypeError(f"samples of type {samples.dtype} are not audio; give float (-1 to 1), int16, int32 or uint8")
    scaled: NDArray[Any] = np.clip(np.nan_to_num(samples) * 32768.0, -32768, 32767)
    return bytes(np.rint(scaled).astype("<i2").tobytes())


def to_float32(pcm: bytes) -> NDArray[np.float32]:
    """Convert PCM16 bytes to float32 samples in -1…1."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768.0)


def silence(samples: int) -> bytes:
    """Return that many samples of digital silence as PCM16."""
    return bytes(samples * BYTES_PER_SAMPLE)


class Timeline:
    """Map the sample positions of one connection to those of the recording.

    A connection receives stretches of the recording with padding between or after them; `add` and `pad` note
    what was sent, in order, and `to_recording` answers for any position, padding counting as the point where the
    recording stood.
    """

    def __init__(self) -> None:
        self.length = 0
        """Samples sent on the connection, padding included."""
        self.padding = 0
        """Samples of padding among them."""
        self._starts: list[int] = []
        self._positions: list[int] = []
        self._moves: list[bool] = []

    def add(self, position: int, samples: int) -> None:
        """Note that `samples` samples of the recording from `position` on were sent."""
        if not (self._moves and self._moves[-1] and self.to_recording(self.length) == position):
            self._note(position, True)
        self.length += samples

    def pad(self, samples: int) -> None:
        """Note that `samples` samples which are not in the recording were sent."""
        if not self._moves or self._moves[-1]:
            self._note(self.to_recording(self.length), False)
        self.length += samples
        self.padding += samples

    def _note(self, position: int, moves: bool) -> None:
        self._starts.append(self.length)
        self._positions.append(position)
        self._moves.append(moves)

    def to_recording(self, sample: int) -> int:
        """Return the recording's position for a position of the connection, both in samples."""
        if not self._starts:
            return 0
        index = max(0, bisect_right(self._starts, sample) - 1)
        offset = max(0, sample - self._starts[index]) if self._moves[index] else 0
        if index + 1 < len(self._starts) and self._moves[index]:
            offset = min(offset, self._starts[index + 1] - self._starts[index])
        return self._positions[index] + offset


class Pace:
    """Remember when each part of a live recording arrived, for as long as latencies are asked for.

    Times are monotonic seconds; a position is reckoned back from the end of the chunk that brought it, so that the
    time of a sample is when it was spoken rather than when its chunk was full.
    """

    def __init__(self, entries: int = 6_000) -> None:
        self._entries = entries
        self._ends: list[int] = []
        self._times: list[float] = []

    def note(self, end: int, time: float) -> None:
        """Note that the recording reached `end` samples at `time`."""
        self._ends.append(end)
        self._times.append(time)
        if len(self._ends) > 2 * self._entries:
            del self._ends[: self._entries]
            del self._times[: self._entries]

    def at(self, sample: int) -> float | None:
        """Return when `sample` was spoken, or None where that is not known any more or not yet."""
        index = bisect_left(self._ends, sample)
        if index >= len(self._ends) or (index == 0 and len(self._ends) >= self._entries):
            return None
        return self._times[index] - (self._ends[index] - sample) / SAMPLE_RATE
