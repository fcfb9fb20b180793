"""How well and how fast the embedded engine hears, at the settings that ship.

    python -m tests.bench.bench_engine [--engine pocketsphinx]

Everything goes through the real server. Words are judged on the committed fixture and on human speech; latency is that
of audio played in real time: from the start of speech to the first word shown, and from its end to the final text
(which includes the 500 ms of silence that end a turn). Prints; asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import jiwer
import psutil
from websockets.asyncio.client import ClientConnection, connect

from tests.speech import RATE, fixture, human, phrases

CHUNK = RATE // 10 * 2


class Listener:
    """Reads a connection's events and notes when each came."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self.events: list[tuple[float, dict[str, Any]]] = []
        self._cleared = asyncio.Event()
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.websocket:
            event = json.loads(message)
            self.events.append((time.perf_counter(), event))
            self._more.set()
            if event["type"].endswith(".cleared"):
                self._cleared.set()

    async def play(self, pcm: bytes, speed: float | None) -> float:
        """Send audio, in real time or as fast as can be, wait for all text; return when the first sample was sent."""
        begun = time.perf_counter()
        pcm += bytes(RATE * 2)
        for first in range(0, len(pcm), CHUNK):
            if speed:
                await asyncio.sleep(begun + (first + CHUNK) / 2 / RATE / speed - time.perf_counter())
            await self.send("input_audio_buffer.append", audio=base64.b64encode(pcm[first : first + CHUNK]).decode())
        await self.send("input_audio_buffer.clear")
        await self._cleared.wait()
        while self.named(".committed").keys() - self.named(".completed").keys():
            self._more.clear()
            await self._more.wait()
        return begun

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        await self.websocket.send(json.dumps({"type": kind, **fields}))

    def named(self, suffix: str) -> dict[str, tuple[float, dict[str, Any]]]:
        """Return the first event of a kind by item, and when it came."""
        found: dict[str, tuple[float, dict[str, Any]]] = {}
        for moment, event in self.events:
            if event["type"].endswith(suffix):
                found.setdefault(event["item_id"], (moment, event))
        return found

    @property
    def text(self) -> str:
        """All final text."""
        return " ".join(event["transcript"] for _, event in self.named(".completed").values()).strip()


async def measure(said: dict[str, Any], pcm: bytes, speed: float | None) -> tuple[Listener, float]:
    """Play audio over a connection of its own."""
    headers = {"Authorization": f"Bearer {said['token']}"}
    async with connect(f"{said['url']}/realtime", additional_headers=headers) as websocket:
        listener = Listener(websocket)
        return listener, await listener.play(pcm, speed)


def latencies(listener: Listener, begun: float) -> tuple[list[float], list[float]]:
    """Return seconds from start of speech to first word and from end of speech to final text, per turn."""
    started, stopped = listener.named(".speech_started"), listener.named(".speech_stopped")
    deltas, completed = listener.named(".delta"), listener.named(".completed")
    first = [
        deltas[item][0] - begun - started[item][1]["audio_start_ms"] / 1000 - 0.3 for item in deltas if item in started
    ]
    final = [
        completed[item][0] - begun - stopped[item][1]["audio_end_ms"] / 1000 + 0.5
        for item in completed
        if item in stopped and completed[item][1]["transcript"]
    ]
    return first, final


def shown(values: list[float]) -> str:
    """Return median and largest."""
    return f"{statistics.median(values):5.2f} s (largest {max(values):.2f})" if values else "–"


async def main(engine: str) -> None:
    """Measure and print."""
    process = subprocess.Popen(  # noqa: ASYNC220  # before anything else runs on this loop
        [sys.executable, "-m", "rt_magic.local", "--parent", "--engine", engine],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdin is not None
    said = json.loads(process.stdout.readline())
    time.sleep(1.5)  # noqa: ASYNC251  # the decoder loads; its 0.6 s are not the engine's latency
    five = " ".join(phrase.text for phrase in phrases())
    recordings = [("five phrases, synthetic voice", fixture(), five)]
    recordings += [(f"LibriVox {name}", pcm, text) for name, pcm, text in human()]
    first_all: list[float] = []
    final_all: list[float] = []
    pairs: list[tuple[str, str]] = []
    print(f"{'recording':32} {'WER':>6} {'CPU':>7} {'speech → first word':>26} {'end of speech → final':>26}")
    for name, pcm, text in recordings:
        server = psutil.Process(process.pid)
        before = sum(sum(p.cpu_times()[:2]) for p in [server, *server.children()])
        listener, begun = await measure(said, pcm, 1.0)
        used = sum(sum(p.cpu_times()[:2]) for p in [server, *server.children()]) - before
        first, final = latencies(listener, begun)
        first_all, final_all = first_all + first, final_all + final
        pairs.append((text, listener.text))
        factor = used / (len(pcm) / 2 / RATE)
        print(f"{name:32} {jiwer.wer(text, listener.text):6.1%} {factor:7.2f} {shown(first):>26} {shown(final):>26}")
    people = pairs[1:]
    wer = jiwer.wer([text for text, _ in people], [heard for _, heard in people])
    print(f"{'human speech together':32} {wer:6.1%}")
    print(f"{'all turns':40} {shown(first_all):>33} {shown(final_all):>26}")
    listener, begun = await measure(said, fixture(), None)
    print(
        f"five phrases as fast as can be: {listener.events[-1][0] - begun:.1f} s for {len(fixture()) / 2 / RATE:.1f} s"
    )
    processes = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
    print("resident: " + ", ".join(f"{p.memory_info().rss / 2**20:.0f} MiB" for p in processes) + " (server, decoder)")
    process.stdin.close()
    process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="pocketsphinx")
    asyncio.run(main(parser.parse_args().engine))
