"""Decode files and arrays to blocks of mono PCM16 at 24 kHz, as a stream."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from rt_magic.audio.pcm import SAMPLE_RATE, to_pcm16
from rt_magic.exceptions import AudioError, ConfigurationError

Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | NDArray[Any]

MINIMUM = 0.1
"""Seconds below which there is nothing to transcribe: services refuse to commit less."""

MAXIMUM_CHANNELS = 32
BLOCK = 0.5
"""Seconds of audio decoded at a time."""


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

    @property
    def repeatable(self) -> bool:
        """Whether the audio can be read a second time."""
        return not hasattr(self.source, "read")

    def blocks(self) -> Iterator[bytes]:
        """Decode, mix down to mono and resample; yield PCM16 blocks of about half a second at 24 kHz.

        Raises AudioError, with the name, where the audio cannot be decoded or is shorter than 0.1 s.
        """
        resampler = soxr.ResampleStream(self.sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        seconds = 0.0
        for block in self._decoded():
            seconds += len(block) / self.sample_rate
            mono = block if block.ndim == 1 else block.mean(axis=1)
            out = resampler.resample_chunk(np.ascontiguousarray(mono, np.float32))
            if len(out):
                yield to_pcm16(out)
        if seconds < MINIMUM:
            raise AudioError(f"{self.name} holds {seconds:g} s of sound; at least {MINIMUM:g} s are needed")
        out = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        if len(out):
            yield to_pcm16(out)

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
        try:
            with _open(self.source) as file:
                if self.start:
                    file.seek(round(self.start * self.sample_rate))
                left = None if self.stop is None else round((self.stop - self.start) * self.sample_rate)
                step = round(BLOCK * self.sample_rate)
                while left is None or left > 0:
                    block: NDArray[np.float32] = file.read(step if left is None else min(step, left), "float32")
                    if not len(block):
                        return
                    left = None if left is None else left - len(block)
                    yield block
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise AudioError(
                f"{self.name} cannot be decoded any further ({_said(error)}); it may be damaged"
            ) from error


def open_audio(
    source: Source, *, sample_rate: int | None = None, start: float | None = None, stop: float | None = None
) -> AudioSource:
    """Look at a path, bytes, file object or array and return how to read it.

    `sample_rate` (Hz) is required for an array and not taken otherwise; arrays are mono or (frames, channels).
    Raises AudioError, with the name, for what is missing, empty, not audio or truncated, and ConfigurationError.
    """
    if isinstance(source, np.ndarray):
        return _array_source(source, sample_rate, start, stop)
    if sample_rate is not None:
        raise ConfigurationError(f"sample_rate={sample_rate} goes with an array; a file says its own")
    name = _name(source)
    if isinstance(source, bytes) and not source:
        raise AudioError(f"{name} are empty")
    if isinstance(source, str | os.PathLike):
        _check_path(Path(source).expanduser(), name)
        source = Path(source).expanduser()
    try:
        with _open(source) as file:
            rate, channels, frames = file.samplerate, file.channels, file.frames
    except (soundfile.SoundFileError, RuntimeError) as error:
        return _media_source(name, source, start, stop, error)
    _check_channels(name, channels)
    total = frames / rate if 0 < frames < 2**62 else None
    promised = _promised_seconds(source)
    if promised is not None and total is not None and promised > total + 0.01 and (stop is None or stop > total):
        raise AudioError(
            f"{name} is truncated: it ends after {total:.2f} s and its header promises {promised:.2f} s; "
            f"stop={total:.2f} transcribes what is there"
        )
    first, last, duration = _span(name, start, stop, total)
    return AudioSource(name, source, rate, channels, first, last, duration)


def _open(source: Any) -> soundfile.SoundFile:
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    elif hasattr(source, "seek") and source.seekable():
        source.seek(0)
    return soundfile.SoundFile(source)


def _name(source: Any) -> str:
    if isinstance(source, bytes):
        return f"{len(source)} bytes of audio"
    if isinstance(source, str | os.PathLike):
        return repr(os.fspath(source))
    return repr(getattr(source, "name", type(source).__name__))


def _said(error: Exception) -> str:
    return str(error).rpartition(": ")[2].strip(" .") or type(error).__name__


def _check_path(path: Path, name: str) -> None:
    if not path.exists():
        raise AudioError(f"there is no file {name}; it is looked for in {path.absolute().parent}")
    if path.is_dir():
        raise AudioError(f"{name} is a folder; give an audio file")
    if path.stat().st_size == 0:
        raise AudioError(f"{name} is empty (0 bytes)")
    if not os.access(path, os.R_OK):
        raise AudioError(f"{name} may not be read; check its permissions")


def _check_channels(name: str, channels: int) -> None:
    if not 1 <= channels <= MAXIMUM_CHANNELS:
        raise AudioError(f"{name} has {channels} channels; 1 to {MAXIMUM_CHANNELS} can be mixed down")


def _span(
    name: str, start: float | None, stop: float | None, total: float | None
) -> tuple[float, float | None, float | None]:
    first = start or 0.0
    if first < 0 or (stop is not None and stop <= first):
        raise ConfigurationError(
            f"start={start} and stop={stop} leave nothing of {name}; give 0 ≤ start < stop, in seconds"
        )
    if total is not None and first >= total:
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
    if sample_rate <= 0:
        raise ConfigurationError(f"sample_rate={sample_rate} is not a rate; give samples per second, such as 16000")
    if array.ndim not in (1, 2) or array.size == 0:
        raise AudioError(f"{name} is not audio; give (frames,) or (frames, channels)")
    if not (np.issubdtype(array.dtype, np.floating) or array.dtype in (np.int16, np.int32, np.uint8)):
        raise AudioError(f"{name} is not audio; give float (-1 to 1), int16, int32 or uint8")
    channels = 1 if array.ndim == 1 else array.shape[1]
    _check_channels(name, channels)
    first, last, duration = _span(name, start, stop, len(array) / sample_rate)
    return AudioSource(name, array, sample_rate, channels, first, last, duration)


def _to_float(block: NDArray[Any]) -> NDArray[np.float32]:
    if np.issubdtype(block.dtype, np.floating):
        return block.astype(np.float32)
    if block.dtype == np.uint8:
        return ((block.astype(np.float32) - 128) / 128).astype(np.float32)
    return (block / (int(np.iinfo(block.dtype).max) + 1)).astype(np.float32)


def _promised_seconds(source: Any) -> float | None:
    """Return how long a WAV file says it is; the decoder silently makes do with what is there."""
    if isinstance(source, bytes):
        head, size = source[:4096], len(source)
    elif isinstance(source, Path):
        size = source.stat().st_size
        with source.open("rb") as file:
            head = file.read(4096)
    else:
        return None
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    position, byte_rate = 12, 0
    while position + 8 <= len(head):
        kind, length = head[position : position + 4], int.from_bytes(head[position + 4 : position + 8], "little")
        if kind == b"fmt ":
            byte_rate = int.from_bytes(head[position + 16 : position + 20], "little")
        if kind == b"data":
            # Streaming writers leave the length open (all ones, or zero): such a file is as long as it is.
            known = byte_rate > 0 and 0 < length < 0xFFFFFFF0 and position + 8 + length > size
            return length / byte_rate if known else None
        position += 8 + length + length % 2
    return None


def _media_source(name: str, source: Any, start: float | None, stop: float | None, error: Exception) -> AudioSource:
    """Try the formats of the `media` extra for what libsndfile does not read."""
    try:
        import av
    except ImportError:
        raise AudioError(
            f"{name} cannot be read as audio ({_said(error)}); WAV, FLAC, OGG and MP3 are, and for other formats: "
            '%pip install "rt-magic[media]"'
        ) from error
    try:
        with av.open(_rewound(source)) as container:
            stream = container.streams.audio[0]
            total = float(container.duration / av.time_base) if container.duration else None
            rate, channels = stream.rate, stream.channels
    except (av.FFmpegError, IndexError, OSError) as failure:
        raise AudioError(f"{name} cannot be read as audio ({_said(error)})") from failure
    _check_channels(name, channels)
    first, last, duration = _span(name, start, stop, total)
    return AudioSource(name, source, rate, channels, first, last, duration, media=True)


def _rewound(source: Any) -> Any:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, Path):
        return str(source)
    source.seek(0)
    return source


def _media_blocks(source: AudioSource) -> Iterator[NDArray[np.float32]]:
    import av

    resampler = av.AudioResampler("flt", "mono", source.sample_rate)
    position, first = 0, round(source.start * source.sample_rate)
    last = None if source.stop is None else round(source.stop * source.sample_rate)
    try:
        with av.open(_rewound(source.source)) as container:
            for decoded in container.decode(audio=0):
                for frame in resampler.resample(decoded):
                    block = frame.to_ndarray().reshape(-1)
                    begin, end = max(0, first - position), None if last is None else max(0, last - position)
                    position += len(block)
                    if len(kept := block[begin:end]):
                        yield kept.astype(np.float32)
                    if last is not None and position >= last:
                        return
    except av.FFmpegError as error:
        raise AudioError(f"{source.name} cannot be decoded any further ({_said(error)}); it may be damaged") from error
