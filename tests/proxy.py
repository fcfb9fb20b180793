"""A way between two programs that fails when a test says so."""

from __future__ import annotations

import asyncio


class Proxy:
    """A TCP proxy to `target` ("host:port") that can fall silent, as when a cable is pulled, or refuse everybody."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._through = asyncio.Event()
        self._through.set()
        self._refusing = False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Address that leads to the target."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """Port on this machine."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def drop(self, seconds: float) -> None:
        """Let nothing through for a while; what was open before is dead for good."""
        self._through.clear()
        stuck = list(self._tasks)
        await asyncio.sleep(seconds)
        self._through.set()
        for task in stuck:
            task.cancel()

    async def cut(self, seconds: float) -> None:
        """Break everything that is open and let nobody connect for a while."""
        self._refusing = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.sleep(seconds)
        self._refusing = False

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there = None
        try:
            await self._through.wait()
            host, _, port = self._target.partition(":")
            back, there = await asyncio.open_connection(host, int(port))
            await asyncio.gather(self._pipe(reader, there), self._pipe(back, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for end in (writer, there):
                if end is not None:
                    end.transport.abort()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._through.wait()
            writer.write(data)
            await writer.drain()
        writer.close()
