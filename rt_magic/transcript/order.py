"""The order of turns: by what the service says came before, by time where another connection fills a gap. Pure."""

from __future__ import annotations

import itertools

from rt_magic.transcript.turns import Folded, Turn


def place(state: Folded, turn: Turn, previous: str | None) -> None:
    """Put a turn, and all that is chained to it, right after the item that came before it, now or once it is seen."""
    if previous is None or turn.previous is not None or previous == turn.item_id:
        return
    turn.previous = previous
    state.followers[turn.connection, previous] = turn
    if before := state.turns.get((turn.connection, previous)):
        follow(state, before, turn)


def follow(state: Folded, before: Turn, turn: Turn) -> None:
    """Put a turn, and all that is chained to it, right behind another one, unless it stands behind it already."""
    index = index_of(state.order, before)
    between = itertools.takewhile(lambda other: other is not turn, state.order[index + 1 :])
    if index < index_of(state.order, turn) and all(other.connection != turn.connection for other in between):
        return  # what another connection has heard in between stands where its time puts it
    chain = [turn]
    while (key := chain[-1].item_id) and (after := state.followers.get((turn.connection, key))) and after not in chain:
        chain.append(after)
    if before in chain:
        return
    for link in chain:
        del state.order[index_of(state.order, link)]
    insert(state, chain, index_of(state.order, before) + 1)


def sort_in(state: Folded, turn: Turn) -> None:
    """Put a turn before what other connections have heard later: it fills a gap that one of them left."""
    assert turn.start is not None
    index = index_of(state.order, turn)
    later = index
    for number in range(index - 1, -1, -1):
        other = state.order[number]
        if other.connection == turn.connection or (other.start is not None and other.start <= turn.start):
            break
        if other.start is not None:
            later = number
    if later < index:
        del state.order[index]
        insert(state, [turn], later)


def insert(state: Folded, chain: list[Turn], index: int) -> None:
    """Put turns into the order, with ranks between those of their neighbours."""
    order, count = state.order, len(chain) + 1
    before = order[index - 1].rank if index else order[0].rank - count if order else 0.0
    after = order[index].rank if index < len(order) else before + count
    order[index:index] = chain
    step = (after - before) / count
    if step < 1e-6:  # no room left: everything behind moves on
        chain, step = order[index:], 1.0
    for number, turn in enumerate(chain, 1):
        turn.rank = before + number * step
    state.moved.extend(chain)


def index_of(order: list[Turn], turn: Turn) -> int:
    """Find a turn from the end, where nearly all that moves stands."""
    return next(index for index in range(len(order) - 1, -1, -1) if order[index] is turn)


def ranks_of(turn: Turn) -> dict[str, float]:
    """Return the numbers by which the segments of a turn are ordered."""
    # Pieces by other speakers stand right behind their turn; a thousand of them fit below the next rank's step.
    return {segment.id: turn.rank + number * 1e-9 for number, segment in enumerate(turn.shown)}
