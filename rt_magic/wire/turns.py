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
    """The turn is the samples ``start`` to ``stop`` (exclusive), its speech those from ``began`` to ``speech``.

    Where nobody spoke in a turn that is never cut at pauses, ``began`` is its start.
    """

    turn: int
    start: int
    stop: int
    began: int
    speech: int
    reason: Reason


Decision = TurnStarted | TurnStopped


class TurnDetector:
    """Cut a stream of frames into turns that never overlap.

    ``silence_ms=None`` never cuts at pauses: a turn is open from the first frame on and ends at its greatest length or
    by :meth:`finish`. ``maximum_ms`` bounds a turn: in its last ``search_ms`` it is cut at the first moment that is
    quiet by comparison with the ``search_ms`` before it, asking for less and less quiet, so that a word is hardly ever
    cut and the cut never lies in the past; speech that goes on begins the next turn there. ``onset_ms`` of speech open
    a turn, so that a click does not; ``resume_ms`` of speech are needed to break a silence. All positions are samples
    on the caller's clock, whose first frame is at ``position``; a frame is ``frame_samples`` at ``sample_rate`` Hz.
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
        if (silence_ms is not None and silence_ms < 0) or prefix_ms < 0:
            raise ValueError(f"silence_ms and prefix_ms must not be negative, not {silence_ms!r} and {prefix_ms!r}")
        if not onset_ms + search_ms <= maximum_ms:
            raise ValueError(f"maximum_ms must be at least onset_ms + search_ms, not {maximum_ms!r}")

        def frames(ms: float) -> int:
            return max(1, round(ms * sample_rate / 1000 / frame_samples))

        self._frame = frame_samples
        self._silence = None if silence_ms is None else frames(silence_ms)
        self._prefix = round(prefix_ms * sample_rate / 1000)
        self._maximum = frames(maximum_ms) * frame_samples
        self._search = frames(search_ms) * frame_samples
        self._onset = frames(onset_ms)
        self._resume = frames(resume_ms)
        self._energies: deque[float] = deque(maxlen=frames(90))
        self._levels: deque[float] = deque(maxlen=frames(search_ms))
        self._position = position  # first sample of the next frame
        self._free = position  # first sample that belongs to no turn yet
        self._turn = 0
        self._start: int | None = None  # of the open turn
        self._evidence = 0  # speech frames against pauses, while no turn is open
        self._onset_at = position
        self._run = 0  # speech frames in a row
        self._quiet = 0  # frames since speech that lasted
        self._speech_began = self._speech_end = position
        self._spoken = False  # whether the open turn has speech that lasted

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
        self._levels.append(sum(self._energies) / len(self._energies))
        self._run = self._run + 1 if speech else 0
        if self._start is None:
            return self._wait(speech, at)
        if self._run >= self._resume:
            self._quiet, self._speech_end = 0, self._position
            if not self._spoken:
                self._spoken, self._speech_began = True, self._position - self._run * self._frame
        else:
            self._quiet += 1
        if self._silence is not None and self._quiet >= self._silence:
            return [self._stop(Reason.SILENCE)]
        left = self._start + self._maximum - self._position
        if left <= 0 or (left < self._search and self._is_quiet(1 - left / self._search)):
            return self._cut()
        return []

    def finish(self) -> list[Decision]:
        """Close the open turn, if any, at the present position: nothing more comes."""
        return [self._stop(Reason.END)] if self._start is not None else []

    def discard(self) -> None:
        """Forget the open turn and every sample so far, as ``input_audio_buffer.clear`` does."""
        if self._start is not None:
            self._turn += 1
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

    def _is_quiet(self, urgency: float) -> bool:
        """Compare with the recent past; as ``urgency`` goes from 0 to 1 the rank that passes goes from 2 to 30 %."""
        level = self._levels[-1]
        louder = sum(other > level for other in self._levels)
        return louder >= (0.98 - 0.28 * urgency) * len(self._levels)

    def _cut(self) -> list[Decision]:
        in_speech = self._quiet == 0
        stopped = self._stop(Reason.MAXIMUM)
        if (
            in_speech
        ):  # the next frame opens the next turn; in a pause that waits for speech, as its prefix reaches back
            self._evidence, self._onset_at = self._onset, self._position
        return [stopped]

    def _open(self, start: int, speech: int) -> TurnStarted:
        self._start, self._quiet, self._speech_end = start, 0, self._position
        self._spoken, self._speech_began = self._silence is not None, speech
        return TurnStarted(self._turn, start, speech)

    def _stop(self, reason: Reason) -> TurnStopped:
        assert self._start is not None
        stopped = TurnStopped(self._turn, self._start, self._position, self._speech_began, self._speech_end, reason)
        self._turn += 1
        self._idle()
        return stopped

    def _idle(self) -> None:
        self._start = None
        self._free = self._position
        self._evidence = self._run = self._quiet = 0
