"""Put the chunks of a recording page back into one line: in order, each once, with the gaps asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice

from rt_magic.audio.pcm import SAMPLE_RATE, rounded
from rt_magic.widgets.messages import Ack, Again, Audio

QUIET = 2.0
"""Seconds after which an epoch that another page's follows, and that never said its end, is taken as ended."""
HANDED_OVER = 10.0
"""Seconds that such a page has in all, however steadily it sends: it may not know that another one records."""
OWED = 120.0
"""The same where its page goes on with the newer one: that page still has what is missing, and sends it again."""
PATIENCE = 0.3
"""Seconds to wait for a chunk that another one overtook before it is asked for again."""
KEPT = 100
"""Chunks of an epoch that are kept while nobody takes them."""
ASK_EVERY = 1.0
"""Seconds between two requests for the same gap."""
GAPS = 20
"""Gaps that are asked for at a time: a bad line leaves many, and one after the other they would take minutes."""


@dataclass(slots=True)
class _Epoch:
    name: str
    page: str
    begun_at: float
    heard_at: float
    next: int = 0
    last: int | None = None
    held: dict[int, Audio] = field(default_factory=dict)
    waiting_since: float | None = None
    asked: dict[int, float] = field(default_factory=dict)
    """When each gap was asked for last, by the chunk behind it."""
    captured: Fraction = Fraction(0)
    """Seconds, by the page's own counting."""
    lost: int = 0
    """Chunks given up."""

    @property
    def complete(self) -> bool:
        return self.last is not None and self.next > self.last

    def gaps(self) -> Iterator[tuple[int, int]]:
        """What is missing, as the first chunk of each gap and the one behind it."""
        begin = self.next
        for seq in sorted(self.held):
            if seq > begin:
                yield begin, seq
            begin = seq + 1
        if self.last is not None and begin <= self.last:
            yield begin, self.last + 1


