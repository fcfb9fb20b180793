"""Keys, tokens and who gives them: the real azure-identity where it lets itself be asked on this machine."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import ServiceRequestError, ServiceResponseError

import rt_magic as rt
from rt_magic.session import credentials, prefetch
from rt_magic.session.credentials import prove
from rt_magic.session.resolution import resolve_service
from rt_magic.session.services import AzureOpenAI
from rt_magic.session.session import RealtimeSession
from rt_magic.session.timing import Timing
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.wire.addresses import SCOPES, Rung
from tests import resource
from tests.resource import PHRASE, azure, fresh, say  # noqa: F401  # `fresh` is for every test here


@pytest.fixture(autouse=True)
def nobody_signed_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """azure-identity asks nobody on this machine or network but whom a test sets up."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    yield
    credentials.forget_default_credential()
    prefetch.forget()


async def headers(environ: dict[str, str] | None = None, **given: Any) -> tuple[dict[str, str], str]:
    """Return the headers and the name that settings lead to."""
    settings: dict[str, Any] = {"api_key": None, "credential": None, **given}
    proof = await prove(
        key_variable="AZURE_OPENAI_API_KEY", token_variable="AZURE_OPENAI_AD_TOKEN", scope=SCOPES[0],
        environ=environ or {}, **settings,
    )  # fmt: skip
    return dict(proof.headers), proof.name


class Synchronous:
    """A credential as azure-identity's are: it blocks, and hands out numbered tokens."""

    def __init__(self, delay: float = 0.0) -> None:
        self.scopes: list[str] = []
        self.threads: set[int] = set()
        self._delay = delay

    def get_token(self, *scopes: str) -> AccessToken:
        """Return the next token."""
        self.scopes += scopes
        self.threads.add(threading.get_ident())
        time.sleep(self._delay)
        return AccessToken(f"token-{len(self.scopes)}", int(time.time()) + 3600)


class Asynchronous:
    """A credential as those of azure.identity.aio."""

    async def get_token(self, *scopes: str) -> AccessToken:
        """Return a token for the scope."""
        await asyncio.sleep(0)
        return AccessToken(f"async-{scopes[0][8:10]}", 0)


def token_function() -> str:
    """Return a token, as `get_bearer_token_provider` makes functions do."""
    return "from-function"


async def coroutine_function() -> AccessToken:
    """Return a token object from a coroutine function."""
    return AccessToken("from-coroutine", 0)


@pytest.mark.parametrize(
    ("given", "environ", "expected", "name"),
    [
        ({"api_key": " k1\n"}, {"AZURE_OPENAI_API_KEY": "k2"}, {"api-key": "k1"}, "key"),
        ({"credential": AzureKeyCredential("k3")}, {}, {"api-key": "k3"}, "AzureKeyCredential"),
        ({"credential": Asynchronous()}, {"AZURE_OPENAI_API_KEY": "k2"}, {"Authorization": "Bearer async-ai"},
         "Asynchronous"),
        ({"credential": Synchronous()}, {}, {"Authorization": "Bearer token-1"}, "Synchronous"),
        ({"credential": token_function}, {}, {"Authorization": "Bearer from-function"}, "token_function"),
        ({"credential": coroutine_function}, {}, {"Authorization": "Bearer from-coroutine"}, "coroutine_function"),
        ({"credential": lambda: "t"}, {}, {"Authorization": "Bearer t"}, "the token function"),
        ({}, {"AZURE_OPENAI_API_KEY": "k2", "AZURE_OPENAI_AD_TOKEN": "t2"}, {"api-key": "k2"}, "AZURE_OPENAI_API_KEY"),
        ({}, {"AZURE_OPENAI_AD_TOKEN": "Bearer t2"}, {"Authorization": "Bearer t2"}, "AZURE_OPENAI_AD_TOKEN"),
    ],
)  # fmt: skip
async def test_what_opens_a_connection(
    given: dict[str, Any], environ: dict[str, str], expected: dict[str, str], name: str
) -> None:
    """What is given comes before the environment, a key before a token, and each is known by its name."""
    assert await headers(environ, **given) == (expected, name)


async def test_azure_identitys_own_token_function_is_named() -> None:
    """The function that `get_bearer_token_provider` returns works and is called by that name."""
    from azure.identity import get_bearer_token_provider

    provider = get_bearer_token_provider(Synchronous(), SCOPES[0])  # type: ignore[arg-type]  # by shape, not by type
    assert await headers(credential=provider) == ({"Authorization": "Bearer token-1"}, "get_bearer_token_provider")


