"""From how a service ended a connection, or complained within it: what happened, and what to do.

Codes and their causes are those that the services' pages and public issue threads name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rt_magic.exceptions import AuthenticationError, RtMagicError, ServiceConnectionError, ServiceError
from rt_magic.secrets import redact
from rt_magic.session.diagnosis import DEPLOYMENTS, Asked, can_retry

# ── closes ──

_CODE_IN_REASON = re.compile(r"(?:invalid_request_error|server_error)\.(\w+)")

FATAL_CLOSES: Mapping[int, str] = {
    1008: "the service's rules forbid the session; check the key and what it may do",
    3000: "the key is not valid; check it",
    4000: "the service refused the request as it was; it is not tried again unchanged",
    4004: "the service does not know the model; name another with --model",
}

CLOSES: Mapping[int, str] = {
    1000: "the service ended the session; click Start to go on",
    1001: "the session reached its greatest length or the service goes away; a new connection goes on",
    1002: "the service took offence at the connection's form; a proxy may garble it",
    1003: "the service does not take this kind of message",
    1005: "the service ended without a reason, as some do after a setting they do not take",
    1006: "the network was lost; check it",
    1007: "what was sent or received is not readable text; a proxy may garble it",
    1009: "a message was too large for the other side",
    1011: "the service failed, or nothing was heard of it in time",
    1012: "the service restarts",
    1013: "the service is overloaded; it wants to be tried again later",
    1014: "a gateway in between got no good answer from the service",
    1015: "no encrypted connection came about",
}


def explain_close(code: int, reason: str, host: str, request: str | None = None) -> RtMagicError:
    """Return the error for a connection that ended before everything was settled."""
    reason = redact(reason)
    heard = f"{host} closed the connection ({code}{f': {reason}' if reason else ''})"
    named = _CODE_IN_REASON.search(reason)
    advice = _ADVICE.get(named[1]) if named else None
    if code in (1008, 3000):
        return AuthenticationError(f"{heard}: {advice or FATAL_CLOSES[code]}", request_id=request)
    if 4000 <= code < 5000:
        meaning = advice or FATAL_CLOSES.get(code, "trying again will not mend that")
        return ServiceError(f"{heard}: {meaning}", code=named[1] if named else str(code), request_id=request)
    return ServiceConnectionError(f"{heard}: {CLOSES.get(code, 'the connection was lost')}", request_id=request)


# ── error events and failed turns ──

_ADVICE: Mapping[str, str] = {
    "invalid_api_key": "check the key; a new one is made on the service's page for keys",
    "missing_model": "name the model with --model",
    "invalid_model": "name another model with --model",
    "model_not_found": "name another model with --model",
    "beta_api_shape_disabled": "this is an error of ours or of a proxy that adds a header; please report it",
    "insufficient_quota": "the account has no credit left; see its billing page",
    "credit_balance_exhausted": "the account has no credit left; see its billing page",
    "rate_limit_exceeded": "the quota is used up; wait a minute, or raise it",
    "session_expired": "the session reached its greatest length; a new connection goes on",
    "DeploymentNotFound": f"the resource has no deployment of that name; {DEPLOYMENTS}; name one with --model or in "
    "AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT (a new one takes minutes to appear)",
    "unknown_parameter": "the service does not know a setting that it needs to; the address may lead to an old version",
    "invalid_value": "the service does not take the value; change that setting",
    "invalid_type": "the service does not take the value; change that setting",
    "missing_required_parameter": "the service wants a setting that was not sent; please report it",
    "invalid_parameter": "the session is of another kind than the settings; please report it",
    "invalid_json": "this is an error of ours or of a proxy; please report it",
    "invalid_event": "this is an error of ours or of a proxy; please report it",
}

FATAL_CODES = frozenset(
    {
        "invalid_api_key", "missing_model", "invalid_model", "model_not_found", "beta_api_shape_disabled",
        "insufficient_quota", "credit_balance_exhausted", "DeploymentNotFound",
    }
)  # fmt: skip
"""Error codes after which nothing can come any more."""

PASSING_CODES = frozenset({"rate_limit_exceeded", "session_expired", "server_error", "processing_error"})
"""Error codes that another connection, later, may not meet."""

_RELAYED = re.compile(r"handshake (?:rejected|refused) with (?:HTTP )?(\d{3})", re.IGNORECASE)
_FLAT = re.compile(r"session\.(type|audio|output_modalities)\b")
_MODEL_IN_ADDRESS = re.compile(
    r"must not provide a model|is a transcription model|not supported in realtime mode", re.I
)


def explain_error(
    code: str | None,
    message: str,
    *,
    param: str | None = None,
    asked: Asked | None = None,
    request: str | None = None,
) -> RtMagicError:
    """Return the error for an `error` event, or for a turn's failure, that ends the session."""
    heard = redact(message or code or "an error without a message").rstrip(". ")
    advice = _ADVICE.get(code or "")
    if _MODEL_IN_ADDRESS.search(message):
        advice = "the address names a model (?model=) where it must not: give ?intent=transcription there, and --model"
    elif code == "unknown_parameter" and _FLAT.fullmatch(param or ""):
        advice = (
            "the address leads to the preview of the Realtime service, which has other settings: give the endpoint as "
            "the host alone, without path and api-version"
        )
    elif asked is not None and code == "DeploymentNotFound" and asked.model:
        advice = f"there is no deployment {asked.model!r} on {asked.host}; {(advice or '').partition('; ')[2]}"
    text = f"the service answered: {heard}" + (f"; {advice}" if advice else "")
    relayed = _RELAYED.search(message)
    if relayed and can_retry(RtMagicError(""), int(relayed[1])):
        return ServiceConnectionError(text, request_id=request)
    if relayed:
        return AuthenticationError(f"{text}; the gateway in between was refused: check its own key", request_id=request)
    if code == "invalid_api_key":
        return AuthenticationError(text, request_id=request)
    if code in PASSING_CODES:
        return ServiceConnectionError(text, request_id=request)
    return ServiceError(text, code=code, request_id=request)


def explain_failures(count: int, message: str, asked: Asked, request: str | None = None) -> RtMagicError:
    """Return the error where that many turns failed, none succeeded, and the service does not say why."""
    deployed = asked.azure and asked.service != "voicelive"
    what = f"a deployment named {asked.model!r}" if deployed else f"a model {asked.model!r}"
    return ServiceError(
        f"{count} turns in a row were not transcribed, and the service says no more than: "
        f"{redact(message) or 'nothing'}; is there {what}?{f' {DEPLOYMENTS}.' if deployed else ''} If there is, it may "
        "be out of order: try another with --model",
        request_id=request,
    )
