"""The states of a connection: both ends joined in memory, and each against whatever may come."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_magic.audio.pcm import Timeline
from rt_magic.exceptions import LocalProtocolError
from rt_magic.transcript.folding import fold
from rt_magic.transcript.segments import GaveUp, Opened
from rt_magic.transcript.transcript import Transcript
from rt_magic.transcript.turns import Folded
from rt_magic.wire.codec import decode, encode
from rt_magic.wire.dialects import DIALECTS, Wanted
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
    Delta,
    ErrorEvent,
    Failed,
    Json,
    ResponseCreated,
    ServerEvent,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
)
from rt_magic.wire.open_turns import OpenTurns
from rt_magic.wire.protocol import MAXIMUM_AMENDMENTS, MINIMUM_COMMIT, ClientProtocol
from rt_magic.wire.requests import decode_client
from rt_magic.wire.server import ServerProtocol
from rt_magic.wire.session_schema import default_session
from rt_magic.wire.states import TRANSITIONS, State, Trigger
from tests.judges.openai_types import judge_client_event, judge_server_event
from tests.test_codec import SERVER_EVENTS

EMPTY = "input_audio_buffer_commit_empty"


def client(dialect: str = "openai", **wanted: Any) -> ClientProtocol:
    """Make the client's side."""
    return ClientProtocol(DIALECTS[dialect], Wanted(**wanted))


def told(protocol: ClientProtocol, *events: ServerEvent) -> list[ServerEvent]:
    """Let a client hear events; return what it passes on."""
    return [passed for event in events for passed in protocol.receive(encode(event))]


def said(protocol: ClientProtocol) -> list[ClientEvent]:
    """Return what a client has to say, judged."""
    messages = protocol.messages_to_send()
    for message in messages:
        judge_client_event(message)
    return [decode_client(message) for message in messages]


def streaming(dialect: str = "openai", **wanted: Any) -> ClientProtocol:
    """Make a client whose configuration was accepted."""
    protocol = client(dialect, **wanted)
    told(protocol, SessionCreated({}), SessionUpdated(default_session()))
    said(protocol)
    assert protocol.state is State.STREAMING
    return protocol


class Pair:
    """Both ends of a connection; what one says, the other hears at once, and the judge hears all of it."""

    def __init__(self, the_client: ClientProtocol, *, unknown: Iterable[str] = (), **options: Any) -> None:
        self.client = the_client
        self.server = ServerProtocol("sess_1", expires_at=1_800_000_000, **options)
        self.server.unknown = frozenset(unknown)
        self.to_server: list[ClientEvent] = []
        self.to_client: list[ServerEvent] = []
        self.updates = 0
        self.server.greet()
        self.pump()

    def pump(self) -> Pair:
        """Exchange messages until both are quiet."""
        while True:
            answers = self.server.messages_to_send()
            for message in answers:
                judge_server_event(message)
                self.to_client += self.client.receive(message)
            asked = self.client.messages_to_send()
            for message in asked:
                judge_client_event(message)
                self.updates += isinstance(decode_client(message), SessionUpdate)
                event = self.server.receive(message)
                self.to_server += [event] if event else []
            if not answers and not asked:
                return self

    def answer(self, *events: ServerEvent) -> Pair:
        """Let the server say something."""
        for event in events:
            self.server.send(event)
        return self.pump()


# ── the table ──

ROUTE = {
    State.CONNECTING: (),
    State.CONFIGURING: (Trigger.CREATED,),
    State.STREAMING: (Trigger.CREATED, Trigger.CONFIGURED),
    State.DRAINING: (Trigger.CREATED, Trigger.CONFIGURED, Trigger.FINISHED),
    State.CLOSED: (Trigger.CLOSED,),
}


def in_state(state: State) -> ClientProtocol:
    """Bring a client to a state along the table."""
    protocol = client("embedded")
    for trigger in ROUTE[state]:
        _PULLS[trigger](protocol)
    assert protocol.state is state
    said(protocol)
    return protocol


_PULLS: dict[Trigger, Callable[[ClientProtocol], object]] = {
    Trigger.CREATED: lambda protocol: told(protocol, SessionCreated({})),
    Trigger.CONFIGURED: lambda protocol: told(protocol, SessionUpdated({})),
    Trigger.FINISHED: lambda protocol: protocol.finish(),
    Trigger.CLOSED: lambda protocol: protocol.close(),
}


