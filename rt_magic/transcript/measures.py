"""Numbers about a transcript: who spoke for how long and how fast. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from rt_magic.transcript.alignment import tokens
from rt_magic.transcript.segments import Segment

NORMALIZATION = (
    "lower case, no punctuation but apostrophes inside words, compatible characters made one (NFKC); "
    "in scripts without spaces each character is a word"
)
"""What `normalized` does, for those who read a number that rests on it."""


def normalized(text: str) -> str:
    """Return a text as words with one space between them, so that spelling counts and typing does not."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    kept = []
    for index, char in enumerate(text):
        kind = unicodedata.category(char)
        if char == "'" and text[index - 1 : index].isalnum() and text[index + 1 : index + 2].isalnum():
            kept.append(char)
        elif kind[0] in "PZ" or kind == "Cc":
            kept.append(" ")
        elif kind != "Cf" or char in "\u200c\u200d":  # joiners are part of words and emoji; direction marks are not
            kept.append(char)
    text = "".join(kept)
    return " ".join(text[span.first : span.last] for span in tokens(text))


def speaking_time(segments: Iterable[Segment]) -> dict[str | None, float]:
    """Return seconds of speech by speaker, the longest first; what overlaps counts once for each.

    None stands for segments whose speaker is not known; those without start and end are not counted.
    """
    spans: dict[str | None, list[tuple[float, float]]] = {}
    for segment in _timed(segments):
        if segment.start is not None and segment.end is not None:
            spans.setdefault(segment.speaker, []).append((segment.start, segment.end))
    seconds = {speaker: round(_covered(found), 3) for speaker, found in spans.items()}
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def words_per_minute(segments: Iterable[Segment]) -> dict[str | None, float]:
    """Return words per minute of speech by speaker, in the order of `speaking_time`; pauses between segments are out.

    In scripts without spaces each character is a word. Speakers without any speaking time are left out.
    """
    segments = tuple(segments)
    words: dict[str | None, int] = {}
    for segment in _timed(segments):
        words[segment.speaker] = words.get(segment.speaker, 0) + len(normalized(segment.text).split())
    spoken = speaking_time(segments)
    return {speaker: words[speaker] * 60 / seconds for speaker, seconds in spoken.items() if seconds > 0}


def _timed(segments: Iterable[Segment]) -> list[Segment]:
    return [s for s in segments if s.start is not None and s.end is not None and s.error is None]


def _covered(spans: list[tuple[float, float]]) -> float:
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def add_usage(total: dict[str, Any], more: Mapping[str, Any], *, depth: int = 4) -> None:
    """Add what a service says it will bill for one turn; of what is not a number the last word stands.

    Nothing deeper than `depth` objects is looked at: no service nests what it bills further.
    """
    for key, value in more.items():
        before = total.get(key)
        if isinstance(value, Mapping):
            if depth > 1:
                total[key] = inner = before if isinstance(before, dict) else {}
                add_usage(inner, value, depth=depth - 1)
        elif _is_number(value):
            total[key] = before + value if _is_number(before) else value
        elif isinstance(value, str | bool):
            total[key] = value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15
