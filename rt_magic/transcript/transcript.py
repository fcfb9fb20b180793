"""The live transcript: one object, one writer, safe to read from any thread."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from rt_magic.audio.pcm import SAMPLE_RATE, to_float32
from rt_magic.audio.recording import Recording
from rt_magic.exceptions import AudioError
from rt_magic.transcript import export
from rt_magic.transcript.clip import Clip
from rt_magic.transcript.segments import Changes, Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rt_magic.audio.files import AudioSource

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TranscriptChange:
    """What a callback of `on_change` is told: segments new or different, ids gone, and the revision after it."""

    kind: Literal["segments", "event", "done"]
    revision: int
    upsert: tuple[Segment, ...] = ()
    remove: tuple[str, ...] = ()


class Transcript:
    """The words of one session, while they are said and afterwards.

    Every read sees a whole state. Segments are ordered by their place in the recording; `interim` holds those whose
    text may still change.
    """

    def __init__(
        self, *, recording: Recording | None = None, started_at: datetime | None = None, offset: float = 0.0
    ) -> None:
        self.started_at = started_at or datetime.now(UTC)
        """When the session began, with time zone UTC."""
        self.meta: dict[str, Any] = {}
        """Where the words come from: service, host, model, languages, options, versions, notice."""
        self.recording = recording
        self._source: AudioSource | None = None
        self._offset = offset
        self.revision = 0
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._segments: dict[str, Segment] = {}
        self._ranks: dict[str, float] = {}
        self._ordered: tuple[Segment, ...] | None = ()
        self._finals: tuple[Segment, ...] | None = ()
        self._events: list[dict[str, Any]] = []
        self._usage: dict[str, Any] = {}
        self._duration = 0.0
        self._done = False
        self._callbacks: list[Callable[[TranscriptChange], object]] = []
        self._extra: dict[str, Any] = {}

    # ── read ──

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Final and failed segments by start."""
        with self._lock:
            if self._finals is None:
                self._finals = tuple(segment for segment in self._in_order() if segment.final)
            return self._finals

    @property
    def interim(self) -> tuple[Segment, ...]:
        """Segments whose text may still change."""
        with self._lock:
            return tuple(segment for segment in self._in_order() if not segment.final)

    @property
    def text(self) -> str:
        """All final text joined by a space, or by nothing in scripts without one; failed segments are left out."""
        return export.joined_text(self.segments)

    @property
    def duration(self) -> float:
        """Length of the recording in seconds."""
        with self._lock:
            recorded = self.recording.duration if self.recording is not None else self._duration
            return self._offset + recorded

    @property
    def done(self) -> bool:
        """True once no more text will come."""
        return self._done

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened besides words, oldest first: states, pauses, marks; each a dict with `type`."""
        with self._lock:
            return [dict(event) for event in self._events]

    @property
    def usage(self) -> dict[str, Any]:
        """What the service says it will bill, summed over all turns."""
        with self._lock:
            return dict(self._usage)

    def between(self, start: float, end: float) -> tuple[Segment, ...]:
        """Return the final segments that overlap the seconds `start` to `end`."""
        return tuple(
            segment
            for segment in self.segments
            if segment.start is not None
            and segment.start < end
            and (segment.end if segment.end is not None else segment.start) > start
        )

    def __len__(self) -> int:
        return len(self.segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def __getitem__(self, key: Any) -> Any:
        """Return a segment by index or slice, or a part of `to_dict()` by name, so that `t["text"]` works."""
        return self.to_dict()[key] if isinstance(key, str) else self.segments[key]

    def __repr__(self) -> str:
        state = "done" if self.done else "live"
        return f"<Transcript: {len(self)} segments, {self.duration:.1f} s, {state}>"

    # ── follow ──

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until no more text will come; TimeoutError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._done, timeout):
                raise TimeoutError(f"the transcript was not done within {timeout:g} s")
        return self

    def on_change(self, callback: Callable[[TranscriptChange], object]) -> Callable[[], None]:
        """Call `callback(change)` on the writer's thread after each change; return a function that ends it.

        The callback must return at once; what it raises is logged.
        """
        with self._lock:
            self._callbacks.append(callback)

        def unsubscribe() -> None:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

        return unsubscribe

    def mark(self, label: str) -> None:
        """Note a moment of the recording under a name; it stands in `events`."""
        self._record({"type": "mark", "label": label, "at": self.duration})

    # ── sound ──

    @property
    def audio(self) -> tuple[NDArray[np.float32], int] | None:
        """The sound as (float32 samples, 24000), read now from the recording or the source; None without either."""
        pcm = self._pcm()
        return None if pcm is None else (to_float32(pcm), SAMPLE_RATE)

    def audio_at(self, sample_rate: int) -> tuple[NDArray[np.float32], int] | None:
        """Return the sound resampled to `sample_rate` Hz, as (float32 samples, sample_rate)."""
        import soxr

        sound = self.audio
        return None if sound is None else (soxr.resample(sound[0], SAMPLE_RATE, sample_rate), sample_rate)

    def clip(self, segment: Segment) -> Clip:
        """Return the sound of a segment, which plays when displayed.

        Raises AudioError where the sound is gone or the segment has no times.
        """
        if segment.start is None or segment.end is None:
            raise AudioError(f"segment {segment.id} has no times, so its sound cannot be found")
        if self._source is not None:
            piece = dataclasses.replace(self._source, start=segment.start, stop=segment.end)
            return Clip(segment.start, segment.end, b"".join(piece.blocks()))
        if self.recording is None:
            raise AudioError(f"the sound of segment {segment.id} is gone; only its text is left")
        first, last = (round((second - self._offset) * SAMPLE_RATE) for second in (segment.start, segment.end))
        return Clip(segment.start, segment.end, self.recording.read(first, last))

    def _pcm(self) -> bytes | None:
        try:
            if self.recording is not None:
                return self.recording.read(0, self.recording.samples)
            if self._source is not None:
                return b"".join(self._source.blocks())
        except AudioError:
            pass  # the recording or the file was removed meanwhile
        return None

    def forget(self) -> None:
        """Remove the sound from the disk; the words stay."""
        self._release(None)

    # ── export ──

    def to_dict(self) -> dict[str, Any]:
        """Return the transcript in the shape of Whisper's `transcribe`: `text`, `segments`, `language`."""
        return export.to_whisper(self.segments)

    def to_json(self) -> str:
        """Return everything but the audio as JSON; `from_json` reads it back."""
        with self._lock:
            facts = {
                **self._extra,
                "started_at": self.started_at.isoformat(),
                "duration": self.duration,
                "meta": self.meta,
                "usage": self._usage,
                "events": self._events,
            }
            return export.to_json(self.segments, facts)

    @classmethod
    def from_json(cls, text: str) -> Transcript:
        """Read what `to_json` wrote, or `{"segments": [...]}` alone."""
        segments, facts = export.from_json(text)
        started_at = facts.pop("started_at", None)
        transcript = cls(started_at=datetime.fromisoformat(started_at) if started_at else None)
        transcript._duration = float(facts.pop("duration", None) or max((s.end or 0.0 for s in segments), default=0.0))
        transcript.meta = facts.pop("meta", None) or {}
        transcript._usage = facts.pop("usage", None) or {}
        transcript._events = facts.pop("events", None) or []
        transcript._extra = facts
        starts = sorted(segments, key=lambda segment: segment.start if segment.start is not None else float("inf"))
        transcript._apply(Changes(tuple(segments), (), {segment.id: float(n) for n, segment in enumerate(starts)}))
        transcript._finish()
        return transcript

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame with one row per final segment."""
        import pandas

        return pandas.DataFrame(export.rows(self.segments), columns=list(export.COLUMNS))

    def to_srt(self) -> str:
        """Return the segments as SubRip subtitles."""
        return export.to_srt(self.segments)

    def to_vtt(self) -> str:
        """Return the segments as WebVTT subtitles."""
        return export.to_vtt(self.segments)

    def save(self, path: str | Path) -> Path:
        """Write the transcript to a file in the format its suffix names: `.srt`, `.vtt`, `.json`, `.txt`, `.csv`."""
        path = Path(path)
        path.write_text(export.render(path.suffix, self), encoding="utf-8", newline="")
        return path

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": export.to_plain(self), "text/html": export.to_html(self)}

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy in another process is done and has no recording.
        return Transcript.from_json, (self.to_json(),)

    # ── the writer's side ──

    def _apply(self, changes: Changes) -> None:
        """Take in what `fold` said changed."""
        if not changes:
            return
        with self._changed:
            for segment in changes.upsert:
                self._segments[segment.id] = segment
            for id_ in changes.remove:
                self._segments.pop(id_, None)
                self._ranks.pop(id_, None)
            self._ranks.update((id_, rank) for id_, rank in changes.ranks.items() if id_ in self._segments)
            self._ordered = None
            self._finals = None
            self.revision += 1
            moved = tuple(self._segments[id_] for id_ in changes.ranks if id_ in self._segments)
            upsert = tuple({segment.id: segment for segment in (*changes.upsert, *moved)}.values())
            self._tell(TranscriptChange("segments", self.revision, upsert, changes.remove))

    def _record(self, event: Mapping[str, Any]) -> None:
        """Append one of the things that happened; `type` says which."""
        with self._changed:
            self._events.append(dict(event))
            self._tell(TranscriptChange("event", self.revision))

    def _release(self, source: AudioSource | None) -> None:
        """Remove the recording from the disk; `audio` reads `source` again, if there is one."""
        with self._lock:
            if self.recording is not None:
                self._duration = self.recording.duration
                self.recording.delete()
            self.recording, self._source = None, source

    def _add_usage(self, usage: Mapping[str, Any]) -> None:
        with self._lock:
            _sum_into(self._usage, usage)

    def _finish(self, done: bool = True) -> None:
        """Say that no more text will come (or, with False, that more may come after all)."""
        with self._changed:
            if self._done != done:
                self._done = done
                self._changed.notify_all()
                self._tell(TranscriptChange("done", self.revision))

    def _rank(self, id_: str) -> float:
        """Return the number by which segments are ordered."""
        return self._ranks.get(id_, 0.0)

    def _in_order(self) -> tuple[Segment, ...]:
        if self._ordered is None:
            self._ordered = tuple(sorted(self._segments.values(), key=lambda segment: self._ranks.get(segment.id, 0.0)))
        return self._ordered

    def _tell(self, change: TranscriptChange) -> None:
        for callback in tuple(self._callbacks):
            try:
                callback(change)
            except Exception:
                _log.exception("a callback of Transcript.on_change raised")


def _sum_into(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping):
            _sum_into(total.setdefault(key, {}), value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            total[key] = total.get(key, 0) + value
        elif value is not None:
            total[key] = value
