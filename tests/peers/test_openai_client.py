"""The official `openai` package, without its realtime extra, as a client of our embedded server."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import soundfile
import soxr
from openai import AsyncOpenAI
from websockets.asyncio.client import connect

from tests.judges.openai_types import judge_client_event, judge_server_event
from tests.speech import PHRASES_FLAC, phrases

PHRASE = phrases()[1]
SESSION = {
    "type": "transcription",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "embedded", "language": "en"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 400},
        }
    },
}


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """Start `python -m rt_magic.local` as its documentation says; give its address and token."""
    token = "token-of-a-test"
    process = subprocess.Popen(
        [sys.executable, "-m", "rt_magic.local", "--port", "0"],
        stdout=subprocess.PIPE,
        env={**os.environ, "RT_MAGIC_LOCAL_TOKEN": token},
        text=True,
    )
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    assert said.keys() == {"url"}
    yield {"url": said["url"], "token": token}
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


def speech() -> bytes:
    """Read the second phrase with the pauses around it, as PCM16 at 24 kHz."""
    samples, rate = soundfile.read(PHRASES_FLAC)
    piece = samples[round((PHRASE.start - 0.8) * rate) : round((PHRASE.end + 1.0) * rate)]
    return bytes((soxr.resample(piece, rate, 24_000) * 32767).astype("<i2").tobytes())


async def test_the_openai_package_transcribes(server: dict[str, str]) -> None:
    """A client written for OpenAI's service needs no more than another base URL."""
    client = AsyncOpenAI(api_key=server["token"], base_url=server["url"].replace("ws://", "http://"))
    text, deltas = "", ""
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        await connection.session.update(session=SESSION)  # type: ignore[arg-type]  # a dict of the same shape
        pcm = speech()
        for start in range(0, len(pcm), 4800):
            audio = base64.b64encode(pcm[start : start + 4800]).decode()
            await connection.input_audio_buffer.append(audio=audio)
        async for event in connection:
            if event.type == "conversation.item.input_audio_transcription.delta":
                deltas += event.delta or ""
            elif event.type == "conversation.item.input_audio_transcription.completed":
                text = event.transcript
                break
            assert event.type != "error", event
    await client.close()
    assert text == PHRASE.text
    assert deltas.split()


async def test_every_event_of_the_server_is_one_of_the_official_types(server: dict[str, str]) -> None:
    """All that the server sends in a session with turns, commits, a fence and errors parses without unknown keys."""
    headers = {"api-key": server["token"]}
    manual = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
    wrong = {"type": "transcription", "audio": {"input": {"turn_detecton": None}}}
    pcm = speech()
    append = {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}
    requests = [
        {"type": "session.update", "event_id": "1", "session": SESSION},
        append,
        {"type": "input_audio_buffer.clear", "event_id": "2"},
        {"type": "session.update", "event_id": "3", "session": manual},
        append,
        {"type": "input_audio_buffer.commit", "event_id": "4"},
        {"type": "input_audio_buffer.commit", "event_id": "5"},
    ]
    seen: set[str] = set()
    async with connect(f"{server['url']}/realtime?intent=transcription", additional_headers=headers) as socket:
        for request in requests:
            judge_client_event(json.dumps(request))
            await socket.send(json.dumps(request))
        for request in ({"type": "session.update", "event_id": "6", "session": wrong}, {"type": "no.such.event"}):
            await socket.send(json.dumps(request))
        await socket.send("not json")
        errors = 0
        completed = 0
        while errors < 4 or completed < 2:
            message = await socket.recv()
            assert isinstance(message, str)
            event = judge_server_event(message)
            seen.add(event.type)  # type: ignore[attr-defined]  # every event has a type
            errors += event.type == "error"  # type: ignore[attr-defined]
            completed += str(event.type).endswith("completed")  # type: ignore[attr-defined]
    prefix = "conversation.item.input_audio_transcription"
    assert seen == {
        *("session.created", "session.updated", "input_audio_buffer.speech_started"),
        *("input_audio_buffer.speech_stopped", "input_audio_buffer.committed", "input_audio_buffer.cleared"),
        *("conversation.item.added", "conversation.item.done", f"{prefix}.delta", f"{prefix}.completed", "error"),
    }
