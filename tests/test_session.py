"""The session against a scripted service over a real socket."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rt_magic as rt
from rt_magic.audio.pcm import SAMPLE_RATE, to_pcm16
from rt_magic.session import embedded
from rt_magic.session.session import RealtimeSession
from rt_magic.session.timing import Timing
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.wire.events import CommitAudio, Completed, ErrorEvent
from tests.coded import coded
from tests.speech import fixture


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Recordings of these tests go to a folder of their own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def noise(seconds: float) -> bytes:
    """Make PCM16 too quiet to be speech, whose samples differ, so that a shift would be seen."""
    rng = np.random.default_rng(0)
    return to_pcm16(rng.uniform(-0.002, 0.002, round(seconds * SAMPLE_RATE)))


async def test_words_come_and_everything_is_sent() -> None:
    """Audio sent before and after the connection stands arrives whole, and the turn becomes a segment."""

    async def script(connection: PeerConnection) -> None:
        update = await connection.accept()
        assert update.session["audio"]["input"]["transcription"] == {"language": "fr"}
        await connection.audio(seconds=2.0)
        await connection.turn("bonjour à tous", start=0.2, end=2.0, deltas=["bonjour", " à"])
        await connection.finish()

    pcm = noise(2.0)
    async with ScriptedPeer(script) as peer:
        async with RealtimeSession(rt.Compatible(peer.url), language="French") as session:
            await session.send(pcm[:4800])
            await session.send(pcm[4800:])
            transcript = await session.finish()
        assert bytes(peer.connections[0].pcm[: len(pcm)]) == pcm
    (segment,) = transcript.segments
    assert (segment.id, segment.text, segment.final) == ("s1", "bonjour à tous", True)
    assert segment.start == pytest.approx(0.5) and segment.end == pytest.approx(1.5)
    counts = session.counts
    assert counts["received"] == len(pcm) // 2 == counts["sent"] - counts["padding"]
    assert transcript.usage == {"type": "duration", "seconds": 1} or transcript.usage["seconds"] == 1


async def test_iteration_yields_interim_then_final_and_ends() -> None:
    """A consumer sees a turn grow and settle, and the iteration ends with the session."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=0.5)
        await connection.turn("one two", deltas=["one"])
        await connection.finish()

    async with ScriptedPeer(script) as peer, RealtimeSession(rt.Compatible(peer.url)) as session:
        await session.send(noise(0.5))
        reader = asyncio.create_task(_collect(session))
        await session.finish()
        seen = await reader
    assert seen[-1].text == "one two" and seen[-1].final


async def _collect(session: RealtimeSession) -> list[rt.Segment]:
    return [segment async for segment in session]


async def test_a_transcript_is_done_when_its_session_is() -> None:
    """Whoever waits for the transcript of a session is told its end, and how much was heard and sent."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        async with RealtimeSession(rt.Compatible(peer.url)) as session:
            await session.send(noise(1.0))
            assert not session.transcript.done
            transcript = await session.finish()
        assert transcript.wait(timeout=0) is transcript and transcript.done
    stopped = transcript.events[-1]
    assert stopped["type"] == "stopped"
    assert stopped["captured"] == stopped["received"] == SAMPLE_RATE == stopped["sent"] - stopped["padding"]


async def test_iteration_that_was_left_can_begin_again() -> None:
    """After a break the segments can be iterated once more; two readers at a time are refused."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1.0)
        await connection.turn("bonjour", start=0.2, end=0.9)
        await connection.finish()

    async with ScriptedPeer(script) as peer, RealtimeSession(rt.Compatible(peer.url)) as session:
        await session.send(noise(1.0))
        reader = aiter(session)
        await anext(reader)
        with pytest.raises(rt.ConfigurationError, match="iterated already"):
            await anext(aiter(session))
        await reader.aclose()
        await session.finish()
        assert [segment.text async for segment in session] == ["bonjour"]


