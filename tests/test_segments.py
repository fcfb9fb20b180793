"""Folding: what a service says about turns, in whatever order, becomes the same transcript."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_magic.audio.pace import Pace
from rt_magic.audio.pcm import SAMPLE_RATE, Timeline
from rt_magic.transcript.folding import fold, sounds
from rt_magic.transcript.segments import (
    Changes,
    CutRefused,
    Foldable,
    GaveUp,
    Lost,
    Opened,
    Segment,
    TurnCut,
    Word,
)
from rt_magic.transcript.turns import Folded
from rt_magic.wire.events import (
    Cleared,
    Committed,
    Completed,
    Delta,
    Failed,
    ItemAdded,
    ItemDone,
    LogProb,
    ServerEvent,
    SessionUpdated,
    SpeakerSegment,
    SpeechStarted,
    SpeechStopped,
    Unknown,
    WordTime,
)
from tests.test_codec import SERVER_EVENTS

PADDING, CLOSING = 0.3, 0.5


class Reader:
    """Apply changes as a transcript does, and check of each that it is consistent."""

    def __init__(self, **options: Any) -> None:
        self.state = Folded(**options)
        self.segments: dict[str, Segment] = {}
        self.ranks: dict[str, float] = {}

    def take(self, *events: Foldable, at: float = 0.0, connection: int = 1) -> Reader:
        """Fold events of one connection, all at the same time."""
        for event in events:
            self.state, changes = fold(self.state, event, at, connection)
            self.apply(changes)
        return self

    def apply(self, changes: Changes) -> None:
        """Take in changes; every segment has a rank, no two the same."""
        for segment in changes.upsert:
            self.segments[segment.id] = segment
        for gone in changes.remove:
            del self.segments[gone]
            self.ranks.pop(gone, None)
        for id_, rank in changes.ranks.items():
            assert id_ in self.segments
            self.ranks[id_] = rank
        assert self.ranks.keys() == self.segments.keys()
        touched = {self.ranks[segment.id] for segment in changes.upsert} | set(changes.ranks.values())
        assert len(touched) == len({segment.id for segment in changes.upsert} | set(changes.ranks))

    @property
    def ordered(self) -> list[Segment]:
        """All segments by rank."""
        assert len(set(self.ranks.values())) == len(self.ranks)
        return sorted(self.segments.values(), key=lambda segment: self.ranks[segment.id])

    @property
    def texts(self) -> list[str]:
        """The texts of all segments, in order."""
        return [segment.text for segment in self.ordered]


def opened(seconds: float = 10_000, *, at: float = 0.0) -> Opened:
    """Say that a connection was sent that many seconds of the recording from `at` on, with the usual paddings."""
    timeline = Timeline()
    timeline.add(round(at * SAMPLE_RATE), round(seconds * SAMPLE_RATE))
    return Opened(timeline, PADDING, CLOSING)


def started(item_id: str | None, speech: float) -> SpeechStarted:
    """Report the beginning of speech as a service does, padding included."""
    return SpeechStarted(item_id, round((speech - PADDING) * 1000))


def stopped(item_id: str | None, speech: float) -> SpeechStopped:
    """Report the end of speech as a service does, the closing silence included."""
    return SpeechStopped(item_id, round((speech + CLOSING) * 1000))


# ── golden sequences ──


def test_a_turn_grows_and_its_final_text_replaces_it() -> None:
    """Deltas are shown as they come, verbatim; the completed text takes their place; the times are the speech's own."""
    reader = Reader().take(opened(), started("a", 1.0), Delta("a", "Bon"), Delta("a", "jour "))
    (interim,) = reader.ordered
    assert (interim.id, interim.text, interim.final, interim.start, interim.end) == ("s1", "Bonjour ", False, 1.0, None)
    reader.take(stopped("a", 2.0), Committed("a"), Delta("a", "tous"), Completed("a", " Bonjour à tous. "))
    (final,) = reader.ordered
    assert final == Segment("s1", 1.0, 2.0, "Bonjour à tous.", final=True, item_id="a", timing="service")
    reader.take(Delta("a", "too late"), Completed("a", "again"), Failed("a", "no"))
    assert reader.ordered == [final]


