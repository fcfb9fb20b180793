"""Sessions of which there are many: where the service is too busy for one, or away, all of them wait together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, TypeAlias

from rt_magic.exceptions import RtMagicError, ServiceConnectionError
from rt_magic.session.diagnosis import can_retry, explain_handshake
from rt_magic.session.keeper import Keeper
from rt_magic.session.opening import HandshakeRefused, NotReached
from rt_magic.session.session import RealtimeSession

Why: TypeAlias = Literal["busy", "away", "refused"]


class NoConnection(RtMagicError):
    """The service gave a session no first connection, which says nothing of what was to be transcribed.

    `why` is "busy" where it has too much to do, "away" where it could not be reached or is in trouble, and "refused"
    where trying again would not help. `error` is what to tell people, `retry_after` the seconds that the service asks
    to wait, None where it does not say. Not one of the errors after which a session tries again by itself.
    """

    def __init__(self, error: RtMagicError, why: Why, retry_after: float | None = None) -> None:
        super().__init__(error.message, request_id=error.request_id)
        self.error, self.why, self.retry_after = error, why, retry_after


class _YieldingKeeper(Keeper):
    _refused = False
    """Whether the last handshake was answered by no, for good."""

    async def run(self) -> None:
        try:
            await super().run()
        except RtMagicError as error:
            if self._refused and not self.connections:
                raise NoConnection(error, "refused") from None
            raise

    async def _connect(self) -> None:
        self._refused = False
        try:
            await super()._connect()
        except NotReached as nobody:
            if self.connections:
                raise
            raise NoConnection(nobody.error, "away") from None
        except HandshakeRefused as answer:
            if self.connections:
                raise
            refused = answer.refused
            error = explain_handshake(self.asked(), refused)
            if not can_retry(error, refused.status):
                self._refused = True  # unless there is another way in
                raise
            retry_after = refused.retry_after(datetime.now(UTC))
            busy = refused.status == 429 or retry_after is not None
            raise NoConnection(error, "busy" if busy else "away", retry_after) from None
        except ServiceConnectionError as error:
            if self.connections or self.carriers.current is not None:
                raise
            raise NoConnection(error, "away") from None


class YieldingSession(RealtimeSession):
    """Transcribe as any session does, but end with NoConnection where the service has no first connection for it.

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
