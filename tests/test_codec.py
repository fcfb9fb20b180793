"""Events and their encoding: round trips, what the official package's types say, and whatever else may come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rt_magic.exceptions import RemoteProtocolError
from rt_magic.wire import codec
from rt_magic.wire.codec import decode, encode
from rt_magic.wire.dialects import Wanted
from rt_magic.wire.events import (
    AppendAudio,
    CancelResponse,
    ClearAudio,
    Cleared,
    ClientEvent,
    ClientEventError,
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
    LogProb,
    ResponseCreated,
    ServerEvent,
    ServiceWarning,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    SpeakerSegment,
    SpeechStarted,
    SpeechStopped,
    Unknown,
    WordTime,
)
from rt_magic.wire.requests import decode_client
from rt_magic.wire.session_schema import default_session
from rt_magic.wire.settings import session_update
from tests.judges.openai_types import judge_client_event, judge_server_event

TEXT = st.text(max_size=40)
ID = st.text(min_size=1, max_size=20)
MAYBE_ID = st.none() | ID
INDEX = st.integers(0, 5)
MILLISECONDS = st.none() | st.integers(0, 10**9)
SECONDS = st.floats(0, 10**6)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PLAIN_JSON: st.SearchStrategy[Any] = st.dictionaries(st.text(max_size=8), st.integers() | TEXT | st.none(), max_size=4)

SERVER_EVENTS: st.SearchStrategy[ServerEvent] = st.one_of(
    st.builds(SessionCreated, PLAIN_JSON, ID),
    st.builds(SessionUpdated, PLAIN_JSON, ID),
    st.builds(SpeechStarted, MAYBE_ID, MILLISECONDS, TEXT),
    st.builds(SpeechStopped, MAYBE_ID, MILLISECONDS, TEXT),
    st.builds(Committed, MAYBE_ID, MAYBE_ID, TEXT),
    st.builds(Cleared, TEXT),
    st.builds(ItemAdded, MAYBE_ID, MAYBE_ID, TEXT),
    st.builds(ItemDone, MAYBE_ID, MAYBE_ID, TEXT),
    st.builds(ItemDeleted, MAYBE_ID, TEXT),
    st.builds(Delta, MAYBE_ID, TEXT, INDEX, TEXT),
    st.builds(lambda item, tail: Delta(item, "", tail=tail), MAYBE_ID, TEXT),
    st.builds(
        Completed,
        MAYBE_ID,
        TEXT,
        INDEX,
        st.none() | st.lists(st.builds(LogProb, TEXT, st.floats(-100, 0)), max_size=3).map(tuple),
        st.none() | PLAIN_JSON,
        st.none() | st.lists(TEXT, max_size=2).map(tuple),
        st.none()
        | st.lists(st.builds(WordTime, TEXT, SECONDS, SECONDS, st.none() | st.floats(0, 1)), max_size=3).map(tuple),
        TEXT,
    ),
    st.builds(SpeakerSegment, MAYBE_ID, ID, TEXT, st.none() | TEXT, SECONDS, SECONDS, INDEX, TEXT),
    st.builds(Failed, MAYBE_ID, TEXT, st.none() | ID, ID, st.none() | ID, INDEX, TEXT),
    st.builds(ErrorEvent, TEXT, st.none() | ID, ID, st.none() | ID, MAYBE_ID, TEXT),
    st.builds(ServiceWarning, TEXT, st.none() | ID, TEXT),
    st.builds(ResponseCreated, TEXT),
    st.builds(lambda data, kind: Unknown(kind, {**data, "type": kind}), PLAIN_JSON, st.just("new.event")),
)

CLIENT_EVENTS: st.SearchStrategy[ClientEvent] = st.one_of(
    st.builds(SessionUpdate, PLAIN_JSON, MAYBE_ID),
    st.builds(AppendAudio, st.binary(max_size=100), MAYBE_ID),
    st.builds(CommitAudio, MAYBE_ID),
    st.builds(ClearAudio, MAYBE_ID),
    st.builds(DeleteItem, ID, MAYBE_ID),
    st.builds(CancelResponse, MAYBE_ID),
)

TOKENS = {"type": "tokens", "total_tokens": 22, "input_tokens": 13, "output_tokens": 9}
SESSION = {**default_session("whisper"), "id": "sess_1", "object": "realtime.transcription_session", "expires_at": 9}

# One of every class, as a GA service sends it.
GA_SERVER_EVENTS: list[ServerEvent] = [
    SessionCreated(SESSION, "e"),
    SessionUpdated(SESSION, "e"),
    SpeechStarted("item_1", 1000, "e"),
    SpeechStopped("item_1", 2000, "e"),
    Committed("item_1", None, "e"),
    Committed("item_2", "item_1", "e"),
    Cleared("e"),
    ItemAdded("item_1", None, "e"),
    ItemDone("item_1", "item_0", "e"),
    ItemDeleted("item_1", "e"),
    Delta("item_1", "Bon", 0, "e"),
    Completed("item_1", "Bonjour", 0, usage={"type": "duration", "seconds": 2}, event_id="e"),
    Completed(
        "item_1",
        "Bonjour",
        logprobs=(LogProb("Bon", -0.1),),
        usage={**TOKENS, "input_token_details": {"text_tokens": 0, "audio_tokens": 13}},
        languages=("fr",),
        words=(WordTime("Bonjour", 0.0, 0.5, 0.9), WordTime("là", 0.5, 0.6)),
        event_id="e",
    ),
    SpeakerSegment("item_1", "seg_1", "Bonjour", "A", 0.0, 0.4, event_id="e"),
    Failed("item_1", "not understood", "audio_unintelligible", event_id="e"),
    ErrorEvent("no", "invalid_value", param="session", client_event_id="rtm-1", event_id="e"),
    ResponseCreated("e"),
    Unknown("rate_limits.updated", {"rate_limits": []}, "e"),
]

EVERYTHING = Wanted(
    model="m",
    languages=("fr",),
    prompt="names",
    keywords=("a",),
    turn_detection="semantic",
    silence_ms=300,
    noise_reduction="near",
    logprobs=True,
)

GA_CLIENT_EVENTS: list[ClientEvent] = [
    SessionUpdate(session_update(Wanted()), "rtm-1"),
    SessionUpdate(session_update(EVERYTHING)),
    SessionUpdate(session_update(Wanted(languages=("fr", "en"), turn_detection="client", noise_reduction="far"))),
    AppendAudio(b"\x01\x02"),
    AppendAudio(b"\x01\x02", "rtm-2"),
    CommitAudio("rtm-3"),
    ClearAudio("rtm-4"),
    DeleteItem("item_1", "rtm-5"),
    CancelResponse("rtm-6"),
]


@given(SERVER_EVENTS)
def test_a_server_event_survives_the_wire(event: ServerEvent) -> None:
    """What is encoded is decoded to an equal event, with or without ids."""
    assert decode(encode(event)) == event
    assert decode(encode(event).encode()) == event


@given(CLIENT_EVENTS)
def test_a_client_event_survives_the_wire(event: ClientEvent) -> None:
    """A server reads what a client wrote."""
    assert decode_client(encode(event)) == event


def test_every_class_is_written() -> None:
    """The lists above hold every event class there is, so that none escapes the judge."""
    judged = {type(event) for event in (*GA_SERVER_EVENTS, *GA_CLIENT_EVENTS)}
    assert judged | {ServiceWarning} == set(codec._ENCODERS)  # which only Azure Voice Live sends


@pytest.mark.parametrize("event", GA_SERVER_EVENTS, ids=lambda event: type(event).__name__)
def test_server_events_are_those_of_the_official_types(event: ServerEvent) -> None:
    """Every event that a server of ours sends is of its class in `openai.types.realtime`, with no key too many."""
    assert judge_server_event(encode(event))


@pytest.mark.parametrize("event", GA_CLIENT_EVENTS, ids=lambda event: type(event).__name__)
def test_client_events_are_those_of_the_official_types(event: ClientEvent) -> None:
    """Every event that a client of ours sends is of its class in `openai.types.realtime`, with no key too many."""
    assert judge_client_event(encode(event))


NESTED: dict[str, Any] = session_update(Wanted(model="m", languages=("fr",), silence_ms=300))


@pytest.mark.parametrize(
    ("session", "why"),
    [
        pytest.param(
            {
                "input_audio_format": "pcm16",
                "input_audio_transcription": {"model": "gpt-4o-transcribe"},
                "turn_detection": {"type": "server_vad"},
            },
            "not a SessionUpdateEvent",
            id="flat, as in the beta",
        ),
        pytest.param(
            {"type": "transcription", "input_audio_transcription": {"model": "m"}},
            r"no 'session\.input_audio_transcription'",
            id="flat and typed",
        ),
        pytest.param(
            {"type": "realtime", "input_audio_transcription": {"model": "m"}},
            r"no 'session\.input_audio_transcription'",
            id="the hybrid of both",
        ),
        pytest.param(
            {"type": "transcription", "audio": {"input": {"transcription": {"modell": "m"}}}},
            r"no 'session\.audio\.input\.transcription\.modell'",
            id="misspelt, four levels down",
        ),
        pytest.param(
            {"type": "transcription", "audio": {"input": {"turn_detection": {"type": "server_vad", "silence_ms": 1}}}},
            r"no 'session\.audio\.input\.turn_detection\.silence_ms'",
            id="misspelt in a union",
        ),
        pytest.param(
            {"type": "transcription", "audio": {"input": {"format": "pcm16"}}}, "not a SessionUpdateEvent", id="string"
        ),
        pytest.param(
            {
                "type": "transcription",
                "audio": {"input": {"turn_detection": {"type": "server_vad", "prefix_padding_ms": "300"}}},
            },
            "not a SessionUpdateEvent",
            id="a number as text",
        ),
        pytest.param({"type": "transcription", "id": "sess_1"}, r"no 'session\.id'", id="a server's key"),
    ],
)
def test_the_judge_refuses_wrong_updates(session: dict[str, Any], why: str) -> None:
    """A flat, a misspelt and a wrongly typed configuration are each refused for what is wrong with them."""
    judge_client_event(json.dumps({"type": "session.update", "session": NESTED}))
    with pytest.raises(AssertionError, match=why):
        judge_client_event(json.dumps({"type": "session.update", "session": session}))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(
            {"type": "transcription_session.updated", "session": SESSION}, "no event of the GA", id="beta name"
        ),
        pytest.param({"audio_start_ms": 1000.5}, "not a InputAudioBufferSpeechStarted", id="half a millisecond"),
        pytest.param({"audio_start_ms": "1000"}, "not a InputAudioBufferSpeechStarted", id="a number as text"),
        pytest.param({"event_id": None}, "not a InputAudioBufferSpeechStarted", id="no event id"),
        pytest.param({"audio_begin_ms": 1000}, "no 'audio_begin_ms'", id="misspelt"),
        pytest.param({"words": []}, None, id="words, where they are not ours"),
    ],
)
def test_the_judge_refuses_wrong_server_events(body: dict[str, Any], why: str | None) -> None:
    """A server's event with a wrong name, type or key is refused; the listed extras are held to their own types."""
    good = json.loads(encode(SpeechStarted("item_1", 1000, "e")))
    judge_server_event(json.dumps(good))
    if why is None:
        wrong = {"type": "conversation.item.input_audio_transcription.completed", "words": [{"word": "a"}]}
        body, why = wrong | json.loads(encode(Completed("i", "a", usage=TOKENS, event_id="e"))), "Field required"
    with pytest.raises(AssertionError, match=why):
        judge_server_event(json.dumps(good | body if "words" not in body else body))


