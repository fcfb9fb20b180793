"""The transcript as tables for pandas, Arrow and all that reads Arrow; the libraries are loaded when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from rt_magic.exceptions import ConfigurationError
from rt_magic.optional import library
from rt_magic.transcript.corrections import differences
from rt_magic.transcript.export import COLUMNS
from rt_magic.transcript.segments import Segment

Clock: TypeAlias = Literal["recording", "wall"]
Kind: TypeAlias = Literal["text", "number", "count", "time"]

_CAPTURING = ("connecting", "listening", "reconnecting")

_MEASURED: Mapping[str, Kind] = {"start": "time", "end": "time", "confidence": "number"}
SEGMENTS: Mapping[str, Kind] = {name: _MEASURED.get(name, "text") for name in COLUMNS}
"""Columns of the table of segments, as in every export; times are seconds of the recording, or moments in UTC."""

WORDS: Mapping[str, Kind] = {
    "id": "text",
    "position": "count",
    "word": "text",
    "start": "time",
    "end": "time",
    "probability": "number",
    "speaker": "text",
}
"""Columns of the table of words: `id` is the segment's, `position` counts from 0 in each segment."""

LATENCY: Mapping[str, Kind] = {
    "id": "text",
    "start": "time",
    "end": "time",
    "received": "number",
    "sent": "number",
    "first": "number",
    "final": "number",
}
"""Columns of the table of latencies, in seconds: `received` and `sent` after capture, `first` after the speech began,
`final` after it ended."""

CORRECTIONS: Mapping[str, Kind] = {
    "id": "text",
    "start": "time",
    "end": "time",
    "field": "text",
    "machine": "text",
    "corrected": "text",
    "confidence": "number",
}
"""Columns of the table of corrections: `field` is "text", "speaker" or "error", `confidence` that of the machine."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain values under typed columns; what is unknown is None."""

    columns: Mapping[str, Kind]
    rows: Sequence[Sequence[Any]]
    wall: Callable[[float], datetime] | None = None
    """Turns seconds of the recording into moments, where the times are to be such."""

    def values(self, index: int, kind: Kind) -> list[Any]:
        """Return a column, its times turned into moments where that is wanted."""
        found = [row[index] for row in self.rows]
        if kind == "time" and self.wall is not None:
            return [None if value is None else self.wall(value) for value in found]
        return found

    def to_pandas(self) -> Any:
        """Return a DataFrame; text is pandas' `string`, a moment has microseconds and UTC."""
        pandas = library("pandas")
        types = {"text": "string", "number": "float64", "count": "int64", "time": "float64"}
        if self.wall is not None:
            types["time"] = "datetime64[us, UTC]"
        columns = enumerate(self.columns.items())
        return pandas.DataFrame(
            {name: pandas.Series(self.values(i, kind), dtype=types[kind]) for i, (name, kind) in columns}
        )

    def to_arrow(self) -> Any:
        """Return a `pyarrow.Table`."""
        arrow = library("pyarrow")
        types = {"text": arrow.string(), "number": arrow.float64(), "count": arrow.int64(), "time": arrow.float64()}
        if self.wall is not None:
            types["time"] = arrow.timestamp("us", tz="UTC")
        columns = enumerate(self.columns.items())
        return arrow.table({name: arrow.array(self.values(i, kind), types[kind]) for i, (name, kind) in columns})


def segment_table(segments: Iterable[Segment]) -> Table:
    """Return one row per segment."""
    return Table(SEGMENTS, [[getattr(segment, name) for name in SEGMENTS] for segment in segments])


def word_table(segments: Iterable[Segment]) -> Table:
    """Return one row per word, of the segments that have words with times."""
    rows = [
        [segment.id, position, word.word.strip(), word.start, word.end, word.probability, segment.speaker]
        for segment in segments
        for position, word in enumerate(segment.words or ())
    ]
    return Table(WORDS, rows)


def latency_table(segments: Iterable[Segment]) -> Table:
    """Return one row per segment whose latency was measured."""
    stages = list(LATENCY)[3:]
    rows = [[s.id, s.start, s.end, *(s.latency.get(stage) for stage in stages)] for s in segments if s.latency]
    return Table(LATENCY, rows)


def correction_table(machine: Mapping[str, Segment], shown: Iterable[Segment]) -> Table:
    """Return one row per field that people changed, in the order of the segments."""
    segments = {segment.id: segment for segment in shown}
    changed = differences(machine, segments)
    rows = [
        [segment.id, segment.start, segment.end, name, said, getattr(segment, name), machine[segment.id].confidence]
        for segment in segments.values()
        for name, said in changed.get(segment.id, {}).items()
        if name != "words"
    ]
    return Table(CORRECTIONS, rows)


def wall_clock(started_at: datetime | None, events: Iterable[Mapping[str, Any]]) -> Callable[[float], datetime]:
    """Return what turns seconds of the recording into moments of the day.

    The recording's clock stands while it is paused, so each stretch of capture has a beginning of its own: where the
    events tell it (`at` seconds and `time`), it is used; else all counts from `started_at`.
    """
    stretches: list[tuple[float, float, datetime]] = []
    begin: float | None = 0.0
    for event in events:
        if event.get("type") == "epoch":
            begin = float(event["at"])
        elif begin is not None and event.get("state") in _CAPTURING and "time" in event:
            stretches.append((begin, float(event["at"]), datetime.fromisoformat(event["time"])))
            begin = None
    if not stretches:
        if started_at is None:
            raise ConfigurationError("nobody knows when this recording began; set transcript.started_at, in UTC")
        stretches.append((0.0, 0.0, started_at))

    def moment(seconds: float) -> datetime:
        _, at, time = next((known for known in reversed(stretches) if known[0] <= seconds), stretches[0])
        return time.astimezone(UTC) + timedelta(seconds=seconds - at)

    return moment


def table(
    segments: Iterable[Segment],
    words: bool,
    clock: Clock,
    started_at: datetime | None,
    events: Iterable[Mapping[str, Any]],
) -> Table:
    """Return the segments or their words, with the times of the recording's clock or of the one on the wall."""
    if clock not in ("recording", "wall"):
        raise ConfigurationError(f"clock={clock!r} is not known; give 'recording' (seconds) or 'wall' (UTC)")
    found = word_table(segments) if words else segment_table(segments)
    return replace(found, wall=wall_clock(started_at, events)) if clock == "wall" else found
