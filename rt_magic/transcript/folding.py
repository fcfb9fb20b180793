"""The folding of a service's events into segments. Pure: events and time in, changes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.transcript.drawing import drawn
from rt_magic.transcript.order import follow, index_of, insert, place, ranks_of, sort_in
from rt_magic.transcript.segments import Changes, CutRefused, Foldable, GaveUp, Lost, Opened, Segment, Sounded, TurnCut
from rt_magic.transcript.turns import Folded, Turn, position_of, samples_of, seconds_of
from rt_magic.wire.events import (
    Committed,
    Completed,
    Delta,
    Failed,
    ItemAdded,
    ItemDone,
    SpeakerSegment,
    SpeechStarted,
    SpeechStopped,
)


def fold(state: Folded, event: Foldable, now: float, connection: int = 0) -> tuple[Folded, Changes]:
    """Take one event of a connection at monotonic time `now` (seconds); return the state after it and what changed.

    `state` is consumed: the one returned is the same object, updated. Events may come in any order and repeatedly, and
    where turns do not overlap also without ids; turns are known by connection and item id and ordered by
    `previous_item_id`; a completed text replaces what deltas said; what is settled stays.
    """
    changes = _take(state, event, now, connection)
    if state.moved:
        ranks = {id_: rank for turn in state.moved for id_, rank in ranks_of(turn).items()}
        changes = replace(changes, ranks=changes.ranks | ranks)
        state.moved.clear()
    return state, changes


def sounds(state: Folded, connection: int) -> list[Sounded]:
    """Return what the turns of a connection were made from, in their order; noises that became no turn are left out."""
    turns = [turn for turn in state.order if turn.connection == connection and (turn.committed or turn.settled)]
    return [Sounded(turn.sound_from, turn.sound_to, turn.settled) for turn in turns]


def _take(state: Folded, event: Foldable, now: float, connection: int) -> Changes:
    match event:
        case Opened():
            state.opened[connection] = event
        case TurnCut():
            state.cuts[connection].append(event)
        case CutRefused():
            cuts = state.cuts[connection]
            if event.number < len(cuts):
                del cuts[event.number]
        case Lost():
            return _lose(state, connection)
        case GaveUp():
            if not state.open and event.unheard is not None:
                _unheard(state, connection, *event.unheard)
            return _merge([_fail(state, turn, event.message, now) for turn in list(state.open)])
        case ItemAdded() | ItemDone():
            # Items can be other things than turns, so none is begun here.
            known = state.turns.get((connection, event.item_id)) if event.item_id else None
            if known:
                place(state, known, event.previous_item_id)
        case SpeechStarted() | SpeechStopped():
            return _time(state, _find(state, connection, event.item_id, _SPOKEN), event)
        case Committed():
            turn = _find(state, connection, event.item_id, _SPOKEN)
            if not turn.committed:
                turn.committed = True
                if state.cuts[connection]:
                    cut = state.cuts[connection].popleft()
                    turn.first_sample, turn.timing = cut.first, "vad"
                    turn.start, turn.end = cut.start + state.offset, cut.end + state.offset
                    turn.sound_from, turn.sound_to = cut.begun, cut.at
                    sort_in(state, turn)
            place(state, turn, event.previous_item_id)
            return _show(state, turn)
        case Delta():
            turn = _find(state, connection, event.item_id, _HEARD)
            if not turn.settled and (event.delta or event.tail or turn.tail):
                turn.tail = event.tail
                turn.texts[event.content_index] = turn.texts.get(event.content_index, "") + event.delta
                turn.first_text_at = turn.first_text_at or now
                return _show(state, turn)
        case SpeakerSegment():
            turn = _find(state, connection, event.item_id, _HEARD)
            if not any(_same_piece(piece, event) for piece in turn.pieces):
                turn.pieces.append(event)
                turn.first_text_at = turn.first_text_at or now
                return _show(state, turn)
        case Completed():
            turn = _find(state, connection, event.item_id, _WAITING)
            if turn.error is None and event.content_index not in turn.completed:
                turn.completed[event.content_index] = event
                if not turn.settled:
                    _settle(state, turn, now)
                return _show(state, turn)
        case Failed():
            turn = _find(state, connection, event.item_id, _WAITING)
            if not turn.settled:
                said = event.message or event.code or "the service could not transcribe this turn"
                return _fail(state, turn, said, now)
    return Changes()


# Which turn an event without an id means, best guess first: (committed yet?, newest or oldest of those).
_SPOKEN = ((False, -1),)
_HEARD = ((False, -1), (True, 0))
_WAITING = ((True, 0), (False, 0))


def _find(state: Folded, connection: int, item_id: str | None, guesses: tuple[tuple[bool, int], ...]) -> Turn:
    """Return the turn an event belongs to, begun if it is new.

    Some servers send some events of a turn without its id: what has no id belongs to the turn that is under way, and
    an id seen for the first time may be that of a turn begun without one.
    """
    if item_id is not None and (turn := state.turns.get((connection, item_id))):
        return turn
    for committed, index in guesses:
        candidates = state.open if item_id is None else state.unnamed
        turns = [turn for turn in candidates if turn.connection == connection and turn.committed is committed]
        if turns:
            turn = turns[index]
            if item_id is not None:
                state.unnamed.remove(turn)
                _name(state, turn, item_id)
                if follower := state.followers.get((connection, item_id)):
                    follow(state, turn, follower)
            return turn
    return _begin(state, connection, item_id)


def _name(state: Folded, turn: Turn, item_id: str) -> None:
    turn.item_id = item_id
    state.turns[turn.connection, item_id] = turn


def _begin(state: Folded, connection: int, item_id: str | None) -> Turn:
    state.count += 1
    turn = Turn(f"s{state.count}", connection)
    follower = None
    if item_id is None:
        state.unnamed.append(turn)
    else:
        _name(state, turn, item_id)
        follower = state.followers.get((connection, item_id))
    state.open.append(turn)
    insert(state, [turn], index_of(state.order, follower) if follower else len(state.order))
    return turn


def _unheard(state: Folded, connection: int, start: int, stop: int) -> None:
    turn = _begin(state, connection, None)
    turn.sound_from, turn.sound_to = start, stop
    turn.start, turn.end = start / SAMPLE_RATE + state.offset, stop / SAMPLE_RATE + state.offset
    sort_in(state, turn)


def _time(state: Folded, turn: Turn, event: SpeechStarted | SpeechStopped) -> Changes:
    """Take the speech's own times out of the service's, which include padding before and silence after."""
    opened = state.opened.get(turn.connection)
    if isinstance(event, SpeechStarted):
        if turn.start is None and event.audio_start_ms is not None:
            turn.first_sample = samples_of(event.audio_start_ms)
            # At position 0 there was no room for the padding, so none is taken off.
            padding = opened.prefix_padding if opened and turn.first_sample > 0 else 0.0
            turn.start = seconds_of(state, turn, turn.first_sample + round(padding * SAMPLE_RATE))
            turn.timing = "service"
            turn.sound_from = position_of(state, turn, turn.first_sample)
            sort_in(state, turn)
    elif turn.end is None and event.audio_end_ms is not None:
        closing = round(opened.closing_silence * SAMPLE_RATE) if opened else 0
        turn.end = seconds_of(state, turn, max(0, samples_of(event.audio_end_ms) - closing))
        turn.sound_to = position_of(state, turn, samples_of(event.audio_end_ms))
        turn.timing = "service"
    return _show(state, turn)


def _fail(state: Folded, turn: Turn, message: str, now: float) -> Changes:
    turn.error = message
    _settle(state, turn, now)
    return _show(state, turn)


def _settle(state: Folded, turn: Turn, now: float) -> None:
    turn.settled = True
    turn.final_at = now
    state.open.remove(turn)
    if turn.item_id is None:
        state.unnamed.remove(turn)


def _lose(state: Folded, connection: int) -> Changes:
    """Forget what a connection that is gone has not settled; what it has settled stays, also behind such a turn."""
    gone: list[str] = []
    for turn in [turn for turn in state.open if turn.connection == connection]:
        state.open.remove(turn)
        state.order.remove(turn)
        if turn.item_id is None:
            state.unnamed.remove(turn)
        else:
            del state.turns[connection, turn.item_id]
        gone.extend(segment.id for segment in turn.shown)
    state.cuts.pop(connection, None)
    state.followers = {key: turn for key, turn in state.followers.items() if key[0] != connection}
    return Changes(remove=tuple(gone))


def _show(state: Folded, turn: Turn) -> Changes:
    segments = drawn(state, turn)
    if segments == turn.shown:
        return Changes()
    ids = {segment.id for segment in segments}
    gone = tuple(segment.id for segment in turn.shown if segment.id not in ids)
    turn.shown = segments
    return Changes(segments, gone, ranks_of(turn))


def _same_piece(one: SpeakerSegment, other: SpeakerSegment) -> bool:
    if one.segment_id or other.segment_id:
        return one.segment_id == other.segment_id
    return (one.start, one.end, one.text) == (other.start, other.end, other.text)


def _merge(changes: Iterable[Changes]) -> Changes:
    upsert: dict[str, Segment] = {}
    remove: list[str] = []
    ranks: dict[str, float] = {}
    for change in changes:
        upsert.update((segment.id, segment) for segment in change.upsert)
        remove.extend(change.remove)
        ranks.update(change.ranks)
    return Changes(tuple(upsert.values()), tuple(remove), ranks)
