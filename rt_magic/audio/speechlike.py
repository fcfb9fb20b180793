"""Tell whether a finished utterance can be speech at all, as recognisers put words to hum, beeps and noise."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BANDS = (100, 300, 500, 700, 1000, 1400, 2000, 2800, 4000, 6000)  # Hz
_LIVELY_DB = 2.3
_TONAL = 0.8


def is_speechlike(samples: NDArray[np.int16], rate: int) -> bool:
    """Tell whether the sound changes its colour and is not one pure tone, as all speech does and is not.

    Measured over the loud parts (within 20 dB of the loudest) of an utterance: the level of each band relative to the
    others varies by 2.7 dB in a sung "oh" of a synthetic voice and by 6 to 10 dB in ordinary speech, but by less than
    2.2 dB in noise that swells and in beeps; the strongest frequency holds at most 0.6 of the energy in speech, but
    more than 0.9 in tones. Less than 60 ms are always speechlike.
    """
    return len(samples) < rate * 0.06 or (
        _liveliness(samples, rate) >= _LIVELY_DB and _tonality(samples, rate) < _TONAL
    )


def _spectra(samples: NDArray[np.int16], frame: int) -> NDArray[Any]:
    frames = samples[: len(samples) // frame * frame].astype(np.float64).reshape(-1, frame)
    power = np.abs(np.fft.rfft(frames * np.hanning(frame))) ** 2
    level = power.sum(axis=1)
    return np.asarray(power[level >= level.max() / 100])


def _liveliness(samples: NDArray[np.int16], rate: int) -> float:
    """Return how much the level of a band varies relative to the others, in dB, averaged over the bands."""
    power = _spectra(samples, rate // 50)
    edges = [edge // 50 for edge in _BANDS]
    bands = [power[:, low:high].sum(axis=1) for low, high in pairwise(edges)]
    levels = 10 * np.log10(np.stack(bands, axis=1) + 1e3)
    return float((levels - levels.mean(axis=1, keepdims=True)).std(axis=0).mean())


def _tonality(samples: NDArray[np.int16], rate: int) -> float:
    """Return the share of energy that the strongest frequency holds, as the median over time."""
    power = _spectra(samples, rate // 25)
    peaks = power.argmax(axis=1)
    shares = [row[max(0, peak - 2) : peak + 3].sum() for row, peak in zip(power, peaks, strict=True)]
    return float(np.median(np.array(shares) / power.sum(axis=1)))
