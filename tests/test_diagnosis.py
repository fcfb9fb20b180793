"""What a service answered, as one message: what happened, the likeliest cause, what to do, the request id."""

from __future__ import annotations

import json
import re
import socket
import ssl
from dataclasses import replace

import pytest

import rt_magic as rt
from rt_magic.session.complaints import (
    CLOSES,
    FATAL_CLOSES,
    FATAL_CODES,
    explain_close,
    explain_error,
    explain_failures,
)
from rt_magic.session.diagnosis import Asked, Refused, can_retry, explain_handshake, explain_network, explain_proxy
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.wire.events import ErrorEvent, Failed
from tests.resource import azure, fresh, say  # noqa: F401  # `fresh` is for every test here
from tests.test_ladder import WRONG_MODEL

AZURE = Asked("contoso.openai.azure.com", azure=True, model="ear", credential="AZURE_OPENAI_API_KEY")
SIGNED_IN = replace(AZURE, credential="AzureCliCredential", signed_in=True)
VOICE = replace(AZURE, voice_model="ear", voice=True)
OPENAI = Asked("api.openai.com", model="whisper-1")
IDS = {"apim-request-id": "r-1"}


def body(code: str, message: str) -> str:
    """Return an error body as the services write it."""
    return json.dumps({"error": {"code": code, "message": message}})


SELECT = body("OperationNotSupported", "use deployment=<deployment-id> or intent=transcription in the query string")


@pytest.mark.parametrize(
    ("asked", "refused", "kind", "words"),
    [
        (AZURE, Refusal(200, "<html>Please sign in to the Wi-Fi</html>"), rt.ServiceConnectionError, "sign in first"),
        (AZURE, Refusal(302, "", {"Location": "https://contoso.openai.azure.com/v1/realtime?deployment=x"}),
         rt.ServiceConnectionError, "preview route.*host alone"),
        (AZURE, Refusal(307, "", {"Location": "https://elsewhere.example/x?api-key=k"}), rt.ServiceConnectionError,
         "elsewhere.example/x, which is not followed"),
        (AZURE, Refusal(400, WRONG_MODEL), rt.ServiceConnectionError, "set AZURE_OPENAI_REALTIME_DEPLOYMENT"),
        (AZURE, Refusal(400, WRONG_MODEL.replace("Opp", "Op")), rt.ServiceConnectionError, "AZURE_OPENAI_REALTIME_DEP"),
        (VOICE, Refusal(400, WRONG_MODEL), rt.ServiceConnectionError, "'ear' is no voice model.*TRANSCRIBE_DEPLOYMENT"),
        (AZURE, Refusal(400, SELECT), rt.ServiceConnectionError, r"\?intent=transcription"),
        (AZURE, Refusal(400, body("InvalidSessionType", "no")), rt.ServiceConnectionError, "check the deployment"),
        (AZURE, Refusal(401, body("401", "Access denied")), rt.AuthenticationError,
         "AZURE_OPENAI_API_KEY.*KEY 1.*switched off.*az login"),
        (SIGNED_IN, Refusal(401), rt.AuthenticationError,
         "AzureCliCredential.*Cognitive Services OpenAI User.*ten minutes.*regional.*scope="),
        (OPENAI, Refusal(401), rt.AuthenticationError, "the key is not valid"),
        (AZURE, Refusal(402), rt.ServiceConnectionError, "credit"),
        (AZURE, Refusal(403), rt.AuthenticationError, "private endpoint.*Networking.*suspended"),
        (SIGNED_IN, Refusal(403, body("PermissionDenied", "The principal lacks the required data action x")),
         rt.AuthenticationError, "token of AzureCliCredential is good.*no role.*Cognitive Services OpenAI User"),
        (OPENAI, Refusal(403), rt.AuthenticationError, "address may be wrong"),
        (AZURE, Refusal(404, body("DeploymentNotFound", "The API deployment for this resource does not exist.")),
         rt.ServiceConnectionError, "one of two: .*'ear'.*own name.*takes minutes.*deployment list.*REALTIME_DEPLOY"),
        (AZURE, Refusal(404, body("404", "Resource not found")), rt.ServiceConnectionError,
         "one of three: the host.*'ear'.*takes minutes.*deployment list.*REALTIME_DEPLOY"),
        (VOICE, Refusal(404), rt.ServiceConnectionError, "voice deployment 'ear'.*region"),
        (OPENAI, Refusal(404), rt.ServiceConnectionError, "nothing at this address, or no such model"),
        (AZURE, Refusal(405), rt.ServiceConnectionError, "HTTP/1.1"),
        (AZURE, Refusal(407), rt.AuthenticationError, "HTTPS_PROXY="),
        (AZURE, Refusal(408), rt.ServiceConnectionError, "waited too long"),
        (AZURE, Refusal(426), rt.ServiceConnectionError, "WebSockets"),
        (AZURE, Refusal(429, body("429", "Requests exceeded")), rt.ServiceConnectionError, "quota.*Quotas"),
        (AZURE, Refusal(431), rt.ServiceConnectionError, "more than ten"),
        (AZURE, Refusal(418), rt.ServiceConnectionError, "check the address"),
        (AZURE, Refusal(500), rt.ServiceConnectionError, "in trouble"),
        (AZURE, Refusal(503, "busy"), rt.ServiceConnectionError, "in trouble"),
    ],
)  # fmt: skip
def test_each_refused_handshake_is_explained(
    asked: Asked, refused: Refusal, kind: type[rt.RtMagicError], words: str
) -> None:
    """Status and the service's words are repeated, then a cause and a remedy; the request id can be quoted."""
    error = explain_handshake(asked, Refused(refused.status, refused.body, {**refused.headers, **IDS}))
    assert type(error) is kind
    assert error.message.startswith(f"{asked.host} answered {refused.status}")
    assert re.search(words, error.message), error.message
    assert error.request_id == "r-1" and str(error).endswith("(request id r-1)")
    if refused.body.startswith("{"):
        assert json.loads(refused.body)["error"]["message"] in error.message
    assert "api-key=k" not in error.message


