"""A page that speaks in messages, and a scripted service, for live cells on a real kernel."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from rt_magic.portal import portal
from rt_magic.testing import PeerConnection, ScriptedPeer
from tests.kernels import FrontEnd

NOISE = np.random.default_rng(0).integers(-60, 60, 24_000).astype("<i2").tobytes()
"""One second, too quiet to be speech, whose samples differ."""


def words(*texts: str) -> Callable[[PeerConnection], Any]:
    """A service that answers each second with one of the texts."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        for number, text in enumerate(texts, 1):
            await connection.audio(seconds=number)
            await connection.turn(text, start=number - 1, end=number, deltas=[text[:3]])
        await connection.finish()

    return script


class Peer:
    """A scripted service on a loop of its own, for tests that are not asynchronous."""

    def __init__(self, *scripts: Any, spare: int = 0) -> None:
        self.peer = ScriptedPeer(*scripts)
        self.spare = spare  # so many connections may not be made

    def __enter__(self) -> ScriptedPeer:
        return portal().run(self.peer.__aenter__()).result(10)

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        self.peer._unfinished = max(0, self.peer._unfinished - self.spare)
        portal().run(self.peer.__aexit__(kind, error, traceback)).result(10)


class Speaker:
    """A page: it has the newest microphone of the kernel and speaks into it."""

    def __init__(self, front_end: FrontEnd, page: str = "p") -> None:
        self.front_end, self.page = front_end, page
        self.comm = front_end.comm("Microphone")
        self.epoch, self.seq = "", 0
        self.send({"type": "hello", "page": page})

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Send one message."""
        self.front_end.send(self.comm, content, buffers)

    def start(self, epoch: str = "e") -> None:
        """Click Start."""
        self.epoch, self.seq = epoch, 0
        self.send({"type": "start", "page": self.page, "epoch": epoch})

    def speak(self, pcm: bytes = NOISE, *, every: float = 0.0) -> None:
        """Say a second, in chunks of 100 ms."""
        for begin in range(0, len(pcm), 4800):
            head = {"type": "audio", "page": self.page, "epoch": self.epoch, "seq": self.seq, "first": self.seq * 2400}
            self.send({**head, "captured_at": time.time(), "rate": 24_000}, [pcm[begin : begin + 4800]])
            self.seq += 1
            self.front_end.pump(every or 0.001)

    def end(self, kind: str = "stop") -> None:
        """Click Pause or Stop."""
        self.send({"type": kind, "page": self.page, "epoch": self.epoch, "last": self.seq - 1})

    @property
    def state(self) -> str:
        """The state that the page shows."""
        self.front_end.pump(0.01)
        return str(self.front_end.comms[self.comm]["state"])


def drawn(page: FrontEnd) -> list[str]:
    """The lines of the newest transcript view as the page has drawn them, by messages alone."""
    comm, lines = page.comm("TranscriptView"), {}
    for target, message in page.sent_to_page:
        if target == comm and message["type"] in ("patch", "snapshot"):
            lines.update({row["sid"]: row["text"] for row in message.get("upsert", message.get("segments", []))})
    return list(lines.values())
