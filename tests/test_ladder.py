"""The ways into a service: which comes next, what is remembered, and a session of each model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import rt_magic as rt
from rt_magic.session.diagnosis import Refused
from rt_magic.session.ladder import Ladder
from rt_magic.session.services import Address
from rt_magic.session.session import RealtimeSession
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.wire.addresses import SCOPES, Rung, next_rung
from rt_magic.wire.dialects import Wanted
from rt_magic.wire.events import ClientEventError, ErrorEvent, SessionUpdate
from rt_magic.wire.refusals import is_lasting
from tests import resource
from tests.resource import PHRASE, azure, fresh, say  # noqa: F401  # `fresh` is for every test here

WRONG_MODEL = (
    '{"error":{"code":"OpperationNotSupported","message":"The realtime operation does not work with the specified '
    'model. Please choose different model and try again."}}'
)
TOKEN = Address("ws://x", {"Authorization": "Bearer t"}, "SomeCredential", signed_in=True, scoped=True)
KEY = Address("ws://x", {"api-key": "k"})


# ── which way comes next ──


@pytest.mark.parametrize(
    ("status", "body", "token", "voice", "expected"),
    [
        (400, WRONG_MODEL, False, True, Rung("realtime")),
        (400, WRONG_MODEL.replace("Opp", "Op"), False, True, Rung("realtime")),
        (400, '{"error":{"message":"choose another model"}}', False, True, Rung("realtime")),
        (404, "", False, True, Rung("realtime")),
        (400, WRONG_MODEL, False, False, None),
        (400, "bad header", False, True, None),
        (404, "", False, False, None),
        (401, "", True, True, Rung(scope=SCOPES[1])),
        (401, "", False, True, None),
        (403, "", True, True, None),
        (302, "", True, True, None),
        (429, "", True, True, None),
        (503, "", True, True, None),
    ],
)
def test_which_rung_comes_next(status: int, body: str, token: bool, voice: bool, expected: Rung | None) -> None:
    """A voice deployment helps where the model was in the wrong place, another audience where a token was refused."""
    assert next_rung(Rung(), status, body, token=token, voice_model=voice, scopes=SCOPES) == expected


def test_each_audience_is_tried_once() -> None:
    """After the last audience there is no other, and a pinned one is the only one."""
    assert next_rung(Rung(scope=SCOPES[1]), 401, "", token=True, voice_model=True, scopes=SCOPES) is None
    assert next_rung(Rung(), 401, "", token=True, voice_model=True, scopes=("https://mine/.default",)) is None


def test_what_worked_is_remembered_until_it_does_not() -> None:
    """A second session begins where the first one ended; when that fails too, the ladder is climbed from the ground."""
    service = rt.AzureOpenAI("https://a.openai.azure.com", realtime_model="voice", api_key="k")
    first = Ladder(service, Wanted(model="m"))
    assert first.climb(Refused(404), KEY) and first.rung == Rung("realtime")
    first.hold(["keywords"])
    second = Ladder(service, Wanted(model="m", keywords=("a",)))
    assert second.rung == Rung("realtime") and second.wanted.keywords == () and "keywords" in second.notes[0]
    assert second.climb(Refused(404), KEY) and second.rung == Rung()
    assert Ladder(service, Wanted(model="other")).rung == Rung()


def test_a_language_that_was_refused_is_not_held_against_another() -> None:
    """A refusal of one language says nothing of the next, so it is not carried over to other sessions."""
    service = rt.AzureOpenAI("https://a.openai.azure.com", api_key="k")
    Ladder(service, Wanted(model="m", languages=("ga",))).hold(["language"])
    assert Ladder(service, Wanted(model="m", languages=("fr",))).wanted.languages == ("fr",)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_a_service_wants_to_be_left_alone(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds come first, then seconds or a date."""
    assert Refused(429, "", headers).retry_after(datetime(2026, 11, 22, 12, tzinfo=UTC)) == seconds


# ── a session of each model ──