async def test_a_function_without_a_name_is_called_what_it_is() -> None:
    """A lambda is called by no name of the function around it, and a variable that is not there is said to be so."""
    with pytest.raises(rt.AuthenticationError, match="the token function gave no token: there is no 'NO_SUCH"):
        await headers(credential=lambda: os.environ["NO_SUCH_TOKEN"])


@pytest.mark.parametrize("secret", ["", "  ", "ключ-secret", "abc\u00a0secret", "abc\nsecret"])
async def test_a_key_that_no_header_can_carry_is_refused_unseen(secret: str) -> None:
    """A key with a character that came along in copying is an error that does not show it."""
    with pytest.raises(rt.AuthenticationError, match="copy") as caught:
        await headers(credential=AzureKeyCredential(secret) if secret else SimpleNamespace(key=""))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [ValueError("no such tenant\nand a second line"), FileNotFoundError("token"), KeyError("x"), RuntimeError()],
)
async def test_a_credential_that_fails_is_named_with_what_it_said(fault: Exception) -> None:
    """Whatever a credential raises becomes one sentence that names it."""

    class Broken:
        def get_token(self, *scopes: str) -> AccessToken:
            raise fault

    with pytest.raises(rt.AuthenticationError, match="Broken gave no token") as caught:
        await headers(credential=Broken())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [TimeoutError("slow"), ConnectionError("no way"), ServiceRequestError("no DNS"), ServiceResponseError("eh")],
)
async def test_a_network_that_is_away_is_no_refusal(fault: Exception) -> None:
    """That nobody could be asked for a token is told from a token that was refused: it may come in a moment."""

    def away() -> str:
        raise fault

    with pytest.raises(rt.ServiceConnectionError, match="gave no token, as nobody was reached"):
        await headers(credential=away)


async def test_a_token_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential that asks somebody who does not answer is no network that is away."""
    monkeypatch.setattr(credentials, "PATIENCE", 0.05)
    with pytest.raises(rt.AuthenticationError, match="within"):
        await headers(credential=Synchronous(delay=0.5))


@pytest.mark.parametrize("fault", [OSError("no network"), ValueError("AADSTS90033: a transient error has occurred")])
async def test_a_session_outlives_a_token_that_does_not_come(fault: Exception) -> None:
    """Who was let in before is asked for a token again and again, as for any connection that fails."""
    calls = 0

    def token() -> str:
        nonlocal calls
        calls += 1
        if calls in (2, 3):
            raise fault
        return "t"

    async def first(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=0.5)
        connection.abort()

    async with ScriptedPeer(first, resource.serving("whisper-1", "bonjour")) as peer:
        service = resource.azure(peer, "whisper-1", api_key=None, credential=token)
        async with RealtimeSession(service, timing=Timing(retry=0.01)) as session:
            await session.send(resource.PHRASE)
            assert (await session.finish()).text == "bonjour"
    assert calls == 4


async def test_a_token_that_does_not_come_at_first_ends_the_session_at_once() -> None:
    """Whoever was never let in hears of it, and a session that is refused to the end says so as a refusal."""

    def token() -> str:
        raise ValueError("no such tenant")

    service = AzureOpenAI("http://127.0.0.1:9", model="m", credential=token)
    async with RealtimeSession(service) as session:
        with pytest.raises(rt.AuthenticationError, match="no such tenant"):
            await session.finish()


@pytest.mark.parametrize("wrong", ["sk-key", 5, object()])
def test_what_is_no_credential_is_refused_when_it_is_given(wrong: object) -> None:
    """A key in the place of a credential is told where it belongs."""
    with pytest.raises(rt.ConfigurationError, match="api_key="):
        AzureOpenAI("https://a.openai.azure.com", credential=wrong)  # type: ignore[arg-type]


def test_a_key_and_a_credential_contradict_each_other() -> None:
    """Two ways in at once are refused, since nobody would know which one is used."""
    with pytest.raises(rt.ConfigurationError, match="leave one out"):
        AzureOpenAI("https://a.openai.azure.com", api_key="k", credential=token_function)


# ── azure-identity's own choice ──


async def test_without_a_key_the_message_names_the_three_ways_in() -> None:
    """Nobody is signed in: a key, `az login` and a credential are named, and who was asked."""
    with pytest.raises(rt.AuthenticationError) as caught:
        await headers()
    text = str(caught.value)
    assert "AZURE_OPENAI_API_KEY" in text and "`az login`" in text and "credential=" in text
    assert "Tried: EnvironmentCredential" in text and "\n" not in text
    assert "nobody reads" not in text


async def test_a_key_under_a_near_name_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is almost the one that is read is named, without what it holds."""
    monkeypatch.setenv("AZURE_OPENAI_KEY", "sk-no-one-may-see-this")
    with pytest.raises(rt.AuthenticationError, match="AZURE_OPENAI_KEY is set, but nobody reads that") as caught:
        await headers()
    assert "sk-no" not in str(caught.value)


