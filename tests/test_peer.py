"""The scripted service: what it expects, what it says, and that no expectation goes unnoticed."""

from __future__ import annotations

import base64
import json

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from rt_magic.exceptions import ConfigurationError
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.testing.peer import Script
from rt_magic.wire.codec import decode
from rt_magic.wire.dialects import DIALECTS, Wanted
from rt_magic.wire.events import (
    ClearAudio,
    CommitAudio,
    Completed,
    Delta,
    Failed,
    ItemAdded,
    ItemDone,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
)
from rt_magic.wire.protocol import ClientProtocol
from rt_magic.wire.states import State
from tests.judges.openai_types import judge_client_event, judge_server_event


class Client:
    """A client without a session: the protocol over a socket, every message of both ends judged."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.protocol = ClientProtocol(DIALECTS["embedded"], Wanted(languages=("fr",)))
        self.heard: list[ServerEvent] = []

    async def flush(self) -> None:
        """Send what is due."""
        for message in self.protocol.messages_to_send():
            judge_client_event(message)
            await self.socket.send(message)

    async def hear(self, count: int = 1) -> list[ServerEvent]:
        """Receive that many messages; return what they say."""
        events = []
        for _ in range(count):
            message = await self.socket.recv()
            assert isinstance(message, str)
            judge_server_event(message)
            events += self.protocol.receive(message)
            await self.flush()
        self.heard += events
        return events

    async def start(self) -> None:
        """Be greeted and configured."""
        await self.hear(2)
        assert self.protocol.state is State.STREAMING


async def test_a_conversation_is_right_in_the_official_types() -> None:
    """A script's events come numbered, chained and in the usual order, and audio arrives as it was sent."""

    async def script(connection: PeerConnection) -> None:
        update = await connection.accept()
        assert update.session["audio"]["input"]["transcription"]["language"] == "fr"
        await connection.audio(seconds=0.1)
        await connection.turn("bonjour", start=0.2, end=0.8, deltas=["bon", "jour"])
        await connection.turn("", error="not understood")
        await connection.turn("oui", usage={"type": "duration", "seconds": 3}, languages=("fr",))
        assert isinstance(await connection.expect(CommitAudio), CommitAudio)
        await connection.turn("")
        await connection.finish()
        assert connection.received[-1] == ClearAudio("rtm-3")

    pcm = bytes(range(240)) * 20
    async with ScriptedPeer(script) as peer:
        async with connect(f"{peer.url}/v1/realtime?intent=transcription") as socket:
            client = Client(socket)
            await client.start()
            client.protocol.append_audio(pcm)
            await client.flush()
            await client.hear(8 + 4 + 4)
            client.protocol.append_audio(pcm)
            client.protocol.commit()
            client.protocol.finish()
            await client.flush()
            await client.hear(4 + 1)
            assert client.protocol.drained
        (connection,) = peer.connections
        assert bytes(connection.pcm) == pcm * 2 and connection.seconds == 0.2
        assert connection.path == "/v1/realtime?intent=transcription" and connection.number == 1
    kinds = [type(event).__name__ for event in client.heard[2:10]]
    assert kinds == [
        "SpeechStarted",
        "SpeechStopped",
        "Committed",
        "ItemAdded",
        "ItemDone",
        "Delta",
        "Delta",
        "Completed",
    ]
    ids = [event.item_id for event in client.heard if isinstance(event, ItemDone)]
    chain = [event.previous_item_id for event in client.heard if isinstance(event, ItemAdded)]
    assert len(set(ids)) == 4 and chain == [None, *ids[:3]]
    assert [event.event_id for event in client.heard] == [f"event_{n}" for n in range(1, len(client.heard) + 1)]
    texts = [(type(e), getattr(e, "transcript", "")) for e in client.heard if isinstance(e, Completed | Failed)]
    assert texts == [(Completed, "bonjour"), (Failed, ""), (Completed, "oui"), (Completed, "")]
    times = [e for e in client.heard if isinstance(e, SpeechStarted | SpeechStopped)]
    assert [getattr(e, "audio_start_ms", None) or getattr(e, "audio_end_ms", None) for e in times] == [200, 800]
    assert "".join(event.delta for event in client.heard if isinstance(event, Delta)) == "bonjour"


async def served(script: Script, *messages: object) -> None:
    """Run a script against a client that sends messages and listens until the script is over."""
    async with ScriptedPeer(script) as peer, connect(peer.url) as socket:
        for message in messages:
            await socket.send(json.dumps(message))
        async for _ in socket:
            pass


UPDATE = {"type": "session.update", "session": {"type": "transcription"}}
AUDIO = {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(480)).decode()}
COMMIT = {"type": "input_audio_buffer.commit"}


