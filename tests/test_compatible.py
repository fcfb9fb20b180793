"""Servers of one's own: which dialect they speak is found out, and what they do otherwise is survived."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedOK

import rt_magic as rt
from rt_magic.session.timing import Timing
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.wire.dialects import DIALECTS, Wanted
from rt_magic.wire.events import (
    AppendAudio,
    ClientEventError,
    CommitAudio,
    Completed,
    Delta,
    ErrorEvent,
    Json,
    SessionUpdate,
    SessionUpdated,
)
from rt_magic.wire.protocol import ClientProtocol
from tests import speech
from tests.resource import PHRASE, Script, first_final, fresh, say  # noqa: F401  # `fresh` is for every test here
from tests.speaches import Speaches


def serving(*texts: str, updates: list[SessionUpdate] | None = None) -> Script:
    """Return a script that takes the settings, whatever was said before, and writes each text as a turn."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        for text in texts:
            while connection.seconds < 3.6:
                await connection.next_event()
            await connection.turn(text, start=0.5, end=3.56)
        await connection.finish()
        if updates is not None:
            updates.extend(event for event in connection.received if isinstance(event, SessionUpdate))

    return script


# ── speaches ──


async def test_settings_that_are_taken_and_not_applied_are_said_again_in_the_other_shape() -> None:
    """A server that ignores the nested shape without a word shows it in its echo: the flat one is tried, once."""
    updates: list[SessionUpdate] = []

    class Silent(Speaches):
        shows = False

    script = serving("bonjour", updates=updates)
    async with ScriptedPeer(script, script, dialect=Silent) as peer:
        service = rt.Compatible(peer.url, model="whisper-small")
        first = await say(service, language="fr")
        second = await say(service, language="fr")
    assert ["audio" in update.session for update in updates] == [True, False, False]
    assert updates[1].session["input_audio_transcription"] == {"model": "whisper-small", "language": "fr"}
    assert updates[2].session == updates[1].session  # what was found out is remembered
    for transcript in (first, second):
        assert transcript.text == "bonjour" and transcript.meta["model"] == "whisper-small"
        assert not [note for note in transcript.meta["notes"] if "instead of" in note]


async def test_where_neither_shape_is_right_the_first_one_counts() -> None:
    """A server of another model that takes the nested shape and refuses the flat one is worked with as it is."""

    class Stubborn(Speaches):
        shows = answers = False

    async def script(connection: PeerConnection) -> None:
        await connection.greet()
        nested = dict((await connection.expect(SessionUpdate)).session)
        own = {"transcription": {"model": "its-own"}, "turn_detection": None}
        await connection.send(SessionUpdated({**nested, "audio": {"input": {**nested["audio"]["input"], **own}}}))
        await connection.expect(SessionUpdate)
        field = "session.input_audio_transcription"
        await connection.send(ErrorEvent("Unknown parameter", code="unknown_parameter", param=field))
        await connection.expect(CommitAudio)
        await connection.turn("bonjour")
        await connection.finish()

    async with ScriptedPeer(script, dialect=Stubborn) as peer:
        transcript = await say(rt.Compatible(peer.url, model="m"), language="fr")
    assert transcript.text == "bonjour"


