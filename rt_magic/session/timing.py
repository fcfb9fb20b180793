"""How patient a session is: factors on its waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Factors on the waits that are built in, each 1 unless a network, or a test, is out of the ordinary.

    `retry`: waits before another attempt. `quiet`: how long nothing must come before the end is taken for the end.
    `stall`: how long a turn may wait for its text. `keepalive`: how long nothing may be heard of the other side.
    """

    retry: float = 1.0
    quiet: float = 1.0
    stall: float = 1.0
    keepalive: float = 1.0


DEFAULT = Timing()
"""As patient as is built in."""
