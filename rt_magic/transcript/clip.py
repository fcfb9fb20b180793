"""A piece of the recording that plays when displayed."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE, to_float32
from rt_magic.audio.saving import wav_header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Clip:
    """The sound of a segment, from `start` to `end` in seconds of the recording; displayed by a cell it is a player.

    `audio` are its samples, `wav` is a file of it, `pcm` PCM16 at 24 kHz, mono.
    """

    start: float
    end: float
    pcm: bytes = field(repr=False)

    @property
    def audio(self) -> tuple[NDArray[np.float32], int]:
        """The sound as (float32 samples, 24000)."""
        return to_float32(self.pcm), SAMPLE_RATE

    @property
    def wav(self) -> bytes:
        """The sound as the bytes of a WAV file."""
        return wav_header(len(self.pcm) // BYTES_PER_SAMPLE) + self.pcm

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.wav).decode("ascii")
        return f"<audio controls src='data:audio/wav;base64,{data}'></audio>"
