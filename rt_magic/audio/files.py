"""Decode files and arrays to blocks of mono PCM16 at 24 kHz, as a stream."""

from __future__ import annotations

import contextlib
import io
import numbers
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
from rt_magic.exceptions import AudioError, ConfigurationError
from rt_magic.optional import extra

Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | NDArray[Any]

MINIMUM = 0.1
"""Seconds below which there is nothing to transcribe: services refuse to commit less."""

MAXIMUM_CHANNELS = 32
RATES = (1_000, 1_000_000)
"""Lowest and highest rate in Hz that can be brought to 24 kHz."""
LOUDEST = 16.0
"""Floats beyond this are no samples in -1…1, even of a recording that is far too loud."""
BLOCK = 5.0
"""Seconds handed on at a time: below it, the threads that decode and send spend their time on taking turns."""
PIECE = 0.5
"""Seconds of a compressed file decoded at a time: where it is damaged, that much before the damage is lost."""
COMPRESSED = frozenset({"FLAC", "OGG", "MP3", "MPEG"})

TOLERANCE = 0.5
"""Seconds by which a compressed file may be shorter than its header says, as some encoders leave them."""

RUN_UP = 1.0
"""Seconds decoded before the part that is wanted, since the frames of an MP3 build on those before."""


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
            with _Forward(_opened(self.source)) as file:
                step = round((PIECE if file.format in COMPRESSED else BLOCK) * self.sample_rate)
                position = max(0, first - round(RUN_UP * self.sample_rate))
                if position:
                    file.seek(position)
                while last is None or position < last:
                    wanted = step if last is None else min(step, last - position)
                    block: NDArray[np.float32] = file.read(wanted, "float32")
                    if not len(block):
                        return self._check_end(file.frames, position)
                    begin, position = max(0, first - position), position + len(block)
                    if len(kept := block[begin:]):
                        yield kept
        except (soundfile.SoundFileError, RuntimeError) as error:
            whole = int(position / self.sample_rate)
            rest = f"; stop={whole} transcribes what is there" if whole > self.start else ""
            raise AudioError(
                f"{self.name} cannot be decoded any further ({_said(error)}); it may be damaged{rest}"
            ) from error

    def _check_end(self, announced: int, reached: int) -> None:
        """Raise AudioError where the decoder has come to an end before the length that it had announced."""
        if announced < _UNKNOWN_LENGTH and announced > reached + TOLERANCE * self.sample_rate:
            raise AudioError(_truncated(self.name, reached / self.sample_rate, announced / self.sample_rate))


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # the library has no types
    """A file that is read onwards.

    After each read the library seeks to where it stands, if it can; an MP3 decoder then has lost the frames that the
    next ones build on, and a tenth of a second is garbled.
    """

    def seekable(self) -> bool:
        return False


def open_audio(
    source: Source, *, sample_rate: int | None = None, start: float | None = None, stop: float | None = None
) -> AudioSource:
    """Look at a path, bytes, file object or array and return how to read it.

    `sample_rate` (Hz) is required for an array and not taken otherwise; arrays are mono or (frames, channels).
    Raises AudioError, with the name, for what is missing, empty, not audio or truncated, and ConfigurationError.
    """
    if isinstance(source, np.ndarray):
        return _array_source(source, sample_rate, start, stop)
    if isinstance(source, bytearray | memoryview):
        source = bytes(source)
    if not isinstance(source, str | os.PathLike | bytes) and not hasattr(source, "read"):
        raise ConfigurationError(
            f"{type(source).__name__} is not a source of audio; give a path, bytes, a binary file object, or a NumPy "
            "array with sample_rate="
        )
    if sample_rate is not None:
        raise ConfigurationError(f"sample_rate={sample_rate} goes with an array; a file says its own")
    name = _name(source)
    if isinstance(source, bytes) and not source:
        raise AudioError(f"{name} are empty")
    if isinstance(source, str | os.PathLike):
        source = Path(os.path.expanduser(source))  # unlike the method, it leaves the name of nobody as it is
        _check_path(source, name)
    elif not isinstance(source, bytes):
        _check_file_object(source, name)
    try:
        with soundfile.SoundFile(_opened(source)) as file:
            rate, channels, frames = file.samplerate, file.channels, file.frames
    except (soundfile.SoundFileError, RuntimeError, TypeError) as error:  # TypeError: a name that ends in .raw
        return _media_source(name, source, start, stop, error)
    _check_channels(name, channels)
    _check_rate(name, rate)
    total = frames / rate if frames < _UNKNOWN_LENGTH else None
    promised = _promised_seconds(source)
    if promised is not None and total is not None and promised > total + 0.01 and (stop is None or stop > total):
        raise AudioError(_truncated(name, total, promised))
    first, last, duration = _span(name, start, stop, total)
    return AudioSource(name, source, rate, channels, first, last, duration)