def test_the_table_reaches_every_state_and_ends() -> None:
    """Every state can be reached and left for CLOSED, which is the end."""
    assert set(TRANSITIONS) == set(State) == set(ROUTE)
    assert all(moves[Trigger.CLOSED] is State.CLOSED for moves in TRANSITIONS.values())
    assert set(TRANSITIONS[State.CLOSED]) == {Trigger.CLOSED}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("trigger", Trigger)
def test_only_what_the_table_allows_moves_a_connection(state: State, trigger: Trigger) -> None:
    """What moves, moves as the table says; a refused call changes nothing, and a late event is only passed on."""
    protocol = in_state(state)
    expected = TRANSITIONS[state].get(trigger)
    if expected is None and trigger is Trigger.FINISHED:
        with pytest.raises(LocalProtocolError, match=state.value):
            protocol.finish(padding=100)
    else:
        _PULLS[trigger](protocol)
    assert protocol.state is (expected or state)
    if expected is None:
        assert protocol.messages_to_send() == [] and protocol.uncommitted == 0


@pytest.mark.parametrize("state", [state for state in State if state is not State.STREAMING])
def test_audio_is_refused_unless_streaming(state: State) -> None:
    """Audio for a connection that is not configured, or over, is the caller's mistake and is not sent."""
    protocol = in_state(state)
    with pytest.raises(LocalProtocolError, match=state.value):
        protocol.append_audio(b"\0\0")
    if state is not State.DRAINING:
        with pytest.raises(LocalProtocolError, match=state.value):
            protocol.commit()
    assert protocol.messages_to_send() == [] and (protocol.uncommitted, protocol.open_turns) == (0, 0)


def test_a_server_greets_once() -> None:
    """The server's side follows the same table."""
    server = ServerProtocol("sess_1")
    server.greet()
    assert len(server.messages_to_send()) == 1
    with pytest.raises(LocalProtocolError):
        server.greet()
    assert server.messages_to_send() == [] and server.state is State.CONFIGURING


# ── both ends ──


def test_a_whole_session() -> None:
    """Configured, fed, committed, transcribed and drained, with every message of both ends in the official types."""
    pair = Pair(client("embedded", model="m", languages=("fr",), silence_ms=300, keywords=("Ana",)))
    accepted = pair.client.accepted
    assert accepted is not None and pair.client.state is pair.server.state is State.STREAMING
    assert (accepted.model, accepted.language, accepted.server_turns) == ("m", "fr", True)
    assert (accepted.prefix_padding, accepted.closing_silence, accepted.expires_at) == (0.3, 0.3, 1_800_000_000)
    pcm = bytes(range(256)) * 20
    pair.client.append_audio(pcm)
    pair.client.append_audio(pcm)
    pair.pump().answer(SpeechStarted("item_1", 0))
    assert pair.client.open_turns == 1
    pair.client.finish(padding=10)
    pair.pump()
    assert isinstance(pair.to_server[-1], ClearAudio) and not pair.client.drained
    audio = b"".join(event.audio for event in pair.to_server if isinstance(event, AppendAudio))
    assert audio == pcm + pcm + bytes(20)
    pair.answer(SpeechStopped("item_1", 900), pair.server.commit("item_1"), Delta("item_1", "ou"))
    pair.answer(Cleared())
    assert not pair.client.drained
    pair.answer(Completed("item_1", "oui", usage={"type": "duration", "seconds": 1}))
    assert pair.client.drained
    assert [type(event).__name__ for event in pair.to_client] == [
        "SessionCreated", "SessionUpdated", "SpeechStarted", "SpeechStopped", "Committed", "Delta", "Cleared",
        "Completed",
    ]  # fmt: skip


def test_nothing_is_sent_before_its_time() -> None:
    """The client waits for the greeting, then says one thing, the configuration, until that is accepted."""
    protocol = client()
    assert protocol.messages_to_send() == []
    told(protocol, SessionCreated({}))
    (update,) = said(protocol)
    assert isinstance(update, SessionUpdate) and update.session["audio"]["input"]["turn_detection"]
    told(protocol, SpeechStarted("a", 0), Cleared(), SessionCreated({}))
    assert protocol.messages_to_send() == [] and protocol.state is State.CONFIGURING


def test_turns_are_chained_and_events_numbered() -> None:
    """A server names the turn before in each commit, and no two events have the same id."""
    server = ServerProtocol("sess_1")
    server.greet()
    for item in "abc":
        server.send(server.commit(item))
    sent = [decode(message) for message in server.messages_to_send()]
    assert [(e.item_id, e.previous_item_id) for e in sent if isinstance(e, Committed)] == [
        ("a", None), ("b", "a"), ("c", "b"),
    ]  # fmt: skip
    assert len({event.event_id for event in sent}) == len(sent)


