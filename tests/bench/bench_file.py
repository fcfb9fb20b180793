"""How fast a file goes over one connection to a service that takes everything."""

from __future__ import annotations

import asyncio
import base64
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import soundfile
from websockets.asyncio.client import connect

import rt_magic as rt
from tests.bench.report import Answer, Row, interleaved
from tests.bench.sink import Running, running

HOURS = 0.5
RATE = 24_000
ROUNDS = 5


def recording(folder: Path) -> Path:
    """Write a long WAV of noise, which no one can compress."""
    path = folder / "long.wav"
    noise = np.random.default_rng(0).integers(-2000, 2000, 60 * RATE, np.int16)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(round(HOURS * 60)):
            file.write(noise)
    return path


def bare(path: Path, sink: Running) -> float:
    """Send the file with websockets and base64 alone, half a second a message, and wait for the fence."""

    async def send() -> None:
        async with connect(sink.url, compression=None) as socket:
            with soundfile.SoundFile(path) as file:
                while (block := file.read(RATE // 2, dtype="int16")).size:
                    audio = base64.b64encode(block.tobytes()).decode("ascii")
                    await socket.send(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}')
            await socket.send('{"type":"input_audio_buffer.clear"}')
            async for message in socket:
                if "cleared" in message:
                    return

    began = time.perf_counter()
    asyncio.run(send())
    return HOURS * 3600 / (time.perf_counter() - began)


def ours(path: Path, sink: Running) -> float:
    """Transcribe the file."""
    service = rt.Compatible(sink.url, dialect="embedded")
    began = time.perf_counter()
    rt.transcribe(path, service=service, connections=1, progress=False)
    return HOURS * 3600 / (time.perf_counter() - began)


def measure() -> Answer:
    """Compare."""
    with tempfile.TemporaryDirectory() as folder, running() as sink:
        path = recording(Path(folder))
        ours(path, sink)  # what is imported and started once is no part of it
        found = interleaved(
            {"websockets and base64": lambda: bare(path, sink), "rt_magic.transcribe": lambda: ours(path, sink)}, ROUNDS
        )
    floor, we = (
        Row(name, tuple(values), "× real time", floor=name.startswith("websockets")) for name, values in found.items()
    )
    return Answer(
        question="A file on one connection",
        goal="2,000 times real time",
        how=f"A WAV of {HOURS:g} h, 24 kHz, to a server on this machine that takes everything and decodes nothing; "
        "wall clock, from the call to the finished transcript.",
        rows=(floor, we),
        verdict=f"{'Reached' if we.median >= 2000 else 'Missed'}: {we.median:,.0f} times real time; the floor has "
        f"{floor.median:,.0f}.",
        versions={"websockets": version("websockets")},
        less_is_better=False,
    )