def test_times_at_the_very_beginning_lose_no_padding() -> None:
    """At position 0 there was no room for padding, so none is taken off."""
    reader = Reader().take(opened(), SpeechStarted("a", 0), SpeechStopped("a", 100), Completed("a", "x"))
    assert (reader.ordered[0].start, reader.ordered[0].end) == (0.0, 0.0)


def test_an_end_is_never_before_its_start() -> None:
    """Where the service's times contradict its settings, the segment has no length instead of a negative one."""
    reader = Reader().take(opened(), started("a", 1.0), SpeechStopped("a", 1100), Completed("a", "x"))
    assert (reader.ordered[0].start, reader.ordered[0].end) == (1.0, 1.0)


def test_completions_out_of_order_stand_in_the_order_of_speech() -> None:
    """Text that comes earlier than that of the turn before is put behind it."""
    reader = Reader().take(Completed("c", "three"), Committed("c", "b"), Committed("b", "a"), Completed("b", "two"))
    assert reader.texts == ["two", "three"]
    reader.take(Completed("a", "one"), Committed("a"))
    assert reader.texts == ["one", "two", "three"]


def test_a_first_turn_seen_last_comes_first() -> None:
    """A turn that has no predecessor is put before the one that names it as its own."""
    reader = Reader().take(opened(), Committed("b", "a"), Completed("b", "two"), Delta("a", "one"))
    assert reader.texts == ["one", "two"]


def test_an_unknown_predecessor_leaves_the_order_of_arrival() -> None:
    """A predecessor that is never seen, deleted or of another connection, changes nothing."""
    reader = Reader().take(Committed("a", "gone"), Committed("b", "never"), Completed("a", "1"), Completed("b", "2"))
    assert reader.texts == ["1", "2"]


def test_a_circle_of_predecessors_is_no_circle() -> None:
    """Contradictory orders are survived."""
    reader = Reader().take(
        Committed("a", "c"), Committed("b", "a"), Committed("c", "b"), *(Completed(i, i) for i in "abc")
    )
    assert sorted(reader.texts) == ["a", "b", "c"]


def test_items_that_are_no_turns_make_no_segments() -> None:
    """A conversation's other items, and events of other kinds, leave no trace."""
    reader = Reader().take(
        ItemAdded("answer", "a"), ItemDone("answer"), Cleared(), SessionUpdated({}), Unknown("x", {})
    )
    assert reader.ordered == [] and not reader.state.open


def test_a_failed_turn_settles() -> None:
    """A failure keeps what was heard, says why, and later turns go on; without a message the code is said."""
    reader = Reader().take(Delta("a", "half "), Failed("a", "", "audio_unintelligible"), Failed("b", ""))
    one, two = reader.ordered
    assert (one.text, one.final, one.error) == ("half", True, "audio_unintelligible")
    assert two.error == "the service could not transcribe this turn"
    reader.take(Completed("a", "too late"))
    assert reader.ordered == [one, two]


def test_giving_up_settles_everything() -> None:
    """When no more text will come every open turn is marked, what is final stays."""
    reader = Reader().take(Completed("a", "done"), Committed("b"), Delta("b", "half"), started(None, 1.0))
    reader.take(Delta("c", "of another connection"), connection=2)
    reader.take(GaveUp("stopped"), connection=0)
    assert [segment.error for segment in reader.ordered] == [None, "stopped", "stopped", "stopped"]
    assert all(segment.final for segment in reader.ordered)
    assert not reader.state.open and not reader.state.unnamed


