"""The embedded server as a process of the session's: started once, told apart from one that does not come up."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rt_magic.exceptions import ServiceConnectionError
from rt_magic.session import embedded
from rt_magic.session.services import Local


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Leave no server behind."""
    yield
    embedded.close()


def interpreter(path: Path, script: str) -> str:
    """Make a stand-in for the Python that starts the server."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


async def test_one_server_for_all_who_ask_at_once() -> None:
    """Sessions that begin together share one process; after its end the next one gets another."""
    first, second = await asyncio.gather(embedded.address(Local()), embedded.address(Local()))
    assert first == second and len(embedded.process_ids()) == 1
    embedded.close()
    assert embedded.process_ids() == []
    assert await embedded.address(Local()) != first


@pytest.mark.parametrize("ticks", range(8))
async def test_whoever_is_cancelled_while_asking_is_cancelled(ticks: int) -> None:
    """At whatever moment the cancellation comes, it is not lost: a session with a broken file would go on for ever."""
    await embedded.address(Local())  # from here on the answer is there already
    asking = asyncio.create_task(embedded.address(Local()))
    for _ in range(ticks):
        await asyncio.sleep(0)
    if asking.cancel():
        with pytest.raises(asyncio.CancelledError):
            await asking


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for the interpreter")
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo no room >&2; echo on this machine >&2; exit 3", "no room on this machine"),
        ("exit 3", "it ended with code 3"),
        ("echo hello; echo a word too much >&2", "a word too much"),
        ("""echo '{"url": "ftp://elsewhere", "token": "t"}'; cat >&2; echo no address >&2""", "no address"),
    ],
)
async def test_a_server_that_ends_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    """The last lines on its stderr are the reason, else its exit code; the next session tries again."""
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path / "python", script))
    for _ in range(2):
        with pytest.raises(ServiceConnectionError, match=f"did not start: {reason}"):
            await embedded.address(Local())
        assert embedded.process_ids() == []


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for the interpreter")
async def test_a_server_that_says_nothing_is_ended_beside_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a silent server is being ended every other session goes on."""
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path / "python", "exec cat"))
    monkeypatch.setattr(embedded, "START_TIMEOUT", 0.1)
    begun, went_on = asyncio.Event(), threading.Event()
    loop, close = asyncio.get_running_loop(), embedded._Server.close

    def slowly(server: embedded._Server) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert went_on.wait(30), "the loop stood still"
        close(server)

    monkeypatch.setattr(embedded._Server, "close", slowly)

    async def another() -> None:
        await begun.wait()
        went_on.set()

    going_on = asyncio.ensure_future(another())
    with pytest.raises(ServiceConnectionError, match=r"said nothing for 0\.1 s"):
        await embedded.address(Local())
    await going_on
    assert embedded.process_ids() == []
