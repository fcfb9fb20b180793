"""What has been heard so far: turns of several connections, and where in the recording they are. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

from rt_magic.audio.pace import Pace
from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.transcript.segments import Opened, Segment, Timing, TurnCut
from rt_magic.wire.events import Completed, SpeakerSegment


@dataclass(slots=True, eq=False)
class Turn:
    """Speech that was or will be committed at once, as far as it is known."""

    id: str
    connection: int
    item_id: str | None = None
    rank: float = 0.0
    previous: str | None = None
    committed: bool = False
    settled: bool = False
    first_sample: int | None = None
    """Where the turn's committed audio begins on the connection."""
    sound_from: int | None = None
    sound_to: int | None = None
    """The samples of the recording that the turn was made from."""
    start: float | None = None
    end: float | None = None
    timing: Timing | None = None
    texts: dict[int, str] = field(default_factory=dict)
    tail: str = ""
    """Text behind `texts` that the service may still replace."""
    pieces: list[SpeakerSegment] = field(default_factory=list)
    completed: dict[int, Completed] = field(default_factory=dict)
    error: str | None = None
    first_text_at: float | None = None
    final_at: float | None = None
    shown: tuple[Segment, ...] = ()


class Folded:
    """Everything that has been heard so far; only `fold` changes it."""

    def __init__(self, *, pace: Pace | None = None, prompt: str | None = None, offset: float = 0.0) -> None:
        self.pace = pace
        self.offset = offset
        self.prompt = prompt.strip() if prompt else None
        self.opened: dict[int, Opened] = {}
        self.turns: dict[tuple[int, str], Turn] = {}
        self.followers: dict[tuple[int, str], Turn] = {}
        """Turns by the item that they come after, seen or not."""
        self.cuts: dict[int, deque[TurnCut]] = defaultdict(deque)
        self.order: list[Turn] = []
        self.open: list[Turn] = []
        self.unnamed: list[Turn] = []
        """Those of the open turns whose id is not known (yet)."""
        self.moved: list[Turn] = []
        """Turns that the event in hand has given another place."""
        self.count = 0


def samples_of(milliseconds: int) -> int:
    """Return how many samples at 24 kHz so much time is."""
    return milliseconds * SAMPLE_RATE // 1000


def position_of(state: Folded, turn: Turn, sample: int) -> int:
    """Return the sample of the recording for one of the turn's connection."""
    opened = state.opened.get(turn.connection)
    return opened.timeline.to_recording(sample) if opened else sample


def seconds_of(state: Folded, turn: Turn, sample: int) -> float:
    """Return the second of the recording, or of its source, for a sample of the turn's connection."""
    return position_of(state, turn, sample) / SAMPLE_RATE + state.offset
