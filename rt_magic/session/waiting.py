"""Wait for what the other side of a connection owes; give up a turn, or the connection, for which nothing comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from rt_magic.exceptions import ServiceConnectionError
from rt_magic.session.sending import Sender
from rt_magic.session.timing import Timing
from rt_magic.session.watch import STALL, Watch
from rt_magic.wire.events import Failed
from rt_magic.wire.protocol import ClientProtocol

QUIET = 1.0
"""Seconds without an event after which a service that cannot say that it is through is taken to be."""

QUIET_UNHEARD = 10.0
"""The same where we heard speech that the service has said nothing of; after it the rest is committed."""


class Mute(ServiceConnectionError):
    """The other side is there, has taken speech and says nothing any more."""


class Waiting:
    """What a connection waits for, and how long.

    With `last_chance` a turn without an answer is marked as failed, which `failed` is told, where else Mute is raised
    for another connection to take over. `changed` is set after each message of the service.
    """

    def __init__(
        self,
        host: str,
        protocol: ClientProtocol,
        sender: Sender,
        timing: Timing,
        failed: Callable[[Failed], None],
        *,
        last_chance: bool,
    ) -> None:
        self.changed = asyncio.Event()
        self.watch = Watch(STALL * timing.stall)
        self.heard = sender.position
        """Up to where, in the recording, the service has reported turns."""
        self.request_id: str | None = None
        self._host, self._protocol, self._sender = host, protocol, sender
        self._timing, self._failed, self._last_chance = timing, failed, last_chance

    def check(self) -> None:
        """Settle turns for which no text comes any more; raise Mute where nothing comes. To be called now and then."""
        now = time.monotonic()
        awaits_commit = self._protocol.awaits_commit
        if self._protocol.dialect.fence:
            self.watch.unanswered(now, awaits_commit=awaits_commit)
            return  # it answers for each turn, however long that takes, or ends
        if self._last_chance or not self.watch.silent(now):
            self._abandon(self.watch.stalled(now))
        if self.watch.unanswered(now, awaits_commit=awaits_commit):
            raise self._mute()
        if self._sender.cutter is None and self.watch.to_look(now):
            self.watch.look(now)
            if self._sender.spoke_since(self.heard):
                raise self._mute()

    async def settle(self) -> None:
        """Wait until no turn is open, or nothing has come for so long that nothing will."""
        while not self._protocol.drained:
            self.changed.clear()
            try:
                async with asyncio.timeout(None if self._protocol.dialect.fence else self.watch.limit):
                    await self.changed.wait()
            except TimeoutError:
                if not self._last_chance:
                    raise self._mute() from None
                if self._protocol.awaits_commit:
                    self._abandon([None])
                self._abandon(self._protocol.abandon_all())

    async def until_quiet(self) -> bool:
        """Wait until no turn is open and nothing comes any more; tell whether speech was left unreported."""
        heard, unheard = -1, True
        while True:
            if heard != self.heard:
                heard, unheard = self.heard, self._sender.spoke_since(self.heard)
            self.changed.clear()
            try:
                async with asyncio.timeout((QUIET_UNHEARD if unheard else QUIET) * self._timing.quiet):
                    await self.changed.wait()
            except TimeoutError:
                return unheard
            await self.settle()

    async def step(self, timeout: float, what: str) -> None:
        """Wait for the next message; ServiceConnectionError where the service has not done `what` in time."""
        try:
            async with asyncio.timeout(timeout):
                await self.changed.wait()
        except TimeoutError:
            raise ServiceConnectionError(
                f"{self._host} took the connection and has not {what} within {timeout:g} s; it may be "
                "overloaded, or is no Realtime service",
                request_id=self.request_id,
            ) from None
        self.changed.clear()

    def _mute(self) -> Mute:
        return Mute(
            f"{self._host} has taken speech and said nothing of it for {self.watch.limit:g} s; "
            "a new connection goes on",
            request_id=self.request_id,
        )

    def _abandon(self, items: Iterable[str | None]) -> None:
        for item in list(items):
            self.watch.abandon(item)
            self._protocol.abandon(item)
            self._failed(Failed(item, f"the service wrote no final text within {self.watch.limit:g} s"))
