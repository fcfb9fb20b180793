"""A page of our own on this machine, for where the notebook's page may not use a microphone.

It runs the same modules as the widget and talks to the kernel's own thread over a WebSocket, so no comm, no front end
and no busy cell is in its way. Whoever knows the token may record into this session and do nothing else; it stands in
the address's fragment, which no browser sends to anybody, and is taken once.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from rt_magic.secrets import redacted_log
from rt_magic.widgets.messages import RECORDING

_log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
OURS = frozenset({"127.0.0.1", "localhost"})
"""Names of this machine under which the page may be opened; another one would be somebody else's page."""
WITHIN = 10.0
"""Seconds a page has to show its token."""
KEPT = 8
"""Links that may be open at once; the oldest goes first."""
REFUSED = 4401
"""Close code for a token that is wrong, missing or used."""

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Microphone of a notebook</title>
<style>
  :root { color-scheme: light dark; background: Canvas; color: CanvasText; }
  body { max-width: 52rem; margin: 3rem auto; padding: 0 1.5rem; font: 16px/1.5 system-ui, sans-serif; }
  h1 { font-size: 1.3rem; }
</style>
<h1>Microphone of a notebook</h1>
<div id="microphone"></div>
<p id="state" role="status">connecting with the kernel</p>
<script type="module" src="capture_page.js"></script>
"""

GUARD = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' blob:; style-src 'unsafe-inline'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class CaptureServer:
    """Serve the page and pass its messages on; everything but the constructor runs on one loop."""

    def __init__(
        self,
        receive: Callable[[object, Sequence[bytes | memoryview]], object],
        traits: Callable[[], Mapping[str, object]],
    ) -> None:
        self._pages: dict[ServerConnection, str] = {}
        self._receive, self._traits = receive, traits
        self._tokens: list[str] = []
        self._out: dict[ServerConnection, asyncio.Queue[str]] = {}
        self._server: Server | None = None
        self.port = 0

    @property
    def pages(self) -> set[str]:
        """Ids of the pages that are here, one for each connection."""
        return set(self._pages.values())

    async def open(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._answer,
            compression=None,
            max_size=1 << 20,
            logger=redacted_log("rt_magic.capture_page"),
            ping_interval=None,  # on loopback the end of the other side is always told
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    def address(self) -> str:
        """Return an address that can be opened once."""
        token = secrets.token_urlsafe(32)
        self._tokens = [*self._tokens, token][-KEPT:]
        return f"http://localhost:{self.port}/#{token}"

    def tell(self, message: Mapping[str, object]) -> None:
        """Send a message to every page that has come."""
        text = json.dumps(message)
        for queue in self._out.values():
            queue.put_nowait(text)

    async def close(self) -> None:
        """Close every page's connection and listen no more; no token is worth anything from now on."""
        self._tokens.clear()
        with contextlib.suppress(TimeoutError):  # the last state is what the page goes on to show
            async with asyncio.timeout(1):
                for queue in list(self._out.values()):
                    await queue.join()
        if self._server is not None:
            self._server.close(code=1000, reason="the session has ended")
            await self._server.wait_closed()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse strangers, give the two files, and let the rest become a WebSocket (None)."""
        hosts, origins = request.headers.get_all("Host"), request.headers.get_all("Origin")
        if len(hosts) != 1 or urlsplit(f"//{hosts[0]}").hostname not in OURS:
            return _response(http.HTTPStatus.FORBIDDEN, "text/plain", "This page is for this machine only.")
        if origins and origins != [f"http://{hosts[0]}"]:
            return _response(http.HTTPStatus.FORBIDDEN, "text/plain", "No other page may connect to this one.")
        path = urlsplit(request.path).path
        if path == "/socket":
            if not origins:
                return _response(http.HTTPStatus.FORBIDDEN, "text/plain", "Only the page itself may connect.")
            return None
        if path == "/":
            return _response(http.HTTPStatus.OK, "text/html", PAGE)
        if path == "/capture_page.js":
            script = (STATIC / "capture_page.js").read_text(encoding="utf-8")
            return _response(http.HTTPStatus.OK, "text/javascript", script)
        return _response(http.HTTPStatus.NOT_FOUND, "text/plain", "There is nothing here.")

    async def _serve(self, socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            if not await self._admitted(socket):
                await socket.close(REFUSED, "this link was used already, or is not one: get a new one in the notebook")
                return
            queue = self._out[socket] = asyncio.Queue()
            queue.put_nowait(json.dumps({"type": "traits", "traits": dict(self._traits())}))
            sending = asyncio.ensure_future(_send(socket, queue))
            try:
                async for message in socket:
                    self._take(socket, message)
            finally:
                sending.cancel()
                del self._out[socket]
                self._pages.pop(socket, None)

    async def _admitted(self, socket: ServerConnection) -> bool:
        try:
            async with asyncio.timeout(WITHIN):
                first = json.loads(await socket.recv())
        except (TimeoutError, ValueError):
            return False
        given = first.get("token") if isinstance(first, dict) else None
        if not isinstance(given, str):
            return False
        known = [token for token in self._tokens if secrets.compare_digest(token.encode(), given.encode())]
        self._tokens = [token for token in self._tokens if token not in known]
        return bool(known)

    def _take(self, socket: ServerConnection, message: str | bytes) -> None:
        try:
            if isinstance(message, str):
                content, buffers = json.loads(message), []
            else:  # the length of the head, the head, then the samples
                size = int.from_bytes(message[:4], "little")
                content, buffers = json.loads(message[4 : 4 + size]), [message[4 + size :]]
        except ValueError:
            _log.warning("the capture page sent what is no message: reload it")
            return
        if not isinstance(content, dict) or content.get("type") not in RECORDING:
            return  # what the widget asks for elsewhere, the notebook's own page may have alone
        if isinstance(content.get("page"), str):
            self._pages[socket] = content["page"]
        self._receive(content, buffers)


async def _send(socket: ServerConnection, queue: asyncio.Queue[str]) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.send(await queue.get())
            queue.task_done()


def _response(status: http.HTTPStatus, kind: str, body: str) -> Response:
    content = body.encode()
    head: dict[str, Any] = {**GUARD, "Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(content))}
    return Response(status, status.phrase, Headers([*head.items(), ("Connection", "close")]), content)
