"""Which connections carry a session's recording, and what those before them have done. No I/O."""

from __future__ import annotations

from rt_magic.session.connection import Connection
from rt_magic.session.settled import Settled, settled_by
from rt_magic.transcript.folding import sounds
from rt_magic.transcript.turns import Folded

STOOD = 60.0
"""Seconds after which a connection that is lost is not counted with the failed attempts before it."""


class Carriers:
    """The connection that takes sound, those that still write their last words, and the sum of those before."""

    def __init__(self) -> None:
        self.current: Connection | None = None
        self.settled = Settled()
        """What of the recording no connection has to send (again)."""
        self._leaving: list[Connection] = []
        """Connections that take no more sound, with turns that are not settled yet."""
        self._sent = 0
        self._padding = 0

    def all(self) -> list[Connection]:
        """Return those that are open, the oldest first."""
        return [*self._leaving, *([self.current] if self.current is not None else [])]

    @property
    def position(self) -> int:
        """First sample of the recording that is not sent yet."""
        return self.current.position if self.current is not None else self.settled.position

    @property
    def counts(self) -> dict[str, int]:
        """Samples at 24 kHz: `sent` to the service with its `padding`."""
        timelines = [connection.timeline for connection in self.all()]
        return {
            "sent": self._sent + sum(timeline.length for timeline in timelines),
            "padding": self._padding + sum(timeline.padding for timeline in timelines),
        }

    def of_use(self, now: float) -> bool:
        """Tell whether the one that takes sound was of use, so that what failed before it does not count."""
        if self.current is None or self.current.opened_at is None:
            return False
        return self.current.settled > 0 or now - self.current.opened_at >= STOOD

    def pass_to(self, connection: Connection) -> None:
        """Go on with a connection that has taken over; the one before writes its last words."""
        if self.current is not None:
            self._leaving.append(self.current)
        self.current = connection

    def retire(self, connection: Connection, folded: Folded) -> None:
        """Forget a connection of which everything is settled."""
        self._leaving.remove(connection)
        self._account(connection, folded)
        self.settled.add(connection.first, connection.position)

    def lose(self, folded: Folded) -> list[int]:
        """Forget all connections, for the next one to send what has not become text on them; return their numbers."""
        lost, self.current, self._leaving = self.all(), None, []
        for connection in lost:
            self._account(connection, folded)
        return [connection.number for connection in lost]

    def _account(self, connection: Connection, folded: Folded) -> None:
        self._sent += connection.timeline.length
        self._padding += connection.timeline.padding
        for start, stop in settled_by(sounds(folded, connection.number), connection.first):
            self.settled.add(start, stop)
