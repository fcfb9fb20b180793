"""PCM16 samples and the clocks that count them."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 24_000
"""Samples per second of every recording and of every connection to a service, in Hz."""

BYTES_PER_SAMPLE = 2


def to_pcm16(samples: NDArray[Any]) -> bytes:
    """Convert mono samples to little-endian PCM16: floats are clipped to -1…1, integers scaled by their width.

    What is not a number becomes silence. Raises TypeError for types that are not audio.
    """
    import numpy as np

    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if samples.dtype == np.int16:
        return bytes(samples.astype("<i2", copy=False).tobytes())
    if samples.dtype == np.int32:
        return bytes((samples >> 16).astype("<i2").tobytes())
    if samples.dtype == np.uint8:
        return bytes(((samples.astype(np.int16) - 128) << 8).astype("<i2").tobytes())
    if not np.issubdtype(samples.dtype, np.floating):
        raise TypeError(f"samples of type {samples.dtype} are not audio; give float (-1 to 1), int16, int32 or uint8")
    whole = samples.astype(np.result_type(samples.dtype, np.float32))
    np.clip(whole, -1.0, 1.0, out=whole)
    if np.isnan(whole.sum()):  # a look at the sum is cheaper than a question to each
        whole[np.isnan(whole)] = 0.0
    whole *= 32768.0
    np.rint(whole, out=whole)
    np.minimum(whole, 32767.0, out=whole)
    return bytes(whole.astype("<i2").tobytes())


def to_float32(pcm: bytes) -> NDArray[np.float32]:
    """Convert PCM16 bytes to float32 samples in -1…1."""
    import numpy as np

    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768.0)


def rounded(samples: Fraction) -> int:
    """Return the nearest whole number, halves upwards: adding whole samples then changes nothing but their number."""
    return (2 * samples + 1) // 2


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
        sample = max(0, min(sample, self.length))  # nothing was said where nothing was sent
        index = bisect_right(self._starts, sample) - 1
        offset = sample - self._starts[index] if self._moves[index] else 0
        return self._positions[index] + offset
