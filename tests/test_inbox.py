"""Numbered chunks that come late, twice, in disorder or never."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from rt_magic.widgets.inbox import ASK_EVERY, GAPS, HANDED_OVER, OWED, PATIENCE, QUIET, Inbox
from rt_magic.widgets.messages import Audio


def chunk(seq: int, epoch: str = "e", page: str = "p", samples: int = 2400, rate: int = 24_000) -> Audio:
    """A chunk whose samples tell its number."""
    pcm = seq.to_bytes(2, "little") * samples
    return Audio(page=page, epoch=epoch, seq=seq, first=seq * samples, captured_at=0.0, rate=rate, pcm=pcm)


def test_chunks_in_order_pass_straight_through() -> None:
    """A chunk in its turn comes back at once and counts as received."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    assert [c.seq for n in range(3) for c in inbox.receive(chunk(n), n / 10)] == [0, 1, 2]
    assert inbox.acks(4) == [{"type": "ack", "epoch": "e", "next": 3}]
    assert inbox.acks(4) == []
    assert not inbox.complete
    assert inbox.end("e", 2, 0.3) == []
    assert inbox.complete
    assert inbox.captured == 7_200


def test_an_overtaken_chunk_waits_for_the_one_before() -> None:
    """Chunks that arrive out of order leave in order."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    assert inbox.receive(chunk(1), 0.0) == []
    assert [c.seq for c in inbox.receive(chunk(0), 0.1)] == [0, 1]


def test_a_chunk_sent_twice_counts_once() -> None:
    """A repeated chunk is dropped, whether it is already delivered or still held."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    inbox.receive(chunk(0), 0.0)
    assert inbox.receive(chunk(0), 0.1) == []
    inbox.receive(chunk(2), 0.2)
    inbox.receive(chunk(2), 0.3)
    assert [c.seq for c in inbox.receive(chunk(1), 0.4)] == [1, 2]


def test_a_gap_is_asked_for_patiently_and_not_too_often() -> None:
    """A missing chunk is asked for after a moment, then at most once a second, and only the missing ones."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    inbox.receive(chunk(0), 0.0)
    inbox.receive(chunk(4), 1.0)
    assert inbox.missing(1.0) == []
    assert inbox.missing(1.0 + PATIENCE) == [{"type": "again", "epoch": "e", "from": 1, "to": 4}]
    assert inbox.missing(1.1 + PATIENCE) == []
    assert len(inbox.missing(1.1 + PATIENCE + ASK_EVERY)) == 1
    for seq in (1, 2, 3):
        inbox.receive(chunk(seq), 3.0)
    assert inbox.missing(9.0) == []


def test_all_gaps_are_asked_for_together() -> None:
    """A line that leaves many gaps is asked for all of them at once, and for none of them twice within a second."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    for seq in (1, 4, 5, 7):
        inbox.receive(chunk(seq), 0.0)
    inbox.end("e", 8, 0.0)
    asked = [(again["from"], again["to"]) for again in inbox.missing(PATIENCE)]
    assert asked == [(0, 1), (2, 4), (6, 7), (8, 9)]
    inbox.receive(chunk(0), 0.5)
    inbox.receive(chunk(3), 0.5)
    assert inbox.missing(0.5 + PATIENCE) == [{"type": "again", "epoch": "e", "from": 2, "to": 3}]  # a new one
    asked = [(again["from"], again["to"]) for again in inbox.missing(PATIENCE + ASK_EVERY)]
    assert asked == [(6, 7), (8, 9)]


def test_a_bad_line_is_not_asked_for_everything_at_once() -> None:
    """Of very many gaps only the first are asked for at a time."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    for seq in range(1, 200, 2):
        inbox.receive(chunk(seq), 0.0)
    assert [again["from"] for again in inbox.missing(PATIENCE)] == list(range(0, 2 * GAPS, 2))


def test_the_end_tells_what_is_still_missing() -> None:
    """`last` makes the inbox wait for the tail and ask for it."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    inbox.receive(chunk(0), 0.0)
    inbox.end("e", 2, 0.1)
    assert not inbox.complete
    assert inbox.missing(0.2 + PATIENCE) == [{"type": "again", "epoch": "e", "from": 1, "to": 3}]
    inbox.receive(chunk(1), 0.5)
    assert [c.seq for c in inbox.receive(chunk(2), 0.6)] == [2]
    assert inbox.complete


