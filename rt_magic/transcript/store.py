"""What is known of a session's words and sound, behind one lock: the writer's side of a transcript."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rt_magic.transcript.ledger import Ledger
from rt_magic.transcript.listeners import Callback, Listeners, TranscriptChange
from rt_magic.transcript.measures import add_usage
from rt_magic.transcript.segments import Changes, Segment

if TYPE_CHECKING:
    from rt_magic.audio.decoding import AudioSource
    from rt_magic.audio.recording import Recording


@dataclass(frozen=True, slots=True)
class State:
    """All that is known at one moment; what takes long is made of this, while others write."""

    ledger: Ledger
    started_at: datetime | None
    duration: float
    meta: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()
    """What happened besides words; these dicts are never changed."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What a file said that has no place here."""

    @property
    def marks(self) -> tuple[tuple[float, str], ...]:
        """The seconds and names of all marks, in the order in which they were made."""
        made = (event for event in self.events if event.get("type") == "mark")
        return tuple((float(mark.get("at") or 0.0), str(mark.get("label", ""))) for mark in made)


class Store:
    """Segments, events, usage and the place of the sound: one writes, any number read, and every read is whole.

    Listeners are told of each change before the method that made it returns, and outside the lock.
    """

    def __init__(self, recording: Recording | None, started_at: datetime | None, offset: float) -> None:
        self.recording = recording
        self.source: AudioSource | None = None
        self.started_at = started_at
        self.offset = offset
        self.meta: dict[str, Any] = {}
        self.length = 0.0
        """Seconds of sound, where there is no recording to ask."""
        self.revision = 0
        self.done = self.live = False
        self.listeners = Listeners()
        # Re-entrant: a widget that is collected in the midst of anything unsubscribes.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._ledger = Ledger()
        self._usage: dict[str, Any] = {}
        self._events: list[dict[str, Any]] = []
        self._extra: dict[str, Any] = {}

    # ── read ──

    def ordered(self) -> tuple[Segment, ...]:
        """Return all segments, interim ones in their places."""
        with self._lock:
            return self._ledger.ordered()

    def finals(self) -> tuple[Segment, ...]:
        """Return final and failed segments by start; the same tuple until something changes."""
        with self._lock:
            return self._ledger.finals()

    def rank(self, id_: str) -> float:
        """Return the number by which segments are ordered."""
        return self._ledger.ranks.get(id_, 0.0)

    @property
    def duration(self) -> float:
        """Length of the recording in seconds."""
        with self._lock:
            return self.offset + (self.length if self.recording is None else self.recording.duration)

    def events(self) -> tuple[dict[str, Any], ...]:
        """Return what happened besides words, oldest first; the dicts are not to be changed."""
        with self._lock:
            return tuple(self._events)

    def usage(self) -> dict[str, Any]:
        """Return what the service says it will bill, summed over all turns."""
        with self._lock:
            return copy.deepcopy(self._usage)

    def state(self) -> State:
        """Return a whole state, which later changes do not reach."""
        with self._lock:
            return State(
                self._ledger.copy(),
                self.started_at,
                self.duration,
                self.meta,
                self.usage(),
                tuple(self._events),
                self._extra,
            )

    # ── follow ──

    def wait(self, timeout: float | None) -> bool:
        """Wait until no more text will come, for `timeout` seconds at most; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self.done, timeout)

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call `callback(change)` after each change from now on; return a function that ends it."""
        key = object()
        with self._lock:
            self.listeners.add(key, callback)

        def unsubscribe() -> None:
            with self._lock:
                self.listeners.remove(key)

        return unsubscribe

    # ── write ──

    def fill(self, state: State) -> None:
        """Take over a state that a file has told; nothing is added to it later."""
        with self._changed:
            self._ledger, self._events, self._usage = state.ledger.copy(), list(state.events), state.usage
            self.started_at, self.meta, self._extra = state.started_at, state.meta, state.extra
            self.length = state.duration - self.offset
            self._note_segments(self._ledger.ordered())
        self.listeners.deliver()
        self.finish()

    def apply(self, changes: Changes) -> None:
        """Take in what `fold` said changed."""
        if not changes:
            return
        with self._lock:
            self._note_segments(self._ledger.apply(changes), changes.remove)
        self.listeners.deliver()

    def correct(self, change: Callable[[Ledger], tuple[Segment, ...]]) -> tuple[Segment, ...]:
        """Do what people ask for, and return the segments that it changed."""
        with self._lock:
            changed = change(self._ledger)
            if changed:
                self._note_segments(changed)
        self.listeners.deliver()
        return changed

    def record(self, event: Mapping[str, Any]) -> None:
        """Append one of the things that happened; `type` says which, `time` when."""
        with self._lock:
            self._events.append({**event, "time": datetime.now(UTC).isoformat()})
            self.listeners.queue(TranscriptChange("event", self.revision))
        self.listeners.deliver()

    def rename_mark(self, number: int, label: str) -> None:
        """Give a mark another name; `number` counts from 0."""
        with self._lock:
            place = [n for n, event in enumerate(self._events) if event.get("type") == "mark"][number]
            self._events[place] = {**self._events[place], "label": label}
            self.listeners.queue(TranscriptChange("event", self.revision))
        self.listeners.deliver()

    def describe(self, facts: Mapping[str, Any]) -> None:
        """Say more about where the words come from, as a whole, while others may be reading `meta`."""
        with self._lock:
            self.meta = {**self.meta, **facts}

    def add_usage(self, usage: Mapping[str, Any]) -> None:
        """Add what the service says it will bill for a turn."""
        with self._lock:
            add_usage(self._usage, usage)

    def release(self, source: AudioSource | None) -> None:
        """Remove the recording from the disk; the sound is read from `source` again, if there is one."""
        with self._lock:
            recording, self.recording, self.source = self.recording, None, source
            if recording is not None:
                self.length = recording.duration
        if recording is not None:
            recording.delete()

    def begin(self) -> None:
        """Say that a session records for it, until `finish`."""
        self.live = True

    def finish(self, done: bool = True) -> None:
        """Say that no more text will come (or, with False, that more may come after all)."""
        with self._changed:
            self.live = not done
            if self.done != done:
                self.done = done
                self._changed.notify_all()
                self.listeners.queue(TranscriptChange("done", self.revision))
        self.listeners.deliver()

    def _note_segments(self, upsert: tuple[Segment, ...], remove: tuple[str, ...] = ()) -> None:
        self.revision += 1
        self.listeners.queue(TranscriptChange("segments", self.revision, upsert, remove))
