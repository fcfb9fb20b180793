"""Segments as subtitles, SubRip and WebVTT, cut to what a screen holds and a reader follows. Pure."""

from __future__ import annotations

import html
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.alignment import places, tokens
from rt_magic.transcript.export import clock
from rt_magic.transcript.segments import Segment

_TIMING = re.compile(r"\s*(\d+:)?\d+:\d+[.,]\d+\s*-->")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one subtitle may be: characters a line, lines, seconds; None is no limit.

    `estimate` allows cuts inside segments whose words have no times, by the length of the text.
    """

    max_line_width: int | None = None
    max_line_count: int | None = None
    max_duration: float | None = None
    estimate: bool = False

    def __post_init__(self) -> None:
        for name in ("max_line_width", "max_line_count", "max_duration"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and value > 0):
                raise ConfigurationError(f"{name}={value!r} is not possible; give a positive number, or None")
        if self.max_line_count is not None and self.max_line_width is None:
            raise ConfigurationError("max_line_count counts lines of max_line_width characters; give both")

    def lines(self, text: str) -> list[str]:
        """Break a text between words; a word longer than a line stays whole."""
        if self.max_line_width is None:
            return [" ".join(text.split())]
        lines: list[str] = []
        begin = end = None
        for span in tokens(text):
            if begin is not None and span.last - begin > self.max_line_width:
                lines.append(text[begin:end])
                begin = None
            begin, end = span.first if begin is None else begin, span.last
        return lines if begin is None else [*lines, text[begin:end]]

    def allow(self, text: str, seconds: float) -> bool:
        """Tell whether one subtitle may hold this much."""
        if self.max_duration is not None and seconds > self.max_duration + 1e-9:
            return False
        return self.max_line_count is None or len(self.lines(text)) <= self.max_line_count


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle: seconds, lines, who speaks; `estimated` where its times follow from the length of the text."""

    start: float
    end: float
    lines: tuple[str, ...]
    speaker: str | None
    estimated: bool = False


class Cut(NamedTuple):
    """A place in a text where a subtitle may end, and the seconds at which one ends there and the next begins."""

    place: int
    end: float
    start: float


def cues(segments: Iterable[Segment], limits: Limits, *, named: bool = False) -> list[Cue]:
    """Return the subtitles of all segments that have text and a known place; a failed one has no words to show.

    Too long segments are cut at sentence ends, pauses and near the middle, between words with known times; where
    there are none a warning says how many stay long, or with `limits.estimate` the cuts are reckoned from the length
    of the text. With `named` the speaker stands before the text.
    """
    found: list[Cue] = []
    uncut = 0
    for segment in segments:
        if not segment.text.strip() or segment.error is not None or segment.start is None:
            continue
        speaker = " ".join((segment.speaker or "").split()) or None
        name = f"{speaker}: " if named and speaker else ""
        if limits.max_line_width is None and limits.max_duration is None:
            lines = tuple((name + _one_block(segment.text)).splitlines())
            found.append(Cue(segment.start, _end(segment), lines, speaker))
            continue
        text = name + " ".join(segment.text.split())
        cuts, estimated = _cuts(segment, text, len(name)), False
        if not cuts and limits.estimate:
            cuts, estimated = _estimated_cuts(segment, text), True
        if not cuts and len(tokens(text)) > 1 and not limits.allow(text, _end(segment) - segment.start):
            uncut += 1
        found.extend(replace(cue, speaker=speaker) for cue in _divide(segment, text, cuts, limits, estimated))
    if uncut:
        warnings.warn(
            f"{uncut} of the segments have no word times and stay longer than asked for; estimate=True cuts them by "
            "the length of their text",
            stacklevel=4,
        )
    return found


def _end(segment: Segment) -> float:
    assert segment.start is not None
    return segment.start if segment.end is None else max(segment.start, segment.end)