def test_an_epoch_without_chunks() -> None:
    """An epoch that ends before its first chunk is complete at once."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    inbox.end("e", -1, 0.1)
    assert inbox.complete
    assert inbox.captured == 0


def test_epochs_follow_each_other() -> None:
    """Chunks of a later epoch wait until the earlier one is complete."""
    inbox = Inbox()
    inbox.begin("p", "a", 0.0)
    inbox.receive(chunk(0, "a"), 0.0)
    inbox.begin("p", "b", 0.1)
    assert inbox.receive(chunk(0, "b"), 0.2) == []
    inbox.end("a", 1, 0.3)
    assert [(c.epoch, c.seq) for c in inbox.receive(chunk(1, "a"), 0.4)] == [("a", 1), ("b", 0)]


def test_an_epoch_that_never_said_its_end_does_not_block_the_next() -> None:
    """After a moment of silence an epoch that another page's follows is taken as ended, its own page's much later."""
    for page, patience in (("q", QUIET), ("p", OWED)):
        inbox = Inbox()
        inbox.begin("p", "a", 0.0)
        inbox.receive(chunk(0, "a"), 0.0)
        inbox.begin(page, "b", 0.1)
        assert inbox.receive(chunk(0, "b", page), 0.2) == []
        assert inbox.advance(patience) == []
        assert [c.epoch for c in inbox.advance(patience + 0.1)] == ["b"]
        assert inbox.lost == 0


def test_a_page_that_goes_on_is_waited_for() -> None:
    """What a page owes of an epoch comes before its next one, although nothing was heard of it for long."""
    inbox = Inbox()
    inbox.begin("p", "a", 0.0)
    inbox.receive(chunk(0, "a"), 0.0)
    inbox.begin("p", "b", 60.0)
    assert inbox.receive(chunk(0, "b"), 60.1) == []
    assert [c.epoch for c in inbox.receive(chunk(1, "a"), 70.0)] == ["a"]
    assert [c.epoch for c in inbox.end("a", 1, 71.0)] == ["b"]


def test_a_page_that_lost_the_microphone_and_goes_on_is_not_waited_for() -> None:
    """However steadily it sends, another page's sound comes after a fixed time, and the old one's is taken no more."""
    inbox = Inbox()
    inbox.begin("p", "a", 0.0)
    inbox.receive(chunk(0, "a"), 0.0)
    inbox.begin("q", "b", 1.0)
    got, now = [], 1.0
    for seq in range(1, 1 + int(20 * HANDED_OVER)):
        now += 0.1
        got += [(c.epoch, now) for c in inbox.receive(chunk(seq, "a"), now)]
        got += [(c.epoch, now) for c in inbox.receive(chunk(seq - 1, "b", "q"), now)]
    assert max(at for epoch, at in got if epoch == "a") <= 1.2 + HANDED_OVER
    assert min(at for epoch, at in got if epoch == "b") <= 1.2 + HANDED_OVER
    assert [epoch for epoch, _ in got].count("b") == int(20 * HANDED_OVER)


def test_what_a_page_owed_when_it_went_away_is_counted() -> None:
    """When another page records and the first stays silent, chunks it still owed are given up and counted."""
    inbox = Inbox()
    inbox.begin("p", "a", 0.0)
    inbox.receive(chunk(0, "a"), 0.0)
    inbox.receive(chunk(3, "a"), 0.0)
    inbox.begin("q", "b", 0.1)
    assert inbox.receive(chunk(0, "b", "q"), 0.2) == []
    assert [(c.epoch, c.seq) for c in inbox.receive(chunk(1, "b", "q"), QUIET + 0.1)] == [("a", 3), ("b", 0), ("b", 1)]
    assert inbox.lost == 2


def test_a_late_repeat_of_a_finished_epoch_is_acknowledged() -> None:
    """A page that missed the last ack of an epoch can be told again."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    inbox.receive(chunk(0), 0.0)
    inbox.end("e", 0, 0.1)
    assert inbox.acks(4) == [{"type": "ack", "epoch": "e", "next": 1, "ended": True}]
    assert inbox.receive(chunk(0), 0.2) == []
    assert inbox.acks(4) == [{"type": "ack", "epoch": "e", "next": 1, "ended": True}]
    assert inbox.receive(chunk(0, "unknown"), 0.3) == []
    assert inbox.acks(4) == []


