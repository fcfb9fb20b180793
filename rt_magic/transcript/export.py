"""Segments as text that other programs read. Pure."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterable
from typing import Any

from rt_magic.transcript.alignment import gap
from rt_magic.transcript.segments import Segment

COLUMNS = ("id", "start", "end", "text", "speaker", "language", "confidence", "error", "timing", "item_id")
"""Columns of the rows, in order; what is unknown is missing, never invented."""


def joined_text(segments: Iterable[Segment]) -> str:
    """Join the texts of all segments that did not fail by a space, or by nothing where the script has none."""
    text = ""
    for segment in segments:
        if segment.error is not None or not segment.text:
            continue
        text += gap(text, segment.text) + segment.text
    return text


def clock(seconds: float, *, separator: str = ".") -> str:
    """Format seconds as `hh:mm:ss.mmm`."""
    milliseconds = max(0, round(seconds * 1000))
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{separator}{rest % 1000:03d}"


def short_clock(seconds: float, *, hours: bool = False) -> str:
    """Format seconds as `m:ss`, or `h:mm:ss` from an hour on or where `hours` asks for it."""
    minutes, rest = divmod(int(seconds), 60)
    hour, minutes = divmod(minutes, 60)
    return f"{hour}:{minutes:02d}:{rest:02d}" if hour or hours else f"{minutes}:{rest:02d}"


def rows(segments: Iterable[Segment]) -> list[dict[str, Any]]:
    """Return one plain dict per segment, with the keys of `COLUMNS`."""
    return [{column: getattr(segment, column) for column in COLUMNS} for segment in segments]


def to_text(segments: Iterable[Segment]) -> str:
    """Return one line per segment that did not fail, speakers named."""
    said = (segment for segment in segments if segment.text.strip() and segment.error is None)
    return "".join(f"{_named(segment)}{_one_line(segment.text)}\n" for segment in said)


def _named(segment: Segment) -> str:
    return f"{speaker}: " if (speaker := _one_line(segment.speaker or "")) else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def to_csv(segments: Iterable[Segment]) -> str:
    """Return comma-separated rows under the names of `COLUMNS`."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")  # as in RFC 4180; else a lone \r would not be quoted
    writer.writeheader()
    writer.writerows(rows(segments))
    return out.getvalue()


# What a terminal would take for orders: control characters, but for the white space that text has.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def to_plain(segments: Iterable[Segment], *, done: bool = False) -> str:
    """Return segments, interim ones too, as lines with times, for a terminal and for viewers without HTML."""
    lines = []
    for segment in segments:
        time = "" if segment.start is None else f"{short_clock(segment.start)}  "
        speaker = f"{segment.speaker}: " if segment.speaker else ""
        text = segment.text if segment.error is None else f"{segment.text} [{segment.error}]".strip()
        if text:
            lines.append(_CONTROL.sub("\ufffd", f"{time}{speaker}{text}{'' if segment.final else ' …'}"))
    return "\n".join(lines) or _nothing(done)


def to_html(segments: Iterable[Segment], *, classes: str = "", done: bool = False) -> str:
    """Return segments, interim ones too, as static HTML without scripts; every text is escaped."""
    lines = []
    for segment in segments:
        text = html.escape(segment.text)
        if segment.error is not None:
            text = f"{text} <em>[{html.escape(segment.error)}]</em>".strip()
        if not text:
            continue
        time = "" if segment.start is None else f"<span class='rt-time'>{short_clock(segment.start)}</span> "
        speaker = f"<strong>{html.escape(segment.speaker)}:</strong> " if segment.speaker else ""
        mark = "" if segment.final else " …"
        lines.append(f"<div class='rt-line' dir='auto'>{time}{speaker}{text}{mark}</div>")
    body = "".join(lines) or f"<div class='rt-line'>{_nothing(done)}</div>"
    return f"<div class='{html.escape(f'rt-static {classes}'.strip())}'>{body}</div>"


def _nothing(done: bool) -> str:
    return "(no words)" if done else "(no words yet)"