WISHES: dict[str, Any] = {"prompt": "a talk on bees", "language": "fr"}
EXPECTED: dict[str, dict[str, object]] = {
    "whisper-1": {"language": "fr", "prompt": "a talk on bees"},
    "gpt-4o-transcribe": {"language": "fr", "prompt": "a talk on bees"},
    "gpt-4o-mini-transcribe": {"language": "fr", "prompt": "a talk on bees"},
    "gpt-4o-transcribe-diarize": {"language": "fr"},
    "gpt-realtime-whisper": {"language": "fr"},
    "gpt-transcribe": {"languages": ["fr"], "prompt": "a talk on bees"},
    "gpt-live-transcribe": {"languages": ["fr"], "prompt": "a talk on bees"},
}
SERVER_TURNS = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}


@pytest.mark.parametrize("model", EXPECTED)
async def test_a_session_of_each_model_is_right_at_once(model: str) -> None:
    """A deployment that is called like its model gets, in one connection and one update, all that the model takes."""
    accepted: list[SessionUpdate] = []
    async with ScriptedPeer(resource.serving(model, "bonjour à tous", accepted=accepted)) as peer:
        transcript = await say(azure(peer, model), **WISHES)
        assert len(peer.requests) == 1 and len(peer.connections[0].received) >= 1
        assert peer.connections[0].path == "/openai/v1/realtime?intent=transcription"
        updates = [event for event in peer.connections[0].received if isinstance(event, SessionUpdate)]
    (update,) = accepted
    assert updates == [update]
    session = dict(update.session)
    given = session["audio"]["input"]
    assert given["transcription"] == {"model": model, **EXPECTED[model]}
    assert given["turn_detection"] == (SERVER_TURNS if "turn_detection" in resource.TAKES[model] else None)
    assert session.get("include", []) == (
        ["item.input_audio_transcription.logprobs"] if "include" in resource.TAKES[model] else []
    )
    assert transcript.text == "bonjour à tous"


@pytest.mark.parametrize("model", EXPECTED)
async def test_a_deployment_of_any_name_finds_its_settings(model: str) -> None:
    """Where the name says nothing, refused settings are dropped on the same connection, and not asked for again."""
    accepted: list[SessionUpdate] = []
    asked: list[int] = []
    script = resource.serving(model, "bonjour à tous", accepted=accepted, asked=asked)
    async with ScriptedPeer(script, script) as peer:
        service = azure(peer, "speech-of-the-team")
        first = await say(service, **WISHES)
        second = await say(service, **WISHES)
        assert len(peer.requests) == 2
    assert (first.text, second.text) == ("bonjour à tous", "bonjour à tous")
    assert accepted[0].session == accepted[1].session
    lost = {"turn_detection", "prompt", "language"} - resource.TAKES[model]
    dropped = [note for note in first.meta["notes"] if "does not take" in note]
    assert len(dropped) == len(lost)
    # What is said of one language is not held against another, so that is tried again.
    assert asked == [1 + len(lost), 2 if "language" in lost else 1]


async def test_the_second_way_in_is_taken_and_remembered() -> None:
    """Where no transcription session is opened, the voice deployment's is, told to stay silent; reconnects go there."""
    updates: list[SessionUpdate] = []

    async def first(connection: PeerConnection) -> None:
        updates.append(await connection.accept())
        await connection.audio(seconds=0.5)
        connection.abort()

    second = resource.serving("whisper-1", "bonjour", accepted=updates)

    refusal = Refusal(400, WRONG_MODEL)
    async with ScriptedPeer(refusal, first, second, second) as peer:
        service = azure(peer, "whisper-1", realtime_model="gpt realtime")
        assert (await say(service)).text == "bonjour"
        assert (await say(service)).text == "bonjour"
        paths = [request.path for request in peer.requests]
    voice = "/openai/v1/realtime?model=gpt%20realtime"
    assert paths == ["/openai/v1/realtime?intent=transcription", voice, voice, voice]
    for update in updates:
        session = dict(update.session)
        assert session["type"] == "realtime" and session["output_modalities"] == ["text"]
        turns = session["audio"]["input"]["turn_detection"]
        assert (turns["create_response"], turns["interrupt_response"]) == (False, False)
        assert "idle_timeout_ms" not in turns
        assert session["audio"]["input"]["transcription"]["model"] == "whisper-1"


async def test_a_session_of_the_other_kind_is_taken_as_it_is() -> None:
    """The first frame says what kind of session the service opened, and the settings are of that kind."""
    updates: list[SessionUpdate] = []

    async def script(connection: PeerConnection) -> None:
        from rt_magic.wire.server import ServerProtocol

        connection.protocol = ServerProtocol("sess", kind="realtime")
        updates.append(await connection.accept())
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        await say(azure(peer))
    assert updates[0].session["type"] == "realtime"