@pytest.mark.parametrize(
    ("beta", "event"),
    [
        (
            {"type": "transcription_session.created", "session": {"id": "s"}},
            SessionCreated({"id": "s"}, greeting="transcription_session.created"),
        ),
        ({"type": "transcription_session.updated", "session": {"id": "s"}}, SessionUpdated({"id": "s"})),
        (
            {"type": "conversation.item.created", "previous_item_id": "a", "item": {"id": "b"}},
            ItemAdded("b", "a"),
        ),
        ({"type": "error", "message": "bare"}, ErrorEvent("bare")),
        ({"type": "error", "error": "a sentence"}, ErrorEvent("a sentence")),
        ({"type": "error", "error": {"message": "m", "code": 401}}, ErrorEvent("m", "401")),
    ],
)
def test_spellings_of_other_servers_are_read(beta: dict[str, Any], event: ServerEvent) -> None:
    """Beta servers' names and compatible servers' habits decode to the same events."""
    assert decode(json.dumps(beta)) == event


TRANSCRIPTION = "conversation.item.input_audio_transcription"


@pytest.mark.parametrize("name", ["item_id", "content_index", "delta", "event_id", "transcript", "previous_item_id"])
@pytest.mark.parametrize(
    "event", [Delta("i", "d"), Completed("i", "t"), Failed("i", "m"), Committed("i"), SpeechStarted("i", 1)]
)
def test_missing_fields_are_not_errors(event: ServerEvent, name: str) -> None:
    """Every field that some server leaves out, or sends as null, may be missing."""
    body = json.loads(encode(event))
    body.pop(name, None)
    assert type(decode(json.dumps(body))) is type(event)
    assert decode(json.dumps({**body, name: None})) == decode(json.dumps(body))


