"""A pause that lasts closes the connection; whatever comes while it closes, or after that, is still transcribed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rt_magic as rt
from rt_magic.portal import portal
from rt_magic.session.session import RealtimeSession
from rt_magic.testing import PeerConnection, ScriptedPeer
from rt_magic.transcriber import Transcriber
from tests.pages import Page
from tests.test_transcriber import NOISE, until, words


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Recordings of these tests go to a folder of their own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def state_of_session(transcriber: Transcriber) -> str:
    """Where the session of a transcriber stands; "" before it has begun."""
    session: RealtimeSession | None = transcriber._live.session  # type: ignore[attr-defined]  # only a Live has one
    return "" if session is None else session.state


def slow_end(*texts: str, closing: asyncio.Event) -> Callable[[PeerConnection], Awaitable[Any]]:
    """A service that gives its texts, and closes only once it may."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        for number, text in enumerate(texts, 1):
            await connection.audio(seconds=number)
            await connection.turn(text, start=number - 1, end=number)
        await connection.audio(seconds=len(texts) + 0.1)  # the padding with which the client ends
        await closing.wait()
        await connection.finish()

    return script


async def test_a_page_that_comes_back_after_the_rest_is_transcribed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lid is closed for so long that the connection goes; what the page sends once it is open again becomes text."""
    monkeypatch.setattr("rt_magic.widgets.intake.GONE_AFTER", 0.5)
    async with ScriptedPeer(words("one"), words("two")) as peer:
        transcriber = Transcriber(service=peer.url, idle=0.3)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: state_of_session(transcriber) == "stopped")
        assert transcriber.state == "paused"
        page.speak(NOISE)
        await until(lambda: transcriber.value == "one two")
        page.end("stop")
        transcript = await asyncio.to_thread(transcriber.wait, 20)
    assert (transcript.text, transcriber.state, transcript.duration) == ("one two", "stopped", 2.0)


@pytest.mark.parametrize("end", ["stop", "pause"])
async def test_resume_while_the_connection_closes_loses_nothing(end: str) -> None:
    """What is said after a Resume that came while the last words were written is sent, whatever comes after it."""
    closing = asyncio.Event()
    async with ScriptedPeer(slow_end("one", closing=closing), words("two")) as peer:
        transcriber = Transcriber(service=peer.url, idle=0.1)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        page.end("pause")
        await until(lambda: state_of_session(transcriber) == "draining")
        page.start("b")
        page.speak(NOISE)
        page.end(end)
        await until(lambda: transcriber.state == ("draining" if end == "stop" else "paused"))
        closing.set()
        if end == "pause":
            await until(lambda: transcriber.value == "one two")
            await until(lambda: state_of_session(transcriber) == "stopped")
            transcriber.stop()
        transcript = await asyncio.to_thread(transcriber.wait, 20)
    assert transcript.text == "one two"
    last = transcript.events[-1]
    assert last["captured"] == last["received"] == last["sent"] - last["padding"] == 48_000


async def test_an_unexpected_error_while_the_connection_closes_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the middle of a rest leaves no cell that writes its last words for ever."""
    async with ScriptedPeer(words("one")) as peer:
        transcriber = Transcriber(service=peer.url, idle=0.1)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.value == "one")
        broken: list[RealtimeSession] = []
        finish = RealtimeSession.finish

        async def breaks(session: RealtimeSession, timeout: float | None = 30) -> rt.Transcript:
            if not broken:
                broken.append(session)
                raise ValueError("broken")
            return await finish(session, timeout)

        monkeypatch.setattr(RealtimeSession, "finish", breaks)
        page.end("pause")
        await until(lambda: broken)
        transcriber.stop()
        transcript = await asyncio.to_thread(transcriber.wait, 20)
    assert (transcript.text, transcriber.state) == ("one", "stopped")


async def test_one_pause_has_one_timer() -> None:
    """A page that is gone and then says that it paused begins one rest; Resume ends it."""
    from rt_magic.cell.rest import Rest

    class Session:
        state, behind, finished = "listening", 0.0, 0

        class recording:
            samples = 0

        async def finish(self, timeout: float | None) -> None:
            self.finished += 1
            self.state = "stopped"

        def resume(self) -> None:
            self.state = "connecting"

    async def play() -> tuple[int, str]:
        session: Any = Session()
        rest = Rest()
        rest.begin(session, 0.02)
        rest.begin(session, 0.02)
        rest.end(session)
        await asyncio.sleep(0.1)
        assert session.finished == 0
        rest.begin(session, 0.0)
        await asyncio.sleep(0.1)
        rest.begin(session, 0.0)
        await asyncio.sleep(0.1)
        assert (session.finished, session.state, rest.resting) == (1, "stopped", True)
        rest.end(session)
        return session.finished, session.state

    assert await asyncio.wrap_future(portal().run(play())) == (1, "connecting")


async def test_sound_that_was_not_sent_is_never_called_whole() -> None:
    """However a session ended, what it has not sent is an error and no end as any other."""
    from rt_magic.cell.draining import drain

    async def finish(timeout: float | None) -> None:
        pass

    transcript = SimpleNamespace(revision=0)
    session: Any = SimpleNamespace(behind=1.5, counts={"sent": 0}, transcript=transcript, finish=finish)
    error = await drain(session, 1.0)
    assert "1.5 s of sound were not sent; click Start" in str(error)
