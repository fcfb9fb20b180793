"""From what a service answered to one message: what happened, the likeliest cause, what to do.

Statuses, codes and their causes are those that Azure OpenAI's troubleshooting pages and public issue threads name.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from rt_magic.exceptions import AuthenticationError, RtMagicError, ServiceConnectionError, ServiceError
from rt_magic.secrets import redact
from rt_magic.session.addresses import is_loopback
from rt_magic.wire.addresses import is_realtime

WRONG_MODEL = re.compile(r"op+erationnotsupported", re.IGNORECASE)
"""Azure's word for a model in the wrong place; both spellings occur."""

_NO_SELECTOR = re.compile(r"deployment=|intent=", re.IGNORECASE)
DEPLOYMENTS = "`az cognitiveservices account deployment list -g GROUP -n RESOURCE -o table` lists those there are"
_SWITCH = "set AZURE_OPENAI_REALTIME_DEPLOYMENT to a deployment of a voice model (gpt-realtime)"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked, for what and how: what a message has to name."""

    host: str
    azure: bool = False
    service: str = ""
    """The service's name, as `--service` takes it."""
    model: str | None = None
    voice_model: str | None = None
    voice: bool = False
    """True where the voice deployment was asked for, in whose session transcription is switched on."""
    credential: str = "key"
    signed_in: bool = False
    """True where a token was sent, not a key."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A handshake that was not answered with 101."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def header(self, *names: str) -> str | None:
        """Return the first of these headers that is there."""
        given = {name.lower(): value for name, value in self.headers.items()}
        return next((given[name] for name in names if given.get(name)), None)

    @property
    def request_id(self) -> str | None:
        """The service's own name for the request."""
        return request_id(self.headers)

    def retry_after(self, now: datetime) -> float | None:
        """Return the seconds that the service asks to wait, from milliseconds, seconds or a date."""
        for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
            value = self.header(name) or ""
            with contextlib.suppress(ValueError):
                return max(0.0, float(value) / unit)
            with contextlib.suppress(ValueError, TypeError):
                return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
        return None


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the service's own name for a request, from the headers of its answer."""
    given = {name.lower(): value for name, value in headers.items()}
    return next((given[name] for name in ("apim-request-id", "x-request-id", "x-ms-request-id") if name in given), None)


def clock_ahead(headers: Mapping[str, str]) -> float:
    """Return the seconds by which a service's clock is ahead of ours, by its answer's date; 0 without one."""
    given = {name.lower(): value for name, value in headers.items()}
    try:
        ahead = parsedate_to_datetime(given.get("date", "")).timestamp() - time.time()
    except (ValueError, TypeError):
        return 0.0
    return ahead if abs(ahead) > 2 else 0.0  # the header counts whole seconds


def said(body: str) -> str:
    """Return the message inside an error body, or its beginning."""
    try:
        error = json.loads(body).get("error")
    except (ValueError, AttributeError):
        return " ".join(body.split())[:300]
    if isinstance(error, Mapping):
        return ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))[:500]
    return str(error or "")[:300]


# ── handshakes ──


def explain_handshake(asked: Asked, refused: Refused) -> RtMagicError:
    """Return the error for a handshake that was not answered with 101."""
    status = refused.status
    family = "redirect" if 300 <= status < 400 else "page" if status < 300 else "trouble" if status >= 500 else "other"
    advice = _STATUSES.get(status) or _STATUSES[family]
    message = redact(said(refused.body))
    heard = f"{asked.host} answered {status}{f' ({message})' if message else ''}"
    kind = AuthenticationError if status in (401, 403, 407) else ServiceConnectionError
    text = advice if isinstance(advice, str) else advice(asked, refused)
    return kind(f"{heard}: {text}", request_id=refused.request_id)


def _redirect(asked: Asked, refused: Refused) -> str:
    location = urlsplit(refused.header("location") or "")
    where = redact(location._replace(query="", fragment="").geturl()) or "elsewhere"
    text = f"a redirect to {where}, which is not followed since the key would go along"
    if not is_realtime(location.path):
        return f"{text}; check the address"
    return (
        f"{text}. This is what the preview route does: it hands out a session whose socket ends nowhere. Give the "
        "endpoint as the host alone, without path and api-version"
    )


def _bad_request(asked: Asked, refused: Refused) -> str:
    if asked.service == "voicelive":
        return (
            "Voice Live does not take the request; likeliest it does not have the voice model that carries the session "
            "in this region: name another in the address, as https://<resource>.services.ai.azure.com?model=gpt-4o"
        )
    if not WRONG_MODEL.search(refused.body):
        return f"the request was refused as it stands; check the {'deployment' if asked.azure else 'model'}"
    if _NO_SELECTOR.search(refused.body):
        return (
            "the address has to name a voice deployment or a transcription session; a proxy may have cut its query, "
            "or add ?intent=transcription to the address you gave"
        )
    if asked.voice:
        return (
            f"{asked.voice_model!r} is no voice model but stands in AZURE_OPENAI_REALTIME_DEPLOYMENT; name there "
            "a deployment of gpt-realtime, or unset it. A model that transcribes belongs into "
            "AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT (--model)"
        )
    return (
        "a model that only transcribes was put where a voice model belongs, or this resource opens no transcription "
        f"sessions; {_SWITCH}: transcription by {asked.model!r} is then switched on in its session"
    )


