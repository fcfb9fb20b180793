"""Azure Voice Live, played by a scripted peer: its settings, its events, its addresses and its keys."""

from __future__ import annotations

import pytest

import rt_magic as rt
from rt_magic.session.resolution import resolve_service
from rt_magic.testing import PeerConnection, ScriptedPeer
from rt_magic.wire.addresses import Rung
from rt_magic.wire.codec import encode
from rt_magic.wire.events import (
    CancelResponse,
    ClientEventError,
    Json,
    ResponseCreated,
    ServiceWarning,
    SessionUpdate,
    WordTime,
)
from tests.judges.voicelive_types import judge_client_event
from tests.resource import Script, fresh, say  # noqa: F401  # `fresh` is for every test here

ENDPOINT = "https://contoso.services.ai.azure.com"


def serving(*texts: str, updates: list[Json] | None = None, words: tuple[WordTime, ...] | None = None) -> Script:
    """Return a script that takes the settings, judged by the official classes, and writes each text as a turn."""

    async def script(connection: PeerConnection) -> None:
        update = await connection.accept()
        judge_client_event(encode(update))
        if updates is not None:
            updates.append(dict(update.session))
        for text in texts:
            await connection.audio(seconds=3.6)
            await connection.turn(text, start=0.5, end=3.56, deltas=[text[:3]], words=words, languages=("fr-FR",))
        await connection.finish()

    return script


def voicelive(peer: ScriptedPeer, model: str | None = None) -> rt.VoiceLive:
    """Return settings for the resource that the peer plays."""
    return rt.VoiceLive(f"http://{peer.address}", model=model, api_key="secret-key")


async def test_a_session_is_configured_in_its_own_words() -> None:
    """Flat settings with Azure's names: model, languages, phrases, cleaning, a voice model that is silent."""
    updates: list[Json] = []
    async with ScriptedPeer(serving("bonjour", updates=updates), dialect="voicelive") as peer:
        transcript = await say(
            voicelive(peer), language="fr-CA,en", keywords=["Québec"], noise_reduction="near",
            turn_detection="semantic", silence_ms=700,
        )  # fmt: skip
        (request,) = peer.requests
    assert updates == [
        {
            "input_audio_format": "pcm16",
            "input_audio_sampling_rate": 24_000,
            "input_audio_transcription": {
                "model": "azure-speech", "language": "fr-CA,en", "phrase_list": ["Québec"],
            },
            "turn_detection": {
                "type": "azure_semantic_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 700,
                "create_response": False, "interrupt_response": False,
            },
            "input_audio_noise_reduction": {"type": "azure_deep_noise_suppression"},
            "input_audio_echo_cancellation": {"type": "server_echo_cancellation"},
            "modalities": ["text"],
            "instructions": "Do not answer.",
            "include": ["item.input_audio_transcription.phrases"],
        }
    ]  # fmt: skip
    assert request.path == "/voice-live/realtime?api-version=2026-04-10&model=gpt-4.1-nano"
    assert request.headers["api-key"] == "secret-key" and "Authorization" not in request.headers
    assert transcript.text == "bonjour" and transcript.meta["notes"] == []
    assert (transcript.meta["service"], transcript.meta["model"]) == ("voicelive", "azure-speech")
    assert transcript.meta["languages"] == ["fr-CA", "en"]


async def test_words_have_times_where_they_are_given() -> None:
    """Phrases bring each word's place in the recording, and the language that was heard."""
    words = (WordTime("bonjour", 0.3, 0.9), WordTime("Marie", 1.0, 1.5))
    async with ScriptedPeer(serving("bonjour Marie", words=words), dialect="voicelive") as peer:
        transcript = await say(voicelive(peer))
    (segment,) = transcript
    assert segment.words is not None and segment.language == "fr-FR"
    assert [word.word for word in segment.words] == ["bonjour", "Marie"]
    assert [word.start for word in segment.words] == pytest.approx([0.8, 1.5])
    assert [word.end for word in segment.words] == pytest.approx([1.4, 2.0])
    assert segment.start == pytest.approx(0.8) and segment.end == pytest.approx(3.06)


@pytest.mark.parametrize(
    ("model", "carrier", "given", "language"),
    [
        (None, "gpt-4.1-nano", "azure-speech", "fr-FR"),
        ("mai-transcribe-1", "gpt-realtime-mini", "mai-transcribe-1", "fr-FR"),
        ("gpt-4o-transcribe", "gpt-realtime-mini", "gpt-4o-transcribe", "fr"),
        ("whisper-1", "gpt-realtime-mini", "whisper-1", "fr"),
    ],
)
async def test_each_model_gets_what_it_takes(model: str | None, carrier: str, given: str, language: str) -> None:
    """Azure's models keep the region of a language, OpenAI's do not; the voice model is one that leaves the choice."""
    updates: list[Json] = []
    async with ScriptedPeer(serving("bonjour", updates=updates), dialect="voicelive") as peer:
        await say(voicelive(peer, model), language="fr-FR")
        assert peer.requests[0].path.endswith(f"&model={carrier}")
    assert updates[0]["input_audio_transcription"] == {"model": given, "language": language}


