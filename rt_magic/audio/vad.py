"""Decide for each 10 ms of audio whether somebody speaks: the WebRTC detector AND an adaptive energy gate."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np
import soxr
import webrtcvad

from rt_magic.audio.pcm import SAMPLE_RATE

FRAME_SAMPLES = 240
"""Samples per frame at 24 kHz: 10 ms, the shortest frame WebRTC takes."""

_VAD_RATE = 16_000
_VAD_FRAME = _VAD_RATE * FRAME_SAMPLES // SAMPLE_RATE
_QUIETEST_FLOOR_DB = -72.0  # digital silence has no level; below this everything is silence
_FIRST_FLOOR_DB = -54.0  # assumed in the first half second, so that a recording may begin in mid-word
_LIVELY_DB = 4.0  # but only of sound that rises or falls by so much: hum and steady noise do not
_WINDOW_FRAMES = 50
_WINDOWS = 6


class Frame(NamedTuple):
    """One 10 ms frame: whether it holds speech, and its energy in dBFS (at least -100)."""

    speech: bool
    energy: float


class SpeechDetector:
    """Turn 24 kHz PCM16 into one :class:`Frame` per 240 samples, in any chunking, as a function of the data alone.

    ``threshold`` (0..1, as in ``server_vad``; higher needs louder speech) chooses WebRTC's mode and how many dB a
    frame must stand above the noise floor: below 0.35 mode 1 and 4 dB, up to 0.65 mode 2 and 6 dB, else mode 3 and
    9 dB. The two detectors fail on different things: WebRTC alone takes its first moments, hum and plucked strings
    for speech, the gate alone loses quiet speech in noise.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        if not 0.0 <= threshold <= 1.0:
            raise ValueError(f"threshold must be between 0 and 1, not {threshold!r}")
        mode, self._gate_db = (1, 4.0) if threshold < 0.35 else (2, 6.0) if threshold <= 0.65 else (3, 9.0)
        self._vad = webrtcvad.Vad(mode)
        # WebRTC looks at 0..4 kHz of an 8, 16, 32 or 48 kHz signal. From 24 to 16 kHz plain interpolation ("QQ") is
        # enough, because what it folds lands above 4 kHz, and it adds no delay. Float, as soxr dithers int16 and
        # the result would depend on the chunks.
        self._resampler = soxr.ResampleStream(SAMPLE_RATE, _VAD_RATE, 1, dtype="float32", quality="QQ")
        self._odd = b""
        self._rest = np.zeros(0, np.float32)
        self._recent: deque[float] = deque(maxlen=5)
        self._minimum, self._maximum = math.inf, -math.inf
        self._minima: deque[float] = deque(maxlen=_WINDOWS)
        self._in_window = 0

    def feed(self, pcm: bytes) -> list[Frame]:
        """Return the frames that ``pcm`` completes (16-bit little-endian mono at 24 kHz; an odd byte waits)."""
        pcm = self._odd + pcm
        whole = len(pcm) & ~1
        self._odd = pcm[whole:]
        samples = np.frombuffer(pcm, "<i2", whole // 2).astype(np.float32)
        self._rest = np.concatenate([self._rest, self._resampler.resample_chunk(samples)])
        count = len(self._rest) // _VAD_FRAME
        frames = self._rest[: count * _VAD_FRAME].reshape(count, _VAD_FRAME)
        self._rest = self._rest[count * _VAD_FRAME :]
        power = np.einsum("ij,ij->i", frames, frames) / (_VAD_FRAME * 32768.0**2)
        energies = (10.0 * np.log10(power + 1e-10)).tolist()
        raw = np.clip(np.rint(frames), -32768, 32767).astype("<i2").tobytes()
        size = 2 * _VAD_FRAME
        return [self._frame(raw[index * size : (index + 1) * size], energy) for index, energy in enumerate(energies)]

    def _frame(self, raw: bytes, energy: float) -> Frame:
        voiced = self._vad.is_speech(raw, _VAD_RATE)  # always asked: it learns the noise from every frame
        loud = energy >= max(self._floor(energy), _QUIETEST_FLOOR_DB) + self._gate_db
        return Frame(voiced and loud, energy)

    def _floor(self, energy: float) -> float:
        """Follow the lowest smoothed level of the last three seconds."""
        self._recent.append(energy)
        level = math.fsum(self._recent) / len(self._recent)
        self._minimum, self._maximum = min(self._minimum, level), max(self._maximum, level)
        floor = min((self._minimum, *self._minima))
        if not self._minima and self._maximum - self._minimum >= _LIVELY_DB:
            floor = min(floor, _FIRST_FLOOR_DB)
        self._in_window += 1
        if self._in_window == _WINDOW_FRAMES:
            self._minima.append(self._minimum)
            self._minimum, self._in_window = math.inf, 0
        return floor
