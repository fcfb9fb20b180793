"""Interim text that is only ever added to, out of hypotheses that change their mind. Pure."""

from __future__ import annotations

import re
from collections import deque
from itertools import takewhile

# Scripts written without spaces: kana, Chinese characters. Each character is a unit of its own.
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_UNIT = re.compile(rf"\s*[{_UNSPACED}]|\s*[^\s{_UNSPACED}]+")


class StablePrefix:
    """Let text pass once its words stood unchanged in `agreement` hypotheses in a row, never its last word so far.

    What has passed cannot be taken back: where a later hypothesis disagrees with it, nothing more passes until one
    agrees again.
    """

    def __init__(self, agreement: int) -> None:
        self._last: deque[list[str]] = deque(maxlen=agreement)
        self._sent: list[str] = []

    def push(self, hypothesis: str) -> str:
        """Take the newest hypothesis and return the text that may be added now, with the space before it, if any."""
        self._last.append(_UNIT.findall(hypothesis.strip()))
        if len(self._last) < (self._last.maxlen or 1):
            return ""
        columns = zip(*self._last, strict=False)
        stable = [units[0] for units in takewhile(lambda units: len(set(units)) == 1, columns)]
        stable = stable[: len(self._last[-1]) - 1]
        if stable[: len(self._sent)] != self._sent:
            return ""
        added = "".join(stable[len(self._sent) :])
        self._sent = stable
        return added


def space_between(before: str, after: str) -> str:
    """Return what belongs between two pieces of text: a space, if there is none yet and the scripts use them."""
    if after[:1].isspace():
        return ""
    unspaced = re.fullmatch(rf"[{_UNSPACED}]{{2}}", before[-1:] + after[:1])
    return " " if before and after and not unspaced else ""
