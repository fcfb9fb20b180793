"""A connection to the embedded server, without socket and process: messages in, events out."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_magic.local.connection import MAXIMUM_APPEND, Connection
from rt_magic.local.decoder import Process
from rt_magic.local.recognizers import Engine
from rt_magic.wire.codec import decode, encode
from rt_magic.wire.events import (
    AppendAudio,
    ClearAudio,
    Cleared,
    ClientEvent,
    CommitAudio,
    Committed,
    Completed,
    DeleteItem,
    Delta,
    ErrorEvent,
    Failed,
    ItemAdded,
    ItemDeleted,
    ItemDone,
    ServerEvent,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
)
from tests.decoders import Counter, InlineWorkers
from tests.judges.openai_types import judge_server_event
from tests.speech import RATE, fixture, phrases

SECOND = 2 * RATE  # bytes


class Client:
    """Talks to a connection and reads what it says; every event is judged by the official types."""

    def __init__(self, workers: InlineWorkers | None = None) -> None:
        self.workers = workers or InlineWorkers()
        self.connection = Connection(self.workers, lambda: None)
        self.connection.protocol.greet()

    async def say(self, *events: ClientEvent | str | bytes) -> list[ServerEvent]:
        """Send events (or raw messages) and return what came since the last time."""
        for event in events:
            await self.connection.receive(event if isinstance(event, str | bytes) else encode(event))
        return self.hear()

    def hear(self) -> list[ServerEvent]:
        """Return what came since the last time."""
        messages = self.connection.protocol.messages_to_send()
        for message in messages:
            judge_server_event(message)
        return [decode(message) for message in messages]

    async def manual(self) -> None:
        """Switch turn detection off."""
        await self.say(update(turn_detection=None))


def update(event_id: str | None = "up", **audio_input: Any) -> SessionUpdate:
    """Build a session.update of these parts of `session.audio.input`."""
    return SessionUpdate({"type": "transcription", "audio": {"input": audio_input}}, event_id)


def audio(start: float, stop: float) -> AppendAudio:
    """Return seconds of the fixture: phrases are spoken at 0.8–3.1, 4.3–5.9, 7.1–9.3, …"""
    return AppendAudio(fixture()[round(start * RATE) * 2 : round(stop * RATE) * 2])


def kinds(events: list[ServerEvent]) -> list[type]:
    """Return the types of events, deltas left out."""
    return [type(event) for event in events if not isinstance(event, Delta)]


def every(events: list[ServerEvent], kind: type) -> list[Any]:
    """Return the events of that type."""
    return [event for event in events if isinstance(event, kind)]


def only(events: list[ServerEvent], kind: type) -> Any:
    """Return the one event of that type."""
    (event,) = every(events, kind)
    return event


def error(events: list[ServerEvent]) -> tuple[str | None, str | None, str | None]:
    """Return code, param and the client's event id of the only event, which is an error."""
    (event,) = events
    assert isinstance(event, ErrorEvent)
    return event.code, event.param, event.client_event_id


TURN = [SpeechStarted, SpeechStopped, Committed, ItemAdded, ItemDone, Completed]


async def test_greeting_shows_what_will_be_done() -> None:
    """The first event is the session as it is: 24 kHz, server turn detection, the engine as its model."""
    (created,) = Client().hear()
    assert isinstance(created, SessionCreated)
    settings = created.session["audio"]["input"]
    assert settings["transcription"] == {"model": "pocketsphinx en-us"}
    assert settings["turn_detection"]["silence_duration_ms"] == 500


async def test_a_turn_is_told_from_start_to_text() -> None:
    """With server turn detection each phrase gives its events in order, all of one item, with times that fit."""
    client = Client()
    client.hear()
    events = await client.say(audio(0, 6.5))
    assert kinds(events) == TURN * 2
    started, stopped, committed = every(events, SpeechStarted), every(events, SpeechStopped), every(events, Committed)
    item_ids = [event.item_id for event in committed]
    for kind in (SpeechStarted, SpeechStopped, ItemAdded, ItemDone, Completed):
        assert [event.item_id for event in every(events, kind)] == item_ids
    for index, phrase in enumerate(phrases()[:2]):
        assert started[index].audio_start_ms / 1000 == pytest.approx(phrase.start - 0.3, abs=0.1)
        assert stopped[index].audio_end_ms / 1000 == pytest.approx(phrase.end + 0.5, abs=0.15)
    assert [event.previous_item_id for event in committed] == [None, committed[0].item_id]