def test_a_lost_connection_takes_what_is_not_settled_with_it() -> None:
    """Unsettled turns vanish, to be heard again on the next connection, whose times count in the recording too."""
    reader = Reader().take(opened(), started("a", 1.0), Completed("a", "one"), started("b", 2.0), Delta("b", "tw"))
    reader.take(Delta(None, "nameless"), TurnCut(0, 5.0, 6.0), Committed("d", "c"))
    reader.take(Lost())
    assert reader.texts == ["one"] and not reader.state.open
    # The same ids again mean other turns.
    reader.take(opened(at=1.5), started("b", 0.5), Completed("b", "two"), Committed("c"), connection=2)
    assert reader.texts == ["one", "two", ""]
    assert [segment.start for segment in reader.ordered] == [1.0, 2.0, None]
    reader.take(Completed("b", "late, from the connection that is gone"), connection=1)
    assert reader.texts[:2] == ["one", "two"]


def test_what_was_settled_out_of_turn_stays_and_the_gap_before_it_is_filled() -> None:
    """A text that came before that of the turn before it stays; what another connection makes of that comes before."""
    reader = Reader().take(opened(), started("a", 1.0), stopped("a", 1.8), Committed("a"), Completed("a", "one"))
    reader.take(started("b", 2.0), stopped("b", 2.9), Committed("b", "a"), started("c", 3.0), stopped("c", 3.9))
    reader.take(Committed("c", "b"), Completed("c", "three"), started("d", 4.0))
    ranges = [(turn.start, turn.stop, turn.settled) for turn in sounds(reader.state, 1)]
    assert [settled for _, _, settled in ranges] == [True, False, True]
    reader.take(Lost())
    assert reader.texts == ["one", "three"]
    reader.take(opened(), started("e", 2.1), Committed("e"), Completed("e", "two"), connection=2)
    reader.take(started("f", 4.1), Committed("f", "e"), Completed("f", "four"), connection=2)
    assert reader.texts == ["one", "two", "three", "four"]


def test_a_noise_that_was_never_committed_takes_nothing_with_it() -> None:
    """Only a turn that waits for its text makes what came behind it be heard again."""
    reader = Reader().take(opened(), SpeechStarted("noise", 100), Committed("a"), Completed("a", "one"), Lost())
    assert reader.texts == ["one"]


def test_the_next_connection_continues_the_numbers() -> None:
    """Segment ids are unique over all connections."""
    reader = Reader().take(Completed("a", "1")).take(Lost()).take(Completed("a", "2"), connection=2)
    assert [segment.id for segment in reader.ordered] == ["s1", "s2"]


