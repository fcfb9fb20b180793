"""What the other side of a connection owes, and since when: answers to commits, texts of turns. No I/O, no clock."""

from __future__ import annotations

from rt_magic.wire.events import Committed, Completed, Failed, ServerEvent

STALL = 60.0
"""Seconds without any turn settled after which one that is committed is taken for lost, its text so far kept."""


class Watch:
    """Note what comes and tell what is overdue after `limit` seconds; `now` is monotonic seconds."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.cut: set[str | None] = set()
        """Items that are committed."""
        self.settled = 0
        """Turns that became text."""
        self._committed: dict[str | None, float] = {}
        """When turns were committed that have no text yet, by item."""
        self._settled_at = self._last_event = self._looked_at = self._asked_at = 0.0

    def begin(self, now: float) -> None:
        """Note that sound begins to go out."""
        self._looked_at = self._asked_at = now

    def look(self, now: float) -> None:
        """Note that what was sent has been listened to."""
        self._looked_at = now

    def take(self, event: ServerEvent, now: float) -> None:
        """Note an event of the service."""
        self._last_event = now
        match event:
            case Committed():
                self.cut.add(event.item_id)
                self._committed.setdefault(event.item_id, now)
            case Completed() | Failed():
                self._committed.pop(event.item_id, None)
                self._settled_at = now
                self.settled += isinstance(event, Completed)

    def abandon(self, item: str | None) -> None:
        """Expect no text of a turn any more."""
        self._committed.pop(item, None)

    def stalled(self, now: float) -> list[str | None]:
        """Turns for which no text comes any more while other things do."""
        return [item for item, since in self._committed.items() if now - max(since, self._settled_at) > self.limit]

    def silent(self, now: float) -> bool:
        """Whether nothing at all has come for too long."""
        return now - self._last_event > self.limit

    def unanswered(self, now: float, *, awaits_commit: bool) -> bool:
        """Whether a commit has no answer for too long, or turns wait and nothing at all comes."""
        if not awaits_commit:
            self._asked_at = now
        return now - self._asked_at > self.limit or (bool(self._committed) and self.silent(now))

    def to_look(self, now: float) -> bool:
        """Whether it is time to listen for speech of which nothing was said."""
        return now - max(self._last_event, self._looked_at) > self.limit
