"""Resampled streams have exactly the length that their input has, however often they are cut."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_magic.audio.pcm import SAMPLE_RATE, rounded
from rt_magic.audio.resampling import Resampler

RATES = st.sampled_from((8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000))


def noise(samples: int) -> bytes:
    """Noise of so many samples."""
    return np.random.default_rng(samples).integers(-9000, 9000, samples).astype("<i2").tobytes()


@settings(max_examples=60)
@given(st.lists(st.tuples(RATES, st.lists(st.integers(1, 5_000), min_size=1, max_size=4)), min_size=1, max_size=6))
def test_the_length_is_exact_at_each_mark(stretches: list[tuple[int, list[int]]]) -> None:
    """After each stretch exactly what went in until then has come out, whatever rates came before."""
    resampler, total, given_ = Resampler(SAMPLE_RATE), Fraction(0), 0
    for rate, chunks in stretches:
        for samples in chunks:
            given_ += len(resampler.feed(noise(samples), rate)) // 2
            total += Fraction(samples, rate)
        given_ += len(resampler.flush()) // 2
        assert given_ == resampler.given == rounded(total * SAMPLE_RATE)


def test_the_same_rate_passes_through() -> None:
    """What has the rate already is the same to the bit, between stretches of other rates as well."""
    resampler = Resampler(SAMPLE_RATE)
    resampler.feed(noise(4_411), 44_100)
    resampler.flush()
    assert resampler.feed(noise(777), SAMPLE_RATE) == noise(777)
    assert resampler.flush() == b""


def test_another_rate_begins_a_stretch_of_its_own() -> None:
    """A rate that changes without a mark loses nothing of what was before."""
    resampler = Resampler(SAMPLE_RATE)
    out = resampler.feed(noise(4_800), 48_000) + resampler.feed(noise(1_600), 16_000) + resampler.flush()
    assert len(out) == 2 * (2_400 + 2_400)
