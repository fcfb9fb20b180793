"""What a microphone's messages mean: which page records, when sound is complete, when a page is gone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rt_magic.widgets.inbox import Inbox
from rt_magic.widgets.messages import Accepted, Ack, Again, Audio, FromPage, Hello, MicrophoneFailed, Pause, Start, Stop

GONE_AFTER = 5.0
"""Seconds without a chunk from an open microphone until its page counts as gone."""
ANSWER_WITHIN = 5.0
"""Seconds a page has to follow what Python asked of it."""
OWED_WITHIN = 120.0
"""Seconds for what is missing before an end which the recording page has told: it has that, and sends it again."""
SAME_COMMAND = 2.0
"""Seconds within which a second page's start answers the same `.start()` and is nobody's click."""

ACKS = 4
"""Acknowledgements in any second at most, over all epochs."""
STEADY = 0.9
"""Seconds between two while sound comes as it should: each is a small message that can put off words.

A page doubts a start of which it has heard nothing for a second; while this one hears, it records.
"""

Name: TypeAlias = Literal["start", "pause", "stop"]
Stage: TypeAlias = Literal[
    "hello",  # a page has the widget
    "asked",  # Python wants a page to open its microphone
    "start",  # it opens its microphone
    "sound",  # the first chunk is here
    "paused",  # all sound until the pause is here
    "stopping",  # somebody wants it to stop
    "stopped",  # all sound is here and nothing follows
    "failed",  # the browser gave no sound
    "gone",  # the page says nothing any more
    "back",  # it does after all
    "unseen",  # no page followed `.start()`
]


@dataclass(frozen=True, slots=True)
class Send:
    """Send this to the pages."""

    message: Accepted | Ack | Again


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the page that records (for start: the one that is seen) to do this."""

    name: Name


@dataclass(frozen=True, slots=True)
class Sound:
    """The next chunk of the recording."""

    chunk: Audio


@dataclass(frozen=True, slots=True)
class Remind:
    """Send the pages the state once more: one of them has missed it."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The microphone has come to this stage; `detail` is the page's id or the browser's sentence."""

    stage: Stage
    detail: str = ""


Effect: TypeAlias = Send | Ask | Sound | Remind | Reached


