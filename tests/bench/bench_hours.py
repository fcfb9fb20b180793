"""Eight hours of audio and a hundred thousand segments: does memory stay flat, does time stay linear?"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

from tests.bench.contenders import script
from tests.bench.report import Answer, Row
from tests.bench.sink import running

HOURS = 8
SEGMENTS = 100_000
SLICES = 20

CLIENT = f"""
import asyncio, json, sys, time
import psutil
import rt_magic as rt

url, samples, slices = sys.argv[1], {HOURS * 3600 * 24_000}, {SLICES}
block = bytes(24_000)  # half a second
me = psutil.Process()

async def main():
    marks = []
    async with rt.RealtimeSession(rt.Compatible(url, dialect="embedded")) as session:
        while session.state == "connecting":
            await asyncio.sleep(0.01)
        sent, segments = 0, len(sys.argv) > 2
        mark = lambda: marks.append((time.process_time(), me.memory_info().rss, len(session.transcript)))
        mark()
        for number in range(slices):
            while sent < samples * (number + 1) // slices:
                await session.send(block)
                sent += len(block) // 2
                while session.behind > 20:
                    await asyncio.sleep(0.001)
            while session.behind > 0:
                await asyncio.sleep(0.001)
            if number == slices - 1:
                await session.finish(timeout=600)
            mark()
        began = time.process_time()
        text = session.transcript.text
        reading = time.process_time() - began
        print(json.dumps({{"marks": marks, "segments": len(session.transcript), "reading": reading}}))

asyncio.run(main())
"""


def run(url: str) -> dict[str, list[list[float]]]:
    """Send the eight hours to a server; return the time, memory and segments at each mark."""
    found: dict[str, list[list[float]]] = json.loads(script(Path(sys.executable), CLIENT, url, timeout=900))
    return found


def slices(marks: list[list[float]], column: int) -> list[float]:
    """Return by how much a column grew from mark to mark."""
    return [after[column] - before[column] for before, after in pairwise(marks)]


def measure() -> Answer:
    """Send eight hours twice: to a service that says nothing, and to one that makes all those segments of it."""
    turn = HOURS * 3600 * 24_000 // SEGMENTS
    with running() as sink:
        silent = run(sink.url)["marks"]
    with running("--turns", str(turn)) as sink:
        found = run(sink.url)
    marks = found["marks"]
    share = HOURS / SLICES
    quiet_memory = Row(
        "rt_magic, no text", tuple(d / 2**20 / share for d in slices(silent, 1)), "MiB per hour", "memory"
    )
    quiet_time = Row("rt_magic, no text", tuple(d / share for d in slices(silent, 0)), "s per hour", "CPU")
    counts = [max(1.0, d) for d in slices(marks, 2)]
    memory = tuple(d / 1024 / n for d, n in zip(slices(marks, 1), counts, strict=True))
    times = tuple(d * 1e6 / n for d, n in zip(slices(marks, 0), counts, strict=True))
    rows = (
        Row("rt_magic, with text", times, "µs per segment", "CPU"),
        Row("rt_magic, with text", memory, "KiB per segment", "memory"),
        quiet_time,
        quiet_memory,
    )
    half = len(times) // 2
    early, late = sum(times[:half]) / half, sum(times[half:]) / (len(times) - half)
    return Answer(
        question="Eight hours, a hundred thousand segments",
        goal="memory flat without text, memory and time linear in the segments",
        how=f"A session sends {HOURS} h of audio as fast as a server on this machine takes it; the server says "
        f"nothing, or makes a turn of every {turn / 24_000:.3f} s. {SLICES} equal parts; each value is one part.",
        rows=rows,
        verdict=f"{(silent[-1][1] - silent[1][1]) / 2**20:+.0f} MiB over eight hours without text; "
        f"{found['segments']:,} segments take {(marks[-1][1] - marks[0][1]) / 2**20:,.0f} MiB and "
        f"{marks[-1][0] - marks[0][0]:,.0f} s of CPU with the audio, the later half costing "
        f"{late / early:.2f} times the earlier one per segment.",
    )
