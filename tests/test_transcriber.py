"""The live transcription as a widget, between a page that speaks and a scripted service; real sockets, real disk."""

from __future__ import annotations

import asyncio
import html
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

import rt_magic as rt
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.transcriber import Transcriber
from tests.pages import Page
from tests.test_capture_page import enter

NOISE = np.random.default_rng(0).integers(-60, 60, 24_000).astype(np.int16)
"""One second, too quiet to be speech, whose samples differ."""


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Recordings of these tests go to a folder of their own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


async def until(condition: Callable[[], object], timeout: float = 15.0) -> None:
    """Wait for what the portal's thread does."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s"
        await asyncio.sleep(0.01)


def words(*texts: str, seconds: float = 1.0) -> Callable[[PeerConnection], Any]:
    """A service that answers each stretch of so many seconds with one of the texts."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        for number, text in enumerate(texts, 1):
            await connection.audio(seconds=number * seconds)
            await connection.turn(text, start=(number - 1) * seconds, end=number * seconds, deltas=[text[:3]])
        await connection.finish()

    return script


def states(transcriber: Transcriber) -> list[str]:
    """The states that the transcript recorded."""
    return [event["state"] for event in transcriber.transcript.events if event["type"] == "state"]


async def test_sound_that_no_service_took_is_an_error_and_goes_on_with_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a service takes the connection and says nothing, Stop ends by saying what is missing; Start sends it."""
    monkeypatch.setattr("rt_magic.cell.live.PATIENCE", 1.0)
    deaf = asyncio.Event()

    async def take_and_say_nothing(connection: PeerConnection) -> None:
        await deaf.wait()

    async with ScriptedPeer(take_and_say_nothing, words("one two")) as peer:
        transcriber = Transcriber("en", service=peer.url)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        page.end("stop")
        with pytest.raises(rt.ServiceConnectionError, match=r"1\.0 s of sound were not sent; click Start"):
            await asyncio.to_thread(transcriber.wait, 20)
        assert transcriber.state == "error" and transcriber.transcript.done
        deaf.set()
        page.start("b")
        await until(lambda: transcriber.value == "one two")
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
        assert (transcriber.state, transcriber.error) == ("stopped", None)


async def test_from_click_to_last_word() -> None:
    """Sound from the click on is transcribed whole, states pass in order, and the counts agree to the sample."""
    async with ScriptedPeer(words("one two", "three")) as peer:
        transcriber = Transcriber("en", service=peer.url)
        assert (transcriber.state, transcriber.value) == ("ready", "")
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.value == "one two")
        assert transcriber.state == "listening"
        page.speak(NOISE)
        page.end("stop")
        transcript = await asyncio.to_thread(transcriber.wait, 20)
        assert transcript.text == "one two three"
        assert (transcriber.state, transcriber.status, transcriber.error) == ("stopped", "stopped", None)
        sent = bytes(peer.connections[0].pcm)
    assert sent[: 2 * NOISE.nbytes] == 2 * NOISE.tobytes()
    assert states(transcriber) == ["opening", "connecting", "listening", "draining", "stopped"]
    last = transcript.events[-1]
    assert (last["type"], last["captured"], last["received"]) == ("stopped", 48_000, 48_000)
    assert last["sent"] - last["padding"] == 48_000
    assert rt.transcripts[-1] is transcript
    assert transcript.duration == 2.0
    assert transcript.done


async def test_what_is_known_about_a_recording() -> None:
    """It began at Start, not when the cell ran; options, versions and the seconds of each stage are there."""
    async with ScriptedPeer(words("one two")) as peer:
        transcriber = Transcriber("en", service=peer.url, keywords=["Nosema"])
        await asyncio.sleep(0.2)
        page = Page(transcriber.microphone)
        clicked = datetime.now(UTC)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.value == "one two")
        before = transcriber.transcript.meta
        page.end("stop")
        transcript = await asyncio.to_thread(transcriber.wait, 20)
    assert transcript.started_at is not None and transcript.started_at >= clicked
    meta = transcript.meta
    assert meta["options"] == {
        "language": "en", "keywords": ["Nosema"], "turn_detection": "auto", "silence_ms": 500
    }  # fmt: skip
    assert set(meta["versions"]) == {"python", "rt-magic", "websockets"} and set(before) <= set(meta)
    (segment,) = transcript
    assert segment.latency is not None and list(segment.latency) == ["received", "sent", "first", "final"]
    assert 0 <= segment.latency["received"] <= segment.latency["sent"] <= segment.latency["final"] < 20
    assert list(transcript.latency["sent"]) == [segment.latency["sent"]]


async def test_words_said_before_the_service_answers_are_kept() -> None:
    """Recording begins with the click, however long the connection takes."""

    async def slow(connection: PeerConnection) -> None:
        await connection.pause(0.5)
        await words("early")(connection)

    async with ScriptedPeer(slow) as peer:
        transcriber = Transcriber(service=peer.url)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.transcript.duration == 1.0)
        assert transcriber.state == "connecting"
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
        assert bytes(peer.connections[0].pcm[: NOISE.nbytes]) == NOISE.tobytes()
    assert transcriber.value == "early"


async def test_pause_stops_the_clock() -> None:
    """A pause takes no time of the recording, and the same session goes on after it."""
    async with ScriptedPeer(words("one", "two")) as peer:
        transcriber = Transcriber(service=peer.url)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        page.end("pause")
        await until(lambda: transcriber.state == "paused")
        await asyncio.sleep(0.3)
        page.start("b")
        page.speak(NOISE)
        page.end("stop")
        transcript = await asyncio.to_thread(transcriber.wait, 20)
    assert transcript.text == "one two"
    assert transcript.duration == 2.0
    assert states(transcriber).count("paused") == 1


async def test_twice_is_once() -> None:
    """start, pause and stop may be said again at any time without effect."""
    async with ScriptedPeer(words("one")) as peer:
        transcriber = Transcriber(service=peer.url)
        transcriber.stop()
        transcriber.pause()
        page = Page(transcriber.microphone)
        page.start("a")
        page.start("a")
        page.speak(NOISE)
        transcriber.start()
        transcriber.stop()
        transcriber.stop()
        page.end("stop")
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
        transcriber.stop()
        assert len(peer.connections) == 1
    assert transcriber.value == "one"


async def test_a_refusal_of_the_service_keeps_text_and_sound() -> None:
    """What the service says ends it: the error is shown, raised by wait, and the recording is kept."""
    async with ScriptedPeer(Refusal(401, '{"error": {"message": "bad key"}}')) as peer:
        transcriber = Transcriber(service=peer.url)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.state == "error")
        assert transcriber.microphone.command["name"] == "stop"
        page.end("stop")
        with pytest.raises(rt.RtMagicError):
            await asyncio.to_thread(transcriber.wait, 20)
    assert transcriber.microphone.state == "error"
    assert transcriber.microphone.error == str(transcriber.error)
    assert transcriber.transcript.duration == 1.0
    assert transcriber.transcript.events[-1]["type"] == "stopped"


async def test_a_denied_microphone_can_be_tried_again(state_home: Path) -> None:
    """Denied before the first sound, nothing stays on disk, and the next Start is a first one."""
    hanging = socket.create_server(("127.0.0.1", 0))  # which takes the connection and never answers
    transcriber = Transcriber(service=f"ws://127.0.0.1:{hanging.getsockname()[1]}")
    page = Page(transcriber.microphone)
    page.start("a")
    page.send({"type": "microphone-error", "name": "NotAllowedError", "message": "The browser was not allowed."})
    await until(lambda: transcriber.state == "error")
    assert "not allowed" in transcriber.microphone.error
    with pytest.raises(rt.MicrophoneError, match="not allowed"):
        await asyncio.to_thread(transcriber.wait, 5)
    await until(lambda: not list(state_home.rglob("audio.pcm")))
    hanging.close()
    async with ScriptedPeer(words("one")) as peer:
        transcriber._live.service = rt.Compatible(peer.url)  # type: ignore[attr-defined]  # only a Live has one
        page.start("b")
        page.speak(NOISE)
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
    assert transcriber.value == "one"
    assert transcriber.error is None


async def test_start_after_stop_goes_on_in_the_same_transcript() -> None:
    """Start once more adds to the transcript and the recording; only new sound is sent."""
    async with ScriptedPeer(words("one"), words("two")) as peer:
        transcriber = Transcriber(service=peer.url)
        page = Page(transcriber.microphone)
        for epoch, text in (("a", "one"), ("b", "one two")):
            page.start(epoch)
            page.speak(NOISE)
            page.end("stop")
            await until(lambda text=text: transcriber.value == text and transcriber.transcript.done)  # type: ignore[misc]
        assert [connection.seconds >= 1.0 for connection in peer.connections] == [True, True]
        assert bytes(peer.connections[1].pcm[: NOISE.nbytes]) == NOISE.tobytes()
    transcript = transcriber.transcript
    assert (transcript.text, transcript.duration) == ("one two", 2.0)
    assert [segment.id for segment in transcript.segments] == ["s1", "s2"]
    last = transcript.events[-1]
    assert last["captured"] == last["received"] == 48_000 == last["sent"] - last["padding"]


async def test_save_keeps_the_sound(tmp_path: Path) -> None:
    """With `save` the file is complete when it has stopped."""
    import soundfile

    path = tmp_path / "talk.flac"
    async with ScriptedPeer(words("one")) as peer:
        transcriber = Transcriber(service=peer.url, save=path)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 24_000
    assert np.array_equal(samples, NOISE)


async def test_no_page_is_an_error_that_says_so() -> None:
    """`.start()` where no page shows the microphone ends the wait with what to do."""
    transcriber = Transcriber(service="ws://127.0.0.1:9")
    transcriber.start()
    with pytest.raises(rt.MicrophoneError, match="no page shows this microphone"):
        await asyncio.to_thread(transcriber.wait, 20)


async def test_duration_stops_it_that_long_after_each_start() -> None:
    """After so many seconds of sound it asks the page to stop and ends; another Start has all of them again."""
    async with ScriptedPeer(words("one"), words("two")) as peer:
        transcriber = Transcriber(service=peer.url, duration=1.0)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.microphone.command.get("name") == "stop")
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
        assert transcriber.value == "one"
        asked = transcriber.microphone.command["n"]
        page.start("b")
        page.speak(NOISE[:19_200])
        await until(lambda: transcriber.microphone.received == 24_000 + 19_200)
        assert transcriber.microphone.command["n"] == asked
        page.speak(NOISE[:4_800])
        await until(lambda: transcriber.microphone.command["n"] > asked)
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
    assert transcriber.value == "one two"


async def test_a_forgotten_microphone_pauses_and_disconnects() -> None:
    """After so long without speech it asks the page to pause, says why, and disconnects; Resume goes on."""

    async def silent(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(silent, words("after")) as peer:
        transcriber = Transcriber(service=peer.url, idle=0.3)
        page = Page(transcriber.microphone)
        page.start("a")
        for _ in range(8):
            page.speak(NOISE[:2400])
            await asyncio.sleep(0.1)
        await until(lambda: transcriber.microphone.command.get("name") == "pause")
        page.end("pause")
        await until(lambda: transcriber.state == "paused")
        assert "nothing was said for 0.3 s" in transcriber.status
        session = transcriber._live.session  # type: ignore[attr-defined]  # only a Live has one
        await until(lambda: session.state == "stopped")
        before = transcriber.transcript.duration
        assert not transcriber.transcript.done
        page.start("b")
        page.speak(NOISE)
        await until(lambda: transcriber.value == "after")
        assert bytes(peer.connections[1].pcm[: NOISE.nbytes]) == NOISE.tobytes()
        page.end("stop")
        transcript = await asyncio.to_thread(transcriber.wait, 20)
    assert transcript.duration == before + 1.0
    assert states(transcriber)[-2:] == ["draining", "stopped"]


async def test_a_service_that_is_away_makes_no_silence() -> None:
    """Whether somebody speaks is not known while nobody listens: it does not pause, and the words come later."""
    there = asyncio.Event()

    async def late(connection: PeerConnection) -> None:
        await there.wait()
        await words("after")(connection)

    async with ScriptedPeer(late) as peer:
        transcriber = Transcriber(service=peer.url, idle=0.3)
        page = Page(transcriber.microphone)
        page.start("a")
        for _ in range(10):
            page.speak(NOISE[:2400])
            await asyncio.sleep(0.1)
        assert transcriber.state == "connecting" and transcriber.microphone.command.get("name") != "pause"
        there.set()
        await until(lambda: transcriber.value == "after")
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)


async def test_a_long_pause_disconnects_and_stop_ends_it() -> None:
    """A pause that is forgotten closes the connection too; Stop then ends the transcript with all its words."""
    async with ScriptedPeer(words("one")) as peer:
        transcriber = Transcriber(service=peer.url, idle=0.5)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.value == "one")
        page.end("pause")
        session = transcriber._live.session  # type: ignore[attr-defined]  # only a Live has one
        await until(lambda: session.state == "stopped")
        assert transcriber.state == "paused"
        transcriber.stop()
        transcript = await asyncio.to_thread(transcriber.wait, 20)
    assert (transcript.text, transcript.done, transcriber.state) == ("one", True, "stopped")
    assert len(peer.connections) == 1


async def test_start_after_an_error_goes_on_in_the_same_transcript() -> None:
    """After an error Start adds to the same transcript: what was not transcribed is sent again, the gap is marked."""
    async with ScriptedPeer(Refusal(401, '{"error": {"message": "bad key"}}'), words("one", "two")) as peer:
        transcriber = Transcriber(service=peer.url)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.state == "error")
        page.end("stop")
        await until(lambda: transcriber.transcript.done)
        page.start("b")
        page.speak(NOISE)
        await until(lambda: transcriber.value == "one two")
        page.end("stop")
        transcript = await asyncio.to_thread(transcriber.wait, 20)
        assert bytes(peer.connections[-1].pcm[: 2 * NOISE.nbytes]) == 2 * NOISE.tobytes()
    assert transcript.duration == 2.0
    (gap,) = [event for event in transcript.events if event["type"] == "gap"]
    assert (gap["at"], gap["seconds"] >= 0) == (1.0, True)


@pytest.mark.parametrize("name", ["talk.flac", "talk.wav"])
async def test_after_an_error_the_saved_sound_goes_on_too(tmp_path: Path, name: str) -> None:
    """Start after an error adds to the same file; only a Stop without one completes it."""
    async with ScriptedPeer(Refusal(401, '{"error": {"message": "bad key"}}'), words("one", "two")) as peer:
        transcriber = Transcriber(service=peer.url, save=tmp_path / name)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.state == "error")
        page.end("stop")
        await until(lambda: transcriber.transcript.done)
        page.start("b")
        page.speak(NOISE)
        await until(lambda: transcriber.value == "one two")
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
        samples, rate = soundfile.read(tmp_path / name, dtype="int16")
        assert rate == 24_000 and samples.tolist() == NOISE.tolist() * 2
        page.start("c")
        await until(lambda: "the sound is complete in" in str(transcriber.error))


def test_saved_flac_is_whole_at_the_end_of_a_process(tmp_path: Path) -> None:
    """Whoever leaves after an error, with the file still open, has all of it."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom rt_magic.audio.saving import FlacFile\n"
        "sys.saver = FlacFile(Path(sys.argv[1]))\nsys.saver.write(bytes(range(200)) * 300)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "a.flac"], check=True)
    assert soundfile.read(tmp_path / "a.flac", dtype="int16")[0].tobytes() == bytes(range(200)) * 300


