"""Hours of sound through a live cell: what the kernel holds does not grow with them, and nothing is left at the end."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from rt_magic.portal import portal
from rt_magic.wire.events import AppendAudio, Completed, Delta, SpeechStarted, SpeechStopped
from rt_magic.wire.server import ServerProtocol
from tests.kernels import NOTEBOOK, FrontEnd, kernel
from tests.speakers import NOISE, Speaker

TURN = 4.0
"""Seconds from one turn to the next, of which three are spoken."""

GROWTH = 20.0
"""MB that a kernel may grow by, from the warm-up to the end."""

HISTORY = """
session = get_ipython().kernel.session
while len(session.digest_history) < session.digest_history_size:
    session._add_digest(__import__("os").urandom(32).hex().encode())
del session
"""
"""A kernel remembers the signatures of the last 65 536 messages, whatever they are for (jupyter_client, `Session`
`digest_history_size`), some 7 MB that fill up within two hours: that memory is full before the curve begins."""


async def service(socket: ServerConnection) -> None:
    """Take sound as fast as it comes, keep none of it, and answer with a turn every four seconds of it."""
    protocol = ServerProtocol("s")
    protocol.greet()
    heard, turns = 0.0, 0
    for text in protocol.messages_to_send():
        await socket.send(text)
    async for message in socket:
        event = protocol.receive(message)
        if isinstance(event, AppendAudio):
            heard += len(event.audio) / 48_000
        while heard >= (turns + 1) * TURN:
            item, begun = f"item_{turns}", round(turns * TURN * 1000)
            protocol.send(SpeechStarted(item, begun))
            protocol.send(Delta(item, f"turn {turns} "))
            protocol.send(SpeechStopped(item, begun + 3500))
            protocol.send(protocol.commit(item))
            protocol.send(Completed(item, f"turn {turns} says what one says in three seconds"))
            turns += 1
        for text in protocol.messages_to_send():
            await socket.send(text)


async def serving() -> Server:
    """Start that service."""
    return await serve(service, "127.0.0.1", 0, compression=None, max_size=None)


class Curve:
    """What a process holds, from time to time."""

    def __init__(self, process: int) -> None:
        self.process = psutil.Process(process)
        self.points: list[tuple[float, float, int, int]] = []

    def note(self, minutes: float) -> None:
        """Look: memory in MB, threads, and handles but for those that are open for a moment."""
        handles = min(self._handles() for _ in range(5))
        memory = self.process.memory_info().rss / 2**20
        self.points.append((minutes, memory, self.process.num_threads(), handles))

    def _handles(self) -> int:
        time.sleep(0.02)
        return int(self.process.num_fds() if os.name == "posix" else self.process.num_handles())

    def __str__(self) -> str:
        return "\n".join(
            f"  {minutes:5.0f} min {memory:7.1f} MB {threads:3} threads {handles:3} handles"
            for minutes, memory, threads, handles in self.points
        )


def carry(page: FrontEnd, minutes: float, speed: float, curve: Curve, every: float) -> None:
    """Record so many minutes through messages as a page sends them, holding back what is not acknowledged."""
    speaker = Speaker(page)
    speaker.start()
    began, said, acknowledged = time.monotonic(), 0, 0
    next_look = every
    while said / 60 < minutes:
        speaker.speak(NOISE, every=0.0005)
        said += 1
        while True:
            for _, message in page.sent_to_page:
                if message["type"] == "ack":
                    acknowledged = max(acknowledged, message["next"])
            page.sent_to_page.clear()
            ahead = began + said / speed - time.monotonic()
            if ahead <= 0 and 10 * said - acknowledged < 600:
                break
            page.pump(min(0.05, max(0.005, ahead)))
        if said / 60 >= next_look:
            curve.note(said / 60)
            next_look += every
    speaker.end()
    page.until(lambda: speaker.state == "stopped", 120)


def long_run(tmp_path: Path, minutes: float, speed: float, warm: float) -> Curve:
    """Record for so long, check all that was heard, and return the curve; `warm` minutes go before it begins."""
    server = portal().run(serving()).result(10)
    try:
        port = server.sockets[0].getsockname()[1]
        with kernel({**NOTEBOOK, "XDG_STATE_HOME": str(tmp_path)}) as page:
            curve = Curve(page.value("__import__('os').getpid()"))
            assert page.run(HISTORY).status == "ok"
            page.run("%load_ext rt_magic")
            cell = page.run(f"%%transcribe --service ws://127.0.0.1:{port}")
            assert cell.status == "ok", cell.text
            carry(page, minutes, speed, curve, warm)
            facts = page.value("(len(transcript), transcript.events[-1], [s.error for s in transcript if s.error])")
            turns, stopped, failed = facts
            assert stopped["received"] == stopped["captured"] == minutes * 60 * 24_000
            assert turns == minutes * 60 // TURN and failed == []
            events = page.value("len(transcript.events)")
            assert events < 50, f"{events} events"
            page.run("transcript.forget()")
            page.run("%unload_ext rt_magic")
            page.run("import gc; del transcript; gc.collect()")
            assert list((tmp_path / "rt_magic" / "recordings").iterdir()) == []
            names = page.value("sorted(t.name for t in __import__('threading').enumerate())")
            assert not [name for name in names if name.startswith(("rt_magic", "subshell"))], names
            curve.note(minutes)
    finally:
        portal().call_soon(server.close)
    return curve


def check(curve: Curve, capsys: pytest.CaptureFixture[str]) -> None:
    """Print the curve; complain where anything grows."""
    with capsys.disabled():
        print(f"\n{curve}")
    first, *_, last, after = curve.points
    assert last[1] - first[1] < GROWTH, f"grew by {last[1] - first[1]:.1f} MB:\n{curve}"
    assert last[2] <= first[2] and last[3] <= first[3], f"threads or handles grew:\n{curve}"
    assert after[2] <= first[2] and after[3] <= first[3], f"threads or handles are left:\n{curve}"


@pytest.mark.long
def test_three_hours_at_fifty_times_the_speed_of_speech(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The kernel grows by less than 20 MB over three hours; no thread, handle or file is left; the curve is printed."""
    check(long_run(tmp_path, 180, 50, 15), capsys)
