"""The microphone that Chromium hears: one WAV file, read anew each time a page opens the device."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import soundfile


class WavMicrophone:
    """Stand-in for a microphone; `play` sets what the next opening of the device hears from its start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hush()

    def play(self, source: Path | str) -> None:
        """Hear this recording (FLAC, WAV, …) once, then digital silence."""
        samples, rate = soundfile.read(source, dtype="int16")
        self._write(samples, rate)

    def play_samples(self, samples: np.ndarray, rate: int) -> None:
        """Hear these int16 samples at `rate` Hz once, then digital silence."""
        self._write(samples, rate)

    def hush(self) -> None:
        """Hear a quiet room."""
        noise = np.random.default_rng(0).normal(0, 60, 48_000)
        self._write(noise.astype(np.int16), 48_000)

    def _write(self, samples: np.ndarray, rate: int) -> None:
        fresh = self.path.with_suffix(".new.wav")
        soundfile.write(fresh, samples, rate, subtype="PCM_16")
        os.replace(fresh, self.path)
