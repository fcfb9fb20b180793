"""What services want to hear: addresses, configurations, and what is given up when they refuse one."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rt_magic.wire.addresses import SCOPES, Rung, is_azure_host, named_deployments, next_rung
from rt_magic.wire.codec import encode
from rt_magic.wire.dialects import DIALECTS, Accepted, Wanted
from rt_magic.wire.events import ErrorEvent, SessionUpdate
from rt_magic.wire.refusals import give_up, refused_field
from rt_magic.wire.session_schema import default_session, merge_session
from rt_magic.wire.settings import read_accepted, read_kind, session_update
from tests.judges.openai_types import judge_client_event
from tests.test_codec import JSON

WANTED = st.builds(
    Wanted,
    kind=st.sampled_from(["transcription", "realtime"]),
    model=st.none() | st.sampled_from(["gpt-realtime-whisper", "my deployment"]),
    languages=st.lists(st.sampled_from(["fr", "en", "fr-CA", "de"]), unique=True, max_size=3).map(tuple),
    language_list=st.booleans(),
    prompt=st.none() | st.text(min_size=1, max_size=20),
    keywords=st.lists(st.text(min_size=1, max_size=8), max_size=3).map(tuple),
    turn_detection=st.sampled_from(["server", "semantic", "client", "off"]),
    silence_ms=st.integers(0, 5000),
    noise_reduction=st.sampled_from([None, "near", "far"]),
    logprobs=st.booleans(),
)


def test_an_address_has_one_selector() -> None:
    """A transcription session names no model in its address, a voice session nothing else, and neither a version."""
    for dialect in (DIALECTS[name] for name in ("embedded", "openai", "azure", "mai", "auto")):
        path, query = urlsplit(dialect.target()).path, urlsplit(dialect.target()).query
        assert path == dialect.path and path.endswith("/v1/realtime") and query == "intent=transcription"
        voice = urlsplit(dialect.target("realtime", "my deployment&x=1"))
        assert parse_qs(voice.query) == {"model": ["my deployment&x=1"]}
    assert DIALECTS["azure"].path == "/openai/v1/realtime"


@given(WANTED)
def test_every_configuration_is_right_in_the_official_types(wanted: Wanted) -> None:
    """Whatever is wanted is said in the nested shape, whole, and without a key that the official package lacks."""
    body = session_update(wanted)
    judge_client_event(encode(SessionUpdate(body)))
    audio = body["audio"]["input"]
    assert body["type"] == wanted.kind and "turn_detection" in audio
    assert (audio["turn_detection"] is None) is (wanted.turn_detection in ("client", "off"))
    assert ("noise_reduction" in audio) is (wanted.noise_reduction is not None)
    assert not {"language", "languages"} <= audio["transcription"].keys()


@given(WANTED)
def test_a_voice_session_is_told_not_to_answer(wanted: Wanted) -> None:
    """In every way there is: no response to speech, no interruption, text if it answers after all, no idle timer."""
    body = session_update(wanted)
    turns = body["audio"]["input"]["turn_detection"] or {}
    assert "idle_timeout_ms" not in turns
    if wanted.kind == "realtime":
        assert body["output_modalities"] == ["text"]
        if turns:
            assert turns["create_response"] is turns["interrupt_response"] is False
    else:
        assert not {"create_response", "interrupt_response"} & turns.keys()


@given(WANTED.filter(lambda wanted: wanted.kind == "transcription" and wanted.turn_detection != "semantic"))
def test_what_a_server_accepted_is_read_back(wanted: Wanted) -> None:
    """The configuration in force, as a server of ours shows it, says what was asked for."""
    session = merge_session(default_session(), session_update(wanted))
    accepted = read_accepted(json.loads(json.dumps({**session, "expires_at": 1_800_000_000})), wanted)
    server = wanted.turn_detection == "server"
    assert accepted == Accepted(
        model=wanted.model,
        languages=wanted.languages,
        server_turns=server,
        prefix_padding=0.3 if server else 0.0,
        closing_silence=wanted.silence_ms / 1000 if server else 0.0,
        expires_at=1_800_000_000.0,
        rate=24_000.0,
    )
    assert accepted.language == (wanted.languages[0] if len(wanted.languages) == 1 else None)


def test_an_answer_that_says_nothing_is_taken_to_agree() -> None:
    """A server that does not show its configuration is taken to detect turns as it was asked to."""
    assert read_accepted({}, Wanted(silence_ms=700)).closing_silence == 0.7
    assert not read_accepted({}, Wanted(turn_detection="client")).server_turns
    assert not read_accepted({"audio": {"input": {"turn_detection": None}}}, Wanted()).server_turns


@given(st.dictionaries(st.sampled_from(["audio", "expires_at", "type"]), JSON), JSON, JSON)
@example({"expires_at": 10**400}, {"languages": [[]]}, {"prefix_padding_ms": 10**400})
@example({"expires_at": float("nan")}, {"language": float("inf")}, {"silence_duration_ms": -(10**400)})
def test_any_session_object_can_be_read(session: dict[str, Any], transcription: Any, turns: Any) -> None:
    """However a service fills its session, nothing is raised and no number is out of all bounds."""
    nested = {**session, "audio": {"input": {"transcription": transcription, "turn_detection": turns}}}
    for shown in (session, nested):
        accepted = read_accepted(shown, Wanted())
        assert 0 <= accepted.prefix_padding <= 1e9 and 0 <= accepted.closing_silence <= 1e9
        assert read_kind(shown) in (None, "transcription", "realtime")


def test_a_very_deep_session_object_can_be_read() -> None:
    """Nesting as deep as JSON allows is no trouble where a word is expected."""
    deep: Any = json.loads("[" * 900 + "]" * 900)
    transcription = {"model": deep, "language": deep, "languages": [deep, "fr"]}
    accepted = read_accepted({"expires_at": deep, "audio": {"input": {"transcription": transcription}}}, Wanted())
    assert (accepted.model, accepted.languages) == (None, ("fr",))
    assert read_kind({"type": deep}) is None


@pytest.mark.parametrize(
    ("host", "azure"),
    [
        ("contoso.openai.azure.com", True),
        ("Contoso.Services.AI.Azure.com", True),
        ("contoso.cognitiveservices.azure.com", True),
        ("contoso.openai.azure.us", True),
        ("contoso.openai.azure.cn", True),
        ("westeurope.api.cognitive.microsoft.com", True),
        ("azure.com.evil.example", False),
        ("contoso.azure.evil.example", False),
        ("notazure.com", False),
        ("api.openai.com", False),
        ("", False),
    ],
)
def test_azure_is_known_by_the_end_of_a_host_name(host: str, azure: bool) -> None:
    """A key for Azure goes to Azure's hosts, not to those that only look alike."""
    assert is_azure_host(host) is azure


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/openai/deployments/my%20own/audio/transcriptions?api-version=2025-03-01-preview", ("my own", None)),
        ("/openai/realtime?api-version=2025-04-01-preview&deployment=voice", (None, "voice")),
        ("/openai/v1/realtime?model=voice", (None, "voice")),
        ("/openai/v1/realtime?intent=transcription", (None, None)),
        ("/openai/deployments/chat/chat/completions", (None, None)),
        ("/", (None, None)),
    ],
)
def test_a_copied_address_may_name_its_deployment(address: str, found: tuple[str | None, str | None]) -> None:
    """Of the target URIs that the portal shows, the deployment is taken and nothing else."""
    assert named_deployments(urlsplit(address).path, urlsplit(address).query) == found


