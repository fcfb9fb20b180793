"""Segments, and the folding of a service's events into them. Pure: events and time in, changes out."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from rt_magic.audio.pace import Pace
from rt_magic.audio.pcm import SAMPLE_RATE, Timeline
from rt_magic.wire.events import (
    Committed,
    Completed,
    Delta,
    Failed,
    ItemAdded,
    ItemDone,
    ServerEvent,
    SpeakerSegment,
    SpeechStarted,
    SpeechStopped,
)

Timing: TypeAlias = Literal["service", "vad"]


@dataclass(frozen=True, slots=True)
class Word:
    """A word with start and end in seconds of the recording, and its probability (0 to 1) if known."""

    word: str
    start: float
    end: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the transcript; times are seconds in the recording, end exclusive, and mean the speech itself.

    `final` text will not change any more; a failed segment is final with `error` set. `timing` says who gave the
    times, `confidence` is exp(mean log-probability), `latency` has seconds by stage; what is not known is None.
    """

    id: str
    start: float | None = None
    end: float | None = None
    text: str = ""
    final: bool = False
    item_id: str | None = None
    speaker: str | None = None
    language: str | None = None
    confidence: float | None = None
    words: tuple[Word, ...] | None = None
    error: str | None = None
    timing: Timing | None = None
    latency: dict[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What an event did: segments that are new or different, ids that are gone, and the place of each in the order."""

    upsert: tuple[Segment, ...] = ()
    remove: tuple[str, ...] = ()
    ranks: dict[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.upsert or self.remove or self.ranks)


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection stands: its clock, and how much its times include before and after the speech (seconds)."""

    timeline: Timeline
    prefix_padding: float = 0.0
    closing_silence: float = 0.0
    language: str | None = None


@dataclass(frozen=True, slots=True)
class TurnCut:
    """Our own turn detection closed a turn.

    `first` is the connection's sample at which its audio begins; the speech is in seconds of the recording, the turn
    itself its samples `begun` to `at` (exclusive).
    """

    first: int
    start: float
    end: float
    begun: int | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Sounded:
    """The sound of a turn in samples of the recording, silence before and after the speech included."""

    start: int | None
    stop: int | None
    settled: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone: what it had not settled will be transcribed again from the recording."""


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No more text will come: every open turn is marked failed with this message."""

    message: str


Foldable: TypeAlias = ServerEvent | Opened | TurnCut | Lost | GaveUp


@dataclass(slots=True, eq=False)
class _Turn:
    id: str
    connection: int
    item_id: str | None = None
    rank: float = 0.0
    previous: str | None = None
    committed: bool = False
    settled: bool = False
    first_sample: int | None = None
    """Where the turn's committed audio begins on the connection."""
    sound_from: int | None = None
    sound_to: int | None = None
    """The samples of the recording that the turn was made from."""
    start: float | None = None
    end: float | None = None
    timing: Timing | None = None
    texts: dict[int, str] = field(default_factory=dict)
    tail: str = ""
    """Text behind `texts` that the service may still replace."""
    pieces: list[SpeakerSegment] = field(default_factory=list)
    completed: dict[int, Completed] = field(default_factory=dict)
    error: str | None = None
    first_text_at: float | None = None
    final_at: float | None = None
    shown: tuple[Segment, ...] = ()


class Folded:
    """Everything that has been heard so far; only `fold` changes it."""

    def __init__(self, *, pace: Pace | None = None, prompt: str | None = None, offset: float = 0.0) -> None:
        self.pace = pace
        self.offset = offset
        self.prompt = prompt.strip() if prompt else None
        self.opened: dict[int, Opened] = {}
        self.turns: dict[tuple[int, str], _Turn] = {}
        self.followers: dict[tuple[int, str], _Turn] = {}
        """Turns by the item that they come after, seen or not."""
        self.cuts: dict[int, deque[TurnCut]] = defaultdict(deque)
        self.order: list[_Turn] = []
        self.open: list[_Turn] = []
        self.unnamed: list[_Turn] = []
        """Those of the open turns whose id is not known (yet)."""
        self.moved: list[_Turn] = []
        """Turns that the event in hand has given another place."""
        self.count = 0


def fold(state: Folded, event: Foldable, now: float, connection: int = 0) -> tuple[Folded, Changes]:
    """Take one event of a connection at monotonic time `now` (seconds); return the state after it and what changed.

    `state` is consumed: the one returned is the same object, updated. Events may come in any order and repeatedly, and
    where turns do not overlap also without ids; turns are known by connection and item id and ordered by
    `previous_item_id`; a completed text replaces what deltas said; what is settled stays.
    """
    changes = _take(state, event, now, connection)
    if state.moved:
        ranks = {id_: rank for turn in state.moved for id_, rank in _ranks(turn).items()}
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
        case Lost():
            return _lose(state, connection)
        case GaveUp():
            return _merge([_fail(state, turn, event.message, now) for turn in list(state.open)])
        case ItemAdded() | ItemDone():
            # Items can be other things than turns, so none is begun here.
            known = state.turns.get((connection, event.item_id)) if event.item_id else None
            if known:
                _place(state, known, event.previous_item_id)
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
                    _sort_in(state, turn)
            _place(state, turn, event.previous_item_id)
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


def _samples(milliseconds: int) -> int:
    return milliseconds * SAMPLE_RATE // 1000


def _position(state: Folded, turn: _Turn, sample: int) -> int:
    opened = state.opened.get(turn.connection)
    return opened.timeline.to_recording(sample) if opened else sample


def _seconds(state: Folded, turn: _Turn, sample: int) -> float:
    return _position(state, turn, sample) / SAMPLE_RATE + state.offset


# Which turn an event without an id means, best guess first: (committed yet?, newest or oldest of those).
_SPOKEN = ((False, -1),)
_HEARD = ((False, -1), (True, 0))
_WAITING = ((True, 0), (False, 0))


def _find(state: Folded, connection: int, item_id: str | None, guesses: tuple[tuple[bool, int], ...]) -> _Turn:
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
                    _follow(state, turn, follower)
            return turn
    return _begin(state, connection, item_id)


def _name(state: Folded, turn: _Turn, item_id: str) -> None:
    turn.item_id = item_id
    state.turns[turn.connection, item_id] = turn


def _begin(state: Folded, connection: int, item_id: str | None) -> _Turn:
    state.count += 1
    turn = _Turn(f"s{state.count}", connection)
    follower = None
    if item_id is None:
        state.unnamed.append(turn)
    else:
        _name(state, turn, item_id)
        follower = state.followers.get((connection, item_id))
    state.open.append(turn)
    _insert(state, [turn], _index(state.order, follower) if follower else len(state.order))
    return turn


def _time(state: Folded, turn: _Turn, event: SpeechStarted | SpeechStopped) -> Changes:
    """Take the speech's own times out of the service's, which include padding before and silence after."""
    opened = state.opened.get(turn.connection)
    if isinstance(event, SpeechStarted):
        if turn.start is None and event.audio_start_ms is not None:
            turn.first_sample = _samples(event.audio_start_ms)
            # At position 0 there was no room for the padding, so none is taken off.
            padding = opened.prefix_padding if opened and turn.first_sample > 0 else 0.0
            turn.start = _seconds(state, turn, turn.first_sample + round(padding * SAMPLE_RATE))
            turn.timing = "service"
            turn.sound_from = _position(state, turn, turn.first_sample)
            _sort_in(state, turn)
    elif turn.end is None and event.audio_end_ms is not None:
        closing = round(opened.closing_silence * SAMPLE_RATE) if opened else 0
        turn.end = _seconds(state, turn, max(0, _samples(event.audio_end_ms) - closing))
        turn.sound_to = _position(state, turn, _samples(event.audio_end_ms))
        turn.timing = "service"
    return _show(state, turn)


def _fail(state: Folded, turn: _Turn, message: str, now: float) -> Changes:
    turn.error = message
    _settle(state, turn, now)
    return _show(state, turn)


def _settle(state: Folded, turn: _Turn, now: float) -> None:
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


def _place(state: Folded, turn: _Turn, previous: str | None) -> None:
    """Put a turn, and all that is chained to it, right after the item that came before it, now or once it is seen."""
    if previous is None or turn.previous is not None or previous == turn.item_id:
        return
    turn.previous = previous
    state.followers[turn.connection, previous] = turn
    if before := state.turns.get((turn.connection, previous)):
        _follow(state, before, turn)


def _follow(state: Folded, before: _Turn, turn: _Turn) -> None:
    index = _index(state.order, before)
    between = itertools.takewhile(lambda other: other is not turn, state.order[index + 1 :])
    if index < _index(state.order, turn) and all(other.connection != turn.connection for other in between):
        return  # what another connection has heard in between stands where its time puts it
    chain = [turn]
    while (key := chain[-1].item_id) and (after := state.followers.get((turn.connection, key))) and after not in chain:
        chain.append(after)
    if before in chain:
        return
    for link in chain:
        del state.order[_index(state.order, link)]
    _insert(state, chain, _index(state.order, before) + 1)


def _sort_in(state: Folded, turn: _Turn) -> None:
    """Put a turn before what other connections have heard later: it fills a gap that one of them left."""
    assert turn.start is not None
    index = _index(state.order, turn)
    later = index
    for number in range(index - 1, -1, -1):
        other = state.order[number]
        if other.connection == turn.connection or (other.start is not None and other.start <= turn.start):
            break
        if other.start is not None:
            later = number
    if later < index:
        del state.order[index]
        _insert(state, [turn], later)


def _insert(state: Folded, chain: list[_Turn], index: int) -> None:
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


def _index(order: list[_Turn], turn: _Turn) -> int:
    """Find a turn from the end, where nearly all that moves stands."""
    return next(index for index in range(len(order) - 1, -1, -1) if order[index] is turn)


def _ranks(turn: _Turn) -> dict[str, float]:
    # Pieces by other speakers stand right behind their turn; a thousand of them fit below the next rank's step.
    return {segment.id: turn.rank + number * 1e-9 for number, segment in enumerate(turn.shown)}


def _show(state: Folded, turn: _Turn) -> Changes:
    segments = _segments(state, turn)
    if segments == turn.shown:
        return Changes()
    ids = {segment.id for segment in segments}
    gone = tuple(segment.id for segment in turn.shown if segment.id not in ids)
    turn.shown = segments
    return Changes(segments, gone, _ranks(turn))


def _segments(state: Folded, turn: _Turn) -> tuple[Segment, ...]:
    parts = [turn.completed[index] for index in sorted(turn.completed)]
    pieces = sorted((piece for piece in turn.pieces if piece.text.strip()), key=lambda piece: piece.start)
    if turn.settled and pieces and turn.error is None:
        return _by_speaker(state, turn, pieces)
    if parts:
        text = " ".join(said for part in parts if (said := part.transcript.strip()))
    else:
        written = "".join(turn.texts[index] for index in sorted(turn.texts)) + turn.tail
        text = written or " ".join(piece.text.strip() for piece in pieces)
        text = text.strip() if turn.settled else text
    if turn.settled and not text and turn.error is None:
        return ()
    error = turn.error
    if parts and state.prompt and text == state.prompt:
        error = "the service repeated the prompt instead of words that were said"
    heard = next((part.languages[0] for part in parts if part.languages), None)
    end = turn.end if turn.start is None or turn.end is None else max(turn.start, turn.end)
    return (
        Segment(
            id=turn.id,
            start=turn.start,
            end=end,
            text=text,
            final=turn.settled,
            item_id=turn.item_id,
            language=heard or _language(state, turn),
            confidence=_confidence(parts),
            words=_words(state, turn, parts),
            error=error,
            timing=turn.timing,
            latency=_latency(state, turn),
        ),
    )


def _same_piece(one: SpeakerSegment, other: SpeakerSegment) -> bool:
    if one.segment_id or other.segment_id:
        return one.segment_id == other.segment_id
    return (one.start, one.end, one.text) == (other.start, other.end, other.text)


def _by_speaker(state: Folded, turn: _Turn, pieces: Iterable[SpeakerSegment]) -> tuple[Segment, ...]:
    groups: list[list[SpeakerSegment]] = []
    for piece in pieces:
        if groups and groups[-1][-1].speaker == piece.speaker:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    first = turn.first_sample
    segments = []
    for number, group in enumerate(groups, 1):
        segments.append(
            Segment(
                id=turn.id if number == 1 else f"{turn.id}.{number}",
                start=None if first is None else _seconds(state, turn, first + round(group[0].start * SAMPLE_RATE)),
                end=None if first is None else _seconds(state, turn, first + round(group[-1].end * SAMPLE_RATE)),
                text=" ".join(piece.text.strip() for piece in group),
                final=True,
                item_id=turn.item_id,
                speaker=group[0].speaker,
                language=_language(state, turn),
                timing=None if first is None else "service",
                latency=_latency(state, turn),
            )
        )
    return tuple(segments)


def _language(state: Folded, turn: _Turn) -> str | None:
    opened = state.opened.get(turn.connection)
    return opened.language if opened else None


def _confidence(parts: Iterable[Completed]) -> float | None:
    logprobs = [entry.logprob for part in parts for entry in part.logprobs or ()]
    return math.exp(min(0.0, sum(logprobs) / len(logprobs))) if logprobs else None


def _words(state: Folded, turn: _Turn, parts: Iterable[Completed]) -> tuple[Word, ...] | None:
    words = [part.words for part in parts if part.words is not None]
    if not words or turn.first_sample is None:
        return None
    first = turn.first_sample
    return tuple(
        Word(
            word.word,
            _seconds(state, turn, first + round(word.start * SAMPLE_RATE)),
            _seconds(state, turn, first + round(word.end * SAMPLE_RATE)),
            word.probability,
        )
        for part in words
        for word in part
    )


def _latency(state: Folded, turn: _Turn) -> dict[str, float] | None:
    """Return seconds by stage, where the audio came as it was spoken: of its end, and of its beginning for `first`."""
    if state.pace is None:
        return None
    stages: dict[str, float] = {}
    began = None if turn.start is None else state.pace.at(round(turn.start * SAMPLE_RATE))
    ended = None if turn.end is None else state.pace.at(round(turn.end * SAMPLE_RATE))
    for stage, moment in (("received", state.pace.received), ("sent", state.pace.sent)):
        when = None if turn.end is None else moment(round(turn.end * SAMPLE_RATE))
        if when is not None and ended is not None:
            stages[stage] = when - ended
    if began is not None and turn.first_text_at is not None:
        stages["first"] = turn.first_text_at - began
    if ended is not None and turn.final_at is not None:
        stages["final"] = turn.final_at - ended
    return stages or None


def _merge(changes: Iterable[Changes]) -> Changes:
    upsert: dict[str, Segment] = {}
    remove: list[str] = []
    ranks: dict[str, float] = {}
    for change in changes:
        upsert.update((segment.id, segment) for segment in change.upsert)
        remove.extend(change.remove)
        ranks.update(change.ranks)
    return Changes(tuple(upsert.values()), tuple(remove), ranks)