async def test_the_notice_is_shown_once_for_each_destination() -> None:
    """The first Start for a service shows the notice, the second does not; both transcripts keep it."""
    from rt_magic.cell.notices import set_notice

    async with ScriptedPeer(words("one"), words("two")) as peer:
        where = peer.url.removeprefix("ws://")
        set_notice(f"Tell everyone: recorded {{where}} ({peer.url}).")
        try:
            shown = []
            for _ in range(2):
                transcriber = Transcriber(service=peer.url)
                page = Page(transcriber.microphone)
                page.start("a")
                page.speak(NOISE)
                await until(lambda transcriber=transcriber: transcriber.value)  # type: ignore[misc]
                shown.append(transcriber.microphone.notice)
                page.end("stop")
                transcript = await asyncio.to_thread(transcriber.wait, 20)
                assert transcript.meta["notice"] == f"Tell everyone: recorded by {where} ({peer.url})."
        finally:
            set_notice("")
    assert shown == [f"Tell everyone: recorded by {where} (ws://{where}).", ""]


@pytest.mark.parametrize("private", [False, True])
async def test_after_a_reload_the_cell_says_how_the_text_is_kept(private: bool) -> None:
    """Another page than the first is told that the saved text is not refreshed any more; with private nobody is."""
    async with ScriptedPeer(words("one")) as peer:
        transcriber = Transcriber(service=peer.url, private=private)
        transcriber.bind("talk")
        first = Page(transcriber.microphone, "first")
        first.send({"type": "hello", "page": "first"})
        first.start("a")
        first.speak(NOISE)
        await until(lambda: transcriber.value == "one")
        assert "new cell" not in transcriber.status
        Page(transcriber.microphone).send({"type": "hello", "page": "second"})
        await until(lambda: transcriber._live.page == "second")
        assert ("run `talk` in a new cell" in transcriber.status) is not private
        first.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
        assert ("run `talk` in a new cell" in transcriber.status) is not private
    assert transcriber.status.startswith("stopped")