async def test_a_lost_connection_is_made_again_and_the_unsettled_audio_sent_again() -> None:
    """After a drop the recording is replayed from the end of the last settled turn, and no turn comes twice."""

    async def first(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=3.0)
        await connection.turn("first", start=0.2, end=1.5)
        connection.abort()

    async def second(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=2.0)
        await connection.turn("second", start=0.5, end=1.5)
        await connection.finish()

    pcm = noise(3.0)
    async with ScriptedPeer(first, second) as peer:
        async with RealtimeSession(rt.Compatible(peer.url)) as session:
            await session.send(pcm)
            transcript = await session.finish()
        # The first turn, its closing silence included, ended at 1.5 s of the recording.
        assert bytes(peer.connections[1].pcm[: len(pcm) - 72_000]) == pcm[72_000:]
    assert [segment.text for segment in transcript.segments] == ["first", "second"]
    assert [segment.id for segment in transcript.segments] == ["s1", "s2"]
    assert transcript.segments[1].start == pytest.approx(1.5 + 0.8)


@pytest.mark.parametrize("when", ["before it stands", "while it is lost", "just before it is lost"])
async def test_a_pause_closes_the_turn_whatever_happens_to_the_connection(when: str) -> None:
    """The last words before a pause become final during the pause, by the next connection where this one is lost."""
    lost, paused = asyncio.Event(), asyncio.Event()

    async def first(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1.0)
        if when == "just before it is lost":
            await connection.audio(seconds=2.0)  # with the silence that closes the turn
        connection.abort()
        lost.set()

    async def second(connection: PeerConnection) -> None:
        await paused.wait()
        await connection.accept()
        await connection.audio(seconds=2.0)
        assert bytes(connection.pcm[: len(pcm)]) == pcm
        await connection.turn("the last words", start=0.2, end=1.5)
        await connection.finish()

    pcm = noise(1.0)
    scripts = [second] if when == "before it stands" else [first, second]
    async with (
        ScriptedPeer(*scripts) as peer,
        RealtimeSession(rt.Compatible(peer.url), timing=Timing(retry=0.01)) as session,
    ):
        await session.send(pcm)
        if when == "just before it is lost":
            await session.flush()
        if when != "before it stands":
            await lost.wait()
        if when != "just before it is lost":
            await session.flush()
        paused.set()
        async with asyncio.timeout(5):
            async for segment in session:
                if segment.final:
                    break
        assert segment.text == "the last words"
        await session.finish()


async def test_nothing_is_sent_where_nothing_was_recorded() -> None:
    """A start and a stop without sound cost no seconds of silence; so does a pause before the first sound."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(script, script) as peer:
        for turns in ("server", "client"):
            async with RealtimeSession(rt.Compatible(peer.url), turn_detection=turns) as session:
                await session.flush()
                await session.finish()
            assert session.counts["sent"] == session.counts["padding"] == 0
        assert [len(connection.pcm) for connection in peer.connections] == [0, 0]


async def test_no_key_is_named_where_there_is_none() -> None:
    """What the words came by is said of a key that was sent, and of none where none was."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(script, script) as peer:
        for key, named in ((None, None), ("key-of-a-server", "key")):
            async with RealtimeSession(rt.Compatible(peer.url, api_key=key)) as session:
                assert (await session.finish()).meta["credential"] == named


async def test_client_side_turns_are_committed_at_the_end() -> None:
    """Where the service detects no turns, what was said is committed at the end at the latest."""

    async def script(connection: PeerConnection) -> None:
        update = await connection.accept()
        assert update.session["audio"]["input"]["turn_detection"] is None
        await connection.expect(CommitAudio)
        await connection.turn("everything")
        await connection.finish()

    async with ScriptedPeer(script) as peer, RealtimeSession(rt.Compatible(peer.url), turn_detection="off") as session:
        await session.send(noise(1.0))
        transcript = await session.finish()
    (segment,) = transcript.segments
    assert (segment.text, segment.timing) == ("everything", "vad")


async def test_a_refused_commit_leaves_the_times_of_later_turns_alone() -> None:
    """Where the service has nothing to close at a cut of ours, the next turn gets its own time and not that one's."""
    recording = coded(3)
    refused: list[str] = []

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        for number in range(3):
            commit = await connection.expect(CommitAudio)
            if number == 0:
                empty = "input_audio_buffer_commit_empty"
                await connection.send(ErrorEvent("nothing there", empty, client_event_id=commit.event_id))
                refused.append(empty)
                continue
            item = f"item_{number}"
            await connection.send(connection.protocol.commit(item), Completed(item, f"turn {number}"))
        await connection.finish()

    async with (
        ScriptedPeer(script) as peer,
        RealtimeSession(rt.Compatible(peer.url), turn_detection="client") as session,
    ):
        await session.send(recording.pcm)
        transcript = await session.finish()
    assert refused and [segment.text for segment in transcript] == ["turn 1", "turn 2"]
    begun = [first / 100 for first, _ in recording.speech[1:]]
    assert [segment.start for segment in transcript] == pytest.approx(begun, abs=0.05)