def test_a_server_answers_what_is_wrong_and_goes_on() -> None:
    """A wrong message gets an error with the client's event id; the configuration stands as it was."""
    pair = Pair(client("embedded", model="m"))
    before = json.dumps(pair.server.session)
    body = {"type": "session.update", "event_id": "mine", "session": {"type": "transcription", "audio": {"x": 1}}}
    assert pair.server.receive(json.dumps(body)) is None
    assert pair.server.receive("no JSON") is None
    first, second = (decode(message) for message in pair.server.messages_to_send())
    assert isinstance(first, ErrorEvent) and isinstance(second, ErrorEvent)
    assert (first.code, first.param, first.client_event_id) == ("unknown_parameter", "session.audio.x", "mine")
    assert second.code == "invalid_json"
    assert json.dumps(pair.server.session) == before and pair.server.state is State.STREAMING


def test_a_server_may_refuse_what_its_schema_allows() -> None:
    """A check of the server's own is asked before a configuration takes effect."""

    def check(session: Json, event_id: str | None) -> None:
        if session["audio"]["input"]["transcription"].get("language") != "en":
            param = "session.audio.input.transcription.language"
            raise ClientEventError("English only", code="invalid_value", param=param, event_id=event_id)

    pair = Pair(client("embedded", languages=("fr",)), check=check)
    assert pair.client.failure is not None or "language" in pair.client.given_up
    assert pair.server.session["audio"]["input"]["transcription"] in (None, {})


# ── refused settings ──

INPUT = "session.audio.input"


@pytest.mark.parametrize(
    ("wanted", "unknown", "kept"),
    [
        ({"keywords": ("a",)}, f"{INPUT}.transcription.keywords", {"keywords": ()}),
        ({"prompt": "x"}, f"{INPUT}.transcription.prompt", {"prompt": None}),
        ({"noise_reduction": "near"}, f"{INPUT}.noise_reduction", {"noise_reduction": None}),
        ({"logprobs": True}, "session.include", {"logprobs": False}),
        ({"languages": ("fr", "en")}, f"{INPUT}.transcription.languages", {"languages": ("fr",)}),
        ({"languages": ("fr-CA",)}, f"{INPUT}.transcription.language", {"languages": ()}),
    ],
)
def test_a_refused_field_is_given_up(wanted: dict[str, Any], unknown: str, kept: dict[str, Any]) -> None:
    """A server that does not know an optional field is asked again without it, and a note says so."""
    pair = Pair(client("embedded", **wanted), unknown=[unknown])
    assert pair.client.state is State.STREAMING and pair.client.failure is None
    assert pair.client.wanted == replace(Wanted(**wanted), **kept)
    assert any(unknown.rsplit(".", 1)[-1] in note for note in pair.client.notes)
    assert not any(isinstance(event, ErrorEvent) for event in pair.to_client)


def test_several_refused_fields_are_given_up_one_by_one() -> None:
    """Each answer names one field; what the service does take is kept."""
    fields = ["transcription.keywords", "transcription.prompt", "noise_reduction"]
    wanted = {"keywords": ("a",), "prompt": "x", "noise_reduction": "far", "languages": ("fr",)}
    pair = Pair(client("embedded", **wanted), unknown=[f"{INPUT}.{field}" for field in fields])
    assert pair.client.wanted == Wanted(languages=("fr",)) and pair.updates == 4
    assert set(pair.client.given_up) == {"keywords", "prompt", "noise_reduction"}


@pytest.mark.parametrize(
    "error",
    [
        ErrorEvent("no such thing", "invalid_value", param=f"{INPUT}.turn_detection"),
        ErrorEvent("Turn detection is not supported for this transcription model.", "unknown_parameter"),
        ErrorEvent("Invalid value: 'semantic_vad'.", "invalid_value", param=f"{INPUT}.turn_detection.type"),
    ],
)
def test_a_service_without_turn_detection_gets_turns_of_ours(error: ErrorEvent) -> None:
    """However a refusal is worded, turns by meaning become turns at pauses, and then the service's are switched off."""
    protocol = client(turn_detection="semantic")
    told(protocol, SessionCreated({}))
    (update,) = said(protocol)
    assert told(protocol, replace(error, client_event_id=update.event_id)) == []
    (plain,) = said(protocol)
    assert isinstance(plain, SessionUpdate)
    assert plain.session["audio"]["input"]["turn_detection"]["type"] == "server_vad"
    assert told(protocol, replace(error, client_event_id=plain.event_id)) == []
    (again,) = said(protocol)
    assert isinstance(again, SessionUpdate) and again.session["audio"]["input"]["turn_detection"] is None
    assert len({update.event_id, plain.event_id, again.event_id}) == 3
    told(protocol, error)
    assert protocol.failure is not None