async def test_a_capture_page_is_no_reload() -> None:
    """The page that only records shows no words and saves no notebook."""
    transcriber = Transcriber(service=rt.Local())
    Page(transcriber.microphone).send({"type": "hello", "page": "first"})
    await until(lambda: transcriber._live.page == "first")
    address = transcriber.microphone.capture_page()
    with enter(address, urlsplit(address).fragment) as socket:
        socket.send(json.dumps({"type": "hello", "page": "second"}))
        await until(lambda: transcriber.microphone.is_capture_page("second"))
        socket.send(json.dumps({"type": "hello", "page": "second"}))
        await asyncio.sleep(0.2)
    assert transcriber._live.page == "first" and not transcriber._live.reloaded
    transcriber.close()


async def test_on_segment_runs_once_for_each_segment_inside_the_wait() -> None:
    """Without a kernel's loop the callback runs in the waiting thread, in order, once per segment with text."""
    got: list[str] = []
    async with ScriptedPeer(words("one", "", "two")) as peer:
        transcriber = Transcriber(service=peer.url, on_segment=lambda segment: got.append(segment.text))
        page = Page(transcriber.microphone)
        page.start("a")
        for _ in range(3):
            page.speak(NOISE)
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
    assert got == ["one", "two"]
    await until(lambda: transcriber.view.waiting == 0)


