"""The spooled recording: all audio of a session on disk, on one sample clock."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rt_magic.audio.guard import Guard
from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE
from rt_magic.audio.saving import Saver, open_saver
from rt_magic.exceptions import AudioError, RtMagicError

_log = logging.getLogger(__name__)

AUDIO, DESCRIPTION = "audio.pcm", "session.json"
"""The files of a recording's folder: the samples, and what they are."""


def recordings_folder() -> Path:
    """Return the folder that holds this user's recordings."""
    import platformdirs

    return Path(platformdirs.user_state_dir("rt_magic")) / "recordings"


class Recording:
    """Append PCM16 at the end, read it anywhere; every method may be called from any thread.

    Nothing but the last append is kept in memory, and each one is a write to the operating system, so that what was
    appended survives the death of this process.
    """

    def __init__(self, folder: Path, *, saver: Saver | None = None) -> None:
        self.folder = folder
        self.pid = os.getpid()
        self._saver = saver
        self.save_error: AudioError | None = None
        """Why the user's own file ended early."""
        self._path = folder / AUDIO
        self._guard = Guard(self._path)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        self._lock = threading.Lock()
        self._facts: dict[str, Any] = {}
        self._samples = os.fstat(self._file).st_size // BYTES_PER_SAMPLE
        self._newest = (self._samples, b"")
        """Position and samples of the last append, which in a live session is what is read next."""
        self._closed = False
        self._forgotten: weakref.finalize[..., Recording] | None = None

    @classmethod
    def create(cls, *, save: str | Path | None = None) -> Recording:
        """Start an empty recording in a folder of its own, readable by this user only.

        `save` names a `.wav` or `.flac` file that is written beside it and stays. Raises ConfigurationError and
        AudioError.
        """
        name = f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}-{secrets.token_hex(4)}"
        folder = recordings_folder() / name
        try:
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
            recording = cls(folder)
        except OSError as error:
            raise AudioError(
                f"no recording can be kept in {folder.parent} ({error.strerror}); free or allow that folder, "
                "or set XDG_STATE_HOME to one that can be written"
            ) from error
        # It goes with its last reader, or at the process's normal end; a crash leaves it to be recovered.
        recording._forgotten = weakref.finalize(recording, _remove, folder, recording._guard, os.getpid())
        if save is not None:
            try:
                recording._saver = open_saver(save)
            except RtMagicError:
                recording.delete()
                raise
        return recording

    @property
    def samples(self) -> int:
        """Length in samples at 24 kHz."""
        return self._samples

    @property
    def closed(self) -> bool:
        """Whether it takes no more audio."""
        return self._closed

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self._samples / SAMPLE_RATE

    def append(self, pcm: bytes) -> int:
        """Add whole PCM16 samples, as bytes or int16 in a row, and return the position of the first one, in samples.

        Raises AudioError for half a sample and for what is no PCM16, and OSError where the disk is full.
        """
        if not isinstance(pcm, bytes):
            pcm = _as_bytes(pcm)
        if len(pcm) % BYTES_PER_SAMPLE:
            raise AudioError(
                f"a chunk of {len(pcm)} bytes ends inside a sample; PCM16 has {BYTES_PER_SAMPLE} bytes a sample"
            )
        with self._lock:
            if self._closed:
                raise AudioError("the recording is closed; start a new session to record more")
            position = self._samples
            self._write(pcm, position * BYTES_PER_SAMPLE)
            self._newest = (position, pcm)  # before the length that lets anybody ask for it
            self._samples += len(pcm) // BYTES_PER_SAMPLE
            self._save(pcm)
            return position

    def _save(self, pcm: bytes) -> None:
        """Add to the user's own file; where that fails the recording goes on without it, and `save_error` says why."""
        if self._saver is None:
            return
        try:
            self._saver.write(pcm)
        except (OSError, RuntimeError) as error:
            self.save_error = AudioError(f"the sound is not saved any further ({error}); the recording itself goes on")
            self._close_saver()

    def _close_saver(self) -> None:
        saver, self._saver = self._saver, None
        if saver is not None:
            try:
                saver.close()
            except (OSError, RuntimeError) as error:
                self.save_error = self.save_error or AudioError(f"the end of the sound could not be saved ({error})")

    def _write(self, pcm: bytes, offset: int) -> None:
        rest = memoryview(pcm)
        while rest:
            written = _write_at(self._file, rest, offset)
            rest = rest[written:]
            offset += written

    def _read(self, offset: int, size: int) -> bytes:
        pieces = []
        while size > 0 and (piece := _read_at(self._file, size, offset)):  # one call gives 2 GiB at the most
            pieces.append(piece)
            size -= len(piece)
            offset += len(piece)
        return b"".join(pieces)

    def read(self, start: int, stop: int) -> bytes:
        """Return the PCM16 of samples `start` to `stop` (exclusive), fewer where the recording is shorter."""
        start, stop = max(0, start), min(stop, self._samples)
        if stop <= start:
            return b""
        first, newest = self._newest
        if newest and first <= start:
            return newest[BYTES_PER_SAMPLE * (start - first) : BYTES_PER_SAMPLE * (stop - first)]
        offset, size = start * BYTES_PER_SAMPLE, (stop - start) * BYTES_PER_SAMPLE
        with self._lock:
            if not self._closed:  # without opening it once more, which a session would do ten times a second
                return self._read(offset, size)
        try:
            with self._path.open("rb") as file:
                file.seek(offset)
                return file.read(size)
        except FileNotFoundError:
            raise AudioError(f"the recording in {self.folder} was deleted; its audio is gone") from None

    def describe(self, facts: Mapping[str, Any]) -> None:
        """Write what a later process needs to make sense of the audio, as `session.json` beside it; no secrets.

        Facts add to those of earlier calls.
        A disk that does not take it is no error: the audio can be recovered without.
        """
        path = self.folder / DESCRIPTION
        temporary = path.with_suffix(".part")
        with self._lock:
            self._facts.update(facts)
            text = json.dumps(self._facts, ensure_ascii=False)
            try:
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                temporary.replace(path)
            except OSError as error:
                _log.info("a recording has no description: %s", error)

    def close(self) -> None:
        """Stop taking audio; it can still be read."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._file)
                self._close_saver()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):  # a session that was never entered
            self.close()

    def delete(self) -> None:
        """Close and remove the audio and its folder from the disk."""
        self.close()
        self._newest = (self._samples, b"")
        if self._forgotten is not None:
            self._forgotten.detach()
        _remove(self.folder, self._guard, os.getpid())


if sys.platform == "win32":

    def _write_at(file: int, pcm: memoryview, offset: int) -> int:
        os.lseek(file, offset, os.SEEK_SET)
        return os.write(file, pcm)

    def _read_at(file: int, size: int, offset: int) -> bytes:
        os.lseek(file, offset, os.SEEK_SET)
        return os.read(file, size)

else:
    # One call to the system instead of two, and no place in the file that a forked child could move.
    _write_at, _read_at = os.pwrite, os.pread


def _as_bytes(pcm: object) -> bytes:
    """Return the bytes of an array or a view; AudioError for what has none, or holds other samples than int16."""
    try:
        view = memoryview(pcm)  # type: ignore[arg-type]  # which is what is found out
    except TypeError:
        raise AudioError(f"sound is PCM16 as bytes or an array of int16, not {type(pcm).__name__}") from None
    if view.format not in ("B", "b", "c", "h", "<h") or not view.c_contiguous:
        what = f"samples of format {view.format!r}" if view.c_contiguous else "samples with gaps between them"
        raise AudioError(f"sound is PCM16 as bytes or an array of int16 in a row, not {what}; convert it first")
    return view.tobytes()


def _remove(folder: Path, guard: Guard, pid: int) -> None:
    if pid == os.getpid():  # a forked child ends without taking its parent's sound away
        guard.release()
        shutil.rmtree(folder, ignore_errors=True)
