"""Speech played in real time through three ways to the same engine, and the times at which words came."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from websockets.asyncio.client import connect

import rt_magic as rt
from rt_magic.transcript.segments import Segment
from tests.speech import RATE, Phrase, fixture, phrases

CHUNK = RATE // 10 * 2


@dataclass(frozen=True)
class Heard:
    """One way's result: milliseconds per phrase, and all words."""

    first: list[float]
    """From the start of a phrase to its first word."""
    final: list[float]
    """From the end of a phrase to its final text."""
    text: str


@dataclass(frozen=True)
class Said:
    """Something that was written: when, in seconds after the first sample, and whether it is final."""

    at: float
    text: str
    final: bool


def judged(said: Sequence[Said], spoken: Sequence[Phrase]) -> Heard:
    """Match what was written with what was spoken, by time."""
    first, final = [], []
    for phrase, following in zip(spoken, [*spoken[1:], None], strict=True):
        until = following.start if following else float("inf")
        words = [each for each in said if phrase.start < each.at < until + 0.3 and each.text.strip() and not each.final]
        ends = [each for each in said if phrase.end < each.at < until + 1.0 and each.text.strip() and each.final]
        if words:
            first.append(1000 * (words[0].at - phrase.start))
        if ends:
            final.append(1000 * (ends[0].at - phrase.end))
    return Heard(first, final, " ".join(each.text for each in said if each.final).strip())


async def play(send: object, pcm: bytes) -> float:
    """Send in real time, a piece when its last sample is spoken; return when the first sample was."""
    began = time.perf_counter()
    for start in range(0, len(pcm), CHUNK):
        await asyncio.sleep(began + (start + CHUNK) / 2 / RATE - time.perf_counter())
        await send(pcm[start : start + CHUNK])  # type: ignore[operator]
    return began


@contextlib.contextmanager
def engine() -> Iterator[tuple[str, str]]:
    """Run the embedded server, ready to hear; give its address and token."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rt_magic.local", "--parent", "--engine", "pocketsphinx"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdin is not None
    said = json.loads(process.stdout.readline())
    time.sleep(1.5)  # the decoder loads; its 0.6 s are not the engine's latency
    try:
        yield said["url"], said["token"]
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


def over_bare_socket(address: str, token: str) -> Heard:
    """Play the fixture over a bare WebSocket to the embedded server."""

    async def run() -> list[Said]:
        said: list[Said] = []
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(f"{address}/realtime?intent=transcription", additional_headers=headers) as socket:
            began = 0.0

            async def read() -> None:
                open_items: set[str] = set()
                cleared = False
                async for message in socket:
                    now, event = time.perf_counter(), json.loads(message)
                    if event["type"].endswith("transcription.delta"):
                        said.append(Said(now - began, event["delta"], False))
                    elif event["type"].endswith("transcription.completed"):
                        said.append(Said(now - began, event["transcript"], True))
                        open_items.discard(event["item_id"])
                    elif event["type"].endswith("committed"):
                        open_items.add(event["item_id"])
                    cleared = cleared or event["type"].endswith("cleared")
                    if cleared and not open_items:
                        return

            async def send(pcm: bytes) -> None:
                audio = base64.b64encode(pcm).decode("ascii")
                await socket.send(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}')

            reading = asyncio.create_task(read())
            began = time.perf_counter()
            await play(send, fixture() + bytes(RATE * 2))
            await socket.send('{"type":"input_audio_buffer.clear"}')
            await reading
        return said

    return judged(asyncio.run(run()), phrases())


def over_session(address: str, token: str) -> Heard:
    """Play the fixture through a session of ours to the same server."""

    async def run() -> list[Said]:
        said: list[Said] = []
        service = rt.Compatible(address, api_key=token, dialect="embedded")
        async with rt.RealtimeSession(service, language="en") as session:
            while session.state == "connecting":  # noqa: ASYNC110  # whoever measures may look
                await asyncio.sleep(0.01)
            began = time.perf_counter()

            def note(change: object) -> None:
                now = time.perf_counter() - began
                segments: tuple[Segment, ...] = change.upsert  # type: ignore[attr-defined]
                said.extend(Said(now, segment.text, segment.final) for segment in segments)

            session.transcript.on_change(note)
            await play(session.send, fixture() + bytes(RATE * 2))
            await session.finish()
        return said

    return judged(asyncio.run(run()), phrases())


def bare_decoder(as_shipped: bool) -> Heard:
    """Feed pocketsphinx in a loop that knows where each phrase ends: what no turn detection can do faster.

    The decoder is set as the shipped engine sets it; a final comes 500 ms after the phrase's end, as it is shipped too.
    If `as_shipped`, the first phrases get their second look, and a word counts once it has stood as deltas must.
    """
    given = json.dumps({"spans": [[p.start, p.end] for p in phrases()], "as_shipped": as_shipped})
    done = subprocess.run([sys.executable, "-c", BARE], input=given, check=True, capture_output=True, text=True)
    return judged([Said(*entry) for entry in json.loads(done.stdout)], phrases())


BARE = """
import json, sys, time
import numpy as np, soxr
from rt_magic.local.deltas import StablePrefix
from rt_magic.local.sphinx import PocketSphinx
from tests.speech import fixture
given = json.load(sys.stdin)
pcm = soxr.resample(np.frombuffer(fixture(), "<i2"), 24000, 16000).astype(np.int16)
engine, said, step = PocketSphinx(), [], 1600
began = time.perf_counter()
for start, end in given["spans"]:
    position, last = int((start - 0.3) * 16000), int((end + 0.5) * 16000)
    engine.start()
    text, stable = "", StablePrefix(engine.agreement)
    while position < last:
        stop = min(position + step, last)
        time.sleep(max(0.0, began + stop / 16000 - time.perf_counter()))
        engine.feed(pcm[position:stop])
        position = stop
        partial = engine.partial()
        if given["as_shipped"]:
            partial = text + stable.push(partial)
        if partial != text:
            text = partial
            said.append([time.perf_counter() - began, text, False])
    final = engine.finish().text if given["as_shipped"] else engine.partial()
    said.append([time.perf_counter() - began, final, True])
print(json.dumps(said))
"""
