"""Whisper's result to the letter, as its writers and the tools around it expect it. Pure.

Shape and order of the keys are those of `transcribe` and `utils` in https://github.com/openai/whisper.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rt_magic.transcript.alignment import gap, pieces
from rt_magic.transcript.segments import Segment


def to_whisper(
    segments: Iterable[Segment], *, duration: float = 0.0, known: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Return `text`, `segments` and `language`; the texts of the segments, joined by nothing, are the text.

    Every segment has every key, None where we do not know; `known` gives, by id, what a Whisper file said. Words are
    there where all segments have them, because its writers take all or none. A segment without times gets the room
    between its neighbours: a number is needed, and no closer one is known.
    """
    said = [segment for segment in segments if segment.error is None and segment.text.strip()]
    with_words = bool(said) and all(segment.words for segment in said)
    found: list[dict[str, Any]] = []
    text = ""
    for number, (segment, (start, end)) in enumerate(zip(said, _rooms(said, duration), strict=True)):
        own = gap(text[-1:], segment.text) + segment.text
        text += own
        facts = {key: (known or {}).get(segment.id, {}).get(key, value) for key, value in _facts(segment).items()}
        entry = {"id": number, "seek": facts.pop("seek"), "start": start, "end": end, "text": own, **facts}
        if with_words:
            entry["words"] = [
                {**dataclasses.asdict(word), "word": spelled}
                for word, spelled in zip(segment.words or (), _spelled(own, segment), strict=True)
            ]
        found.append(entry)
    languages = [segment.language for segment in said if segment.language]
    return {"text": text, "segments": found, "language": languages[0] if languages else None}


def _facts(segment: Segment) -> dict[str, Any]:
    data = segment.text.encode("utf-8", "replace")
    sure = segment.confidence
    return {
        "seek": None,
        "tokens": [],
        "temperature": None,
        "avg_logprob": math.log(sure) if sure else None,
        "compression_ratio": len(data) / len(zlib.compress(data)),
        "no_speech_prob": None,
    }


def _rooms(said: Sequence[Segment], duration: float) -> list[tuple[float, float]]:
    """Return start and end of each segment, what is unknown filled in from those before and after it."""
    rooms: list[tuple[float, float]] = []
    reached = 0.0
    for number, segment in enumerate(said):
        later = (other.start for other in said[number + 1 :] if other.start is not None)
        start = max(0.0, reached if segment.start is None else segment.start)
        end = segment.end if segment.end is not None else next(later, max(duration, start))
        rooms.append((start, max(start, end)))
        reached = max(reached, end)
    return rooms


def _spelled(own: str, segment: Segment) -> list[str]:
    """Return the words so that joined by nothing they are the segment's text, as Whisper's are."""
    words = segment.words or ()
    space = own[: len(own) - len(own.lstrip())]
    raw = [word.word for word in words]
    if "".join(raw).strip() != own.strip():
        raw = pieces(own, words) or [f" {word.strip()}" for word in raw]
    return [space + raw[0].lstrip(), *raw[1:]] if raw else []
