"""Keep the sound in a file of the user's own while it is recorded: WAV that is valid at any moment, or FLAC."""

from __future__ import annotations

import os
import struct
import weakref
from pathlib import Path
from typing import Protocol

from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE
from rt_magic.exceptions import AudioError, ConfigurationError

_MAXIMUM = 0xFFFFFFFF


class Saver(Protocol):
    """A file that takes PCM16 at 24 kHz."""

    def write(self, pcm: bytes) -> None:
        """Add samples at the end."""

    def close(self) -> None:
        """Complete the file, or remove it if nothing was added; may be called twice."""


def open_saver(path: str | Path) -> Saver:
    """Start a `.wav` or `.flac` file; one that exists is never written over.

    Raises ConfigurationError for that and for another suffix, and AudioError where the file cannot be written.
    """
    path = check_save(path)
    try:
        return WavFile(path) if path.suffix.lower() == ".wav" else FlacFile(path)
    except (OSError, RuntimeError) as error:
        raise AudioError(f"{str(path)!r} cannot be written ({error}); choose another place") from error


def check_save(path: str | Path) -> Path:
    """Return where sound would be saved; nothing is written. Raises what `open_saver` raises."""
    path = Path(os.path.expanduser(path))  # unlike the method, it leaves the name of nobody as it is
    if path.suffix.lower() not in (".wav", ".flac"):
        raise ConfigurationError(f"sound can be saved as .wav or .flac, not as {path.name!r}")
    if not path.parent.is_dir():
        raise AudioError(
            f"{str(path)!r} cannot be written (there is no folder {str(path.parent)!r}); choose another place"
        )
    if path.exists() and (not path.is_file() or path.stat().st_size > 0):
        raise ConfigurationError(f"{str(path)!r} exists and will not be overwritten; give another name, or delete it")
    return path


def wav_header(samples: int, *, growing: bool = False) -> bytes:
    """Return what makes PCM16 mono at 24 kHz a WAV file: 44 bytes, or 80 for a file that is `growing`.

    A growing file has room for a length of 64 bits and becomes RF64 when 4 GiB are exceeded, after 24.8 hours
    (EBU Tech 3306).
    """
    size = samples * BYTES_PER_SAMPLE
    byte_rate = SAMPLE_RATE * BYTES_PER_SAMPLE
    fields = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, byte_rate, BYTES_PER_SAMPLE, 16)
    room = struct.pack("<4sI28x", b"JUNK", 28) if growing else b""
    whole = 4 + len(room) + len(fields) + 8 + size
    if growing and whole > _MAXIMUM:
        room = struct.pack("<4sIQQQI", b"ds64", 28, whole, size, samples, 0)
        return (
            struct.pack("<4sI4s", b"RF64", _MAXIMUM, b"WAVE") + room + fields + struct.pack("<4sI", b"data", _MAXIMUM)
        )
    return struct.pack("<4sI4s", b"RIFF", whole, b"WAVE") + room + fields + struct.pack("<4sI", b"data", size)


class WavFile:
    """A WAV file whose header is brought up to date with every write, so that a crash leaves it whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb", buffering=0)
        self._samples = 0
        self._put(0, wav_header(0, growing=True))
        self._begin = self._file.tell()

    def write(self, pcm: bytes) -> None:
        """Add samples at the end."""
        self._put(self._begin + self._samples * BYTES_PER_SAMPLE, pcm)
        self._samples += len(pcm) // BYTES_PER_SAMPLE
        self._put(0, wav_header(self._samples, growing=True))

    def _put(self, at: int, data: bytes) -> None:
        self._file.seek(at)
        rest = memoryview(data)
        while rest:  # a disk that fills up takes a part
            rest = rest[self._file.write(rest) or 0 :]

    def close(self) -> None:
        """Complete the file, or remove it if nothing was added."""
        self._file.close()
        if not self._samples:
            self._path.unlink(missing_ok=True)


class FlacFile:
    """A FLAC file; its header tells the length only once it is closed, decoders read it without.

    It is closed at the latest when the process ends.
    """

    def __init__(self, path: Path) -> None:
        import soundfile

        self._path = path
        self._begun = False
        self._file = soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC")
        self._completed = weakref.finalize(self, self._file.close)

    def write(self, pcm: bytes) -> None:
        """Add samples at the end."""
        self._begun = True
        self._file.buffer_write(pcm, "int16")

    def close(self) -> None:
        """Complete the file, or remove it if nothing was added."""
        self._completed()
        if not self._begun:
            self._path.unlink(missing_ok=True)
