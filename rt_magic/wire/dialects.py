"""What each service wants to hear: URL, session configuration and abilities, as data.

Everything a session needs to know about a service's way of speaking the protocol stands here; adding a dialect is
adding one entry to `DIALECTS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qs, quote, unquote

from rt_magic.wire.events import ErrorEvent

TurnDetection: TypeAlias = Literal["server", "semantic", "client", "off"]
Kind: TypeAlias = Literal["transcription", "realtime"]

PREFIX_PADDING_MS = 300
"""Audio kept before the start of speech, in ms: what we ask services for, and what client-side turns use."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of servers speaks."""

    name: str
    path: str
    host: str | None = None
    """Where the service is unless an address says otherwise."""
    fence: bool = False
    """True where `input_audio_buffer.clear` is answered strictly after all audio before it has been worked off."""

    def target(self, kind: Kind = "transcription", voice_model: str | None = None) -> str:
        """Return path and query: a transcription session names no model there, a voice session must."""
        query = "intent=transcription" if kind == "transcription" else f"model={quote(voice_model or '', safe='')}"
        return f"{self.path}?{query}"


DIALECTS: dict[str, Dialect] = {
    "embedded": Dialect("embedded", "/v1/realtime", fence=True),
    "openai": Dialect("openai", "/v1/realtime", host="api.openai.com"),
    "azure": Dialect("azure", "/openai/v1/realtime"),
}

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


def next_rung(
    rung: Rung, status: int, body: str, *, token: bool, voice_model: bool, scopes: tuple[str, ...]
) -> Rung | None:
    """Return what to try after a refused handshake, or None where nothing else can work.

    `token` says that a token was sent, whose audience may have been the wrong one; `voice_model` that a voice
    deployment is known, in whose session transcription can be switched on.
    """
    if status == 401 and token:
        tried = scopes.index(rung.scope) if rung.scope in scopes else 0
        return replace(rung, scope=scopes[tried + 1]) if tried + 1 < len(scopes) else None
    unknown = status == 404 or (status == 400 and _WRONG_MODEL.search(body) is not None)
    if unknown and voice_model and rung.kind == "transcription":
        return replace(rung, kind="realtime")
    return None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for, in the words of no service in particular."""

    kind: Kind = "transcription"
    model: str | None = None
    languages: tuple[str, ...] = ()
    language_list: bool = False
    """True where even one language is sent as a list."""
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    turn_detection: TurnDetection = "server"
    silence_ms: int = 500
    noise_reduction: Literal["near", "far"] | None = None
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the service said it does, read from `session.updated`."""

    model: str | None
    languages: tuple[str, ...]
    server_turns: bool
    prefix_padding: float
    """Seconds before the speech that the service's start times include."""
    closing_silence: float
    """Seconds after the speech that the service's end times include."""
    expires_at: float | None
    """Unix time at which the service ends the connection."""
    complete: bool = True
    """True where the answer shows the whole configuration, so that what is missing in it is not in force."""
    rate: float | None = None
    """Samples per second that the service expects, in Hz, where it says so."""

    @property
    def language(self) -> str | None:
        """The language listened for, where it is one."""
        return self.languages[0] if len(self.languages) == 1 else None


def session_update(wanted: Wanted) -> dict[str, Any]:
    """Return the body of a GA `session.update`.

    Turn detection is always sent, whole or as null: left out, a service falls back to cutting at 200 ms of silence.
    A voice session is told in every way there is not to answer, since answers are paid for and nobody hears them.
    """
    transcription: dict[str, Any] = {}
    if wanted.model:
        transcription["model"] = wanted.model
    if len(wanted.languages) > 1 or (wanted.languages and wanted.language_list):
        transcription["languages"] = list(wanted.languages)
    elif wanted.languages:
        transcription["language"] = wanted.languages[0]
    if wanted.prompt:
        transcription["prompt"] = wanted.prompt
    if wanted.keywords:
        transcription["keywords"] = list(wanted.keywords)
    turn_detection: dict[str, Any] | None = None
    if wanted.turn_detection == "server":
        turn_detection = {
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": PREFIX_PADDING_MS,
            "silence_duration_ms": wanted.silence_ms,
        }
    elif wanted.turn_detection == "semantic":
        turn_detection = {"type": "semantic_vad", "eagerness": "auto"}
    if turn_detection is not None and wanted.kind == "realtime":
        turn_detection |= {"create_response": False, "interrupt_response": False}
    audio_input: dict[str, Any] = {
        "format": {"type": "audio/pcm", "rate": 24000},
        "transcription": transcription,
        "turn_detection": turn_detection,
    }
    if wanted.noise_reduction:  # off is the default everywhere, and not every server knows the word
        audio_input["noise_reduction"] = {"type": f"{wanted.noise_reduction}_field"}
    body: dict[str, Any] = {"type": wanted.kind, "audio": {"input": audio_input}}
    if wanted.kind == "realtime":
        body |= {"output_modalities": ["text"], "instructions": "Do not answer."}
    if wanted.logprobs:
        body["include"] = ["item.input_audio_transcription.logprobs"]
    return body


