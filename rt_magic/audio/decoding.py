"""Decode a source of audio to blocks of mono PCM16 at 24 kHz, as a stream."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE, to_pcm16
from rt_magic.exceptions import AudioError

Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | NDArray[Any]

MINIMUM = 0.1
"""Seconds below which there is nothing to transcribe: services refuse to commit less."""

BLOCK = 5.0
"""Seconds handed on at a time: below it, the threads that decode and send spend their time on taking turns."""
PIECE = 0.5
"""Seconds of a compressed file decoded at a time: where it is damaged, that much before the damage is lost."""
COMPRESSED = frozenset({"FLAC", "OGG", "MP3"})

TOLERANCE = 0.5
"""Seconds by which a compressed file may be shorter than its header says, as some encoders leave them."""

RUN_UP = 1.0
"""Seconds decoded before the part that is wanted, since the frames of an MP3 build on those before."""

UNKNOWN_LENGTH = 2**62
"""Frames from which on libsndfile means that it does not know the length."""


@dataclass(frozen=True)
class AudioSource:
    """Audio that can be read, with its name for messages; `duration` in seconds of what will be read, or None.

    `start` and `stop` are seconds of the source. A path or an array can be read again; a file object only once.
    """

    name: str
    source: Source
    sample_rate: int
    channels: int
    start: float
    stop: float | None
    duration: float | None
    media: bool = False
    channel: int | None = None
    """The one channel that is read, from 0; None mixes all of them."""
    note: str = ""
    """What one should know of it."""

    @property
    def repeatable(self) -> bool:
        """Whether the audio can be read a second time."""
        return not hasattr(self.source, "read")

    def split(self) -> tuple[AudioSource, ...]:
        """Return a source for each channel; each reads on its own, so that a file object's bytes are taken first."""
        source: Any = self.source
        if not self.repeatable:
            source.seek(0)
            source = source.read()
        return tuple(replace(self, source=source, channel=channel) for channel in range(self.channels))

    def blocks(self, *, minimum: float = MINIMUM) -> Iterator[bytes]:
        """Decode, mix down to mono or take the one channel; yield PCM16 blocks of some seconds at 24 kHz.

        Raises AudioError, with the name, where the audio cannot be decoded or is shorter than `minimum` seconds; what
        comes before the damage is yielded first.
        """
        gathered: list[bytes] = []
        size = 0
        try:
            for block in self._converted(minimum):
                gathered.append(block)
                size += len(block)
                if size >= BLOCK * SAMPLE_RATE * BYTES_PER_SAMPLE:
                    yield b"".join(gathered)
                    gathered, size = [], 0
        except AudioError:
            if gathered:
                yield b"".join(gathered)
            raise
        if gathered:
            yield b"".join(gathered)

    def _converted(self, minimum: float) -> Iterator[bytes]:
        """Yield PCM16 of each piece that was decoded."""
        resampler = None
        if self.sample_rate != SAMPLE_RATE:
            resampler = soxr.ResampleStream(self.sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        seconds = 0.0
        for piece in self._decoded():
            seconds += len(piece) / self.sample_rate
            out = np.ascontiguousarray(self._mono(piece), np.float32)
            if resampler is not None:
                out = resampler.resample_chunk(out)
            if len(out):
                yield to_pcm16(out)
        if seconds < minimum:
            raise AudioError(f"{self.name} holds {seconds:g} s of sound; at least {minimum:g} s are needed")
        if resampler is not None and len(out := resampler.resample_chunk(np.zeros(0, np.float32), last=True)):
            yield to_pcm16(out)

    def _mono(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        if block.ndim == 1:
            return block
        return block.mean(axis=1) if self.channel is None else block[:, self.channel]

    def _decoded(self) -> Iterator[NDArray[np.float32]]:
        if isinstance(self.source, np.ndarray):
            yield from self._array_blocks(self.source)
        elif self.media:
            yield from _media_blocks(self)
        else:
            yield from self._file_blocks()

    def _array_blocks(self, array: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
        first = round(self.start * self.sample_rate)
        last = len(array) if self.stop is None else round(self.stop * self.sample_rate)
        step = round(BLOCK * self.sample_rate)
        for begin in range(first, min(last, len(array)), step):
            yield _to_float(array[begin : min(begin + step, last)])

    def _file_blocks(self) -> Iterator[NDArray[np.float32]]:
        first = round(self.start * self.sample_rate)
        last = None if self.stop is None else round(self.stop * self.sample_rate)
        try:
            position = 0
            with _Forward(opened(self.source)) as file:
                step = round((PIECE if file.format in COMPRESSED else BLOCK) * self.sample_rate)
                begun = position = max(0, first - round(RUN_UP * self.sample_rate))
                if position:
                    file.seek(position)
                while last is None or position < last:
                    wanted = step if last is None else min(step, last - position)
                    block: NDArray[np.float32] = file.read(wanted, "float32")
                    if not len(block):
                        return self._check_end(file.frames, position, known=position > begun or not begun)
                    begin, position = max(0, first - position), position + len(block)
                    if len(kept := block[begin:]):
                        yield kept
        except (soundfile.SoundFileError, RuntimeError) as error:
            whole = int(position / self.sample_rate)
            rest = f"; rt_magic.transcribe with stop={whole} gives what is there" if whole > self.start else ""
            raise AudioError(
                f"{self.name} cannot be decoded any further ({said(error)}); it may be damaged{rest}"
            ) from error

    def _check_end(self, announced: int, reached: int, *, known: bool) -> None:
        """Raise AudioError where the decoder has come to an end before the length that it had announced.

        What was reached is the end only if it is `known`: some decoders can be set behind it.
        """
        if announced < UNKNOWN_LENGTH and announced > reached + TOLERANCE * self.sample_rate:
            end, promised = reached / self.sample_rate, announced / self.sample_rate
            if not known:
                raise AudioError(f"{self.name} is truncated: it ends before {end:.2f} s, of {promised:.2f} s")
            raise AudioError(truncated(self.name, end, promised, self.start))


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # the library has no types
    """A file that is read onwards.

    After each read the library seeks to where it stands, if it can; an MP3 decoder then has lost the frames that the
    next ones build on, and a tenth of a second is garbled.
    """

    def seekable(self) -> bool:
        return False


def opened(source: Any) -> Any:
    """Return what a decoder opens: the name of a file, or a file object at its beginning."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, Path):
        return str(source)
    source.seek(0)
    return source


def _to_float(block: NDArray[Any]) -> NDArray[np.float32]:
    if np.issubdtype(block.dtype, np.floating):
        return block.astype(np.float32)
    if block.dtype == np.uint8:
        return ((block.astype(np.float32) - 128) / 128).astype(np.float32)
    return (block / (int(np.iinfo(block.dtype).max) + 1)).astype(np.float32)


def _media_blocks(source: AudioSource) -> Iterator[NDArray[np.float32]]:
    import av

    unpacked: Any = None
    position, first = 0, round(source.start * source.sample_rate)
    last = None if source.stop is None else round(source.stop * source.sample_rate)
    try:
        with av.open(opened(source.source)) as container:
            for decoded in container.decode(audio=0):
                unpacked = unpacked or av.AudioResampler("fltp", decoded.layout, source.sample_rate)
                for frame in unpacked.resample(decoded):
                    block = frame.to_ndarray().T  # as frames of channels
                    begin, end = max(0, first - position), None if last is None else max(0, last - position)
                    position += len(block)
                    if len(kept := block[begin:end]):
                        yield kept.astype(np.float32)
                    if last is not None and position >= last:
                        return
    except av.FFmpegError as error:
        raise AudioError(f"{source.name} cannot be decoded any further ({said(error)}); it may be damaged") from error


def said(error: Exception) -> str:
    """Return what a decoder says of an error, without what every one of its messages begins with."""
    words = str(error).rpartition(": ")[2].strip(" .") or type(error).__name__
    # libsndfile's word for an MP3 in which it finds no frame; that the file is there was looked at before.
    return "no sound was found in it" if words.startswith("File does not exist") else words


def truncated(name: str, there: float, promised: float | None, start: float) -> str:
    """Return what is said of audio that ends before the length, in seconds, that its header promises, if it does.

    What is there can be had if it is longer than up to where it is to begin.
    """
    there = math.floor(there * 100) / 100  # never more than there is, so that it can be asked for
    why = "and nothing says that it ends there" if promised is None else f"and its header promises {promised:.2f} s"
    hint = f"; rt_magic.transcribe with stop={there:.2f} gives what is there" if there >= start + MINIMUM else ""
    return f"{name} is truncated: it ends after {there:.2f} s {why}{hint}"
