"""A lock on a file that tells the living from the dead: the system lets go of it however its process ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

ATTEMPTS = 20
"""Who looks whether a process lives holds the lock for a moment, so that taking it may need more than one."""


class Guard:
    """Hold a lock on a file, created if need be, for as long as this process lives or until `release`."""

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(ATTEMPTS):
            if _lock(self._descriptor):
                break
            time.sleep(0.01)

    def release(self) -> None:
        """Let go; may be called twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def is_guarded(path: Path) -> bool:
    """Tell whether a living process holds the lock on a file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:  # another user's: not ours to judge
        return True
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        # Windows locks bytes against reading too, so the one that is locked lies where no sample will ever be.
        os.lseek(descriptor, 2**40, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