@given(
    logprobs=JSON,
    words=JSON,
    usage=JSON,
    languages=JSON,
    content_index=JSON,
    event_id=JSON,
)
@example(logprobs=[{"token": "a", "logprob": float("-inf")}], words=[{"word": "a", "start": float("nan")}],
         usage={}, languages=[], content_index=0, event_id="")  # fmt: skip
@example(logprobs=[{"token": 1, "logprob": 10**400}], words=[{"word": "a", "start": 1e308, "end": 10**400}],
         usage={}, languages=[[]], content_index=10**400, event_id=1)  # fmt: skip
def test_malformed_extras_never_lose_the_text(**extras: Any) -> None:
    """However broken log-probabilities, words, usage or indexes are, the final text is read."""
    body = {"type": f"{TRANSCRIPTION}.completed", "item_id": "i", "transcript": "all of it", **extras}
    event = decode(json.dumps(body))
    assert isinstance(event, Completed) and (event.item_id, event.transcript) == ("i", "all of it")


def test_good_entries_survive_bad_neighbours() -> None:
    """A list of words or log-probabilities keeps what is right in it."""
    body = {
        "type": f"{TRANSCRIPTION}.completed",
        "item_id": "i",
        "transcript": "a b",
        "words": [{"word": "a", "start": 0, "end": 1}, {"word": "b"}, 7, None],
        "logprobs": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": None}, "x"],
        "languages": ["fr", {"code": "en"}, 3],
    }
    event = decode(json.dumps(body))
    assert isinstance(event, Completed)
    assert event.words == (WordTime("a", 0.0, 1.0),)
    assert event.logprobs == (LogProb("a", -0.5),)
    assert event.languages == ("fr", "en")