async def test_callbacks_come_and_go() -> None:
    """Each one runs once per segment however often it is added, an error of one is nothing to the others, and what is
    removed runs no more, the constructor's neither."""
    got: list[str] = []

    def first(segment: rt.Segment) -> None:
        got.append(f"first {segment.text}")

    def second(segment: rt.Segment) -> None:
        got.append(f"second {segment.text}")

    def broken(segment: rt.Segment) -> None:
        raise ValueError(segment.text)

    async with ScriptedPeer(words("one", "two")) as peer:
        transcriber = Transcriber(service=peer.url, on_segment=first)
        for callback in (broken, second, second):
            transcriber.on_segment(callback)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.value == "one")
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(transcriber.wait, 0)  # which runs what waits
        waiting = asyncio.to_thread(transcriber.wait, 20)
        transcriber.on_segment(first, remove=True)
        page.speak(NOISE)
        page.end("stop")
        await waiting
    assert "second one" in got and got.count("second two") == 1
    assert "first two" not in got


async def test_the_final_text_is_observed() -> None:
    """`value` tells each new text once, with the one before it."""
    seen: list[tuple[str, str]] = []
    async with ScriptedPeer(words("one", "two")) as peer:
        transcriber = Transcriber(service=peer.url)
        transcriber.observe(lambda change: seen.append((change["old"], change["new"])), "value")
        page = Page(transcriber.microphone)
        page.start("a")
        for _ in range(2):
            page.speak(NOISE)
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
        await until(lambda: seen and seen[-1][1] == "one two")
    assert seen[0][0] == "" and [old for old, _ in seen[1:]] == [new for _, new in seen[:-1]]


