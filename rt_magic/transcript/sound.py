"""The sound behind a transcript: where it is kept, and how a piece of it is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.exceptions import AudioError
from rt_magic.transcript.clip import Clip
from rt_magic.transcript.segments import Segment

if TYPE_CHECKING:
    from rt_magic.audio.decoding import AudioSource
    from rt_magic.audio.recording import Recording

STEP = 10 * SAMPLE_RATE
"""Samples read at a time."""


def blocks(recording: Recording | None, source: AudioSource | None) -> Iterator[bytes]:
    """Yield the sound as PCM16 at 24 kHz, from the recording or the source; nothing where it is gone.

    Raises AudioError where only a part of it can be read.
    """
    begun = False
    try:
        for block in _read(recording, source):
            begun = True
            yield block
    except AudioError:
        if begun:
            raise


def _read(recording: Recording | None, source: AudioSource | None) -> Iterator[bytes]:
    if recording is not None:
        for first in range(0, recording.samples, STEP):
            yield recording.read(first, first + STEP)
    elif source is not None:
        yield from source.blocks()


def clip(segment: Segment, recording: Recording | None, source: AudioSource | None, offset: float) -> Clip:
    """Return the sound of a segment; `offset` is the second at which the recording begins."""
    if segment.start is None or segment.end is None:
        raise AudioError(f"segment {segment.id} has no times, so its sound cannot be found")
    if source is not None:
        piece = dataclasses.replace(source, start=segment.start, stop=segment.end)
        return Clip(segment.start, segment.end, b"".join(piece.blocks(minimum=0.0)))
    if recording is None:
        raise AudioError(f"the sound of segment {segment.id} is gone; only its text is left")
    first, last = (round((second - offset) * SAMPLE_RATE) for second in (segment.start, segment.end))
    return Clip(segment.start, segment.end, recording.read(first, last))
