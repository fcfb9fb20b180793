"""Turns on the wire, and the utterances that the decoder makes of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.local.deltas import space_between
from rt_magic.local.workers import Answer
from rt_magic.wire.events import Completed, WordTime


@dataclass(slots=True)
class Utterance:
    """Speech sent to the decoder as one: a turn, or with manual commits a part of one."""

    number: int
    start: int
    fed: int
    answer: Answer | None = None


@dataclass(slots=True)
class Item:
    """A turn on the wire, from sample `start` to `stop` of the connection, which is None until it is committed."""

    start: int
    id: str = field(default_factory=lambda: f"item_{secrets.token_hex(10)}")
    stop: int | None = None
    utterances: list[Utterance] = field(default_factory=list)
    shown: str = ""


def completed(item: Item, stop: int) -> Completed:
    """Return the final text of a turn that ends at `stop`: its utterances' texts, times counted from its start."""
    text, words, languages = "", list[WordTime](), list[str]()
    for utterance in item.utterances:
        answer = utterance.answer or {}
        text += space_between(text, answer["text"]) + answer["text"]
        offset = (utterance.start - item.start) / SAMPLE_RATE
        for word in answer["words"]:
            start, end = round(word["start"] + offset, 3), round(word["end"] + offset, 3)
            words.append(WordTime(word["word"], start, end, word["probability"]))
        if answer["language"] and answer["language"] not in languages:
            languages.append(answer["language"])
    usage = {"type": "duration", "seconds": round((stop - item.start) / SAMPLE_RATE, 3)}
    return Completed(item.id, text, usage=usage, languages=tuple(languages) or None, words=tuple(words))
