"""The capture page's server: who is let in, what it gives, and its end. The page itself is in tests/browser."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from rt_magic.portal import portal
from rt_magic.widgets.microphone import Microphone


@pytest.fixture
def microphone() -> Iterator[Microphone]:
    """A microphone of its own."""
    made = Microphone()
    yield made
    made.close()


@contextmanager
def enter(address: str, token: object, *, origin: str | None = None) -> Iterator[ClientConnection]:
    """Connect as the page does and show a token."""
    here = f"127.0.0.1:{urlsplit(address).port}"
    with connect(
        f"ws://{here}/socket", origin=Origin(f"http://{here}" if origin is None else origin), proxy=None
    ) as one:
        one.send(json.dumps({"type": "token", "token": token}))
        yield one


def get(address: str, path: str, host: str | None = None) -> tuple[int, dict[str, str], str]:
    """Fetch a file of the page."""
    port = urlsplit(address).port or 0
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", host or f"localhost:{port}")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()


def test_two_that_ask_at_once_get_one_server(microphone: Microphone) -> None:
    """Each has an address of its own, on the same port."""

    async def both() -> list[str]:
        return list(await asyncio.gather(*(microphone._capture.address() for _ in range(2))))

    first, second = map(urlsplit, portal().run(both()).result(10))
    assert first.port == second.port and first.fragment != second.fragment


def test_sound_comes_from_who_has_the_token(microphone: Microphone) -> None:
    """The token opens the way once; start, sound and stop pass, answers and traits come back, then it all ends."""
    heard: list[bytes] = []
    microphone.on_audio(lambda pcm, position: heard.append(pcm))
    address = microphone.capture_page()
    assert address.startswith("http://localhost:")
    with enter(address, urlsplit(address).fragment) as socket:
        first = json.loads(socket.recv(5))
        assert (first["type"], first["traits"]["state"]) == ("traits", "ready")
        socket.send(json.dumps({"type": "start", "page": "p", "epoch": "e"}))
        head = {"type": "audio", "page": "p", "epoch": "e", "seq": 0, "first": 0, "captured_at": 1.0, "rate": 24000}
        text = json.dumps(head).encode()
        socket.send(struct.pack("<I", len(text)) + text + b"\1\0" * 2400)
        socket.send(json.dumps({"type": "stop", "page": "p", "epoch": "e", "last": 0}))
        kinds, states = set(), []
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                message = json.loads(socket.recv(10))
                kinds.add(message["type"])
                states += [message["traits"]["state"]] if "state" in message.get("traits", {}) else []
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1000, "the session has ended")
    assert kinds == {"traits", "accepted", "ack", "clock"}
    assert states[-1] == "stopped"
    assert b"".join(heard) == b"\1\0" * 2400
    assert microphone.source == "capture page"
    with pytest.raises(OSError):
        get(address, "/")


def test_who_has_the_token_may_record_and_nothing_else(microphone: Microphone) -> None:
    """Neither a download nor another address is to be had with it, and names of pages do not pile up."""
    asked: list[bool] = []
    microphone.on_fetch = asked.append
    address = microphone.capture_page()
    with enter(address, urlsplit(address).fragment) as socket:
        socket.recv(5)
        socket.send(json.dumps({"type": "fetch", "page": "p", "cancel": False}))
        socket.send(json.dumps({"type": "capture-page", "page": "p"}))
        for number in range(50):
            socket.send(json.dumps({"type": "hello", "page": f"p{number}"}))
        socket.send(json.dumps({"type": "start", "page": "p", "epoch": "e"}))
        kinds = []
        while "accepted" not in kinds:
            kinds.append(json.loads(socket.recv(5))["type"])
        server = microphone._capture._server
        assert server is not None and server.pages == {"p"}
    assert asked == [] and "capture-page" not in kinds


def test_no_token_and_no_cookie_is_logged(microphone: Microphone, caplog: pytest.LogCaptureFixture) -> None:
    """With debugging on, what the library writes down of the handshake and the messages holds no secret."""
    with caplog.at_level(logging.DEBUG):
        address = microphone.capture_page()
        token = urlsplit(address).fragment
        here = f"127.0.0.1:{urlsplit(address).port}"
        headers = {"Cookie": "_xsrf=s3cret-cookie"}
        own = logging.getLogger("tests.browser")
        with connect(
            f"ws://{here}/socket", origin=Origin(f"http://{here}"), proxy=None, additional_headers=headers, logger=own
        ) as socket:
            socket.send(json.dumps({"type": "token", "token": token}))
            socket.recv(5)
    logged = [record for record in caplog.records if record.name != own.name]
    assert any("/socket" in record.getMessage() for record in logged)
    assert not any(secret in record.getMessage() for record in logged for secret in ("s3cret-cookie", token))


@pytest.mark.parametrize("token", ["wrong", "", None, 7, "used"])
def test_another_token_opens_nothing(microphone: Microphone, token: object) -> None:
    """A wrong, missing or used token is told so and nothing else; the right one still works after a wrong one."""
    address = microphone.capture_page()
    good = urlsplit(address).fragment
    if token == "used":
        with enter(address, good) as socket:
            socket.recv(5)
        token = good
    with enter(address, token) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert "get a new one in the notebook" in closed.value.rcvd.reason
    fresh = microphone.capture_page()
    with enter(fresh, urlsplit(fresh).fragment) as socket:
        assert json.loads(socket.recv(5))["type"] == "traits"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://localhost:1", "https://127.0.0.1"])
def test_another_page_may_not_connect(microphone: Microphone, origin: str) -> None:
    """A WebSocket with an origin that is not the page's own, or none, is refused even with the token."""
    address = microphone.capture_page()
    with pytest.raises(InvalidStatus) as refused, enter(address, urlsplit(address).fragment, origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_another_host_name_is_refused(microphone: Microphone) -> None:
    """A name that somebody made lead to this machine gets neither page nor socket."""
    address = microphone.capture_page()
    for host in ("evil.example", f"evil.example:{urlsplit(address).port}", "localhost.evil.example"):
        assert get(address, "/", host)[0] == 403


def test_the_page_is_guarded_and_holds_no_token(microphone: Microphone) -> None:
    """Two files and nothing else; no frame, no cache, no referrer; the token stands in neither."""
    address = microphone.capture_page()
    token = urlsplit(address).fragment
    for path in ("/", "/capture_page.js"):
        status, headers, body = get(address, path)
        assert status == 200
        assert token not in body
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert get(address, "/socket")[0] == 403
    assert get(address, "/../microphone.js")[0] == 404
    assert token not in str(microphone.get_state())


def test_it_ends_with_the_widget() -> None:
    """A microphone that is closed serves nobody."""
    microphone = Microphone()
    address = microphone.capture_page()
    microphone.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            get(address, "/")
        except OSError:
            return
    raise AssertionError("it still answers")
