"""Who is told of a transcript's changes: each of them once, in their order, with no lock held that readers need."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rt_magic.transcript.segments import Segment

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TranscriptChange:
    """What a callback of `on_change` is told.

    `kind` is "segments" where some are new or different (`upsert`, also interim ones) or gone (`remove`, their ids),
    "event" where `events` has one more or a mark another name, "done" where `done` has changed. `revision` counts the
    changes of segments, up to and with this one.
    """

    kind: Literal["segments", "event", "done"]
    revision: int
    upsert: tuple[Segment, ...] = ()
    remove: tuple[str, ...] = ()


Callback: TypeAlias = Callable[[TranscriptChange], object]


class Listeners:
    """Callbacks, and the changes that they have not heard of yet.

    Whoever changes something calls `add`, `remove` and `queue` under the lock of what is changed, and `deliver` when
    that is free again.
    """

    def __init__(self) -> None:
        self._callbacks: dict[object, Callback] = {}
        self._waiting: deque[tuple[TranscriptChange, tuple[object, ...]]] = deque()
        self._order = threading.RLock()  # re-entrant, since a callback may change the transcript
        self._delivering = False

    def __len__(self) -> int:
        return len(self._callbacks)

    def add(self, key: object, callback: Callback) -> None:
        """Tell `callback` of what is queued from now on, until `key` is removed."""
        self._callbacks[key] = callback

    def remove(self, key: object) -> None:
        """Tell the callback with this key nothing more; may be called twice."""
        self._callbacks.pop(key, None)

    def queue(self, change: TranscriptChange) -> None:
        """Keep a change for `deliver`."""
        self._waiting.append((change, tuple(self._callbacks)))

    def deliver(self) -> None:
        """Return when everything that was queued before has been told, by this thread or another.

        Inside a callback it returns at once: what the callback changed is told after what it was told of.
        """
        with self._order:
            if self._delivering:
                return
            self._delivering = True
            try:
                while self._waiting:
                    change, keys = self._waiting.popleft()
                    for key in keys:
                        self._tell(key, change)
            finally:
                self._delivering = False

    def _tell(self, key: object, change: TranscriptChange) -> None:
        callback = self._callbacks.get(key)
        if callback is None:
            return
        try:
            callback(change)
        except Exception:
            _log.exception("a callback of Transcript.on_change raised")
