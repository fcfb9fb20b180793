"""The live transcript: one object, one writer, safe to read from any thread."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rt_magic.audio.pcm import SAMPLE_RATE, to_float32
from rt_magic.audio.recording import Recording
from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript import archive, corrections, export, formats, frames, sound, whisper
from rt_magic.transcript.clip import Clip
from rt_magic.transcript.listeners import TranscriptChange
from rt_magic.transcript.segments import Changes, Segment
from rt_magic.transcript.store import Store
from rt_magic.transcript.subtitles import Limits
from rt_magic.transcript.written import Written

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rt_magic.audio.decoding import AudioSource

__all__ = ["Transcript", "TranscriptChange"]


class Transcript(Written):
    """The words of one session, while they are said and afterwards.

    Every read sees a whole state. Segments are ordered by their place in the recording; `interim` holds those whose
    text may still change.
    """

    def __init__(
        self, *, recording: Recording | None = None, started_at: datetime | None = None, offset: float = 0.0
    ) -> None:
        self._store = Store(recording, started_at or datetime.now(UTC), offset)

    # ── read ──

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Final and failed segments by start."""
        return self._store.finals()

    @property
    def interim(self) -> tuple[Segment, ...]:
        """Segments whose text may still change."""
        return tuple(segment for segment in self._store.ordered() if not segment.final)

    @property
    def duration(self) -> float:
        """Length of the recording in seconds."""
        return self._store.duration

    @property
    def done(self) -> bool:
        """True once no more text will come."""
        return self._store.done

    @property
    def revision(self) -> int:
        """How often segments have changed."""
        return self._store.revision

    @property
    def started_at(self) -> datetime | None:
        """When recording began, with time zone UTC; before that, and for files, when this was made.

        None where a file that was read does not say. May be set.
        """
        return self._store.started_at

    @started_at.setter
    def started_at(self, moment: datetime | None) -> None:
        self._store.started_at = moment

    @property
    def meta(self) -> dict[str, Any]:
        """Where the words come from: service, host, model, languages, options, versions, notice.

        A dict that is found here is never changed later, but followed by another.
        """
        return self._store.meta

    @meta.setter
    def meta(self, facts: dict[str, Any]) -> None:
        self._store.meta = facts

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened besides words, oldest first: states, pauses, marks; each a dict with `type`."""
        return [copy.deepcopy(event) for event in self._store.events()]

    @property
    def usage(self) -> dict[str, Any]:
        """What the service says it will bill, summed over all turns."""
        return self._store.usage()

    def between(self, start: float, end: float) -> tuple[Segment, ...]:
        """Return the final segments that are heard between the seconds `start` and `end`, the latter exclusive."""
        return tuple(
            segment
            for segment in self.segments
            if segment.start is not None
            and segment.start < end
            and (segment.start >= start or (segment.end is not None and segment.end > start))
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

    def __str__(self) -> str:
        return self.text

    # ── follow ──

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until no more text will come; TimeoutError after `timeout` seconds."""
        if not self._store.wait(timeout):
            raise TimeoutError(f"the transcript was not done within {timeout:g} s")
        return self

    def on_change(self, callback: Callable[[TranscriptChange], object]) -> Callable[[], None]:
        """Call `callback(change)` after each change, in order, on a writer's thread; return a function that ends it.

        The callback must return at once, for the writer waits; it may read the transcript, and change it, which is
        told next. What it raises is logged.
        """
        return self._store.subscribe(callback)

    def mark(self, label: str) -> None:
        """Note a moment of the recording under a name; it stands in `events`."""
        self._store.record({"type": "mark", "label": label, "at": self.duration})

    # ── sound ──

    @property
    def recording(self) -> Recording | None:
        """What the sound is recorded to, as long as it is kept."""
        return self._store.recording

    @recording.setter
    def recording(self, recording: Recording | None) -> None:
        self._store.recording = recording

    @property
    def audio(self) -> tuple[NDArray[np.float32], int] | None:
        """The sound as (float32 samples, 24000), read now from the recording or the source; None where it is gone.

        Raises AudioError where only a part of it can be read.
        """
        pcm = b"".join(sound.blocks(self.recording, self._store.source))
        return (to_float32(pcm), SAMPLE_RATE) if pcm else None

    def audio_at(self, sample_rate: int) -> tuple[NDArray[np.float32], int] | None:
        """Return the sound resampled to `sample_rate` Hz, as (float32 samples, sample_rate)."""
        import soxr

        audio = self.audio
        return None if audio is None else (soxr.resample(audio[0], SAMPLE_RATE, sample_rate), sample_rate)

    def clip(self, segment: Segment | str) -> Clip:
        """Return the sound of a segment (or its id), which plays when displayed.

        Raises AudioError where the sound is gone or the segment has no times, ConfigurationError for an unknown id.
        """
        if isinstance(segment, str):
            known = {each.id: each for each in self.segments}
            if segment not in known:
                raise ConfigurationError(f"there is no final segment {segment!r}; their ids are in transcript.segments")
            segment = known[segment]
        if not isinstance(segment, Segment):
            raise ConfigurationError(f"{segment!r} is no segment; give one, such as transcript[0], or its id, 's1'")
        return sound.clip(segment, self.recording, self._store.source, self._store.offset)

    def forget(self) -> None:
        """Remove the sound from the disk; the words stay. Raises ConfigurationError while it is recorded."""
        if self._store.live and self.recording is not None:
            raise ConfigurationError(
                "the sound is still being recorded; stop that first (%transcribe --stop), then forget it"
            )
        self._store.release(None)

    # ── change ──

    def edit(self, id: str | Segment, text: str) -> Segment:
        """Give a final segment (or its id) another text, and return it; the machine's text is kept (`corrections`).

        Words keep their times where they still stand for what was said. Raises ConfigurationError if no
        segment has this id, it is not final yet, or `text` is no text.
        """
        if not isinstance(text, str):
            raise ConfigurationError(f'text={text!r} is no text; edit(id, "") takes the words away')
        id = id.id if isinstance(id, Segment) else id
        return self._store.correct(lambda known: known.edit(id, text))[0]

    def replace(self, old: str | re.Pattern[str], new: str) -> int:
        """Replace a text, or a compiled pattern, in all final segments; return how many of them changed."""
        return len(self._store.correct(lambda known: known.rewrite(corrections.replaced(known.finals(), old, new))))

    def rename_speakers(self, names: Mapping[str | None, str | None]) -> int:
        """Give speakers other names, now and in what is still to come; return how many segments changed.

        `{None: "Anna"}` names those who have none.
        """
        if not isinstance(names, Mapping):
            raise ConfigurationError(f"names={names!r} does not say who gets another name; give {{'old': 'new'}}")
        return len(self._store.correct(lambda known: known.rename(names)))

    def assign_speakers(self, turns: Any, *, name: str | None = None) -> int:
        """Give each final segment the speaker who speaks longest in it; return how many segments changed.

        `turns` is RTTM, as a path or as text, an annotation of pyannote, or (start, end, speaker) in seconds of the
        recording. `name` chooses one of several recordings in RTTM.
        """
        found = formats.speaker_turns(turns, name)
        return len(self._store.correct(lambda known: known.correct(corrections.assigned(known.finals(), found))))

    @property
    def corrections(self) -> Any:
        """What people changed, as a pandas DataFrame: machine's words and corrected ones side by side."""
        known = self._store.state().ledger
        return frames.correction_table(known.machine, known.finals()).to_pandas()

    # ── measure ──

    def plot(self, ax: Any = None) -> Any:
        """Draw sound, segments, speakers and confidence over time, and return matplotlib's axes.

        What failed is hatched, marks are dotted lines; where confidences are known they are the colours.
        """
        from rt_magic.transcript.plot import plot

        return plot(self, sound.blocks(self.recording, self._store.source), self._store.offset, ax)

    @property
    def latency(self) -> Any:
        """Seconds by stage for each segment that they were measured of, as a pandas DataFrame."""
        return frames.latency_table(self.segments).to_pandas()

    # ── export ──

    def to_pandas(self, *, words: bool = False, clock: frames.Clock = "recording") -> Any:
        """Return a DataFrame with one row per final segment, or per word.

        The columns are always these: `id`, `start`, `end`, `text`, `speaker`, `language`, `confidence`, `error`,
        `timing`, `item_id`; with `words=True` `id` (the segment's), `position` (from 0 in each segment), `word`,
        `start`, `end`, `probability`, `speaker`. `start` and `end` are seconds of the recording, or with
        `clock="wall"` moments in UTC.
        """
        return self._table(words, clock).to_pandas()

    def to_arrow(self, *, words: bool = False, clock: frames.Clock = "recording") -> Any:
        """Return a `pyarrow.Table`, with the same rows and columns as `to_pandas`."""
        return self._table(words, clock).to_arrow()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the segments to polars, DuckDB and whatever else takes Arrow: `polars.DataFrame(transcript)`."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_dict(self) -> dict[str, Any]:
        """Return the transcript in the shape of Whisper's `transcribe`: `text`, `segments`, `language`."""
        state = self._store.state()
        known = state.ledger
        return whisper.to_whisper(known.finals(), duration=state.duration, known=known.untouched())

    def to_json(self) -> str:
        """Return everything but the audio as JSON; `from_json` reads it back."""
        return archive.to_json(formats.archived(self._store.state()))

    @classmethod
    def from_json(cls, text: str) -> Transcript:
        """Read what `to_json` wrote, Whisper's result, or `{"segments": [...]}` alone."""
        return formats.restored(cls(), archive.from_json(text))

    @classmethod
    def read(cls, path: str | Path, *, encoding: str | None = None) -> Transcript:
        """Read a file by its suffix: `.json` (ours or Whisper's), `.srt`, `.vtt`, `.TextGrid`.

        Raises ConfigurationError where it is none of these.
        """
        return formats.restored(cls(), formats.read(path, encoding))

    def save(
        self,
        path: str | Path,
        *,
        max_line_width: int | None = None,
        max_line_count: int | None = None,
        max_duration: float | None = None,
        estimate: bool = False,
    ) -> Path:
        """Write the transcript in the format of the suffix, subtitles with the limits of `to_srt`.

        Formats: `.srt`, `.vtt`, `.TextGrid`, `.ctm`, `.rttm`, `.json`, `.csv`, `.txt`.
        """
        return formats.save(self, path, Limits(max_line_width, max_line_count, max_duration, estimate))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        shown = self._store.ordered()
        return {
            "text/plain": export.to_plain(shown, done=self.done),
            "text/html": export.to_html(shown, done=self.done),
        }

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy in another process is done and has no recording.
        return Transcript.from_json, (self.to_json(),)

    def _table(self, words: bool, clock: frames.Clock) -> frames.Table:
        state = self._store.state()
        return frames.table(state.ledger.finals(), words, clock, state.started_at, state.events)

    # ── for the writer ──

    def _apply(self, changes: Changes) -> None:
        self._store.apply(changes)

    def _record(self, event: Mapping[str, Any]) -> None:
        self._store.record(event)

    def _describe(self, **facts: Any) -> None:
        self._store.describe(facts)

    def _release(self, source: AudioSource | None) -> None:
        self._store.release(source)

    def _add_usage(self, usage: Mapping[str, Any]) -> None:
        self._store.add_usage(usage)

    def _begin(self) -> None:
        self._store.begin()

    def _finish(self, done: bool = True) -> None:
        self._store.finish(done)
