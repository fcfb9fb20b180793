"""Azure OpenAI, played by a scripted peer: what goes over the wire, what comes back, and what the user reads of it."""

from __future__ import annotations

import asyncio
import html
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import rt_magic as rt
from rt_magic.cell.playback import FileTranscriber
from rt_magic.session import connection as connection_module
from rt_magic.session import ladder
from rt_magic.session.session import RealtimeSession
from rt_magic.session.timing import Timing
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.wire.codec import encode
from rt_magic.wire.events import (
    AppendAudio,
    CancelResponse,
    CommitAudio,
    Completed,
    Delta,
    ErrorEvent,
    Failed,
    LogProb,
    ResponseCreated,
    SessionUpdate,
    SpeakerSegment,
    SpeechStarted,
    Unknown,
)
from tests import resource
from tests.judges.openai_types import judge_client_event
from tests.resource import PHRASE, azure, first_final, fresh, say  # noqa: F401  # `fresh` is for every test here

SILENCE = bytes(48_000)


async def followed(peer: ScriptedPeer, model: str, pcm: bytes = SILENCE) -> tuple[rt.Transcript, list[str]]:
    """Run a session and return its transcript and every status it showed."""
    states: list[str] = []
    async with RealtimeSession(azure(peer, model), on_state=lambda state, status: states.append(status)) as session:
        await session.send(pcm)
        await first_final(session)
        return await session.finish(), states


# ── what goes over the wire ──


async def test_the_handshake_names_one_way_in_and_carries_the_key_in_a_header() -> None:
    """No model in the address, no version, no beta header, no subprotocol; the key in its own header alone."""
    async with ScriptedPeer(resource.serving("whisper-1", "bonjour")) as peer:
        await say(azure(peer, "whisper-1"))
        (request,) = peer.requests
    assert request.path == "/openai/v1/realtime?intent=transcription"
    names = {name.lower() for name, _ in request.headers.raw_items()}
    assert request.headers["api-key"] == "sk-secret-key"
    assert not names & {"authorization", "openai-beta", "sec-websocket-protocol", "sec-websocket-extensions"}
    ours = names - {"host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "user-agent"}
    assert ours == {"api-key"}  # a service refuses more than ten


async def test_no_sound_is_sent_before_the_settings_are_accepted() -> None:
    """Sound waits in the recording while the service thinks its answer over, and then comes whole."""

    async def script(connection: PeerConnection) -> None:
        await connection.greet()
        message = await connection._socket.recv()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection._socket.recv(), 0.2)
        connection.protocol.receive(message)
        await connection._flush()
        await connection.audio(seconds=1.0)
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        await say(azure(peer, "whisper-1"), SILENCE)


async def test_every_message_of_a_session_is_of_the_official_types() -> None:
    """Whatever we send to a voice session, commits and cancels included, parses strictly as the official package's."""
    kinds: set[type] = set()

    async def script(connection: PeerConnection) -> None:
        kinds.add(type(await connection.accept()))
        await connection.send(ResponseCreated())
        while True:
            event = await connection.next_event()
            kinds.add(type(event))
            judge_client_event(encode(event))
            if isinstance(event, CommitAudio):
                break
        await connection.turn("bonjour")
        await connection.finish()

    async with ScriptedPeer(Refusal(404), script) as peer:
        await say(azure(peer, realtime_model="gpt-realtime"))
    assert kinds == {SessionUpdate, AppendAudio, CommitAudio, CancelResponse}


@pytest.mark.parametrize("wanted", ["fr", "fr-FR", "French", "fr-ca"])
async def test_the_language_is_reduced_to_what_azure_takes(wanted: str) -> None:
    """However French is written, the service is asked for `fr`."""
    accepted: list[SessionUpdate] = []
    async with ScriptedPeer(resource.serving("whisper-1", accepted=accepted)) as peer:
        transcript = await say(azure(peer, "whisper-1"), SILENCE, language=wanted)
    assert accepted[0].session["audio"]["input"]["transcription"]["language"] == "fr"
    assert transcript.meta["languages"] == ["fr"]


async def test_a_language_that_the_service_does_not_know_is_dropped_and_said() -> None:
    """A refused language is left out with a note, rather than the session being lost."""

    async def script(connection: PeerConnection) -> None:
        connection.protocol.unknown = frozenset({"session.audio.input.transcription.language"})
        update = await connection.accept()
        assert "language" not in update.session["audio"]["input"]["transcription"]
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript = await say(azure(peer, "whisper-1"), SILENCE, language="ga")
    assert "transcription.language" in transcript.meta["notes"][0]


