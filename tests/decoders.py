"""Doubles at the engine's seam: a recogniser that counts, and decoders that live in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from rt_magic.local.decoder import Process
from rt_magic.local.recognizers import Engine, HeardWord, Result, Samples
from rt_magic.local.workers import Worker, Workers


class Counter:
    """A stand-in for a recogniser: each 100 ms block of an utterance is one word, "w1", "w2", …"""

    agreement = 2

    def __init__(self) -> None:
        self.settings: list[dict[str, Any]] = []
        self.blocks = 0
        self.resets = 0
        self.error: Exception | None = None

    def configure(self, *, language: str | None, keywords: Sequence[str], prompt: str | None) -> None:
        """Note the settings."""
        self.settings.append({"language": language, "keywords": list(keywords), "prompt": prompt})

    def reset(self) -> None:
        """Note that another recording follows."""
        self.resets += 1

    def start(self) -> None:
        """Begin to count."""
        self.blocks = 0

    def feed(self, samples: Samples) -> None:
        """Count a block, or fail as told."""
        if self.error is not None:
            raise self.error
        self.blocks += 1

    def partial(self) -> str:
        """Return a word per block."""
        return " ".join(f"w{number + 1}" for number in range(self.blocks))

    def finish(self) -> Result:
        """Return a word per block with its time."""
        words = [HeardWord(f"w{n + 1}", n / 10, (n + 1) / 10, 0.5) for n in range(self.blocks)]
        return Result(self.partial(), tuple(words))


class InlineWorker(Worker):
    """A decoder without a process: messages are worked off when `work` is called, or at once."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.recognizer = Counter()
        self.heard: list[bytes] = []
        """The audio that was sent to it, utterance by utterance."""
        self._out = io.BytesIO()
        self._decoder = Process(self.recognizer, self._out)
        self._waiting: list[tuple[dict[str, Any], bytes]] = []
        self._at_once = at_once
        self.backlog = 0
        self.on_answer = self.on_end = None
        self.alive = True

    @property
    def pid(self) -> int:
        """No process, no id."""
        return 0

    def send(self, do: str, *, pcm: bytes = b"", **fields: Any) -> None:
        """Queue the message."""
        if self.alive:
            if do == "start":
                self.heard.append(b"")
            elif pcm:
                self.heard[-1] += pcm
            self._waiting.append(({"do": do, **fields}, pcm))
            if self._at_once:
                self.work()

    def work(self) -> None:
        """Work off what is waiting and deliver the answers."""
        while self._waiting:
            self._decoder.take(*self._waiting.pop(0))
        for line in self._out.getvalue().splitlines():
            answer = json.loads(line)
            if self.on_answer is not None and "taken" not in answer:
                self.on_answer(answer)
        self._out.seek(0)
        self._out.truncate()

    def die(self) -> None:
        """End as a process would that was killed."""
        self.alive = False
        self._waiting.clear()
        if self.on_end is not None:
            self.on_end()

    async def room(self, limit: int) -> None:
        """Return at once."""

    async def close(self) -> None:
        """End."""
        self.alive = False


class InlineWorkers(Workers):
    """Hands out inline decoders and keeps them in `started`."""

    def __init__(self, engine: Engine | None = None, *, at_once: bool = True) -> None:
        super().__init__(engine or Engine("pocketsphinx"))
        self.started: list[InlineWorker] = []
        self._at_once = at_once

    async def _start(self) -> Worker:
        worker = InlineWorker(at_once=self._at_once)
        self.started.append(worker)
        return worker
