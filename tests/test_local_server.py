"""The embedded server as a process: who may connect, words out of real audio, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jiwer
import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response

from tests.judges.openai_types import judge_server_event
from tests.speech import RATE, fixture, human, phrases

PATIENCE = 60.0


@dataclass
class Running:
    """A server started by the tests."""

    process: subprocess.Popen[bytes]
    url: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What a client must send."""
        return {"Authorization": f"Bearer {self.token}"}

    async def stats(self) -> list[dict[str, Any]]:
        """Ask for the traffic of all connections."""
        response = await self.get("/stats", self.headers)
        assert response.status_code == 200
        connections: list[dict[str, Any]] = json.loads(response.body)["connections"]
        return connections

    async def get(self, path: str, headers: dict[str, str]) -> Response:
        """Send a request that does not become a WebSocket and return the answer."""
        with pytest.raises(InvalidStatus) as refused:
            await connect(self.url.removesuffix("/v1") + path, additional_headers=headers)
        return refused.value.response


def spawn(command: list[str], **environment: str) -> Running:
    """Start a process and read the address that it says."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **environment})
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    return Running(process, said["url"], said.get("token", ""))


def start(*arguments: str, **environment: str) -> Running:
    """Start a server and read its address."""
    return spawn([sys.executable, "-m", "rt_magic.local", *arguments], **environment)


def stop(server: Running) -> None:
    """Close the server's stdin and wait for its end."""
    for stream in (server.process.stdin, server.process.stdout, server.process.stderr):
        if stream is not None:
            stream.close()
    assert server.process.wait(PATIENCE) == 0


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """One server for the tests that do not end it."""
    running = start("--parent", "--engine", "pocketsphinx")
    yield running
    stop(running)


class Client:
    """A plain client of the `websockets` library, which knows nothing of rt_magic."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self.events: list[dict[str, Any]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        await self.websocket.send(json.dumps({"type": kind, **fields}))

    async def append(self, pcm: bytes, size: int = 4800) -> None:
        """Send audio in chunks."""
        for first in range(0, len(pcm), size):
            await self.send("input_audio_buffer.append", audio=base64.b64encode(pcm[first : first + size]).decode())

    async def until(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Read until `count` events of a kind have come, and return these."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE):
            while len(found) < count:
                message = await self.websocket.recv()
                assert isinstance(message, str)
                judge_server_event(message)
                event = json.loads(message)
                self.events.append(event)
                if event["type"].endswith(kind):
                    found.append(event)
        return found


@contextlib.asynccontextmanager
async def client(server: Running, path: str = "/realtime?intent=transcription") -> AsyncIterator[Client]:
    """Connect as any client would."""
    async with connect(server.url + path, additional_headers=server.headers) as websocket:
        yield Client(websocket)


# ── who may connect ──


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v1/realtime", {}, 401, "invalid_api_key"),
        ("/v1/realtime", {"Authorization": "Bearer wrong"}, 401, "invalid_api_key"),
        ("/v1/realtime", {"Authorization": "Basic {token}"}, 401, "invalid_api_key"),
        ("/v1/realtime?token={token}", {}, 401, "invalid_api_key"),
        ("/stats", {}, 401, "invalid_api_key"),
        ("/v1/realtime", {"api-key": "{token}", "Origin": "http://127.0.0.1:8888"}, 403, "origin_not_allowed"),
        ("/stats", {"api-key": "{token}", "Origin": "null"}, 403, "origin_not_allowed"),
        ("/v1/audio/transcriptions", {"api-key": "{token}"}, 404, "not_found"),
        ("/v1/realtime/", {"api-key": "{token}"}, 404, "not_found"),
    ],
)
async def test_wrong_requests_are_refused(
    server: Running, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    """Without the token, from a page, or at another path there is no connection, and JSON says why."""
    filled = {name: value.format(token=server.token) for name, value in headers.items()}
    response = await server.get(path.format(token=server.token), filled)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    assert json.loads(response.body)["error"]["code"] == code
    assert server.token not in response.body.decode()


@pytest.mark.parametrize("path", ["/v1/realtime", "/openai/v1/realtime?intent=transcription"])
@pytest.mark.parametrize(
    ("header", "value"), [("Authorization", "Bearer {}"), ("Authorization", "bearer  {} "), ("api-key", "{}")]
)
async def test_both_paths_and_both_headers_are_taken(server: Running, path: str, header: str, value: str) -> None:
    """OpenAI's path and Azure's, the bearer token and the api-key header: all lead to a session."""
    headers = {header: value.format(server.token)}
    async with connect(server.url.removesuffix("/v1") + path, additional_headers=headers) as websocket:
        judge_server_event(str(await websocket.recv()))


async def test_server_listens_on_loopback_only(server: Running) -> None:
    """No other machine can reach it."""
    process = psutil.Process(server.process.pid)
    listening = [entry.laddr.ip for entry in process.net_connections("tcp") if entry.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]


# ── words ──


async def test_phrases_come_out_as_they_were_said(server: Running) -> None:
    """The fixture's phrases, sent as fast as can be, are five turns whose words are right, interim text first."""
    async with client(server) as speaker:
        await speaker.append(fixture())
        completed = await speaker.until("transcription.completed", 5)
    said = [phrase.text for phrase in phrases()]
    assert jiwer.wer(" ".join(said), " ".join(event["transcript"] for event in completed)) <= 0.15
    first = [event for event in speaker.events if event.get("item_id") == completed[0]["item_id"]]
    kinds = [event["type"].rsplit(".", 1)[1] for event in first]
    assert kinds[0] == "speech_started" and "delta" in kinds[1:-1] and kinds[-1] == "completed"
    words = completed[0]["words"]
    assert words[0]["start"] == pytest.approx(0.3, abs=0.15)
    assert all(before["end"] <= after["start"] for before, after in pairwise(words))


