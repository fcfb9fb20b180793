"""The session object of a server: what is merged, what is refused, and how that compares with the official types."""

from __future__ import annotations

import copy
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest
from pydantic import BaseModel

from rt_magic.wire.codec import encode
from rt_magic.wire.dialects import Kind, Wanted
from rt_magic.wire.events import ClientEventError, Json, SessionUpdated
from rt_magic.wire.merging import Fields
from rt_magic.wire.session_schema import (
    REALTIME_SESSION,
    TRANSCRIPTION_SESSION,
    default_session,
    merge_session,
)
from rt_magic.wire.settings import session_update
from tests.judges.openai_types import judge_server_event
from tests.test_codec import JSON


def merged(update: Json, current: Json | None = None) -> Json:
    """Merge an update of a transcription session's input and return the input."""
    session = merge_session(current or default_session("m"), {"type": "transcription", "audio": {"input": update}})
    return session["audio"]["input"]  # type: ignore[no-any-return]


def refused(update: Any, **options: Any) -> ClientEventError:
    """Return the refusal of an update."""
    before = default_session("m")
    session = copy.deepcopy(before)
    with pytest.raises(ClientEventError) as caught:
        merge_session(session, update, "mine", **options)
    assert session == before and caught.value.event_id == "mine"
    return caught.value


def test_what_is_left_out_stays_and_null_switches_off() -> None:
    """An update names only what it changes."""
    first = merged({"transcription": {"language": "fr"}})
    assert first["transcription"] == {"model": "m", "language": "fr"}
    assert first["turn_detection"] == default_session()["audio"]["input"]["turn_detection"]
    off = merged({"turn_detection": None, "transcription": None})
    assert off["turn_detection"] is None and off["transcription"] is None


def test_turn_detection_is_always_whole() -> None:
    """What an update leaves out of turn detection is as before, or the default where it was off."""
    assert merged({"turn_detection": {"type": "server_vad", "threshold": 0.7}})["turn_detection"] == {
        "type": "server_vad", "threshold": 0.7, "prefix_padding_ms": 300, "silence_duration_ms": 500,
    }  # fmt: skip
    session = default_session()
    session["audio"]["input"]["turn_detection"] = None
    assert merged({"turn_detection": {"type": "server_vad"}}, session)["turn_detection"]["silence_duration_ms"] == 500


def test_noise_reduction_is_replaced_as_a_whole() -> None:
    """A strength does not outlive the kind of noise reduction that it was for."""
    session = default_session()
    session["audio"]["input"]["noise_reduction"] = {"type": "near_field", "strength": 2}
    assert merged({"noise_reduction": {"type": "far_field"}}, session)["noise_reduction"] == {"type": "far_field"}


INPUT = "session.audio.input"


def about(**fields: Any) -> Json:
    """Make an update of the input of a transcription session."""
    return {"type": "transcription", "audio": {"input": fields}}


def vad(**fields: Any) -> Json:
    """Make an update of turn detection."""
    return about(turn_detection={"type": "server_vad", **fields})


@pytest.mark.parametrize(
    ("update", "code", "param"),
    [
        ({}, "missing_required_parameter", "session.type"),
        ({"type": "realtime"}, "invalid_parameter", "session.type"),
        ({"type": "chat"}, "invalid_value", "session.type"),
        ({"type": 5}, "invalid_type", "session.type"),
        ({"type": "transcription", "input_audio_format": "x"}, "unknown_parameter", "session.input_audio_format"),
        ({"type": "transcription", "audio": None}, "invalid_type", "session.audio"),
        ({"type": "transcription", "audio": {"output": {}}}, "unknown_parameter", "session.audio.output"),
        ({"type": "transcription", "include": ["everything"]}, "invalid_value", "session.include[0]"),
        ({"type": "transcription", "include": "logprobs"}, "invalid_type", "session.include"),
        (about(format="pcm16"), "invalid_type", f"{INPUT}.format"),
        (about(format={"rate": 24000}), "missing_required_parameter", f"{INPUT}.format.type"),
        (about(format={"type": "audio/pcm", "rate": 16000}), "invalid_value", f"{INPUT}.format.rate"),
        (about(format={"type": "audio/pcmu"}), "invalid_value", f"{INPUT}.format.type"),
        (about(transcription={"language": ["fr"]}), "invalid_type", f"{INPUT}.transcription.language"),
        (about(transcription={"keywords": ["a", 1]}), "invalid_type", f"{INPUT}.transcription.keywords"),
        (about(turn_detection={"type": "semantic_vad"}), "invalid_value", f"{INPUT}.turn_detection.type"),
        (vad(threshold=1.5), "invalid_value", f"{INPUT}.turn_detection.threshold"),
        (vad(silence_duration_ms=0.5), "invalid_type", f"{INPUT}.turn_detection.silence_duration_ms"),
        (vad(prefix_padding_ms=True), "invalid_type", f"{INPUT}.turn_detection.prefix_padding_ms"),
    ],
)
def test_one_wrong_field_voids_the_update(update: Json, code: str, param: str) -> None:
    """What is wrong is named by code and path, and nothing of the update is taken, however right the rest is."""
    error = refused({"include": [], **update})
    assert (error.code, error.param) == (code, param)
    assert param in str(error) or "Supported values are" in str(error) or code == "invalid_parameter"


