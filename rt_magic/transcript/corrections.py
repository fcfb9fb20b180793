"""What people change in a transcript, beside what the machine said. Pure."""

from __future__ import annotations

import dataclasses
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.alignment import letters, tokens
from rt_magic.transcript.segments import Segment, Word

FIELDS = ("text", "speaker", "words", "error")
"""What a correction can change; `start`, `end` and the rest stay the machine's."""


def with_text(segment: Segment, text: str) -> Segment:
    """Return the segment with another text: the times of its words are carried over, and it has not failed any more."""
    words = segment.words if text == segment.text else carry(segment.words, text)
    return dataclasses.replace(segment, text=text, words=words, error=None if text.strip() else segment.error)


def carry(words: tuple[Word, ...] | None, text: str) -> tuple[Word, ...] | None:
    """Return words for another text: what is the same keeps its time, what stands for old words gets theirs.

    No time is made up: several new words in the place of one become one entry, and new words where none were said
    join the one before them.
    """
    if not words:
        return words
    spans = tokens(text)
    old, new = [letters(word.word) for word in words], [letters(text[span.first : span.last]) for span in spans]
    groups: list[tuple[int, int, int, int]] = []
    lead = None
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            groups += [(a + step, a + step + 1, c + step, c + step + 1) for step in range(b - a)]
        elif kind == "replace":
            groups.append((a, b, c, d))
        elif kind == "insert" and groups:
            groups[-1] = (*groups[-1][:3], d)
        elif kind == "insert":
            lead = c
        if lead is not None and groups:
            groups[0], lead = (*groups[0][:2], lead, groups[0][3]), None
    carried = []
    for a, b, c, d in groups:
        word, phrase = words[a], text[spans[c].first : spans[d - 1].last]
        same = d - c == b - a == 1 and old[a] == new[c]
        space = word.word[: len(word.word) - len(word.word.lstrip())]
        carried.append(Word(space + phrase, word.start, words[b - 1].end, word.probability if same else None))
    return tuple(carried)


def replaced(segments: Sequence[Segment], old: str | re.Pattern[str], new: str) -> dict[str, str]:
    """Return by id the new texts of the segments in which another text replaces a part."""
    if not isinstance(old, str | re.Pattern) or not isinstance(new, str):
        raise ConfigurationError(f"{old!r} and {new!r} are no texts; give the one that stands there and the new one")
    if not old:
        raise ConfigurationError("nothing to replace: the first text is empty; edit(id, text) adds words")
    texts = {s.id: s.text.replace(old, new) if isinstance(old, str) else old.sub(new, s.text) for s in segments}
    return {segment.id: texts[segment.id] for segment in segments if texts[segment.id] != segment.text}


def renamed(segments: Iterable[Segment], names: Mapping[str | None, str | None]) -> list[Segment]:
    """Return the segments whose speaker has another name now."""
    return [
        dataclasses.replace(segment, speaker=names[segment.speaker])
        for segment in segments
        if names.get(segment.speaker, segment.speaker) != segment.speaker
    ]


def assigned(segments: Iterable[Segment], turns: Iterable[tuple[float, float, str]]) -> list[Segment]:
    """Return the segments in which somebody else speaks longest than they say, with that speaker."""
    turns = sorted(turns)
    longest = max((end - start for start, end, _ in turns), default=0.0)
    starts = [start for start, _, _ in turns]
    found = []
    for segment in segments:
        if segment.start is None or segment.end is None:
            continue
        seconds: dict[str, float] = {}
        for start, end, speaker in turns[bisect_left(starts, segment.start - longest) :]:
            if start >= segment.end:
                break
            overlap = min(end, segment.end) - max(start, segment.start)
            if overlap > 0:
                seconds[speaker] = seconds.get(speaker, 0.0) + overlap
        longest_by = max(seconds, key=lambda name: seconds[name], default=segment.speaker)
        if longest_by != segment.speaker:
            found.append(dataclasses.replace(segment, speaker=longest_by))
    return found


def again(machine: Segment, before: Segment, shown: Segment) -> Segment:
    """Return what is shown of a segment that the machine says anew, after `before` was corrected to `shown`.

    A speaker whom the machine has changed meanwhile is the machine's again.
    """
    if (shown.text, shown.error) != (before.text, before.error):
        machine = with_text(machine, shown.text)
    return dataclasses.replace(machine, speaker=shown.speaker) if machine.speaker == before.speaker else machine


def differences(machine: Mapping[str, Segment], shown: Mapping[str, Segment]) -> dict[str, dict[str, Any]]:
    """Return by id what the machine said where something else is shown."""
    return {
        id_: {name: getattr(segment, name) for name in FIELDS if getattr(segment, name) != getattr(shown[id_], name)}
        for id_, segment in machine.items()
        if id_ in shown and shown[id_].final
    }