async def test_clear_is_a_fence(server: Running) -> None:
    """A clear sent behind the audio is answered behind the commits of all its turns."""
    async with client(server) as speaker:
        await speaker.append(fixture()[: 10 * 2 * RATE])
        await speaker.send("input_audio_buffer.clear")
        await speaker.until("input_audio_buffer.cleared")
        assert sum(event["type"].endswith(".committed") for event in speaker.events) == 3
        missing = 3 - sum(event["type"].endswith(".completed") for event in speaker.events)
        assert len(await speaker.until("transcription.completed", missing)) == missing


async def test_manual_commit(server: Running) -> None:
    """With turn detection off one commit transcribes all that was said, several phrases together."""
    async with client(server) as speaker:
        audio = {"input": {"turn_detection": None}}
        await speaker.send("session.update", session={"type": "transcription", "audio": audio})
        await speaker.until("session.updated")
        await speaker.append(fixture()[: 7 * 2 * RATE])
        await speaker.send("input_audio_buffer.commit")
        (completed,) = await speaker.until("transcription.completed")
    assert jiwer.wer(" ".join(phrase.text for phrase in phrases()[:2]), completed["transcript"]) <= 0.2


async def test_pings_are_answered_while_decoding(server: Running) -> None:
    """With most of a minute of speech waiting to be decoded a ping is answered long before its text is there."""
    speech = b"".join(pcm for _, pcm, _ in human()) * 2
    async with client(server) as speaker:
        await speaker.append(speech)
        text = asyncio.create_task(speaker.until("transcription.completed"))
        sent, delays = time.perf_counter(), []
        for _ in range(5):
            before = time.perf_counter()
            await asyncio.wait_for(await speaker.websocket.ping(), 10)
            delays.append(time.perf_counter() - before)
        assert not text.done()
        await text
    first_text = time.perf_counter() - sent
    print(f"\nping while decoding: at most {1000 * max(delays):.0f} ms; first final text after {first_text:.1f} s")


async def test_server_reads_no_more_than_it_can_decode_soon() -> None:
    """With a minute of speech undecoded the server stops reading, and the rest waits with the client."""
    server = start("--parent", "--engine", "pocketsphinx")
    speech = b"".join(pcm for _, pcm, _ in human()) * 8
    async with client(server) as speaker:
        reading = asyncio.create_task(speaker.until("never"))
        sending = asyncio.create_task(speaker.append(speech))
        async with asyncio.timeout(PATIENCE):
            while (await server.stats())[0]["audio_bytes"] < 60 * 2 * RATE:
                pass
        await asyncio.sleep(1)
        (traffic,) = await server.stats()
        assert not sending.done()
        assert traffic["audio_bytes"] < 90 * 2 * RATE
        for task in (sending, reading):
            task.cancel()
        await asyncio.gather(sending, reading, return_exceptions=True)
        await asyncio.to_thread(stop, server)


async def test_client_that_leaves_is_not_worked_for(server: Running) -> None:
    """When a client goes that had sent minutes of speech at once, its decoder ends, and what it sent is counted."""
    speech = (b"".join(pcm for _, pcm, _ in human()) * 20)[: 15 * 2**20]
    before = len(await server.stats())
    async with client(server) as speaker:
        await speaker.append(speech, size=len(speech))
        await speaker.append(bytes(4_800))
        await speaker.until("delta")
        decoders = psutil.Process(server.process.pid).children()
        speaker.websocket.transport.abort()
        async with asyncio.timeout(20):  # decoding all of it takes minutes
            while (await server.stats())[before]["open"] or all(decoder.is_running() for decoder in decoders):
                pass
    assert (await server.stats())[before]["audio_bytes"] in (len(speech), len(speech) + 4_800)


