"""Where a long source can be cut in two without harm: at pauses, found by listening to a part of it alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from rt_magic.audio.decoding import AudioSource
from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.audio.vad import FRAME_SAMPLES, SpeechDetector
from rt_magic.wire.turns import Reason, TurnDetector, TurnStarted, TurnStopped

SETTLE = 10.0
"""Seconds that are listened to before a pause counts, as the detector learns the noise from them."""

NEAR = 30.0
"""Seconds before and after the place that is wished for in which the longest pause is taken."""

WORD_END = round(0.35 * SAMPLE_RATE)
"""Samples that are left to a word after which nothing is heard any more."""

UNBOUNDED = 86_400_000.0
"""Milliseconds of speech without a pause: a turn that is cut at a greatest length would hide the pause it is cut in."""

PLENTY = 3.0
"""Seconds after which a pause need not be any longer."""


class Pause(NamedTuple):
    """A stretch in which nobody speaks, in samples at 24 kHz."""

    start: int
    end: int

    @property
    def cut(self) -> int:
        """Where it is cut, at the beginning of a 10 ms frame: after a third, but room for a word that ends softly.

        More of it is left to what comes next, whose listener has to learn the noise anew before the first word.
        """
        after = max((self.end - self.start) // 3, min(WORD_END, (self.end - self.start) // 2))
        return (self.start + after) // FRAME_SAMPLES * FRAME_SAMPLES


def pauses(blocks: Iterable[bytes], shortest: float) -> Iterator[tuple[int, Pause | None]]:
    """Yield for each block of PCM16 at 24 kHz how far it reaches, with each pause of `shortest` seconds in it or None.

    A pause that lasts for more than three seconds is told then. One at the beginning is none, as nothing is known of
    what comes before it.
    """
    speech, turns = SpeechDetector(), TurnDetector(silence_ms=shortest * 1000, maximum_ms=UNBOUNDED)
    begun: int | None = None
    reached = 0
    for block in blocks:
        found: list[Pause] = []
        for frame in speech.feed(block):
            for decision in turns.push(frame.speech, frame.energy):
                match decision:
                    case TurnStopped(reason=Reason.SILENCE):
                        begun = decision.speech
                    case TurnStarted() if begun is not None:
                        found.append(Pause(begun, decision.speech))
                        begun = None
            if begun is not None and turns.needed - begun > PLENTY * SAMPLE_RATE:
                found.append(Pause(begun, turns.needed))
                begun = None
        reached += len(block) // 2
        for pause in found or (None,):
            yield reached, pause


def cut(source: AudioSource, count: int, shortest: float) -> tuple[AudioSource, ...]:
    """Cut a source into `count` parts of about the same length, in pauses of `shortest` seconds.

    Where there is no such pause until shortly before the next place, there is a part less. Only the surroundings of
    the places are decoded, as a stream; without a known duration the source stays whole.
    """
    if source.duration is None or count < 2:
        return (source,)
    step = source.duration / count
    places: list[float] = []
    for number in range(1, count):
        place = _place(source, source.start + number * step, min(NEAR, step / 3), step, shortest)
        if place is not None:
            places.append(place)
    edges = [source.start, *places, source.start + source.duration]
    return tuple(
        replace(source, start=first, stop=source.stop if last == edges[-1] else last, duration=last - first)
        for first, last in pairwise(edges)
    )


def _place(source: AudioSource, wish: float, near: float, step: float, shortest: float) -> float | None:
    """Return the second of the longest pause near a place, or of the first one behind it; None without any."""
    listen = max(source.start, round(wish - near - SETTLE, 2))
    last = wish + step - 2 * near
    piece = replace(source, start=listen, stop=last, duration=last - listen)
    best: Pause | None = None
    for reached, pause in pauses(piece.blocks(), shortest):
        if pause is not None and listen + pause.cut / SAMPLE_RATE >= wish - near:
            best = max(best or pause, pause, key=lambda found: found.end - found.start)
        if best is not None and listen + reached / SAMPLE_RATE > wish + near:
            break
    return None if best is None else round(listen + best.cut / SAMPLE_RATE, 2)
