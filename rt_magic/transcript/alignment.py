"""Where a segment's words stand in its text, and where a text may be cut. Pure."""

from __future__ import annotations

import itertools
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from rt_magic.transcript.segments import Word

# Scripts written without spaces between words: Thai, Lao, Khmer, CJK with its punctuation and full-width forms.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1780-\u17ff\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)


class Span(NamedTuple):
    """Characters `first` to `last` (exclusive) of a text."""

    first: int
    last: int


def gap(before: str, after: str) -> str:
    """Return what stands between two texts that follow each other: a space, or nothing in scripts without one."""
    if not before or not after or (UNSPACED.match(before[-1]) and UNSPACED.match(after[0])):
        return ""
    return " "


def tokens(text: str) -> list[Span]:
    """Return the pieces between which a text may be cut: words, and single characters of scripts without spaces.

    Closing punctuation and combining marks stay with what they follow, opening brackets with what comes after.
    """
    found: list[Span] = []
    for match in re.finditer(r"\S+", text):
        first = match.start()
        for index in range(match.start() + 1, match.end()):
            if _may_cut(text, index):
                found.append(Span(first, index))
                first = index
        found.append(Span(first, match.end()))
    return found


def _may_cut(text: str, index: int) -> bool:
    before, after = text[index - 1], text[index]
    if not (UNSPACED.match(before) or UNSPACED.match(after)):
        return False
    bound = unicodedata.category(after)[0] in "MP" and unicodedata.category(after) not in ("Ps", "Pi")
    return not bound and unicodedata.category(before) not in ("Ps", "Pi")


def places(text: str, words: Sequence[Word]) -> list[Span | None]:
    """Return where in the text each word stands, None for one that is not found.

    Services give words with or without punctuation, capitals and leading spaces, and words cut in parts; so letters
    are compared. Where those of the words are not those of the text, whole words are.
    """
    in_text = [(letter, index) for index, char in enumerate(text) for letter in letters(char)]
    in_words = [(letter, index) for index, word in enumerate(words) for letter in letters(word.word)]
    if [letter for letter, _ in in_text] == [letter for letter, _ in in_words]:
        found: list[Span | None] = [None] * len(words)
        for (_, char), (_, index) in zip(in_text, in_words, strict=True):
            span = found[index]
            found[index] = Span(char if span is None else span.first, char + 1)
        return found
    return _by_token(text, words)


def _by_token(text: str, words: Sequence[Word]) -> list[Span | None]:
    spans = tokens(text)
    known = [letters(text[span.first : span.last]) for span in spans]
    said = [letters(word.word) for word in words]
    found: list[Span | None] = [None] * len(words)
    for block in SequenceMatcher(None, known, said, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            if said[block.b + step]:
                found[block.b + step] = spans[block.a + step]
    return found


def letters(text: str) -> str:
    """Return what is said of a text: neither spaces nor punctuation, nor the difference of capitals."""
    return "".join(char for char in text.casefold() if unicodedata.category(char)[0] not in "PZC")


def pieces(text: str, words: Sequence[Word]) -> list[str] | None:
    """Return the text cut into one piece per word, spaces first as Whisper has it; None where a word is not found."""
    found = places(text, words)
    spans = tokens(text)
    starts: list[int] = []
    for span in found:
        if span is None:
            return None
        inside = spans[bisect_right(spans, span.first, key=lambda token: token.first) - 1].first
        starts.append(inside if not starts or inside > starts[-1] else span.first)
    cuts = [0, *(_with_space(text, start) for start in starts[1:]), len(text)]
    return [text[first:last] for first, last in itertools.pairwise(cuts)] if words else []


def _with_space(text: str, start: int) -> int:
    while start > 0 and text[start - 1].isspace():
        start -= 1
    return start
