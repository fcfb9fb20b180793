"""Sessions of which there are many: where the service is too busy for one, or away, all of them wait together."""

from __future__ import annotations

from datetime import UTC, datetime

from rt_magic.exceptions import RtMagicError, ServiceConnectionError
from rt_magic.session.diagnosis import explain_handshake
from rt_magic.session.keeper import Keeper
from rt_magic.session.opening import HandshakeRefused
from rt_magic.session.session import RealtimeSession


class Throttled(RtMagicError):
    """The service takes no more for now, or is `away`: it could not be reached at all.

    `retry_after` is the seconds it asks to wait, None where it does not say. Not one of the errors after which a
    session tries again by itself.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, away: bool = False, request_id: str | None = None
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.retry_after, self.away = retry_after, away


class _YieldingKeeper(Keeper):
    async def run(self) -> None:
        try:
            await super().run()
        except ServiceConnectionError as error:
            if self.connections:
                raise
            raise Throttled(error.message, away=True, request_id=error.request_id) from None

    async def _connect(self) -> None:
        try:
            await super()._connect()
        except HandshakeRefused as answer:
            refused = answer.refused
            retry_after = refused.retry_after(datetime.now(UTC))
            busy = refused.status == 429 or (refused.status == 503 and retry_after is not None)
            if self.connections or not busy:
                raise
            error = explain_handshake(self.asked(), refused)
            raise Throttled(error.message, retry_after=retry_after, request_id=error.request_id) from None


class YieldingSession(RealtimeSession):
    """Transcribe as any session does, but end with Throttled where the service has no first connection for it.

    A connection that is lost later waits by itself: what is transcribed already is worth more than an early pause.
    """

    _keeping = _YieldingKeeper


MAXIMUM_PAUSES = 10
"""Pauses in a row after which nothing better is expected."""

MAXIMUM_WAIT = 3600.0
"""Seconds that a service may ask all to wait."""


class Throttle:
    """How many may be under way: half as many after each refusal, one more after each success. No I/O, no clock."""

    def __init__(self, most: int) -> None:
        self.most = self.allowed = most
        self.until = 0.0
        self._pauses = 0
        self._asked = 0.0

    def room(self, running: int, now: float) -> bool:
        """Tell whether another one may begin."""
        return now >= self.until and running < self.allowed

    def refuse(self, retry_after: float | None, now: float) -> None:
        """Begin a pause for all; refusals during a pause are of the same burst and at most make it longer."""
        if now >= self.until:
            self._pauses += 1
            self.allowed = max(1, self.allowed // 2)
        self._asked = min(60.0, 2.0 ** (self._pauses - 1)) if retry_after is None else max(0.1, retry_after)
        self.until = max(self.until, now + self._asked)

    def succeed(self) -> None:
        """Let one more begin."""
        self._pauses = 0
        self.allowed = min(self.most, self.allowed + 1)

    @property
    def hopeless(self) -> bool:
        """Whether so many pauses brought nothing, or so long a one is asked for, that it is better to say so."""
        return self._pauses > MAXIMUM_PAUSES or self._asked > MAXIMUM_WAIT
