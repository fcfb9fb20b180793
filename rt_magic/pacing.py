"""When the next of many files may begin: where a service has no connection for one, all wait together. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

from rt_magic.exceptions import RtMagicError

Why: TypeAlias = Literal["busy", "away", "refused"]
"""Why there was no connection: too much to do, not to be reached, or a no for good."""

MAXIMUM_PAUSES = 10
"""Pauses in a row after which nothing better is expected."""

MAXIMUM_WAIT = 3600.0
"""Seconds that a service may ask all to wait."""


class Throttle:
    """How many may be under way: half as many after each refusal, one more after each success. No I/O, no clock."""

    def __init__(self, most: int) -> None:
        self.most = self.allowed = most
        self.until = 0.0
        self._pauses = 0
        self._asked = 0.0

    def room(self, running: int, now: float) -> bool:
        """Tell whether another one may begin."""
        return now >= self.until and running < self.allowed

    def refuse(self, retry_after: float | None, now: float) -> None:
        """Begin a pause for all; refusals during a pause are of the same burst and at most make it longer."""
        if now >= self.until:
            self._pauses += 1
            self.allowed = max(1, self.allowed // 2)
        self._asked = min(60.0, 2.0 ** (self._pauses - 1)) if retry_after is None else max(0.1, retry_after)
        self.until = max(self.until, now + self._asked)

    def succeed(self) -> None:
        """Let one more begin."""
        self._pauses = 0
        self.allowed = min(self.most, self.allowed + 1)

    @property
    def hopeless(self) -> bool:
        """Whether so many pauses brought nothing, or so long a one is asked for, that it is better to say so."""
        return self._pauses > MAXIMUM_PAUSES or self._asked > MAXIMUM_WAIT


class Pacing:
    """Whether another file may begin, now or ever, from what became of those before. No I/O, no clock.

    A service that was reached once is waited for when it is busy or away; one that never was, or says no for good, is
    not. `most` is how many may be under way.
    """

    def __init__(self, most: int) -> None:
        self.throttle = Throttle(most)
        self._reached = False
        self._last: tuple[Why, RtMagicError] | None = None
        """What there was last instead of a connection."""
        self._refused: RtMagicError | None = None

    def room(self, running: int, now: float) -> bool:
        """Tell whether a file may begin at `now`, in seconds of any clock, while `running` are under way."""
        return self._refused is None and self.throttle.room(running, now)

    @property
    def lost(self) -> RtMagicError | None:
        """Why no further file can be begun once nothing is under way; None while there is hope."""
        if self._refused is not None:
            return self._refused
        return self._last[1] if self._last is not None and (self.throttle.hopeless or not self._reached) else None

    def reach(self) -> None:
        """Take in that the service was there for a file."""
        self._reached = True
        self.throttle.succeed()

    def miss(self, why: Why, error: RtMagicError, retry_after: float | None, now: float) -> None:
        """Take in that there was no connection for a file; `retry_after` is what the service asks for, in seconds."""
        if why == "refused":
            self._refused = error
            return
        self._last = why, error
        self._reached = self._reached or why == "busy"
        self.throttle.refuse(retry_after, now)

    def said(self, now: float) -> str:
        """Say what is waited for, "" where nothing is."""
        if self._refused is not None:
            return "after an error no more are begun"
        pause = self.throttle.until - now
        if pause <= 1 or self._last is None:
            return ""
        why = "the service cannot be reached, again in" if self._last[0] == "away" else "the service asks to wait"
        return f"{why} {pause:.0f} s"
