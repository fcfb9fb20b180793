"""When each part of a live recording was spoken, arrived here, and went on to the service. No I/O, no clock."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left

from rt_magic.audio.pcm import SAMPLE_RATE

ANOTHER_CLOCK = 1.0
"""Seconds from which on the page's clock is taken to be slow, as sound does not take so long again and again."""


class Pace:
    """Remember the moments of each part of a recording, for as long as latencies are asked for.

    Times are monotonic seconds, positions samples. One thread may note and another ask.
    """

    def __init__(self, entries: int = 6_000) -> None:
        self._captured, self._received, self._sent = Notes(entries), Notes(entries), Notes(entries)

    def note(self, end: int, time: float, captured: float | None = None) -> None:
        """Note that the recording reached `end` samples at `time`, and when the last of them was captured, if known."""
        self._captured.add(end, time if captured is None else captured)
        self._received.add(end, time)

    def note_sent(self, end: int, time: float) -> None:
        """Note that what lies before `end` was sent; what is sent once more counts from then."""
        self._sent.add(end, time)

    def at(self, sample: int) -> float | None:
        """Return when `sample` was spoken, or None where that is not known any more or not yet.

        It is reckoned back from the end of its chunk, so that it is not the time at which its chunk was full.
        """
        found = self._captured.find(sample)
        return None if found is None else found[1] - (found[0] - sample) / SAMPLE_RATE

    def received(self, sample: int) -> float | None:
        """Return when `sample` was here, or None."""
        found = self._received.find(sample)
        return None if found is None else found[1]

    def sent(self, sample: int) -> float | None:
        """Return when `sample` went to the service, the last time if it was sent more than once, or None."""
        found = self._sent.find(sample)
        return None if found is None else found[1]


class Notes:
    """Times at which positions were reached; the last `entries` of them at least are kept."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        # Plain numbers and no objects, of which there would be tens of thousands. A time is there before its end is.
        self._notes = array("q"), array("d")
        self._forgotten = -1
        """Last sample of which the time is not known any more."""

    def add(self, end: int, time: float) -> None:
        """Note a time for all up to `end`; where that lies further back than before, what is behind it is forgotten."""
        ends, times = self._notes
        if ends and ends[-1] >= end:
            kept = bisect_left(ends, end)
            self._notes = ends, times = ends[:kept], times[:kept]
        times.append(time)
        ends.append(end)
        if len(ends) > 2 * self._entries:
            self._forgotten = ends[self._entries - 1]
            self._notes = ends[self._entries :], times[self._entries :]

    def find(self, sample: int) -> tuple[int, float] | None:
        """Return the note that a sample belongs to, None where there is none (any more)."""
        ends, times = self._notes
        index = bisect_left(ends, sample)
        return None if index >= len(ends) or sample <= self._forgotten else (ends[index], times[index])


class PageClock:
    """Turn a page's times into ours; its computer may be another one, whose clock is set otherwise.

    Where its clock is ahead of ours, or far behind it, the sound that took least is taken to have come in no time, so
    that what is measured is too small by that; otherwise the clocks are taken to agree.
    """

    def __init__(self) -> None:
        self._least = math.inf

    def age(self, captured_at: float, now: float) -> float:
        """Return how many seconds ago something was captured, by the page's Unix time and ours."""
        passed = now - captured_at
        self._least = min(self._least, passed)
        agree = 0 <= self._least <= ANOTHER_CLOCK
        return passed if agree else passed - self._least