async def test_a_refused_key_is_an_authentication_error() -> None:
    """A 401 ends the session at once, with what the service said and its request id."""
    async with (
        ScriptedPeer(Refusal(401, "wrong key", {"apim-request-id": "r-1"})) as peer,
        RealtimeSession(rt.Compatible(peer.url, api_key="key-of-a-server")) as session,
    ):
        with pytest.raises(rt.AuthenticationError, match=r"401 \(wrong key\)") as caught:
            await session.finish()
    assert caught.value.request_id == "r-1"
    assert "key-of-a-server" not in str(caught.value) and "key-of-a-server" not in repr(session.service)


async def test_a_redirect_is_not_followed() -> None:
    """A redirect is an error that names where it pointed, since following it would take the key along."""
    async with ScriptedPeer(Refusal(302, "", {"Location": "http://elsewhere.invalid/"})) as peer:
        async with RealtimeSession(rt.Compatible(peer.url)) as session:
            with pytest.raises(rt.ServiceConnectionError, match=r"redirect to http://elsewhere\.invalid/"):
                await session.finish()
        assert len(peer.requests) == 1


async def test_a_service_that_never_answers_the_last_turn_leaves_it_marked() -> None:
    """When the time is over, open text is kept and marked failed."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1.0)
        await connection.send(connection.protocol.commit("item_1"))
        from rt_magic.wire.events import Delta

        await connection.send(Delta("item_1", "half a"))
        await connection.finish()

    async with ScriptedPeer(script) as peer, RealtimeSession(rt.Compatible(peer.url)) as session:
        await session.send(noise(1.0))
        transcript = await session.finish(timeout=0.5)
    (segment,) = transcript.segments
    assert segment.text == "half a" and segment.error and "0.5 s" in segment.error
    assert transcript.text == ""


@pytest.mark.parametrize("offset", [0.0, 30.0])
async def test_sound_of_which_nothing_was_heard_is_marked_failed(offset: float) -> None:
    """A service that takes the settings and says no more, not even that somebody speaks, leaves no whole transcript."""

    async def deaf(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(deaf) as peer, RealtimeSession(rt.Compatible(peer.url), offset=offset) as session:
        await session.send(noise(2.0))
        transcript = await session.finish(timeout=0.3)
    (segment,) = transcript.segments
    assert (segment.start, segment.end, segment.text) == (offset, offset + 2.0, "")
    assert segment.final and segment.error == "no final text came within 0.3 s"


async def test_after_text_only_the_rest_is_marked_failed() -> None:
    """What was final stays; of the sound behind it nothing is known."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1.0)
        await connection.turn("one", start=0.0, end=1.0)
        await connection.finish()

    async with ScriptedPeer(script) as peer, RealtimeSession(rt.Compatible(peer.url)) as session:
        await session.send(noise(3.0))
        transcript = await session.finish(timeout=0.5)
    assert [(s.text, s.error is None) for s in transcript.segments] == [("one", True), ("", False)]
    assert transcript.segments[1].end == 3.0 and transcript.text == "one"


async def test_a_refused_setting_is_dropped_and_noted() -> None:
    """A service that does not know a field is asked again without it, and the user is told once."""

    async def script(connection: PeerConnection) -> None:
        connection.protocol.unknown = frozenset({"session.audio.input.transcription.keywords"})
        update = await connection.accept()
        assert "keywords" not in update.session["audio"]["input"]["transcription"]
        await connection.audio(seconds=0.2)
        await connection.turn("words")
        await connection.finish()

    async with (
        ScriptedPeer(script) as peer,
        RealtimeSession(rt.Compatible(peer.url), keywords=["Kubernetes"]) as session,
    ):
        await session.send(noise(0.2))
        transcript = await session.finish()
    assert transcript.text == "words"
    assert "keywords" in transcript.meta["notes"][0]


async def test_files_beside_a_notebook_do_not_get_into_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules of the current folder named like the library's keep neither the embedded server nor its decoder away."""
    for name in ("secrets.py", "queue.py"):
        (tmp_path / name).write_text("KEY = 'mine'")
    monkeypatch.chdir(tmp_path)
    try:
        async with RealtimeSession(rt.Local(engine="pocketsphinx"), language="en") as session:
            await session.send(fixture()[: 8 * SAMPLE_RATE])
            assert (await session.finish()).text
    finally:
        embedded.close()


