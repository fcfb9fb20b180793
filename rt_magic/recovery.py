"""What processes that died have left on the disk: list it, transcribe it, delete it."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rt_magic.audio.guard import is_guarded
from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE
from rt_magic.audio.recording import AUDIO, DESCRIPTION, recordings_folder
from rt_magic.batch import settled_seconds, transcribe_source
from rt_magic.exceptions import AudioError
from rt_magic.portal import portal
from rt_magic.progress import warn, watched
from rt_magic.session.defaults import chosen_service
from rt_magic.session.session import RealtimeSession
from rt_magic.transcript.transcript import Transcript

KEPT_DAYS = 7
"""Days after which a leftover is deleted."""

BEGINNING = 60.0
"""Seconds in which an empty recording may be one that another process is just making."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A recording whose process died: where it is, when it began (UTC), and its length in seconds.

    `source` is the file that was being transcribed, from its second `start` on, or names what else it was; None for a
    microphone and for audio that a program sent.
    """

    path: Path
    started_at: datetime
    duration: float
    source: str | None = None
    start: float = 0.0
    options: dict[str, Any] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        part = f" from {self.start:g} s on" if self.start else ""
        what = _length(self.duration) + (f" of {self.source}{part}," if self.source else "")
        return f"<Leftover: {what} from {self._began}, in {self.path}; .transcribe() or .delete()>"

    @property
    def _began(self) -> str:
        return self.started_at.astimezone().strftime("%Y-%m-%d %H:%M %Z")

    @property
    def audio(self) -> tuple[Any, int]:
        """The sound, as `Transcript.audio`: float32 samples from -1 to 1, and their rate in Hz. Raises AudioError."""
        return self._samples().astype("float32") / 32768, SAMPLE_RATE

    def transcribe(self, service: Any = None, *, progress: bool = True) -> Transcript:
        """Transcribe what was recorded, with the language it was recorded for; the recording stays until `delete`.

        `service` is chosen as for `rt_magic.transcribe`, by what is set now, not by where the recording went.
        Raises AudioError where nothing is left, and what `transcribe` raises.
        """
        from rt_magic.audio.files import open_audio

        source = replace(open_audio(self._samples(), sample_rate=SAMPLE_RATE), name=f"the recording from {self._began}")
        session = RealtimeSession(
            chosen_service(service).service,
            language=self.options.get("language"),
            prompt=self.options.get("prompt"),
            keywords=self.options.get("keywords") or (),
            offset=self.start,
        )
        session.transcript.started_at = self.started_at
        future = portal().run(transcribe_source(session, source))
        try:
            transcript = watched(future, lambda: settled_seconds(session.transcript), source, show=progress)
        except BaseException:
            future.cancel()
            raise
        if progress:
            warn(source.name, session.warnings)
        return transcript

    def _samples(self) -> Any:
        import numpy as np

        audio = self.path / AUDIO
        if not audio.exists():
            raise AudioError(f"the recording in {self.path} is gone")
        count = audio.stat().st_size // BYTES_PER_SAMPLE
        if not count:
            raise AudioError(f"the recording in {self.path} is empty: nothing had been said when its process died")
        return np.memmap(audio, "<i2", "r", shape=(count,))

    def delete(self) -> None:
        """Remove the recording from the disk."""
        shutil.rmtree(self.path, ignore_errors=True)


def recover() -> list[Leftover]:
    """Return what processes that died have left, oldest first; what is older than a week is deleted.

    Recordings of living processes are not among them.
    """
    folder = recordings_folder()
    if not folder.is_dir():
        return []
    kept = []
    for path in sorted(folder.iterdir()):
        with suppress(FileNotFoundError):  # another process is deleting it at this moment
            if not path.is_dir() or is_guarded(path / AUDIO):
                continue
            leftover = _leftover(path)
            age = time.time() - leftover.started_at.timestamp()
            if leftover.duration > 0 and age <= KEPT_DAYS * 86_400:
                kept.append(leftover)
            elif age > BEGINNING:
                leftover.delete()
    return kept


def announcement() -> str:
    """Return one line about what can be recovered, empty if there is nothing."""
    try:
        leftovers = [
            left for left in recover() if not left.source or not os.path.exists(left.source)
        ]  # files are there
    except OSError:  # such a folder is told of when something is to be recorded
        return ""
    if not leftovers:
        return ""
    length = _length(sum(leftover.duration for leftover in leftovers))
    what = "a recording" if len(leftovers) == 1 else f"{len(leftovers)} recordings, in all"
    return (
        f"{what} of {length}, left by a process that died, can be recovered: rt_magic.recover() lists them, "
        f".transcribe() writes one down, .delete() removes it; after {KEPT_DAYS} days they are deleted"
    )


def _leftover(path: Path) -> Leftover:
    begun = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    facts: Any = {}
    # Not written, or not whole: what the folder itself tells is enough.
    with suppress(OSError, ValueError, RecursionError):
        facts = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
    facts = facts if isinstance(facts, dict) else {}
    with suppress(ValueError, KeyError, TypeError, OverflowError):
        said = datetime.fromisoformat(facts["started_at"])
        said = said.replace(tzinfo=said.tzinfo or UTC).astimezone(UTC)
        if said.year >= 2000 and said <= datetime.now(UTC) + timedelta(days=1):
            begun = said
    options = {name: facts[name] for name in ("language", "prompt") if isinstance(facts.get(name), str)}
    keywords = facts.get("keywords")
    if isinstance(keywords, list) and all(isinstance(word, str) for word in keywords):
        options["keywords"] = keywords
    source, start = facts.get("source"), facts.get("start")
    audio = path / AUDIO
    samples = audio.stat().st_size // BYTES_PER_SAMPLE if audio.exists() else 0
    return Leftover(
        path,
        begun,
        samples / SAMPLE_RATE,
        source if isinstance(source, str) else None,
        float(start) if isinstance(start, int | float) and 0 <= start < float("inf") else 0.0,
        options,
    )


def _length(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
