"""The segments that a turn is shown as: one, or several when speakers are told apart. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.transcript.segments import Segment, Word
from rt_magic.transcript.turns import Folded, Turn, seconds_of
from rt_magic.wire.events import Completed, SpeakerSegment


def drawn(state: Folded, turn: Turn) -> tuple[Segment, ...]:
    """Return what is to be shown of a turn now; nothing of one in which nothing was said."""
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


def _by_speaker(state: Folded, turn: Turn, pieces: Iterable[SpeakerSegment]) -> tuple[Segment, ...]:
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
                start=None if first is None else seconds_of(state, turn, first + round(group[0].start * SAMPLE_RATE)),
                end=None if first is None else seconds_of(state, turn, first + round(group[-1].end * SAMPLE_RATE)),
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


def _language(state: Folded, turn: Turn) -> str | None:
    opened = state.opened.get(turn.connection)
    return opened.language if opened else None


def _confidence(parts: Iterable[Completed]) -> float | None:
    logprobs = [entry.logprob for part in parts for entry in part.logprobs or ()]
    return math.exp(min(0.0, sum(logprobs) / len(logprobs))) if logprobs else None


def _words(state: Folded, turn: Turn, parts: Iterable[Completed]) -> tuple[Word, ...] | None:
    words = [part.words for part in parts if part.words is not None]
    if not words or turn.first_sample is None:
        return None
    first = turn.first_sample
    return tuple(
        Word(
            word.word,
            seconds_of(state, turn, first + round(word.start * SAMPLE_RATE)),
            seconds_of(state, turn, first + round(word.end * SAMPLE_RATE)),
            word.probability,
        )
        for part in words
        for word in part
    )


def _latency(state: Folded, turn: Turn) -> dict[str, float] | None:
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
