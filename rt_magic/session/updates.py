"""The segments of a transcript as they change, for one consumer that iterates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.segments import Segment
from rt_magic.transcript.transcript import Transcript, TranscriptChange


class Updates:
    """Collect what changes between two steps of the consumer, a segment's newest state only."""

    def __init__(self) -> None:
        self._segments: dict[str, Segment] = {}
        self._changed = asyncio.Event()
        self._unsubscribe: Callable[[], None] | None = None

    def wake(self) -> None:
        """Let the consumer look whether the end has come."""
        self._changed.set()

    async def follow(self, transcript: Transcript, over: Callable[[], bool]) -> AsyncGenerator[Segment, None]:
        """Yield segments as they change, until `over()` and nothing is left; ConfigurationError for a second reader."""
        if self._unsubscribe is not None:
            raise ConfigurationError("this session is iterated already; use transcript.on_change for a second reader")
        loop = asyncio.get_running_loop()
        self._unsubscribe = transcript.on_change(lambda change: self._note(change, loop))
        self._segments.update((s.id, s) for s in (*transcript.segments, *transcript.interim))
        self._changed.set()
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                segments, self._segments = list(self._segments.values()), {}
                for segment in segments:
                    yield segment
                if over() and not self._segments:
                    return
        finally:
            self._unsubscribe()
            self._unsubscribe = None

    def _note(self, change: TranscriptChange, loop: asyncio.AbstractEventLoop) -> None:
        if not is_running(loop):  # a correction, made on the user's thread
            loop.call_soon_threadsafe(self._note, change, loop)
            return
        for id_ in change.remove:
            self._segments.pop(id_, None)
        self._segments.update((segment.id, segment) for segment in change.upsert)
        self._changed.set()


def is_running(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether this thread is the one that runs the loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
