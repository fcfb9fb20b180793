"""One daemon thread with one event loop, for everything that must go on while a cell runs."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_lock = threading.Lock()
_portal: Portal | None = None


class Portal:
    """Run coroutines and callbacks on a loop of its own; every method may be called from any thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.pid = os.getpid()
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), name="rt_magic-portal", daemon=True)
        self.thread.start()
        started.wait()

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.call_soon(started.set)
        try:
            self.loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    @property
    def here(self) -> bool:
        """Whether this is the portal's thread."""
        return threading.current_thread() is self.thread

    def run(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine on the portal's loop and return a future for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        """Call `callback(*args)` on the portal's loop, in the order in which calls were made."""
        self.loop.call_soon_threadsafe(callback, *args)

    def close(self) -> None:
        """Cancel what runs and end the thread; may be called twice."""
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(timeout=5)


def portal() -> Portal:
    """Return this process's portal, started on first use (and anew in a forked child)."""
    global _portal
    with _lock:
        if _portal is None or _portal.pid != os.getpid() or not _portal.thread.is_alive():
            _portal = Portal()
        return _portal


def close_portal() -> None:
    """End the portal's thread, if there is one."""
    global _portal
    with _lock:
        current, _portal = _portal, None
    if current is not None and current.pid == os.getpid():
        current.close()