async def test_setting_azure_identity_up_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop, on which live sound arrives, goes on while azure-identity is imported and made; it is made once."""
    made: list[int] = []

    class Slow(Synchronous):
        def __init__(self, **options: object) -> None:
            super().__init__()
            made.append(threading.get_ident())
            time.sleep(0.2)

        def close(self) -> None:
            """Nothing to close."""

    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Slow)
    await asyncio.gather(headers(), headers())
    assert len(made) == 1 and made[0] != threading.get_ident()


async def test_nobody_who_was_asked_in_vain_is_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure azure-identity is set up anew, so that signing in meanwhile helps."""
    with pytest.raises(rt.AuthenticationError):
        await headers()
    assert credentials._default_credential == []


class TokenEndpoint:
    """What App Service gives its programs: a local address that hands out tokens for a managed identity."""

    def __init__(self) -> None:
        self.audiences: list[str] = []
        endpoint = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                endpoint.audiences += parse_qs(urlsplit(self.path).query)["resource"]
                token = {"access_token": f"managed-{len(endpoint.audiences)}", "token_type": "Bearer"}
                body = json.dumps({**token, "expires_on": str(int(time.time()) + 3600), "resource": "r"}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def managed_identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenEndpoint]:
    """A machine that has a managed identity, as far as azure-identity can tell."""
    endpoint = TokenEndpoint()
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{endpoint.server.server_port}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    yield endpoint
    credentials.forget_default_credential()
    endpoint.close()


async def test_a_session_without_a_key_is_signed_in_by_who_answers(managed_identity: TokenEndpoint) -> None:
    """`DefaultAzureCredential` finds the machine's identity; status and transcript name it, not the chain."""
    states: list[str] = []
    async with ScriptedPeer(resource.serving("gpt-realtime-whisper", "bonjour à tous")) as peer:
        service = AzureOpenAI(f"http://{peer.address}")
        async with RealtimeSession(service, on_state=lambda state, status: states.append(status)) as session:
            await session.send(PHRASE)
            transcript = await session.finish()
        sent = peer.connections[0].headers
    assert sent["Authorization"] == "Bearer managed-1" and "api-key" not in {name.lower() for name in sent}
    assert managed_identity.audiences == ["https://ai.azure.com"]
    assert transcript.meta["credential"] == "ManagedIdentityCredential"
    assert "connecting, signed in by ManagedIdentityCredential" in states


async def test_a_refused_token_is_asked_for_once_more_for_the_older_audience(managed_identity: TokenEndpoint) -> None:
    """401 means perhaps the wrong audience: the older one is tried once, remembered, and after it nothing."""
    async with ScriptedPeer(Refusal(401), resource.serving("whisper-1", "bonjour"), Refusal(401)) as peer:
        service = AzureOpenAI(f"http://{peer.address}", model="whisper-1")
        assert (await say(service)).text == "bonjour"
        with pytest.raises(rt.AuthenticationError, match="ManagedIdentityCredential was refused"):
            await say(service, bytes(4800))
        authorized = [request.headers["Authorization"] for request in peer.requests]
    assert managed_identity.audiences == ["https://ai.azure.com", "https://cognitiveservices.azure.com"]
    assert authorized == ["Bearer managed-1", "Bearer managed-2", "Bearer managed-2"]


@pytest.mark.parametrize(
    ("settings", "scopes"),
    [
        ({}, SCOPES),
        ({"scope": "https://mine/.default"}, ("https://mine/.default",)),
        ({"endpoint": "https://a.openai.azure.us"}, ("https://cognitiveservices.azure.us/.default",)),
        ({"endpoint": "https://a.openai.azure.us", "scope": "https://b/.default"}, ("https://b/.default",)),
        ({"endpoint": "https://a.openai.azure.cn"}, SCOPES),
    ],
)
def test_audiences_follow_the_cloud_unless_pinned(settings: dict[str, str], scopes: tuple[str, ...]) -> None:
    """A sovereign cloud has its own audience where one is known, and a setting wins over it."""
    assert AzureOpenAI(**{"endpoint": "https://a.openai.azure.com", **settings}).scopes == scopes  # type: ignore[arg-type]