@pytest.mark.parametrize(
    ("header", "name"), [("apim-request-id", "a"), ("X-Request-Id", "b"), ("x-ms-request-id", "c"), ("other", None)]
)
def test_request_ids_of_all_gateways_are_known(header: str, name: str | None) -> None:
    """Azure's gateway, OpenAI and older services each have a header of their own for it."""
    assert Refused(500, "", {header: name or "x"}).request_id == name


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 407, 426, 431, 302, 200])
def test_what_is_final_cannot_be_retried(status: int) -> None:
    """A wrong key, address or request stays wrong."""
    assert not can_retry(explain_handshake(AZURE, Refused(status)), status)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_can_be_retried(status: int) -> None:
    """A busy or broken service may be well again a moment later."""
    assert can_retry(explain_handshake(AZURE, Refused(status)), status)


# ── before the handshake ──


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no host of that name"),
        (ConnectionRefusedError(111, "Connect call failed"), "nothing listens there"),
        (TimeoutError("timed out during opening handshake"), "firewall.*HTTPS_PROXY"),
        (ssl.SSLCertVerificationError(1, "self-signed certificate in certificate chain"), "SSL_CERT_FILE"),
        (ssl.SSLError(1, "wrong version number"), "no encrypted connection"),
        (OSError("unreachable"), "NO_PROXY"),
    ],
)
def test_each_way_not_to_be_reached_is_explained(error: Exception, words: str) -> None:
    """Name, port, certificate, firewall: the message says which it was and what to set."""
    explained = explain_network(error, "contoso.openai.azure.com")
    assert isinstance(explained, rt.ServiceConnectionError)
    assert "contoso.openai.azure.com" in explained.message and re.search(words, explained.message)


def test_an_unencrypted_server_here_is_told_how_it_is_written() -> None:
    """Only where encryption was tried on this machine, where a server rarely has it."""
    error = ConnectionResetError(104, "Connection reset by peer")
    hint = "without encryption is written http://"
    for host in ("127.0.0.1:8000", "[::1]:8000", "localhost"):
        assert hint in explain_network(error, host, encrypted=True).message
        assert hint not in explain_network(error, host).message
    assert hint not in explain_network(error, "contoso.openai.azure.com", encrypted=True).message


def test_a_proxy_that_refuses_is_explained_without_its_password() -> None:
    """The proxy is named as the culprit, and what it is called with stays unsaid."""
    text = explain_proxy(OSError("http://me:word@proxy isn't a valid proxy"), "contoso").message
    assert "HTTPS_PROXY" in text and "NO_PROXY" in text and "word" not in text


# ── closes ──


