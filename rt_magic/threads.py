"""Functions that block, awaited."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Await a function that blocks, on a daemon thread: unlike asyncio's own, it does not hold up the process's end."""
    done: concurrent.futures.Future[T] = concurrent.futures.Future()
    done.set_running_or_notify_cancel()  # a result that nobody awaits any more is no error

    def call() -> None:
        try:
            done.set_result(function(*arguments))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(
        target=call, name=f"rt_magic-{getattr(function, '__name__', 'call').strip('_')}", daemon=True
    ).start()
    return await asyncio.wrap_future(done)
