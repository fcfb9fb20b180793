"""Segments as text that other programs read. Pure."""

from __future__ import annotations

import csv
import dataclasses
import html
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.alignment import gap
from rt_magic.transcript.segments import Segment, Word

if TYPE_CHECKING:
    from rt_magic.transcript.transcript import Transcript

FORMAT_VERSION = 1

COLUMNS = ("id", "start", "end", "text", "speaker", "language", "confidence", "error", "timing", "item_id")
"""Columns of the frames, in order; what is unknown is missing, never invented."""


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


def short_clock(seconds: float) -> str:
    """Format seconds as `m:ss`, or `h:mm:ss` from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def rows(segments: Iterable[Segment]) -> list[dict[str, Any]]:
    """Return one plain dict per segment, with the keys of `COLUMNS`."""
    return [{column: getattr(segment, column) for column in COLUMNS} for segment in segments]


def _cues(segments: Iterable[Segment]) -> list[tuple[float, float, Segment]]:
    """Return what can be shown as a subtitle: text with a known place."""
    return [
        (segment.start, segment.end if segment.end is not None else segment.start, segment)
        for segment in segments
        if segment.text and segment.error is None and segment.start is not None
    ]


def to_srt(segments: Iterable[Segment]) -> str:
    """Return SubRip text; segments without times are left out."""
    blocks = []
    for number, (start, end, segment) in enumerate(_cues(segments), 1):
        times = f"{clock(start, separator=',')} --> {clock(end, separator=',')}"
        text = _one_block(segment.text).replace("-->", "->")
        blocks.append(f"{number}\n{times}\n{_with_speaker(segment, text)}\n")
    return "\n".join(blocks)


def to_vtt(segments: Iterable[Segment]) -> str:
    """Return WebVTT text; segments without times are left out, speakers become voice tags."""
    blocks = ["WEBVTT\n"]
    for start, end, segment in _cues(segments):
        text = html.escape(_one_block(segment.text), quote=False)
        voice = f"<v {html.escape(segment.speaker, quote=False)}>" if segment.speaker else ""
        blocks.append(f"{clock(start)} --> {clock(end)}\n{voice}{text}\n")
    return "\n".join(blocks)


def _one_block(text: str) -> str:
    """Take out empty lines, which would end a subtitle."""
    return "\n".join(line for line in text.splitlines() if line.strip())


def _with_speaker(segment: Segment, text: str) -> str:
    return f"{segment.speaker}: {text}" if segment.speaker else text


def to_text(segments: Iterable[Segment]) -> str:
    """Return one line per segment that did not fail, speakers named."""
    return "".join(f"{_with_speaker(s, s.text)}\n" for s in segments if s.text and s.error is None)


def to_csv(segments: Iterable[Segment]) -> str:
    """Return comma-separated rows under the names of `COLUMNS`."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")  # as in RFC 4180; else a lone \r would not be quoted
    writer.writeheader()
    writer.writerows(rows(segments))
    return out.getvalue()


def to_whisper(segments: Sequence[Segment]) -> dict[str, Any]:
    """Return the shape of openai-whisper's `transcribe`: `text`, `segments` and `language`."""
    languages = [segment.language for segment in segments if segment.language]
    pieces = []
    for number, segment in enumerate(s for s in segments if s.error is None):
        piece: dict[str, Any] = {"id": number, "start": segment.start, "end": segment.end, "text": segment.text}
        if segment.words is not None:
            piece["words"] = [dataclasses.asdict(word) for word in segment.words]
        pieces.append(piece)
    return {"text": joined_text(segments), "segments": pieces, "language": languages[0] if languages else None}


def to_json(segments: Iterable[Segment], facts: Mapping[str, Any]) -> str:
    """Return our own format: all fields of all final segments, and the facts about the session."""
    segments = tuple(segments)
    body = {
        "format": "rt_magic",
        "version": FORMAT_VERSION,
        "sample_rate": SAMPLE_RATE,
        "text": joined_text(segments),
        **facts,
        "segments": [dataclasses.asdict(segment) for segment in segments],
    }
    return json.dumps(body, ensure_ascii=False, indent=1, default=str)


def from_json(text: str) -> tuple[list[Segment], dict[str, Any]]:
    """Read `to_json`, or any object with `segments`; what is missing becomes None, unknown facts are returned."""
    try:
        body = json.loads(text)
        entries = body.pop("segments")
        segments = [_segment(number, entry) for number, entry in enumerate(entries, 1)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"this is not a transcript in JSON ({error}): {text[:60]!r}; give an object with a list 'segments'"
        ) from error
    for key in ("format", "version", "sample_rate", "text"):
        body.pop(key, None)
    return segments, body


def _segment(number: int, entry: Mapping[str, Any]) -> Segment:
    known = {field.name for field in dataclasses.fields(Segment)}
    fields: dict[str, Any] = {key: value for key, value in entry.items() if key in known}
    words = fields.get("words")
    fields["words"] = None if words is None else tuple(_word(word) for word in words)
    fields["id"] = str(fields.get("id") or f"s{number}")
    fields["text"] = str(fields.get("text") or "")
    return Segment(**{**fields, "final": True})


def _word(entry: Mapping[str, Any]) -> Word:
    return Word(str(entry["word"]), float(entry["start"]), float(entry["end"]), entry.get("probability"))


# What a terminal would take for orders: control characters, but for the white space that text has.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def to_plain(segments: Iterable[Segment]) -> str:
    """Return segments, interim ones too, as lines with times, for a terminal and for viewers without HTML."""
    lines = []
    for segment in segments:
        time = "" if segment.start is None else f"{short_clock(segment.start)}  "
        speaker = f"{segment.speaker}: " if segment.speaker else ""
        text = segment.text if segment.error is None else f"{segment.text} [{segment.error}]".strip()
        if text:
            lines.append(_CONTROL.sub("\ufffd", f"{time}{speaker}{text}{'' if segment.final else ' …'}"))
    return "\n".join(lines) or "(no words yet)"


def to_html(segments: Iterable[Segment], *, classes: str = "") -> str:
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
    body = "".join(lines) or "<div class='rt-line'>(no words yet)</div>"
    return f"<div class='{html.escape(f'rt-static {classes}'.strip())}'>{body}</div>"


_RENDERERS: dict[str, Callable[[Transcript], str]] = {
    ".srt": lambda transcript: transcript.to_srt(),
    ".vtt": lambda transcript: transcript.to_vtt(),
    ".json": lambda transcript: transcript.to_json(),
    ".txt": lambda transcript: to_text(transcript.segments),
    ".csv": lambda transcript: to_csv(transcript.segments),
}


def render(suffix: str, transcript: Transcript) -> str:
    """Return the transcript in the format that a file suffix names."""
    if suffix.lower() not in _RENDERERS:
        raise ConfigurationError(f"no format is known for the suffix {suffix!r}; use one of {', '.join(_RENDERERS)}")
    return _RENDERERS[suffix.lower()](transcript)
