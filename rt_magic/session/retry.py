"""Whether a lost or refused connection is tried again, and when. No I/O, no clock."""

from __future__ import annotations

import random

from rt_magic.exceptions import RtMagicError
from rt_magic.session.waiting import Mute

MAXIMUM_ATTEMPTS = 6
"""Connections in a row that may fail before the session gives up, where none has ever been of use."""

MAXIMUM_REPEATS = 20
"""The same where one has been of use, ten minutes in all: the recording goes on, and most outages end before."""

MAXIMUM_MUTES = 3
"""Connections in a row that may fall silent over a turn before it is marked as failed."""

QUOTA_WAIT = 20.0
"""Seconds to wait at least after a 429 that names no time: quotas begin at three a minute."""

MAXIMUM_WAIT = 90.0
"""Seconds that a service may ask to wait before it is tried again; longer, and the session ends by saying so."""


class Attempts:
    """Count what fails in a row; `factor` stretches the waits that we choose."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._failed = 0
        self._mutes = 0
        self._proven = False
        """Whether a connection was of use, so that it is worth more patience when the network is lost."""

    @property
    def last_chance(self) -> bool:
        """Whether so many fell silent that the next one settles what it is silent about."""
        return self._mutes >= MAXIMUM_MUTES

    def progress(self) -> None:
        """Note that the connection which is lost was of use, so that what failed before it does not count."""
        self._failed = self._mutes = 0
        self._proven = True

    def restart(self) -> None:
        """Forget what failed, for a session that begins again."""
        self._failed = self._mutes = 0

    def fail(self, error: RtMagicError, *, final: bool, asked: float | None = None, quota: bool = False) -> float:
        """Count a failure and return the seconds to wait; raise the error where it ends the session.

        `asked` is the wait that the service named, `quota` whether it has too much to do for us now.
        """
        self._failed += 1
        self._mutes += isinstance(error, Mute)
        if final or self._failed >= (MAXIMUM_REPEATS if self._proven else MAXIMUM_ATTEMPTS):
            raise error
        if asked is None:
            at_least = QUOTA_WAIT * (0.75 + random.random() / 2) if quota else 0.0
            return max(backoff(self._failed, random.random()), at_least) * self._factor
        if asked > MAXIMUM_WAIT:
            raise type(error)(
                f"{error.message} (it wants to be left alone for {asked / 60:.0f} min)", request_id=error.request_id
            )
        return asked


def backoff(attempt: int, chance: float) -> float:
    """Return the seconds to wait before an attempt: doubling from half a second to 30 s, less up to half by chance."""
    return min(30.0, 0.25 * 2.0**attempt) * (1 - chance / 2)