def _unauthorized(asked: Asked, refused: Refused) -> str:
    if asked.signed_in:
        return (
            f"the token of {asked.credential} was refused. Likeliest: {_no_role(asked)}. Else the "
            "endpoint is a regional one where it must be the resource's own host, or the audience is another cloud's "
            "(AzureOpenAI(scope=...))"
        )
    if asked.azure:
        source = "api_key=" if asked.credential == "key" else asked.credential
        return (
            f"the key ({source}) is wrong or of another resource: copy KEY 1 from the resource's Keys and "
            "Endpoint. Or key access is switched off there: run `az login` and give no key"
        )
    return "the key is not valid for this service; check it"


def _no_role(asked: Asked) -> str:
    role = "Cognitive Services User" if asked.service == "voicelive" else "Cognitive Services OpenAI User"
    return (
        f"its account has no role on the resource; give it {role} under Access control (IAM), new roles take up to "
        "ten minutes"
    )


def _forbidden(asked: Asked, refused: Refused) -> str:
    if asked.signed_in and "lacks the required data action" in refused.body:
        return f"the token of {asked.credential} is good, but {_no_role(asked)}"
    if asked.azure:
        return (
            "the resource is closed to this network (private endpoint or firewall: see its Networking page), or the "
            "subscription is suspended"
        )
    if asked.service == "compatible":
        model = "" if asked.model else " (some want the model in it: name it with --model)"
        return f"the address may be wrong, the path above all{model}, or the key is missing or wrong"
    return "the address may be wrong (the path above all), the key may lack the right, or your country is not served"


def _not_found(asked: Asked, refused: Refused) -> str:
    if asked.service == "voicelive":
        return (
            "one of three: the host is wrong (an older resource answers at <resource>.cognitiveservices.azure.com), "
            "the resource is no Foundry or Speech resource, or its region has no Voice Live"
        )
    if not asked.azure:
        return "there is nothing at this address, or no such model; check both"
    named = f"the voice deployment {asked.voice_model!r}" if asked.voice else f"the deployment {asked.model!r}"
    region = "the resource's region has no Realtime service"
    other = region if asked.voice else f"this resource opens no transcription sessions: then {_SWITCH}"
    # Whoever says this is an Azure OpenAI resource, so that the host is right.
    reached = "DeploymentNotFound" in refused.body
    causes = "one of two:" if reached else "one of three: the host is wrong,"
    return (
        f"{causes} {named} is not there (its own name is wanted, not the model's; a new one takes minutes to appear; "
        f"{DEPLOYMENTS}), or {other}"
    )


_STATUSES: Mapping[int | str, str | Callable[[Asked, Refused], str]] = {
    400: _bad_request,
    401: _unauthorized,
    402: "the account has no credit left; see its billing page",
    403: _forbidden,
    404: _not_found,
    405: "the upgrade did not arrive as HTTP/1.1; a proxy in between turned it into HTTP/2: go around it",
    407: "that was the network's proxy, which wants a name and a password: set HTTPS_PROXY=http://name:word@proxy",
    408: "the service waited too long for us; the network is slow, or a proxy holds it up",
    426: "a proxy in between lets no WebSockets through; ask its keeper, or go around it (NO_PROXY)",
    429: "the quota of this deployment or account is used up; wait a minute, or raise it (portal: Quotas)",
    431: "more than ten extra headers were sent; a proxy in between may add them",
    "page": "that is a page, not a connection: the network may want you to sign in first, or the address is not that "
    "of a Realtime service",
    "redirect": _redirect,
    "trouble": "the service is in trouble; try again in a minute, its status page may know more",
    "other": "check the address and the model",
}


def can_retry(error: RtMagicError, status: int | None = None) -> bool:
    """Tell whether trying again can help: not for a refused key, address or request, whatever the exception."""
    if isinstance(error, AuthenticationError | ServiceError):
        return False
    return status is None or status in (408, 429) or status >= 500


# ── below the handshake ──


def explain_network(error: BaseException, host: str, *, encrypted: bool = False) -> RtMagicError:
    """Return the error for a connection, which was to be `encrypted` or not, that did not come about at all."""
    heard = redact(str(error)) or type(error).__name__
    if isinstance(error, socket.gaierror):
        advice = "there is no host of that name, or this machine has no network; check the endpoint and the connection"
    elif isinstance(error, ssl.SSLCertVerificationError):
        advice = (
            "the certificate is not one that this machine trusts, as where a company looks into its traffic; set "
            "SSL_CERT_FILE to a file with the company's certificates and restart the kernel"
        )
    elif isinstance(error, ssl.SSLError):
        advice = "no encrypted connection came about; a proxy may be in between, or the port is not an encrypted one"
    elif isinstance(error, ConnectionRefusedError):
        heard, advice = "nothing listens there", "check host and port"  # the system's own words say the address again
    elif isinstance(error, TimeoutError):
        advice = "nothing was answered in time; a firewall may drop the packets, or a proxy is needed (HTTPS_PROXY)"
    else:
        advice = "check the address, the network and the proxy settings (HTTPS_PROXY, NO_PROXY)"
    refused = isinstance(error, ConnectionRefusedError | TimeoutError)
    if encrypted and not refused and is_loopback(urlsplit(f"//{host}").hostname or ""):
        advice += "; a server on this machine without encryption is written http://…"
    return ServiceConnectionError(f"no connection to {host}: {heard}; {advice}")


def explain_proxy(error: BaseException, host: str) -> RtMagicError:
    """Return the error for a proxy that did not let us through."""
    return ServiceConnectionError(
        f"no connection to {host}: the proxy in HTTPS_PROXY did not let it through ({redact(str(error))}); check the "
        "proxy's address and rights, or add the host to NO_PROXY"
    )