async def test_stats_count_every_byte(server: Running) -> None:
    """`/stats` tells the bytes of audio of each connection, in order of arrival, and whether it is open."""
    before = len(await server.stats())
    async with client(server) as first, client(server) as second:
        await first.append(bytes(9_600))
        await second.append(bytes(4_802), size=4_801)
        await first.send("input_audio_buffer.clear")
        await first.until("cleared")
        await second.send("input_audio_buffer.clear")
        await second.until("cleared")
        assert (await server.stats())[before:] == [
            {"audio_bytes": 9_600, "open": True},
            {"audio_bytes": 4_802, "open": True},
        ]
    async with asyncio.timeout(PATIENCE):
        while any(connection["open"] for connection in await server.stats()):
            pass


async def test_message_beyond_the_limit_closes_the_connection(server: Running) -> None:
    """A message of more than 21 MiB is too big, as the close code says."""
    websocket = await connect(server.url + "/realtime", additional_headers=server.headers)
    with pytest.raises(ConnectionClosed) as closed:
        await websocket.send("x" * (22 * 2**20))
        while True:
            await websocket.recv()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009


@pytest.mark.long
async def test_eight_connections_at_once(server: Running) -> None:
    """Eight recordings at the same time: every one is transcribed, none starves, pings are answered."""

    async def one() -> str:
        async with client(server) as speaker:
            await speaker.append(fixture())
            completed = asyncio.create_task(speaker.until("transcription.completed", 5))
            await asyncio.wait_for(await speaker.websocket.ping(), 10)
            return " ".join(event["transcript"] for event in await completed)

    texts = await asyncio.gather(*(one() for _ in range(8)))
    said = " ".join(phrase.text for phrase in phrases())
    assert all(jiwer.wer(said, text) <= 0.15 for text in texts)


async def test_client_that_does_not_read_cannot_keep_the_server() -> None:
    """The server ends with its stdin, whatever its clients do."""
    server = start("--parent", "--engine", "pocketsphinx")
    websocket = await connect(server.url + "/realtime", additional_headers=server.headers, max_queue=1)
    wrong = json.dumps({"type": "x" * 60_000, "event_id": "e" * 500})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            while True:  # each gets an answer that nobody reads
                await websocket.send(wrong)
    await asyncio.to_thread(stop, server)
    websocket.transport.abort()


# ── beginning and end ──


def family(server: Running) -> list[psutil.Process]:
    """Return the server's process and its decoders."""
    main = psutil.Process(server.process.pid)
    return [main, *main.children(recursive=True)]


async def test_server_ends_when_its_stdin_closes() -> None:
    """However the parent dies, its end of the pipe closes: server and decoders end, even while they decode."""
    server = start("--parent", "--engine", "pocketsphinx")
    async with client(server) as speaker:
        await speaker.append(fixture())
        await speaker.until("delta")
        processes = family(server)
        assert len(processes) >= 2
        await asyncio.to_thread(stop, server)
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the processes that are left")
async def test_kill_of_the_parent_leaves_nothing() -> None:
    """A parent killed by SIGKILL takes server and decoders with it."""
    server = await asyncio.to_thread(spawn, [sys.executable, "-c", _PARENT])
    parent = server.process
    async with client(server) as speaker:
        await speaker.append(fixture())
        await speaker.until("delta")
        processes = psutil.Process(parent.pid).children(recursive=True)
        assert len(processes) >= 2
        parent.send_signal(signal.SIGKILL)
    parent.communicate()
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []


_PARENT = """
import subprocess, sys, time
command = [sys.executable, "-m", "rt_magic.local", "--parent", "--engine", "pocketsphinx"]
server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(server.stdout.readline().decode(), flush=True)
time.sleep(600)
"""


async def test_kill_of_the_server_leaves_no_decoder() -> None:
    """Decoders end with the server, even if that is killed while they decode."""
    server = start("--parent", "--engine", "pocketsphinx")
    async with client(server) as speaker:
        await speaker.append(fixture())
        await speaker.until("delta")
        _, *decoders = family(server)
        server.process.kill()
        with pytest.raises(ConnectionClosed):
            await speaker.until("never")
    server.process.communicate()
    _, alive = psutil.wait_procs(decoders, timeout=10)
    assert decoders and alive == []