def test_a_refusal_that_nothing_helps_is_the_failure() -> None:
    """What cannot be given up ends the attempt, with the service's own words."""
    protocol = client(model="nonsense")
    told(protocol, SessionCreated({}))
    error = ErrorEvent("no such model", "invalid_value", param=f"{INPUT}.transcription.model", kind="x")
    assert told(protocol, error) == [error] and protocol.failure == error
    assert len(said(protocol)) == 1


def test_a_service_that_refuses_for_ever_is_given_up() -> None:
    """After a bounded number of refusals the last one is the failure, however much could still be dropped."""
    protocol = client(languages=tuple(f"l{n}" for n in range(9)))
    told(protocol, SessionCreated({}))
    for asked in range(1, 30):
        assert len(said(protocol)) == 1
        told(protocol, ErrorEvent("no", param=f"{INPUT}.transcription.language{'s' if asked == 1 else ''}"))
        if protocol.failure:
            break
        protocol.wanted = replace(protocol.wanted, languages=(f"again-{asked}",))
    assert asked == MAXIMUM_AMENDMENTS + 1 and protocol.messages_to_send() == []


def test_an_error_as_the_first_frame_is_the_failure() -> None:
    """A service that refuses the key after the handshake says so before any greeting."""
    protocol = client()
    error = ErrorEvent("bad key", "invalid_api_key", "invalid_request_error")
    assert told(protocol, error) == [error] and protocol.failure == error and protocol.messages_to_send() == []


def test_an_error_about_something_else_does_not_fail_the_configuration() -> None:
    """Only an error about the pending update, or about nothing in particular, is taken as its refusal."""
    protocol = client()
    told(protocol, SessionCreated({}))
    assert len(told(protocol, ErrorEvent("other", client_event_id="not-mine"))) == 1
    assert protocol.failure is None and len(said(protocol)) == 1


# ── turns, commits and the end ──


def test_a_commit_is_filled_up_to_what_services_take() -> None:
    """Less than 100 ms is padded with silence, counted since the last commit; `pad=False` leaves it as it is."""
    protocol = streaming(turn_detection="client")
    protocol.append_audio(bytes(2 * 1000))
    assert protocol.uncommitted == 1000
    assert protocol.commit() == MINIMUM_COMMIT - 1000
    audio, padding, commit = said(protocol)
    assert isinstance(padding, AppendAudio) and len(padding.audio) == 2 * (MINIMUM_COMMIT - 1000)
    assert isinstance(audio, AppendAudio) and isinstance(commit, CommitAudio) and commit.event_id
    protocol.append_audio(bytes(2 * MINIMUM_COMMIT))
    assert protocol.commit() == 0 and protocol.commit(pad=False) == 0
    assert len(said(protocol)) == 3 and protocol.open_turns == 3


@pytest.mark.parametrize("with_id", [True, False])
def test_an_own_empty_commit_is_no_error(with_id: bool) -> None:
    """That a commit of ours found nothing is swallowed, whether or not the service names the commit."""
    protocol = streaming()
    protocol.commit(pad=False)
    (commit,) = said(protocol)
    empty = ErrorEvent("the buffer is empty", EMPTY, client_event_id=commit.event_id if with_id else None)
    assert told(protocol, empty) == [] and protocol.open_turns == 0
    assert len(told(protocol, replace(empty, client_event_id=None))) == 1


def test_a_commit_overtaken_by_the_service_is_no_error() -> None:
    """Where turn detection of the service closed the turn first, the refusal of our commit is swallowed too."""
    protocol = streaming()
    protocol.commit()
    commit = said(protocol)[-1]
    told(protocol, Committed("a"))
    assert told(protocol, ErrorEvent("empty", EMPTY, client_event_id=commit.event_id)) == []
    assert protocol.open_turns == 1