async def test_a_script_and_a_file_in_a_cell_are_told_of_another_language(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nobody need look into `meta` to learn that the words may be in another language."""

    async def script(connection: PeerConnection) -> None:
        connection.protocol.unknown = frozenset({"session.audio.input.transcription.language"})
        await connection.accept()
        await connection.finish()

    sound = tmp_path / "silence.wav"
    soundfile.write(sound, np.zeros(24_000, np.int16), 24_000)
    async with ScriptedPeer(script, script, script) as peer:
        asked: dict[str, Any] = {"service": azure(peer, "whisper-1"), "language": "ga"}
        await asyncio.to_thread(rt.transcribe, sound, **asked)
        assert "listens for any language instead of ga" in capsys.readouterr().err
        await asyncio.to_thread(rt.transcribe, sound, progress=False, **asked)
        assert capsys.readouterr().err == ""
        file = FileTranscriber(sound, **asked)
        file.start()
        await asyncio.to_thread(file.wait, 20)
    assert "listens for any language instead of ga" in file.status


async def test_several_languages_go_to_models_that_take_several() -> None:
    """`fr,en` is a list for those that can, and the first with a note for those that cannot."""
    accepted: list[SessionUpdate] = []
    both = [resource.serving(model, accepted=accepted) for model in ("gpt-transcribe", "whisper-1")]
    async with ScriptedPeer(*both) as peer:
        await say(azure(peer, "gpt-transcribe"), SILENCE, language="fr,en")
        one = await say(azure(peer, "whisper-1"), SILENCE, language="fr,en")
    asked = [update.session["audio"]["input"]["transcription"] for update in accepted]
    assert asked[0]["languages"] == ["fr", "en"] and "language" not in asked[0]
    assert asked[1]["language"] == "fr" and "languages" not in asked[1]
    assert "takes one language" in one.meta["notes"][0]


async def test_keywords_go_where_the_model_takes_them() -> None:
    """As a field, in the prompt, or nowhere with a note."""
    accepted: list[SessionUpdate] = []
    models = ("gpt-live-transcribe", "gpt-4o-transcribe", "gpt-realtime-whisper")
    async with ScriptedPeer(*[resource.serving(model, accepted=accepted) for model in models]) as peer:
        notes = [
            (await say(azure(peer, model), SILENCE, prompt="bees", keywords=["Nosema", "Varroa"])).meta["notes"]
            for model in models
        ]
    asked = [update.session["audio"]["input"]["transcription"] for update in accepted]
    assert (asked[0]["prompt"], asked[0]["keywords"]) == ("bees", ["Nosema", "Varroa"])
    assert asked[1]["prompt"] == "bees, Nosema, Varroa" and "keywords" not in asked[1]
    assert not {"prompt", "keywords"} & set(asked[2])
    assert [len(said) for said in notes] == [0, 0, 2]


# ── what comes back ──

TEXTS = [
    "L’été, c’est déjà fini : « Où ça ? »",
    "שלום עולם, مرحبا بالعالم",
    "日本語のテキスト",
    "👩‍👩‍👧‍👦 🇫🇷 e\u0301 \u202eabc\u202c",
    '<b>Not bold</b> & "quoted" \\ backslash',
]


async def test_every_script_arrives_unharmed(tmp_path: Path) -> None:
    """Accents, right-to-left text, emoji and markup come out of a session, its page and its files as they were sent."""
    async with ScriptedPeer(resource.serving("whisper-1", *TEXTS)) as peer:
        transcript = await say(azure(peer, "whisper-1"))
    assert [segment.text for segment in transcript] == TEXTS
    again = rt.Transcript.from_json(transcript.to_json())
    assert [segment.text for segment in again] == TEXTS
    assert list(transcript.to_pandas()["text"]) == TEXTS
    shown = html.unescape(transcript._repr_mimebundle_()["text/html"])
    written = {suffix: transcript.save(tmp_path / f"x.{suffix}").read_text("utf-8") for suffix in ("txt", "srt")}
    for text in TEXTS:
        assert text in shown and text in written["txt"]
    assert "L’été, c’est déjà fini" in written["srt"] and "שלום עולם" in written["srt"]


async def test_deltas_are_joined_as_they_are_and_replaced_by_the_final_text() -> None:
    """Nothing is put between deltas or taken off them; the final text stands alone, even if deltas had said it all."""
    seen: list[str] = []

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        item = connection.next_item
        for delta in ("Bon", "jour", " ", " tout le", " monde"):
            await connection.send(Delta(item, delta))
            await asyncio.sleep(0.02)
        await connection.turn("Bonjour tout le monde.")
        await connection.finish()

    async with ScriptedPeer(script) as peer, RealtimeSession(azure(peer, "whisper-1")) as session:
        session.transcript.on_change(lambda change: seen.extend(segment.text for segment in change.upsert))
        await session.send(SILENCE)
        transcript = await session.finish()
    assert seen[:5] == ["Bon", "Bonjour", "Bonjour ", "Bonjour  tout le", "Bonjour  tout le monde"]
    assert transcript.text == seen[-1] == "Bonjour tout le monde."


async def test_interleaved_turns_and_late_completions_stand_in_order() -> None:
    """Deltas of two turns at once, the second completed first, a third that failed: each has its own line, in order."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        commits = [connection.protocol.commit(item) for item in ("a", "b", "c", "d")]
        await connection.send(
            *commits,
            Delta("a", "one "), Delta("b", "two "), Delta("a", "and"), Delta("b", "more"),
            Completed("b", "two more"), Completed("d", "four"), Failed("c", "mumbled"), Completed("a", "one and"),
        )  # fmt: skip
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript = await say(azure(peer, "whisper-1"), SILENCE)
    assert [segment.text for segment in transcript] == ["one and", "two more", "", "four"]
    assert [segment.id for segment in transcript] == ["s1", "s2", "s3", "s4"]
    assert transcript.segments[2].error == "mumbled" and transcript.text == "one and two more four"


async def test_events_without_an_item_are_not_lost() -> None:
    """Some services leave the id out: the turn under way is meant."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        for message in (
            {"type": "conversation.item.input_audio_transcription.delta", "delta": "bon"},
            {"type": "input_audio_buffer.committed", "previous_item_id": None},
            {"type": "conversation.item.input_audio_transcription.completed", "transcript": "bonjour"},
        ):
            await connection.send_raw(json.dumps(message))
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript = await say(azure(peer, "whisper-1"), SILENCE)
    assert transcript.text == "bonjour" and len(transcript) == 1


async def test_speakers_are_told_apart() -> None:
    """A turn of two speakers becomes two segments with their names and times, under one turn's number."""

    async def script(connection: PeerConnection) -> None:
        update = await connection.accept()
        assert "prompt" not in update.session["audio"]["input"]["transcription"]
        await connection.audio(seconds=4)
        item = connection.next_item
        await connection.send(
            SpeechStarted(item, 500),
            SpeakerSegment(item, "seg_1", "Bonjour.", "A", 0.3, 1.0),
            SpeakerSegment(item, "seg_2", "Salut !", "B", 1.1, 2.0),
        )
        await connection.turn("Bonjour. Salut !", end=3.56)
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript = await say(azure(peer, "gpt-4o-transcribe-diarize"), prompt="a greeting")
    assert [(s.id, s.speaker, s.text) for s in transcript] == [("s1", "A", "Bonjour."), ("s1.2", "B", "Salut !")]
    assert [s.start for s in transcript] == pytest.approx([0.8, 1.6])
    assert [s.end for s in transcript] == pytest.approx([1.5, 2.5])


async def test_log_probabilities_become_confidence() -> None:
    """The mean log-probability of a turn's tokens is its confidence; without any there is none."""

    async def script(connection: PeerConnection) -> None:
        update = await connection.accept()
        assert update.session["include"] == ["item.input_audio_transcription.logprobs"]
        await connection.audio(seconds=1)
        await connection.turn("a b", logprobs=(LogProb("a", -0.1), LogProb(" b", -0.3)))
        await connection.turn("c")
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript = await say(azure(peer, "gpt-4o-transcribe"), SILENCE)
    assert transcript.segments[0].confidence == pytest.approx(0.8187, abs=1e-4)
    assert transcript.segments[1].confidence is None


async def test_usage_is_summed() -> None:
    """What the service says it bills is added up over the turns, tokens with their details and seconds alike."""
    tokens = {
        "type": "tokens", "total_tokens": 22, "input_tokens": 13, "output_tokens": 9,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 13},
    }  # fmt: skip

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        await connection.turn("one", usage=tokens)
        await connection.turn("two", usage=tokens)
        await connection.turn("three", usage={"type": "duration", "seconds": 2.5})
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        usage = (await say(azure(peer, "whisper-1"), SILENCE)).usage
    assert (usage["total_tokens"], usage["input_token_details"]["audio_tokens"], usage["seconds"]) == (44, 26, 2.5)