_UNKNOWN_LENGTH = 2**62
"""Frames from which on libsndfile means that it does not know the length."""


def _name(source: Any) -> str:
    if isinstance(source, bytes):
        return f"{len(source)} bytes of audio"
    if isinstance(source, str | os.PathLike):
        return repr(os.fspath(source))
    return repr(getattr(source, "name", type(source).__name__))


def _said(error: Exception) -> str:
    said = str(error).rpartition(": ")[2].strip(" .") or type(error).__name__
    # libsndfile's word for an MP3 in which it finds no frame; that the file is there was looked at before.
    return "no sound was found in it" if said.startswith("File does not exist") else said


def _check_path(path: Path, name: str) -> None:
    many = "for many files there is rt_magic.transcribe_files"
    if not path.exists():
        if set("*?") & set(path.name):
            raise AudioError(f"there is no file {name}; {many}({name})")
        raise AudioError(f"there is no file {name}; it is looked for in {path.absolute().parent}")
    if path.is_dir():
        raise AudioError(f"{name} is a folder; give an audio file, or {many}({str(path / '*.flac')!r})")
    if path.stat().st_size == 0:
        raise AudioError(f"{name} is empty (0 bytes)")
    if not os.access(path, os.R_OK):
        raise AudioError(f"{name} may not be read; check its permissions")


def _check_file_object(source: Any, name: str) -> None:
    if not hasattr(source, "seekable") or not source.seekable():
        raise ConfigurationError(f"{name} cannot be read twice; give its bytes: transcribe(file.read())")
    source.seek(0)
    if not isinstance(head := source.read(1), bytes):
        raise ConfigurationError(f'{name} is a text file; open audio with open(path, "rb")')
    if not head:
        raise AudioError(f"{name} is empty (0 bytes)")


def _truncated(name: str, there: float, promised: float) -> str:
    return (
        f"{name} is truncated: it ends after {there:.2f} s and its header promises {promised:.2f} s; "
        f"stop={there:.2f} transcribes what is there"
    )


def _check_rate(name: str, rate: float) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError(f"{name} has {rate:g} samples a second; {RATES[0]} to {RATES[1]} can be resampled")


def _check_channels(name: str, channels: int) -> None:
    if not 1 <= channels <= MAXIMUM_CHANNELS:
        raise AudioError(f"{name} has {channels} channels; 1 to {MAXIMUM_CHANNELS} can be mixed down")


def _span(
    name: str, start: float | None, stop: float | None, total: float | None
) -> tuple[float, float | None, float | None]:
    for value in (start, stop):
        if not isinstance(value, numbers.Real | None):
            raise ConfigurationError(f"start={start!r} and stop={stop!r} must be seconds")
    first = start or 0.0
    if not first >= 0 or (stop is not None and not stop > first):
        raise ConfigurationError(
            f"start={start} and stop={stop} select nothing of {name}; give 0 ≤ start < stop, in seconds"
        )
    if total is not None and first >= total and first > 0:
        raise AudioError(f"{name} is {total:.2f} s long, so nothing is left from start={first:g} on")
    last = stop if total is None else min(total, stop if stop is not None else total)
    duration = None if last is None else last - first
    if duration is not None and duration < MINIMUM:
        raise AudioError(f"{name} holds {duration:g} s of sound; at least {MINIMUM:g} s are needed")
    return first, stop, duration


