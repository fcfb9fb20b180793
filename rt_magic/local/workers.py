"""The server's end of the decoder processes: start, speak to, share and end them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

from rt_magic.local.recognizers import Engine

_log = logging.getLogger(__name__)

Answer: TypeAlias = dict[str, Any]


class Worker:
    """One decoder process. Messages go to it at once and are worked off in order; `backlog` says how far behind it is.

    `on_answer` gets what it says, `on_end` is called once if it ends by itself; both may be set at any time.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._settled = asyncio.Event()
        self._reader = asyncio.create_task(self._read())
        self.backlog = 0
        """Bytes of audio sent and not worked off."""
        self.on_answer: Callable[[Answer], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self.alive = True

    @classmethod
    async def start(cls, engine: Engine) -> Worker:
        """Start a process; what is sent to it while it loads waits in its stdin."""
        # -P: no module of the folder it is started in stands for the library's.
        command = [sys.executable, "-P", "-m", "rt_magic.local.decoder", "--engine", engine.name]
        if engine.folder is not None:
            command += ["--model", str(engine.folder)]
        environment = {name: value for name, value in os.environ.items() if name != "RT_MAGIC_LOCAL_TOKEN"}
        return cls(
            await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
                limit=2**24,  # a line of answer holds every word of a turn
            )
        )

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def send(self, do: str, *, pcm: bytes = b"", **fields: Any) -> None:
        """Send a message; to a process that has ended it is lost, which `on_end` has told."""
        assert self._process.stdin is not None
        if pcm:
            fields["bytes"] = len(pcm)
            self.backlog += len(pcm)
        if self.alive:
            self._process.stdin.write(json.dumps({"do": do, **fields}).encode() + b"\n" + pcm)

    async def room(self, limit: int) -> None:
        """Wait until less than `limit` bytes of audio are waiting, or the process has ended."""
        while self.alive and self.backlog >= limit:
            self._settled.clear()
            await self._settled.wait()

    def kill(self) -> None:
        """End the process, whatever it has to do."""
        self.on_answer = self.on_end = None
        self.alive = False
        self._settled.set()
        if self._process.returncode is None:
            self._process.kill()

    async def close(self) -> None:
        """End the process and wait for its end."""
        self.kill()
        await self._process.wait()
        self._reader.cancel()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            answer: Answer = json.loads(line)
            if "taken" in answer:
                self.backlog -= answer["taken"]
                self._settled.set()
            elif "ready" in answer:
                _log.info("decoder %d is ready: %s", self.pid, answer["ready"])
            elif self.on_answer is not None:
                self.on_answer(answer)
        unexpected, self.alive = self.alive, False
        self._settled.set()
        code = await self._process.wait()
        if unexpected:
            _log.warning("decoder %d ended with code %d", self.pid, code)
        if self.on_end is not None:
            self.on_end()


class Workers:
    """All decoders of a server: one per connection, and one loaded and waiting, so that a connection need not."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._all: set[Worker] = set()
        self._spare: Worker | None = None

    async def prepare(self) -> None:
        """Have a decoder loaded before it is asked for."""
        if self._spare is None or not self._spare.alive:
            self._spare = await self._start()

    async def take(self) -> Worker:
        """Return a decoder that nobody uses."""
        worker, self._spare = self._spare, None
        return worker if worker is not None and worker.alive else await self._start()

    async def give_back(self, worker: Worker) -> None:
        """Keep a decoder that has nothing left to do if none is spare, else end it."""
        worker.on_answer = worker.on_end = None
        if self._spare is None and worker.alive and not worker.backlog:
            worker.send("drop")
            worker.send("reset")
            self._spare = worker
        else:
            self._all.discard(worker)
            await worker.close()

    async def close(self) -> None:
        """End all."""
        await asyncio.gather(*(worker.close() for worker in self._all))

    async def _start(self) -> Worker:
        worker = await Worker.start(self.engine)
        self._all = {other for other in self._all if other.alive} | {worker}
        return worker