async def test_a_repeated_prompt_is_no_text() -> None:
    """In silence a model may give back its prompt, keywords and all: that is marked, and stays out of the text."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        await connection.turn("bees, Nosema, Varroa")
        await connection.turn("bees are fine")
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript = await say(azure(peer, "whisper-1"), SILENCE, prompt="bees", keywords=["Nosema", "Varroa"])
    assert transcript.text == "bees are fine"
    assert "prompt" in (transcript.segments[0].error or "")


async def test_large_messages_are_taken() -> None:
    """A turn with two megabytes of log-probabilities, more than a library takes by default, is read like any other."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        await connection.turn("long", logprobs=tuple(LogProb(f"token {n}", -0.1) for n in range(30_000)))
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        assert (await say(azure(peer, "gpt-4o-transcribe"), SILENCE)).text == "long"


async def test_what_is_unknown_or_unreadable_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """New events are logged, broken frames noted once, and the words around them come through."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        await connection.send(Unknown("conversation.item.input_audio_transcription.guess", {"guess": "x"}))
        for broken in ("{not json", b"\xff\xfe", "[]", '{"type": 5}'):
            await connection.send_raw(broken)
        await connection.turn("bonjour", deltas=["bon"])
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        with caplog.at_level("DEBUG", "rt_magic.session"):
            transcript = await say(azure(peer, "whisper-1"), SILENCE)
    assert transcript.text == "bonjour"
    assert len([note for note in transcript.meta["notes"] if "unreadable" in note]) == 1
    assert any("transcription.guess" in record.getMessage() for record in caplog.records)


# ── what the user reads ──


async def test_a_model_that_writes_after_each_pause_is_said_to() -> None:
    """Where no text comes while one speaks, the status says so before anybody thinks it hangs."""
    async with ScriptedPeer(resource.serving("gpt-4o-transcribe", "bonjour")) as peer:
        _, states = await followed(peer, "gpt-4o-transcribe", PHRASE)
    assert "listening; gpt-4o-transcribe writes after each pause" in states


async def test_a_model_that_writes_while_one_speaks_is_not_said_to_wait() -> None:
    """For a streaming model the status is plain."""
    async with ScriptedPeer(resource.serving("gpt-realtime-whisper", "bonjour à tous")) as peer:
        _, states = await followed(peer, "gpt-realtime-whisper", PHRASE)
    assert "listening" in states and not any("pause" in status for status in states)


async def test_a_model_of_unknown_name_is_judged_by_what_it_does() -> None:
    """A deployment whose name says nothing is told by its first turn: did text come before the pause or after it?"""
    shown: list[list[str]] = []
    for model, turn_detection in (("whisper-1", "auto"), ("gpt-live-transcribe", "client")):
        ladder.forget()
        states: list[str] = []
        async with (
            ScriptedPeer(resource.serving(model, "bonjour à tous")) as peer,
            RealtimeSession(
                azure(peer, "ear"),
                turn_detection=turn_detection,
                on_state=lambda state, status, states=states: states.append(status),  # type: ignore[misc]
            ) as session,
        ):
            await session.send(PHRASE)
            await first_final(session)
            await session.finish()
        shown.append(states)
    assert "listening; ear writes after each pause" in shown[0]
    assert not any("pause" in status for status in shown[1])


async def test_a_voice_model_that_answers_is_cancelled_with_one_warning() -> None:
    """Every answer that begins is cancelled; the user hears of it once; the service's refusal to cancel is silent."""
    cancelled = 0

    async def script(connection: PeerConnection) -> None:
        nonlocal cancelled
        await connection.accept()
        await connection.audio(seconds=1)
        for _ in range(2):
            await connection.send(ResponseCreated())
            cancelled += isinstance(await connection.expect(CancelResponse), CancelResponse)
            await connection.send(ErrorEvent("no active response", "response_cancel_not_active"))
        await connection.turn("bonjour")
        await connection.finish()

    async with ScriptedPeer(Refusal(404), script) as peer:
        transcript = await say(azure(peer, "whisper-1", realtime_model="gpt-realtime"), SILENCE)
    assert cancelled == 2 and transcript.text == "bonjour"
    assert len([note for note in transcript.meta["notes"] if "answer" in note]) == 1
    assert not [event for event in transcript.events if event["type"] == "error"]