@pytest.mark.parametrize("error", ["a sentence", {"message": 5, "code": 500, "param": ["x"]}, [], 7, None, {}])
def test_a_failed_turn_is_read_however_the_error_looks(error: object) -> None:
    """A failure settles its turn, so it must be read even where its error is not the documented object."""
    event = decode(json.dumps({"type": f"{TRANSCRIPTION}.failed", "item_id": "i", "error": error}))
    assert isinstance(event, Failed) and event.item_id == "i"


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1e300, 10**400, "1000", True, [1], {"ms": 1}])
def test_an_impossible_time_counts_as_none(value: object) -> None:
    """A turn is worth more than its time: one that cannot be right is left out of the event."""
    assert decode(
        json.dumps({"type": "input_audio_buffer.speech_started", "item_id": "i", "audio_start_ms": value})
    ) == (SpeechStarted("i", None))


def test_half_characters_are_mended() -> None:
    """A surrogate that JSON escapes alone becomes U+FFFD, a pair its character: neither breaks a file or a message."""
    body = r'"item_id":"i\udc00","delta":"\ud83d\ude00 \ud83d"'
    event = decode(f'{{"type":"{TRANSCRIPTION}.delta",{body}}}')
    assert event == Delta("i\ufffd", "\U0001f600 \ufffd")
    with pytest.raises(ClientEventError) as refused:
        decode_client(r'{"type":"\ud800"}')
    assert encode(ErrorEvent(str(refused.value))).encode()


