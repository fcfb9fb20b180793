"""A transcription in a terminal: final text line by line, interim text rewritten in place below it."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Callable
from typing import TextIO

from rt_magic.transcript.transcript import Transcript

CLEAR = "\r\x1b[K"
"""Back to the beginning of the line, and nothing on it."""

NOBODY = (
    "nobody can press Enter here to begin: t = %transcribe --no-wait returns at once, then t.start() records and "
    "t.stop() ends; or give a file, %transcribe --from talk.wav"
)


def is_interactive() -> bool:
    """Whether somebody sits at this terminal and sees what is rewritten."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def ask_to_start() -> bool:
    """Wait for Enter; return False where that was refused by Ctrl-C or the end of input."""
    try:
        input("Enter starts, Ctrl-C stops. ")
    except (KeyboardInterrupt, EOFError):
        print()
        return False
    return True


class Lines:
    """Write what is new of a transcript to a terminal; `draw` may be called as often as one likes."""

    def __init__(self, transcript: Transcript, status: Callable[[], str], out: TextIO | None = None) -> None:
        self._transcript, self._status = transcript, status
        self._out = out or sys.stdout
        self._written: set[str] = set()
        self._below = ""

    def draw(self) -> None:
        """Write the segments that have become final, and below them the interim text or the status."""
        fresh = [segment for segment in self._transcript.segments if segment.id not in self._written]
        for segment in fresh:
            self._written.add(segment.id)
            self.clear()
            said = segment.text or (f"[not transcribed: {segment.error}]" if segment.error else "")
            if said:
                self._out.write(printable(said) + "\n")
        interim = " ".join(segment.text for segment in self._transcript.interim if segment.text)
        below = tail(printable(interim or self._status()), shutil.get_terminal_size().columns - 1)
        if below != self._below:
            self._out.write(CLEAR + below)
            self._below = below
        self._out.flush()

    def clear(self) -> None:
        """Take the line below away, for somebody else's output."""
        if self._below:
            self._out.write(CLEAR)
            self._out.flush()
            self._below = ""


def printable(text: str) -> str:
    """Return text without the characters that drive a terminal or turn a line round: what a service says is data."""
    return "".join(" " if _drives(letter) else letter for letter in text)


def _drives(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp") or "\u202a" <= letter <= "\u202e"


def tail(text: str, columns: int) -> str:
    """Return the end of a text that fits into so many columns, wide letters counted as two."""
    if sum(map(_width, text)) <= columns:
        return text
    begin, room = len(text), columns - 1
    while begin and _width(text[begin - 1]) <= room:
        begin -= 1
        room -= _width(text[begin])
    return "…" + text[begin:]


def _width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