async def test_killed_decoder_fails_its_turn_and_the_next_turn_is_heard() -> None:
    """When a decoder dies its turn is marked failed, and another decoder takes the next."""
    server = start("--parent", "--engine", "pocketsphinx")
    async with client(server) as speaker:
        await speaker.append(fixture()[: 2 * 2 * RATE])
        await speaker.until("speech_started")
        for process in psutil.Process(server.process.pid).children():
            process.kill()
        await speaker.append(fixture()[2 * 2 * RATE : 4 * 2 * RATE])
        (failed,) = await speaker.until("transcription.failed")
        assert failed["error"]["code"] == "server_error"
        await speaker.append(fixture()[4 * 2 * RATE : 7 * 2 * RATE])
        (completed,) = await speaker.until("transcription.completed")
    assert completed["transcript"] == phrases()[1].text
    await asyncio.to_thread(stop, server)


@pytest.mark.parametrize("header", ["Authorization", "api-key"])
async def test_token_of_the_environment_is_used_and_never_shown(header: str) -> None:
    """RT_MAGIC_LOCAL_TOKEN is the token of a server started by hand; it stands in no output, log and argument."""
    running = start("--engine", "pocketsphinx", "--verbose", RT_MAGIC_LOCAL_TOKEN="secret-of-mine\n")
    process = running.process
    assert process.stdout is not None and process.stderr is not None
    arguments = [" ".join(p.cmdline()) for p in (psutil.Process(process.pid), *psutil.Process(process.pid).children())]
    value = "Bearer secret-of-mine" if header == "Authorization" else "secret-of-mine"
    async with connect(running.url + "/realtime", additional_headers={header: value}) as websocket:
        assert json.loads(await websocket.recv())["type"] == "session.created"
    process.terminate()
    out, err = process.communicate()
    assert process.returncode == 0
    assert b"secret-of-mine" not in out + err and "secret-of-mine" not in "".join(arguments)


async def test_token_that_was_made_is_shown_once_on_stderr() -> None:
    """Without a parent and without a token in the environment, the made one is on stderr, not on stdout."""
    server = start("--engine", "pocketsphinx")
    assert server.token == "" and server.process.stderr is not None
    label, token = server.process.stderr.readline().decode().split()
    assert label == "token:"
    async with client(Running(server.process, server.url, token)) as speaker:
        await speaker.until("session.created")
    server.process.terminate()
    out, err = server.process.communicate()
    assert token.encode() not in out + err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--engine", "siri"), "there is no engine 'siri'"),
        (("--engine", "pocketsphinx", "--model", "small"), "takes no other, but model is 'small'"),
    ],
)
def test_settings_that_cannot_work_are_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    """A wrong engine or model ends the process with code 2 and a sentence on stderr, without a traceback."""
    done = subprocess.run([sys.executable, "-m", "rt_magic.local", *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert sentence in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["70000", "-1", "http"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    """A port that cannot be one is named with the numbers that can, without a traceback."""
    done = subprocess.run([sys.executable, "-m", "rt_magic.local", "--port", port], capture_output=True, text=True)
    assert done.returncode == 2
    assert f"from 0 to 65535, not '{port}'" in done.stderr and "Traceback" not in done.stderr


async def test_a_port_that_is_taken_is_said(server: Running) -> None:
    """A port on which somebody listens is one sentence with the way out, and leaves no process."""
    port = server.url.split(":")[2].split("/")[0]
    command = [sys.executable, "-m", "rt_magic.local", "--engine", "pocketsphinx", "--port", port]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"port {port} cannot be used") and "or 0 for any that is free" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="closes a descriptor as a shell does")
def test_a_server_without_stdin_ends_at_once() -> None:
    """With --parent a stdin that was never open is a parent that is gone, and so is one that reads no address."""
    command = [sys.executable, "-m", "rt_magic.local", "--parent", "--engine", "pocketsphinx"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "") and "url" in done.stdout
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None and process.stdin is not None
    with process.stdin, process.stderr as stderr:
        process.stdout.close()
        assert process.wait(PATIENCE) == 0
        assert b"Traceback" not in stderr.read()


@pytest.mark.parametrize("left", [b"", b'{"do": "sta', b'{"do": "audio", "bytes": 4800}\n\1\2'])
def test_a_decoder_ends_with_its_stdin_wherever_that_breaks_off(left: bytes) -> None:
    """A server that dies inside a message leaves no decoder that waits for the rest."""
    command = [sys.executable, "-m", "rt_magic.local.decoder", "--engine", "pocketsphinx"]
    done = subprocess.run(command, input=left, capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, b"")