@pytest.mark.parametrize(
    ("code", "reason", "kind", "words"),
    [
        (1000, "", rt.ServiceConnectionError, "ended the session"),
        (1001, "Your session hit the maximum duration of 60 minutes.", rt.ServiceConnectionError, "greatest length"),
        (1005, "", rt.ServiceConnectionError, "without a reason"),
        (1006, "", rt.ServiceConnectionError, "network"),
        (1007, "", rt.ServiceConnectionError, "readable"),
        (1008, "policy", rt.AuthenticationError, "rules"),
        (1009, "", rt.ServiceConnectionError, "too large"),
        (1011, "keepalive ping timeout", rt.ServiceConnectionError, "nothing was heard"),
        (1012, "", rt.ServiceConnectionError, "restarts"),
        (1013, "", rt.ServiceConnectionError, "overloaded"),
        (3000, "invalid_request_error.invalid_api_key", rt.AuthenticationError, "check the key"),
        (4000, "invalid_request_error.beta_api_shape_disabled", rt.ServiceError, "report it"),
        (4000, "invalid_request_error.missing_model", rt.ServiceError, "--model"),
        (4000, "", rt.ServiceError, "not tried again"),
        (4004, "", rt.ServiceError, "model"),
        (4999, "", rt.ServiceError, "will not mend"),
        (1234, "", rt.ServiceConnectionError, "lost"),
    ],
)
def test_each_close_is_explained(code: int, reason: str, kind: type[rt.RtMagicError], words: str) -> None:
    """Code and reason are repeated with what they mean, and a wrong key or model is told from a lost network."""
    error = explain_close(code, reason, "host", "r-2")
    assert type(error) is kind and error.request_id == "r-2"
    assert str(code) in error.message and reason in error.message and re.search(words, error.message)


def test_no_close_has_two_meanings() -> None:
    """A code is either final or not."""
    assert not set(CLOSES) & set(FATAL_CLOSES)


# ── events ──


@pytest.mark.parametrize(
    ("code", "message", "param", "kind", "words"),
    [
        ("unknown_parameter", "Unknown parameter: 'session.type'.", "session.type", rt.ServiceError, "preview.*host"),
        ("unknown_parameter", "Unknown parameter: 'session.x'.", "session.x", rt.ServiceError, "old version"),
        ("invalid_value", "Invalid value: 'x'.", "session.y", rt.ServiceError, "change that setting"),
        ("invalid_type", "Invalid type", "session.y", rt.ServiceError, "change that setting"),
        ("missing_required_parameter", "Missing required parameter: 'session.type'.", None, rt.ServiceError, "report"),
        ("invalid_parameter", "Passing a transcription session update event to a realtime session is not allowed.",
         None, rt.ServiceError, "another kind"),
        ("invalid_json", "could not parse", None, rt.ServiceError, "report"),
        ("invalid_event", "Expected a text message", None, rt.ServiceError, "report"),
        ("session_expired", "Your session hit the maximum duration.", None, rt.ServiceConnectionError, "goes on"),
        ("invalid_api_key", "Incorrect API key provided: sk-secret-value", None, rt.AuthenticationError, "check the k"),
        ("missing_model", "no model", None, rt.ServiceError, "--model"),
        ("invalid_model", "bad model", None, rt.ServiceError, "--model"),
        ("model_not_found", "no such model", None, rt.ServiceError, "--model"),
        ("beta_api_shape_disabled", "beta is gone", None, rt.ServiceError, "report"),
        ("insufficient_quota", "exceeded", None, rt.ServiceError, "credit"),
        ("credit_balance_exhausted", "exceeded", None, rt.ServiceError, "credit"),
        ("rate_limit_exceeded", "slow down", None, rt.ServiceConnectionError, "quota"),
        ("DeploymentNotFound", "The API deployment does not exist", None, rt.ServiceError,
         "no deployment 'ear' on contoso.openai.azure.com.*deployment list.*--model"),
        (None, "You must not provide a model parameter for transcription sessions.", None, rt.ServiceError, "intent="),
        (None, "", None, rt.ServiceError, "without a message"),
    ],
)  # fmt: skip
def test_each_error_code_is_explained(
    code: str | None, message: str, param: str | None, kind: type[rt.RtMagicError], words: str
) -> None:
    """The service's words, then what to do; whether another attempt can help shows in the kind of error."""
    error = explain_error(code, message, param=param, asked=AZURE, request="r-3")
    assert type(error) is kind and error.request_id == "r-3"
    assert re.search(words, error.message), error.message
    assert "sk-secret" not in error.message
    assert can_retry(error) is (kind is rt.ServiceConnectionError)


