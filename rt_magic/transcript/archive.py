"""Our own JSON, which keeps everything but the sound, and the reading of Whisper's. Pure."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.corrections import FIELDS
from rt_magic.transcript.export import joined_text
from rt_magic.transcript.segments import Segment, Word

FORMAT = "rt_magic"
VERSION = 1

_KNOWN = frozenset(entry.name for entry in dataclasses.fields(Segment))
_WORD = frozenset(entry.name for entry in dataclasses.fields(Word))


@dataclass(slots=True)
class Archive:
    """What a file says: segments, by id what it says of them beyond our fields and before corrections, and the rest."""

    segments: list[Segment]
    facts: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, dict[str, Any]] = field(default_factory=dict)
    machine: dict[str, dict[str, Any]] = field(default_factory=dict)
    in_order: bool = False
    """True where the segments stand in their order already; otherwise they are ordered by their times."""


def to_json(archive: Archive) -> str:
    """Return all fields of all segments and the facts; `corrections` has the machine's words, where they differ."""
    segments = [_merged(_plain(segment), archive.unknown.get(segment.id, {})) for segment in archive.segments]
    body = {
        "format": FORMAT,
        "version": VERSION,
        "sample_rate": SAMPLE_RATE,
        "text": joined_text(archive.segments),
        **archive.facts,
        "segments": segments,
    }
    if archive.machine:
        body["corrections"] = {id_: {k: _plain(v) for k, v in said.items()} for id_, said in archive.machine.items()}
    return json.dumps(body, ensure_ascii=False, indent=1, default=str)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value


def _merged(entry: dict[str, Any], unknown: Mapping[str, Any]) -> dict[str, Any]:
    more = dict(unknown)
    words, extras = entry["words"] or (), more.pop("words", ())
    if len(words) == len(extras):
        for word, extra in zip(words, extras, strict=True):
            word.update(extra)
    return {**more, **entry}


def from_json(text: str) -> Archive:
    """Read `to_json`, Whisper's result, or any object with `segments`; what is missing becomes None.

    Raises ConfigurationError where the text is none of these.
    """
    try:
        body = json.loads(text)
        own = body.get("format") == FORMAT
        archive = Archive([], in_order=own)
        taken: set[str] = set()
        for number, entry in enumerate(body.pop("segments"), 1):
            if entry.get("final") is False:
                continue  # it was open when it was written, and its end is not known
            segment = _segment(number, entry, body, taken, own=own)
            taken.add(segment.id)
            archive.segments.append(segment)
            if unknown := _unknown(entry):
                archive.unknown[segment.id] = unknown
        if own:
            archive.machine = {
                id_: {k: _words(v) if k == "words" else v for k, v in said.items() if k in FIELDS}
                for id_, said in (body.pop("corrections", None) or {}).items()
            }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"this is not a transcript in JSON ({type(error).__name__}: {error}): {text[:60]!r}; "
            "give an object with a list 'segments'"
        ) from error
    for key in ("format", "version", "sample_rate", "text"):
        body.pop(key, None)
    archive.facts = body
    return archive


def _segment(number: int, entry: Mapping[str, Any], body: Mapping[str, Any], taken: set[str], *, own: bool) -> Segment:
    fields: dict[str, Any] = {key: value for key, value in entry.items() if key in _KNOWN}
    id_ = entry.get("id")
    # Whisper counts from 0 and again for each file; its texts begin with a space.
    fields["id"] = id_ if isinstance(id_, str) and id_ and id_ not in taken else _free(number, taken)
    text = str(entry.get("text") or "")
    fields["text"] = text if own else text.strip()
    for key in ("start", "end", "confidence"):
        fields[key] = _number(entry.get(key))
    if not own and fields["confidence"] is None and (logprob := _number(entry.get("avg_logprob"))) is not None:
        fields["confidence"] = math.exp(min(0.0, logprob))
    if fields["confidence"] is not None and not 0 <= fields["confidence"] <= 1:
        fields["confidence"] = None
    if not own and fields.get("language") is None:
        fields["language"] = body.get("language")
    for key in ("item_id", "speaker", "language", "error", "timing"):
        fields[key] = None if fields.get(key) is None else str(fields[key])
    if not isinstance(fields.get("latency"), dict | None):
        raise TypeError("'latency' is no object")
    fields["words"] = _words(entry.get("words"))
    return Segment(**{**fields, "final": True})


def _free(number: int, taken: set[str]) -> str:
    return next(id_ for n in range(number, number + len(taken) + 1) if (id_ := f"s{n}") not in taken)


def _words(entries: Iterable[Mapping[str, Any]] | None) -> tuple[Word, ...] | None:
    """Read words; WhisperX calls the probability `score` and gives no times to words that it could not align."""
    if entries is None:
        return None
    return tuple(
        Word(
            str(entry["word"]),
            start,
            end,
            _number(entry.get("probability", entry.get("score"))),
        )
        for entry in entries
        if (start := _number(entry.get("start"))) is not None and (end := _number(entry.get("end"))) is not None
    )


def _number(value: Any) -> float | None:
    """Read a number; one that is not finite is none."""
    number = None if value is None else float(value)
    return number if number is None or math.isfinite(number) else None


def _unknown(entry: Mapping[str, Any]) -> dict[str, Any]:
    unknown = {key: value for key, value in entry.items() if key not in _KNOWN}
    words = [{key: value for key, value in word.items() if key not in _WORD} for word in entry.get("words") or ()]
    return {**unknown, "words": words} if any(words) else unknown


def moment(text: str | None) -> datetime | None:
    """Read a date and time; one without time zone is in UTC."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise ConfigurationError(f"started_at is {text!r}; give a time such as 2026-05-01T09:30:00+00:00") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def seconds(value: Any) -> float | None:
    """Read a length in seconds."""
    try:
        return _number(value)
    except (ValueError, TypeError):
        raise ConfigurationError(f"duration is {value!r:.60}; give seconds") from None
