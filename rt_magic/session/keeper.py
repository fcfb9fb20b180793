"""What keeps a connection standing for a session: dialled, tried again where it fails, followed before it expires."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal, TypeAlias

from rt_magic.audio.pace import Pace
from rt_magic.audio.recording import Recording
from rt_magic.exceptions import AuthenticationError, RtMagicError, ServiceConnectionError
from rt_magic.session import prefetch
from rt_magic.session.carrying import Carriers
from rt_magic.session.connection import Connection
from rt_magic.session.diagnosis import Asked, can_retry, explain_handshake
from rt_magic.session.ladder import Ladder
from rt_magic.session.opening import HandshakeRefused, NotReached
from rt_magic.session.relay import Relay
from rt_magic.session.report import signed_in
from rt_magic.session.retry import Attempts
from rt_magic.session.services import Address, Service
from rt_magic.session.timing import Timing
from rt_magic.transcript.segments import CutRefused, Opened, TurnCut
from rt_magic.transcript.turns import Folded
from rt_magic.wire.dialects import Wanted
from rt_magic.wire.events import ServerEvent

Phase: TypeAlias = Literal["connecting", "reconnecting"]

TRYING_AGAIN = "trying again"
"""How the sentence begins that says when the next connection is tried, and why."""


class Keeper:
    """Carry a recording to a service, over as many connections as it takes, until everything is settled.

    `receive(connection, event)` gets what the connections say, `lost(number)` that one is gone whose open turns come
    again by another, `moved(phase, status)` what is waited for; `folded()` returns what has become text so far.
    """

    def __init__(
        self,
        service: Service,
        wanted: Wanted,
        recording: Recording,
        timing: Timing,
        pace: Pace | None,
        *,
        receive: Callable[[Connection, ServerEvent | Opened | TurnCut | CutRefused], None],
        lost: Callable[[int], None],
        folded: Callable[[], Folded],
        moved: Callable[[Phase, str], None],
    ) -> None:
        self.ladder = Ladder(service, wanted)
        self.wanted = self.ladder.wanted
        self.carriers = Carriers()
        self.address: Address | None = None
        """Where the newest connection goes."""
        self.connections = 0
        """Number of the newest connection whose settings the service accepted."""
        self.reached = False
        """Whether the service took the last connection that ended, whatever it said then."""
        self.finishing = False
        """Whether what is recorded is all there will be."""
        self._service, self._recording, self._timing, self._pace = service, recording, timing, pace
        self._receive, self._lost, self._folded, self._moved = receive, lost, folded, moved
        self._attempts = Attempts(timing.retry)
        self._close_at = 0
        """Sample of the recording behind which a turn was to be closed last."""

    # ── what the session asks ──

    async def run(self) -> None:
        """Return once everything is settled; raise an RtMagicError that is final."""
        try:
            while True:
                asked, quota = None, False
                try:
                    return await self._connect()
                except HandshakeRefused as answer:
                    refused = answer.refused
                    if self.address is not None and self.ladder.climb(refused, self.address):
                        continue
                    error = explain_handshake(self.asked(), refused)
                    asked, quota = refused.retry_after(datetime.now(UTC)), refused.status == 429
                    final = not can_retry(error, refused.status)
                except NotReached as nobody:
                    error, final = nobody.error, self.connections == 0 and not nobody.passing
                except ServiceConnectionError as lost:
                    error, final = lost, self.connections == 0 and self.carriers.current is None
                await self._wait(error, final=final, asked=asked, quota=quota)
        except Exception:
            self._lose()
            raise

    def wake(self) -> None:
        """Say that the recording has grown."""
        if self.carriers.current is not None:
            self.carriers.current.wake()

    def flush(self) -> None:
        """Have the turn that is open closed behind what is recorded so far, by whichever connection gets there."""
        self._close_at = self._recording.samples
        if self.carriers.current is not None:
            self.carriers.current.flush(self._close_at)

    def finish(self) -> None:
        """Have everything settled: nothing more is recorded."""
        self.finishing = True
        if self.carriers.current is not None:
            self.carriers.current.finish()

    def restart(self) -> None:
        """Make ready to run again, with what was recorded after the end, or never became text."""
        sent = self.carriers.current.position if self.carriers.current is not None else 0
        self._lose()
        self.carriers.settled.add(0, sent)
        self.ladder = Ladder(self._service, self.wanted)
        self.finishing = False
        self._attempts.restart()

    def accept(self, connection: Connection) -> None:
        """Note that the service took a connection: the next one asks for what it accepted."""
        self.connections = connection.number
        self.wanted = connection.protocol.wanted
        self.ladder.hold(connection.protocol.lacking)

    def asked(self) -> Asked:
        """Return who is asked, for what and how, as a message has to name it."""
        return self.ladder.asked(self.address)

    # ── inner ──

    async def _wait(self, error: RtMagicError, *, final: bool, asked: float | None, quota: bool) -> None:
        """Wait until the next attempt is due; raise the error where there is to be none."""
        if self.carriers.of_use(time.monotonic()):
            self._attempts.progress()
        wait = self._attempts.fail(error, final=final, asked=asked, quota=quota)
        self._lose()
        self._moved("reconnecting" if self.connections else "connecting", f"{TRYING_AGAIN} in {wait:.0f} s: {error}")
        await asyncio.sleep(wait)

    async def _connect(self) -> None:
        connection, address = await self._dial()
        self.carriers.current = connection
        self._tell(connection)
        relay = Relay(partial(self._dial, held=True), self._pass, self._retire)
        try:
            await relay.run(connection, address)
        finally:
            self.reached = connection.reached

    async def _dial(self, *, held: bool = False) -> tuple[Connection, Address]:
        try:
            self.address = address = await prefetch.address(self._service, self.ladder.rung)
        except AuthenticationError as error:
            if not self.connections:
                raise
            # Who was let in before will be so again: what gives tokens has troubles of its own at times.
            raise NotReached(error, passing=True) from None
        if address.signed_in and not self.connections:
            self._moved("connecting", f"connecting, {signed_in(address)}")
        connection = Connection(
            self.connections + 1,
            self.asked(),
            self._service.speaks,
            replace(self.wanted, kind=self.ladder.rung.kind),
            self._recording,
            self.carriers.settled.position,
            self._receive,
            settled=self.carriers.settled,
            timing=self._timing,
            held=held,
            last_chance=self._attempts.last_chance,
            pace=self._pace,
        )
        return connection, address

    def _tell(self, connection: Connection) -> None:
        """Ask of a connection that takes sound what was asked before."""
        connection.flush(self._close_at)
        if self.finishing:
            connection.finish()

    def _pass(self, connection: Connection) -> None:
        """Go on with the connection that has taken over."""
        self.carriers.pass_to(connection)
        self._tell(connection)

    def _retire(self, connection: Connection) -> None:
        self.carriers.retire(connection, self._folded())

    def _lose(self) -> None:
        """Forget the connections; the next one sends again what of the recording has not become text on them."""
        for number in self.carriers.lose(self._folded()):
            self._lost(number)