def test_abandon_gives_what_there_is() -> None:
    """When the page is gone, held chunks come out in order and the missing ones are counted."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    for seq in (0, 2, 3, 6):
        inbox.receive(chunk(seq), 0.0)
    inbox.end("e", 7, 0.1)
    assert [c.seq for c in inbox.abandon(0.2)] == [2, 3, 6]
    assert (inbox.lost, inbox.complete) == (4, True)


def test_what_nobody_took_is_given_again_after_the_next_begin() -> None:
    """Chunks put back are neither acknowledged nor passed over: with what followed them they come before the next."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    got = [ready for seq in range(3) for ready in inbox.receive(chunk(seq), 0.0)]
    got += inbox.end("e", 3, 0.1) + inbox.receive(chunk(3), 0.1)
    assert inbox.complete
    inbox.put_back(got[1:])
    assert inbox.acks(4) == [{"type": "ack", "epoch": "e", "next": 1}]
    assert [*inbox.receive(chunk(1), 0.2), *inbox.advance(0.3), *inbox.abandon(0.3), *inbox.missing(9.0)] == []
    assert (inbox.acks(4), inbox.captured, inbox.lost) == ([], 9_600, 0)
    inbox.begin("p", "f", 20.0)
    assert [(c.epoch, c.seq) for c in inbox.receive(chunk(0, "f"), 20.1)] == [("e", 1), ("e", 2), ("e", 3), ("f", 0)]
    assert inbox.acks(4)[0] == {"type": "ack", "epoch": "e", "next": 4, "ended": True}
    assert inbox.captured == 12_000


def test_what_is_put_back_with_a_gap_is_asked_for() -> None:
    """Of an epoch whose sound nobody took the page sends the rest, its end told meanwhile."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    inbox.put_back(inbox.receive(chunk(0), 0.0))
    assert inbox.end("e", 2, 0.2) == []
    inbox.begin("p", "f", 5.0)
    assert [c.seq for c in inbox.advance(5.0)] == [0]
    assert inbox.missing(5.1 + PATIENCE) == [{"type": "again", "epoch": "e", "from": 1, "to": 3}]


def test_captured_counts_by_the_pages_own_rate() -> None:
    """Samples at 24 kHz are counted, whatever the page's rate; what is rounded is the sum."""
    inbox = Inbox()
    inbox.begin("p", "e", 0.0)
    inbox.receive(chunk(0, rate=48_000, samples=4_801), 0.0)
    assert inbox.captured == 2_401
    inbox.end("e", 0, 0.1)
    inbox.begin("p", "f", 0.2)
    inbox.receive(chunk(0, "f", rate=48_000, samples=4_801), 0.3)
    assert inbox.captured == 4_801


@given(st.integers(0, 40), st.integers(0, 2**32), st.lists(st.integers(0, 39), max_size=40))
def test_any_disorder_with_repeats_gives_the_same_line(count: int, seed: int, repeats: list[int]) -> None:
    """However chunks of two epochs are shuffled and repeated, each comes out once and in order."""
    sent = [chunk(n, "a") for n in range(count)] + [chunk(n, "b") for n in range(count)]
    sent += [chunk(n, "a") for n in repeats if n < count]
    random.Random(seed).shuffle(sent)
    inbox = Inbox()
    inbox.begin("p", "a", 0.0)
    inbox.begin("p", "b", 0.0)
    got = [c for message in sent for c in inbox.receive(message, 0.0)]
    got += inbox.end("a", count - 1, 0.0) + inbox.end("b", count - 1, 0.0)
    assert [(c.epoch, c.seq) for c in got] == [(e, n) for e in "ab" for n in range(count)]
    assert inbox.complete
    assert inbox.lost == 0
