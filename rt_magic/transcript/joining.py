"""The segments of several channels as one conversation. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rt_magic.transcript.segments import Segment


def joined(channels: Sequence[Sequence[Segment]]) -> list[Segment]:
    """Return the segments of all channels by start, their ids counted anew, their channels as speakers.

    A segment without a start stays behind the one that it follows in its channel. Speakers that were told apart within
    a channel keep their names behind it.
    """
    placed = []
    for number, segments in enumerate(channels, 1):
        start = 0.0
        for segment in segments:
            start = segment.start if segment.start is not None else start
            placed.append((start, number, segment))
    placed.sort(key=lambda place: place[:2])
    numbers: dict[tuple[int, str], int] = {}
    found = []
    for _, number, segment in placed:
        turn, _, part = segment.id.partition(".")
        position = numbers.setdefault((number, turn), len(numbers) + 1)
        speaker = f"channel {number}" if segment.speaker is None else f"channel {number}, {segment.speaker}"
        found.append(replace(segment, id=f"s{position}{part and f'.{part}'}", speaker=speaker))
    return found
