"""Every client event of every dialect before a judge that can refuse, and that each judge does refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given

from rt_magic.wire.codec import encode
from rt_magic.wire.dialects import DIALECTS, Dialect, Wanted
from rt_magic.wire.events import (
    CancelResponse,
    Cleared,
    Committed,
    Completed,
    Delta,
    ErrorEvent,
    Failed,
    ItemAdded,
    Json,
    LogProb,
    ServerEvent,
    ServiceWarning,
    SessionUpdate,
    SpeechStarted,
    SpeechStopped,
    WordTime,
)
from rt_magic.wire.protocol import ClientProtocol
from rt_magic.wire.refusals import adapt
from rt_magic.wire.server import ServerProtocol
from rt_magic.wire.session_schema import default_session, merge_session
from rt_magic.wire.settings import session_update
from rt_magic.wire.spoken import spoken
from rt_magic.wire.states import State
from tests.judges import beta_types, golden, openai_types, voicelive_types
from tests.test_dialects import WANTED

Judge = Callable[[str], object]


def _judge_of(dialect: Dialect) -> Judge:
    """Return the judge of a dialect: its own where it has one, else the one of its shape."""
    if dialect.name == "mai":
        return partial(golden.judge, rules=golden.MAI_CLIENT)
    if dialect.shape == "nested":
        return openai_types.judge_client_event
    if dialect.shape == "bare":
        return partial(golden.judge, rules=golden.VLLM_CLIENT)
    return voicelive_types.judge_client_event if dialect.voice else beta_types.judge_client_event


CLIENT = {name: _judge_of(dialect) for name, dialect in DIALECTS.items()}
"""Who judges what we say in each dialect."""


def client(dialect: Dialect, wanted: Wanted) -> tuple[ClientProtocol, list[str]]:
    """Make a client whose settings a server of its dialect has taken, and return it with what it said."""
    server = ServerProtocol("sess_1", dialect=dialect)
    server.greet()
    made = ClientProtocol(dialect, wanted)
    said: list[str] = []
    while answers := server.messages_to_send():
        for message in answers:
            made.receive(message)
        for message in made.messages_to_send():
            said.append(message)
            server.receive(message)
    assert made.state is State.STREAMING
    return made, said


@pytest.mark.parametrize("name", DIALECTS)
@given(wanted=WANTED)
def test_settings_are_right_in_every_dialect(name: str, wanted: Wanted) -> None:
    """Whatever is wanted, the update is what the dialect's judge knows, and a server of ours takes it."""
    dialect = DIALECTS[name]
    wanted = replace(
        wanted, model="whisper-1" if DIALECTS[name].update.startswith("transcription_") else wanted.model or "m"
    )
    wanted = replace(wanted, kind="transcription") if name == "mai" else wanted
    adapted, _ = adapt(wanted, dialect)
    body = session_update(adapted, dialect)
    bare = dialect.shape == "bare"
    event_id = None if bare else "rtm-1"
    CLIENT[name](encode(SessionUpdate(body, event_id, dialect.update, bare)))
    if wanted.kind == "transcription" and (wanted.turn_detection != "semantic" or dialect.shape != "nested"):
        merge_session(default_session(dialect=dialect), body, dialect=dialect)


@pytest.mark.parametrize("name", DIALECTS)
def test_every_client_event_is_right_in_every_dialect(name: str) -> None:
    """All that a session says, from the settings to the last commit, is what the dialect's judge knows."""
    dialect = DIALECTS[name]
    judge = CLIENT[name]
    model = (
        "whisper-1" if DIALECTS[name].update.startswith("transcription_") else "m"
    )  # the beta names the only models there were
    ours, said = client(dialect, Wanted(model=model, languages=("fr",), turn_detection="client"))
    ours.append_audio(bytes(48_000))
    ours.commit()
    ours.append_audio(bytes(48_000))
    ours.clear()
    ours.append_audio(bytes(4_800))
    ours.finish(padding=2_400)
    said += ours.messages_to_send()
    if dialect.voice:
        said.append(encode(CancelResponse()))
    kinds = set()
    for message in said:
        body = json.loads(message)
        if name == "mai" and body["type"] == "input_audio_buffer.clear":
            continue  # which its how-to does not mention; a refusal of it is swallowed
        judge(message)
        kinds.add(body["type"])
    committed = set() if not dialect.commits else {"input_audio_buffer.commit"}
    assert kinds >= {dialect.update, "input_audio_buffer.append"} | committed


