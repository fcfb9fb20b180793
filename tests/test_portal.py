"""The portal: one thread and one loop for everything that goes on while a cell runs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from rt_magic.portal import Portal, close_portal, portal


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Leave no thread behind."""
    yield
    close_portal()


async def where() -> tuple[threading.Thread, asyncio.AbstractEventLoop]:
    """Return the thread and loop that this runs on."""
    return threading.current_thread(), asyncio.get_running_loop()


def test_everything_runs_on_one_daemon_thread() -> None:
    """However many threads ask, there is one portal, one loop and one thread, which keeps no process alive."""
    with ThreadPoolExecutor(8) as pool:
        portals = list(pool.map(lambda _: portal(), range(50)))
    assert len(set(map(id, portals))) == 1
    thread, loop = portals[0].run(where()).result(5)
    assert thread is portals[0].thread and loop is portals[0].loop
    assert thread.daemon and thread is not threading.current_thread()


def test_results_and_errors_come_back() -> None:
    """A future has what the coroutine returned or raised, also where a loop of one's own is running."""

    async def fail() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        portal().run(fail()).result(5)

    async def inside() -> bool:
        return portal().run(where()).result(5)[1] is not asyncio.get_running_loop()

    assert asyncio.run(inside())


def test_callbacks_run_in_order_and_an_error_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Calls from one thread are made in their order; one that raises is logged, and the next ones are made."""
    seen: list[int] = []
    for number in range(100):
        portal().call_soon(seen.append, number)
        if number == 50:
            portal().call_soon(lambda: 1 // 0)
    portal().run(where()).result(5)
    assert seen == list(range(100))
    assert "ZeroDivisionError" in caplog.text


def test_a_future_can_be_cancelled() -> None:
    """Cancelling a future cancels the coroutine."""
    ended = threading.Event()

    async def wait() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    started = threading.Event()
    future = portal().run(wait())
    assert started.wait(5)
    future.cancel()
    assert ended.wait(5)


def test_closing_cancels_what_runs_and_the_next_use_starts_anew() -> None:
    """Closing ends the thread and cleans up in it; closing again does nothing; use after it gets a new portal."""
    cleaned: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(threading.current_thread().name)

    first = portal()
    future = first.run(wait())
    first.run(where()).result(5)
    close_portal()
    close_portal()
    assert not first.thread.is_alive() and first.loop.is_closed()
    assert cleaned == [first.thread.name]
    with pytest.raises(CancelledError):
        future.result(0)
    second = portal()
    assert second is not first and second.run(where()).result(5)[0] is second.thread


def test_closing_a_portal_twice_does_no_harm() -> None:
    """A portal of one's own may be closed again."""
    own = Portal()
    own.close()
    own.close()
    assert not own.thread.is_alive()


FORK = """
import os
from rt_magic.portal import portal

async def name():
    return os.getpid()

first = portal()
assert first.run(name()).result(5) == os.getpid()
child = os.fork()
if child == 0:
    os._exit(0 if portal() is not first and portal().run(name()).result(5) == os.getpid() else 1)
_, status = os.waitpid(child, 0)
raise SystemExit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_gets_a_portal_of_its_own() -> None:
    """The parent's thread does not exist in a child, so the child starts its own."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=30)


def test_a_running_portal_does_not_keep_the_process() -> None:
    """A script that forgets about the portal ends by itself."""
    script = (
        "import asyncio\nfrom rt_magic.portal import portal\n"
        "portal().run(asyncio.sleep(3600))\nprint('over', flush=True)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "over\n"