async def test_an_expectation_that_is_not_met_fails_the_test() -> None:
    """Another event than the expected one is an AssertionError that names both."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.expect(ClearAudio)

    with pytest.raises(AssertionError, match=r"expected ClearAudio of the client, got CommitAudio"):
        await served(script, UPDATE, AUDIO, COMMIT)


async def test_audio_that_does_not_come_fails_the_test() -> None:
    """A commit before the expected audio is an AssertionError that says how much there was."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)

    with pytest.raises(AssertionError, match=r"expected 1 s of audio, got CommitAudio.* after 0\.01 s"):
        await served(script, UPDATE, AUDIO, COMMIT)


async def test_audio_before_the_configuration_fails_the_test() -> None:
    """A client that does not wait to be configured is found out."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()

    with pytest.raises(AssertionError, match="480 bytes of audio came before the session was configured"):
        await served(script, AUDIO, UPDATE)


async def test_a_client_that_leaves_early_fails_the_test() -> None:
    """Closing while more is expected is a failure of the script."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.expect(CommitAudio)

    with pytest.raises(AssertionError, match="failed") as caught:
        async with ScriptedPeer(script) as peer, connect(peer.url) as socket:
            await socket.send(json.dumps(UPDATE))
            assert [type(decode(str(await socket.recv()))) for _ in range(2)] == [SessionCreated, SessionUpdated]
    assert isinstance(caught.value.__cause__, ConnectionClosed)


async def test_any_error_in_a_script_fails_the_test() -> None:
    """A mistake in the script itself is not lost on its way to the test."""

    async def script(connection: PeerConnection) -> None:
        raise KeyError("typo")

    with pytest.raises(AssertionError, match="typo") as caught:
        await served(script)
    assert isinstance(caught.value.__cause__, KeyError)


async def test_a_script_that_is_not_run_fails_the_test() -> None:
    """A connection that never came is missed at the end."""

    async def script(connection: PeerConnection) -> None:
        await connection.finish()

    with pytest.raises(AssertionError, match="1 scripts of the peer were not run"):
        async with ScriptedPeer(script, script) as peer, connect(peer.url):
            pass


async def test_an_error_of_the_test_is_not_hidden_by_the_peer() -> None:
    """What the test itself raises comes out, not what it then left undone."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()

    with pytest.raises(ZeroDivisionError):
        async with ScriptedPeer(script, script):
            raise ZeroDivisionError


def test_a_dialect_that_there_is_not_is_refused() -> None:
    """The error names those that there are."""
    with pytest.raises(ConfigurationError, match=r"no dialect 'azur'; choose one of .*azure"):
        ScriptedPeer(dialect="azur")


async def test_handshakes_can_be_refused() -> None:
    """A refusal in the place of a script answers with its status, body and headers; without a script left it is 503."""
    async with ScriptedPeer(Refusal(429, "slow down", {"retry-after": "7"})) as peer:
        with pytest.raises(InvalidStatus) as refused:
            await connect(peer.url)
        response = refused.value.response
        assert (response.status_code, response.body, response.headers["retry-after"]) == (429, b"slow down", "7")
        with pytest.raises(InvalidStatus) as refused:
            await connect(peer.url)
        assert refused.value.response.status_code == 503
        assert len(peer.requests) == 2 and peer.connections == []


async def test_faults_on_purpose() -> None:
    """A script sends wrong messages, closes with a code, or drops the connection without a word."""

    async def wrong(connection: PeerConnection) -> None:
        await connection.send_raw("no JSON")
        await connection.send_raw(b"\0")
        await connection.close(4000, "enough")

    async def gone(connection: PeerConnection) -> None:
        connection.abort()

    async with ScriptedPeer(wrong, gone) as peer:
        async with connect(peer.url) as socket:
            assert [await socket.recv(), await socket.recv()] == ["no JSON", b"\0"]
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (4000, "enough")
        async with connect(peer.url) as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 1006


async def test_wrong_messages_of_a_client_are_answered() -> None:
    """What a service would refuse is refused, and the script does not see it."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(script) as peer, connect(peer.url) as socket:
        for message in (
            {"type": "no.such.event", "event_id": "x"},
            {**UPDATE, "session": {"type": "realtime"}},
            UPDATE,
        ):
            await socket.send(json.dumps(message))
        answers = [decode(str(await socket.recv())) for _ in range(4)]
        assert [getattr(answer, "code", None) for answer in answers] == [
            None,
            "invalid_value",
            "invalid_parameter",
            None,
        ]
        assert isinstance(answers[-1], SessionUpdated)
