"""Open a WebSocket to a service: no redirect followed, no secret logged, each failure explained."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, ProxyError, WebSocketException

from rt_magic.exceptions import RtMagicError
from rt_magic.secrets import guard, redacted_log
from rt_magic.session.diagnosis import Asked, Refused, explain_network, explain_proxy
from rt_magic.session.services import Address

MAXIMUM_MESSAGE = 16 * 2**20
"""Bytes of the largest message taken: whole sessions and log-probabilities outgrow the library's 1 MiB."""

TIMEOUT = 15.0
"""Seconds for name resolution, TLS and the handshake together."""

PING_INTERVAL, PING_TIMEOUT = 10.0, 20.0
"""Seconds between questions whether the other side is still there, and how long its answer may take.

An answer stands behind the audio that the other side has not read: two windows of it at the most, which even one that
works at half the speed of speech reads in time.
"""

CLOSE_TIMEOUT = 2.0
"""Seconds that the other side has to end a connection that either side has closed."""


class HandshakeRefused(Exception):
    """The service answered the handshake with something other than a connection."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(f"handshake answered with {refused.status}")
        self.refused = refused


class NotReached(Exception):
    """No answer to the handshake came; `passing` where another attempt may be luckier."""

    def __init__(self, error: RtMagicError, passing: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.passing = passing


class _Connect(connect):
    """A connect that follows no redirect: the library would take a custom key header along to another host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@contextlib.asynccontextmanager
async def opened(address: Address, asked: Asked, *, keepalive: float = 1.0) -> AsyncIterator[ClientConnection]:
    """Connect, and close at the end; `keepalive` stretches the time after which a silent other side counts as gone.

    Raises HandshakeRefused or NotReached, without a trace of the headers.
    """
    guard(address.headers)
    try:
        socket = await _Connect(
            address.url,
            additional_headers=dict(address.headers),
            max_size=MAXIMUM_MESSAGE,
            compression=None,
            proxy=True if address.proxied else None,
            open_timeout=TIMEOUT * keepalive,
            ping_interval=PING_INTERVAL * keepalive,
            ping_timeout=PING_TIMEOUT * keepalive,
            close_timeout=CLOSE_TIMEOUT * keepalive,
            logger=redacted_log("rt_magic.wire"),
        )
    except InvalidStatus as refused:
        response = refused.response
        body = bytes(response.body or b"").decode(errors="replace")
        raise HandshakeRefused(Refused(response.status_code, body, dict(response.headers.raw_items()))) from None
    except (ProxyError, ImportError) as error:  # some kinds of proxies need a library that may be missing
        raise NotReached(explain_proxy(error, asked.host), passing=False) from None
    except (OSError, WebSocketException) as error:
        passing = isinstance(error, TimeoutError | InvalidHandshake)
        raise NotReached(
            explain_network(error, asked.host, encrypted=address.url.startswith("wss:")), passing
        ) from None
    try:
        yield socket
    finally:
        await socket.close()
