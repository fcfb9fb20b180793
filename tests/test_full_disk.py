"""A disk that is full for a while: the cell says so, and what could not be recorded comes once there is room."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rt_magic as rt
from rt_magic.audio.recording import Recording
from rt_magic.testing import ScriptedPeer
from rt_magic.transcriber import Transcriber
from tests.pages import Page
from tests.test_transcriber import NOISE, until, words


class KeepingPage(Page):
    """A page that keeps each chunk until it is acknowledged, as the real one does."""

    def __init__(self, transcriber: Transcriber, monkeypatch: pytest.MonkeyPatch, rate: int) -> None:
        super().__init__(transcriber.microphone, rate=rate)
        self.kept: dict[tuple[str, int], tuple[dict[str, Any], list[bytes]]] = {}
        send = transcriber.microphone.send

        def hear(message: Any, buffers: Any = None) -> None:
            self.hear(dict(message))
            send(message, buffers)

        monkeypatch.setattr(transcriber.microphone, "send", hear)

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Send a message, and keep it if it is sound."""
        if buffers:
            self.kept[content["epoch"], content["seq"]] = content, buffers
        super().send(content, buffers)

    def hear(self, message: dict[str, Any]) -> None:
        """Let go of what the kernel has, and send what it asks for."""
        if message["type"] == "ack":
            self.kept = {
                key: sent for key, sent in self.kept.items() if key[0] != message["epoch"] or key[1] >= message["next"]
            }
        elif message["type"] == "again":
            for seq in range(message["from"], message["to"]):
                self.send(*self.kept[message["epoch"], seq])


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[bool]:
    """Whether the disk of recordings is full, which a test may change."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    state, write = [False], Recording._write

    def fails(recording: Recording, pcm: bytes, offset: int) -> None:
        if state[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(recording, pcm, offset)

    monkeypatch.setattr(Recording, "_write", fails)
    return state


@pytest.mark.parametrize("rate", [24_000, 44_100])
async def test_a_full_disk_loses_nothing(full: list[bool], monkeypatch: pytest.MonkeyPatch, rate: int) -> None:
    """What a full disk refused stays in the page, the cell says what to do, and Start goes on without a hole."""
    second = np.random.default_rng(1).integers(-60, 60, rate).astype(np.int16) if rate != 24_000 else NOISE
    async with ScriptedPeer(words("one"), words("two", "three", seconds=1.0)) as peer:
        transcriber = Transcriber(service=peer.url)
        page = KeepingPage(transcriber, monkeypatch, rate)
        page.start("a")
        page.speak(second)
        await until(lambda: transcriber.value == "one")
        full[0] = True
        page.speak(second)
        await until(lambda: transcriber.state == "error")
        assert "No space left on device" in transcriber.microphone.error
        assert "free space, then click Start" in transcriber.microphone.error
        await until(lambda: transcriber.microphone.command.get("name") == "stop")
        page.end("stop")
        with pytest.raises(rt.AudioError, match="cannot be written"):
            await asyncio.to_thread(transcriber.wait, 20)
        assert [seq for _, seq in page.kept] == list(range(10, 20))
        full[0] = False
        page.start("b")
        page.speak(second)
        await until(lambda: transcriber.value == "one two three")
        page.end("stop")
        transcript = await asyncio.to_thread(transcriber.wait, 20)
        await until(lambda: not page.kept)
    last = transcript.events[-1]
    assert last["captured"] == last["received"] == last["sent"] - last["padding"] == 72_000
    assert transcriber.microphone.lost == 0
    if rate == 24_000 and transcript.audio is not None:
        assert np.array_equal(np.rint(transcript.audio[0] * 32768), np.tile(NOISE, 3))


async def test_sound_that_was_forgotten_is_not_blamed_on_the_disk(full: Sequence[bool]) -> None:
    """After `forget()` Start says that there is nothing to go on with, and what to do."""
    async with ScriptedPeer(words("one")) as peer:
        transcriber = Transcriber(service=peer.url)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        page.end("stop")
        transcript = await asyncio.to_thread(transcriber.wait, 20)
        transcript.forget()
        page.start("b")
        page.speak(NOISE)
        await until(lambda: transcriber.state == "error")
        page.end("stop")
        with pytest.raises(rt.ConfigurationError, match=r"forgotten.*run the cell again"):
            await asyncio.to_thread(transcriber.wait, 20)
    assert (transcript.text, transcript.duration) == ("one", 1.0)
