"""PCM16 at another rate, in a stream whose length is exact at each mark. Pure."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt_magic.audio.pcm import SAMPLE_RATE, rounded


class Resampler:
    """Convert a stream of PCM16, from 24 kHz or what `feed` is told, to `rate` (Hz).

    A filter looks ahead, so that what comes out lags behind by some milliseconds; `flush` ends a stretch: by then as
    much sound has come out as went in, to the sample, however often and between whatever rates that was done.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.given = 0
        """Samples that came out."""
        self._taken = Fraction(0)
        """Samples, at `rate`, that went in."""
        self._source = SAMPLE_RATE
        self._stream: Any = None

    def feed(self, pcm: bytes, source: int = SAMPLE_RATE) -> bytes:
        """Take the next samples, which have `source` Hz, and return those that are ready."""
        before = b"" if source == self._source else self.flush()
        self._source = source
        samples = np.frombuffer(pcm, "<i2")
        self._taken += Fraction(len(samples) * self.rate, source)
        return before + self._give(self._resample(samples, last=False), rounded(self._taken))

    def flush(self) -> bytes:
        """Return the rest of what went in, so that the next sample begins a stretch of its own."""
        if self._stream is None:
            return b""
        due = rounded(self._taken) - self.given
        rest = self._resample(np.empty(0, np.int16), last=True)
        self._stream = None
        rest = np.pad(rest[:due], (0, max(0, due - len(rest))))  # rounding of single stretches adds up to nothing
        return self._give(rest, due + self.given)

    def _resample(self, samples: NDArray[np.int16], *, last: bool) -> NDArray[np.int16]:
        if self._source == self.rate:
            return samples
        import soxr

        if self._stream is None:
            self._stream = soxr.ResampleStream(self._source, self.rate, 1, dtype="int16", quality="HQ")
        resampled: NDArray[np.int16] = self._stream.resample_chunk(samples.astype(np.int16), last=last)
        return resampled

    def _give(self, samples: NDArray[np.int16], limit: int) -> bytes:
        samples = samples[: max(0, limit - self.given)]
        self.given += len(samples)
        return bytes(samples.astype("<i2").tobytes())