INPUT = "session.audio.input"


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (ErrorEvent("no", param=f"{INPUT}.transcription.keywords"), "keywords"),
        (ErrorEvent("no", param=f"{INPUT}.transcription.languages[1]"), "languages"),
        (ErrorEvent("no", param=f"{INPUT}.turn_detection.type"), "turn_detection"),
        (ErrorEvent("no", param=f"{INPUT}.noise_reduction.strength"), "noise_reduction"),
        (ErrorEvent("no", param="session.include[0]"), "include"),
        (ErrorEvent("no", param=f"{INPUT}.transcription.model"), "model"),
        (ErrorEvent(f"Unknown parameter: '{INPUT}.transcription.prompt'."), "prompt"),
        (ErrorEvent("Turn detection is not supported for this transcription model."), "turn_detection"),
        (
            ErrorEvent("Passing a transcription session update event to a realtime session is not allowed."),
            "to realtime",
        ),
        (
            ErrorEvent("Passing a realtime session update event to a transcription session is not allowed."),
            "to transcription",
        ),
        (ErrorEvent("something else"), ""),
    ],
)
def test_a_refusal_names_a_field(error: ErrorEvent, field: str) -> None:
    """What a refusal is about is found in its parameter, or in its words where it has none."""
    assert refused_field(error) == field