async def test_an_error_that_ends_nothing_is_shown_once() -> None:
    """The service's complaint stands in notes and status once, however often it comes, and words go on."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        for _ in range(3):
            await connection.send(ErrorEvent("conversation is crowded", "crowded", "invalid_request_error"))
        await connection.turn("bonjour")
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript, states = await followed(peer, "whisper-1")
    assert transcript.text == "bonjour"
    assert [note for note in transcript.meta["notes"] if "crowded" in note] == [
        "the service complains: conversation is crowded"
    ]
    assert len([status for status in states if "crowded" in status]) == 1


async def test_settings_that_were_changed_silently_are_said() -> None:
    """The answer is compared with the wish: another model, no language, turns cut by the other side."""

    async def script(connection: PeerConnection) -> None:
        await connection.greet()
        await connection._socket.recv()
        session = {
            "type": "transcription",
            "audio": {"input": {
                "transcription": {"model": "other", "language": None},
                "turn_detection": {"type": "server_vad", "prefix_padding_ms": 300, "silence_duration_ms": 200},
                "format": {"type": "audio/pcm", "rate": 16000},
            }},
        }  # fmt: skip
        await connection.send_raw(json.dumps({"type": "session.updated", "session": session}))
        with pytest.raises(rt_closed()):
            while True:
                assert "commit" not in str(await connection._socket.recv())[:60]

    async with ScriptedPeer(script) as peer:
        transcript = await say(azure(peer, "gpt-realtime-whisper"), SILENCE, language="fr")
    notes = " | ".join(transcript.meta["notes"])
    assert "transcribes with other instead of gpt-realtime-whisper" in notes
    assert "listens for any language instead of fr" in notes
    assert "turns are cut by the service" in notes
    assert "16000 samples per second" in notes


def rt_closed() -> type[Exception]:
    """Return what a peer's socket raises when the client has closed."""
    from websockets.exceptions import ConnectionClosed

    return ConnectionClosed