async def test_a_setting_that_is_refused_is_given_up_once() -> None:
    """One bad field voids an update here too: it is left out, the rest is asked for again, and one sentence says so."""
    refused: list[str] = []

    async def script(connection: PeerConnection) -> None:
        def check(session: Json, event_id: str | None) -> None:
            for field in ("input_audio_echo_cancellation", "phrase_list"):
                if session.get(field) or field in (session["input_audio_transcription"] or {}):
                    refused.append(field)
                    path = f"session.{'input_audio_transcription.' if field == 'phrase_list' else ''}{field}"
                    raise ClientEventError("no", code="invalid_value", param=path, event_id=event_id)

        connection.rule = check
        await serving("bonjour")(connection)

    async with ScriptedPeer(script, dialect="voicelive") as peer:
        transcript = await say(voicelive(peer), noise_reduction="far", keywords=["a"])
        last = [event for event in peer.connections[0].received if isinstance(event, SessionUpdate)][-1]
    assert refused == ["input_audio_echo_cancellation", "phrase_list"]
    assert last.session["input_audio_noise_reduction"] == {"type": "far_field"}
    assert len([note for note in transcript.meta["notes"] if "does not take" in note]) == 2
    assert transcript.text == "bonjour"


async def test_a_warning_is_said_and_an_answer_cancelled() -> None:
    """What only this service says: a warning goes to the user, and its voice model does not get to speak."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.send(ServiceWarning("the phrase list is long", "phrase_list"), ResponseCreated())
        await connection.expect(CancelResponse)
        await connection.audio(seconds=3.6)
        await connection.turn("bonjour", start=0.5, end=3.56)
        await connection.finish()

    async with ScriptedPeer(script, dialect="voicelive") as peer:
        transcript = await say(voicelive(peer))
    assert "the service warns: the phrase list is long" in transcript.meta["notes"]
    assert transcript.text == "bonjour"


async def test_it_is_chosen_by_name_and_reads_its_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--service voicelive` takes endpoint and key from its variables, and no other service's key."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "of-another-service")
    with pytest.raises(rt.ConfigurationError, match="set AZURE_VOICELIVE_ENDPOINT to"):
        rt.RealtimeSession(rt.VoiceLive())
    monkeypatch.setenv("AZURE_VOICELIVE_ENDPOINT", f"{ENDPOINT}/voice-live/realtime?api-version=2025-10-01")
    monkeypatch.setenv("AZURE_VOICELIVE_API_KEY", "voice-key")
    found = resolve_service("voicelive")
    assert found.service == rt.VoiceLive() and resolve_service(None).service == rt.Local()
    address = await found.service.address(Rung())
    assert address.url == (
        "wss://contoso.services.ai.azure.com/voice-live/realtime?api-version=2026-04-10&model=gpt-4.1-nano"
    )
    assert address.headers == {"api-key": "voice-key"} and address.credential == "AZURE_VOICELIVE_API_KEY"


async def test_entra_id_is_asked_for_the_documented_audience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential gives a token for each audience in turn, sent as a bearer."""
    monkeypatch.delenv("AZURE_VOICELIVE_API_KEY", raising=False)
    asked: list[str] = []

    class Credential:
        def get_token(self, *scopes: str) -> object:
            asked.extend(scopes)
            return type("Token", (), {"token": "jwt"})()

    service = rt.VoiceLive(ENDPOINT, credential=Credential())
    address = await service.address(Rung(scope=service.scopes[0]))
    assert address.headers == {"Authorization": "Bearer jwt"} and address.signed_in and address.scoped
    await service.address(Rung(scope=service.scopes[1]))
    assert asked == ["https://ai.azure.com/.default", "https://cognitiveservices.azure.com/.default"]


@pytest.mark.parametrize(
    ("address", "target"),
    [
        (ENDPOINT, "api-version=2026-04-10&model=gpt-4.1-nano"),
        (f"{ENDPOINT}?model=gpt-4o-mini", "api-version=2026-04-10&model=gpt-4o-mini"),
        (f"{ENDPOINT}/api/projects/mine", "api-version=2026-04-10&model=gpt-4.1-nano"),
    ],
)
def test_an_address_may_choose_the_voice_model(address: str, target: str) -> None:
    """Of a copied address the host counts, and the voice model if it names one."""
    expected = f"wss://contoso.services.ai.azure.com/voice-live/realtime?{target}"
    assert rt.VoiceLive(address).target(Rung()) == expected


def test_an_address_tells_which_of_azures_services_is_meant() -> None:
    """The path of a copied address decides between the services of one host."""
    assert resolve_service(f"{ENDPOINT}/voice-live/realtime").service == rt.VoiceLive(f"{ENDPOINT}/voice-live/realtime")
    mai = resolve_service(f"{ENDPOINT}/mai/v1/realtime").service
    assert isinstance(mai, rt.AzureOpenAI) and mai.speaks.name == "mai"
    assert rt.AzureOpenAI(ENDPOINT, model="MAI-Transcribe-2-Streaming").speaks.name == "mai"
    assert rt.AzureOpenAI("https://c.openai.azure.com", model="MAI-Transcribe-2-Streaming").speaks.name == "azure"
    assert rt.AzureOpenAI(ENDPOINT).speaks.name == "azure"
