"""Check everything from the microphone to the service, each step with what was found and what to do about it."""

from __future__ import annotations

import asyncio
import contextlib
import html
import ipaddress
import os
import platform
import re
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from rt_magic.audio.capture import check_capture
from rt_magic.audio.pcm import SAMPLE_RATE, silence
from rt_magic.exceptions import ConfigurationError, RtMagicError
from rt_magic.portal import portal
from rt_magic.secrets import redact
from rt_magic.session import embedded, prefetch
from rt_magic.session.addresses import split
from rt_magic.session.defaults import chosen_service
from rt_magic.session.diagnosis import explain_network
from rt_magic.session.resolution import Resolved, check_service
from rt_magic.session.services import AzureOpenAI, Local, Service, VoiceLive
from rt_magic.session.session import RealtimeSession
from rt_magic.shell import in_kernel
from rt_magic.transcript.transcript import Transcript
from rt_magic.widgets import lane
from rt_magic.wire.addresses import Rung

Verdict: TypeAlias = Literal["ok", "note", "failed", "skipped"]

PATIENCE = 40.0
"""Seconds that the service has for connection, settings and a second of silence together."""

REACH = 10.0
"""Seconds for a name, and for a certificate."""


@dataclass(frozen=True, slots=True)
class Check:
    """One step: what was found, and what to do if that is not as it should be."""

    name: str
    verdict: Verdict
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """The result of `doctor`: displays as a table; `str` of it is text for a ticket, without secrets."""

    about: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not any(check.verdict == "failed" for check in self.checks)

    def __str__(self) -> str:
        width = max(len(check.name) for check in self.checks)
        lines = [self.about]
        for check in self.checks:
            lines.append(f"{check.verdict:<8} {check.name:<{width}}  {check.found}")
            if check.mend:
                lines.append(f"{'':<8} {'':<{width}}  → {check.mend}")
        return redact("\n".join(lines))

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        rows = "".join(
            f'<tr class="rt-{check.verdict}"><td>{_MARKS[check.verdict]}</td>'
            + "".join(f'<td style="text-align:left">{html.escape(redact(text))}</td>' for text in _columns(check))
            + "</tr>"
            for check in self.checks
        )
        head = "<tr><th></th><th>check</th><th>found</th><th>what to do</th></tr>"
        caption = html.escape(redact(self.about))
        table = f'<table class="rt-doctor"><caption style="text-align:left">{caption}</caption>{head}{rows}</table>'
        return {"text/plain": str(self), "text/html": table}


_MARKS: dict[Verdict, str] = {"ok": "✓", "note": "!", "failed": "✗", "skipped": "–"}


def _columns(check: Check) -> tuple[str, str, str]:
    return check.name, check.found, check.mend


def doctor(service: Service | Resolved | str | None = None, *, widget: Any = None) -> Examination:
    """Check everything from the microphone to the service and return a table of findings, each with its fix.

    `service` is chosen as `%%transcribe` does; `widget` a Transcriber or Microphone whose page is looked at too. A
    second of silence goes to the service, which may bill it; nothing is recorded. Takes up to a minute; never raises
    for what it finds.
    """
    checks = [_kernel(), _lane(), *_microphone(widget)]
    try:
        resolved = service if isinstance(service, Resolved) else chosen_service(service)
        check_service(resolved.service)
    except RtMagicError as error:
        checks.append(Check("settings", "failed", *_split(error.message)))
        return Examination(f"rt_magic {_version('rt-magic')}: no service", tuple(checks))
    chosen = resolved.service
    checks += _settings(resolved)
    future = portal().run(_reach(chosen))
    try:
        checks += future.result()
    except BaseException:
        future.cancel()
        raise
    where = f"{chosen.label()}{f' at {chosen.host}' if chosen.host else ''}"
    failed = [check.name for check in checks if check.verdict == "failed"]
    outcome = f"failed: {', '.join(failed)}" if failed else "all is well"
    return Examination(f"rt_magic {_version('rt-magic')}, {where}: {outcome}", tuple(checks))


# ── this side ──


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _kernel() -> Check:
    packages = ("ipykernel", "ipywidgets", "anywidget", "websockets", "azure-identity")
    versions = ", ".join(f"{name} {_version(name)}" for name in packages)
    return Check("kernel", "ok", f"Python {platform.python_version()} on {platform.system()}; {versions}")


def _lane() -> Check:
    if "ipykernel" not in sys.modules:
        return Check("lane", "skipped", "not in a notebook's kernel")
    if lane.available():
        return Check("lane", "ok", "sound and clicks arrive while a cell runs")
    return Check(
        "lane",
        "note",
        "sound waits in the page while a cell runs; nothing is lost",
        'for words meanwhile: %pip install -U "ipykernel>=7.4", then restart the kernel',
    )


