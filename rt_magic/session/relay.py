"""Carry a session from a connection that is about to expire to the next one, which is opened first."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from rt_magic.session.connection import Connection
from rt_magic.session.services import Address

_log = logging.getLogger(__name__)

LEAD = 90.0
"""Seconds before its connection expires at which a session opens the next one and waits for a pause to change over."""

AGAIN = 20.0
"""Seconds until the next one is tried again where it did not come about."""

Dial = Callable[[], Awaitable[tuple[Connection, Address]]]


class Relay:
    """The connections of a session that are in use at the same time: one that takes sound, and those before it.

    `dial` makes the next one; `passed` is told when sound goes to it, `drained` when one before it has ended well.
    """

    def __init__(
        self,
        dial: Dial,
        passed: Callable[[Connection], None],
        drained: Callable[[Connection], None],
    ) -> None:
        self._dial, self._passed, self._drained = dial, passed, drained
        self._runs: dict[asyncio.Task[None], Connection] = {}
        self._next: Connection | None = None
        self._preparing: asyncio.Task[None] | None = None
        """Fetches what the next one needs, for which a credential may ask a person."""
        self._try_at = 0.0

    async def run(self, current: Connection, address: Address) -> None:
        """Run a connection and those that follow it, until all have drained; raise what breaks one that has sound."""
        self._start(current, address)
        try:
            while True:
                await asyncio.wait(self._running(), timeout=self._wait(current), return_when=asyncio.FIRST_COMPLETED)
                if self._next is not None and current.passed:
                    current, self._next = self._next, None
                    self._passed(current)
                for run in [run for run in self._runs if run.done()]:
                    self._end(run, current)
                if not any(connection is not self._next for connection in self._runs.values()):
                    return
                if self._preparing is not None and self._preparing.done():
                    self._preparing = None
                if self._next is None and self._preparing is None and self._wait(current) == 0:
                    self._preparing = asyncio.create_task(self._prepare(current), name="rt_magic-relay")
        finally:
            running = self._running()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _running(self) -> set[asyncio.Task[None]]:
        return {*self._runs, *([self._preparing] if self._preparing is not None else [])}

    def _start(self, connection: Connection, address: Address) -> None:
        self._runs[asyncio.create_task(connection.run(address), name="rt_magic-connection")] = connection

    def _end(self, run: asyncio.Task[None], current: Connection) -> None:
        connection = self._runs.pop(run)
        if connection is self._next:
            _log.info("the connection that was to follow did not come about: %r", run.exception())
            current.pass_on(None)
            self._next, self._try_at = None, time.monotonic() + AGAIN
            return
        run.result()
        if connection is not current:
            self._drained(connection)

    def _wait(self, current: Connection) -> float | None:
        """Return the seconds until something is to be done, None where nothing is but by a connection's end."""
        if self._next is not None:
            return 0.1  # until it takes over at a pause
        if self._preparing is not None:
            return 1.0
        if current.expires_at is None or current.opened_at is None:
            return 1.0
        lead = min(LEAD, (current.expires_at - current.opened_at) / 2)
        now = time.monotonic()
        return max(0.0, min(1.0, max(current.expires_at - lead, self._try_at) - now))

    async def _prepare(self, current: Connection) -> None:
        """Open the next connection; it waits until the present one passes on to it."""
        try:
            connection, address = await self._dial()
        except Exception as error:  # whatever it is, the present connection still stands
            _log.info("no address for the connection that is to follow: %r", error)
            self._try_at = time.monotonic() + AGAIN
            return
        if current not in self._runs.values():
            return  # it has ended meanwhile
        self._next = connection
        self._start(connection, address)
        current.pass_on(connection)
