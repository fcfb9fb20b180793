"""Decide where turns begin and end from speech flags: data in, decisions out; no audio, no clock, no I/O.

The words are those of ``server_vad``: a turn starts ``prefix_padding_ms`` before its first speech, as far as that audio
is not part of the turn before, and stops when ``silence_duration_ms`` passed without speech, that silence included.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """Why a turn stopped."""

    SILENCE = "silence"
    MAXIMUM = "maximum"
    END = "end"


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """Speech began: turn number (from 0), its first sample and the first sample of the speech itself."""

    turn: int
    at: int
    speech: int


@dataclass(frozen=True, slots=True)
class TurnStopped:
    """The turn is the samples ``start`` to ``stop`` (exclusive); its last speech ended at sample ``speech``."""

    turn: int
    start: int
    stop: int
    speech: int
    reason: Reason


Decision = TurnStarted | TurnStopped


class TurnDetector:
    """Cut a stream of frames into turns that never overlap.

    ``silence_ms=None`` never cuts at pauses: a turn is open from the first frame on and ends at its greatest length or
    by :meth:`finish`. ``maximum_ms`` bounds a turn; the cut is made at the quietest moment of its last ``search_ms``
    (judged over 90 ms), and the next turn begins there. ``onset_ms`` of speech open a turn, so that a click does not;
    ``resume_ms`` of speech are needed to break a silence. All positions are samples on the caller's clock, whose first
    frame is ``position``; ``frame_samples`` at ``sample_rate`` Hz make one frame.
    """

    def __init__(
        self,
        *,
        silence_ms: float | None = 500,
        prefix_ms: float = 300,
        maximum_ms: float = 18_000,
        onset_ms: float = 90,
        resume_ms: float = 30,
        search_ms: float = 4_000,
        frame_samples: int = 240,
        sample_rate: int = 24_000,
        position: int = 0,
    ) -> None:
        frames_per_ms = sample_rate / 1000 / frame_samples
        if (silence_ms is not None and silence_ms < 0) or prefix_ms < 0:
            raise ValueError(f"silence_ms and prefix_ms must not be negative, not {silence_ms!r} and {prefix_ms!r}")
        if maximum_ms < 2 * search_ms:
            raise ValueError(f"maximum_ms must be at least twice search_ms ({search_ms!r}), not {maximum_ms!r}")
        self._frame = frame_samples
        self._silence = None if silence_ms is None else max(1, round(silence_ms * frames_per_ms))
        self._prefix = round(prefix_ms * sample_rate / 1000)
        self._maximum = round(maximum_ms * frames_per_ms) * frame_samples
        self._onset = max(1, round(onset_ms * frames_per_ms))
        self._resume = max(1, round(resume_ms * frames_per_ms))
        self._half_window = max(1, round(45 * frames_per_ms))
        self._energies: deque[float] = deque(maxlen=round(search_ms * frames_per_ms) + 2 * self._half_window)
        self._position = position  # first sample of the next frame
        self._free = position  # first sample that belongs to no turn yet
        self._turn = 0
        self._start: int | None = None  # of the open turn
        self._evidence = 0  # speech frames against pauses, while no turn is open
        self._onset_at = position
        self._run = 0  # speech frames in a row
        self._quiet = 0  # frames since speech that lasted
        self._speech_end = position

    @property
    def position(self) -> int:
        """First sample of the frame that comes next."""
        return self._position

    @property
    def open(self) -> bool:
        """Whether a turn is open."""
        return self._start is not None

    @property
    def needed(self) -> int:
        """First sample that may still become part of a turn; audio before it can be let go."""
        if self._start is not None:
            return self._start
        onset = self._onset_at if self._evidence else self._position
        return max(self._free, onset - self._prefix)

    def push(self, speech: bool, energy: float) -> list[Decision]:
        """Take the next frame's flag and energy (any monotonic unit) and return what it decides, oldest first."""
        at = self._position
        self._position = at + self._frame
        self._energies.append(energy)
        self._run = self._run + 1 if speech else 0
        if self._start is None:
            return self._wait(speech, at)
        if self._run >= self._resume:
            self._quiet, self._speech_end = 0, self._position
        else:
            self._quiet += 1
        if self._silence is not None and self._quiet >= self._silence:
            return [self._stop(self._position, Reason.SILENCE)]
        if self._position - self._start >= self._maximum:
            cut = self._quietest()
            speech_end = min(self._speech_end, cut)
            stopped = self._stop(cut, Reason.MAXIMUM, speech_end)
            return [stopped, self._open(cut, cut)]
        return []

    def finish(self) -> list[Decision]:
        """Close the open turn, if any, at the present position: nothing more comes."""
        return [self._stop(self._position, Reason.END)] if self._start is not None else []

    def discard(self) -> None:
        """Forget the open turn and every sample so far, as ``input_audio_buffer.clear`` does."""
        if self._start is not None:
            self._turn += 1
        self._start = None
        self._idle()

    def _wait(self, speech: bool, at: int) -> list[Decision]:
        if self._silence is None:
            return [self._open(self._free, at)]
        if speech and not self._evidence:
            self._onset_at = at
        self._evidence = self._evidence + 1 if speech else max(0, self._evidence - 1)
        if self._evidence < self._onset:
            return []
        return [self._open(max(self._free, self._onset_at - self._prefix), self._onset_at)]

    def _open(self, start: int, speech: int) -> TurnStarted:
        self._start, self._quiet = start, 0
        self._speech_end = self._position
        return TurnStarted(self._turn, start, speech)

    def _stop(self, stop: int, reason: Reason, speech: int | None = None) -> TurnStopped:
        assert self._start is not None
        speech = self._speech_end if speech is None else speech
        stopped = TurnStopped(self._turn, self._start, stop, speech, reason)
        self._turn += 1
        self._start = None
        self._idle(stop)
        return stopped

    def _idle(self, free: int | None = None) -> None:
        self._free = self._position if free is None else free
        self._evidence = self._run = self._quiet = 0

    def _quietest(self) -> int:
        """Find the middle of the quietest 90 ms of the search window: a frame boundary, as a sample."""
        half = self._half_window
        energies = list(self._energies)
        best, lowest = half, float("inf")
        total = sum(energies[: 2 * half])
        for middle in range(half, len(energies) - half + 1):
            if total <= lowest:  # of equal moments the latest, which keeps turns long
                best, lowest = middle, total
            if middle + half < len(energies):
                total += energies[middle + half] - energies[middle - half]
        return self._position - (len(energies) - best) * self._frame
