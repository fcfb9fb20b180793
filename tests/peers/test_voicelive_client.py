"""The official `azure-ai-voicelive` package as a client of our scripted service, over a real socket."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from azure.ai.voicelive.aio import connect
from azure.ai.voicelive.models import (
    AudioEchoCancellation,
    AudioInputTranscriptionOptions,
    AudioNoiseReduction,
    AzureSemanticVad,
    RequestSession,
    ServerEventConversationItemInputAudioTranscriptionCompleted,
    ServerEventError,
    ServerEventSessionUpdated,
)
from azure.core.credentials import AzureKeyCredential

from rt_magic.testing import PeerConnection, ScriptedPeer
from rt_magic.wire.events import ClearAudio, Cleared, CommitAudio, WordTime

# Its transport answers the close of the other side a moment late.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

SOUND = bytes(48_000)


async def script(connection: PeerConnection) -> None:
    """Take settings, two seconds of sound and a commit; write one turn by the clock and one by the commit."""
    await connection.accept()
    await connection.audio(seconds=2)
    words = (WordTime("bonjour", 0.3, 0.7), WordTime("Marie", 0.7, 1.1))
    await connection.turn(
        "bonjour Marie", start=0.2, end=1.6, deltas=["bon", "jour"], words=words, languages=("fr-FR",)
    )
    await connection.expect(CommitAudio)
    await connection.turn("oui")
    await connection.expect(ClearAudio)
    await connection.send(Cleared())
    await connection.finish()


def settings(**more: Any) -> RequestSession:
    """Return a session as the package's samples configure it."""
    return RequestSession(
        modalities=["text"],
        input_audio_format="pcm16",
        input_audio_sampling_rate=24_000,
        input_audio_transcription=AudioInputTranscriptionOptions(
            model="azure-speech", language="fr-FR,en", phrase_list=["Marie"]
        ),
        turn_detection=AzureSemanticVad(silence_duration_ms=700, remove_filler_words=True, create_response=False),
        input_audio_noise_reduction=AudioNoiseReduction(type="azure_deep_noise_suppression"),
        input_audio_echo_cancellation=AudioEchoCancellation(),
        **more,
    )


async def test_the_voicelive_package_transcribes() -> None:
    """A client written for the service gets typed events from ours, words with their times among them."""
    async with ScriptedPeer(script, dialect="voicelive") as peer:
        key = AzureKeyCredential("secret")
        async with connect(endpoint=f"http://{peer.address}", credential=key, model="gpt-4.1-nano") as client:
            await client.session.update(session=settings(include=["item.input_audio_transcription.phrases"]))
            for _ in range(2):
                await client.input_audio_buffer.append(audio=base64.b64encode(SOUND).decode())
            heard: list[Any] = []
            event: Any
            async for event in client:
                heard.append(event)
                kind = str(event.type)
                if kind.endswith("completed") and event.transcript == "bonjour Marie":
                    await client.input_audio_buffer.commit()
                elif kind.endswith("completed"):
                    await client.input_audio_buffer.clear()
                elif kind.endswith("cleared"):
                    break
        (request,) = peer.requests
    assert request.path.startswith("/voice-live/realtime?") and "model=gpt-4.1-nano" in request.path
    assert request.headers["api-key"] == "secret"
    prefix = "conversation.item.input_audio_transcription"
    assert [str(getattr(event.type, "value", event.type)) for event in heard] == [
        "session.created", "session.updated", "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed", "conversation.item.created", f"{prefix}.delta", f"{prefix}.delta",
        f"{prefix}.completed", "input_audio_buffer.committed", "conversation.item.created", f"{prefix}.completed",
        "input_audio_buffer.cleared",
    ]  # fmt: skip
    updated, completed = heard[1], heard[8]
    assert isinstance(updated, ServerEventSessionUpdated)
    session: Any = updated.session
    assert session.input_audio_transcription.phrase_list == ["Marie"]
    assert session.turn_detection.silence_duration_ms == 700
    assert isinstance(completed, ServerEventConversationItemInputAudioTranscriptionCompleted)
    (phrase,) = completed.phrases or []
    assert phrase.locale == "fr-FR" and phrase.offset_milliseconds == 300
    assert [(word.text, word.offset_milliseconds) for word in phrase.words or []] == [("bonjour", 300), ("Marie", 700)]


async def test_a_wrong_setting_is_refused_in_its_words() -> None:
    """What the service would refuse comes back as the package's typed error, and the session goes on."""

    async def refusing(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(refusing, dialect="voicelive") as peer:
        key = AzureKeyCredential("secret")
        async with connect(endpoint=f"http://{peer.address}", credential=key, model="gpt-4.1-nano") as client:
            await client.session.update(session={"audio": {"input": {}}}, event_id="mine")
            await client.session.update(session=settings())
            events = [await client.recv() for _ in range(3)]
    assert isinstance(events[1], ServerEventError) and isinstance(events[2], ServerEventSessionUpdated)
    assert events[1].error.code == "unknown_parameter" and events[1].error.event_id == "mine"
