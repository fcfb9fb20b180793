"""Which turns are open, whatever order and repetition the events come in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rt_magic.wire.open_turns import OpenTurns


def test_a_repeated_event_counts_once() -> None:
    """Each kind of event may come twice, also after the turn is settled, and settles no other turn."""
    turns = OpenTurns()
    for item in ("a", "a"):
        turns.speak(item)
    for item in ("a", "a"):
        turns.commit(item)
    turns.commit(None)
    assert len(turns) == 2
    for item in ("a", "a", "a"):
        turns.settle(item)
    turns.speak("a")
    turns.commit("a")
    assert len(turns) == 1 and turns.settle_all() == [None] and len(turns) == 0


def test_a_turn_without_an_id_takes_the_first_that_comes() -> None:
    """Speech of no item, committed under one, is one turn; a text without an id settles the oldest."""
    turns = OpenTurns()
    turns.speak(None)
    turns.speak(None)
    turns.commit("a")
    turns.speak("b")
    turns.commit("b")
    assert len(turns) == 2
    turns.settle(None)
    assert turns.settle_all() == ["b"]


def test_clear_forgets_what_is_not_committed() -> None:
    """After a clear only committed turns are waited for."""
    turns = OpenTurns()
    turns.commit("a")
    turns.speak("b")
    turns.clear()
    assert turns.settle_all() == ["a"]


STEPS = st.lists(st.tuples(st.sampled_from(["speak", "commit", "settle"]), st.sampled_from("abcd")), max_size=30)


@given(STEPS)
def test_named_turns_are_open_from_their_first_event_to_their_last(steps: list[tuple[str, str]]) -> None:
    """With ids on all events the order does not matter: a turn is open if it was begun and not settled."""
    turns = OpenTurns()
    for step, item in steps:
        getattr(turns, step)(item)
    settled = {item for step, item in steps if step == "settle"}
    assert set(turns.settle_all()) == {item for _, item in steps} - settled
