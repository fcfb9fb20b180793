"""Sessions of which there are many: one for which the service has no connection says so and ends."""

from __future__ import annotations

from datetime import UTC, datetime

from rt_magic.exceptions import RtMagicError, ServiceConnectionError
from rt_magic.pacing import Why
from rt_magic.session.diagnosis import can_retry, explain_handshake
from rt_magic.session.keeper import Keeper
from rt_magic.session.opening import HandshakeRefused, NotReached
from rt_magic.session.session import RealtimeSession


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