async def test_final_text_covers_the_whole_turn() -> None:
    """The decoder gets exactly the audio from start to stop, and the usage says how long that was."""
    client = Client()
    events = await client.say(audio(0, 4))
    started, stopped = only(events, SpeechStarted), only(events, SpeechStopped)
    milliseconds = stopped.audio_end_ms - started.audio_start_ms
    completed = only(events, Completed)
    assert len(completed.transcript.split()) == -(-milliseconds // 100)
    assert completed.usage == {"type": "duration", "seconds": milliseconds / 1000}
    assert completed.words[3].start == pytest.approx(0.3)


async def test_deltas_add_up_to_the_beginning_of_the_text() -> None:
    """Deltas come before the final text, concatenate without anything between them, and are its beginning."""
    events = await Client().say(audio(0, 4))
    deltas = [event.delta for event in every(events, Delta)]
    assert len(deltas) > 10
    assert only(events, Completed).transcript.startswith("".join(deltas))


@pytest.mark.parametrize("size", [959, 4800, 100_000])
async def test_cutting_of_the_audio_does_not_matter(size: int) -> None:
    """However the bytes arrive, turns and texts are the same."""
    whole = audio(0, 6.5).audio
    pieces = [AppendAudio(whole[first : first + size]) for first in range(0, len(whole), size)]
    events, expected = await Client().say(*pieces), await Client().say(AppendAudio(whole))
    assert kinds(events) == kinds(expected) == [SessionCreated, *TURN * 2]
    texts = [event.transcript for event in every(expected, Completed)]
    assert [event.transcript for event in every(events, Completed)] == texts


async def test_odd_bytes_wait_for_their_other_half() -> None:
    """A sample cut in two is joined again."""
    client, whole = Client(), audio(0, 4).audio
    events = await client.say(*[AppendAudio(whole[first : first + 4801]) for first in range(0, len(whole), 4801)])
    assert only(events, Completed).transcript == only(await Client().say(AppendAudio(whole)), Completed).transcript


@pytest.mark.parametrize("drop", [ClearAudio(), CommitAudio()])
async def test_half_a_sample_goes_with_what_was_before_it(drop: ClientEvent) -> None:
    """Where a clear or a commit cuts a sample in two, what follows begins with a whole one."""
    client = Client()
    await client.say(AppendAudio(bytes(9_601)), drop, audio(0, 4))
    (heard,) = client.workers.started[0].heard
    assert heard in fixture()


STEPS = st.one_of(
    st.sampled_from([1, 333, 4_800, 100_000]),
    st.sampled_from(["clear", "commit", "die", "work", "manual", "server"]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.just(100_000), STEPS), max_size=20), st.booleans())
def test_whatever_a_client_does_a_decoder_hears_what_was_said(steps: list[int | str], at_once: bool) -> None:
    """Every utterance is an unbroken piece of what was appended, and no more is kept than what may still be needed."""

    async def play() -> None:
        client, said, odd, at = Client(InlineWorkers(at_once=at_once)), b"", b"", 0
        for step in steps:
            match step:
                case int():
                    piece = (fixture() * 2)[at : at + step]
                    at, odd = at + step, odd + piece
                    said, odd = said + odd[: len(odd) & ~1], odd[len(odd) & ~1 :]
                    await client.say(AppendAudio(piece))
                case "clear":
                    await client.say(ClearAudio())
                    odd = b""
                case "commit":
                    odd = b"" if Committed in kinds(await client.say(CommitAudio())) else odd
                case "die" if client.workers.started:
                    client.workers.started[-1].die()
                case "work" if client.workers.started:
                    client.workers.started[-1].work()
                case "manual" | "server":
                    await client.say(update(turn_detection={"type": "server_vad"} if step == "server" else None))
            connection = client.connection  # what is kept reaches up to what came last, and not too far back
            assert connection._buffer_start + len(connection._buffer) // 2 == connection._received == len(said) // 2
            assert len(connection._buffer) <= 20 * SECOND
        assert all(heard in said for worker in client.workers.started for heard in worker.heard)

    asyncio.run(play())


