"""Samples, and the clocks that count them, against naive models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rt_magic.audio.pcm import Timeline, silence, to_float32, to_pcm16


def decoded(samples: NDArray[np.generic]) -> list[int]:
    """Return the numbers that `to_pcm16` writes."""
    return np.frombuffer(to_pcm16(samples), "<i2").tolist()  # type: ignore[no-any-return]


@given(st.binary(max_size=400).filter(lambda pcm: len(pcm) % 2 == 0))
def test_pcm_survives_floats(pcm: bytes) -> None:
    """PCM16 turned into floats and back is the same bytes."""
    assert to_pcm16(to_float32(pcm)) == pcm


@given(hnp.arrays(np.float64, st.integers(0, 50), elements=st.floats(-1, 1)))
def test_floats_are_rounded_to_the_nearest_step(samples: NDArray[np.float64]) -> None:
    """No sample is more than half a step off, but for full scale, which PCM16 does not quite reach."""
    off = to_float32(to_pcm16(samples)) - np.minimum(samples, 32767 / 32768)
    assert np.all(np.abs(off) <= 0.5 / 32768 + 1e-9)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_what_does_not_fit_is_clipped(kind: type[np.floating]) -> None:
    """Loud samples and infinities stop at full scale, what is not a number is silence; nothing wraps or warns."""
    loud = np.array([1.0, -1.0, 1.5, -7.0, np.inf, -np.inf, np.nan, np.finfo(kind).max, np.finfo(kind).min, 0.0], kind)
    assert decoded(loud) == [32767, -32768, 32767, -32768, 32767, -32768, 0, 32767, -32768, 0]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([0.5, -0.5], np.float32), [16384, -16384]),
        (np.array([-32768, 0, 32767], np.int16), [-32768, 0, 32767]),
        (np.array([-32768, 0, 32767], ">i2"), [-32768, 0, 32767]),
        (np.array([-(2**31), 65536, 2**31 - 1], np.int32), [-32768, 1, 32767]),
        (np.array([0, 128, 255], np.uint8), [-32768, 0, 32512]),
        (np.array([0.25], ">f4"), [8192]),
    ],
)
def test_types_are_scaled_by_their_width(samples: NDArray[np.generic], expected: list[int]) -> None:
    """Every type that holds audio, of either byte order, comes out in 16 bits."""
    assert decoded(samples) == expected


@pytest.mark.parametrize("kind", [np.int64, np.uint16, np.bool_, np.complex64, object])
def test_other_types_are_refused(kind: type) -> None:
    """A type that does not say its full scale is an error that names the types that do."""
    with pytest.raises(TypeError, match="give float"):
        to_pcm16(np.zeros(3, kind))


def test_silence_is_whole_samples() -> None:
    """Silence is zeros, two bytes a sample."""
    assert silence(3) == bytes(6)


@dataclass(frozen=True)
class Stretch:
    """What a connection is sent next: samples of the recording, after leaving some out, or padding."""

    padding: bool
    samples: int
    skip: int


STRETCHES = st.lists(st.builds(Stretch, st.booleans(), st.integers(0, 6), st.integers(0, 3)), max_size=12)


@given(STRETCHES, st.integers(0, 50))
def test_a_timeline_maps_like_a_list(stretches: list[Stretch], first: int) -> None:
    """A sample sent maps to where it came from, padding to where the recording stood, what was not sent to the end."""
    timeline, naive, stands, at = Timeline(), [], 0, first
    for stretch in stretches:
        if stretch.padding:
            naive += [stands] * stretch.samples
            timeline.pad(stretch.samples)
        else:
            at += stretch.skip
            naive += range(at, at + stretch.samples)
            timeline.add(at, stretch.samples)
            stands = at = at + stretch.samples
    assert [timeline.to_recording(sample) for sample in range(len(naive))] == naive
    assert timeline.length == len(naive)
    assert timeline.padding == sum(stretch.samples for stretch in stretches if stretch.padding)
    assert timeline.to_recording(len(naive)) == stands == timeline.to_recording(len(naive) + 1000)
    assert timeline.to_recording(-5) == timeline.to_recording(0)


def test_an_empty_timeline_is_at_the_beginning() -> None:
    """Before anything is sent, and for padding sent first, the recording stands at 0."""
    timeline = Timeline()
    assert timeline.to_recording(5) == 0
    timeline.pad(10)
    timeline.add(100, 10)
    assert [timeline.to_recording(sample) for sample in (0, 9, 10, 19)] == [0, 0, 100, 109]
