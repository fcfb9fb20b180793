"""The segments of several channels as one conversation, and those of several parts in a row as one talk. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

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
    found = []
    for number, segment in _numbered([(number, segment) for _, number, segment in placed]):
        speaker = f"channel {number}" if segment.speaker is None else f"channel {number}, {segment.speaker}"
        found.append(replace(segment, speaker=speaker))
    return found


def in_a_row(parts: Sequence[Sequence[Segment]]) -> list[Segment]:
    """Return the segments of parts that follow each other, their ids counted on."""
    placed = [(number, segment) for number, segments in enumerate(parts) for segment in segments]
    return [segment for _, segment in _numbered(placed)]


def events_in_a_row(parts: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return what happened in all parts by its time, and last the one end that they have come to, samples summed."""
    ends = [dict(event) for events in parts for event in events if event.get("type") == "stopped"]
    others = [dict(event) for events in parts for event in events if event.get("type") != "stopped"]
    others.sort(key=lambda event: str(event.get("time", "")))
    if not ends:
        return others
    last = max(ends, key=lambda event: str(event.get("time", "")))
    counted = [name for name, value in last.items() if isinstance(value, int)]
    return [*others, {**last, **{name: sum(end.get(name, 0) for end in ends) for name in counted}}]


def _numbered(placed: Sequence[tuple[int, Segment]]) -> list[tuple[int, Segment]]:
    """Give the segments of several sessions new ids in this order; what one turn was cut into stays together."""
    numbers: dict[tuple[int, str], int] = {}
    found = []
    for number, segment in placed:
        turn, _, part = segment.id.partition(".")
        position = numbers.setdefault((number, turn), len(numbers) + 1)
        found.append((number, replace(segment, id=f"s{position}{part and f'.{part}'}")))
    return found