WRONG: list[tuple[str, Json, str]] = [
    ("openai", {"session": {"type": "transcription", "input_audio_transcription": {}}}, "no 'session"),
    ("speaches", {"session": {"type": "transcription", "audio": {}}}, "no 'session"),
    ("speaches", {"session": {"input_audio_transcription": {"modell": "m"}}}, "no 'session.input_audio"),
    ("speaches", {"session": {"turn_detection": {"type": "server_vad", "threshold": "high"}}}, "not a SessionUpdate"),
    ("localai", {"type": "transcription_session.update", "session": {"modality": ["text"]}}, "no 'session.modality"),
    ("voicelive", {"session": {"audio": {"input": {}}}}, "RequestSession has no"),
    ("voicelive", {"session": {"input_audio_transcription": {"model": "m", "languages": ["fr"]}}}, "has no"),
    ("voicelive", {"session": {"turn_detection": {"type": "azure_semantic_vad", "eagerness": "auto"}}}, "has no"),
    ("voicelive", {"session": {"turn_detection": {"type": "azure_vad"}}}, "cannot be 'azure_vad'"),
    ("voicelive", {"session": {"include": ["phrases"]}}, "cannot be 'phrases'"),
    ("voicelive", {"type": "session.updates"}, "no event"),
    ("vllm", {"session": {"model": "m"}}, "has no 'session'"),
    ("vllm", {}, "lacks 'model'"),
    ("vllm", {"type": "input_audio_buffer.commit", "final": "yes"}, "cannot be 'yes'"),
    ("vllm", {"type": "input_audio_buffer.append", "audio": "AAA="}, None),  # type: ignore[list-item]
    ("vllm", {"type": "input_audio_buffer.append", "audio": ""}, "is not right"),
    ("vllm", {"type": "input_audio_buffer.clear"}, "no event of this dialect"),
    ("mai", {"event_id": "1", "session": {"type": "realtime"}}, "cannot be 'realtime'"),
    ("mai", {"event_id": "1", "session": {"type": "transcription", "audio": {"input": {
        "format": {"type": "audio/pcm", "rate": 24000}, "transcription": {"model": "m"},
        "turn_detection": {"type": "server_vad"}}}}}, "cannot be"),
    ("mai", {"event_id": "1", "session": {"type": "transcription", "audio": {"input": {
        "format": {"type": "audio/pcm", "rate": 24000}, "transcription": {"model": "m", "keywords": []},
        "turn_detection": None}}}}, "has no 'keywords'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "why"), WRONG)
def test_each_judge_refuses_a_wrong_event(name: str, body: Json, why: str | None) -> None:
    """A misspelt key, a value of another dialect or an event that is not there does not get past its judge."""
    message = json.dumps({"type": "session.update", **body})
    if why is None:
        CLIENT[name](message)
        return
    with pytest.raises(AssertionError, match=why):
        CLIENT[name](message)


SAID: list[ServerEvent] = [
    SpeechStarted("item_1", 1000, "e"),
    SpeechStopped("item_1", 2000, "e"),
    Committed("item_1", None, "e"),
    ItemAdded("item_1", None, "e"),
    Delta("item_1", "Bon", 0, "e"),
    Completed("item_1", "Bonjour", 0, words=(WordTime("Bonjour", 0.0, 0.5),), languages=("fr-FR",), event_id="e"),
    Failed("item_1", "no", "audio_unintelligible", event_id="e"),
    ErrorEvent("no", "invalid_value", "invalid_request_error", "session", "rtm-1", "e"),
    Cleared("e"),
]


@pytest.mark.parametrize("event", [*SAID, ServiceWarning("mind", "long", "e")], ids=lambda event: type(event).__name__)
def test_a_server_of_ours_speaks_voice_live(event: ServerEvent) -> None:
    """What our scripted service says in that dialect is of the official classes, with no key too many."""
    message = spoken(event, DIALECTS["voicelive"])
    assert message is not None and voicelive_types.judge_server_event(message)


@pytest.mark.parametrize("event", SAID, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("name", ["speaches", "localai"])
def test_a_server_of_ours_speaks_the_beta(name: str, event: ServerEvent) -> None:
    """What our scripted service says in the flat dialects is of the beta's classes, with no key too many."""
    if isinstance(event, Completed):
        event = replace(event, words=None, languages=None, logprobs=(LogProb("Bonjour", -0.1),))
        event = replace(event, usage={"type": "duration", "seconds": 2})
    message = spoken(event, DIALECTS[name])
    assert message is not None and beta_types.judge_server_event(message)


@pytest.mark.parametrize("event", [Delta(None, "Bon"), Completed(None, "Bonjour"), ErrorEvent("no", "invalid_json")])
def test_a_server_of_ours_speaks_vllms_dialect(event: ServerEvent) -> None:
    """What our scripted service says in vLLM's dialect is what its source says."""
    message = spoken(event, DIALECTS["vllm"])
    assert message is not None and golden.judge(message, golden.VLLM_SERVER)


def test_sessions_in_answers_are_right() -> None:
    """The session that our servers show, before and after an update, is of the official classes."""
    for name, judge in (("voicelive", voicelive_types.judge_server_event), ("speaches", beta_types.judge_server_event)):
        dialect = DIALECTS[name]
        server = ServerProtocol("sess_1", model="m", dialect=dialect)
        server.greet()
        update: dict[str, Any] = session_update(Wanted(model="m", languages=("fr",)), dialect)
        server.receive(encode(SessionUpdate(update, "1", dialect.update)))
        created, updated = server.messages_to_send()
        judge(created)
        judge(updated)