def _microphone(widget: Any) -> Iterator[Check]:
    microphone = getattr(widget, "microphone", widget)
    if microphone is None and not in_kernel():
        try:
            check_capture()
        except ConfigurationError as error:
            yield Check("microphone", "note", *_split(str(error)))
        else:
            yield Check("microphone", "ok", "this machine's can be opened; --microphone kernel")
    elif microphone is None:
        yield Check("microphone", "skipped", "none was given", "rt.doctor(widget=t) looks at that of a Transcriber t")
    elif microphone.error:
        yield Check("microphone", "failed", *_split(microphone.error))
    elif not microphone.page and not microphone.received:
        yield Check("microphone", "note", "no page has recorded with it", "click Start below the cell that shows it")
    else:
        heard = f"{microphone.received / SAMPLE_RATE:.1f} s of {microphone.captured / SAMPLE_RATE:.1f} s arrived"
        yield Check("microphone", "ok", f"{heard}; {microphone.state}")


_READ = (
    "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "AZURE_OPENAI_TRANSCRIBE_DEPLOYMENT",
    "AZURE_OPENAI_REALTIME_DEPLOYMENT", "AZURE_VOICELIVE_ENDPOINT", "AZURE_VOICELIVE_API_KEY", "OPENAI_API_KEY",
    "OPENAI_BASE_URL", "RT_MAGIC_SERVICE", "RT_MAGIC_API_KEY",
)  # fmt: skip


def _settings(resolved: Resolved) -> Iterator[Check]:
    service = resolved.service
    given = ", ".join(name for name in _READ if os.environ.get(name)) or "none"
    yield Check("settings", "ok", f"{service.label()}, because {resolved.reason}; variables that are set: {given}")
    if os.environ.get("OPENAI_API_VERSION"):
        yield Check("settings", "note", "OPENAI_API_VERSION is set and read by nobody", "the service has no versions")
    lost = os.environ.get("AZURE_OPENAI_API_KEY") and not os.environ.get("AZURE_OPENAI_ENDPOINT")
    if lost and isinstance(service, Local):
        mend = "for Azure OpenAI set AZURE_OPENAI_ENDPOINT to the resource's address"
        yield Check("settings", "note", "AZURE_OPENAI_API_KEY is set and AZURE_OPENAI_ENDPOINT is not", mend)
    if isinstance(service, AzureOpenAI | VoiceLive):
        prefix = "AZURE_OPENAI" if isinstance(service, AzureOpenAI) else "AZURE_VOICELIVE"
        if service.credential is not None and os.environ.get(f"{prefix}_API_KEY"):
            yield Check("settings", "note", f"the credential is used, not the key in {prefix}_API_KEY")
        address = service.endpoint or os.environ.get(f"{prefix}_ENDPOINT", "")
        if split(address).path.strip("/") and (isinstance(service, VoiceLive) or service.host_only):
            yield Check("settings", "note", "of the endpoint only the host is used; path and version are left out")


# ── on the way ──


async def _reach(service: Service) -> list[Check]:
    checks: list[Check] = []
    if not isinstance(service, Local):
        checks += await _network(urlsplit(service.target(Rung())))
    if any(check.verdict == "failed" for check in checks):
        return [*checks, *_skipped(*_names(service))]
    return checks + await _talk(service)


async def _network(target: Any) -> list[Check]:
    host, secure = target.hostname or "", target.scheme == "wss"
    proxy = getproxies().get("https" if secure else "http")
    if proxy and not proxy_bypass(host):
        address = urlsplit(proxy).netloc.rpartition("@")[2]
        return [Check("network", "note", f"goes through the proxy {address}", "NO_PROXY names hosts that need none")]
    loop, port = asyncio.get_running_loop(), target.port or (443 if secure else 80)
    try:
        async with asyncio.timeout(REACH):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return [_unreached("name resolution", error, host, secure)]
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    checks = [Check("name resolution", "ok", f"{host} is {', '.join(addresses[:3])}{_private(addresses)}")]
    if not secure:
        return [*checks, Check("TLS", "skipped", "unencrypted, on this machine")]
    began = time.monotonic()
    try:
        async with asyncio.timeout(REACH):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
    except OSError as error:
        return [*checks, _unreached("TLS", error, host, secure)]
    encrypted = writer.get_extra_info("ssl_object")
    issuer = dict(pair[0] for pair in encrypted.getpeercert().get("issuer", ()))
    named = issuer.get("organizationName") or issuer.get("commonName")
    writer.close()
    seconds = time.monotonic() - began
    return [*checks, Check("TLS", "ok", f"{encrypted.version()}, vouched for by {named}, {seconds:.2f} s")]


