"""A session that gives way: one of many, so that whoever started them can make all of them wait together."""

from __future__ import annotations

from datetime import UTC, datetime

from rt_magic.exceptions import ServiceConnectionError
from rt_magic.session.diagnosis import explain_handshake
from rt_magic.session.opening import HandshakeRefused
from rt_magic.session.session import RealtimeSession


class Throttled(ServiceConnectionError):
    """The service takes no more for now; `retry_after` is the seconds it asks to wait, None where it does not say."""

    def __init__(self, message: str, *, retry_after: float | None = None, request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.retry_after = retry_after


class YieldingSession(RealtimeSession):
    """Transcribe as any session does, but end with Throttled where the service is too busy for a first connection.

    A connection that is lost later waits by itself: what is transcribed already is worth more than an early pause.
    """

    async def _connect(self) -> None:
        try:
            await super()._connect()
        except HandshakeRefused as answer:
            refused = answer.refused
            retry_after = refused.retry_after(datetime.now(UTC))
            busy = refused.status == 429 or (refused.status == 503 and retry_after is not None)
            if self._connections or not busy:
                raise
            error = explain_handshake(self._asked(), refused)
            raise Throttled(error.message, retry_after=retry_after, request_id=error.request_id) from None
