"""What of a recording goes out over one connection: pieces, ends of turns of our own, silence left out.

It only queues in the connection's protocol; who owns the socket sends what is due.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from rt_magic.audio.pcm import SAMPLE_RATE, Timeline
from rt_magic.audio.recording import Recording
from rt_magic.exceptions import AudioError
from rt_magic.session.cutting import PREFIX, Cut, Cutter
from rt_magic.session.settled import Settled
from rt_magic.transcript.segments import TurnCut
from rt_magic.wire.protocol import ClientProtocol
from rt_magic.wire.turns import TurnDetector

CHUNK = SAMPLE_RATE // 2
"""Samples in one append at the most, when audio is sent faster than it was spoken."""

LOOK_BACK = 10 * SAMPLE_RATE
"""Samples that are listened to again to find out whether there is a pause, as turn detection has to settle in."""

IDLE = 30 * SAMPLE_RATE
"""Samples without speech after which a service that leaves turns to us is told to forget them."""

TAIL_MS = 700
"""Silence beyond the closing one that is sent at the end, so that turn detection surely closes the last turn."""

REMEMBERED = 60 * SAMPLE_RATE
"""Samples that are listened to again at the most for speech of which the service has said nothing."""


class Sender:
    """Queue the recording from `position` on, without what is `settled`; `cut` is told of turns that end by us."""

    def __init__(
        self,
        protocol: ClientProtocol,
        recording: Recording,
        settled: Settled,
        position: int,
        cut: Callable[[TurnCut], None],
    ) -> None:
        self.timeline = Timeline()
        self.position = position
        """First sample of the recording that is not queued yet."""
        self.first = position
        """First sample of the recording that this connection has to send."""
        self.cutter: Cutter | None = None
        """Finds the ends of turns, where the service leaves that to us."""
        self.untimed: Cutter | None = None
        """Finds the ends of turns beside a service that closes them and has not said yet where they are."""
        self.found: deque[TurnCut] = deque()
        """Turns found so, the oldest first."""
        self._protocol = protocol
        self._recording = recording
        self._settled = settled
        self._tell_cut = cut
        self._pause: Cutter | None = None
        self._close_at = 0
        """Sample of the recording behind which a turn is to be closed, 0 where none is."""
        self._first = 0
        """Sample of the connection at which what is not committed begins."""

    @property
    def through(self) -> bool:
        """Whether all that is recorded is queued."""
        return self.position >= self._recording.samples

    def begin(self, position: int) -> None:
        """Send from another position on, before anything is sent."""
        self.first = self.position = position
        if self.cutter is not None:
            self.cut_turns()
        if self.untimed is not None:
            self.find_turns()

    def cut_turns(self) -> None:
        """Find the ends of turns from here on, as the service does not."""
        wanted = self._protocol.wanted
        self.cutter = Cutter(self.position, None if wanted.turn_detection == "off" else wanted.silence_ms)

    def find_turns(self) -> None:
        """Find turns from here on although the service closes them: it may not say where they are."""
        self.untimed = Cutter(self.position, self._protocol.wanted.silence_ms)

    def trust_times(self) -> None:
        """Find no turns any more, as the service says where they are."""
        self.untimed = None
        self.found.clear()

    def step(self) -> bytes:
        """Queue the next piece and return it; empty where a stretch was left out that is text already."""
        done = self._settled.after(self.position)
        if done is not None and done[0] <= self.position:
            self.close_turn()
            self.position = done[1]
            if self._close_at <= self.position:
                self._close_at = 0
            if self.cutter is not None:
                self.cut_turns()
            if self.untimed is not None:
                self.find_turns()
            return b""
        stop = min(self.position + CHUNK, done[0] if done else self._recording.samples, self._recording.samples)
        if self.position < self._close_at:
            stop = min(stop, self._close_at)
        pcm = self._recording.read(self.position, stop)
        if not pcm:
            raise AudioError(f"the sound in {self._recording.folder} is cut off: somebody has shortened its file")
        if self.cutter is None:
            self._append(pcm)
            return pcm
        first = self.position
        for cut in self.cutter.feed(pcm):
            # Exactly up to the cut, which lies in a quiet moment: what comes after it is the next turn's.
            self._append(pcm[2 * (self.position - first) : 2 * max(0, cut.at - first)])
            self._commit(cut)
        self._append(pcm[2 * (self.position - first) :])
        self._forget_silence(self.cutter)
        return pcm

    def at_pause(self, pcm: bytes, stands: bool) -> bool:
        """Take the piece queued last; tell whether a successor, if it stands, can begin here, where nobody speaks."""
        start = self.position - len(pcm) // 2
        if self._pause is None:
            before = max(self.first, start - LOOK_BACK)
            self._pause = Cutter(before, self._protocol.wanted.silence_ms)
            self._pause.feed(self._recording.read(before, start))
        self._pause.feed(pcm)
        cutter = self.cutter or self._pause
        return stands and cutter.idle >= PREFIX and self._pause.idle >= PREFIX

    def close(self) -> None:
        """Let go of what listens for pauses: sessions are kept for long, and soxr complains of what is left at exit."""
        self.cutter = self._pause = None

    def forget_pause(self) -> None:
        """Look for a pause afresh: it is another successor that is to begin there."""
        self._pause = None

    def ask_to_close(self, position: int) -> None:
        """Have the turn closed that is open behind a position of the recording, which may be sent by then or not."""
        self._close_at = position

    def close_due(self) -> bool:
        """Close the turn that was asked to be, once all of it is queued; tell whether that was now."""
        due = self.first < self._close_at <= self.position
        if due:
            self._close_at = 0
            self.close_turn()
        return due

    def close_turn(self) -> None:
        """Close the turn that is open, by the silence that turn detection waits for or by a commit of ours."""
        if self.cutter is not None:
            for cut in self.cutter.finish():
                self._commit(cut)
        else:
            self._note_rest()
            samples = self._closing_samples()
            self.timeline.pad(samples)
            self._protocol.append_audio(bytes(2 * samples))

    def finish(self) -> None:
        """Close the last turn and begin to drain."""
        if self.cutter is not None:
            self.close_turn()
            self._protocol.finish()
        else:
            self._note_rest()
            samples = self._closing_samples() if self.timeline.length else 0  # where nothing was sent, no turn is open
            self.timeline.pad(samples)
            self._protocol.finish(padding=samples)

    def spoke_since(self, position: int) -> bool:
        """Tell whether what was sent behind a position, and is not settled, holds speech."""
        from rt_magic.audio.vad import SpeechDetector

        position = max(position, self.position - REMEMBERED)
        while position < self.position:
            start, stop = self._settled.after(position) or (self.position, self.position)
            piece = self._recording.read(position, min(start, self.position))
            detector, turns = SpeechDetector(), TurnDetector()
            if any(turns.push(frame.speech, frame.energy) for frame in detector.feed(piece)):
                return True
            position = max(stop, position + 1)
        return False

    def _append(self, pcm: bytes) -> None:
        if pcm:
            self.timeline.add(self.position, len(pcm) // 2)
            self.position += len(pcm) // 2
            self._protocol.append_audio(pcm)
            if self.untimed is not None:
                self._note_found(self.untimed.feed(pcm))

    def _note_rest(self) -> None:
        if self.untimed is not None:
            self._note_found(self.untimed.finish())

    def _note_found(self, cuts: list[Cut]) -> None:
        for cut in cuts:
            self.found.append(self._cut(cut, cut.at))
            self._first = self.timeline.length - (self.position - cut.at)

    def _cut(self, cut: Cut, at: int) -> TurnCut:
        begun = self.timeline.to_recording(self._first)
        return TurnCut(self._first, cut.start / SAMPLE_RATE, cut.end / SAMPLE_RATE, begun, at)

    def _commit(self, cut: Cut) -> None:
        self._tell_cut(self._cut(cut, self.position))
        padding = self._protocol.commit()
        if padding:
            self.timeline.pad(padding)
        self._first = self.timeline.length

    def _forget_silence(self, cutter: Cutter) -> None:
        """Let the service forget a long silence, so that nobody pays for it and no model makes up words for it.

        The moment before is sent again, since the next word may begin softly in it.
        """
        if cutter.idle < IDLE or self._protocol.dialect.fence or not self._protocol.clear():
            return
        self._first = self.timeline.length
        self._protocol.append_audio(self._recording.read(self.position - PREFIX, self.position))
        self.timeline.pad(PREFIX)
        cutter.drop()

    def _closing_samples(self) -> int:
        accepted = self._protocol.accepted
        closing = accepted.closing_silence if accepted else 0.0
        return round((closing + TAIL_MS / 1000) * SAMPLE_RATE)