# ── when things take long or end ──


async def test_a_session_that_reaches_its_greatest_length_goes_on() -> None:
    """Expiry is no error: a new connection carries on where the settled text ends, and numbers run through."""

    async def first(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=4)
        await connection.turn("first", start=0.5, end=3.56)
        await connection.send(ErrorEvent("Your session hit the maximum duration of 60 minutes.", "session_expired"))
        await connection.close(1001, "Your session hit the maximum duration of 60 minutes.")

    async def second(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=0.5)
        await connection.turn("second")
        await connection.finish()

    async with ScriptedPeer(first, second) as peer:
        transcript = await say(azure(peer, "whisper-1"), timing=Timing(retry=0.05))
    assert [(segment.id, segment.text) for segment in transcript] == [("s1", "first"), ("s2", "second")]


async def test_a_turn_whose_text_never_comes_does_not_hold_up_the_end() -> None:
    """A service that says no more is tried anew, then its turn is marked with what was written; the session ends."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        item = connection.next_item
        await connection.send(Delta(item, "half a"), connection.protocol.commit(item))
        await connection.finish()

    async with (
        ScriptedPeer(*[script] * 4) as peer,
        RealtimeSession(azure(peer, "whisper-1"), timing=Timing(stall=0.002, retry=0.02)) as session,
    ):
        await session.send(SILENCE)
        transcript = await session.finish(timeout=None)
    (segment,) = transcript.segments
    assert segment.text == "half a" and "no final text" in (segment.error or "") and transcript.text == ""


async def test_a_service_that_takes_the_connection_and_says_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence after the handshake is told from silence after the settings."""
    monkeypatch.setattr(connection_module, "ANSWER_TIMEOUT", 0.05)

    async def mute(connection: PeerConnection) -> None:
        await connection.finish()

    async def deaf(connection: PeerConnection) -> None:
        await connection.greet()
        with pytest.raises(rt_closed()):
            while True:
                await connection._socket.recv()

    for script, words in ((mute, "not greeted us"), (deaf, "not answered the settings")):
        async with ScriptedPeer(*[script] * 6) as peer:
            with pytest.raises(rt.ServiceConnectionError, match=words):
                await say(azure(peer, "whisper-1"), SILENCE, timing=Timing(retry=0.01))


async def test_the_last_words_are_waited_for() -> None:
    """Stop commits what is open and waits for its text, however long after the sound it comes."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.expect(CommitAudio)
        await asyncio.sleep(0.4)
        await connection.turn("the last words")
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        assert (await say(azure(peer), PHRASE[: 2 * 24_000 * 2])).text == "the last words"


async def test_a_redirect_leads_no_key_to_another_host() -> None:
    """Where a service points elsewhere, nobody there is asked, with or without the key."""
    async with ScriptedPeer() as elsewhere:
        location = f"http://{elsewhere.address}/v1/realtime?intent=transcription"
        async with ScriptedPeer(Refusal(302, "", {"Location": location})) as peer:
            with pytest.raises(rt.ServiceConnectionError, match=elsewhere.address):
                await say(azure(peer))
        assert elsewhere.requests == []
