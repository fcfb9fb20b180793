"""OpenAI, played by a scripted peer: a key that is refused after the handshake, addresses, proxies and certificates."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import ServerConnection, serve

import rt_magic as rt
from rt_magic.session import embedded
from rt_magic.session.timing import Timing
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.wire.events import ErrorEvent
from tests import resource
from tests.resource import PHRASE, fresh, say  # noqa: F401  # `fresh` is for every test here

SILENCE = bytes(48_000)


def openai(peer: ScriptedPeer, model: str | None = None) -> rt.OpenAI:
    """Return settings for OpenAI's API as the peer plays it."""
    return rt.OpenAI(base_url=f"http://{peer.address}/v1", model=model, api_key="sk-secret-key")


async def test_a_session_opens_with_the_key_as_bearer_and_no_model_in_the_address() -> None:
    """The transcription session's address, one header, and none of the beta's."""
    async with ScriptedPeer(resource.serving("gpt-4o-transcribe", "bonjour")) as peer:
        transcript = await say(openai(peer, "gpt-4o-transcribe"), language="fr-FR")
        (request,) = peer.requests
        update = peer.connections[0].received[0]
    assert request.path == "/v1/realtime?intent=transcription"
    assert request.headers["Authorization"] == "Bearer sk-secret-key"
    assert "OpenAI-Beta" not in request.headers and "Sec-WebSocket-Protocol" not in request.headers
    assert update.session["audio"]["input"]["transcription"]["language"] == "fr"  # type: ignore[union-attr]
    assert transcript.text == "bonjour" and transcript.meta["service"] == "openai"


async def test_a_wrong_key_is_refused_after_the_handshake() -> None:
    """The upgrade succeeds, the first frame is an error, the close is 3000: that is final, at the first attempt."""

    async def script(connection: PeerConnection) -> None:
        error = ErrorEvent("Incorrect API key provided: sk-secret-key.", "invalid_api_key", "invalid_request_error")
        await connection.send(error)
        await connection.close(3000, "invalid_request_error.invalid_api_key")

    async with ScriptedPeer(script) as peer:
        with pytest.raises(rt.AuthenticationError, match=r"Incorrect API key.*check the key") as caught:
            await say(openai(peer))
        assert len(peer.requests) == 1
    assert "sk-secret-key" not in str(caught.value)


async def test_a_close_alone_says_as_much() -> None:
    """Where only the close tells of the wrong key, its reason is understood."""

    async def script(connection: PeerConnection) -> None:
        await connection.close(3000, "invalid_request_error.invalid_api_key")

    async with ScriptedPeer(script) as peer:
        with pytest.raises(rt.AuthenticationError, match=r"3000.*check the key"):
            await say(openai(peer))
        assert len(peer.requests) == 1


@pytest.mark.parametrize(
    ("code", "close", "words"),
    [
        ("beta_api_shape_disabled", 4000, "report it"),
        ("model_not_found", 4004, "--model"),
        ("insufficient_quota", 4000, "credit"),
    ],
)
async def test_a_first_frame_that_is_a_final_error_ends_the_session(code: str, close: int, words: str) -> None:
    """What no attempt mends is said at once, in words of what to do."""

    async def script(connection: PeerConnection) -> None:
        await connection.send(ErrorEvent("the service's words", code, "invalid_request_error"))
        await connection.close(close, f"invalid_request_error.{code}")

    async with ScriptedPeer(script) as peer:
        with pytest.raises(rt.ServiceError, match=f"the service's words.*{words}") as caught:
            await say(openai(peer))
        assert len(peer.requests) == 1
    assert caught.value.code == code


async def test_a_first_frame_that_is_a_passing_error_is_tried_again() -> None:
    """A rate limit that is told in the first frame is waited out."""

    async def busy(connection: PeerConnection) -> None:
        await connection.send(ErrorEvent("slow down", "rate_limit_exceeded", "rate_limit_error"))
        await connection.close(1013)

    async with ScriptedPeer(busy, resource.serving("whisper-1", "bonjour")) as peer:
        assert (await say(openai(peer, "whisper-1"), timing=Timing(retry=0.05))).text == "bonjour"


@pytest.mark.parametrize(("status", "attempts"), [(401, 1), (403, 1), (429, 2), (503, 2)])
async def test_a_gateway_that_was_refused_itself_is_told_from_one_that_is_busy(status: int, attempts: int) -> None:
    """A gateway hides the status of its own handshake in an error's words: a busy service is tried again."""

    async def refused(connection: PeerConnection) -> None:
        message = f"Upstream realtime handshake rejected with HTTP {status}"
        await connection.send(ErrorEvent(message, None, "server_error"))
        await connection.close(1008 if status < 429 else 1013, message)

    async with ScriptedPeer(refused, *[resource.serving("whisper-1", "bonjour")] * (attempts - 1)) as peer:
        if attempts == 2:
            assert (await say(openai(peer, "whisper-1"), timing=Timing(retry=0.05))).text == "bonjour"
        else:
            with pytest.raises(rt.AuthenticationError, match="gateway in between was refused"):
                await say(openai(peer, "whisper-1"))
        assert len(peer.requests) == attempts


