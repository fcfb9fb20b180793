"""Segments out of other people's files: SubRip, WebVTT and Praat's TextGrid. Pure."""

from __future__ import annotations

import codecs
import html
import re
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.alignment import gap
from rt_magic.transcript.annotations import POINTS, UNNAMED, Label
from rt_magic.transcript.segments import Segment, Word

_TIME = r"((?:\d+:)?\d+:\d+[.,]\d+)"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>")
_TAG = re.compile(r"<[^>]*>")
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def decode(data: bytes, name: str, encoding: str | None = None) -> str:
    """Return a file's text: in the encoding that is given, that its byte order mark says, or in UTF-8.

    Raises ConfigurationError where it is in none of them.
    """
    marked = next((known for mark, known in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding or marked)
    except (UnicodeDecodeError, LookupError) as error:
        raise ConfigurationError(
            f"{name} is not text in {encoding or marked} ({error}); name its encoding, such as encoding='cp1252'"
        ) from None


def read_srt(text: str) -> list[Segment]:
    """Read SubRip subtitles as segments s1, s2, …; a name before the words stays part of the text."""
    blocks = list(_cues(text))
    if text.strip() and not blocks:
        raise ConfigurationError(f"there are no subtitles in this text: {text[:60]!r}")
    return [
        Segment(f"s{number}", start, end, "\n".join(lines).strip(), True)
        for number, (start, end, lines) in enumerate(blocks, 1)
    ]


def read_vtt(text: str) -> list[Segment]:
    """Read WebVTT as segments s1, s2, …; a voice tag is the speaker, other tags are left out."""
    if not text.lstrip("\ufeff").startswith("WEBVTT"):
        raise ConfigurationError(f"WebVTT begins with the line WEBVTT, this text with {text[:60]!r}")
    segments: list[Segment] = []
    for start, end, lines in _cues(text):
        parts = _VOICE.split("\n".join(lines))
        for speaker, said in [(None, parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]:
            words = html.unescape(_TAG.sub("", said)).strip()
            if words or (speaker is None and len(parts) == 1):
                name = html.unescape(speaker).strip() if speaker else None
                segments.append(Segment(f"s{len(segments) + 1}", start, end, words, True, speaker=name))
    return segments


def _cues(text: str) -> Iterator[tuple[float, float, list[str]]]:
    """Yield start, end and lines of what stands between a line with times and the next empty one."""
    lines = iter(re.split(r"\r\n|\r|\n", text))
    for line in lines:
        if match := _TIMES.match(line):
            said = []
            for below in lines:
                if not below.strip():
                    break
                said.append(below)
            yield _seconds(match[1]), _seconds(match[2]), said


def _seconds(time: str) -> float:
    hours, minutes, rest = ("0:" + time.replace(",", ".")).rsplit(":", 2)
    return round(int(hours.removeprefix("0:") or 0) * 3600 + int(minutes) * 60 + float(rest), 6)


# Free-standing numbers, quoted texts and flags are all that counts in Praat's text files; `!` begins a comment.
_TOKEN = re.compile(
    r'"(?P<text>(?:[^"]|"")*)"|(?<!\S)(?P<number>[-+]?\d[\d.]*(?:[eE][-+]?\d+)?)%?(?!\S)'
    r'|(?<!\S)(?P<flag><\w+>)(?!\S)|(?<!\S)!.*|[^\s"]+'
)
_NO_SPEAKERS = frozenset({UNNAMED, "utterances", "sentences", "text", "transcription"})


@dataclass(slots=True)
class _Row:
    """A tier of a file: whose it is, what of it (`words`, `phones` or nothing), and its labels that are not empty."""

    owner: str
    part: str
    points: bool
    labels: list[Label]


def read_textgrid(text: str) -> tuple[list[Segment], float]:
    """Read a TextGrid, long or short, as segments by start, and its duration in seconds.

    Each tier is a speaker; tiers called `words`, or `Anna - words`, give the words of the segments that they lie in.
    Where there are words alone, what is said between two pauses is a segment. Tiers of phones, and of points that we
    have not written, are left out. Raises ConfigurationError for what is no TextGrid.
    """
    try:
        rows, duration = _rows(iter([_value(match) for match in _TOKEN.finditer(text) if match.lastgroup]))
    except (StopIteration, RuntimeError, TypeError, ValueError):
        raise ConfigurationError(f"this is not a TextGrid, or not all of one: {text[:60]!r}") from None
    owners = {row.owner for row in rows}
    words: dict[str, list[Label]] = {}
    for row in rows:
        if row.part == "words":
            words[row.owner] = sorted([*words.get(row.owner, ()), *row.labels], key=_middle)
    segments: list[Segment] = []
    for row in rows:
        if not row.part:
            own = words.get(row.owner, [])
            speaker = _speaker(row.owner, owners)
            for start, end, said in row.labels:
                inside = own[bisect_left(own, start, key=_middle) : bisect_left(own, end, key=_middle)]
                segments.append(Segment("", start, end, said, True, speaker=speaker, words=_as_words(inside)))
    if not segments:
        for row in rows:
            if row.part == "words" and not row.points:
                segments += _between_pauses(row.labels, _speaker(row.owner, owners))
    segments.sort(key=lambda segment: segment.start or 0.0)
    return [replace(segment, id=f"s{number}") for number, segment in enumerate(segments, 1)], duration


def _value(match: re.Match[str]) -> str | float:
    if match.lastgroup == "number":
        return float(match["number"])
    return match["flag"] or match["text"].replace('""', '"')


def _rows(values: Iterator[Any]) -> tuple[list[_Row], float]:
    if (next(values), next(values)) != ("ooTextFile", "TextGrid"):
        raise ValueError
    _start, end, exists = float(next(values)), float(next(values)), next(values)
    rows = []
    for _ in range(int(next(values)) if exists == "<exists>" else 0):
        kind, name, _first, _last, size = (next(values) for _ in range(5))
        points = kind == "TextTier"
        labels = []
        for _ in range(int(size)):
            first = float(next(values))
            last = first if points else float(next(values))
            said = str(next(values))
            if said.strip():
                labels.append((first, last, said))
        owner, part = _named(str(name))
        if not points or part.endswith("points"):
            rows.append(_Row(owner, part.removesuffix("points"), points, labels))
    return rows, end


def _named(name: str) -> tuple[str, str]:
    """Take a tier's name apart: `Anna - words 2` is ("Anna", "words")."""
    match = re.fullmatch(r"(?:(.*) - )?(words|phones)(?: - (points))?(?: \d+)?", name, re.IGNORECASE | re.DOTALL)
    if match:
        return match[1] or "", match[2].lower() + (match[3] or "")
    match = re.fullmatch(rf"(.*){POINTS}(?: \d+)?", name, re.DOTALL)
    return (match[1], "points") if match else (name, "")


def _speaker(owner: str, owners: Container[str]) -> str | None:
    """Return the speaker that a tier belongs to; `Anna 2` is Anna, where there is a tier for her."""
    base = re.sub(r" \d+$", "", owner)
    base = base if base in owners or base == UNNAMED else owner
    return None if not base or base.casefold() in _NO_SPEAKERS else base


def _middle(label: Label) -> float:
    return (label[0] + label[1]) / 2


def _as_words(labels: Iterable[Label]) -> tuple[Word, ...] | None:
    return tuple(Word(said, start, end) for start, end, said in sorted(labels)) or None


def _between_pauses(labels: Iterable[Label], speaker: str | None) -> list[Segment]:
    groups: list[list[Label]] = []
    for label in labels:
        if groups and label[0] - groups[-1][-1][1] < 1e-6:
            groups[-1].append(label)
        else:
            groups.append([label])
    return [
        Segment("", group[0][0], group[-1][1], _joined(group), True, speaker=speaker, words=_as_words(group))
        for group in groups
    ]


def _joined(labels: Iterable[Label]) -> str:
    text = ""
    for _, _, said in labels:
        text += gap(text, said) + said
    return text