async def test_a_flat_server_is_known_by_its_first_frame() -> None:
    """The session that it shows tells the shape, so that one update is enough; the address names the model."""
    updates: list[SessionUpdate] = []
    async with ScriptedPeer(Refusal(403), serving("bonjour", updates=updates), dialect=Speaches) as peer:
        transcript = await say(rt.Compatible(peer.url, model="whisper-small"), language="fr-FR")
        paths = [request.path for request in peer.requests]
    assert paths == ["/v1/realtime?intent=transcription", "/v1/realtime?model=whisper-small&intent=transcription"]
    assert [dict(update.session) for update in updates] == [
        {
            "input_audio_transcription": {"model": "whisper-small", "language": "fr"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
        }
    ]
    assert transcript.text == "bonjour" and transcript.meta["notes"] == []


async def test_an_error_and_success_for_one_update_are_both_heard() -> None:
    """An error that carries no code, followed by the settings in force, is said once and asks for nothing again."""
    updates: list[SessionUpdate] = []

    class Complaining(Speaches):
        def _apply(self, update: Json) -> str:
            return super()._apply({**update, "input_audio_format": "pcm16"})

    async with ScriptedPeer(serving("bonjour", updates=updates), dialect=Complaining) as peer:
        transcript = await say(rt.Compatible(peer.url, model="m", dialect="speaches"), language="fr")
    assert len(updates) == 1 and transcript.text == "bonjour"
    assert len([note for note in transcript.meta["notes"] if "took the settings and complains" in note]) == 1


async def test_an_error_is_waited_out_before_it_counts() -> None:
    """Success may come a moment after the error: until then nothing is asked for again."""
    updates: list[SessionUpdate] = []

    class Slow(Speaches):
        answers = False

    async def script(connection: PeerConnection) -> None:
        await connection.greet()
        update = await connection.expect(SessionUpdate)
        await connection.send(ErrorEvent("prefix_padding_ms: not supported"))
        await connection.pause(0.15)
        await connection.send(SessionUpdated(dict(update.session)))
        await connection.audio(seconds=3.6)
        await connection.turn("bonjour", start=0.5, end=3.56)
        await connection.finish()
        updates.extend(event for event in connection.received if isinstance(event, SessionUpdate))

    async with ScriptedPeer(script, dialect=Slow) as peer:
        transcript = await say(rt.Compatible(peer.url, model="m"), language="fr")
    assert transcript.text == "bonjour" and len(updates) == 1


async def test_turn_detection_that_cannot_be_switched_off_is_left_on() -> None:
    """Where the server always cuts, turns of our own are not asked for, and no commit of ours breaks its connection."""
    updates: list[SessionUpdate] = []
    committed: list[bool] = []

    async def script(connection: PeerConnection) -> None:
        await serving("bonjour", updates=updates)(connection)
        committed.append(any(isinstance(event, CommitAudio) for event in connection.received))

    async with ScriptedPeer(script, dialect=Speaches) as peer:
        transcript = await say(rt.Compatible(peer.url, model="m"), turn_detection="client")
    assert transcript.text == "bonjour" and committed == [False]
    assert updates[0].session["turn_detection"]["type"] == "server_vad"
    assert "this server cuts turns itself, which cannot be switched off" in transcript.meta["notes"]


async def test_a_server_that_drops_the_connection_over_a_commit_gets_none() -> None:
    """Speech that the server has not reported at the end is closed by silence; a commit would lose it with the rest."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        with pytest.raises(ConnectionClosedOK):
            while True:
                event = await connection.next_event(patience=None)
                if isinstance(event, CommitAudio):
                    connection.abort()

    async with ScriptedPeer(script, dialect=Speaches) as peer:
        transcript = await say(rt.Compatible(peer.url, model="m"), timing=Timing(quiet=0.02))
        assert len(peer.requests) == 1 and transcript.text == ""


# ── what a server shows ──


@pytest.mark.parametrize(
    ("dialect", "nested", "event"),
    [("openai", True, "session.update"), ("speaches", False, "session.update"),
     ("localai", False, "transcription_session.update"), ("azure", True, "session.update")],
)  # fmt: skip
async def test_the_first_frame_decides(dialect: str, nested: bool, event: str) -> None:
    """Nested, flat, and flat by the beta's names: `dialect="auto"` speaks as the server does, at the first update."""
    updates: list[SessionUpdate] = []
    async with ScriptedPeer(serving("bonjour", updates=updates), dialect=dialect) as peer:
        transcript = await say(rt.Compatible(peer.url, model="whisper-1"), language="fr", silence_ms=600)
    (update,) = updates
    assert update.type == event and ("audio" in update.session) is nested
    assert transcript.text == "bonjour" and transcript.meta["notes"] == []


async def test_a_refused_shape_is_changed() -> None:
    """A server that refuses the nested keys as unknown gets the flat ones."""
    updates: list[SessionUpdate] = []

    class Old(Speaches):
        shows = False

        def _apply(self, update: Json) -> str:
            return "turn_detection: null" if "audio" in update else super()._apply(update)

        def _complain(self, message: str) -> None:
            error: Json = {"type": "invalid_request_error", "message": "Unknown parameter: 'session.type'.",
                           "code": "unknown_parameter", "param": "session.type"}  # fmt: skip
            self._outgoing.append(json.dumps({"type": "error", "event_id": "event_y", "error": error}))

    async with ScriptedPeer(serving("bonjour", updates=updates), dialect=Old) as peer:
        transcript = await say(rt.Compatible(peer.url, model="m"), language="fr")
    assert ["audio" in update.session for update in updates] == [True, False]
    assert transcript.text == "bonjour"


async def test_a_language_that_ones_own_server_does_not_take_is_said_once() -> None:
    """The words may come in any language then: the transcript's notes say so, and that once."""

    async def script(connection: PeerConnection) -> None:
        def check(session: Json, event_id: str | None) -> None:
            if "language" in (session["audio"]["input"]["transcription"] or {}):
                path = "session.audio.input.transcription.language"
                raise ClientEventError("no", code="unknown_parameter", param=path, event_id=event_id)

        connection.rule = check
        await serving("bonjour")(connection)

    states: list[str] = []
    async with ScriptedPeer(script) as peer:
        service = rt.Compatible(peer.url, model="m")
        session = rt.RealtimeSession(service, language="fr", on_state=lambda state, status: states.append(status))
        async with session:
            await session.send(PHRASE)
            await first_final(session)
            transcript = await session.finish()
    said = [note for note in transcript.meta["notes"] if "instead of fr" in note]
    assert said == ["the service listens for any language instead of fr"]
    assert f"listening; {said[0]}" in states


# ── vLLM ──


def vllm(*texts: str, heard: list[Any] | None = None) -> Script:
    """Return a script of vLLM's server: a stretch is begun, fed and ended, and what comes before its answer is lost."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        for text in texts:
            begun = await connection.expect(CommitAudio)
            assert begun.final is False
            start = connection.seconds
            while not isinstance(event := await connection.next_event(), CommitAudio):
                assert isinstance(event, AppendAudio) and event.audio
                if connection.seconds - start > 0.5 and text:
                    await connection.send(Delta(None, text.split()[0]))
                    start = 1e9
            assert event.final is True
            with pytest.raises(AssertionError, match="sent nothing"):  # before the answer
                await connection.next_event(patience=0.1)
            await connection.send(Completed(None, text, usage={"total_tokens": 3}))
        if heard is not None:
            heard.extend((connection.seconds, list(connection.received)))
        await connection.finish()

    return script


async def test_words_come_from_vllm() -> None:
    """Its first frame shows it; turns are cut here, audio goes at 16 kHz, one turn at a time, with exact times."""
    heard: list[Any] = []
    texts = [phrase.text for phrase in speech.phrases()]
    async with ScriptedPeer(vllm(*texts, heard=heard), dialect="vllm") as peer:
        transcript = await say(rt.Compatible(peer.url, model="voxtral"), speech.fixture(), language="fr")
        assert peer.requests[0].path == "/v1/realtime?intent=transcription"
    assert [segment.text for segment in transcript] == texts
    assert [segment.start for segment in transcript] == pytest.approx([p.start for p in speech.phrases()], abs=0.35)
    assert [segment.end for segment in transcript] == pytest.approx([p.end for p in speech.phrases()], abs=0.35)
    assert transcript.meta["notes"] == ["this server cannot be told the language (fr); it finds out by itself"]
    seconds, received = heard
    assert seconds <= len(speech.fixture()) / 48_000 + 0.01
    assert received[0] == SessionUpdate({"model": "voxtral"}, None, bare=True)


async def test_a_stretch_that_vllm_could_not_decode_is_sent_again() -> None:
    """After its processing error no answer comes: another connection transcribes what had become no text."""

    async def broken(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.expect(CommitAudio)
        await connection.send_raw('{"type": "error", "error": "out of memory", "code": "processing_error"}')
        await connection.finish()

    async with ScriptedPeer(broken, vllm("bonjour"), dialect="vllm") as peer:
        transcript = await say(rt.Compatible(peer.url, model="m", dialect="vllm"), timing=Timing(retry=0.05))
        assert peer.requests[0].path == "/v1/realtime"
    assert transcript.text == "bonjour"


async def test_audio_arrives_at_sixteen_kilohertz() -> None:
    """What vLLM hears is the same sound at its own rate, as long as it was to the sample."""
    tone = np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000) * 10_000
    heard: list[bytes] = []

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.expect(CommitAudio)
        await connection.expect(CommitAudio)
        heard.append(bytes(connection.pcm))
        await connection.send(Completed(None, ""))
        await connection.finish()

    protocol = ClientProtocol(DIALECTS["vllm"], Wanted(model="m"))
    protocol.receive('{"type": "session.created", "id": "sess-1", "created": 1}')
    for start in range(0, 24_000, 1_001):
        protocol.append_audio(tone[start : start + 1_001].astype("<i2").tobytes())
    protocol.commit()
    assert protocol.holding
    async with ScriptedPeer(script, dialect="vllm") as peer, connect(f"{peer.url}/v1/realtime") as socket:
        await socket.recv()
        for message in protocol.messages_to_send():
            await socket.send(message)
        assert json.loads(await socket.recv())["type"] == "transcription.done"
    samples = np.frombuffer(heard[0], "<i2")
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000) * 10_000
    assert len(samples) == 16_000 and np.abs(samples - expected)[100:-100].max() < 10


# ── NVIDIA NIM ──


async def test_words_come_from_nim() -> None:
    """Its first frame shows it: beta settings, the language with its region, turns cut here, audio at 16 kHz."""
    updates: list[SessionUpdate] = []
    heard: list[float] = []

    async def script(connection: PeerConnection) -> None:
        updates.append(await connection.accept())
        await connection.expect(CommitAudio)
        heard.append(connection.seconds)
        await connection.turn("bonjour", deltas=["bon", "jour"])
        await connection.finish()

    async with ScriptedPeer(script, dialect="nim") as peer:
        transcript = await say(rt.Compatible(peer.url, model="parakeet"), language="fr-FR")
    assert updates == [
        SessionUpdate(
            {
                "input_audio_transcription": {"model": "parakeet", "language": "fr-FR"},
                "turn_detection": None,
            },
            "rtm-1",
            "transcription_session.update",
        )
    ]
    assert transcript.text == "bonjour" and transcript.meta["notes"] == []
    assert transcript.segments[0].start == pytest.approx(0.8, abs=0.3) and 3.0 < heard[0] < 4.0


# ── MAI-Transcribe-2-Streaming ──


async def test_interim_text_of_mai_is_replaced() -> None:
    """Deltas stay, what stands behind them may change; commit and final text come without an item."""
    shown: list[str] = []

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=0.5)
        for delta, tail in (("Bonjour", ""), ("", " mon"), ("", " Marie"), (" Marie !", "")):
            await connection.send(Delta("item_1", delta, tail=tail))
        await connection.expect(CommitAudio)
        await connection.send_raw('{"type": "input_audio_buffer.committed"}')
        kind = "conversation.item.input_audio_transcription.completed"
        await connection.send_raw(json.dumps({"type": kind, "transcript": "Bonjour Marie !"}))
        await connection.finish()

    async with ScriptedPeer(script, dialect="mai") as peer:
        service = rt.AzureOpenAI(f"http://{peer.address}/mai/v1/realtime", model="mai-stream", api_key="key")
        async with rt.RealtimeSession(service, language="fr-FR", keywords=["Marie"], noise_reduction="near") as session:
            session.transcript.on_change(lambda change: shown.extend(s.text for s in change.upsert))
            await session.send(PHRASE)
            transcript = await session.finish()
        (request,) = peer.requests
        update = peer.connections[0].received[0]
    assert request.path == "/mai/v1/realtime?intent=transcription" and request.headers["api-key"] == "key"
    assert isinstance(update, SessionUpdate)
    assert update.session["audio"]["input"] == {
        "format": {"type": "audio/pcm", "rate": 24_000},
        "transcription": {"model": "mai-stream", "language": "fr"},
        "turn_detection": None,
    }
    assert list(dict.fromkeys(shown)) == ["Bonjour", "Bonjour mon", "Bonjour Marie", "Bonjour Marie !"]
    assert [segment.text for segment in transcript] == ["Bonjour Marie !"]
    assert transcript.segments[0].start == pytest.approx(0.8, abs=0.3)


# ── French, to every service ──


@pytest.mark.parametrize("spoken", ["fr", "fr-FR", "French"])
@pytest.mark.parametrize(
    ("dialect", "region"),
    [("openai", False), ("azure", False), ("voicelive", True), ("mai", False), ("speaches", False), ("localai", False),
     ("auto", False), ("nim", True)],
)  # fmt: skip
async def test_french_is_asked_for_in_the_words_of_each_service(dialect: str, region: bool, spoken: str) -> None:
    """However French is named, each service is told what it understands by it."""
    updates: list[SessionUpdate] = []
    played = "openai" if dialect == "auto" else dialect
    async with ScriptedPeer(_asked(updates), dialect=played) as peer:
        service: rt.Compatible | rt.OpenAI | rt.AzureOpenAI | rt.VoiceLive
        if dialect == "openai":
            service = rt.OpenAI(base_url=f"http://{peer.address}/v1", model="whisper-1", api_key="k")
        elif dialect in ("azure", "mai"):
            path = "/mai/v1/realtime" if dialect == "mai" else ""
            service = rt.AzureOpenAI(f"http://{peer.address}{path}", model="whisper-1", api_key="k")
        elif dialect == "voicelive":
            service = rt.VoiceLive(f"http://{peer.address}", api_key="k")
        else:
            model = "parakeet" if dialect == "nim" else "whisper-1"  # which knows no regions
            service = rt.Compatible(peer.url, model=model, dialect=dialect)
        transcript = await say(service, bytes(9_600), language=spoken)
    expected = "fr-FR" if region and spoken == "fr-FR" else "fr"
    session = updates[0].session
    told = session["audio"]["input"]["transcription"] if "audio" in session else session["input_audio_transcription"]
    assert told["language"] == expected
    assert transcript.meta["languages"] == [expected] and transcript.meta["notes"] == []


def _asked(updates: list[SessionUpdate]) -> Script:
    async def script(connection: PeerConnection) -> None:
        updates.append(await connection.accept())
        await connection.finish()

    return script


def test_no_dialect_is_known_outside_its_table() -> None:
    """The shell that carries a session asks a dialect's entry what it does, never which one it is."""
    names = {name for name in DIALECTS if name not in ("openai", "azure", "embedded", "voicelive", "auto")}
    folder = Path(rt.__file__).parent / "session"
    for path in folder.glob("*.py"):
        text = path.read_text("utf-8")
        found = [name for name in names if f'"{name}"' in text]
        allowed = ["mai"] if path.name == "azure.py" else []
        assert found == allowed, path.name