async def test_what_is_not_entered_takes_nothing() -> None:
    """`send` before `async with` says how a session is used, as `finish` does."""
    session = rt.RealtimeSession(rt.Compatible("ws://127.0.0.1:9"))
    for call in (session.send(bytes(4800)), session.finish()):
        with pytest.raises(rt.ConfigurationError, match="was not entered; use it as: async with"):
            await call
    session.transcript.forget()


async def test_what_is_finished_takes_no_more() -> None:
    """Sound after the end is refused instead of never becoming text, and so is entering a session twice."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        async with RealtimeSession(rt.Compatible(peer.url)) as session:
            await session.send(noise(0.5))
            with pytest.raises(rt.ConfigurationError, match="entered before"):
                await session.__aenter__()
            finishing = asyncio.create_task(session.finish())
            await asyncio.sleep(0)
            with pytest.raises(rt.ConfigurationError, match="finished"):
                await session.send(noise(0.5))
            await finishing
            with pytest.raises(rt.ConfigurationError, match="finished"):
                await session.send(noise(0.5))
        with pytest.raises(rt.ConfigurationError, match="entered before"):
            await session.__aenter__()
        assert len(peer.requests) == 1
    assert session.recording.samples == SAMPLE_RATE // 2


async def test_an_array_of_samples_is_sent_whole() -> None:
    """What numpy holds as int16 arrives as it is, and is counted in samples."""
    samples = np.frombuffer(noise(1.0), "<i2")

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1.0)
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        async with RealtimeSession(rt.Compatible(peer.url), live=True) as session:
            await session.send(samples)  # type: ignore[arg-type]  # bytes by their type, any buffer in fact
            await session.finish()
        assert bytes(peer.connections[0].pcm[: samples.nbytes]) == samples.tobytes()
    assert session.counts["received"] == SAMPLE_RATE


async def test_an_ended_session_begins_again_in_the_same_transcript() -> None:
    """After the end a session can be resumed: numbering, order and the recording's clock go on."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1.0)
        await connection.turn(f"part {connection.number}", start=0.5, end=1.0)
        await connection.finish()

    async with ScriptedPeer(script, script) as peer, RealtimeSession(rt.Compatible(peer.url)) as session:
        await session.send(noise(1.0))
        await session.finish()
        session.append(noise(0.5))  # after the end: it is sent when the session goes on
        session.resume()
        await session.send(noise(0.5))
        transcript = await session.finish()
    assert [(s.id, s.text) for s in transcript.segments] == [("s1", "part 1"), ("s2", "part 2")]
    assert transcript.segments[1].start == pytest.approx(1.8)
    assert session.counts["received"] == 48_000 == session.counts["sent"] - session.counts["padding"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"silence_ms": -5},
            "silence_ms=-5 is not possible; give a number of milliseconds such as 500, from 50 to 10000",
        ),
        ({"silence_ms": "500ms"}, "silence_ms='500ms' is not possible"),
        ({"silence_ms": 0}, "silence_ms=0"),
        ({"keywords": [1]}, "are not words"),
    ],
)
def test_what_no_service_could_take_is_refused_before_anything_is_asked(options: dict[str, Any], says: str) -> None:
    """A number out of range, or none, is one sentence, and no service is made to refuse it."""
    with pytest.raises(rt.ConfigurationError, match=says):
        rt.RealtimeSession(rt.Compatible("ws://127.0.0.1:9"), **options)


async def test_a_model_given_beside_a_service_is_that_services() -> None:
    """It stands in the address too, where a server wants it there."""

    async def takes(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(Refusal(422), takes) as peer:
        async with rt.RealtimeSession(rt.Compatible(peer.url), model="large") as session:
            await session.send(bytes(48_000))
            await session.finish()
        assert "model=large" in peer.requests[-1].path


def test_a_script_ends_with_widgets_that_nobody_closed() -> None:
    """Whatever is still there when the interpreter ends does not keep it from ending."""
    script = "import rt_magic as rt\nt = rt.Transcriber(service='ws://127.0.0.1:9')\nm = rt.Microphone()\nprint('over')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "over\n")
    assert "Traceback" not in done.stderr