async def test_silence_gives_no_event() -> None:
    """Nothing is said about audio in which nobody speaks."""
    client = Client()
    client.hear()
    assert await client.say(AppendAudio(bytes(30 * SECOND))) == []
    assert client.workers.started == []


async def test_long_speech_is_cut_into_turns_without_a_gap() -> None:
    """Speech without pauses is committed at the greatest length, and goes on in the next item."""
    client = Client()
    spoken = fixture()[round(0.9 * RATE) * 2 : round(2.9 * RATE) * 2]
    events = await client.say(AppendAudio(spoken * 12))
    stopped = [event.audio_end_ms for event in every(events, SpeechStopped)]
    started = [event.audio_start_ms for event in every(events, SpeechStarted)]
    assert len(stopped) == 1 and 14_000 <= stopped[0] <= 18_010
    assert len(started) == 2 and started[1] == pytest.approx(stopped[0], abs=2)


# ── manual commits ──


async def test_manual_commit_gives_one_item() -> None:
    """Without turn detection nothing is committed before the client says so; then all audio since the last one is."""
    client = Client()
    await client.manual()
    assert kinds(await client.say(audio(0, 6.5))) == []
    events = await client.say(CommitAudio("c1"))
    assert kinds(events) == [Committed, ItemAdded, ItemDone, Completed]
    completed = only(events, Completed)
    assert completed.usage == {"type": "duration", "seconds": 6.5}
    assert completed.words[0].start == pytest.approx(phrases()[0].start - 0.3, abs=0.1)


async def test_manual_deltas_carry_the_item_id_before_the_commit() -> None:
    """While one speaks deltas come, already with the id that the commit will name; phrases are joined by a space."""
    client = Client()
    await client.manual()
    deltas = await client.say(audio(0, 6.5))
    events = await client.say(CommitAudio())
    ids = {event.item_id for event in deltas if isinstance(event, Delta)}
    assert ids == {only(events, Committed).item_id}
    text = "".join(event.delta for event in deltas if isinstance(event, Delta))
    assert "  " not in text and " w1 " in text  # the second phrase counts anew


async def test_words_of_a_second_utterance_count_from_the_commit_before() -> None:
    """Word times are seconds from the first sample of the item."""
    client = Client()
    await client.manual()
    await client.say(audio(0, 3.6), CommitAudio())
    completed = only(await client.say(audio(3.6, 6.5), CommitAudio()), Completed)
    assert completed.words[0].start == pytest.approx(phrases()[1].start - 0.3 - 3.6, abs=0.1)


async def test_commit_in_the_middle_of_speech() -> None:
    """A commit takes what was said so far; the rest is the next item's and nothing is lost or doubled."""
    client = Client()
    await client.manual()
    first = only(await client.say(audio(0, 2), CommitAudio()), Completed)
    second = only(await client.say(audio(2, 4), CommitAudio()), Completed)
    assert len(first.words) == pytest.approx(15, abs=1)  # 0.5 to 2.0
    assert second.words[0].start == pytest.approx(0, abs=0.02)


async def test_silence_only_commit_is_legal() -> None:
    """A commit without speech gives an item with an empty transcript."""
    client = Client()
    await client.manual()
    events = await client.say(AppendAudio(bytes(SECOND)), CommitAudio())
    assert kinds(events) == [Committed, ItemAdded, ItemDone, Completed]
    assert only(events, Completed).transcript == ""


@pytest.mark.parametrize("seconds", [0.0, 0.099])
async def test_commit_of_too_little_audio_is_refused(seconds: float) -> None:
    """Less than 100 ms since the last commit is an error that says how much there was."""
    client = Client()
    await client.manual()
    client.hear()
    events = await client.say(AppendAudio(bytes(2 * round(seconds * RATE))), CommitAudio("c9"))
    assert error(events) == ("input_audio_buffer_commit_empty", None, "c9")
    assert f"{seconds * 1000:.2f}ms" in events[0].message  # type: ignore[union-attr]
    assert error(await client.say(CommitAudio("c10")))[0] == "input_audio_buffer_commit_empty"


