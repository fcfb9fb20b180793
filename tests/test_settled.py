"""Which stretches of a recording are sent again after a connection was lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rt_magic.session.settled import Settled, settled_by
from rt_magic.transcript.segments import Sounded


def test_silence_between_settled_turns_is_settled_with_them() -> None:
    """Up to the end of the last of the turns that were settled in order, nothing is sent again."""
    turns = [Sounded(300, 800, True), Sounded(1000, 1500, True)]
    assert settled_by(turns, 100) == [(100, 800), (800, 1500)]


def test_a_turn_without_text_leaves_a_gap_up_to_the_next_one_that_has_some() -> None:
    """What was settled behind it is not sent again, all between the turns around it is."""
    turns = [Sounded(300, 800, True), Sounded(1000, 1500, False), Sounded(2000, 2500, True), Sounded(2600, None, False)]
    settled = Settled()
    for start, stop in settled_by(turns, 0):
        settled.add(start, stop)
    assert settled.position == 800
    assert settled.after(800) == (2000, 2500) and settled.after(2500) is None


def test_a_turn_of_which_no_time_is_known_settles_nothing() -> None:
    """Rather twice than not at all: without times its sound is sent again."""
    assert settled_by([Sounded(None, None, True), Sounded(1000, 1500, True)], 0) == [(1000, 1500)]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12))
def test_stretches_add_up(stretches: list[tuple[int, int]]) -> None:
    """In whatever order stretches come and overlap, exactly what they cover is settled."""
    settled, covered = Settled(), np.zeros(64, bool)
    for start, stop in stretches:
        settled.add(start, stop)
        covered[start:stop] = True
    assert settled.position == int(np.argmin(covered))
    seen, position = np.zeros(64, bool), 0
    while (span := settled.after(position)) is not None:
        seen[span[0] : span[1]] = True
        position = span[1]
    assert (seen == covered).all()
