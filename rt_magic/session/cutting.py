"""Where turns end in audio that is being sent, for services that do not find out themselves. No I/O.

Positions are samples of the recording.
"""

from __future__ import annotations

from dataclasses import dataclass

from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.wire.dialects import PREFIX_PADDING_MS
from rt_magic.wire.turns import TurnDetector, TurnStopped

PREFIX = PREFIX_PADDING_MS * SAMPLE_RATE // 1000
"""Samples before speech that belong to its turn."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A turn ends at `at`; its speech is the samples `start` to `end`."""

    at: int
    start: int
    end: int


class Cutter:
    """Find the ends of turns: pauses of `silence_ms` (None: none counts), quiet moments before the greatest length.

    What holds no speech is never cut off, so that nobody is asked to transcribe silence, unless the service itself
    hears words there (`hear`).
    """

    def __init__(self, position: int, silence_ms: float | None) -> None:
        from rt_magic.audio.vad import SpeechDetector  # with it comes numpy, which a cell's first draw does without

        self._speech = SpeechDetector()
        self._turns = TurnDetector(silence_ms=silence_ms, prefix_ms=PREFIX_PADDING_MS, position=position)
        self._patience = round(max(1000.0, silence_ms or 0.0) * SAMPLE_RATE / 1000)
        self._begun = position
        self._heard: int | None = None
        self.position = position
        """Behind the last sample that was fed."""

    def feed(self, pcm: bytes) -> list[Cut]:
        """Take the next PCM16 and return the turns that end in it, in order."""
        self.position += len(pcm) // 2
        cuts = []
        for frame in self._speech.feed(pcm):
            for decision in self._turns.push(frame.speech, frame.energy):
                if isinstance(decision, TurnStopped):
                    cuts.append(self._cut(decision))
        if not self._turns.open and self._heard is not None and self.position - self._heard >= self._patience:
            cuts.append(self._unheard(self._heard))
        return cuts

    def hear(self) -> None:
        """Note that the service has written words of what is not cut off yet."""
        self._heard = self.position

    def finish(self) -> list[Cut]:
        """Return the turn that is open where the sound ends, if there is one."""
        cuts = [self._cut(decision) for decision in self._turns.finish() if isinstance(decision, TurnStopped)]
        if not cuts and self._heard is not None:
            cuts.append(self._unheard(self.position))
        return cuts

    @property
    def idle(self) -> int:
        """Samples since the last turn's end in which nobody spoke, 0 where somebody may be about to."""
        about_to = self._turns.open or self._heard is not None or self._turns.needed < self._turns.position - PREFIX
        return 0 if about_to else self.position - self._begun

    def drop(self) -> None:
        """Note that the service has forgotten all that is not cut off, but for the last `PREFIX` samples."""
        self._begun = max(self._begun, self.position - PREFIX)

    def _cut(self, turn: TurnStopped) -> Cut:
        self._begun, self._heard = turn.stop, None
        return Cut(min(turn.stop, self.position), turn.began, turn.speech)

    def _unheard(self, end: int) -> Cut:
        begun, self._begun, self._heard = self._begun, self.position, None
        return Cut(self.position, begun, end)