def test_a_model_is_the_services_own() -> None:
    """A model given beside the service is named above Start, and is that of the service."""
    azure = rt.AzureOpenAI("https://contoso.openai.azure.com", model="one", api_key="k")
    transcriber = Transcriber("fr", service=azure, model="other")
    assert "deployment other" in transcriber.microphone.destination
    assert transcriber.service.model == "other"
    server = Transcriber(service="ws://127.0.0.1:9", model="large")
    assert server.service.model == "large"


async def test_wait_has_a_time() -> None:
    """A wait that takes too long is a TimeoutError that names the state."""
    transcriber = Transcriber(service="ws://127.0.0.1:9")
    with pytest.raises(TimeoutError, match="still ready"):
        await asyncio.to_thread(transcriber.wait, 0.1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"service": "azur"}, "azur"),
        ({"language": "Frnech", "service": "local"}, r"French \(fr\)"),
        ({"language": "fr", "service": "local"}, "AZURE_OPENAI_ENDPOINT"),
        ({"service": "ws://127.0.0.1:9", "turn_detection": "sometimes"}, "'sometimes'"),
        ({"service": "ws://127.0.0.1:9", "noise_reduction": "loud"}, "'loud'"),
        ({"service": "ws://127.0.0.1:9", "duration": "10m"}, "duration='10m' is not a number of seconds"),
        ({"service": "ws://127.0.0.1:9", "duration": 0}, "duration=0 is not a number of seconds above 0"),
        ({"service": "ws://127.0.0.1:9", "idle": -1}, "idle=-1"),
        ({"service": "ws://127.0.0.1:9", "save": "talk.mp3"}, "not as 'talk.mp3'"),
        ({"service": "ws://127.0.0.1:9", "save": __file__ + "/talk.wav"}, ".wav"),
        ({"service": "ws://127.0.0.1:9", "keywords": [1]}, "are not words"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_opens(
    options: dict[str, Any], says: str, state_home: Path
) -> None:
    """A wrong service, language or option raises at once and leaves nothing on disk."""
    with pytest.raises((rt.ConfigurationError, rt.AudioError), match=says):
        Transcriber(**options)
    assert list(state_home.iterdir()) == []


def test_the_cell_says_where_the_voice_goes() -> None:
    """Above Start stands the destination, its reason, and the other choice; without any key."""
    azure = Transcriber("fr", service=rt.AzureOpenAI("https://contoso.openai.azure.com", api_key="s3cret"))
    said = azure.microphone.destination
    assert said.startswith("Goes to contoso.openai.azure.com (Azure OpenAI, deployment gpt-realtime-whisper, French)")
    assert "--service local" in said
    assert "s3cret" not in repr(azure.get_state()) + repr(azure.microphone.get_state()) + repr(azure.service)


def test_private_words_are_in_no_output(capsys: pytest.CaptureFixture[str]) -> None:
    """With `private` neither the twin nor the widget's state holds a word."""
    from rt_magic.transcript.segments import Changes, Segment

    transcriber = Transcriber(service="ws://127.0.0.1:9", private=True)
    transcriber.transcript._apply(Changes((Segment(id="s1", text="secret", final=True),), (), {"s1": 1.0}))
    transcriber.show()
    assert "private transcript" in capsys.readouterr().out
    assert "secret" not in repr(transcriber._twin._bundle()) + repr(transcriber.view.get_state())


def test_markup_of_a_service_is_escaped_in_the_twin_and_in_what_is_displayed() -> None:
    """Text, speaker and error make no element in the twin, nor in the transcript's own HTML; the hint neither."""
    from rt_magic.cell.twin import Twin
    from rt_magic.transcript.segments import Changes, Segment

    evil = "<img src=x onerror='alert(1)'>"
    transcriber = Transcriber(service="ws://127.0.0.1:9")
    segment = Segment(id="s1", text=evil, speaker=evil, error=evil, final=True)
    transcriber.transcript._apply(Changes((segment,), (), {"s1": 1.0}))
    hint = Twin(rt.Transcript(), private=False, hint=evil)
    shown = [transcriber._twin._bundle(), transcriber.transcript._repr_mimebundle_(), hint._bundle()]
    for bundle, times in zip(shown, (3, 3, 1), strict=True):
        assert "<img" not in bundle["text/html"]
        assert html.unescape(bundle["text/html"]).count(evil) == times
        assert bundle["text/plain"].count(evil) == times


async def test_finish_does_not_wait_for_ever() -> None:
    """With a service that says nothing and a page that is gone, finish ends in time, and says what has failed."""

    async def deaf(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.pause(10)

    async with ScriptedPeer(deaf) as peer:
        transcriber = Transcriber(service=peer.url)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.transcript.duration == 1.0)
        began = time.monotonic()
        await asyncio.to_thread(transcriber.finish, 1.0)
        assert time.monotonic() - began < 5
        assert transcriber.transcript.wait(0).done
        assert transcriber.state not in ("opening", "connecting", "listening", "draining")


async def test_a_finished_transcriber_that_is_closed_is_let_go() -> None:
    """Closed, it follows its transcript no longer, so that the transcript alone stays in memory."""
    async with ScriptedPeer(words("one")) as peer:
        transcriber = Transcriber(service=peer.url)
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        page.end("stop")
        transcript = await asyncio.to_thread(transcriber.wait, 20)
    assert len(transcript._store.listeners)
    transcriber.close()
    assert len(transcript._store.listeners) == 0


async def test_a_session_that_refuses_leaves_no_recording(state_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the session cannot be made at Start, nothing stays on disk and the cell shows why."""
    transcriber = Transcriber(service="ws://127.0.0.1:9")
    transcriber._live._options["turn_detection"] = "sometimes"  # type: ignore[attr-defined]  # only a Live has them
    page = Page(transcriber.microphone)
    page.start("a")
    await until(lambda: transcriber.state == "error")
    assert "'sometimes'" in transcriber.microphone.error
    await until(lambda: not list(state_home.rglob("audio.pcm")))


def test_where_no_recording_can_be_kept_no_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the folder of recordings cannot be made, the file of `save` is not left behind, empty and held."""
    from rt_magic.audio.recording import Recording

    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("rt_magic.audio.recording.recordings_folder", lambda: tmp_path / "file" / "recordings")
    with pytest.raises(rt.AudioError, match="no recording can be kept"):
        Recording.create(save=tmp_path / "talk.wav")
    assert not (tmp_path / "talk.wav").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device here is always full")
async def test_a_save_that_fails_is_said_in_the_cell(tmp_path: Path) -> None:
    """When the user's own file cannot be written any more, the cell says so and the recording goes on."""
    async with ScriptedPeer(words("one", "two")) as peer:
        transcriber = Transcriber(service=peer.url, save=tmp_path / "talk.wav")
        page = Page(transcriber.microphone)
        page.start("a")
        page.speak(NOISE)
        await until(lambda: transcriber.value == "one")
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, transcriber.transcript.recording._saver._file.fileno())  # type: ignore[union-attr]
        page.speak(NOISE)
        await until(lambda: transcriber.value == "one two")
        await until(lambda: "not saved any further" in transcriber.status)
        page.end("stop")
        await asyncio.to_thread(transcriber.wait, 20)
