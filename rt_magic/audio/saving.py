"""Keep the sound in a file of the user's own while it is recorded: WAV that is valid at any moment, or FLAC."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Protocol

from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE
from rt_magic.exceptions import AudioError, ConfigurationError


class Saver(Protocol):
    """A file that takes PCM16 at 24 kHz."""

    def write(self, pcm: bytes) -> None:
        """Add samples at the end."""

    def close(self) -> None:
        """Complete the file; may be called twice."""


def open_saver(path: str | Path) -> Saver:
    """Start a `.wav` or `.flac` file; one that exists is never written over.

    Raises ConfigurationError for that and for another suffix, and AudioError where the file cannot be written.
    """
    path = Path(os.path.expanduser(path))  # unlike the method, it leaves the name of nobody as it is
    if path.suffix.lower() not in (".wav", ".flac"):
        raise ConfigurationError(f"sound can be saved as .wav or .flac, not as {path.name!r}")
    if path.exists() and path.stat().st_size > 0:
        raise ConfigurationError(f"{str(path)!r} exists and is not written over; give another name, or delete it")
    try:
        return WavFile(path) if path.suffix.lower() == ".wav" else FlacFile(path)
    except (OSError, RuntimeError) as error:
        raise AudioError(f"{str(path)!r} cannot be written ({error}); choose another place") from error


def wav_header(samples: int) -> bytes:
    """Return the 44 bytes that make PCM16 mono at 24 kHz a WAV file; beyond 4 GiB the format cannot tell its length."""
    size = min(samples * BYTES_PER_SAMPLE, 0xFFFFFFFF - 36)
    byte_rate = SAMPLE_RATE * BYTES_PER_SAMPLE
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + size, b"WAVE"),
        *(b"fmt ", 16, 1, 1, SAMPLE_RATE, byte_rate, BYTES_PER_SAMPLE, 16),
        *(b"data", size),
    )


class WavFile:
    """A WAV file whose header is brought up to date with every write, so that a crash leaves it whole."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._samples = 0
        self._file.write(wav_header(0))

    def write(self, pcm: bytes) -> None:
        """Add samples at the end."""
        self._file.write(pcm)
        self._samples += len(pcm) // BYTES_PER_SAMPLE
        self._file.seek(0)
        self._file.write(wav_header(self._samples))
        self._file.seek(0, 2)

    def close(self) -> None:
        """Complete the file."""
        self._file.close()


class FlacFile:
    """A FLAC file; its header tells the length only once it is closed, decoders read it without."""

    def __init__(self, path: Path) -> None:
        import soundfile

        self._file = soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC")

    def write(self, pcm: bytes) -> None:
        """Add samples at the end."""
        self._file.buffer_write(pcm, "int16")

    def close(self) -> None:
        """Complete the file."""
        self._file.close()