def read_accepted(session: Mapping[str, Any], wanted: Wanted | None = None) -> Accepted:
    """Read the configuration in force from a session object; where it says nothing of turns, those `wanted` count."""
    audio = _mapping(_mapping(session.get("audio")).get("input"))
    transcription = _mapping(audio.get("transcription"))
    turns = _mapping(audio.get("turn_detection"))
    if "turn_detection" not in audio and wanted is not None:
        turns = _mapping(session_update(wanted)["audio"]["input"]["turn_detection"])
    language = _text(transcription.get("language"))
    expires_at = session.get("expires_at")
    return Accepted(
        model=_text(transcription.get("model")),
        languages=(language,) if language else _texts(transcription.get("languages")),
        server_turns=bool(turns),
        prefix_padding=_number(turns.get("prefix_padding_ms")) / 1000,
        closing_silence=_number(turns.get("silence_duration_ms")) / 1000,
        expires_at=_number(expires_at) if expires_at else None,
        complete="transcription" in audio,
        rate=_number(_mapping(audio.get("format")).get("rate")) or None,
    )


def read_kind(session: Mapping[str, Any]) -> Kind | None:
    """Return what kind of session the service has opened, where its first frame says so."""
    kind = session.get("type")
    return "transcription" if kind == "transcription" else "realtime" if kind == "realtime" else None


_OPTIONAL: Mapping[str, Mapping[str, Any]] = {
    "keywords": {"keywords": ()},
    "prompt": {"prompt": None},
    "noise_reduction": {"noise_reduction": None},
    "include": {"logprobs": False},
    "turn_detection": {"turn_detection": "client"},
    "to transcription": {"kind": "transcription"},
    "to realtime": {"kind": "realtime"},
}
"""What to ask for instead where a field is refused; none of it changes what the user gets to read."""

_LANGUAGE = ("language", "languages")
_QUOTED_PATH = re.compile(r"'(session\.[\w.\[\]]+)'")


def refused_field(error: ErrorEvent) -> str:
    """Return which part of an update an error is about, from its `param` or its words."""
    message = error.message.lower()
    if "turn detection is not supported" in message:
        return "turn_detection"
    if "passing a transcription session update" in message:
        return "to realtime"
    if "passing a realtime session update" in message:
        return "to transcription"
    quoted = _QUOTED_PATH.search(error.message)
    path = error.param or (quoted[1] if quoted else "")
    parts = [part.partition("[")[0] for part in path.split(".")]
    return next((part for part in reversed(parts) if part in (*_OPTIONAL, *_LANGUAGE)), parts[-1])


def give_up(wanted: Wanted, field: str) -> Wanted | None:
    """Return what to ask for without a refused field, or None where nothing is left to give up.

    One field at a time, since one bad field voids the whole update.
    """
    if field == "languages" and (len(wanted.languages) > 1 or (wanted.languages and wanted.language_list)):
        return replace(wanted, languages=wanted.languages[:1], language_list=False)
    if field == "language" and wanted.languages:
        short = wanted.languages[0].split("-")[0]
        return replace(wanted, languages=() if wanted.languages == (short,) else (short,))
    if field == "turn_detection" and wanted.turn_detection in ("client", "off"):
        return None
    changed = replace(wanted, **_OPTIONAL.get(field, {}))
    return changed if changed != wanted else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1e12
    return float(value) if known else 0.0  # type: ignore[arg-type]  # `known` says that it is a number
