"""Look at paths, bytes, file objects and arrays, and tell whether and how they can be read."""

from __future__ import annotations

import contextlib
import numbers
import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from rt_magic.audio.decoding import MINIMUM, UNKNOWN_LENGTH, AudioSource, Source, opened, said, truncated
from rt_magic.exceptions import AudioError, ConfigurationError
from rt_magic.optional import extra

MAXIMUM_CHANNELS = 32
RATES = (1_000, 1_000_000)
"""Lowest and highest rate in Hz that can be brought to 24 kHz."""
_POINTER = b"version https://git-lfs"
MAXIMUM_PAGE = 65_307
"""Bytes of the largest page of an OGG file (RFC 3533)."""
LOUDEST = 16.0
"""Floats beyond this are no samples in -1…1, even of a recording that is far too loud."""


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
            "array with sample_rate=; for many files there is rt_magic.transcribe_files"
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
        with soundfile.SoundFile(opened(source)) as file:
            rate, channels, frames, format = file.samplerate, file.channels, file.frames, file.format
    except (soundfile.SoundFileError, RuntimeError, TypeError) as error:  # TypeError: a name that ends in .raw
        return _media_source(name, source, start, stop, error)
    _check_channels(name, channels)
    _check_rate(name, rate)
    total = frames / rate if frames < UNKNOWN_LENGTH else None
    if total is not None and (stop is None or stop > total):
        promised = _promised_seconds(source)
        cut = format == "OGG" and total >= MINIMUM and not _has_last_page(source)
        if cut or (promised is not None and promised > total + 0.01):
            raise AudioError(truncated(name, total, promised, start or 0.0))
    first, last, duration = _span(name, start, stop, total)
    return AudioSource(name, source, rate, channels, first, last, duration)


def _name(source: Any) -> str:
    if isinstance(source, bytes):
        return f"{len(source)} bytes of audio"
    if isinstance(source, str | os.PathLike):
        return repr(os.fspath(source))
    return repr(getattr(source, "name", type(source).__name__))


def _check_path(path: Path, name: str) -> None:
    many = "for many files there is rt_magic.transcribe_files"
    if not path.exists():
        if set("*?") & set(path.name):
            raise AudioError(f"there is no file {name}; {many}({name})")
        if re.match(r"'https?:/", name):
            raise AudioError(f"{name} is an address; download it first, and give the file")
        folder = path.absolute().parent
        near = get_close_matches(path.name, os.listdir(folder) if folder.is_dir() else [], n=1, cutoff=0.8)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AudioError(f"there is no file {name}; it is looked for in {folder}{hint}")
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
            raise ConfigurationError(f"start={start!r} and stop={stop!r} must be seconds, such as start=5")
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
    missing = int(np.isnan(array).sum()) if np.issubdtype(array.dtype, np.floating) else 0
    if missing == array.size:
        raise AudioError(f"{name} holds no numbers (all of its {array.size} values are NaN)")
    note = f"{missing} of its {array.size} values are no numbers (NaN) and are taken for silence" if missing else ""
    return AudioSource(name, array, sample_rate, channels, first, last, duration, note=note)


def _promised_seconds(source: Any) -> float | None:
    """Return how long a WAV file says it is, if it is shorter; the decoder silently makes do with what is there."""
    with _bytes_of(source) as file:
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


def _has_last_page(source: Any) -> bool:
    """Tell whether an OGG file's last page is whole and says that it is the last; its layout is RFC 3533's."""
    with _bytes_of(source) as file:
        file.seek(-min(MAXIMUM_PAGE, file.seek(0, os.SEEK_END)), os.SEEK_END)
        page = file.read().rpartition(b"OggS")[2]
    if len(page) < 23:
        return False
    sizes = page[23 : 23 + page[22]]
    return bool(page[1] & 4) and len(page) >= 23 + len(sizes) + sum(sizes)


@contextlib.contextmanager
def _bytes_of(source: Any) -> Iterator[Any]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
    else:
        yield opened(source)


def _as_text(source: Any) -> str:
    """Return what kind of text this is, "" for none; nothing of it is said, as texts hold keys."""
    with _bytes_of(source) as file:
        head: bytes = file.read(200)
    if head.startswith(_POINTER):
        return "the pointer that stands for a large file: `git lfs pull` fetches it"
    return "a text" if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head) else ""


def _media_source(name: str, source: Any, start: float | None, stop: float | None, error: Exception) -> AudioSource:
    """Try the formats of the `media` extra for what libsndfile does not read."""
    if kind := _as_text(source):
        raise AudioError(f"{name} cannot be read as audio: it is {kind}") from None
    try:
        import av
    except ImportError:
        raise AudioError(
            f"{name} cannot be read as audio ({said(error)}); WAV, FLAC, OGG and MP3 are, and for other formats: "
            + extra("media")
        ) from error
    try:
        with av.open(opened(source)) as container:
            if not container.streams.audio:
                raise AudioError(f"{name} cannot be read as audio (there is no sound in it)")
            stream = container.streams.audio[0]
            total = float(container.duration / av.time_base) if container.duration else None
            rate, channels = stream.rate, stream.channels
    except (av.FFmpegError, IndexError, OSError) as failure:
        raise AudioError(f"{name} cannot be read as audio ({said(error)})") from failure
    if not channels or not rate:  # some text is taken for a format whose sound never comes
        raise AudioError(f"{name} cannot be read as audio (there is no sound in it)")
    _check_channels(name, channels)
    _check_rate(name, rate)
    first, last, duration = _span(name, start, stop, total)
    return AudioSource(name, source, rate, channels, first, last, duration, media=True)
