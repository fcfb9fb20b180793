"""The page's own scripts and a live cell of a real kernel, with a line between them that fails for seconds."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from rt_magic.testing import PeerConnection
from tests.kernels import FrontEnd, kernel
from tests.speakers import Peer
from tests.test_outbox import Page

COUNT = """
chunks = []
transcriber.microphone.on_audio(
    lambda pcm, position: chunks.extend(
        int.from_bytes(pcm[at : at + 2], "little") for at in range(0, len(pcm), 4800)
    )
)
"""


async def listens(connection: PeerConnection) -> None:
    """Take all sound and answer nothing."""
    await connection.accept()
    await connection.finish()


class Wire:
    """What a page does in real time, and the two directions between it and its kernel."""

    def __init__(self, front_end: FrontEnd, page: Page) -> None:
        self.front_end, self.page = front_end, page
        self.comm = front_end.comm("Microphone")
        self.open = True
        self.began = self.spoke = self.ticked = time.monotonic()
        self.state = str(front_end.comms[self.comm]["state"])
        front_end.on_comm = self._hear

    def act(self, name: str, **details: Any) -> None:
        """Let something happen in the page and send what it says, if anything gets through."""
        for message in self.page(name, time.monotonic() - self.began, **details):
            pcm = message.pop("pcm")
            if self.open:
                self.front_end.send(self.comm, message, [base64.b64decode(pcm)] if pcm else [])

    def run(self, seconds: float) -> None:
        """Let time pass: sound, ticks, and what comes from the kernel."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            while self.spoke + 0.1 <= now:
                self.spoke += 0.1
                if self.page.shown["recording"]:
                    self.act("sound", count=1)
            if now - self.ticked >= 0.5:
                self.ticked = now
                self.act("tick")
            self.front_end.pump(0.02)
            self._follow(str(self.front_end.comms[self.comm]["state"]))  # what changed while nothing came through

    def _hear(self, comm: str, method: str, content: dict[str, Any]) -> None:
        """Take what comes from the kernel in the order in which it came."""
        if not self.open or comm != self.comm:
            return
        if method == "update":
            self._follow(content.get("state", self.state))
        elif content["type"] in ("accepted", "ack", "again"):
            self.act("receive", answer=content)

    def _follow(self, state: str) -> None:
        if self.open and state != self.state:
            self.state = state
            self.act("follow", state=state)

    def until(self, state: str, seconds: float) -> None:
        """Wait for a state of the kernel's that the page has heard of."""
        deadline = time.monotonic() + seconds
        while self.state != state:
            assert time.monotonic() < deadline, f"{self.state} instead of {state}; {self.page.shown}"
            self.run(0.2)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A live cell that records what a page's scripts capture."""
    with Peer(listens) as peer, kernel() as front_end, closing(Page()) as page:
        front_end.run("%load_ext rt_magic")
        cell = front_end.run(f"transcriber = %transcribe --service {peer.url}\n{COUNT}")
        assert cell.status == "ok", cell.text
        made = Wire(front_end, page)
        made.act("start")
        made.until("listening", 20)
        made.run(0.5)
        yield made
        made.act("stop")
        made.until("stopped", 40)
        captured = page.shown["captured"]
        assert front_end.value("chunks") == list(range(captured))
        stopped = front_end.value("transcript.events[-1]")
        assert stopped["type"] == "stopped"
        assert stopped["captured"] == stopped["received"] == stopped["sent"] - stopped["padding"] == 2400 * captured
        assert page.shown["waiting"] == 0


def test_a_page_that_was_taken_for_gone_goes_on_recording(wire: Wire) -> None:
    """After seven seconds without a line the kernel says that the page is gone, and takes that back."""
    wire.open = False
    wire.run(7)
    assert wire.front_end.comms[wire.comm]["state"] == "paused"
    wire.open = True
    wire.run(4)
    assert wire.state == "listening" and wire.page.shown["recording"]


def test_clicks_without_a_line_take_effect_in_order(wire: Wire) -> None:
    """Pause and Resume that nobody hears of at first are done in order, each with its sound."""
    wire.open = False
    wire.run(1)
    wire.act("pause")
    wire.run(0.5)
    wire.act("start")
    wire.run(3)
    wire.open = True
    wire.until("listening", 20)
    epochs = wire.front_end.value("[e['type'] for e in transcript.events].count('epoch')")
    while epochs < 2:
        wire.run(0.5)
        epochs = wire.front_end.value("[e['type'] for e in transcript.events].count('epoch')")
    wire.run(1)