def test_client_side_turns_have_our_times() -> None:
    """Where we cut the turns, each commit takes the next cut, whenever its text comes."""
    reader = Reader().take(opened(), TurnCut(0, 0.3, 0.9), TurnCut(24_000, 1.3, 1.9))
    reader.take(Completed("a", "one"), Committed("a"), Committed("a"), Committed("b", "a"), Completed("b", "two"))
    assert [(s.text, s.start, s.end, s.timing) for s in reader.ordered] == [
        ("one", 0.3, 0.9, "vad"),
        ("two", 1.3, 1.9, "vad"),
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_a_cut_that_the_service_refused_gives_its_times_to_no_turn(number: int) -> None:
    """Where a commit of ours closed nothing, the turns before and behind it keep their own times."""
    reader = Reader().take(opened(), TurnCut(0, 0.3, 0.9), TurnCut(24_000, 1.3, 1.9), TurnCut(48_000, 2.3, 2.9))
    reader.take(CutRefused(number), Committed("a"), Completed("a", "x"), Committed("b"), Completed("b", "y"))
    begun = [start for index, start in enumerate((0.3, 1.3, 2.3)) if index != number]
    assert [segment.start for segment in reader.ordered] == begun


def test_an_offset_moves_all_times() -> None:
    """Times count from the beginning of the source, of which the recording may be a part."""
    words = (WordTime("x", 0.3, 0.5),)
    reader = Reader(offset=60.0).take(opened(), started("a", 1.0), stopped("a", 2.0), Completed("a", "x", words=words))
    (segment,) = reader.ordered
    assert (segment.start, segment.end) == (61.0, 62.0)
    assert segment.words == (Word("x", 61.0, 61.2),)
    cut = Reader(offset=60.0).take(opened(), TurnCut(0, 0.5, 0.9), Committed("a"), Completed("a", "x"))
    assert (cut.ordered[0].start, cut.ordered[0].end) == (60.5, 60.9)


def test_padding_sent_to_the_service_is_not_counted() -> None:
    """Silence that was sent and is not in the recording does not shift the times behind it."""
    connection = opened(2.0)
    connection.timeline.pad(SAMPLE_RATE)
    connection.timeline.add(2 * SAMPLE_RATE, 5 * SAMPLE_RATE)
    reader = Reader().take(connection, started("a", 4.0), stopped("a", 5.0), Completed("a", "x"))
    assert (reader.ordered[0].start, reader.ordered[0].end) == (3.0, 4.0)


def test_an_empty_final_vanishes() -> None:
    """A turn in which nothing was said leaves no line, though one was shown while it was open."""
    reader = Reader().take(Delta("a", "uh"), Completed("a", " \n"), Completed("b", ""))
    assert reader.ordered == []


def test_a_repeated_prompt_is_an_error() -> None:
    """A final text that is the prompt was not said; it is kept, out of the text."""
    reader = Reader(prompt=" Names: Ana, Bo. ").take(Completed("a", "Names: Ana, Bo."), Completed("b", "Ana, Bo."))
    assert [segment.error is None for segment in reader.ordered] == [False, True]


def test_two_parts_of_an_item_are_one_text() -> None:
    """Texts are kept by their place in the item: no part replaces, or is added to, another."""
    reader = Reader().take(Delta("a", "world", 1), Delta("a", "hello ", 0))
    assert reader.texts == ["hello world"]
    reader.take(Completed("a", "World.", 1, logprobs=(LogProb("W", -1.0),)))
    reader.take(Completed("a", "Hello", 0, logprobs=(LogProb("H", -3.0),)), Completed("a", "again", 0))
    (segment,) = reader.ordered
    assert segment.text == "Hello World."
    assert segment.confidence == pytest.approx(2.718281828**-2)


def test_what_a_service_says_besides_the_text_is_kept() -> None:
    """Language, confidence and words come from the final event; nothing is invented where they are missing."""
    session = replace(opened(), language="fr")
    event = Completed(
        "a", "oui", logprobs=(LogProb("oui", -0.5),), languages=("en",), words=(WordTime("oui", 0.3, 0.6, 0.9),)
    )
    reader = Reader().take(session, started("a", 1.0), event, Completed("b", "non", words=(WordTime("non", 0, 1),)))
    one, two = reader.ordered
    assert one.language == "en" and one.confidence == pytest.approx(0.6065, abs=1e-4)
    assert one.words == (Word("oui", 1.0, 1.3, 0.9),)
    assert (two.language, two.confidence, two.words, two.start, two.timing) == ("fr", None, None, None, None)


def test_impossible_probabilities_are_capped() -> None:
    """A log-probability above zero is no more than certainty."""
    reader = Reader().take(Completed("a", "x", logprobs=(LogProb("x", 1e8),)))
    assert reader.ordered[0].confidence == 1.0


def test_latency_is_measured_where_the_audio_came_as_spoken() -> None:
    """First text counts from the beginning of speech, all else from its end; without a pace there is none."""
    pace = Pace()
    for tenth in range(1, 50):
        pace.note(tenth * 2400, 100.01 + tenth / 10, captured=100 + tenth / 10)
        pace.note_sent(tenth * 2400, 100.03 + tenth / 10)
    reader = Reader(pace=pace).take(opened(), started("a", 1.0))
    reader.take(Delta("a", "x"), at=101.5).take(stopped("a", 2.0), at=102.6).take(Completed("a", "x"), at=102.8)
    (segment,) = reader.ordered
    assert segment.latency == pytest.approx({"received": 0.01, "sent": 0.03, "first": 0.5, "final": 0.8})
    assert Reader().take(opened(), started("a", 1.0), Completed("a", "x")).ordered[0].latency is None
    assert Reader(pace=Pace()).take(opened(), started("a", 1.0), Completed("a", "x")).ordered[0].latency is None


# ── speakers ──


def pieces(*spoken: tuple[str, str, float, float]) -> list[SpeakerSegment]:
    """Make the events of a turn cut by speaker: speaker, text, start and end in seconds of the turn."""
    return [SpeakerSegment("a", f"seg{n}", text, who, start, end) for n, (who, text, start, end) in enumerate(spoken)]


SPOKEN = pieces(("A", "hello ", 0.3, 1.0), ("A", "there", 1.0, 1.5), ("B", "hi", 1.6, 2.0), ("A", "so", 2.2, 2.5))


def test_a_turn_of_several_speakers_is_several_segments() -> None:
    """Pieces by the same speaker are joined; the first keeps the turn's id, the others add a number and follow it."""
    reader = Reader().take(opened(), started("a", 1.0), *SPOKEN)
    assert reader.texts == ["hello there hi so"]
    reader.take(Committed("a"), Committed("b", "a"), Completed("b", "later"), Completed("a", "hello there hi so"))
    assert [(s.id, s.speaker, s.text, s.start, s.end) for s in reader.ordered] == [
        ("s1", "A", "hello there", 1.0, pytest.approx(2.2)),
        ("s1.2", "B", "hi", pytest.approx(2.3), pytest.approx(2.7)),
        ("s1.3", "A", "so", pytest.approx(2.9), pytest.approx(3.2)),
        ("s2", None, "later", None, None),
    ]


@given(st.permutations([*SPOKEN, *SPOKEN, Completed("a", "hello there hi so")]))
def test_pieces_come_in_any_order(events: Sequence[ServerEvent]) -> None:
    """However the pieces come, before the whole text or after it, once or twice, the segments are the same."""
    reader = Reader().take(opened(), started("a", 1.0), *events)
    assert [(s.id, s.speaker, s.text) for s in reader.ordered] == [
        ("s1", "A", "hello there"),
        ("s1.2", "B", "hi"),
        ("s1.3", "A", "so"),
    ]


def test_pieces_without_ids_or_words_lose_nothing() -> None:
    """Pieces are told apart by their times where they have no ids; empty ones are left out, also when all are."""
    plain = [replace(piece, segment_id="") for piece in SPOKEN]
    silent = replace(SPOKEN[0], segment_id="z", text=" ", speaker="C", start=9.0)
    reader = Reader().take(*plain, *plain, silent, Completed("a", "x"))
    assert reader.texts == ["hello there", "hi", "so"]
    assert Reader().take(silent, Completed("a", "the text")).texts == ["the text"]


# ── any order ──


@dataclass(frozen=True)
class Truth:
    """A turn as it was: speech from `start` to `end`, and what the service makes of it."""

    id: str
    start: float
    end: float
    deltas: tuple[str, ...]
    outcome: str
    text: str

    def events(self, previous: str | None, *, streaming: bool = True) -> list[ServerEvent]:
        """Return all events of the turn in the documented order."""
        commit: list[ServerEvent] = [
            Committed(self.id, previous),
            ItemAdded(self.id, previous),
            ItemDone(self.id, previous),
        ]
        deltas = [Delta(self.id, delta) for delta in self.deltas]
        begun, over = started(self.id, self.start), stopped(self.id, self.end)
        last = Failed(self.id, "not understood") if self.outcome == "failed" else Completed(self.id, self.text)
        if streaming:
            return [begun, *deltas, over, *commit, last]
        return [begun, over, *commit, *deltas, last]

    def expected(self) -> tuple[object, ...]:
        """Return what must be read of it in the end."""
        if self.outcome == "failed":
            return (self.id, "".join(self.deltas).strip(), "not understood", self.start, self.end)
        return (self.id, self.text.strip(), None, self.start, self.end)


WORDS = st.text("ab é字\n", max_size=6)


@st.composite
def truths(draw: st.DrawFn) -> list[Truth]:
    """Draw turns one after the other, of every outcome."""
    turns, clock = [], 0
    for number in range(draw(st.integers(1, 5))):
        begin = clock + draw(st.integers(400, 900))
        clock = begin + draw(st.integers(10, 900))
        outcome = draw(st.sampled_from(["completed", "completed", "failed", "empty"]))
        text = "" if outcome == "empty" else draw(WORDS)
        deltas = tuple(draw(st.lists(WORDS, max_size=4)))
        turns.append(Truth(f"item_{number}", begin / 1000, clock / 1000, deltas, outcome, text))
    return turns


NOISE: list[ServerEvent] = [
    Unknown("rate_limits.updated", {}),
    Unknown("warning", {"item_id": "item_0"}),
    Cleared(),
    ItemAdded("answer", "item_0"),
    ItemDone("answer", "item_1"),
]


def check(reader: Reader, turns: Iterable[Truth]) -> None:
    """Compare a transcript with the truth: text, order, failures, and times to a sample."""
    expected = [turn.expected() for turn in turns if turn.expected()[1] or turn.outcome == "failed"]
    found = [(s.item_id, s.text, s.error, s.start, s.end) for s in reader.ordered]
    assert [entry[:3] for entry in found] == [entry[:3] for entry in expected]
    for entry, truth in zip(found, expected, strict=True):
        assert list(entry[3:]) == pytest.approx(list(truth[3:]), abs=1 / SAMPLE_RATE)
    assert all(segment.final for segment in reader.ordered)
    assert not reader.state.open and not reader.state.unnamed


def shuffled(turns: list[Truth], chance: random.Random) -> list[ServerEvent]:
    """Mix the events of all turns, duplicates and noise, keeping the order of a turn's deltas and its failure."""
    events: list[ServerEvent] = []
    for previous, turn in zip([None, *turns], turns, strict=False):
        events += turn.events(previous.id if previous else None)
    events += [event for event in events if not isinstance(event, Delta) and chance.random() < 0.4]
    events += chance.sample(NOISE, chance.randint(0, len(NOISE)))
    chance.shuffle(events)
    for turn in turns:
        places = [n for n, e in enumerate(events) if isinstance(e, Delta | Failed) and e.item_id == turn.id]
        kept = [Delta(turn.id, delta) for delta in turn.deltas]
        rest = [events[place] for place in places if isinstance(events[place], Failed)]
        for place, event in zip(places, [*kept, *rest], strict=True):
            events[place] = event
    return events


@given(truths(), st.randoms(use_true_random=False))
def test_any_interleaving_folds_to_the_same_transcript(turns: list[Truth], chance: random.Random) -> None:
    """Events of several turns in any order, with duplicates and unknown ones, give the truth in the order of speech."""
    check(Reader().take(opened(), *shuffled(turns, chance)), turns)


@pytest.mark.long
@settings(max_examples=20_000, derandomize=False)
@given(truths(), st.randoms(use_true_random=False))
def test_very_many_interleavings(turns: list[Truth], chance: random.Random) -> None:
    """The same, over and over."""
    check(Reader().take(opened(), *shuffled(turns, chance)), turns)


def anonymous(event: ServerEvent, chance: random.Random, share: float) -> ServerEvent:
    """Take the ids out of some events, as servers do that leave them out here and there."""
    if not hasattr(event, "item_id") or chance.random() >= share:
        return event
    fields: dict[str, Any] = {"item_id": None}
    if hasattr(event, "previous_item_id"):
        fields["previous_item_id"] = None
    return replace(event, **fields)


@given(truths(), st.randoms(use_true_random=False), st.sampled_from([0.3, 0.7, 1.0]), st.booleans())
def test_missing_ids_are_made_up_for_where_turns_do_not_overlap(
    turns: list[Truth], chance: random.Random, share: float, streaming: bool
) -> None:
    """One turn after the other needs no ids, or only here and there."""
    reader = Reader().take(opened())
    previous = None
    for turn in turns:
        for event in turn.events(previous, streaming=streaming):
            reader.take(
                anonymous(event, chance, share), *(chance.sample(NOISE[:3], 1) if chance.random() < 0.2 else [])
            )
        previous = turn.id
    nameless = [replace(segment, item_id=None) for segment in reader.ordered]
    reader.segments = {segment.id: segment for segment in nameless}
    check(reader, [replace(turn, id=None) for turn in turns])  # type: ignore[arg-type]


@given(truths(), st.randoms(use_true_random=False))
def test_client_side_turns_in_any_order(turns: list[Truth], chance: random.Random) -> None:
    """With cuts of our own, commits come in order and everything else in any: each text has the times of its cut."""
    turns = [replace(turn, deltas=()) for turn in turns]
    commits = [Committed(turn.id, turns[number - 1].id if number else None) for number, turn in enumerate(turns)]
    events: list[ServerEvent] = [commit for commit in commits for _ in range(chance.randint(1, 2))]
    places = sorted(chance.sample(range(len(events) + len(turns)), len(events)))
    results = [turn.events(None)[-1] for turn in turns]
    chance.shuffle(results)
    for place, result in zip(sorted({*range(len(events) + len(turns))} - {*places}), results, strict=True):
        events.insert(place, result)
    cuts = [TurnCut(0, turn.start, turn.end) for turn in turns]
    check(Reader().take(opened(), *cuts, *events), turns)


# ── robustness ──


@given(st.lists(st.tuples(SERVER_EVENTS, st.sampled_from(["a", "b", "c", None]), st.integers(1, 2)), max_size=30))
def test_any_events_leave_a_consistent_transcript(events: list[tuple[ServerEvent, str | None, int]]) -> None:
    """Whatever comes, nothing is raised, no two segments share a rank, and giving up closes everything."""
    reader = Reader().take(opened(), connection=1).take(opened(), connection=2)
    for event, item_id, connection in events:
        named: Any = replace(event, item_id=item_id) if hasattr(event, "item_id") else event  # type: ignore[arg-type]
        reader.take(named, connection=connection)
    reader.take(GaveUp("over"))
    assert all(segment.final for segment in reader.ordered)


def test_ranks_have_room_for_any_number_of_insertions() -> None:
    """A thousand turns put between the same two neighbours still have a rank each."""
    reader = Reader().take(Completed("first", "first"), Completed("last", "last"))
    for number in range(1000):
        reader.take(Committed(f"i{number}", "first"), Completed(f"i{number}", str(number)))
    assert reader.texts == ["first", *map(str, reversed(range(1000))), "last"]
    for number in range(60):
        reader.take(Delta(f"x{number}", "x"), Committed(f"x{number}", f"x{number + 1}"))
    assert len(reader.ordered) == 1062


def test_a_hundred_thousand_turns_fold_in_linear_time(capsys: pytest.CaptureFixture[str]) -> None:
    """A very long session costs no more per turn at its end than at its beginning (printed, not asserted)."""
    state = Folded()
    turns, half = 100_000, 0.0
    began = time.perf_counter()
    for number in range(turns):
        if number == turns // 2:
            half = time.perf_counter() - began
        item = f"item_{number}"
        state, _ = fold(state, Committed(item, f"item_{number - 1}"), 0.0, 1)
        state, changes = fold(state, Completed(item, "words"), 0.0, 1)
    whole = time.perf_counter() - began
    assert changes.upsert[0].id == f"s{turns}" and not state.open and len(state.order) == turns
    with capsys.disabled():
        print(f"\n100 000 turns: first half {half:.2f} s, second half {whole - half:.2f} s")