def test_a_server_can_be_older_than_the_schema() -> None:
    """A field on the list of unknown ones is refused as if the schema had none of that name."""
    path = f"{INPUT}.transcription.keywords"
    update = about(transcription={"keywords": ["a"]})
    error = refused(update, unknown=frozenset({path}))
    assert (error.code, error.param) == ("unknown_parameter", path)
    assert merge_session(default_session(), update)["audio"]["input"]["transcription"] == {"keywords": ["a"]}


@given(JSON, st.sampled_from(["audio", "include", "type"]), st.booleans())
def test_any_update_is_merged_or_refused(value: Any, key: str, nested: bool) -> None:
    """Nothing but a refusal is raised, and what is merged can be said in the official types and merged again."""
    update = {"type": "transcription", key: {"input": value} if nested else value}
    session = default_session("m")
    try:
        after = merge_session(session, update)
    except ClientEventError:
        assert session == default_session("m")
    else:
        judge_server_event(encode(SessionUpdated({**after, "id": "s"}, "e")))
        assert merge_session(after, update) == after


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "transcription": st.none()
            | st.fixed_dictionaries({}, optional={"language": st.text(), "keywords": st.lists(st.text(), max_size=2)}),
            "turn_detection": st.none()
            | st.fixed_dictionaries(
                {"type": st.just("server_vad")},
                optional={
                    "threshold": st.floats(0, 1) | st.integers(0, 1),
                    "silence_duration_ms": st.integers(0, 5000),
                },
            ),
            "noise_reduction": st.none() | st.just({"type": "near_field", "strength": 0.5}),
        },
    )
)
def test_what_is_right_is_merged(update: Json) -> None:
    """A right update takes effect field by field, and the session after it is right by the official types."""
    after = merged(json.loads(json.dumps(update)))
    for key, value in update.items():
        assert after[key] == value or {**after[key], **value} == after[key]
    session = {"type": "transcription", "audio": {"input": after}}
    judge_server_event(encode(SessionUpdated(session, "e")))


@given(JSON, st.sampled_from(["audio", "include", "output_modalities", "instructions"]), st.booleans())
def test_any_update_of_a_voice_session_is_merged_or_refused(value: Any, key: str, nested: bool) -> None:
    """The same for the session of a voice model, which has a class of its own in the official types."""
    update = {"type": "realtime", key: {"input": {"turn_detection": value}} if nested else value}
    session = default_session("m", kind="realtime")
    try:
        after = merge_session(session, update)
    except ClientEventError:
        assert session == default_session("m", kind="realtime")
    else:
        judge_server_event(encode(SessionUpdated({**after, "id": "s"}, "e")))
        assert merge_session(after, update) == after


@pytest.mark.parametrize(("kind", "other"), [("transcription", "realtime"), ("realtime", "transcription")])
def test_a_session_stays_of_its_kind(kind: Kind, other: Kind) -> None:
    """An update for the other kind of session is refused in the words that clients look for."""
    with pytest.raises(ClientEventError, match=f"Passing a {other} session update event to a {kind} session"):
        merge_session(default_session(kind=kind), session_update(Wanted(kind=other)))
    for turn_detection in ("server", "client"):
        wanted = Wanted(kind=kind, turn_detection=turn_detection)
        after = merge_session(default_session(kind=kind), session_update(wanted))
        judge_server_event(encode(SessionUpdated(after, "e")))
        turns = after["audio"]["input"]["turn_detection"]
        assert (turns is None) is (turn_detection == "client")
        assert kind == "transcription" or turns is None or turns["create_response"] is False


REFUSED_ON_PURPOSE = {
    # Nobody answers in a transcription session.
    f"{INPUT}.turn_detection.create_response",
    f"{INPUT}.turn_detection.interrupt_response",
    f"{INPUT}.turn_detection.idle_timeout_ms",
    # Of turn detections there is one.
    f"{INPUT}.turn_detection.eagerness",
}


def test_the_schema_has_the_fields_of_the_official_type() -> None:
    """Every field of the official package's type is known or refused on purpose, and no other is invented."""
    official = set(_official(RealtimeTranscriptionSessionCreateRequest, "session"))
    ours = set(_ours(TRANSCRIPTION_SESSION, "session"))
    assert official - ours == REFUSED_ON_PURPOSE
    assert ours <= official
    assert set(_ours(REALTIME_SESSION, "session")) <= set(_official(RealtimeSessionCreateRequest, "session"))


def _official(kind: Any, path: str) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields.items()
        return [entry for key, f in fields for entry in (f"{path}.{key}", *_official(f.annotation, f"{path}.{key}"))]
    return [entry for member in get_args(kind) for entry in _official(member, path)]


def _ours(rule: Any, path: str) -> list[str]:
    if not isinstance(rule, Fields):
        return []
    return [entry for key, r in rule.fields.items() for entry in (f"{path}.{key}", *_ours(r, f"{path}.{key}"))]