class Intake:
    """Take messages, commands and the time (monotonic seconds); give what is to be done, in order."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.page = ""
        """The page that records; "" for none."""
        self.phase: Literal["idle", "open", "pausing", "stopping"] = "idle"
        self.paused = False
        self._epoch = self._recorder = ""
        """The newest epoch, and its page."""
        self._patience = ANSWER_WITHIN
        self._sounding = False
        self._gone = False
        self._commanded = False
        """Whether the page that records has followed `.start()`."""
        self._accepted_at = self._heard_at = self._asked_at = 0.0
        self._start_asked_at: float | None = None
        self._failing: tuple[str, float] | None = None
        self._acked: list[float] = []
        """When acknowledgements went in the last second."""

    @property
    def active(self) -> bool:
        """Whether `tick` has something to look after."""
        return self.phase != "idle" or self._start_asked_at is not None or self.inbox.owes

    @property
    def hears(self) -> bool:
        """Whether sound comes or is to come, and its page has not gone."""
        return self.active and not self._gone

    def receive(self, message: FromPage, now: float) -> list[Effect]:
        """Take one message of a page."""
        match message:
            case Audio():
                return self._chunk(message, now)
            case Start():
                return self._start(message, now)
            case Pause() | Stop():
                return self._end(message, now)
            case MicrophoneFailed():
                return self._fail(message.message, now)
            case Hello():
                return [Reached("hello", message.page)]

    def command(self, name: Name, now: float) -> list[Effect]:
        """Take what Python's `.start()`, `.pause()` or `.stop()` asks for."""
        if name == "start":
            if self.phase == "stopping" or (self.phase == "open" and not self._gone):
                return []
            self._start_asked_at = now
            return [Ask("start"), Reached("asked")]
        if name == "stop" and self.phase == "idle":
            return self._stop_paused()
        if self.phase == "stopping" or (name == "pause" and self.phase != "open"):
            return []
        self._asked_at, self._patience = now, ANSWER_WITHIN
        effects: list[Effect] = [Ask(name)]
        if name == "stop":
            effects.append(Reached("stopping"))
        self.phase = "stopping" if name == "stop" else "pausing"
        return effects + (self._abandon(now) if self._gone else [])

    def abandon(self, now: float) -> list[Effect]:
        """End with the sound that is here, whatever a page still has."""
        effects = [] if self.phase == "stopping" else self.command("stop", now)
        return effects + self._abandon(now)

    def refuse(self, chunks: Sequence[Audio], sentence: str, now: float) -> list[Effect]:
        """End, as these chunks that came out could not be recorded; the next start goes on with them."""
        self.inbox.put_back(chunks)
        self._rest(paused=False)
        self._start_asked_at = None
        return [*self._acks(now), Ask("stop"), Reached("failed", sentence)]

    def tick(self, now: float, *, deaf: bool = False) -> list[Effect]:
        """Look after what time alone brings: acknowledgements, gaps, silence. To be called about 4 times a second.

        While the kernel is `deaf`, because a cell runs and there is no lane, a page's silence means nothing.
        """
        if deaf:
            self._heard_at = now
            if self._start_asked_at is not None:
                self._start_asked_at = now
        effects: list[Effect] = [Sound(chunk) for chunk in self.inbox.advance(now)]
        effects += [Send(again) for again in self.inbox.missing(now)]
        if self.phase != "open" or not self._acked or now - self._acked[-1] >= STEADY:
            effects += self._acks(now)
        if self._failing is not None and now - self._failing[1] >= 1.0:
            return effects + self._fail(self._failing[0], now)
        silent = now - self._heard_at >= GONE_AFTER
        if self.phase == "open" and self._sounding and not self._gone and silent:
            self._gone, self.page = True, ""
            effects.append(Reached("gone"))
        elif self.phase in ("pausing", "stopping") and silent and now - self._asked_at >= self._patience:
            return effects + self._abandon(now)
        if self._start_asked_at is not None and now - self._start_asked_at >= ANSWER_WITHIN:
            self._start_asked_at = None
            effects.append(Reached("unseen"))
        return effects + self._settled(now)

    def _start(self, message: Start, now: float) -> list[Effect]:
        commanded, self._start_asked_at = self._start_asked_at is not None, None
        if self.inbox.knows(message.epoch):  # the page missed the answer
            if message.epoch == self._epoch:
                return [self._accepted(), Remind()]
            self.inbox.owe(message.epoch)
            return self._acks(now)
        taken = self.phase == "open" and not self._gone and message.page != self.page
        if taken and self._commanded and now - self._accepted_at < SAME_COMMAND:
            return [self._accepted()]
        self.inbox.begin(message.page, message.epoch, now)
        self.page = self._recorder = message.page
        self._epoch, self.phase, self._commanded = message.epoch, "open", commanded
        self._accepted_at = self._heard_at = now
        self.paused = self._sounding = self._gone = False
        self._failing = None
        kept = [Sound(chunk) for chunk in self.inbox.advance(now)]  # what could not be recorded before
        return [self._accepted(), Reached("start", message.page), *kept]

    def _accepted(self) -> Send:
        return Send(Accepted(type="accepted", page=self._recorder, epoch=self._epoch))

    def _chunk(self, chunk: Audio, now: float) -> list[Effect]:
        if not self.inbox.knows(chunk.epoch):
            return []  # its start is still on the way, or another page records; the page keeps the chunk
        effects: list[Effect] = []
        if chunk.epoch == self._epoch:
            self._heard_at, self._failing = now, None
            if self._gone:
                self._gone, self.page = False, chunk.page
                effects.append(Reached("back", chunk.page))
            if self.phase == "open" and not self._sounding:
                self._sounding = True
                effects.append(Reached("sound", chunk.page))
        effects += [Sound(ready) for ready in self.inbox.receive(chunk, now)]
        return effects + self._settled(now)

    def _end(self, message: Pause | Stop, now: float) -> list[Effect]:
        stop = isinstance(message, Stop)
        own = message.page == self._recorder
        if message.epoch and message.last >= 0 and not self.inbox.knows(message.epoch) and own | (not self._recorder):
            return []  # its start and its sound are on the way, and then this comes once more
        if self.inbox.knows(message.epoch):
            self.inbox.owe(message.epoch)
        if self.phase == "idle":
            self.inbox.end(message.epoch, message.last, now)  # of an epoch that nobody took to its end
            return [*self._acks(now), *((self._stop_paused() if stop else []) or [Remind()])]
        effects: list[Effect] = [Sound(chunk) for chunk in self.inbox.end(message.epoch, message.last, now)]
        if message.epoch != self._epoch:
            if not stop or self.inbox.knows(message.epoch):
                return [*effects, Remind(), *self._settled(now)]  # the end of an earlier epoch, sent once more
            if not self._gone and message.page != self.page:  # a page that does not record wants it stopped
                return effects + self.command("stop", now)
        if stop and self.phase != "stopping":
            effects.append(Reached("stopping", message.page))
        self.phase = "stopping" if stop or self.phase == "stopping" else "pausing"
        self._asked_at, self._patience = now, OWED_WITHIN if own else ANSWER_WITHIN
        if self._gone and message.epoch != self._epoch and not own:
            return effects + self._abandon(now)
        return effects + self._settled(now)

    def _stop_paused(self) -> list[Effect]:
        if not self.paused and self._start_asked_at is None:
            return []
        self.paused, self._start_asked_at = False, None
        return [Reached("stopping"), Reached("stopped")]

    def _fail(self, sentence: str, now: float) -> list[Effect]:
        self._start_asked_at = None
        if self.phase == "idle":
            return [] if self.paused else [Reached("failed", sentence)]
        if self._sounding and self._failing is None:
            self._failing = sentence, now  # perhaps of another page; the next chunk tells
            return []
        effects: list[Effect] = [Sound(chunk) for chunk in self.inbox.abandon(now)]
        self._rest(paused=False)
        return [*effects, *self._acks(now), Reached("failed", sentence)]

    def _abandon(self, now: float) -> list[Effect]:
        return [*(Sound(chunk) for chunk in self.inbox.abandon(now)), *self._settled(now)]

    def _settled(self, now: float) -> list[Effect]:
        if self.phase not in ("pausing", "stopping") or not self.inbox.complete:
            return []
        stopped = self.phase == "stopping"
        self._rest(paused=not stopped)
        return [*self._acks(now), Reached("stopped" if stopped else "paused")]

    def _rest(self, *, paused: bool) -> None:
        self.phase, self.page, self.paused = "idle", "", paused
        self._sounding = self._gone = False
        self._failing = None

    def _acks(self, now: float) -> list[Effect]:
        """Acknowledge what may be by now; the rest waits for the next tick."""
        self._acked = [at for at in self._acked if now - at < 1.0]
        acks = self.inbox.acks(ACKS - len(self._acked))
        self._acked += [now] * len(acks)
        return [Send(ack) for ack in acks]