async def test_a_service_that_takes_its_session_for_another_kind_is_obeyed() -> None:
    """Told that a transcription update does not fit a realtime session, the same wishes go out as a realtime update."""

    async def untyped(connection: PeerConnection) -> None:
        from rt_magic.wire.server import ServerProtocol

        connection.protocol = ServerProtocol("sess", kind="realtime")
        connection.protocol._about["type"] = None  # which hides what kind it is
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(untyped) as peer:
        transcript = await say(azure(peer, "whisper-1"), bytes(48_000))
        sent = [event for event in peer.connections[0].received if isinstance(event, SessionUpdate)]
    assert [dict(update.session)["type"] for update in sent] == ["realtime"]  # the refused one is not among them
    assert "Passing a transcription session update" in transcript.meta["notes"][0]


async def accepted_in_turn(
    count: int, *given: dict[str, Any], rule: Any = None
) -> tuple[list[SessionUpdate], list[int]]:
    """Hold a session with each of these settings, and return what was accepted and how often each one asked."""
    accepted: list[SessionUpdate] = []
    asked: list[int] = []

    async def script(connection: PeerConnection) -> None:
        asked.append(0)

        def counted(session: Any, event_id: str | None) -> None:
            if rule is not None:
                rule(session, event_id)

        connection.rule = counted
        refuse = connection.protocol.refuse

        def refused(error: ClientEventError) -> None:
            asked[-1] += 1
            refuse(error)

        connection.protocol.refuse = refused  # type: ignore[method-assign]
        accepted.append(await connection.accept())
        await connection.finish()

    async with ScriptedPeer(*[script] * count) as peer:
        for settings in given:
            await say(azure(peer, "speech-of-the-team"), bytes(4800), **settings)
    return accepted, asked


def turns_of(update: SessionUpdate) -> Any:
    """Return the turn detection that an update asks for."""
    turns = update.session["audio"]["input"]["turn_detection"]
    return turns and turns["type"]


async def test_a_refused_kind_of_turns_costs_no_other_kind() -> None:
    """Semantic turns, refused, become the service's own at pauses, and later sessions ask for what they want."""
    accepted, refused = await accepted_in_turn(3, {"turn_detection": "semantic"}, {}, {"turn_detection": "server"})
    assert [turns_of(update) for update in accepted] == ["server_vad"] * 3
    assert refused == [1, 0, 0]


async def test_a_value_that_was_refused_is_not_held_against_another() -> None:
    """A prompt that is too long is left out of its own session only."""

    def short(session: Any, event_id: str | None) -> None:
        path = "session.audio.input.transcription.prompt"
        if len(session["audio"]["input"]["transcription"].get("prompt", "")) > 20:
            raise ClientEventError(
                f"Invalid '{path}': string too long. Expected a string with maximum length 20, but got a string with "
                "length 30 instead.", code="string_above_max_length", param=path, event_id=event_id,
            )  # fmt: skip

    accepted, refused = await accepted_in_turn(2, {"prompt": "x" * 30}, {"prompt": "bees"}, rule=short)
    prompts = [update.session["audio"]["input"]["transcription"].get("prompt") for update in accepted]
    assert prompts == [None, "bees"] and refused == [1, 0]


async def test_a_session_that_reconnects_asks_for_what_was_taken() -> None:
    """What is not remembered for others is for the session itself: its next connection asks for the working form."""
    updates: list[SessionUpdate] = []
    refusals: list[object] = []

    def script(last: bool) -> Any:
        async def run(connection: PeerConnection) -> None:
            refuse = connection.protocol.refuse
            connection.protocol.refuse = lambda error: (refusals.append(error), refuse(error))  # type: ignore
            updates.append(await connection.accept())
            if not last:
                return connection.abort()
            await connection.finish()

        return run

    async with ScriptedPeer(script(False), script(True)) as peer:
        await say(azure(peer, "whisper-1"), bytes(4800), turn_detection="semantic")
    assert [turns_of(update) for update in updates] == ["server_vad"] * 2 and len(refusals) == 1