async def test_commit_beside_server_turns_closes_the_open_turn() -> None:
    """With server turn detection on, a commit ends the turn that is open."""
    client = Client()
    client.hear()
    assert kinds(await client.say(audio(0, 2))) == [SpeechStarted]
    assert kinds(await client.say(CommitAudio())) == TURN[1:]


# ── clear and delete ──


async def test_clear_drops_the_open_turn() -> None:
    """After a clear nothing of the audio before it becomes text."""
    client = Client()
    await client.say(audio(0, 2))
    assert kinds(await client.say(ClearAudio())) == [Cleared]
    assert kinds(await client.say(AppendAudio(bytes(2 * SECOND)))) == []


async def test_nothing_is_left_to_commit_after_a_clear() -> None:
    """A commit right after a clear has no audio, however much came before."""
    client = Client()
    await client.say(audio(0, 0.7), ClearAudio())
    assert error(await client.say(CommitAudio()))[0] == "input_audio_buffer_commit_empty"


async def test_a_turn_begins_where_the_commit_before_it_ended() -> None:
    """Also where that lies inside a frame of the speech detector no sample is in two turns."""
    client = Client()
    await client.say(AppendAudio(fixture()[: 2 * 48_100]), CommitAudio())
    begun = only(await client.say(AppendAudio(fixture()[2 * 48_100 : 4 * SECOND])), SpeechStarted)
    assert begun.audio_start_ms == 2_004


async def test_clear_is_answered_behind_the_turns_before_it() -> None:
    """All audio before a clear has been worked off when it is answered: its turns are committed before `cleared`."""
    client = Client(InlineWorkers(at_once=False))
    client.hear()
    events = await client.say(audio(0, 6.5), ClearAudio())
    assert kinds(events) == TURN[:-1] * 2 + [Cleared]
    client.workers.started[0].work()
    assert kinds(client.hear()) == [Completed, Completed]


async def test_deleted_item_gets_no_text() -> None:
    """An item deleted before its text is there is answered, and stays silent."""
    client = Client(InlineWorkers(at_once=False))
    events = await client.say(audio(0, 4))
    item_id = only(events, Committed).item_id
    assert kinds(await client.say(DeleteItem(item_id))) == [ItemDeleted]
    client.workers.started[0].work()
    assert client.hear() == []
    assert error(await client.say(DeleteItem(item_id, "d2"))) == ("item_delete_invalid_item_id", "item_id", "d2")


# ── what is refused ──


