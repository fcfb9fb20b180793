"""An Azure resource or OpenAI as a scripted peer: what each model takes, by the public documentation, and refuses.

The table is written down here on its own, so that a wrong guess of ours about a model meets a refusal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest

import rt_magic as rt
from rt_magic.session import ladder, waiting
from rt_magic.session.services import Service
from rt_magic.session.session import RealtimeSession
from rt_magic.testing import PeerConnection, ScriptedPeer
from rt_magic.wire.codec import encode
from rt_magic.wire.events import ClientEventError, CommitAudio, Delta, SessionUpdate
from tests import speech
from tests.judges.openai_types import judge_client_event

INPUT = "session.audio.input"

TAKES: dict[str, frozenset[str]] = {
    "whisper-1": frozenset({"turn_detection", "prompt", "language"}),
    "gpt-4o-transcribe": frozenset({"turn_detection", "prompt", "language", "include"}),
    "gpt-4o-mini-transcribe": frozenset({"turn_detection", "prompt", "language", "include"}),
    "gpt-4o-transcribe-diarize": frozenset({"turn_detection", "language"}),
    "gpt-realtime-whisper": frozenset({"language"}),
    "gpt-transcribe": frozenset({"turn_detection", "prompt", "languages", "keywords"}),
    "gpt-live-transcribe": frozenset({"prompt", "language", "languages", "keywords"}),
}
"""What each model can be asked for, beyond what all can (OpenAI's guide to realtime transcription, and its types)."""

STREAMING = frozenset({"gpt-realtime-whisper", "gpt-live-transcribe"})


PHRASE = speech.fixture()[: 2 * 24_000 * 4]
"""One phrase, 0.8 to 3.06 s, and silence behind it."""


def rule(model: str) -> Callable[[Mapping[str, Any], str | None], None]:
    """Return the check that a service makes of a configuration for this model."""
    takes = TAKES[model]

    def check(session: Mapping[str, Any], event_id: str | None) -> None:
        given = session["audio"]["input"]
        if given["turn_detection"] is not None and "turn_detection" not in takes:
            raise ClientEventError(
                "Turn detection is not supported for this transcription model.",
                code="invalid_value", param=f"{INPUT}.turn_detection", event_id=event_id,
            )  # fmt: skip
        for field in ("prompt", "keywords", "languages", "language"):
            if field in (given["transcription"] or {}) and field not in takes:
                path = f"{INPUT}.transcription.{field}"
                raise ClientEventError(
                    f"Unknown parameter: '{path}'.", code="unknown_parameter", param=path, event_id=event_id
                )
        if "include" in session and "include" not in takes:
            raise ClientEventError(
                "Log probabilities are not available for this model.",
                code="invalid_value", param="session.include", event_id=event_id,
            )  # fmt: skip

    return check


Script = Callable[[PeerConnection], Awaitable[None]]


def serving(
    model: str, *texts: str, accepted: list[SessionUpdate] | None = None, asked: list[int] | None = None
) -> Script:
    """Return a script that accepts what the model takes and writes each text as a turn, as that model does.

    It is made for `PHRASE`. `accepted` gets the update that was accepted, `asked` how many were sent.
    """

    async def script(connection: PeerConnection) -> None:
        check, count = rule(model), 0

        def counted(session: Mapping[str, Any], event_id: str | None) -> None:
            nonlocal count
            count += 1
            check(session, event_id)

        connection.rule = counted
        update = await connection.accept()
        judge_client_event(encode(update))
        if accepted is not None:
            accepted.append(update)
        if asked is not None:
            asked.append(count)
        if update.session["audio"]["input"]["turn_detection"] is not None:
            for text in texts:
                await connection.audio(seconds=3.6)
                await connection.turn(text, start=0.5, end=3.56, deltas=[text])
            return await connection.finish()
        for text in texts:
            await write_while_spoken(connection, text)
        await connection.finish()

    return script


async def write_while_spoken(connection: PeerConnection, text: str) -> None:
    """Write the first word before the turn is committed, the rest after, as streaming models do."""
    await connection.audio(seconds=0.1)
    item = connection.next_item
    await connection.send(Delta(item, text.split()[0]))
    await connection.expect(CommitAudio)
    await connection.turn(text)


def azure(peer: ScriptedPeer, model: str | None = None, **settings: Any) -> rt.AzureOpenAI:
    """Return settings for an Azure resource that the peer plays."""
    return rt.AzureOpenAI(f"http://{peer.address}", model=model, **{"api_key": "sk-secret-key", **settings})


async def say(service: Service, pcm: bytes = PHRASE, **settings: Any) -> rt.Transcript:
    """Send sound through a session and return what became of it."""
    async with RealtimeSession(service, **settings) as session:
        await session.send(pcm)
        return await session.finish()


async def first_final(session: RealtimeSession) -> None:
    """Wait until the first final text of a session is there."""
    async for segment in session:
        if segment.final:
            return


QUIET = 0.2
"""Seconds of silence that end a session in these tests; a second would be waited for by each of them."""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is known of any service, and a session's end is not waited for as long as over a real network."""
    monkeypatch.setattr(waiting, "QUIET", QUIET)
    ladder.forget()
    yield
    ladder.forget()
