"""Files of a transcript: the format follows from the suffix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.annotations import Label
from rt_magic.transcript.annotations import speaker_turns as turns_of_rttm
from rt_magic.transcript.archive import Archive, from_json, moment, seconds
from rt_magic.transcript.corrections import differences
from rt_magic.transcript.export import to_csv, to_text
from rt_magic.transcript.ledger import Ledger
from rt_magic.transcript.reading import decode, read_srt, read_textgrid, read_vtt
from rt_magic.transcript.segments import Changes, Segment
from rt_magic.transcript.store import State
from rt_magic.transcript.subtitles import Limits, to_srt, to_vtt

if TYPE_CHECKING:
    from rt_magic.transcript.transcript import Transcript

C = TypeVar("C", dict[str, Any], list[Any])
T = TypeVar("T", bound="Transcript")

_WRITERS: dict[str, Callable[[Transcript, str, Limits], str]] = {
    ".srt": lambda transcript, name, limits: to_srt(transcript.segments, limits),
    ".vtt": lambda transcript, name, limits: to_vtt(transcript.segments, limits),
    ".textgrid": lambda transcript, name, limits: transcript.to_textgrid(),
    ".ctm": lambda transcript, name, limits: transcript.to_ctm(name=name),
    ".rttm": lambda transcript, name, limits: transcript.to_rttm(name=name),
    ".json": lambda transcript, name, limits: transcript.to_json(),
    ".csv": lambda transcript, name, limits: to_csv(transcript.segments),
    ".txt": lambda transcript, name, limits: to_text(transcript.segments),
}
_NO_LIMITS = Limits()
_READERS = (".json", ".srt", ".vtt", ".textgrid")


def save(transcript: Transcript, path: str | Path, limits: Limits) -> Path:
    """Write a transcript in the format of the suffix; only subtitles have limits."""
    path = Path(path).expanduser()
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        sound = suffix in (".wav", ".flac", ".ogg", ".mp3")
        raise ConfigurationError(
            f"no format is known for the suffix {path.suffix!r} of {path.name!r}; use one of {', '.join(_WRITERS)}"
            + (f"; the sound is written by soundfile.write({str(path)!r}, *transcript.audio)" if sound else "")
        )
    if limits != Limits() and suffix not in (".srt", ".vtt"):
        raise ConfigurationError(f"line and duration limits apply to .srt and .vtt only, not to {path.name!r}")
    if not path.absolute().parent.is_dir():
        raise ConfigurationError(f"{str(path)!r} cannot be written: there is no folder {str(path.absolute().parent)!r}")
    text = written(transcript, suffix, path.stem, limits)
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
    return path


def written(transcript: Transcript, suffix: str, name: str, limits: Limits = _NO_LIMITS) -> str:
    """Return what stands in a file with this suffix, such as ".srt"; `name` is what some formats call the recording."""
    return _WRITERS[suffix](transcript, name, limits)


def read(path: str | Path, encoding: str | None) -> Archive:
    """Read a file of a transcript, by its suffix."""
    path = Path(path).expanduser()
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise ConfigurationError(f"a transcript cannot be read from {path.name!r}; use one of {', '.join(_READERS)}")
    if not path.is_file():
        raise ConfigurationError(f"there is no file {str(path)!r}; it is looked for in {path.absolute().parent}")
    text = decode(path.read_bytes(), path.name, encoding)
    if suffix == ".json":
        return from_json(text)
    if suffix == ".textgrid":
        segments, duration = read_textgrid(text)
        return Archive(segments, {"duration": duration})
    return Archive(read_srt(text) if suffix == ".srt" else read_vtt(text))


def restored(transcript: T, known: Archive) -> T:
    """Fill a new transcript with what a file says; it is finished then."""
    facts = dict(known.facts)
    started_at = moment(facts.pop("started_at", None))
    last = max((segment.end or 0.0 for segment in known.segments), default=0.0)
    length = seconds(facts.pop("duration", None))
    meta, usage, events = _of(dict, facts, "meta"), _of(dict, facts, "usage"), _of(list, facts, "events")
    if not all(isinstance(event, dict) for event in events):
        raise ConfigurationError("'events' of this transcript is not a list of objects")
    ledger = Ledger()
    ranks = {segment.id: float(number) for number, segment in enumerate(_ordered(known))}
    ledger.apply(Changes(tuple(known.segments), (), ranks))
    ledger.unknown = known.unknown
    ledger.restore(known.machine)
    duration = last if length is None else length
    transcript._store.fill(State(ledger, started_at, duration, meta, usage, tuple(events), extra=facts))
    return transcript


def archived(state: State) -> Archive:
    """Return what a file says of a state; `restored` takes it back."""
    known = state.ledger
    facts = {
        **state.extra,
        "started_at": None if state.started_at is None else state.started_at.isoformat(),
        "duration": state.duration,
        "meta": state.meta,
        "usage": state.usage,
        "events": list(state.events),
    }
    said = differences(known.machine, known.segments)
    return Archive(list(known.finals()), facts, known.unknown, said)


def _of(kind: type[C], facts: dict[str, Any], key: str) -> C:
    value = facts.pop(key, None)
    if not isinstance(value, kind | None):
        raise ConfigurationError(f"{key!r} of this transcript is {value!r:.60}, not {kind.__name__}")
    return kind() if value is None else value


def _ordered(known: Archive) -> list[Segment]:
    """Return segments by start; one without a start stays behind the one that it follows."""
    if known.in_order:
        return known.segments
    starts: list[float] = []
    for segment in known.segments:
        starts.append(segment.start if segment.start is not None else starts[-1] if starts else 0.0)
    return [segment for _, segment in sorted(zip(starts, known.segments, strict=True), key=lambda pair: pair[0])]


def speaker_turns(turns: Any, name: str | None) -> list[Label]:
    """Return (start, end, speaker) out of RTTM (a path or the text), an annotation of pyannote, or such tuples.

    Raises ConfigurationError for what is none of these.
    """
    if hasattr(turns, "itertracks"):
        return [(span.start, span.end, str(label)) for span, _, label in turns.itertracks(yield_label=True)]
    if isinstance(turns, Path) or (isinstance(turns, str) and "\n" not in turns and not turns.startswith("SPEAKER ")):
        path = Path(turns).expanduser()
        if not path.is_file():
            raise ConfigurationError(f"there is no file {str(turns)!r}; it is looked for in {path.absolute().parent}")
        return turns_of_rttm(decode(path.read_bytes(), path.name), name=name)
    if isinstance(turns, str):
        return turns_of_rttm(turns, name=name)
    try:
        found = [(float(start), float(end), str(speaker)) for start, end, speaker in turns]
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"turns={turns!r} does not say who spoke when; give RTTM or tuples such as [(0, 6.5, 'Anna')], in seconds"
        ) from None
    for turn in found:
        if not turn[0] < turn[1]:
            raise ConfigurationError(f"{turn!r} ends before it begins; give (start, end, speaker), in seconds")
    return found
