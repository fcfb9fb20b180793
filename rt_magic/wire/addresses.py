"""What hosts and addresses tell of a service, and the ways in that are left after a refused handshake. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, unquote

from rt_magic.wire.dialects import Kind

SCOPES = ("https://ai.azure.com/.default", "https://cognitiveservices.azure.com/.default")
"""Audiences of an Entra ID token: the one documented today, and the older one that some resources still want."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Azure's clouds: the audiences to ask a token for, in order, and who issues it (None: the usual one)."""

    scopes: tuple[str, ...] = SCOPES
    authority: str | None = None


CLOUDS: Mapping[str, Cloud] = {
    "azure.us": Cloud(("https://cognitiveservices.azure.us/.default",), "login.microsoftonline.us"),
    "azure.cn": Cloud(authority="login.chinacloudapi.cn"),
}
"""Sovereign clouds by the end of their host names; settings win over what stands here.

Facts: `AzureOpenAIAudience` of azure-sdk-for-net, `AzureAuthorityHosts` of azure-identity. No source names the
audience of the cloud in China, so there the usual ones are asked.
"""

_AZURE = re.compile(r"(^|\.)azure\.(com|us|cn)$|\.api\.cognitive\.microsoft\.(com|us)$")


def cloud_of(host: str) -> Cloud:
    """Return the cloud that a host name belongs to; any name that is not known is of the usual one."""
    name = host.rpartition("@")[2].partition(":")[0].lower()
    return next((cloud for end, cloud in CLOUDS.items() if name.endswith(f".{end}")), Cloud())


def is_azure_host(name: str) -> bool:
    """Tell whether a host name is one of Azure's, sovereign clouds included."""
    return _AZURE.search(name.lower()) is not None


PORTALS = frozenset(
    {"portal.azure.com", "ai.azure.com", "oai.azure.com", "portal.azure.us", "ai.azure.us", "portal.azure.cn"}
)
"""Hosts of Azure's own web pages, whose addresses people copy from the browser instead of the endpoint."""


def is_foundry_host(name: str) -> bool:
    """Tell whether a host name is that of a Foundry resource, which serves more models than OpenAI's."""
    return name.lower().endswith(".services.ai.azure.com")


def is_realtime(path: str) -> bool:
    """Tell whether a path is that of a Realtime service, of whatever version."""
    return path.rstrip("/").endswith("/realtime")


_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/audio/transcriptions", re.IGNORECASE)


def named_deployments(path: str, query: str) -> tuple[str | None, str | None]:
    """Return the deployments that a copied address names: one that transcribes, and one that speaks.

    The portal's "target URI" of a deployment holds its name; nothing else of such an address is of use.
    """
    found = _DEPLOYMENT.search(path)
    if found:
        return unquote(found[1]), None
    fields = parse_qs(query)
    if is_realtime(path) and (names := fields.get("deployment") or fields.get("model")):
        return None, names[0]
    return None, None


_WRONG_MODEL = re.compile(r"op+erationnotsupported|\bmodel\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to open a connection: the kind of session, and which audience a token is asked for."""

    kind: Kind = "transcription"
    scope: str = SCOPES[0]
    way: int = 0
    """Which of the dialect's queries."""


def next_rung(
    rung: Rung, status: int, body: str, *, token: bool, voice_model: bool, scopes: tuple[str, ...], ways: int = 1
) -> Rung | None:
    """Return what to try after a refused handshake, or None where nothing else can work.

    `token` says that a token was sent, whose audience may have been the wrong one; `voice_model` that a voice
    deployment is known, in whose session transcription can be switched on; `ways` how many queries the dialect has.
    """
    if status in (400, 403, 404, 422) and rung.way + 1 < ways:
        return replace(rung, way=rung.way + 1)
    if status == 401 and token:
        tried = scopes.index(rung.scope) if rung.scope in scopes else 0
        return replace(rung, scope=scopes[tried + 1]) if tried + 1 < len(scopes) else None
    unknown = status == 404 or (status == 400 and _WRONG_MODEL.search(body) is not None)
    if unknown and voice_model and rung.kind == "transcription":
        return replace(rung, kind="realtime")
    return None
