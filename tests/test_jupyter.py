"""The connection class for Jupyter's server, on a real WebSocket."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.httpserver import HTTPServer
from tornado.web import Application
from tornado.websocket import WebSocketHandler
from websockets.asyncio.client import connect

from rt_magic.jupyter import PromptConnection


def test_messages_leave_without_waiting_for_an_acknowledgement(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's socket has TCP_NODELAY set before Jupyter's own connecting begins."""
    seen: list[int] = []

    def begin(connection: Any) -> None:
        stream = connection.websocket_handler.ws_connection.stream
        seen.append(stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def connection(kind: type[ZMQChannelsWebsocketConnection], handler: WebSocketHandler) -> Any:
        made: Any = kind()
        made.websocket_handler = handler
        return made

    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", begin)
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "websocket_handler", None)  # would take Jupyter's own alone

    class Handler(WebSocketHandler):
        def open(self, *_: str, **__: str) -> None:
            connection(ZMQChannelsWebsocketConnection, self).connect()
            connection(PromptConnection, self).connect()

    async def visit() -> None:
        server = HTTPServer(Application([("/", Handler)]))
        server.listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/"):
            pass
        server.stop()

    asyncio.run(visit())
    assert [bool(value) for value in seen] == [False, True]