REFUSED: list[tuple[str | bytes, tuple[str, str | None, str | None]]] = [
    (b"\x00\x01", ("invalid_event", None, None)),
    ("no json", ("invalid_json", None, None)),
    ("[]", ("invalid_json", None, None)),
    ('{"type":"input_audio_buffer.end","event_id":"e"}', ("invalid_value", "type", "e")),
    ('{"type":"input_audio_buffer.append","event_id":"e"}', ("missing_required_parameter", "audio", "e")),
    ('{"type":"input_audio_buffer.append","audio":"*","event_id":"e"}', ("invalid_type", "audio", "e")),
    ('{"type":"response.cancel","event_id":"e"}', ("response_cancel_not_active", None, "e")),
    ('{"type":"conversation.item.delete","event_id":"e"}', ("missing_required_parameter", "item_id", "e")),
    ('{"type":"session.update","event_id":"e"}', ("missing_required_parameter", "session", "e")),
]
REFUSED_UPDATES: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"audio": {}}, ("missing_required_parameter", "session.type")),
    ({"type": "conversation"}, ("invalid_value", "session.type")),
    (
        {"type": "transcription", "input_audio_format": "pcm16"},
        ("unknown_parameter", "session.input_audio_format"),
    ),
    (
        {"type": "transcription", "audio": {"input": {"format": "pcm16"}}},
        ("invalid_type", "session.audio.input.format"),
    ),
    (
        {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
        ("invalid_value", "session.audio.input.format.rate"),
    ),
    (
        {"type": "transcription", "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}},
        ("invalid_value", "session.audio.input.turn_detection.threshold"),
    ),
    (
        {"type": "transcription", "audio": {"input": {"transcription": {"language": "fr"}}}},
        ("invalid_value", "session.audio.input.transcription.language"),
    ),
    (
        {"type": "transcription", "audio": {"input": {"transcription": {"languages": ["en", "de"]}}}},
        ("invalid_value", "session.audio.input.transcription.languages"),
    ),
    (
        {"type": "transcription", "audio": {"input": {"transcription": {"language": "en", "languages": ["fr"]}}}},
        ("invalid_value", "session.audio.input.transcription.languages"),
    ),
    ({"type": "realtime"}, ("invalid_parameter", "session.type")),
]


@pytest.mark.parametrize(("message", "expected"), REFUSED)
async def test_wrong_messages_are_refused(message: str | bytes, expected: tuple[str, str | None, str | None]) -> None:
    """A wrong message gets one error with code, parameter and the id of the event; the connection goes on."""
    client = Client()
    client.hear()
    assert error(await client.say(message)) == expected
    assert kinds(await client.say(audio(0, 4))) == TURN


@pytest.mark.parametrize(("session", "expected"), REFUSED_UPDATES)
async def test_wrong_updates_change_nothing(session: dict[str, Any], expected: tuple[str, str]) -> None:
    """An update with one bad field is refused as a whole."""
    client = Client()
    client.hear()
    wrong = {**session, "include": ["item.input_audio_transcription.logprobs"]} if "type" in session else session
    assert error(await client.say(SessionUpdate(wrong, "u7"))) == (*expected, "u7")
    updated = only(await client.say(SessionUpdate({"type": "transcription"})), SessionUpdated)
    assert not updated.session.get("include")


async def test_too_much_audio_in_one_event_is_refused() -> None:
    """More than 15 MiB in one append is an error, and none of it is heard."""
    client = Client()
    client.hear()
    assert error(await client.say(AppendAudio(bytes(MAXIMUM_APPEND + 2), "a1"))) == ("invalid_value", "audio", "a1")
    assert client.connection.traffic.audio_bytes == 0


# ── settings ──


async def test_languages_that_the_engine_knows_are_taken() -> None:
    """English in any spelling suits the English engine; a multilingual model takes every language."""
    for language in ("en", "en-US", "EN"):
        events = await Client().say(update(transcription={"language": language}))
        assert only(events, SessionUpdated).session["audio"]["input"]["transcription"]["language"] == language
    workers = InlineWorkers(Engine("whisper", "small", folder=Path("small")))
    assert kinds(await Client(workers).say(update(transcription={"language": "fr"})))[-1] is SessionUpdated


async def test_decoder_is_told_the_settings() -> None:
    """Language, keywords and prompt reach the decoder before the first turn, and again when they change."""
    client = Client()
    await client.say(update(transcription={"language": "en", "keywords": ["Azure"]}), audio(0, 4))
    await client.say(update(transcription={"prompt": "a talk"}), audio(4, 7))
    assert client.workers.started[0].recognizer.settings == [
        {"language": "en", "keywords": ["Azure"], "prompt": None},
        {"language": "en", "keywords": ["Azure"], "prompt": "a talk"},
    ]


async def test_transcription_can_be_switched_off() -> None:
    """With `transcription: null` turns are told but not transcribed."""
    client = Client()
    await client.say(update(transcription=None))
    assert kinds(await client.say(audio(0, 4))) == TURN[:-1]
    assert client.workers.started == []


async def test_longer_silence_joins_phrases() -> None:
    """silence_duration_ms and prefix_padding_ms of the session decide where turns are cut."""
    client = Client()
    settings = {"type": "server_vad", "silence_duration_ms": 1500, "prefix_padding_ms": 100}
    events = await client.say(update(turn_detection=settings), audio(0, 9.5), AppendAudio(bytes(2 * SECOND)))
    assert only(events, SpeechStarted).audio_start_ms / 1000 == pytest.approx(phrases()[0].start - 0.1, abs=0.1)
    assert only(events, SpeechStopped).audio_end_ms / 1000 == pytest.approx(phrases()[2].end + 1.5, abs=0.15)


async def test_switching_turn_detection_closes_the_open_turn() -> None:
    """A change of turn detection in mid-turn commits what was heard so far."""
    client = Client()
    await client.say(audio(0, 2))
    assert kinds(await client.say(update(turn_detection=None))) == [SessionUpdated, *TURN[1:]]
    assert kinds(await client.say(audio(2, 4), CommitAudio())) == [Committed, ItemAdded, ItemDone, Completed]


# ── failures ──


async def test_failure_of_the_engine_fails_the_turn_only() -> None:
    """An engine's exception gives `failed` with its words; the next turn is transcribed again."""
    client = Client()
    await client.say(audio(0, 3.8))
    recognizer = client.workers.started[0].recognizer
    recognizer.error = ValueError("out of tune")
    failed = only(await client.say(audio(3.8, 6.5)), Failed)
    assert "ValueError: out of tune" in failed.message and failed.code == "server_error"
    recognizer.error = None
    assert kinds(await client.say(audio(6.5, 10))) == TURN


async def test_death_of_the_decoder_fails_its_turns_and_the_next_gets_another() -> None:
    """When the decoder dies every turn it had is settled as failed, and the next turn starts a new decoder."""
    client = Client(InlineWorkers(at_once=False))
    await client.say(audio(0, 5))  # one turn waits for its text, one is open
    client.workers.started[0].die()
    assert kinds(client.hear()) == [Failed]
    events = await client.say(audio(5, 6.5))
    assert kinds(events) == [SpeechStopped, Committed, ItemAdded, ItemDone, Failed]
    begun = only(await client.say(audio(6.5, 10)), SpeechStarted)
    client.workers.started[1].work()
    assert Completed in kinds(client.hear())
    (heard,) = client.workers.started[1].heard
    assert fixture().startswith(heard, begun.audio_start_ms * SECOND // 1000)


def test_settings_that_the_engine_refuses_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """No answer could tell of settings that an engine does not take; the log does, and the decoder goes on."""

    class Picky(Counter):
        def configure(self, *, language: str | None, keywords: Sequence[str], prompt: str | None) -> None:
            raise ValueError(f"no {keywords[0]} here")

    process = Process(Picky(), io.BytesIO())
    process.take({"do": "configure", "language": "en", "keywords": ["honey"], "prompt": None}, b"")
    assert "did not take configure: ValueError: no honey here" in caplog.text


async def test_decoder_is_given_back_clean() -> None:
    """When a connection ends its decoder waits for the next one, with what it had learned forgotten."""
    client = Client()
    await client.say(audio(0, 4))
    await client.connection.close()
    assert not client.connection.traffic.open
    next_client = Client(client.workers)
    await next_client.say(audio(0, 4))
    (worker,) = client.workers.started
    assert worker.recognizer.resets == 1


async def test_late_text_of_a_client_that_left_reaches_nobody() -> None:
    """A decoder that is given back while it ends a turn writes no word of it into the next client's transcript."""
    client = Client(InlineWorkers(at_once=False))
    await client.say(audio(0, 4))
    await client.connection.close()
    next_client = Client(client.workers)
    events = await next_client.say(audio(3.8, 6.5))
    client.workers.started[0].work()
    events += next_client.hear()
    milliseconds = only(events, SpeechStopped).audio_end_ms - only(events, SpeechStarted).audio_start_ms
    assert len(only(events, Completed).transcript.split()) == -(-milliseconds // 100)


async def test_busy_decoder_is_not_given_back() -> None:
    """A decoder with work left is ended with its connection: nobody waits for text that nobody reads."""
    client = Client(InlineWorkers(at_once=False))
    await client.say(audio(0, 4))
    client.workers.started[0].backlog = 1
    await client.connection.close()
    assert not client.workers.started[0].alive


def test_append_is_plain_base64() -> None:
    """The messages of these tests are the wire's own."""
    assert json.loads(encode(AppendAudio(b"ab")))["audio"] == base64.b64encode(b"ab").decode()
