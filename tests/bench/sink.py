"""A service that takes everything at once, in a process of its own, so that the client alone is measured.

    python -m tests.bench.sink [--turns N]

Prints its port. It answers settings and fences, counts audio without decoding it, and with `--turns` reports a turn for
each N samples, with two deltas. Each connection's appends are noted with the time of their arrival and can be asked for
with `GET /appends`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

AUDIO = re.compile(r'"audio"\s*:\s*"([^"]*)"')
ITEM = "conversation.item.input_audio_transcription"


class Sink:
    """The server's side of all connections."""

    def __init__(self, turns: int, echo: bool, keep: bool) -> None:
        self.turns, self.echo, self.keep = turns, echo, keep
        self.appends: list[tuple[float, int]] = []
        """When each append came (seconds of the wall clock), and its samples."""
        self.pcm: list[str] = []
        self.sent: list[tuple[float, str]] = []
        """When each delta left, and its text."""

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Tell what was noted, and forget it."""
        if not request.path.startswith("/appends"):
            return None
        told = {"appends": self.appends, "sent": self.sent, "pcm": self.pcm}
        self.appends, self.sent, self.pcm = [], [], []
        return connection.respond(HTTPStatus.OK, json.dumps(told))

    async def serve(self, socket: ServerConnection) -> None:
        """Serve one client to its end, however it comes."""
        with contextlib.suppress(ConnectionClosed):
            await self._serve(socket)

    async def _serve(self, socket: ServerConnection) -> None:
        samples = turn = 0
        session: dict[str, Any] = {"type": "transcription", "id": "sess_1"}
        await self.send(socket, type="session.created", session=session)
        async for message in socket:
            text = message if isinstance(message, str) else message.decode()
            if (found := AUDIO.search(text)) is not None:
                samples += len(found[1]) * 3 // 8
                self.appends.append((time.time(), len(found[1]) * 3 // 8))
                if self.keep:
                    self.pcm.append(found[1])
                if self.echo:
                    await self.delta(socket, samples)
                while self.turns and samples >= (turn + 1) * self.turns:
                    await self.say(socket, turn)
                    turn += 1
            elif '"session.update"' in text:
                session |= json.loads(text)["session"]
                await self.send(socket, type="session.updated", session=session)
            elif '"input_audio_buffer.clear"' in text:
                await self.send(socket, type="input_audio_buffer.cleared")

    async def delta(self, socket: ServerConnection, samples: int) -> None:
        """Answer an append at once with a word that names its last sample."""
        if samples < 24_000:
            return
        word = f"w{samples} "
        item = f"item_{samples // 240_000}"
        self.sent.append((time.time(), word.strip()))
        await self.send(socket, type=f"{ITEM}.delta", item_id=item, content_index=0, delta=word)

    async def say(self, socket: ServerConnection, turn: int) -> None:
        """Send all events of a turn."""
        item, before = f"item_{turn}", f"item_{turn - 1}" if turn else None
        start, end = turn * self.turns // 24, (turn + 1) * self.turns // 24
        for fields in turn_events(item, before, start, end):
            await self.send(socket, **fields)

    async def send(self, socket: ServerConnection, **fields: Any) -> None:
        """Send an event."""
        await socket.send(json.dumps(fields))


def turn_events(item: str, before: str | None, start: int, end: int) -> Iterator[dict[str, Any]]:
    """Give the events of a turn of five words, as services send them; times in milliseconds."""
    yield {"type": "input_audio_buffer.speech_started", "event_id": "e1", "item_id": item, "audio_start_ms": start}
    yield {"type": "input_audio_buffer.speech_stopped", "event_id": "e2", "item_id": item, "audio_end_ms": end}
    yield {"type": "input_audio_buffer.committed", "event_id": "e3", "item_id": item, "previous_item_id": before}
    content = {"id": item, "object": "realtime.item", "type": "message", "status": "completed", "role": "user",
               "content": [{"type": "input_audio", "transcript": None}]}  # fmt: skip
    yield {"type": "conversation.item.added", "event_id": "e4", "previous_item_id": before, "item": content}
    yield {"type": "conversation.item.done", "event_id": "e5", "previous_item_id": before, "item": content}
    for delta in ("one two ", "three four five"):
        yield {"type": f"{ITEM}.delta", "event_id": "e6", "item_id": item, "content_index": 0, "delta": delta}
    yield {"type": f"{ITEM}.completed", "event_id": "e7", "item_id": item, "content_index": 0,
           "transcript": "one two three four five", "usage": {"type": "duration", "seconds": 2}}  # fmt: skip


@dataclass
class Running:
    """A sink that runs: its process and port."""

    process: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"ws://127.0.0.1:{self.port}"

    def take(self) -> dict[str, Any]:
        """Return what it noted since the last time."""
        import urllib.request

        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/appends") as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def take_pcm(self) -> tuple[list[tuple[float, int]], bytes]:
        """Return when each append came with its samples, and all audio."""
        told = self.take()
        return [(at, count) for at, count in told["appends"]], b"".join(map(base64.b64decode, told["pcm"]))


@contextmanager
def running(*options: str) -> Iterator[Running]:
    """Run a sink in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sink", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield Running(process, int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


async def main(turns: int, echo: bool, keep: bool) -> None:
    """Serve until stdin closes."""
    sink = Sink(turns, echo, keep)
    async with serve(
        sink.serve, "127.0.0.1", 0, process_request=sink.answer, compression=None, max_size=None
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=0)
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    asyncio.run(main(given.turns, given.echo, given.keep))
