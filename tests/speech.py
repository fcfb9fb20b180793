"""The committed speech, and sounds that are none: what tests of the engine and of speech detection are fed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 24_000
DATA = Path(__file__).parent / "data"
PHRASES_FLAC = DATA / "phrases.flac"
NOISE = 60 * (RATE / 16_000) ** 0.5  # LSB, the fixture's own noise floor


@dataclass(frozen=True)
class Phrase:
    """What is said from `start` to `end` seconds of the fixture."""

    text: str
    start: float
    end: float


def phrases() -> list[Phrase]:
    """Return the phrases of the fixture, in order."""
    return [Phrase(**entry) for entry in json.loads((DATA / "phrases.json").read_text())["phrases"]]


@cache
def _read(path: Path) -> NDArray[np.float64]:
    samples, rate = soundfile.read(path, dtype="int16")
    return np.asarray(soxr.resample(samples, rate, RATE), np.float64)


def pcm(samples: NDArray[np.float64]) -> bytes:
    """Round and clip samples in LSB to PCM16 bytes."""
    return np.rint(samples).clip(-32768, 32767).astype("<i2").tobytes()


def fixture(seed: int = 0, noise: float = NOISE) -> bytes:
    """Return the five phrases with a noise floor of that seed and deviation (LSB), as 24 kHz PCM16."""
    clean = _read(DATA / "phrases_clean.flac")
    return pcm(clean + np.random.default_rng(seed).normal(0, noise, len(clean)))


def human() -> list[tuple[str, bytes, str]]:
    """Return (name, 24 kHz PCM16, transcript) of each committed piece of human speech."""
    paths = sorted((DATA / "librivox").glob("*.flac"))
    return [(path.stem, pcm(_read(path)), path.with_suffix(".txt").read_text().strip()) for path in paths]


def no_speech(seconds: float, seed: int = 0) -> dict[str, bytes]:
    """Return sounds in which nobody speaks, by name: silence, steady and swelling noise, hum, tones, beeps, clicks."""
    rng, count = np.random.default_rng(seed), round(seconds * RATE)
    t = np.arange(count) / RATE

    def white(db: float) -> NDArray[np.float64]:
        return rng.normal(0, 10 ** (db / 20), count)

    def pink(db: float) -> NDArray[np.float64]:
        frequencies = np.fft.rfftfreq(count, 1 / RATE)
        spectrum = rng.normal(size=len(frequencies)) + 1j * rng.normal(size=len(frequencies))
        samples = np.fft.irfft(spectrum / np.sqrt(np.maximum(frequencies, 20)), count)
        return np.asarray(samples / samples.std() * 10 ** (db / 20))

    def tones(*hertz: float) -> NDArray[np.float64]:
        return np.asarray(sum(0.05 * np.sin(2 * np.pi * f * t) for f in hertz) + white(-65))

    sounds = {
        "digital silence": np.zeros(count),
        "last bit": rng.integers(-1, 2, count) / 32768,
        "white -70 dB": white(-70),
        "white -50 dB": white(-50),
        "white -30 dB": white(-30),
        "pink -60 dB": pink(-60),
        "pink -40 dB": pink(-40),
        "pink -25 dB": pink(-25),
        "swelling noise": pink(-35) * (1 + 0.3 * np.sin(2 * np.pi * 0.3 * t)),
        "hum 50 Hz": tones(50, 100),
        "hum 60 Hz": tones(60, 120, 180),
        "tone 440 Hz": tones(440),
        "tone 1 kHz": tones(1000),
        "chord": tones(262, 330, 392),
        "sweep": 0.1 * np.sin(2 * np.pi * (100 * t + 150 * (t % 10) ** 2)) + white(-65),
        "beeps": 0.1 * np.sin(2 * np.pi * 1000 * t) * (t % 1 < 0.2) + white(-65),
        "plucks": 0.2 * np.sin(2 * np.pi * 330 * t) * np.exp(-8 * (t % 1.5)) + white(-65),
        "clicks": 0.5 * (rng.random(count) < 2 / RATE) + white(-65),
    }
    return {name: pcm(32767 * samples) for name, samples in sounds.items()}
