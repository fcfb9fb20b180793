"""PCM16 of the recording's rate at another rate, in a stream whose length is exact at each mark. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt_magic.audio.pcm import SAMPLE_RATE


class Resampler:
    """Convert a stream of PCM16 from 24 kHz to `rate` (Hz).

    A filter looks ahead, so that what comes out lags behind by some milliseconds; `flush` ends a stretch: by then
    exactly `rate / 24000` of all samples that went in have come out, rounded, however often that was done.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.taken = 0
        """Samples that went in."""
        self.given = 0
        """Samples that came out."""
        self._stream: Any = None

    def feed(self, pcm: bytes) -> bytes:
        """Take the next samples and return those that are ready."""
        samples = np.frombuffer(pcm, "<i2")
        self.taken += len(samples)
        return self._give(self._resample(samples, last=False), self._due())

    def flush(self) -> bytes:
        """Return the rest of what went in, so that the next sample begins a stretch of its own."""
        due = self._due() - self.given
        if self._stream is None:
            return b""
        rest = self._resample(np.empty(0, np.int16), last=True)
        self._stream = None
        rest = np.pad(rest[:due], (0, max(0, due - len(rest))))  # rounding of single stretches adds up to nothing
        return self._give(rest, due + self.given)

    def _due(self) -> int:
        return round(self.taken * self.rate / SAMPLE_RATE)

    def _resample(self, samples: NDArray[np.int16], *, last: bool) -> NDArray[np.int16]:
        import soxr

        if self._stream is None:
            self._stream = soxr.ResampleStream(SAMPLE_RATE, self.rate, 1, dtype="int16", quality="HQ")
        resampled: NDArray[np.int16] = self._stream.resample_chunk(samples, last=last)
        return resampled

    def _give(self, samples: NDArray[np.int16], limit: int) -> bytes:
        samples = samples[: max(0, limit - self.given)]
        self.given += len(samples)
        return bytes(samples.astype("<i2").tobytes())
