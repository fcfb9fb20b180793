"""Functions that block, awaited; and how long a thread waits for the interpreter."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

TURN = 0.001
"""Seconds that running Python code keeps the interpreter while another thread waits for it.

Python's own 5 ms add up: each thread that a piece of sound passes through, and each call to the system, waits anew.
"""

this_thread = threading.get_ident
"""What tells the thread that asks from all others; unlike `asyncio.get_running_loop` no call to the system."""

_lock = threading.Lock()
_asking: set[object] = set()
_usual = 0.0


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


def short_turns(who: object, wanted: bool) -> None:
    """Have threads wait no longer than `TURN` for the interpreter while anybody wants it; afterwards as before.

    It holds for the process, and costs nothing while no thread waits. What somebody else has set meanwhile stays.
    """
    global _usual
    with _lock:
        before = bool(_asking)
        (_asking.add if wanted else _asking.discard)(who)
        if bool(_asking) == before:
            return
        if _asking:
            _usual = sys.getswitchinterval()
            sys.setswitchinterval(min(TURN, _usual))
        elif abs(sys.getswitchinterval() - TURN) < 1e-5:
            sys.setswitchinterval(_usual)
