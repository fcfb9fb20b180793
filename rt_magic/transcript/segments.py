"""Segments, and what they are folded from and into changes of. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rt_magic.audio.pcm import Timeline
from rt_magic.wire.events import ServerEvent

Timing: TypeAlias = Literal["service", "vad"]


@dataclass(frozen=True, slots=True)
class Word:
    """A word with start and end in seconds of the recording, and its probability (0 to 1) if known."""

    word: str
    start: float
    end: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the transcript; times are seconds in the recording, end exclusive, and mean the speech itself.

    `final` text will not change any more; a failed segment is final with `error` set. `timing` says who gave the
    times, `confidence` is exp(mean log-probability), `latency` has seconds by stage; what is not known is None.
    A segment itself does not change: `Transcript.edit`, `replace` and `rename_speakers` put another in its place.
    """

    id: str
    start: float | None = None
    end: float | None = None
    text: str = ""
    final: bool = False
    item_id: str | None = None
    speaker: str | None = None
    language: str | None = None
    confidence: float | None = None
    words: tuple[Word, ...] | None = None
    error: str | None = None
    timing: Timing | None = None
    latency: dict[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What an event did: segments that are new or different, ids that are gone, and the place of each in the order."""

    upsert: tuple[Segment, ...] = ()
    remove: tuple[str, ...] = ()
    ranks: dict[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.upsert or self.remove or self.ranks)


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection stands: its clock, and how much its times include before and after the speech (seconds)."""

    timeline: Timeline
    prefix_padding: float = 0.0
    closing_silence: float = 0.0
    language: str | None = None


@dataclass(frozen=True, slots=True)
class TurnCut:
    """Our own turn detection closed a turn.

    `first` is the connection's sample at which its audio begins; the speech is in seconds of the recording, the turn
    itself its samples `begun` to `at` (exclusive).
    """

    first: int
    start: float
    end: float
    begun: int | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class CutRefused:
    """The service closed no turn where we did: of the cuts that have no turn yet, the one of that number is void."""

    number: int


@dataclass(frozen=True, slots=True)
class Sounded:
    """The sound of a turn in samples of the recording, silence before and after the speech included."""

    start: int | None
    stop: int | None
    settled: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone: what it had not settled will be transcribed again from the recording."""


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No more text will come: every open turn is marked failed with this message.

    Where none is open, `unheard` is: samples of the recording, first and behind the last, for which the service has
    given no sign at all.
    """

    message: str
    unheard: tuple[int, int] | None = None


Foldable: TypeAlias = ServerEvent | Opened | TurnCut | CutRefused | Lost | GaveUp
