"""What a transcript holds: whole states that nothing reaches later, and listeners who hear of each change once."""

from __future__ import annotations

from rt_magic.audio.recording import Recording
from rt_magic.transcript.listeners import TranscriptChange
from rt_magic.transcript.segments import Changes
from rt_magic.transcript.store import Store
from tests.transcripts import said


def test_a_state_stays_as_it_was() -> None:
    """Segments, corrections, events, marks, usage and facts of a state do not change with those of the store."""
    store = Store(None, None, 0.0)
    store.apply(Changes((said("s1", 0.0, 1.0, "one"),), (), {"s1": 1.0}))
    store.record({"type": "mark", "label": "first", "at": 0.5})
    store.describe({"model": "a"})
    store.add_usage({"seconds": 1})
    before = store.state()
    store.correct(lambda known: known.edit("s1", "ONE"))
    store.apply(Changes((said("s2", 1.0, 2.0, "two"),), (), {"s1": 3.0, "s2": 2.0}))
    store.rename_mark(0, "second")
    store.describe({"model": "b"})
    store.add_usage({"seconds": 1})
    assert [segment.text for segment in before.ledger.finals()] == ["one"] and not before.ledger.machine
    assert before.ledger.ranks == {"s1": 1.0} and before.marks == ((0.5, "first"),)
    assert (before.meta, before.usage) == ({"model": "a"}, {"seconds": 1})
    after = store.state()
    assert [segment.text for segment in after.ledger.finals()] == ["two", "ONE"] and set(after.ledger.machine) == {"s1"}
    assert (after.marks, after.meta, after.usage) == (((0.5, "second"),), {"model": "b"}, {"seconds": 2})


def test_a_state_can_be_taken_over() -> None:
    """Another store with that state holds the same, has its length, and is done; it is told as one change."""
    store, told = Store(None, None, 0.0), list[TranscriptChange]()
    store.apply(Changes((said("s1", 0.0, 1.0, "one"),), (), {"s1": 1.0}))
    store.length = 2.5
    other = Store(None, None, 0.0)
    other.subscribe(told.append)
    other.fill(store.state())
    assert (other.finals(), other.duration, other.done) == (store.finals(), 2.5, True)
    assert [(change.kind, len(change.upsert)) for change in told] == [("segments", 1), ("done", 0)]


def test_the_length_stays_when_the_sound_goes() -> None:
    """A released recording is removed from the disk, and the words keep their place in it."""
    recording = Recording.create()
    recording.append(bytes(48_000))
    store = Store(recording, None, 5.0)
    store.release(None)
    assert (store.duration, store.recording, recording.folder.exists()) == (6.0, None, False)
