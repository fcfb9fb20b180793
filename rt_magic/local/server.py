"""The embedded server's socket: who may connect, and one task per connection."""

from __future__ import annotations

import asyncio
import contextlib
import http
import json
import logging
import secrets
import socket
from dataclasses import asdict
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from rt_magic.exceptions import ConfigurationError
from rt_magic.local.connection import Connection, Traffic
from rt_magic.local.workers import Workers
from rt_magic.secrets import redacted_log
from rt_magic.wire.dialects import DIALECTS

_log = logging.getLogger(__name__)

PATHS = frozenset(DIALECTS[name].path for name in ("embedded", "azure"))
HOST = "127.0.0.1"
MAXIMUM_MESSAGE = 21 * 2**20  # 15 MiB of audio in base64, and its envelope
GRACE = 1.0  # seconds that clients have to answer the close frame when the server ends
RECEIVE_BUFFER = (
    64 * 1024
)  # about a second of audio: what is not read yet should wait with the client, who can count it


class LocalServer:
    """Serve the Realtime protocol on loopback to whoever has the token.

    `async with LocalServer(workers, token) as server: server.url` listens from entering to leaving. Raises
    ConfigurationError for a port that cannot be had.
    """

    def __init__(self, workers: Workers, token: str, *, port: int = 0) -> None:
        self._workers = workers
        self._token = token
        self._port = port
        self._traffic: list[Traffic] = []
        self._open: dict[ServerConnection, asyncio.Task[None]] = {}
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where it listens, up to `/v1`."""
        return f"ws://{HOST}:{self._port}/v1"

    async def __aenter__(self) -> LocalServer:
        try:
            listening = socket.create_server((HOST, self._port))
        except OSError as error:
            raise ConfigurationError(
                f"port {self._port} cannot be used ({error.strerror}); give another, or 0 for any that is free"
            ) from error
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)  # inherited by what it accepts
        self._port = listening.getsockname()[1]
        self._server = await serve(
            self._serve,
            sock=listening,
            process_request=self._answer_request,
            compression=None,
            max_size=MAXIMUM_MESSAGE,
            logger=redacted_log("rt_magic.local"),
            ping_interval=None,  # on loopback the end of the other side is always told
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._server is not None
        self._server.close()
        if self._open:
            await asyncio.wait(self._open.values(), timeout=GRACE)
        for websocket, task in self._open.items():  # a client that does not read would never see its close frame
            websocket.transport.abort()
            task.cancel()
        await self._server.wait_closed()

    # ── requests ──

    def _answer_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse what is not for us, answer `/stats`, and let the rest become a WebSocket (None)."""
        if request.headers.get_all("Origin"):
            return _refusal(http.HTTPStatus.FORBIDDEN, "origin_not_allowed", "No page may connect to this server.")
        if not self._is_authorized(request.headers):
            return _refusal(
                http.HTTPStatus.UNAUTHORIZED,
                "invalid_api_key",
                "Wrong or missing token; send it as 'Authorization: Bearer …' or as 'api-key'.",
            )
        path = urlsplit(request.path).path
        if path == "/stats":
            return _json(http.HTTPStatus.OK, self.stats())
        if path not in PATHS:
            return _refusal(
                http.HTTPStatus.NOT_FOUND,
                "not_found",
                f"There is nothing at this path; try {' or '.join(sorted(PATHS))}.",
            )
        return None

    def _is_authorized(self, headers: Headers) -> bool:
        given = [*headers.get_all("api-key")]
        given += [value[7:].strip() for value in headers.get_all("Authorization") if value[:7].lower() == "bearer "]
        return any(secrets.compare_digest(value.encode(), self._token.encode()) for value in given)

    def stats(self) -> dict[str, list[dict[str, object]]]:
        """Return how many bytes of audio each connection has sent, in order of arrival."""
        return {"connections": [asdict(traffic) for traffic in self._traffic]}

    # ── connections ──

    async def _serve(self, websocket: ServerConnection) -> None:
        due = asyncio.Event()
        connection = Connection(self._workers, due.set)
        self._traffic.append(connection.traffic)
        task: asyncio.Task[None] | None = asyncio.current_task()
        assert task is not None
        self._open[websocket] = task
        connection.protocol.greet()
        due.set()
        sender = asyncio.create_task(_send(connection, websocket, due))
        ended = asyncio.create_task(websocket.wait_closed())  # may be long before what had come is read
        ended.add_done_callback(lambda _: connection.hang_up())
        try:
            async for message in websocket:
                await connection.receive(message)
        except ConnectionClosed:
            pass
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
            await connection.close()
            del self._open[websocket]


async def _send(connection: Connection, websocket: ServerConnection, due: asyncio.Event) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await due.wait()
            due.clear()
            for text in connection.protocol.messages_to_send():
                await websocket.send(text)


def _json(status: http.HTTPStatus, body: object) -> Response:
    content = json.dumps(body).encode()
    headers = Headers([("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    headers["Connection"] = "close"
    return Response(status, status.phrase, headers, content)


def _refusal(status: http.HTTPStatus, code: str, message: str) -> Response:
    return _json(status, {"error": {"type": "invalid_request_error", "code": code, "message": message}})