@pytest.mark.parametrize(
    ("wanted", "field", "less"),
    [
        (Wanted(keywords=("a",), prompt="x"), "keywords", Wanted(prompt="x")),
        (Wanted(prompt="x"), "prompt", Wanted()),
        (Wanted(noise_reduction="far"), "noise_reduction", Wanted()),
        (Wanted(logprobs=True), "include", Wanted()),
        (Wanted(), "turn_detection", Wanted(turn_detection="client")),
        (Wanted(turn_detection="off"), "turn_detection", None),
        (Wanted(languages=("fr", "en")), "languages", Wanted(languages=("fr",))),
        (Wanted(languages=("fr",), language_list=True), "languages", Wanted(languages=("fr",))),
        (Wanted(languages=("fr-CA",)), "language", Wanted(languages=("fr",))),
        (Wanted(languages=("fr",)), "language", Wanted()),
        (Wanted(), "to realtime", Wanted(kind="realtime")),
        (Wanted(), "to transcription", None),
        (Wanted(), "keywords", None),
        (Wanted(model="m"), "model", None),
        (Wanted(), "", None),
    ],
)
def test_one_thing_is_given_up(wanted: Wanted, field: str, less: Wanted | None) -> None:
    """Only the refused field changes, and what cannot be had for less is given up whole."""
    assert give_up(wanted, field) == less


@given(WANTED, st.lists(st.sampled_from(
    ["keywords", "prompt", "noise_reduction", "include", "turn_detection", "language", "languages", "model"]
), min_size=20, max_size=40))  # fmt: skip
def test_giving_up_comes_to_an_end(wanted: Wanted, refusals: list[str]) -> None:
    """Each refusal leaves less to ask for, and what is left can still be said."""
    given_up = 0
    for field in refusals:
        less = give_up(wanted, field)
        if less is not None:
            assert less != wanted
            wanted, given_up = less, given_up + 1
            judge_client_event(encode(SessionUpdate(session_update(wanted))))
    assert given_up <= 9  # each of the fields once, a language twice, `include` for either of its two entries


@pytest.mark.parametrize(
    ("status", "body", "options", "expected"),
    [
        (401, "", {"token": True}, Rung(scope=SCOPES[1])),
        (401, "", {"token": False}, None),
        (403, "", {"token": True}, None),
        (404, "", {"voice_model": True}, Rung(kind="realtime")),
        (404, "", {}, None),
        (400, "OpperationNotSupported", {"voice_model": True}, Rung(kind="realtime")),
        (400, "OperationNotSupported", {"voice_model": True}, Rung(kind="realtime")),
        (400, "this model cannot", {"voice_model": True}, Rung(kind="realtime")),
        (400, "bad request", {"voice_model": True}, None),
        (429, "model", {"voice_model": True, "token": True}, None),
        (500, "", {"voice_model": True, "token": True}, None),
    ],
)
def test_a_refused_handshake_leads_to_the_next_rung(
    status: int, body: str, options: dict[str, bool], expected: Rung | None
) -> None:
    """A wrong audience is asked for once more, a refused model in a voice session, and everything else is final."""
    known = {"token": False, "voice_model": False, **options}
    assert next_rung(Rung(), status, body, scopes=SCOPES, **known) == expected


def test_no_rung_is_climbed_twice() -> None:
    """After the last audience and the voice session there is nothing left."""
    last = Rung(kind="realtime", scope=SCOPES[-1])
    assert next_rung(last, 401, "", token=True, voice_model=True, scopes=SCOPES) is None
    assert next_rung(last, 404, "", token=True, voice_model=True, scopes=SCOPES) is None
    assert next_rung(Rung(), 401, "", token=True, voice_model=True, scopes=SCOPES[:1]) is None