@given(SERVER_EVENTS, JSON, st.data())
def test_wrong_types_raise_only_remote_errors(event: ServerEvent, value: object, data: st.DataObject) -> None:
    """Any field may hold anything: the event is read or RemoteProtocolError says what was wrong."""
    body = json.loads(encode(event))
    body[data.draw(st.sampled_from(sorted(body)))] = value
    try:
        decode(json.dumps(body))
    except RemoteProtocolError as error:
        assert len(str(error)) < 600


DEEP = "[" * 900 + "]" * 900


@given(JSON | st.text() | st.binary())
@example("[" * 100_000)
@example(f'{{"type":"{TRANSCRIPTION}.delta","delta":{DEEP}}}')
@example(f'{{"type":"error","error":{{"code":{DEEP}}}}}')
@example('{"type":' + '"x"' * 2)
@example('{"type":"x","n":' + "9" * 5000 + "}")
@example(b"\xff\xfe")
@example("\ufeff{}")
@example("null")
def test_anything_else_raises_only_remote_errors(message: Any) -> None:
    """Text, bytes and JSON that are no events raise RemoteProtocolError in both directions, and nothing else."""
    raw = message if isinstance(message, str | bytes) else json.dumps(message)
    for read in (decode, decode_client):
        try:
            read(raw)
        except RemoteProtocolError as error:
            assert len(str(error)) < 1000


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        (b'{"type":"input_audio_buffer.commit"}', "invalid_event", None),
        ("{", "invalid_json", None),
        ("[]", "invalid_json", None),
        ('{"type":"transcription_session.update"}', "invalid_value", "type"),
        ('{"type":"session.update"}', "missing_required_parameter", "session"),
        ('{"type":"session.update","session":[]}', "invalid_type", "session"),
        ('{"type":"input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type":"input_audio_buffer.append","audio":5}', "invalid_type", "audio"),
        ('{"type":"input_audio_buffer.append","audio":"é"}', "invalid_type", "audio"),
        ('{"type":"input_audio_buffer.append","audio":"AAA"}', "invalid_type", "audio"),
        ('{"type":"conversation.item.delete"}', "missing_required_parameter", "item_id"),
        ('{"type":"input_audio_buffer.commit","event_id":5}', "invalid_value", "event_id"),
        (json.dumps({"type": "input_audio_buffer.commit", "event_id": "x" * 513}), "invalid_value", "event_id"),
    ],
)
def test_a_wrong_client_event_says_what_a_service_would(message: str | bytes, code: str, param: str | None) -> None:
    """Each wrong message of a client carries the code and the parameter that its answer needs."""
    with pytest.raises(ClientEventError) as refused:
        decode_client(message)
    assert (refused.value.code, refused.value.param) == (code, param)
