"""What runs for each final segment of one transcription: the cell's body and any number of callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from rt_magic.body import Body, Step
from rt_magic.transcript.segments import Segment


class Steps:
    """Hand each segment, once it is final and has text, to the cell's body and to every callback.

    Each of them has a queue of its own, so that an error or a wait of one is nothing to the others. `segments` gives
    all that are final by now; it is asked when a step comes, and whatever thread that is on, none falls between.
    """

    def __init__(self, changed: Callable[[], object], segments: Callable[[], Iterable[Segment]]) -> None:
        """`changed` is called, on any thread, when the number of waiting runs has changed."""
        self._changed, self._segments = changed, segments
        self._body: _Queue | None = None
        self._callbacks: dict[Step, _Queue] = {}

    def replace(self, step: Step | None) -> None:
        """Run `step` as the cell's body for what becomes final from now on."""
        if self._body is not None:
            self._body.body.replace(step or _nothing)
        elif step is not None:
            self._body = _Queue(Body(step, self._changed), self._segments())
            self._body.submit(self._segments())  # what became final before anybody could know of this body

    def add(self, callback: Step) -> None:
        """Run `callback`, once only, for what becomes final from now on."""
        if callback not in self._callbacks:
            queue = _Queue(Body(callback, self._changed), self._segments())
            self._callbacks = {**self._callbacks, callback: queue}
            queue.submit(self._segments())

    def remove(self, callback: Step) -> None:
        """Run it no more, not even for what waits; nothing happens if it is not known."""
        queue = self._callbacks.get(callback)
        self._callbacks = {known: its for known, its in self._callbacks.items() if known != callback}
        if queue is not None:
            queue.body.replace(_nothing)

    def submit(self, segments: Iterable[Segment]) -> None:
        """Take what has changed; on the writer's thread."""
        for queue in self._queues:
            queue.submit(segments)

    @property
    def waiting(self) -> int:
        """Number of runs whose turn has not come, or that have not ended."""
        return sum(queue.body.waiting for queue in self._queues)

    @contextmanager
    def here(self) -> Iterator[None]:
        """While this thread, the kernel's main one, is blocked and calls `run_waiting`, run nothing on its loop."""
        with ExitStack() as stack:
            for queue in self._queues:
                stack.enter_context(queue.body.here())
            yield

    def run_waiting(self) -> bool:
        """Run what has waited longest in each queue, on this thread; False if nothing waited."""
        ran = [queue.body.run_waiting() for queue in self._queues]  # each of them, not only the first
        return any(ran)

    @property
    def _queues(self) -> tuple[_Queue, ...]:
        own = () if self._body is None else (self._body,)
        return (*own, *self._callbacks.values())


class _Queue:
    """One step, and which segments it has had or shall not have."""

    def __init__(self, body: Body, known: Iterable[Segment]) -> None:
        self.body = body
        self._seen: dict[str, object] = dict.fromkeys(segment.id for segment in known)

    def submit(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            if segment.final and segment.text and segment.error is None:
                ours = object()
                if self._seen.setdefault(segment.id, ours) is ours:  # one step, as two threads may come with the same
                    self.body.submit(segment)


def _nothing(_segment: Segment) -> None:
    pass
