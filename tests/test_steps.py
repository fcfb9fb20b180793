"""What runs for each final segment: every step gets each segment that is final after it came, and gets it once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rt_magic.cell.steps import Steps
from rt_magic.transcript.segments import Segment


def final(number: int) -> Segment:
    """A segment that is final."""
    return Segment(id=f"s{number}", text=f"text {number}", final=True)


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("way", ["add", "replace"])
def test_a_segment_that_becomes_final_while_a_step_comes_is_not_lost(way: str, others: bool) -> None:
    """Between the look at what is known and the step's own queue another thread may finish a segment."""
    got: list[str] = []
    known = [final(1)]
    arrive: list[Callable[[], None]] = []

    def segments() -> list[Segment]:
        before = list(known)
        while arrive:
            arrive.pop()()
        return before

    def second_is_final() -> None:
        known.append(final(2))
        steps.submit([final(2)])

    steps = Steps(lambda: None, segments)
    if others:
        steps.add(lambda segment: None)
    arrive.append(second_is_final)
    getattr(steps, way)(lambda segment: got.append(segment.id))
    steps.submit([final(1), final(2), final(3)])
    steps.submit([final(3)])
    while steps.run_waiting():
        pass
    assert got == ["s2", "s3"]
    assert steps.waiting == 0


def test_a_segment_without_text_runs_nothing() -> None:
    """Interim, empty and failed segments are no matter for a step."""
    got: list[str] = []
    steps = Steps(lambda: None, tuple)
    steps.add(lambda segment: got.append(segment.id))
    steps.submit([Segment(id="s1", text="a"), Segment(id="s2", final=True), Segment(id="s3", final=True, error="no")])
    assert not steps.run_waiting()
    steps.submit([final(1)])
    assert steps.run_waiting() and got == ["s1"]
