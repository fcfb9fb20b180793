"""LiteLLM's proxy between us and a service: a third party's reading of both vendors' addresses, headers and events.

It needs an environment of its own, made on first use. What it changes on the way, as read from its source and seen
here: it routes by `?model=`, or by a model of its own choice where none is given; it puts its own key and, for Azure,
the `api-key` header in place of ours; it sets the session's transcription model to the one it routes to; it passes on
only `model` and `intent` of the query; a refused handshake of the service becomes an `error` event and a close.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import rt_magic as rt
from tests import speech
from tests.resource import fresh, say  # noqa: F401  # `fresh` is for every test here
from tests.test_openai import certificate  # noqa: F401  # a fixture

pytestmark = pytest.mark.long

VERSION = "1.106.2"
KEY = "sk-of-the-proxy"
ENVIRONMENT = Path(__file__).parents[2] / ".peers" / f"litellm-{VERSION}"


@pytest.fixture(scope="module")
def litellm() -> Path:
    """Return the program `litellm` of an environment that holds nothing else."""
    folder = ENVIRONMENT / ("Scripts" if sys.platform == "win32" else "bin")
    done = ENVIRONMENT / "done"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        subprocess.run([str(folder / "pip"), "install", "-q", f"litellm[proxy]=={VERSION}"], check=True)
        done.touch()
    return folder / "litellm"


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[int, str]]:
    """Start our embedded server, which speaks as both vendors do; give its port and token."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rt_magic.local", "--parent"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    said = json.loads(process.stdout.readline())
    yield int(said["url"].split(":")[2].split("/")[0]), said["token"]
    process.stdin.close()
    process.wait(timeout=10)
    process.stdout.close()


@asynccontextmanager
async def encrypted(port: int, context: ssl.SSLContext) -> AsyncIterator[tuple[int, list[str]]]:
    """Put TLS in front of a port, as Azure has it; note the first lines of each connection."""
    heads: list[str] = []
    running: set[asyncio.Task[None]] = set()

    async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter, note: bool) -> None:
        first = note
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if first:
                    heads.append(data.decode("latin-1"))
                    first = False
                target.write(data)
                await target.drain()
        target.close()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pipe(reader, forth, True), pipe(back, writer, False))
        for end in (forth, writer):
            with contextlib.suppress(OSError):
                await end.wait_closed()
        running.discard(task)

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], heads
        await asyncio.wait_for(asyncio.gather(*running, return_exceptions=True), 10)


def launch(litellm: Path, config: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the proxy, its log beside its configuration."""
    with open(config.with_suffix(".log"), "w") as log:
        return subprocess.Popen(
            [str(litellm), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"},
        )


@asynccontextmanager
async def proxy(litellm: Path, folder: Path, **upstream: str) -> AsyncIterator[str]:
    """Run the proxy in front of one service and give its address."""
    config = folder / "config.yaml"  # JSON is YAML too
    models = [{"model_name": "gpt-realtime-whisper", "litellm_params": upstream}]
    config.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": KEY}}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = launch(litellm, config, port)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, config.with_suffix(".log").read_text()
                await asyncio.sleep(0.5)
        yield f"ws://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def check(transcript: rt.Transcript) -> None:
    """The five phrases have come back, each with its time."""
    said = [segment.text for segment in transcript]
    right = sum(text == phrase.text for text, phrase in zip(said, speech.phrases(), strict=True))
    assert right >= 4, said
    assert [segment.start for segment in transcript] == pytest.approx([p.start for p in speech.phrases()], abs=0.5)
    assert transcript.usage["seconds"] > 5


async def test_words_come_back_through_a_proxy_before_openai(
    litellm: Path, upstream: tuple[int, str], tmp_path: Path
) -> None:
    """With OpenAI's form upstream a session runs as without the proxy, and nothing had to be given up."""
    port, token = upstream
    settings = {"model": "openai/ear", "api_base": f"http://127.0.0.1:{port}/v1", "api_key": token}
    async with proxy(litellm, tmp_path, **settings) as address:
        transcript = await say(rt.Compatible(address, api_key=KEY), speech.fixture())
    check(transcript)
    assert transcript.meta["notes"] == [] and transcript.meta["model"] == "ear"


async def test_words_come_back_through_a_proxy_before_azure(
    litellm: Path,
    upstream: tuple[int, str],
    tmp_path: Path,
    certificate: tuple[Path, ssl.SSLContext],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With Azure's form upstream the proxy asks as we do: no model in the address, the key in its own header."""
    port, token = upstream
    public, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    async with encrypted(port, context) as (secure, heads):
        settings = {"model": "azure/ear", "api_base": f"https://127.0.0.1:{secure}", "api_key": token}
        async with proxy(litellm, tmp_path, **settings) as address:
            transcript = await say(rt.Compatible(address, api_key=KEY), speech.fixture())
    check(transcript)
    assert heads[0].startswith("GET /openai/v1/realtime?intent=transcription HTTP/1.1")
    assert f"api-key: {token}" in heads[0] and KEY not in heads[0]


async def test_what_is_refused_upstream_is_told(litellm: Path, upstream: tuple[int, str], tmp_path: Path) -> None:
    """A wrong key of the proxy's is told from a wrong key of ours."""
    settings = {"model": "openai/ear", "api_base": f"http://127.0.0.1:{upstream[0]}/v1", "api_key": "wrong"}
    async with proxy(litellm, tmp_path, **settings) as address:
        with pytest.raises(rt.AuthenticationError, match="gateway in between was refused"):
            await say(rt.Compatible(address, api_key=KEY), bytes(48_000))
        with pytest.raises(rt.AuthenticationError, match=r"40[13]"):
            await say(rt.Compatible(address, api_key="sk-wrong"), bytes(48_000))
