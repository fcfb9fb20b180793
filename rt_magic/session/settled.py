"""Which stretches of a recording have become text, so that what is sent again is exactly the rest. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from rt_magic.transcript.segments import Sounded

Span: TypeAlias = tuple[int, int]
"""First sample of the recording, and the one behind the last."""


class Settled:
    """A growing set of stretches, in samples of the recording."""

    def __init__(self) -> None:
        self._spans: list[Span] = []

    def add(self, start: int, stop: int) -> None:
        """Note that a stretch need not be sent (again)."""
        if stop <= start:
            return
        apart = [span for span in self._spans if span[1] < start or stop < span[0]]
        joined = [span for span in self._spans if span not in apart]
        start, stop = min([start, *(s for s, _ in joined)]), max([stop, *(e for _, e in joined)])
        self._spans = sorted([*apart, (start, stop)])

    @property
    def position(self) -> int:
        """First sample that is not settled."""
        return self._spans[0][1] if self._spans and self._spans[0][0] <= 0 else 0

    def after(self, position: int) -> Span | None:
        """Return the first stretch that ends behind a position."""
        return next((span for span in self._spans if span[1] > position), None)


def settled_by(turns: Iterable[Sounded], position: int) -> list[Span]:
    """Return what a connection has settled that sent the recording from `position` on; `turns` in its order.

    The sound between two settled turns is settled with them: nobody spoke there. So it is before the first one.
    What lies before a turn without text, and behind the last one, is not: speech may have been under way in it.
    """
    spans: list[Span] = []
    reached: int | None = position
    for turn in turns:
        if not turn.settled or turn.stop is None:
            reached = None
            continue
        start = turn.start if turn.start is not None else turn.stop
        spans.append((start if reached is None else min(reached, start), turn.stop))
        reached = turn.stop
    return spans
