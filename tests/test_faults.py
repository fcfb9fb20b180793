"""Whatever befalls the connections: every block of the recording reaches the service, every turn is written once."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

import rt_magic as rt
from rt_magic.session.session import RealtimeSession
from rt_magic.session.timing import Timing
from rt_magic.testing import Refusal
from tests.coded import BLOCK, Coded, CodedService, Fault, coded, complaints

TIMING = Timing(retry=0.01, quiet=0.1, stall=0.05, keepalive=0.04)
PASSING = (1000, 1001, 1005, 1007, 1009, 1011, 1012, 1013)
FINAL = (1008, 3000, 4000, 4004)
REFUSALS = (
    Refusal(429),
    Refusal(429, "quota", {"Retry-After": "0.05"}),
    Refusal(429, "quota", {"retry-after-ms": "30", "Retry-After": "3600"}),
    Refusal(500),
    Refusal(502, "<html>"),
    Refusal(503),
)


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings of these tests go to a folder of their own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@dataclass(frozen=True)
class Scenario:
    """What happens to one session: which faults, in which order, and how fast the sound comes."""

    faults: tuple[Fault | Refusal, ...]
    disorder: bool
    pace: float
    """Seconds between pieces of 100 ms."""


def scenario(seed: int) -> Scenario:
    """Draw a scenario: up to three broken connections, each with up to two refused handshakes before the next."""
    rng = random.Random(seed)
    faults: list[Fault | Refusal] = []
    for _ in range(rng.randint(1, 3)):
        faults += rng.choices(REFUSALS, k=rng.choice((0, 0, 1, 2)))
        acts = ("abort", "abort", "freeze", "slow", "expire", "mute", rng.choice(PASSING), rng.choice(FINAL))
        act = rng.choice(acts)
        faults.append(Fault(act, rng.choice((rng.random(), rng.random(), 1.0, 1.1))))
    return Scenario(tuple(faults), rng.random() < 0.5, rng.choice((0.0, 0.0, 0.001)))


async def carry(service: CodedService, recording: Coded, turns: str, pace: float = 0.0) -> RealtimeSession:
    """Send the coded recording through a session, begun again after every final error."""
    async with RealtimeSession(rt.Compatible(service.url), turn_detection=turns, timing=TIMING) as session:
        for start in range(0, len(recording.pcm), 4800):
            session.append(recording.pcm[start : start + 4800])
            await asyncio.sleep(pace)
        for _ in range(5):
            try:
                await session.finish(timeout=30)
                return session
            except (rt.ServiceError, rt.AuthenticationError):
                session.resume()
    return session


async def run(seed: int, turns: str) -> None:
    """Run the scenario of that seed and complain, with the seed, about all that is wrong."""
    recording, drawn = coded(), scenario(seed)
    async with CodedService(recording, seed=seed, faults=drawn.faults, disorder=drawn.disorder) as service:
        try:
            session = await carry(service, recording, turns, drawn.pace)
        except rt.RtMagicError as error:
            raise AssertionError(f"seed {seed}, {turns}: {error}; {drawn}") from error
        found = complaints(recording, session.transcript.segments, service.streams)
    counts = session.counts
    if not counts["captured"] == counts["received"] == recording.blocks * BLOCK:
        found.append(f"counts are wrong: {counts}")
    if session.state != "stopped" or session.transcript.interim:
        found.append(f"the end is {session.state}, with {len(session.transcript.interim)} interim segments")
    ids = [int(segment.id[1:]) for segment in session.transcript.segments]
    if not drawn.disorder and ids != sorted(ids):
        found.append(f"ids are not in order: {ids}")
    texts = [(segment.id, segment.text) for segment in session.transcript.segments]
    assert not found, f"seed {seed}, {turns}: {found}; {drawn}; {texts}; {session.status}"


@pytest.mark.parametrize("seed", range(20))
async def test_nothing_is_lost_or_doubled(seed: int) -> None:
    """After any faults each block has arrived, and each turn stands in the transcript once and in order."""
    await asyncio.gather(run(seed, "server"), run(seed, "client"))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20, 200))
async def test_nothing_is_lost_or_doubled_in_200_scenarios(seed: int) -> None:
    """The same for the other scenarios of 200."""
    await asyncio.gather(run(seed, "server"), run(seed, "client"))