def _array_source(array: NDArray[Any], sample_rate: int | None, start: float | None, stop: float | None) -> AudioSource:
    name = f"an array of shape {array.shape} and type {array.dtype}"
    if sample_rate is None:
        raise ConfigurationError(f"{name} does not say its rate; give sample_rate= in Hz")
    if not isinstance(sample_rate, numbers.Real) or not RATES[0] <= sample_rate <= RATES[1]:
        raise ConfigurationError(
            f"sample_rate={sample_rate!r} is not a rate; give samples per second, from {RATES[0]} to {RATES[1]}"
        )
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.ndim not in (1, 2) or array.size == 0:
        raise AudioError(f"{name} is not audio; give (frames,) or (frames, channels)")
    if array.dtype == np.int64:  # what `.astype(int)` makes of 16-bit samples
        if (reach := int(max(array.max(), -array.min()))) > 32768:
            raise AudioError(f"{name} reaches {reach}, and integers of 64 bits are taken for 16-bit samples")
        array = array.clip(-32768, 32767).astype(np.int16)
    if not (np.issubdtype(array.dtype, np.floating) or array.dtype in (np.int16, np.int32, np.uint8)):
        raise AudioError(f"{name} is not audio; give float (-1 to 1), int16, int32 or uint8")
    channels = 1 if array.ndim == 1 else array.shape[1]
    if channels > max(MAXIMUM_CHANNELS, len(array)):
        raise AudioError(f"{name} has its channels first; give (frames, channels), which is array.T")
    _check_channels(name, channels)
    if np.issubdtype(array.dtype, np.floating) and (peak := float(np.nanmax(np.abs(array), initial=0.0))) > LOUDEST:
        raise AudioError(f"{name} reaches {peak:g}, and floats mean -1 to 1; divide it, 16-bit samples by 32768")
    first, last, duration = _span(name, start, stop, len(array) / sample_rate)
    return AudioSource(name, array, sample_rate, channels, first, last, duration)


def _to_float(block: NDArray[Any]) -> NDArray[np.float32]:
    if np.issubdtype(block.dtype, np.floating):
        return block.astype(np.float32)
    if block.dtype == np.uint8:
        return ((block.astype(np.float32) - 128) / 128).astype(np.float32)
    return (block / (int(np.iinfo(block.dtype).max) + 1)).astype(np.float32)


def _promised_seconds(source: Any) -> float | None:
    """Return how long a WAV file says it is, if it is shorter; the decoder silently makes do with what is there."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(source.open("rb")) if isinstance(source, Path) else _opened(source)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if (head := file.read(12))[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return None
        position, byte_rate = 12, 0
        while len(head := file.read(8)) == 8:
            position += 8
            kind, length = head[:4], int.from_bytes(head[4:], "little")
            if kind == b"fmt ":
                byte_rate = int.from_bytes(file.read(16)[8:12], "little")
            if kind == b"data":
                # Streaming writers leave the length open (all ones, or zero): such a file is as long as it is.
                known = byte_rate > 0 and 0 < length < 0xFFFFFFF0 and position + length > size
                return length / byte_rate if known else None
            position += length + length % 2
            file.seek(position)
    return None


def _media_source(name: str, source: Any, start: float | None, stop: float | None, error: Exception) -> AudioSource:
    """Try the formats of the `media` extra for what libsndfile does not read."""
    try:
        import av
    except ImportError:
        raise AudioError(
            f"{name} cannot be read as audio ({_said(error)}); WAV, FLAC, OGG and MP3 are, and for other formats: "
            + extra("media")
        ) from error
    try:
        with av.open(_opened(source)) as container:
            stream = container.streams.audio[0]
            total = float(container.duration / av.time_base) if container.duration else None
            rate, channels = stream.rate, stream.channels
    except (av.FFmpegError, IndexError, OSError) as failure:
        raise AudioError(f"{name} cannot be read as audio ({_said(error)})") from failure
    if not channels or not rate:  # some text is taken for a format whose sound never comes
        raise AudioError(f"{name} cannot be read as audio (there is no sound in it)")
    _check_channels(name, channels)
    _check_rate(name, rate)
    first, last, duration = _span(name, start, stop, total)
    return AudioSource(name, source, rate, channels, first, last, duration, media=True)


def _opened(source: Any) -> Any:
    """Return what a decoder opens: the name of a file, or a file object at its beginning."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, Path):
        return str(source)
    source.seek(0)
    return source


def _media_blocks(source: AudioSource) -> Iterator[NDArray[np.float32]]:
    import av

    unpacked: Any = None
    position, first = 0, round(source.start * source.sample_rate)
    last = None if source.stop is None else round(source.stop * source.sample_rate)
    try:
        with av.open(_opened(source.source)) as container:
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
        raise AudioError(f"{source.name} cannot be decoded any further ({_said(error)}); it may be damaged") from error