async def test_a_pinned_audience_is_the_only_one_asked_for() -> None:
    """Where the user names the audience, a refusal is final."""
    credential = Synchronous()
    async with ScriptedPeer(Refusal(401)) as peer:
        with pytest.raises(rt.AuthenticationError, match="401"):
            await say(azure(peer, api_key=None, credential=credential, scope="https://mine/.default"))
    assert credential.scopes == ["https://mine/.default"]


def test_the_sign_in_of_a_sovereign_cloud_is_asked_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a host in a sovereign cloud its own authority issues the token, unless a setting says otherwise."""
    monkeypatch.setenv("AZURE_TENANT_ID", "t")
    monkeypatch.setenv("AZURE_CLIENT_ID", "c")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "s")

    def authority(of: str | None) -> str:
        return str(credentials.default_credential(of).credentials[0]._credential._authority)

    assert "login.microsoftonline.us" in authority("login.microsoftonline.us")
    assert "login.microsoftonline.com" in authority(None)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "login.example.org")
    assert "login.example.org" in authority("login.microsoftonline.us")


# ── each connection its own token ──


async def test_each_connection_gets_a_fresh_token_off_the_loop() -> None:
    """A reconnect asks the credential again, in another thread, while the loop goes on."""
    credential, ticks = Synchronous(delay=0.1), 0

    async def drop(connection: PeerConnection) -> None:
        await connection.accept()
        connection.abort()

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    async with ScriptedPeer(drop, resource.serving("whisper-1", "bonjour")) as peer:
        await say(azure(peer, "whisper-1", api_key=None, credential=credential))
        authorized = [connection.headers["Authorization"] for connection in peer.connections]
    ticking.cancel()
    assert authorized == ["Bearer token-1", "Bearer token-2"]
    assert threading.get_ident() not in credential.threads
    assert ticks >= 10


async def test_what_was_fetched_ahead_serves_one_connection() -> None:
    """The token that the cell fetched opens the first connection; the second fetches its own."""
    credential = Synchronous()
    service = AzureOpenAI("https://a.openai.azure.com", credential=credential)
    assert await prefetch.warm(service) == "Synchronous"
    first = await prefetch.address(service, Rung())
    second = await prefetch.address(service, Rung())
    assert (first.headers, second.headers) == (
        {"Authorization": "Bearer token-1"}, {"Authorization": "Bearer token-2"},
    )  # fmt: skip


async def test_what_was_fetched_ahead_gets_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that was fetched long before Start, or for another audience, is not used."""
    service = AzureOpenAI("https://a.openai.azure.com", credential=Synchronous())
    monkeypatch.setattr(prefetch, "FRESH", 0.0)
    await prefetch.warm(service)
    assert (await prefetch.address(service, Rung())).headers == {"Authorization": "Bearer token-2"}
    monkeypatch.setattr(prefetch, "FRESH", 300.0)
    await prefetch.warm(service)
    other = await prefetch.address(service, Rung(scope=SCOPES[1]))
    assert other.headers == {"Authorization": "Bearer token-4"}


async def test_a_start_that_comes_before_the_token_waits_for_it() -> None:
    """A click while the token is still being fetched does not fetch another one."""
    credential = Synchronous(delay=0.1)
    service = AzureOpenAI("https://a.openai.azure.com", credential=credential)
    warming = asyncio.create_task(prefetch.warm(service))
    await asyncio.sleep(0.01)
    assert (await prefetch.address(service, Rung())).headers == {"Authorization": "Bearer token-1"}
    await warming
    assert len(credential.scopes) == 1


async def test_a_token_that_cannot_be_had_is_heard_of_when_the_cell_runs() -> None:
    """Fetching ahead raises what the session would, and the session then tries again by itself."""
    service = AzureOpenAI("https://a.openai.azure.com")
    with pytest.raises(rt.AuthenticationError, match="Three ways in"):
        await prefetch.warm(service)
    with pytest.raises(rt.AuthenticationError, match="Three ways in"):
        await prefetch.address(service, Rung())


# ── by name ──


def test_a_service_is_found_by_the_name_of_its_variable() -> None:
    """`--service team` takes the variable of that name, credential and all."""
    team = AzureOpenAI("https://team.openai.azure.com", credential=token_function)
    assert resolve_service("team", namespace={"team": team}).service is team


def test_a_service_in_use_is_the_default_of_this_process() -> None:
    """`rt.use` chooses for all that follows, until it is taken back."""
    from rt_magic.session.defaults import default_service

    team = AzureOpenAI("https://team.openai.azure.com", credential=token_function)
    rt.use(team)
    try:
        resolved = resolve_service(default=default_service(), environ={})
        assert resolved.service is team and "rt.use" in resolved.reason
    finally:
        rt.use(None)
    assert default_service() is None