def test_a_fatal_code_is_never_one_that_passes() -> None:
    """What ends a session for good is not tried again."""
    assert not [code for code in FATAL_CODES if can_retry(explain_error(code, "", asked=AZURE))]


def test_failures_without_a_reason_ask_for_the_deployment() -> None:
    """Azure says nothing where a deployment is missing: the message asks whether it is there, by its name."""
    text = explain_failures(3, "", AZURE, "r-4")
    assert "named 'ear'" in text.message and "deployment list" in text.message and text.request_id == "r-4"
    assert "a model 'whisper-1'" in explain_failures(3, "boom", OPENAI).message


# ── through a session: the three failures that people report ──


async def test_a_transcription_model_in_the_address_is_explained() -> None:
    """The first: a model that only transcribes as `?model=`, and no other way in."""
    async with ScriptedPeer(Refusal(400, WRONG_MODEL, IDS)) as peer:
        with pytest.raises(rt.ServiceConnectionError, match="AZURE_OPENAI_REALTIME_DEPLOYMENT") as alone:
            await say(azure(peer, "ear"))
    async with ScriptedPeer(Refusal(400, WRONG_MODEL, IDS), Refusal(400, WRONG_MODEL, IDS)) as peer:
        with pytest.raises(rt.ServiceConnectionError, match="'ear' is no voice model") as second:
            await say(azure(peer, "ear", realtime_model="ear"))
        assert [request.path.partition("?")[2] for request in peer.requests] == ["intent=transcription", "model=ear"]
    assert alone.value.request_id == second.value.request_id == "r-1"


async def test_an_update_of_the_wrong_kind_is_mended_or_explained() -> None:
    """The second: a transcription update on a realtime session; where no kind is right, the words are repeated."""

    async def script(connection: PeerConnection) -> None:
        await connection.greet()
        for _ in range(3):
            message = await connection._socket.recv()
            kind = json.loads(message)["session"]["type"]
            other = "realtime" if kind == "transcription" else "transcription"
            await connection.send(
                ErrorEvent(
                    f"Passing a {kind} session update event to a {other} session is not allowed.",
                    "invalid_parameter", "invalid_request_error", None, json.loads(message)["event_id"],
                )
            )  # fmt: skip
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        with pytest.raises(rt.ServiceError, match="of another kind than the settings"):
            await say(azure(peer, "whisper-1"))


async def test_the_preview_route_is_explained() -> None:
    """The third: a redirect to a path that does not exist, which is neither followed nor tried twice."""
    location = "/v1/realtime?intent=transcription"
    async with ScriptedPeer(Refusal(302, "", {"Location": f"https://contoso.openai.azure.com{location}"})) as peer:
        with pytest.raises(rt.ServiceConnectionError, match="preview route"):
            await say(azure(peer))
        assert len(peer.requests) == 1


# ── through a session: late ──


async def test_a_deployment_that_is_missed_late_is_named() -> None:
    """The settings were accepted, the first turn fails: the deployment is named, and the session ends."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        item = connection.next_item
        await connection.send(connection.protocol.commit(item))
        await connection.send(
            Failed(item, "The API deployment for this resource does not exist.", "DeploymentNotFound")
        )
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        with pytest.raises(rt.ServiceError, match=f"no deployment 'ear' on {peer.address}") as caught:
            await say(azure(peer, "ear"))
    assert caught.value.code == "DeploymentNotFound"


@pytest.mark.parametrize("code", [None, "server_error"])
async def test_three_turns_that_fail_without_a_reason_end_the_session(code: str | None) -> None:
    """A deployment that is not there can show as three empty failures in a row, and as nothing else."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        for index in range(3):
            item = f"item_{index}"
            await connection.send(connection.protocol.commit(item), Failed(item, "", code, "server_error"))
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        with pytest.raises(rt.ServiceError, match=r"3 turns in a row.*deployment named 'ear'"):
            await say(azure(peer, "ear"))


async def test_failures_after_words_do_not_end_the_session() -> None:
    """Once words have come the deployment is there: failed turns are marked, and a note says that all is not well."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        await connection.turn("first")
        for _ in range(4):
            await connection.turn("", error="no luck")
        await connection.turn("last")
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript = await say(azure(peer, "ear"), bytes(48_000))
    assert transcript.text == "first last"
    assert [segment.error for segment in transcript] == [None, *["no luck"] * 4, None]
    assert [note for note in transcript.meta["notes"] if "another model" in note]
