"""Segments as phoneticians and scorers keep them: Praat's TextGrid, NIST's CTM and RTTM. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.segments import Segment

WORDS = " - words"
"""Ends the name of a tier of words; in front stands the speaker, as the Montreal Forced Aligner has it."""
POINTS = " - points"
"""Ends the name of a tier of segments without length."""
UNNAMED = "segments"
"""Name of the tier of segments whose speaker is not known."""

Label: TypeAlias = tuple[float, float, str]


@dataclass(slots=True)
class Tier:
    """A row of labels, by start, that do not overlap: intervals, or points of one moment each."""

    name: str
    points: bool = False
    labels: list[Label] = field(default_factory=list)

    def fits(self, label: Label) -> bool:
        """Tell whether a label can stand behind the last."""
        if not self.labels:
            return True
        end = self.labels[-1][1]
        return label[0] > end if self.points else label[0] >= end


def tiers(segments: Iterable[Segment]) -> list[Tier]:
    """Return a tier per speaker with one for its words; what overlaps gets tiers of its own: `Anna 2`, and so on."""
    found: dict[str, list[Tier]] = {}
    for segment in segments:
        if segment.start is None or segment.error is not None or not segment.text:
            continue
        name = segment.speaker or UNNAMED
        end = segment.start if segment.end is None else max(segment.start, segment.end)
        tier = _put(found, name, (segment.start, end, segment.text))
        for word in segment.words or ():
            if said := word.word.strip():
                owner = name if tier.points else tier.name
                _put(found, owner + WORDS, (word.start, max(word.start, word.end), said))
    return [tier for row in found.values() for tier in row]


def _put(found: dict[str, list[Tier]], name: str, label: Label) -> Tier:
    points = label[0] == label[1]
    name += POINTS if points else ""
    row = found.setdefault(name, [])
    tier = next((tier for tier in row if tier.fits(label)), None)
    if tier is None:
        tier = Tier(f"{name} {len(row) + 1}" if row else name, points)
        row.append(tier)
    tier.labels.append(label)
    return tier


def to_textgrid(segments: Iterable[Segment], duration: float) -> str:
    """Return a TextGrid in the long text format: gap-free interval tiers over the whole duration, in seconds.

    Segments without length are points, for Praat has no such intervals; failed ones and those without times are
    left out. A recording without length is given a millisecond, because Praat reads no shorter one.
    """
    rows = tiers(sorted(segments, key=lambda segment: segment.start if segment.start is not None else 0.0))
    rows = rows or [Tier(UNNAMED)]
    first = min([0.0, *(label[0] for tier in rows for label in tier.labels)])
    last = max([first + 0.001, duration, *(label[1] for tier in rows for label in tier.labels)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", f"xmin = {first!r}", f"xmax = {last!r}"]
    lines += ["tiers? <exists>", f"size = {len(rows)}", "item []:"]
    for number, tier in enumerate(rows, 1):
        labels = tier.labels if tier.points else _without_gaps(tier.labels, first, last)
        kind, items = ("TextTier", "points") if tier.points else ("IntervalTier", "intervals")
        lines += [f"    item [{number}]:", f'        class = "{kind}"', f"        name = {_quoted(tier.name)}"]
        lines += [f"        xmin = {first!r}", f"        xmax = {last!r}", f"        {items}: size = {len(labels)}"]
        for index, (start, end, text) in enumerate(labels, 1):
            lines.append(f"        {items} [{index}]:")
            if tier.points:
                lines += [f"            number = {start!r}", f"            mark = {_quoted(text)}"]
            else:
                lines += [f"            xmin = {start!r}", f"            xmax = {end!r}"]
                lines.append(f"            text = {_quoted(text)}")
    return "\n".join(lines) + "\n"


def _without_gaps(labels: Sequence[Label], first: float, last: float) -> list[Label]:
    filled: list[Label] = []
    reached = first
    for start, end, text in labels:
        if start > reached:
            filled.append((reached, start, ""))
        filled.append((start, end, text))
        reached = end
    return [*filled, (reached, last, "")] if reached < last else filled


def _quoted(text: str) -> str:
    return '"' + text.replace("\r\n", "\n").replace("\r", "\n").replace('"', '""') + '"'


def to_ctm(segments: Iterable[Segment], *, name: str = "recording", channel: str = "1") -> str:
    """Return one line per word: file, channel, start, duration, word, probability; spaces become `_`.

    Times of words are never made from those of segments: a segment without them is named in a comment, and where no
    segment has them ConfigurationError is raised.
    """
    said = [segment for segment in segments if segment.text and segment.error is None]
    if said and not any(segment.words for segment in said):
        raise ConfigurationError("CTM lists words with their times, and no segment has any; RTTM and SRT need none")
    rows: list[tuple[float, str]] = []
    for segment in said:
        for word in segment.words or ():
            if not word.word.strip():
                continue
            start, end = round(word.start, 3), round(max(word.start, word.end), 3)
            probability = "" if word.probability is None else f" {word.probability:.4f}"
            head = f"{_one_field(name)} {_one_field(channel)} {start:.3f} {end - start:.3f}"
            rows.append((word.start, f"{head} {_one_field(word.word)}{probability}\n"))
    comments = [f";; {_one_field(segment.id)} has no word times\n" for segment in said if not segment.words]
    return "".join(comments) + "".join(row for _, row in sorted(rows, key=lambda row: row[0]))


def to_rttm(segments: Iterable[Segment], *, name: str = "recording", channel: str = "1") -> str:
    """Return one SPEAKER line per segment with a known speaker and length; spaces in names become `_`.

    Raises ConfigurationError where segments have places but none has a speaker.
    """
    placed = [s for s in segments if s.error is None and s.start is not None and s.end is not None and s.end > s.start]
    if placed and not any(segment.speaker for segment in placed):
        raise ConfigurationError(
            "RTTM says who speaks when, and no speaker is known; assign_speakers(…) or rename_speakers({None: 'Anna'}) "
            "names them"
        )
    lines = []
    for segment in placed:
        if segment.speaker and segment.start is not None and segment.end is not None:
            start, end = round(segment.start, 3), round(segment.end, 3)
            head = f"SPEAKER {_one_field(name)} {_one_field(channel)} {start:.3f} {end - start:.3f}"
            lines.append(f"{head} <NA> <NA> {_one_field(segment.speaker)} <NA> <NA>\n")
    return "".join(lines)


def _one_field(text: str) -> str:
    return "_".join(text.split())


def speaker_turns(rttm: str, *, name: str | None = None) -> list[Label]:
    """Read the SPEAKER lines of RTTM text as (start, end, speaker), in seconds.

    `name` chooses one of several recordings. Raises ConfigurationError for a line that cannot be read and where
    lines of several recordings are mixed.
    """
    found: list[Label] = []
    names: dict[str, None] = {}
    for number, line in enumerate(rttm.splitlines(), 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        try:
            start, length, speaker = float(fields[3]), float(fields[4]), fields[7]
        except (ValueError, IndexError):
            raise ConfigurationError(
                f"line {number} is not RTTM: {line[:80]!r}; "
                "wanted: SPEAKER file channel start duration <NA> <NA> speaker <NA> <NA>"
            ) from None
        names[fields[1]] = None
        if name is None or fields[1] == name:
            found.append((start, start + length, speaker))
    if name is None and len(names) > 1:
        raise ConfigurationError(f"this RTTM is of several recordings; choose one with name=: {', '.join(names)}")
    if not found:
        raise ConfigurationError(f"there are no SPEAKER lines{f' of {name!r}' if name else ''} in {rttm[:60]!r}")
    return found