def test_other_errors_reach_the_user_and_settle_the_commit() -> None:
    """An error of another kind about a commit is passed on, and nobody waits for its turn any more."""
    protocol = streaming()
    protocol.commit()
    commit = said(protocol)[-1]
    error = ErrorEvent("quota", "insufficient_quota", client_event_id=commit.event_id)
    assert len(told(protocol, error)) == 1 and protocol.open_turns == 0
    assert len(told(protocol, ErrorEvent("quota", "insufficient_quota"))) == 1


def test_the_fence_is_awaited_where_there_is_one() -> None:
    """With a fence the end is its answer, also if that is an error; without one, that no turn is open."""
    fenced, plain = streaming("embedded"), streaming("openai")
    for protocol in (fenced, plain):
        assert not protocol.drained
        protocol.finish(padding=5)
    assert [type(event) for event in said(plain)] == [AppendAudio] and plain.drained
    _, fence = said(fenced)
    assert isinstance(fence, ClearAudio) and not fenced.drained
    assert told(fenced, ErrorEvent("unknown event", client_event_id=fence.event_id)) == [] and fenced.drained


def test_an_answer_of_a_voice_model_is_cancelled() -> None:
    """A response that begins is cancelled and noted once; that there was none to cancel any more is no error."""
    protocol = streaming()
    told(protocol, ResponseCreated("r1"), ResponseCreated("r2"))
    assert said(protocol) == [CancelResponse(), CancelResponse()]
    assert sum("answer" in note for note in protocol.notes) == 1
    assert told(protocol, ErrorEvent("nothing to cancel", "response_cancel_not_active")) == []


def test_what_cannot_be_read_is_noted_once() -> None:
    """Any number of unreadable frames leave one note and change nothing else."""
    protocol = streaming()
    for number in range(1000):
        assert protocol.receive(f"no JSON {number}") == []
    assert len(protocol.notes) == 1 and "no JSON 0" in protocol.notes[0] and protocol.state is State.STREAMING


TURN = st.lists(st.sampled_from(["speak", "commit"]), max_size=4)