@pytest.mark.parametrize(
    ("code", "message", "lasting"),
    [
        ("unknown_parameter", "Unknown parameter: 'session.audio.input.transcription.prompt'.", True),
        ("invalid_value", "Turn detection is not supported for this transcription model.", True),
        (None, "prompt: Extra inputs are not permitted", True),
        ("invalid_value", "Invalid value: 'semantic_vad'. Supported values are: 'server_vad'.", False),
        ("invalid_value", "Invalid value: 'far_field' is not supported here.", False),
        ("string_above_max_length", "Invalid 'prompt': string too long.", False),
        (None, "threshold: Input should be less than or equal to 1", False),
    ],
)  # fmt: skip
def test_which_refusals_are_about_the_setting_itself(code: str | None, message: str, lasting: bool) -> None:
    """What a service does not have is told from a value that it does not take."""
    assert is_lasting(ErrorEvent(message, code)) is lasting


# ── what is not tried again ──


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 426, 431, 302])
async def test_a_refusal_that_is_final_is_not_tried_again(status: int) -> None:
    """One handshake, one sentence: no number of attempts mends a wrong key, address or request."""
    async with ScriptedPeer(Refusal(status, "no", {"Location": "http://elsewhere.invalid/"})) as peer:
        with pytest.raises(rt.RtMagicError, match=str(status)):
            await say(azure(peer))
        assert len(peer.requests) == 1


@pytest.mark.parametrize(("code", "attempts"), [(3000, 1), (4000, 1), (4004, 1), (1008, 1)])
async def test_a_close_that_is_final_is_not_tried_again(code: int, attempts: int) -> None:
    """A close that means a wrong key, model or request ends the session."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.close(code, "invalid_request_error.something")

    async with ScriptedPeer(script) as peer:
        with pytest.raises(rt.RtMagicError, match=str(code)):
            await say(azure(peer))
        assert len(peer.requests) == attempts


async def test_a_busy_service_is_left_alone_for_as_long_as_it_says() -> None:
    """After 429 and 503 the next attempt waits for what the headers ask, and then words come."""
    busy = Refusal(429, "", {"retry-after-ms": "60"})
    down = Refusal(503, "", {"retry-after": "0.05"})
    states: list[str] = []
    async with ScriptedPeer(busy, down, resource.serving("whisper-1", "bonjour")) as peer:
        async with RealtimeSession(
            azure(peer, "whisper-1"), on_state=lambda state, status: states.append(status)
        ) as session:
            await session.send(PHRASE)
            transcript = await session.finish()
        assert len(peer.requests) == 3
    assert transcript.text == "bonjour"
    assert any("429" in status and "quota" in status for status in states)


@pytest.mark.parametrize("code", [1008, 4000])
async def test_what_was_complained_of_before_the_end_is_said(code: int) -> None:
    """A service that says why in an error and then closes is quoted with it."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.send(ErrorEvent("Your resource is paused."))
        await connection.close(code)

    async with ScriptedPeer(script) as peer:
        with pytest.raises(rt.RtMagicError, match=rf"\({code}: Your resource is paused\.\)"):
            await say(rt.Compatible(peer.url))


async def test_attempts_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that stays down is given up after six attempts, by its own words."""
    refusals = [Refusal(503, "no room", {"retry-after-ms": "5"})] * 6
    async with ScriptedPeer(*refusals) as peer:
        with pytest.raises(rt.ServiceConnectionError, match="no room"):
            await say(azure(peer))
        assert len(peer.requests) == 6


async def test_a_service_that_takes_sound_and_drops_it_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking sound is no progress where no text comes of it, so that no storm of reconnects uses up a quota."""
    monkeypatch.setattr("rt_magic.session.retry.backoff", lambda attempt, chance: 0.0)

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=0.2)
        await connection.close(1011)

    async with ScriptedPeer(*[script] * 6) as peer:
        with pytest.raises(rt.ServiceConnectionError, match="1011"):
            await say(azure(peer))
        assert len(peer.requests) == 6


async def test_a_service_that_wants_to_be_left_alone_for_long_ends_the_session() -> None:
    """Nobody waits for half an hour in a cell: the session ends and says when to come back."""
    async with ScriptedPeer(Refusal(429, "", {"retry-after": "1800"})) as peer:
        with pytest.raises(rt.ServiceConnectionError, match="30 min"):
            await say(azure(peer))
