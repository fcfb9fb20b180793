"""What runs for each final segment of one transcription: the cell's body and any number of callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from rt_magic.body import Body, Step
from rt_magic.transcript.segments import Segment


class Steps:
    """Hand each segment, once it is final and has text, to the cell's body and to every callback.

    Each of them has a queue of its own, so that an error or a wait of one is nothing to the others.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        """`changed` is called, on any thread, when the number of waiting runs has changed."""
        self._changed = changed
        self._body: Body | None = None
        self._callbacks: dict[Step, Body] = {}
        self._seen: set[str] = set()

    def replace(self, step: Step | None, known: Iterable[Segment]) -> None:
        """Run `step` as the cell's body for what becomes final after the `known` segments."""
        if self._body is not None:
            self._body.replace(step or _nothing)
        elif step is not None:
            self._pass_over(known)
            self._body = Body(step, self._changed)

    def add(self, callback: Step, known: Iterable[Segment]) -> None:
        """Run `callback`, once only, for what becomes final after the `known` segments."""
        if callback not in self._callbacks:
            self._pass_over(known)
            self._callbacks = {**self._callbacks, callback: Body(callback, self._changed)}

    def remove(self, callback: Step) -> None:
        """Run it no more, not even for what waits; nothing happens if it is not known."""
        body = self._callbacks.get(callback)
        self._callbacks = {known: its for known, its in self._callbacks.items() if known != callback}
        if body is not None:
            body.replace(_nothing)

    def submit(self, segments: Iterable[Segment]) -> None:
        """Take what has changed; on the writer's thread."""
        bodies = self._bodies
        for segment in segments if bodies else ():
            if segment.final and segment.text and segment.error is None and segment.id not in self._seen:
                self._seen.add(segment.id)
                for body in bodies:
                    body.submit(segment)

    @property
    def waiting(self) -> int:
        """Number of runs whose turn has not come, or that have not ended."""
        return sum(body.waiting for body in self._bodies)

    @contextmanager
    def here(self) -> Iterator[None]:
        """While this thread, the kernel's main one, is blocked and calls `run_waiting`, run nothing on its loop."""
        with ExitStack() as stack:
            for body in self._bodies:
                stack.enter_context(body.here())
            yield

    def run_waiting(self) -> bool:
        """Run what has waited longest in each queue, on this thread; False if nothing waited."""
        ran = [body.run_waiting() for body in self._bodies]  # each of them, not only the first
        return any(ran)

    @property
    def _bodies(self) -> tuple[Body, ...]:
        body = () if self._body is None else (self._body,)
        return (*body, *self._callbacks.values())

    def _pass_over(self, known: Iterable[Segment]) -> None:
        if not self._bodies:  # else they are counted as they come
            self._seen.update(segment.id for segment in known)


def _nothing(_segment: Segment) -> None:
    pass
