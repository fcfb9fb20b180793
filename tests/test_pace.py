"""When live sound was spoken, arrived and went on, whatever clock the page has and however often it is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_magic.audio.pace import Pace, PageClock
from rt_magic.audio.pcm import SAMPLE_RATE

CHUNKS = st.lists(st.tuples(st.integers(1, 30), st.floats(0, 5)), min_size=1, max_size=40)


@given(CHUNKS, st.integers(1, 4))
def test_a_pace_knows_when_a_sample_was_spoken(chunks: list[tuple[int, float]], entries: int) -> None:
    """A sample's time is reckoned back from its chunk's end; the last chunks are known, the oldest may be forgotten."""
    pace, end, time = Pace(entries), 0, 0.0
    spoken: dict[int, float] = {}
    known: list[int] = []
    for samples, passed in chunks:
        time += passed
        pace.note(end + samples, time)
        for sample in range(end + 1, end + samples + 1):
            spoken[sample] = time - (end + samples - sample) / SAMPLE_RATE
        known.append(end + 1)
        end += samples
    remembered = known[-entries:][0]
    for sample, expected in spoken.items():
        found = pace.at(sample)
        assert found == expected or (found is None and sample < remembered)
    assert pace.at(end + 1) is None
    assert all(pace.at(sample) is None for sample in (0, 1)) or len(chunks) <= 2 * entries


def test_a_short_recording_is_remembered_whole() -> None:
    """Nothing is forgotten before there is too much to remember."""
    pace = Pace(4)
    for number in range(8):
        pace.note((number + 1) * SAMPLE_RATE, float(number + 1))
    assert [pace.at(second * SAMPLE_RATE) for second in range(9)] == [float(second) for second in range(9)]


def test_capture_arrival_and_sending_are_told_apart() -> None:
    """A sample is spoken before its chunk is full, here when all of its chunk is, and sent when it was sent last."""
    pace = Pace()
    pace.note(2400, 10.3, captured=10.1)
    pace.note_sent(1200, 10.4)
    pace.note_sent(2400, 10.5)
    assert [pace.at(1200), pace.received(1200), pace.sent(1200)] == pytest.approx([10.05, 10.3, 10.4])
    assert (pace.at(2400), pace.received(2400), pace.sent(2400)) == (10.1, 10.3, 10.5)
    pace.note_sent(800, 11.0)  # another connection begins further back
    assert (pace.sent(800), pace.sent(1200)) == (11.0, None)
    pace.note_sent(2400, 12.0)
    assert (pace.sent(800), pace.sent(1200), pace.sent(2401)) == (11.0, 12.0, None)


@pytest.mark.parametrize(("skew", "short_by"), [(0.0, 0.0), (-0.4, 0.0), (300.0, 0.2), (-300.0, 0.2)])
def test_a_clock_that_is_set_otherwise_is_noticed(skew: float, short_by: float) -> None:
    """Clocks that agree give the time that passed; of others the quickest chunk is taken to have needed none."""
    delays = [0.2, 0.25, 1.0, 0.2]
    clock = PageClock()
    found = [clock.age(now - delay + skew, now) for now, delay in enumerate(delays, 100)]
    expected = [delay - short_by - (skew if abs(skew) < 1 else 0.0) for delay in delays]
    assert found == pytest.approx(expected)
