"""The page's outbox and the kernel's intake, each the real one, with a line between them that fails.

Time is simulated, so that minutes of outage take no time.
"""

from __future__ import annotations

import base64
import heapq
import json
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rt_magic.widgets.intake import Ask, Effect, Intake, Reached, Remind, Send, Sound
from rt_magic.widgets.messages import Audio, Pause, Start, Stop, parse

PAGE = Path(__file__).with_name("page.mjs")
STATES = {
    "start": "opening", "sound": "listening", "back": "listening", "paused": "paused", "gone": "paused",
    "stopping": "draining", "stopped": "stopped", "failed": "error",
}  # fmt: skip
STEP = 0.05
"""Seconds of simulated time between two looks."""


class Page:
    """A node process that runs the page's scripts."""

    def __init__(self) -> None:
        node = shutil.which("node")
        assert node is not None, "the page's scripts are tested with Node; `python3 do.py test` gets it"
        self.process = subprocess.Popen([node, str(PAGE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.shown: dict[str, Any] = {"recording": False, "captured": 0, "waiting": 0, "seconds": 0, "problem": None}

    def __call__(self, act: str, now: float, **details: Any) -> list[dict[str, Any]]:
        """Let something happen in the page at a time; return the messages that it sends."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"act": act, "now": now, **details}) + "\n")
        self.process.stdin.flush()
        self.shown = json.loads(self.process.stdout.readline())
        sent: list[dict[str, Any]] = self.shown["sent"]
        return sent

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


@pytest.fixture
def new_page() -> Iterator[Callable[[], Page]]:
    """Make pages, which end with the test."""
    pages: list[Page] = []

    def make() -> Page:
        pages.append(Page())
        return pages[-1]

    yield make
    for page in pages:
        page.close()


@dataclass
class Line:
    """One direction of the way between page and kernel: late, in disorder, twice; silent during an outage."""

    rng: random.Random
    jitter: float
    twice: float
    queue: list[tuple[float, int, Any]] = field(default_factory=list)
    held: list[Any] = field(default_factory=list)
    count: int = 0

    def send(self, message: Any, now: float, outage: str) -> None:
        """Take a message; an outage "loses" it, or "holds" it until it is over."""
        if outage == "holds":
            self.held.append(message)
        elif outage != "loses":
            for _ in range(2 if self.rng.random() < self.twice else 1):
                self.count += 1
                heapq.heappush(self.queue, (now + 0.005 + self.rng.random() * self.jitter, self.count, message))

    def arrived(self, now: float) -> Iterator[Any]:
        """Give what has arrived by now."""
        while self.queue and self.queue[0][0] <= now:
            yield heapq.heappop(self.queue)[2]

    def restore(self, now: float) -> None:
        """Send on what was held, in order."""
        held, self.held = self.held, []
        for message in held:
            self.send(message, now, "")


class World:
    """A page, a kernel and the lines between them."""

    def __init__(self, page: Page, seed: int) -> None:
        self.rng = random.Random(seed)
        jitter = self.rng.choice((0.0, 0.3, 2.0))
        self.up = Line(self.rng, jitter, self.rng.choice((0.0, 0.2)))
        self.down = Line(self.rng, 0.0, 0.0)  # one socket, in order
        self.page, self.intake = page, Intake()
        self.now, self.outage, self.full = 0.0, "", False
        self.state, self.heard = "ready", b""
        self.stages: list[str] = []
        self.steps = 0

    def click(self, act: str) -> None:
        """Somebody clicks a button of the page."""
        self._sent(self.page(act, self.now))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / STEP)):
            self.steps += 1
            self.now = round(self.steps * STEP, 3)
            if self.steps % 2 == 0 and self.page.shown["recording"]:
                self._sent(self.page("sound", self.now, count=1))
            if self.steps % 10 == 0:
                self._sent(self.page("tick", self.now))
            if self.steps % 5 == 0 and self.intake.active:
                self._carry_out(self.intake.tick(self.now))
            for message in self.up.arrived(self.now):
                pcm = message.pop("pcm")
                read = parse(message, [base64.b64decode(pcm)] if pcm else [])
                assert isinstance(read, Audio | Start | Pause | Stop)
                self._carry_out(self.intake.receive(read, self.now))
                message["pcm"] = pcm  # the same message may come once more
            for act, details in self.down.arrived(self.now):
                self._sent(self.page(act, self.now, **details))

    def fail(self, kind: str, seconds: float) -> None:
        """Let nothing through for a while; what was under way is lost as well."""
        self.outage = kind
        if kind == "loses":
            self.up.queue.clear()
            self.down.queue.clear()
        self.run(seconds)
        self.outage = ""
        self.up.restore(self.now)
        self.down.restore(self.now)

    def _sent(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            self.up.send(message, self.now, self.outage)

    def _carry_out(self, effects: list[Effect]) -> None:
        for number, effect in enumerate(effects):
            match effect:
                case Sound() if self.full:
                    refused = [later.chunk for later in effects[number:] if isinstance(later, Sound)]
                    return self._carry_out(self.intake.refuse(refused, "the disk is full", self.now))
                case Sound(chunk):
                    self.heard += chunk.pcm
                case Send(message):
                    self.down.send(("receive", {"answer": message}), self.now, self.outage)
                case Remind():
                    self.down.send(("follow", {"state": self.state}), self.now, self.outage)
                case Reached(stage):
                    self.stages.append(stage)
                    self._show(STATES.get(stage, self.state))
                case Ask():
                    pass

    def _show(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.down.send(("follow", {"state": state}), self.now, self.outage)

    @property
    def numbers(self) -> list[int]:
        """The number of each chunk that the kernel has, in its order."""
        pcm = memoryview(self.heard)
        assert len(pcm) % 4800 == 0
        return [int.from_bytes(pcm[at : at + 2], "little") for at in range(0, len(pcm), 4800)]


def interview(world: World) -> None:
    """Record with pauses through outages of all kinds, then stop."""
    world.click("start")
    for _ in range(world.rng.randint(1, 4)):
        world.run(world.rng.uniform(0.1, 8))
        if world.rng.random() < 0.7:
            kind = world.rng.choice(("loses", "loses", "holds"))
            moment = world.rng.random()
            if moment < 0.4:
                world.fail(kind, world.rng.choice((0.5, 2.0, 6.0, 30.0)))
            else:  # a click in the midst of it
                world.fail(kind, world.rng.uniform(0.1, 4))
                world.click("pause")
                world.fail(kind, world.rng.choice((0.2, 1.0, 7.0, 20.0)))
                if moment < 0.7:
                    world.click("start")
                    world.fail(kind, world.rng.uniform(0.1, 3))
        if not world.page.shown["recording"]:
            world.run(world.rng.uniform(0, 3))
            world.click("start")
    world.run(world.rng.uniform(0.1, 4))
    world.click("stop")
    if world.rng.random() < 0.5:
        world.fail(world.rng.choice(("loses", "holds")), world.rng.choice((0.2, 3.0, 12.0, 60.0)))
    world.run(150)


@pytest.mark.parametrize("seed", range(6))
def test_what_a_full_disk_refused_is_recorded_after_the_next_start(seed: int, new_page: Callable[[], Page]) -> None:
    """The page closes its microphone, keeps what it captured until there is room, and nothing is lost or doubled."""
    world = World(new_page(), seed)
    world.click("start")
    world.run(3)
    for again in (True, False):
        world.full = True
        world.run(4)
        assert (world.state, world.page.shown["recording"]) == ("error", False)
        world.full = again
        world.run(world.rng.choice((1.0, 30.0)))
        world.click("start")
        world.run(3)
    assert world.state == "listening"
    world.click("stop")
    world.run(30)
    assert (world.state, world.page.shown["waiting"], world.intake.inbox.lost) == ("stopped", 0, 0)
    assert world.numbers == list(range(world.page.shown["captured"]))
    assert world.intake.inbox.captured == 2400 * world.page.shown["captured"]


def check(new_page: Callable[[], Page], seed: int) -> None:
    """Run the interview of that seed and complain, with the seed, about all that is wrong."""
    world = World(new_page(), seed)
    interview(world)
    captured = world.page.shown["captured"]
    found = [] if world.numbers == list(range(captured)) else [f"{captured} captured, the kernel has {world.numbers}"]
    if world.intake.inbox.lost:
        found.append(f"{world.intake.inbox.lost} given up")
    if world.state != "stopped" or world.page.shown["waiting"] or world.page.shown["recording"]:
        found.append(f"the end is {world.state}, and the page shows {world.page.shown}")
    if world.intake.inbox.captured != 2400 * captured:
        found.append(f"the pages' own counting is {world.intake.inbox.captured} samples")
    assert not found, f"seed {seed}: {found}; {world.stages}"


@pytest.mark.parametrize("seeds", [range(start, start + 5) for start in range(0, 20, 5)], ids=str)
def test_every_chunk_arrives_once_whatever_befalls_the_line(seeds: range, new_page: Callable[[], Page]) -> None:
    """Messages late, twice, in disorder, lost or held for seconds: each chunk is recorded once, in order."""
    for seed in seeds:
        check(new_page, seed)


@pytest.mark.long
@pytest.mark.parametrize("seeds", [range(start, start + 20) for start in range(20, 400, 20)], ids=str)
def test_every_chunk_arrives_once_in_400_interviews(seeds: range, new_page: Callable[[], Page]) -> None:
    """The same for many other interviews."""
    for seed in seeds:
        check(new_page, seed)
