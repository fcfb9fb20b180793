"""CPU per hour of audio: a session alone, beside what other clients of the same protocol need."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from tests.bench.contenders import Unavailable, environment, script
from tests.bench.contenders import version as version_in
from tests.bench.report import Answer, Row, interleaved, ratio
from tests.bench.sink import running

SECONDS = {"at once": 3600, "paced": 120}
"""Of audio; an hour costs less at once than two minutes in real steps."""
ROUNDS = 3

PACE = """
import asyncio, base64, sys, time
url, seconds, paced = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "paced"
import random
chunk = random.Random(0).randbytes(4800)

async def pace(send):
    # Paced is twenty times real time: one 100 ms piece a step, each step a wake-up as in a live session.
    for _ in range(seconds * 10):
        await send(chunk)
        await asyncio.sleep(0.005 if paced else 0)

def told(began):
    print((time.process_time() - began) * 3600 / seconds)
"""

BARE = (
    PACE
    + """
from websockets.asyncio.client import connect

async def main():
    async with connect(url, compression=None) as socket:
        began = time.process_time()
        async def send(pcm):
            audio = base64.b64encode(pcm).decode("ascii")
            await socket.send('{"type":"input_audio_buffer.append","audio":"' + audio + '"}')
        await pace(send)
        told(began)

asyncio.run(main())
"""
)

KEPT = (
    BARE.replace(
        "        async def send(pcm):\n", "        async def send(pcm):\n            os.write(kept.fileno(), pcm)\n"
    )
    .replace("async def main():\n", "async def main():\n    kept = tempfile.TemporaryFile()\n")
    .replace("import asyncio,", "import asyncio, os, tempfile,")
)
"""The same, each piece on disk before it is sent: what a session does so that no word is lost."""

OURS = (
    PACE
    + """
import rt_magic as rt

async def main():
    async with rt.RealtimeSession(rt.Compatible(url, dialect="embedded")) as session:
        while session.state == "connecting":
            await asyncio.sleep(0.01)
        began = time.process_time()
        await pace(session.send)
        await session.finish()
        told(began)

asyncio.run(main())
"""
)

OPENAI = (
    PACE
    + """
from openai import AsyncOpenAI

async def main():
    client = AsyncOpenAI(api_key="none", websocket_base_url=url + "/v1")
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        began = time.process_time()
        async def send(pcm):
            await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode("ascii"))
        await pace(send)
        told(began)

asyncio.run(main())
"""
)

VOICELIVE = (
    PACE
    + """
from azure.ai.voicelive.aio import connect
from azure.core.credentials import AzureKeyCredential

async def main():
    async with connect(credential=AzureKeyCredential("none"), endpoint=url, model="m") as connection:
        began = time.process_time()
        async def send(pcm):
            await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode("ascii"))
        await pace(send)
        told(began)

asyncio.run(main())
"""
)


def measure() -> Answer:
    """Compare."""
    here = Path(sys.executable)
    missing: dict[str, str] = {}
    versions = {name: version(name) for name in ("websockets", "openai")}
    clients = {
        "websockets and base64": (here, BARE),
        "websockets, base64 and a file": (here, KEPT),
        "rt_magic session": (here, OURS),
        "openai package": (here, OPENAI),
    }
    try:
        python = environment("voicelive", "azure-ai-voicelive[aiohttp]")
        versions["azure-ai-voicelive"] = version_in(python, "azure-ai-voicelive")
        clients["voicelive package"] = (python, VOICELIVE)
    except Unavailable as reason:
        missing["voicelive package"] = str(reason)
    with running() as sink:
        runs: dict[tuple[str, str], Callable[[], float]] = {
            (name, how): partial(spent, python, code, sink.url, how)
            for how in ("at once", "paced")
            for name, (python, code) in clients.items()
        }
        found = interleaved(runs, ROUNDS)
    rows = {
        (name, how): Row(name, tuple(values), "s per hour", how, floor=name.startswith("websockets"))
        for (name, how), values in found.items()
    }
    floor, ours = rows["websockets and base64", "at once"], rows["rt_magic session", "at once"]
    packages = [row for (name, how), row in rows.items() if name.endswith("package") and how == "at once"]
    beyond, beside = ratio(ours, floor), max(ratio(ours, package) for package in packages)
    kept = ratio(ours, rows["websockets, base64 and a file", "at once"])
    steady = ratio(rows["rt_magic session", "paced"], rows["websockets and base64", "paced"])
    return Answer(
        question="CPU per hour of audio, a session alone",
        goal="1.5 times the floor, and 0.15 of the packages",
        how="Pieces of 100 ms to a server that takes everything: an hour at once, or two minutes paced at 20 times "
        "real time; time of the client's process, scaled to an hour. Paced, most of it is the event loop's waking up, "
        "whoever sends. A session of ours also writes the recording to disk and knows how far the other side has "
        "read; at once, it sends what has piled up in pieces of up to half a second.",
        rows=tuple(rows.values()),
        verdict=f"At once {beyond:.2f} times the floor ({'reached' if beyond <= 1.5 else 'missed'}), {kept:.2f} times "
        "the floor that writes each piece to disk as well, "
        + ", ".join(f"{ratio(ours, package):.2f} of the {package.contender}" for package in packages)
        + f" ({'reached' if beside <= 0.15 else 'missed'}); paced {steady:.2f} times the floor.",
        missing=missing,
        versions=versions,
    )


def spent(python: Path, code: str, url: str, how: str) -> float:
    """Return the CPU seconds per hour of audio that a client says it needed."""
    return float(script(python, code, url, str(SECONDS[how]), how))