@given(st.lists(TURN, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_turns_settle_in_any_order(turns: list[list[str]], chance: random.Random) -> None:
    """However a turn's events are ordered and repeated, it is open until its text has come, and never after."""
    events = [(number, word) for number, words in enumerate(turns) for word in (*words, "settle", "settle")]
    chance.shuffle(events)
    counted = OpenTurns()
    settled: set[int] = set()
    begun: set[int] = set()
    for number, word in events:
        getattr(counted, word)(f"item_{number}")
        (settled if word == "settle" else begun).add(number)
        assert len(counted) == len(begun - settled)
    assert len(counted) == 0


@given(st.lists(st.sampled_from(["ids", "none", "late"]), min_size=1, max_size=6))
def test_turns_without_ids_are_counted(styles: list[str]) -> None:
    """Turns whose ids are missing, or come late, are open and settle like others, also several at a time."""
    counted = OpenTurns()
    names = [
        (None if style != "ids" else f"i{n}", None if style == "none" else f"i{n}") for n, style in enumerate(styles)
    ]
    for number, (early, _) in enumerate(names):
        counted.speak(early)
        counted.speak(early)
        assert len(counted) == number + 1
        counted.commit(early)
        assert len(counted) == number + 1
    for number, (_, late) in enumerate(names, 1):
        counted.settle(late)
        assert len(counted) == len(names) - number


def test_cleared_turns_are_not_awaited() -> None:
    """Speech whose audio was dropped gets no text; what was committed before still does."""
    protocol = streaming()
    told(protocol, SpeechStarted("a", 0), Committed("a"), SpeechStarted("b", 9), Cleared())
    assert protocol.open_turns == 1
    told(protocol, Failed("a", "no"))
    assert protocol.open_turns == 0


# ── whatever may come ──


@given(st.lists(SERVER_EVENTS | st.sampled_from(["append", "commit", "finish", "close"]), max_size=30))
def test_any_events_and_calls_keep_to_the_table(steps: list[Any]) -> None:
    """Events never raise, calls raise LocalProtocolError at most, and a state is followed only by one of the table."""
    protocol = client("embedded", keywords=("a",))
    for step in [SessionCreated({}), *steps]:
        before = protocol.state
        if isinstance(step, str):
            calls: dict[str, Callable[[], object]] = {
                "append": lambda: protocol.append_audio(b"\0\0"), "commit": protocol.commit,
                "finish": protocol.finish, "close": protocol.close,
            }  # fmt: skip
            try:
                calls[step]()
            except LocalProtocolError:
                assert protocol.state is before
        else:
            told(protocol, step)
        assert protocol.state is before or protocol.state in TRANSITIONS[before].values()
        for message in protocol.messages_to_send():
            judge_client_event(message)


VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 300, 10**30, 1.5, -2.0, 1e300, float("inf"), float("nan"), "", "x", "item_1", "\ud800",
    [], [[]], {}, {"a": 1}, {"type": "transcription"}, [{"word": "a", "start": 0, "end": 1}], [{"logprob": 1e9}],
    {"type": "server_vad", "prefix_padding_ms": 10**400, "silence_duration_ms": float("nan")},
    json.loads("[" * 300 + "]" * 300),
]  # fmt: skip
PLAIN: list[Json] = [
    json.loads(encode(event))
    for event in (
        SessionCreated({}), SessionUpdated(default_session()), SpeechStarted("i", 100), SpeechStopped("i", 900),
        Committed("i", "j"), Cleared(), Delta("i", "text "),
        Completed("i", "text", usage={"type": "duration", "seconds": 1}),
        Failed("i", "no"), ErrorEvent("no", "x", param=f"{INPUT}.turn_detection"), ResponseCreated(),
    )
] + [
    {"type": "conversation.item.input_audio_transcription.segment", "item_id": "i", "id": "s", "text": "t",
     "speaker": "A", "start": 0.0, "end": 1.0},
    {"type": "conversation.item.added", "item": {"id": "i"}, "previous_item_id": "j"},
    {"type": "transcription_session.updated", "session": {}},
    {"type": "something.new", "item_id": "i"},
]  # fmt: skip
FIELDS = ["item_id", "previous_item_id", "content_index", "words", "logprobs", "usage", "languages", "error", "session",
          "event_id", "item", "audio_start_ms", "type"]  # fmt: skip


def frame(chance: random.Random, number: int) -> str | bytes:
    """Make up a frame: mostly readable, often wrong somewhere, sometimes not JSON at all."""
    body = dict(chance.choice(PLAIN))
    ids = [f"item_{number // 500}_{k}" for k in range(6)]
    for key in ("item_id", "previous_item_id"):
        if key in body:
            body[key] = chance.choice(ids)
    for _ in range(chance.choice((0, 0, 0, 1, 1, 3))):
        body[chance.choice(chance.choice((FIELDS, list(body))))] = chance.choice(VALUES)
    for _ in range(chance.choice((0, 0, 0, 1))):
        body.pop(chance.choice(list(body)))
    if chance.random() < 0.03:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(30)))
    text = json.dumps(body, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.03:
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice(']}"x\\,\0') + text[place + chance.randrange(3) :]
    return text


def weather(frames: int, seed: int) -> Transcript:
    """Let frames rain on protocol, fold and transcript as a session does; return the transcript."""
    chance = random.Random(seed)
    protocol, state, transcript = client("embedded", keywords=("a",), languages=("fr", "en")), Folded(), Transcript()
    ranks: dict[str, float] = {}
    for number in range(frames):
        for event in protocol.receive(frame(chance, number)):
            if isinstance(event, Completed) and event.usage:
                transcript._add_usage(event.usage)
            state, changes = fold(state, event, float(number), 1)
            transcript._apply(changes)
            for gone in changes.remove:
                ranks.pop(gone, None)
            ranks.update(changes.ranks)
        if protocol.failure is not None or chance.random() < 1e-4:
            protocol = client("embedded", keywords=("a",), languages=("fr", "en"))
            state, _ = fold(state, Opened(Timeline(), 0.3, 0.5), float(number), 1)
        protocol.messages_to_send()
    state, changes = fold(state, GaveUp("over"), float(frames))
    transcript._apply(changes)
    ranks.update(changes.ranks)
    assert len(set(ranks.values())) == len(ranks)
    return transcript


def test_twenty_thousand_wrong_frames_break_nothing() -> None:
    """Frames that are wrong in every way raise nothing, and what is right among them is read."""
    transcript = weather(20_000, seed=1)
    assert len(transcript.segments) > 100 and not transcript.interim
    assert set(Transcript.from_json(transcript.to_json())) == set(transcript)


@pytest.mark.long
def test_a_million_wrong_frames_break_nothing() -> None:
    """The same for an hour's worth of them, different ones each time."""
    seed = random.randrange(2**32)
    print("seed", seed)
    assert len(weather(1_000_000, seed).segments) > 5000