class Inbox:
    """Take chunks as they come and give them back in order, epoch by epoch. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._epochs: list[_Epoch] = []
        self._done: dict[str, _Epoch] = {}
        self._owed: set[str] = set()
        self._blocked = False
        """Whether nobody takes what would come out, until the next `begin`."""

    def begin(self, page: str, epoch: str, now: float) -> None:
        """Expect chunks of `epoch` after those of the epochs before it."""
        if self.knows(epoch):
            return
        if self._blocked:
            self._blocked = False
            self._owed.update(known.name for known in self._epochs)
        self._epochs.append(_Epoch(epoch, page, now, now))

    def knows(self, epoch: str) -> bool:
        """Whether this epoch has begun, and perhaps ended."""
        return epoch in self._done or any(known.name == epoch for known in self._epochs)

    def receive(self, chunk: Audio, now: float) -> list[Audio]:
        """Take one chunk of a known epoch and return those that are now in order, oldest first."""
        if self.knows(chunk.epoch) and not self._blocked:
            self._owed.add(chunk.epoch)
        for epoch in self._epochs:
            if epoch.name == chunk.epoch:
                epoch.heard_at = now
                if chunk.seq >= epoch.next and not (self._blocked and len(epoch.held) >= KEPT):
                    epoch.held.setdefault(chunk.seq, chunk)
        return self.advance(now)

    def put_back(self, chunks: Sequence[Audio]) -> None:
        """Take back chunks that came out and that nobody took: they come first after the next `begin`.

        Until then nothing comes out or is acknowledged; little is kept of what arrives, as its page has it.
        """
        self._blocked = True
        again = dict.fromkeys(chunk.epoch for chunk in chunks)
        self._epochs = [self._done.pop(name) for name in again if name in self._done] + self._epochs
        for chunk in chunks:
            epoch = next(known for known in self._epochs if known.name == chunk.epoch)
            epoch.held[chunk.seq] = chunk
            epoch.next, epoch.lost = min(epoch.next, chunk.seq), 0
            self._owed.add(chunk.epoch)

    def end(self, epoch: str, last: int, now: float) -> list[Audio]:
        """Note that chunk `last` is the epoch's last one (-1: it has none); return what is now in order."""
        for known in self._epochs:
            if known.name == epoch:
                known.last = last
        return self.advance(now)

    def advance(self, now: float) -> list[Audio]:
        """Return what is in order by now, and pass over epochs that ended or fell silent."""
        ready: list[Audio] = []
        while self._epochs and not self._blocked:
            epoch = self._epochs[0]
            ready.extend(self._take(epoch))
            if epoch.complete:
                self._close(epoch)
            elif self._given_up(epoch, now):
                ready.extend(self._give_up(epoch))
            else:
                self._note_gap(epoch, now)
                break
        return ready

    def abandon(self, now: float) -> list[Audio]:
        """End everything that is open, for its page is gone; return what there is, in order."""
        ready: list[Audio] = []
        while self._epochs and not self._blocked:
            ready.extend(self._take(self._epochs[0]))
            ready.extend(self._give_up(self._epochs[0]))
        return ready

    @property
    def complete(self) -> bool:
        """Whether every epoch that began has ended and is here in full."""
        return not self._epochs

    @property
    def captured(self) -> int:
        """Samples at 24 kHz that the pages captured, by their own counting: rounded once, over all epochs."""
        return rounded(sum((known.captured for known in self._known), Fraction(0)) * SAMPLE_RATE)

    @property
    def lost(self) -> int:
        """Chunks given up because their page went away before they arrived."""
        return sum(known.lost for known in self._known)

    @property
    def _known(self) -> list[_Epoch]:
        return [*self._done.values(), *self._epochs]

    def owe(self, epoch: str) -> None:
        """Acknowledge a known epoch once more."""
        self._owed.add(epoch)

    @property
    def owes(self) -> bool:
        """Whether there is anything to acknowledge."""
        return bool(self._owed)

    def acks(self, most: int) -> list[Ack]:
        """How far epochs have come of which anything arrived since the last call, repeats included; `most` at most."""
        open_ = {known.name: known.next for known in self._epochs}
        owed = sorted(self._owed)[:most]
        self._owed.difference_update(owed)
        return [
            Ack(type="ack", epoch=name, next=self._done[name].next, ended=True)
            if name in self._done
            else Ack(type="ack", epoch=name, next=open_.get(name, 0))
            for name in owed
        ]

    def missing(self, now: float) -> list[Again]:
        """The gaps to ask for now, once the first one has waited; none more often than `ASK_EVERY`."""
        if not self._epochs or self._blocked:
            return []
        epoch = self._epochs[0]
        self._note_gap(epoch, now)
        if epoch.waiting_since is None or now - epoch.waiting_since < PATIENCE:
            return []
        due = [gap for gap in islice(epoch.gaps(), GAPS) if now - epoch.asked.get(gap[1], -ASK_EVERY) >= ASK_EVERY]
        epoch.asked.update((behind, now) for _, behind in due)
        return [{"type": "again", "epoch": epoch.name, "from": first, "to": behind} for first, behind in due]

    def _given_up(self, epoch: _Epoch, now: float) -> bool:
        """Whether nothing more of the oldest epoch is to be expected, since a newer one goes on without it."""
        if len(self._epochs) < 2:
            return False
        newer = self._epochs[1]
        silent, passed = now - max(epoch.heard_at, newer.begun_at), now - newer.begun_at
        return silent >= OWED if newer.page == epoch.page else silent >= QUIET or passed >= HANDED_OVER

    def _take(self, epoch: _Epoch) -> list[Audio]:
        ready = []
        while (chunk := epoch.held.pop(epoch.next, None)) is not None:
            ready.append(chunk)
            epoch.next += 1
            epoch.captured = max(epoch.captured, Fraction(chunk.first + chunk.samples, chunk.rate))
        if ready:
            epoch.waiting_since = None
            epoch.asked = {behind: at for behind, at in epoch.asked.items() if behind > epoch.next}
        return ready

    def _give_up(self, epoch: _Epoch) -> list[Audio]:
        ready = [epoch.held[seq] for seq in sorted(epoch.held)]
        known = max([epoch.next - 1, *epoch.held, -1 if epoch.last is None else epoch.last])
        epoch.lost = known + 1 - epoch.next - len(ready)
        if ready:
            epoch.captured = Fraction(ready[-1].first + ready[-1].samples, ready[-1].rate)
        epoch.held.clear()
        epoch.next = known + 1
        self._close(epoch)
        return ready

    def _close(self, epoch: _Epoch) -> None:
        self._epochs.remove(epoch)
        self._done[epoch.name] = epoch
        epoch.last = epoch.next - 1

    def _note_gap(self, epoch: _Epoch, now: float) -> None:
        waits = bool(epoch.held) or (epoch.last is not None and epoch.next <= epoch.last)
        if not waits:
            epoch.waiting_since = None
        elif epoch.waiting_since is None:
            epoch.waiting_since = now