async def test_a_model_in_the_address_is_explained() -> None:
    """An address of one's own that names a model gets the service's complaint and what to write instead."""

    async def script(connection: PeerConnection) -> None:
        await connection.send(ErrorEvent("You must not provide a model parameter for transcription sessions."))
        await connection.close(4000, "invalid_request_error.invalid_model")

    async with ScriptedPeer(script) as peer:
        with pytest.raises(rt.ServiceError, match=r"\?intent=transcription"):
            await say(rt.Compatible(f"{peer.url}/v1/realtime?model=whisper-1&intent=transcription"))


def test_a_missing_key_is_told_before_anything_is_opened() -> None:
    """OpenAI by name and no key: the variable is named, and no session is made."""
    with pytest.raises(rt.ConfigurationError, match="OPENAI_API_KEY"):
        rt.RealtimeSession(rt.OpenAI())


async def test_the_page_of_a_hotspot_is_no_service() -> None:
    """A network that wants a sign-in first answers with a page; the message says so."""
    async with ScriptedPeer(Refusal(200, "<html>Welcome to the hotel</html>")) as peer:
        with pytest.raises(rt.ServiceConnectionError, match=r"Welcome to the hotel.*sign in first"):
            await say(openai(peer))


async def test_a_port_where_nobody_listens_is_told_at_once() -> None:
    """A wrong address is not tried again and again."""
    async with ScriptedPeer() as peer:
        address = peer.address
    with pytest.raises(rt.ServiceConnectionError, match="nothing listens there"):
        await say(rt.OpenAI(base_url=f"http://{address}", api_key="k"), SILENCE)


# ── proxies and certificates ──


@asynccontextmanager
async def proxy(status: int = 200) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve an HTTP proxy on loopback that opens tunnels, or refuses with a status; note what it is asked for."""
    asked: list[str] = []

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head)
        if status != 200:
            writer.write(f"HTTP/1.1 {status} no\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            writer.close()
            return
        host, port = head.split()[1].rsplit(":", 1)
        back, forth = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

        async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
            target.close()

        await asyncio.gather(pipe(reader, forth), pipe(back, writer), return_exceptions=True)

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's own proxy settings do not count."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SOCKS_PROXY", "WS_PROXY", "WSS_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.usefixtures("no_proxies")
async def test_a_proxy_of_the_environment_is_used_and_gets_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the network has a proxy, the connection goes through it; it sees the host and no more."""
    async with proxy() as (address, asked), ScriptedPeer(resource.serving("whisper-1", "bonjour")) as peer:
        monkeypatch.setenv("https_proxy", address)
        monkeypatch.setenv("http_proxy", address)
        assert (await say(openai(peer, "whisper-1"))).text == "bonjour"
        assert asked[0].startswith(f"CONNECT {peer.address} ") and "sk-secret" not in asked[0]


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("status", [403, 407])
async def test_a_proxy_that_refuses_is_named_as_the_culprit(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """The service was never reached: the message speaks of the proxy."""
    async with proxy(status) as (address, _), ScriptedPeer() as peer:
        monkeypatch.setenv("https_proxy", address.replace("//", "//me:word@"))
        monkeypatch.setenv("http_proxy", address.replace("//", "//me:word@"))
        with pytest.raises(rt.ServiceConnectionError, match=rf"proxy in HTTPS_PROXY.*{status}") as caught:
            await say(openai(peer))
        assert peer.requests == [] and "word" not in str(caught.value)


@pytest.mark.usefixtures("no_proxies")
async def test_the_embedded_engine_is_reached_past_every_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays on this machine is shown to no proxy, and a company's proxy does not keep the engine from working."""
    async with proxy(403) as (address, asked):
        monkeypatch.setenv("https_proxy", address)
        monkeypatch.setenv("http_proxy", address)
        try:
            async with rt.RealtimeSession(rt.Local(engine="pocketsphinx"), language="en") as session:
                await session.send(bytes(48_000))
                await session.finish()
        finally:
            embedded.close()
        assert asked == [] and session.counts["sent"] >= 24_000


@pytest.fixture
def certificate(tmp_path: Path) -> Iterator[tuple[Path, ssl.SSLContext]]:
    """A certificate for loopback that nobody vouches for, as a company's inspecting proxy shows one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "inspection")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    public = tmp_path / "ca.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = tmp_path / "key.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    yield public, context


@pytest.mark.usefixtures("no_proxies")
async def test_a_certificate_that_is_not_trusted_is_explained_and_can_be(
    certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the network looks into its traffic, the message names the variable, and setting it helps."""
    public, context = certificate
    protocols: list[str | None] = []

    async def greet(socket: ServerConnection) -> None:
        protocols.append(socket.transport.get_extra_info("ssl_object").selected_alpn_protocol())
        await socket.close(3000, "invalid_request_error.invalid_api_key")

    async with serve(greet, "127.0.0.1", 0, ssl=context) as server:
        service = rt.OpenAI(base_url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", api_key="k")
        with pytest.raises(rt.ServiceConnectionError, match="SSL_CERT_FILE"):
            await say(service, SILENCE)
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        with pytest.raises(rt.AuthenticationError, match="3000"):
            await say(service, SILENCE)
    assert protocols in (["http/1.1"], [None])  # never HTTP/2, over which services refuse the upgrade
