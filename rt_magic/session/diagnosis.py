"""From what a service answered to one sentence: what happened, the likeliest cause, what to do. Pure.

Statuses, codes and their causes are those that Azure OpenAI's troubleshooting pages and public issue threads name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from rt_magic.exceptions import AuthenticationError, RtMagicError, ServiceConnectionError, ServiceError

WRONG_MODEL = re.compile(r"op+erationnotsupported", re.IGNORECASE)
"""Azure's word for a model in the wrong place; both spellings occur."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """A refused handshake: who was asked, and what came back."""

    host: str
    status: int
    body: str = ""
    headers: Mapping[str, str] | None = None
    azure: bool = False
    model: str | None = None
    credential: str = "key"

    @property
    def request_id(self) -> str | None:
        """The service's own name for the request."""
        headers = {name.lower(): value for name, value in (self.headers or {}).items()}
        return headers.get("apim-request-id") or headers.get("x-request-id") or headers.get("x-ms-request-id")

    @property
    def retry_after(self) -> float | None:
        """Seconds that the service asks to wait."""
        headers = {name.lower(): value for name, value in (self.headers or {}).items()}
        for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
            try:
                return max(0.0, float(headers[name]) / unit)
            except (KeyError, ValueError):
                continue
        return None


def said(body: str) -> str:
    """Return the message inside an error body, or its beginning."""
    try:
        error = json.loads(body).get("error")
    except (ValueError, AttributeError):
        return " ".join(body.split())[:300]
    if isinstance(error, Mapping):
        code, message = error.get("code"), error.get("message")
        return ": ".join(str(part) for part in (code, message) if part)
    return str(error or "")[:300]


def explain_handshake(answer: Handshake) -> RtMagicError:
    """Return the error for a handshake that was not answered with 101."""
    message = said(answer.body)
    heard = f"{answer.host} answered {answer.status}{f' ({message})' if message else ''}"
    kind: type[RtMagicError] = ServiceConnectionError
    if 300 <= answer.status < 400:
        location = next((v for k, v in (answer.headers or {}).items() if k.lower() == "location"), "elsewhere")
        advice = f"a redirect to {location}, which is not followed since the key would go along"
        if "realtime" in location and answer.azure:
            advice += "; this is the preview route, which ends nowhere: give the endpoint without its path"
    elif answer.status == 401:
        kind = AuthenticationError
        advice = _unauthorized(answer)
    elif answer.status == 403:
        kind = AuthenticationError
        advice = (
            "the address may be wrong, the network may be closed to you (private endpoint, firewall), "
            "or the subscription suspended"
        )
    elif answer.status == 404 and answer.azure:
        advice = (
            f"one of three is wrong: the host, the deployment {answer.model!r} (a new one takes minutes to appear), "
            "or the path; `az cognitiveservices account deployment list` shows the deployments"
        )
    elif WRONG_MODEL.search(answer.body):
        advice = (
            f"the deployment {answer.model!r} cannot be opened this way; set AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT to a "
            "transcription deployment, or AZURE_OPENAI_REALTIME_DEPLOYMENT to a voice deployment"
        )
    elif answer.status == 429:
        advice = "the quota is used up; wait, or raise it in the portal"
    elif answer.status == 431:
        advice = "more than ten extra headers were sent; a proxy may add them"
    elif answer.status == 405:
        advice = "the upgrade was tried over HTTP/2; a proxy in between has to leave HTTP/1.1 alone"
    elif answer.status == 408 or answer.status >= 500:
        advice = "the service is in trouble; it will be tried again"
    else:
        advice = "check the address and the model"
    return kind(f"{heard}: {advice}", request_id=answer.request_id)


def _unauthorized(answer: Handshake) -> str:
    if answer.credential != "key":
        return (
            f"the token of {answer.credential} was refused; the account needs the role Cognitive Services OpenAI User "
            "on the resource (new roles take minutes), and the endpoint must be the resource's own host, "
            "not a regional one"
        )
    cause = "the key is wrong or of another resource"
    return f"{cause}, or key access is switched off there: then sign in with Entra ID" if answer.azure else cause


def can_retry(error: RtMagicError, status: int | None = None) -> bool:
    """Tell whether trying again can help: not for a refused key, address or request, whatever the exception."""
    if isinstance(error, AuthenticationError | ServiceError):
        return False
    return status is None or status in (408, 429) or status >= 500


FATAL_CLOSES: Mapping[int, str] = {
    3000: "the key is not valid; check it",
    4000: "the service refused the request as it was",
    4004: "the service does not know the model",
}

CLOSES: Mapping[int, str] = {
    1000: "the service ended the session",
    1001: "the session reached its greatest length",
    1005: "the service ended without a reason",
    1006: "the network was lost",
    1007: "the service could not read what it was sent",
    1008: "the service's rules forbid the session",
    1009: "a message was too large",
    1011: "the service failed, or did not answer in time",
    1012: "the service restarts",
    1013: "the service is overloaded",
}


def explain_close(code: int, reason: str, host: str) -> RtMagicError:
    """Return the error for a connection that ended before everything was settled."""
    tail = f" ({reason})" if reason else ""
    if code == 3000:
        return AuthenticationError(f"{host} closed the connection: {FATAL_CLOSES[3000]}{tail}")
    if 4000 <= code < 5000:
        meaning = FATAL_CLOSES.get(code, "an error that trying again will not mend")
        return ServiceError(f"{host} closed the connection with code {code}: {meaning}{tail}", code=str(code))
    meaning = CLOSES.get(code, "the connection was lost")
    return ServiceConnectionError(f"{host} closed the connection with code {code}: {meaning}{tail}")


_ADVICE: Mapping[str, str] = {
    "invalid_api_key": "check the key",
    "missing_model": "give the model with --model",
    "invalid_model": "give another model with --model",
    "model_not_found": "give another model with --model",
    "beta_api_shape_disabled": "this is an error of ours; please report it",
    "insufficient_quota": "the account has no credit left; see its billing page",
    "credit_balance_exhausted": "the account has no credit left; see its billing page",
    "rate_limit_exceeded": "the quota is used up; wait, or raise it",
    "session_expired": "the session reached its greatest length",
    "DeploymentNotFound": (
        "there is no deployment of that name on the resource; `az cognitiveservices account deployment list` shows "
        "those there are, AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT or --model names one"
    ),
}

FATAL_CODES = frozenset(_ADVICE) - {"rate_limit_exceeded", "session_expired"}
"""Error codes after which nothing can come any more."""


def explain_error(code: str | None, message: str, *, azure: bool = False, model: str | None = None) -> RtMagicError:
    """Return the error for an `error` event, or for a turn's failure, that ends the session."""
    heard = message or code or "an error without a message"
    advice = _ADVICE.get(code or "")
    if advice is None and code in (None, "server_error") and azure:
        advice = f"is there a deployment named {model!r}? the service does not say so in this case"
    text = f"the service answered: {heard}" + (f"; {advice}" if advice else "")
    return AuthenticationError(text) if code == "invalid_api_key" else ServiceError(text, code=code)