def _private(addresses: list[str]) -> str:
    inside = all(ipaddress.ip_address(address.partition("%")[0]).is_private for address in addresses)
    return " (inside a network, as a private endpoint is)" if inside and addresses != ["127.0.0.1"] else ""


def _unreached(name: str, error: OSError, host: str, secure: bool) -> Check:
    return Check(name, "failed", *_split(explain_network(error, host, encrypted=secure).message))


# ── at the service ──


def _names(service: Service) -> tuple[str, str, str, str]:
    return ("embedded server" if isinstance(service, Local) else "credential", "handshake", "settings taken", "silence")


async def _talk(service: Service) -> list[Check]:
    """Carry a second of silence through a real session and tell how far it came."""
    credential, handshake, settings, words = _names(service)
    clock = _Clock()
    try:
        name = await prefetch.warm(service)
        if isinstance(service, Local):
            await embedded.address(service)
    except RtMagicError as error:
        return [Check(credential, "failed", *_split(str(error))), *_skipped(handshake, settings, words)]
    checks = [Check(credential, "ok", f"{'started' if isinstance(service, Local) else name}, {clock.lap()}")]

    states: list[str] = []
    settled = asyncio.Event()

    def follow(state: str, status: str) -> None:
        states.append(state)
        if state in ("listening", "error"):
            settled.set()

    try:
        session = RealtimeSession(service, turn_detection="off", on_state=follow)
    except RtMagicError as error:  # nothing can be recorded, as on a full disk
        return [*checks, Check(handshake, "failed", *_split(str(error))), *_skipped(settings, words)]
    try:
        async with session:
            await session.send(silence(SAMPLE_RATE))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await settled.wait()
            opened = clock.lap()
            transcript = await session.finish(timeout=PATIENCE)
    except RtMagicError as error:
        return checks + _stopped(session.reached, "listening" in states, _split(str(error)), _names(service)[1:])
    finally:
        session.recording.delete()
    meta = session.transcript.meta
    checks.append(Check(handshake, "ok", TAKEN))
    checks.append(Check(settings, "ok", f"model {meta.get('model') or 'of the service'}, {opened}"))
    checks += [Check(settings, "note", note) for note in meta.get("notes", ())]
    if session.status != "stopped":
        mend = "try again; the service's status page may know more"
        return [*checks, Check(words, "failed", f"no answer within {PATIENCE:g} s", mend)]
    return [*checks, _heard(words, transcript, clock.lap())]


TAKEN = "the service took the connection"


def _stopped(reached: bool, accepted: bool, error: tuple[str, str], names: tuple[str, str, str]) -> list[Check]:
    """Tell how far a session came that ended by an error."""
    handshake, settings, words = names
    if not reached:
        return [Check(handshake, "failed", *error), *_skipped(settings, words)]
    if not accepted:
        return [Check(handshake, "ok", TAKEN), Check(settings, "failed", *error), *_skipped(words)]
    return [Check(handshake, "ok", TAKEN), Check(settings, "ok", "taken"), Check(words, "failed", *error)]


def _skipped(*names: str) -> list[Check]:
    return [Check(name, "skipped", "not reached") for name in names]


def _heard(name: str, transcript: Transcript, seconds: str) -> Check:
    failed = [segment.error for segment in transcript if segment.error]
    if failed:
        return Check(
            name, "failed", f"not transcribed: {failed[0]}", "see the model's name; another is given by --model"
        )
    if transcript.text:
        return Check(name, "note", f"transcribed, {seconds}, as words that nobody said: {transcript.text!r}")
    return Check(name, "ok", f"transcribed as nothing, {seconds}")


class _Clock:
    """Tell how long each step took."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def lap(self) -> str:
        """Return the seconds since the lap before, in words."""
        now, since = time.monotonic(), self._since
        self._since = now
        return f"{now - since:.2f} s"


_PARTS = re.compile(r"(.+? answered \d{3}(?: \(.*?\))?|.+ closed the connection \(.*?\)): (.+)|(.+?); (.+)", re.DOTALL)


def _split(message: str) -> tuple[str, str]:
    """Take a message apart into what happened and what to do."""
    parts = _PARTS.fullmatch(message)
    if parts is None:
        return message, ""
    return (parts[1] or parts[3]), (parts[2] or parts[4])