def _cuts(segment: Segment, text: str, offset: int) -> list[Cut]:
    """Return where the text may be cut at a known time: before each word that begins a token."""
    words = segment.words or ()
    begins = [span.first for span in tokens(text)]
    cuts: list[Cut] = []
    for number, span in enumerate(places(text[offset:], words)):
        if number == 0 or span is None:
            continue
        token = begins[bisect_right(begins, span.first + offset) - 1]
        if token > (cuts[-1].place if cuts else offset):
            cuts.append(Cut(token, min(words[number - 1].end, words[number].start), words[number].start))
    return cuts


def _estimated_cuts(segment: Segment, text: str) -> list[Cut]:
    assert segment.start is not None
    pace = (_end(segment) - segment.start) / len(text)
    moments = [(span.first, segment.start + span.first * pace) for span in tokens(text)[1:]]
    return [Cut(place, seconds, seconds) for place, seconds in moments]


def _divide(segment: Segment, text: str, cuts: list[Cut], limits: Limits, estimated: bool) -> list[Cue]:
    """Cut a text in two, and each part again, until every part is allowed or cannot be cut."""
    assert segment.start is not None
    waiting = [(0, len(text), segment.start, _end(segment))]
    done: list[Cue] = []
    while waiting:
        first, last, start, end = waiting.pop()
        end = max(start, end)
        inside = [cut for cut in cuts if first < cut.place < last]
        if inside and not limits.allow(text[first:last], end - start):
            best = min(inside, key=lambda cut: _badness(text, first, last, cut))
            waiting += [(best.place, last, best.start, end), (first, best.place, start, best.end)]
        else:
            marked = estimated and (first, last) != (0, len(text))
            done.append(Cue(start, end, tuple(limits.lines(text[first:last])), None, marked))
    return done


def _badness(text: str, first: int, last: int, cut: Cut) -> float:
    before = text[first : cut.place].rstrip().rstrip("\"'”’»)]")
    bonus = 0.25 if before.endswith((".", "?", "!", "…", "。", "？", "！", "؟")) else 0.0
    bonus += 0.12 if before.endswith((",", ";", ":", "、", "，", "،", "–", "—")) else 0.0
    bonus += 0.12 if cut.start - cut.end > 0.3 else 0.0
    return abs((cut.place - first) / (last - first) - 0.5) - bonus


def to_srt(segments: Iterable[Segment], limits: Limits | None = None) -> str:
    """Return SubRip text, the speaker before the words.

    An estimated time is marked by the word behind it, where players look for nothing.
    """
    blocks = []
    for number, cue in enumerate(cues(segments, limits or Limits(), named=True), 1):
        lines = [line.replace("-->", "->") if _TIMING.match(line) else line for line in cue.lines]
        mark = " estimated" if cue.estimated else ""
        times = f"{clock(cue.start, separator=',')} --> {clock(cue.end, separator=',')}{mark}"
        blocks.append("\n".join([str(number), times, *lines, ""]))
    return "\n".join(blocks)


def to_vtt(segments: Iterable[Segment], limits: Limits | None = None) -> str:
    """Return WebVTT text, speakers as voice tags; a note stands before each cue with estimated times.

    A cue must end after it begins, so one without length gets a millisecond.
    """
    blocks = ["WEBVTT\n"]
    for cue in cues(segments, limits or Limits()):
        start, end = clock(cue.start), clock(cue.end)
        end = clock(cue.start + 0.001) if end == start else end
        voice = f"<v {_escaped(cue.speaker)}>" if cue.speaker else ""
        note = "NOTE estimated: the next cue was cut by the length of its text\n\n" if cue.estimated else ""
        text = _escaped("\n".join(cue.lines))
        blocks.append(f"{note}{start} --> {end}\n{voice}{text}\n")
    return "\n".join(blocks)


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _one_block(text: str) -> str:
    """Take out empty lines, which would end a subtitle, and the character that WebVTT forbids."""
    return "\n".join(line.rstrip() for line in text.replace("\0", "\ufffd").splitlines() if line.strip()).strip()
