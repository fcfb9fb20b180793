"""The services: which is chosen and why, where it is, and that nothing of a key is ever shown."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rt_magic as rt
from rt_magic.exceptions import ConfigurationError
from rt_magic.optional import extra
from rt_magic.session.addresses import socket_address
from rt_magic.session.defaults import chosen_service, configure, use
from rt_magic.session.resolution import check_service, resolve_service
from rt_magic.session.services import AzureOpenAI, Compatible, Local, OpenAI, Service, VoiceLive
from rt_magic.session.session import RealtimeSession
from rt_magic.wire.addresses import Rung

SECRET = "sk-very-secret-0123456789abcdef"
ENDPOINT = "https://contoso.openai.azure.com"

# ── which one ──


@pytest.mark.parametrize(
    ("given", "service", "reason"),
    [
        (
            {"value": "openai", "configured": "local", "default": "local", "RT_MAGIC_SERVICE": "local", "azure": True},
            OpenAI(),
            "you asked for it",
        ),
        (
            {"configured": "openai", "default": "local", "RT_MAGIC_SERVICE": "local", "azure": True},
            OpenAI(),
            "TranscribeMagics.service is set",
        ),
        (
            {"default": OpenAI(model="m"), "RT_MAGIC_SERVICE": "local", "azure": True},
            OpenAI(model="m"),
            "rt.use was called",
        ),
        ({"RT_MAGIC_SERVICE": "openai", "azure": True}, OpenAI(), "RT_MAGIC_SERVICE is set"),
        ({"azure": True}, AzureOpenAI(), "AZURE_OPENAI_ENDPOINT is set"),
        ({}, Local(), "no service is set"),
    ],
)
def test_the_first_that_is_said_counts(given: dict[str, Any], service: Service, reason: str) -> None:
    """Asked for, configured, `rt.use`, the environment, Azure, this machine: in this order, and the reason is said."""
    environ = {"AZURE_OPENAI_ENDPOINT": ENDPOINT} if given.pop("azure", False) else {}
    if "RT_MAGIC_SERVICE" in given:
        environ["RT_MAGIC_SERVICE"] = given.pop("RT_MAGIC_SERVICE")
    found = resolve_service(**given, environ=environ)
    assert (found.service, found.reason, found.note) == (service, reason, "")


@pytest.mark.parametrize(
    ("environ", "where"),
    [
        ({"OPENAI_API_KEY": SECRET}, "api.openai.com"),
        ({"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": "https://proxy.example/v1"}, "OPENAI_BASE_URL"),
        ({"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": "no address ["}, "OPENAI_BASE_URL"),
    ],
)
def test_a_key_for_something_else_decides_nothing(environ: dict[str, str], where: str) -> None:
    """OPENAI_API_KEY alone stays on this machine; one line says what uses it and where audio would go."""
    found = resolve_service(environ=environ)
    assert found.service == Local() and "--service openai" in found.note and found.note.endswith(where)
    assert SECRET not in found.note
    assert resolve_service(environ={**environ, "AZURE_OPENAI_ENDPOINT": ENDPOINT}).note == ""


@pytest.mark.parametrize("name", ["AZURE_OPENAI_API_KEY", "OPENAI_API_VERSION", "RT_MAGIC_API_KEY", "AZURE_CLIENT_ID"])
def test_other_variables_choose_nothing(name: str) -> None:
    """No other variable moves speech off this machine."""
    assert resolve_service(environ={name: "x"}).service == Local()


@pytest.mark.parametrize(
    ("value", "service"),
    [
        ("local", Local()),
        ("openai", OpenAI()),
        ("azure", AzureOpenAI()),
        ("wss://speech.example/v1", Compatible("wss://speech.example/v1")),
        ("https://speech.example", Compatible("https://speech.example")),
        ("ws://127.0.0.1:8000", Compatible("ws://127.0.0.1:8000")),
        (f"{ENDPOINT}/openai/v1/", AzureOpenAI(f"{ENDPOINT}/openai/v1/")),
        ("wss://contoso.openai.azure.us", AzureOpenAI("wss://contoso.openai.azure.us")),
        ("https://contoso.azure.evil.example", Compatible("https://contoso.azure.evil.example")),
        ("mine", OpenAI(model="m")),
        ("by_name", AzureOpenAI()),
        (Compatible("ws://localhost"), Compatible("ws://localhost")),
    ],
)
def test_a_service_is_a_name_an_address_or_a_variable(value: object, service: Service) -> None:
    """What is typed is a known name, an address (on an Azure host: Azure), or a variable that holds a service."""
    namespace = {"mine": OpenAI(model="m"), "by_name": "azure", "local": OpenAI(), "number": 3}
    assert resolve_service(value, namespace=namespace, environ={}).service == service


def test_a_base_url_on_azure_means_azure() -> None:
    """OPENAI_BASE_URL with its key is understood where it points to Azure."""
    environ = {"OPENAI_BASE_URL": f"{ENDPOINT}/openai/v1", "OPENAI_API_KEY": SECRET}
    service = resolve_service("openai", environ=environ).service
    assert service == AzureOpenAI(f"{ENDPOINT}/openai/v1", api_key=SECRET)


@pytest.mark.parametrize("value", ["azur", "number", "nobody", 3, object(), ["local"]])
def test_what_is_no_service_is_refused(value: object) -> None:
    """Another word or object is an error that names the choices."""
    with pytest.raises(ConfigurationError, match=r"azure, openai.*local"):
        resolve_service(value, namespace={"number": 3}, environ={})


def test_a_session_takes_service_objects_only() -> None:
    """A word where a service object belongs is an error that says what to give."""
    with pytest.raises(ConfigurationError, match=r"'local' is not a service; give an object such as"):
        RealtimeSession("local")  # type: ignore[arg-type]


# ── where it is ──


@pytest.mark.parametrize(
    ("address", "socket"),
    [
        ("https://host.example", "wss://host.example"),
        ("wss://host.example:8443/path?query=1#part", "wss://host.example:8443"),
        ("host.example", "wss://host.example"),
        ("  'https://Host.Example/'\n", "wss://host.example"),
        ("http://127.0.0.1:8000", "ws://127.0.0.1:8000"),
        ("ws://localhost:1", "ws://localhost:1"),
        ("http://127.9.9.9", "ws://127.9.9.9"),
        ("ws://[::1]:8000/x", "ws://[::1]:8000"),
        ("http://dev.localhost", "ws://dev.localhost"),
    ],
)
def test_an_address_is_understood_however_it_was_copied(address: str, socket: str) -> None:
    """Scheme, quotes, path and query of a copied address do not matter; the port does."""
    assert socket_address(address) == socket


@pytest.mark.parametrize(
    "address",
    ["http://host.example", "ws://10.0.0.1", "http://0.0.0.0", "ws://localhost.example", "ws://127.0.0.1.example",
     "http://[::2]", "ws://2130706433"],
)  # fmt: skip
def test_unencrypted_is_for_this_machine_only(address: str) -> None:
    """Speech does not go over a network in the clear; the error says what to write."""
    with pytest.raises(ConfigurationError, match=r"unencrypted.*write (https|wss)://"):
        socket_address(address)


@pytest.mark.parametrize("host", ["portal.azure.com", "ai.azure.com", "oai.azure.com", "Portal.Azure.US"])
@pytest.mark.parametrize("make", [AzureOpenAI, VoiceLive])
def test_the_portals_page_is_no_endpoint(make: type[AzureOpenAI | VoiceLive], host: str) -> None:
    """The address of the page that shows a resource is refused, and where the endpoint stands is said."""
    with pytest.raises(ConfigurationError, match=r"portal's own page.*Keys and Endpoint.*https://<resource>"):
        make(f"https://{host}/#view/resource/subscriptions/1/accounts/ear/overview")


@pytest.mark.parametrize(
    "address", ["", "://", "ftp://host", "https://", "https://[::1", "https://host:99999", "https://h:x"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """What cannot be an address is an error of ours, not one of a library."""
    with pytest.raises(ConfigurationError, match="address"):
        socket_address(address)


@pytest.mark.parametrize(
    ("service", "target"),
    [
        (AzureOpenAI(ENDPOINT), "wss://contoso.openai.azure.com/openai/v1/realtime?intent=transcription"),
        (
            AzureOpenAI(f"{ENDPOINT}/openai/realtime?api-version=2025-04-01-preview&deployment=x"),
            "wss://contoso.openai.azure.com/openai/v1/realtime?intent=transcription",
        ),
        (AzureOpenAI("http://127.0.0.1:8000"), "ws://127.0.0.1:8000/openai/v1/realtime?intent=transcription"),
        (OpenAI(), "wss://api.openai.com/v1/realtime?intent=transcription"),
        (OpenAI(base_url="https://proxy.example/v1"), "wss://proxy.example/v1/realtime?intent=transcription"),
        (Compatible("ws://127.0.0.1:9"), "ws://127.0.0.1:9/v1/realtime?intent=transcription"),
        (Compatible("wss://host.example/v1/"), "wss://host.example/v1/realtime?intent=transcription"),
        (Compatible("wss://host.example/asr?lang=fr"), "wss://host.example/asr?lang=fr"),
        (Compatible("host.example:8443"), "wss://host.example:8443/v1/realtime?intent=transcription"),
        (Compatible("ws://localhost", dialect="azure"), "ws://localhost/openai/v1/realtime?intent=transcription"),
    ],
)
def test_where_a_connection_goes(service: AzureOpenAI | OpenAI | Compatible, target: str) -> None:
    """The path is that of the service, whatever the address had; a compatible server's own path is kept."""
    assert service.target(Rung()) == target


def test_what_people_read() -> None:
    """Each service has a name, a label with its model, and the host that audio goes to."""
    assert (Local().name, Local().host, Local().label()) == ("local", None, "embedded engine")
    azure = AzureOpenAI(ENDPOINT, model="scribe")
    assert (azure.name, azure.host, azure.label()) == (
        "azure", "contoso.openai.azure.com", "Azure OpenAI, deployment scribe",
    )  # fmt: skip
    assert OpenAI(model="m").label() == "OpenAI, model m" and OpenAI().host == "api.openai.com"
    assert Compatible("wss://h.example:1/x", model="m").host == "h.example:1"
    assert "model m" in Compatible("wss://h.example:1/x", model="m").label()


def test_azure_without_an_address_says_where_to_put_it() -> None:
    """The variable to set is named."""
    with pytest.raises(ConfigurationError, match="set AZURE_OPENAI_ENDPOINT to"):
        check_service(AzureOpenAI())


# ── as values ──

SERVICES: list[Service] = [
    Local(),
    Local(engine="whisper", model="small"),
    OpenAI(model="m", api_key=SECRET),
    OpenAI(base_url="https://proxy.example"),
    AzureOpenAI(ENDPOINT, model="scribe", api_key=SECRET),
    AzureOpenAI(ENDPOINT, realtime_model="voice", scope="https://x/.default"),
    Compatible("wss://host.example/v1", model="m", api_key=SECRET, dialect="openai"),
]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: type(service).__name__)
def test_services_are_values(service: Service) -> None:
    """Frozen, hashable, equal by value, and whole after a trip to another process, key included."""
    copy = pickle.loads(pickle.dumps(service))
    assert copy == service and hash(copy) == hash(service) and copy is not service
    assert all(getattr(copy, field.name) == getattr(service, field.name) for field in fields(service))
    assert service not in [other for other in SERVICES if other is not service]
    with pytest.raises(FrozenInstanceError):
        service.model = "other"  # type: ignore[misc]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: type(service).__name__)
def test_no_key_is_shown(service: Service) -> None:
    """Neither repr, text nor label has the key."""
    assert SECRET not in f"{service!r} {service} {service.label()} {service.host}"


async def test_the_address_of_a_connection_hides_its_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What opens a connection has the key in a header, never in the address, and does not show it."""
    monkeypatch.setenv("RT_MAGIC_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", "not-for-others")
    for service in (Compatible("wss://h.example"), OpenAI(api_key=SECRET), AzureOpenAI(ENDPOINT, api_key=SECRET)):
        address = await service.address(Rung())
        assert SECRET in "".join(address.headers.values())
        assert "not-for-others" not in "".join(address.headers.values())
        assert SECRET not in repr(address) and SECRET not in address.url


@pytest.mark.parametrize(
    "address",
    [f"wss://user:{SECRET}@host.example/v1", f"wss://{SECRET}@host.example", f"https://host.example?api-key={SECRET}",
     f"https://host.example/v1?x=1&access_token={SECRET}", f"http://user:{SECRET}@elsewhere.example:99999"],
)  # fmt: skip
def test_an_address_with_a_secret_is_refused_without_showing_it(address: str) -> None:
    """An address is shown in many places, so a key in it is an error, which does not repeat it."""
    for make in (lambda: Compatible(address), lambda: AzureOpenAI(address), lambda: OpenAI(base_url=address)):
        with pytest.raises(ConfigurationError, match="api_key=") as caught:
            make()
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Local(engine="siri"),  # type: ignore[arg-type]
        lambda: Local(engine="pocketsphinx", model="small"),
        lambda: Compatible("ws://localhost", dialect="klingon"),
        lambda: AzureOpenAI("contoso"),
        lambda: AzureOpenAI(ENDPOINT, credential=3),  # type: ignore[arg-type]
        lambda: AzureOpenAI(ENDPOINT, api_key="x", credential=lambda: "token"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(make: Any) -> None:
    """A wrong setting is an error when it is made, not when it is used."""
    with pytest.raises(ConfigurationError):
        make()


# ── what cannot be done here ──


@pytest.mark.parametrize("model", ["gpt-4o-transcribe", "gpt-realtime-whisper"])
def test_a_hosted_model_without_a_service_is_told_where_it_is(model: str) -> None:
    """It is no model of the embedded engine, which is what there is without a service; a folder may be called so."""
    with pytest.raises(ConfigurationError, match=r"is a hosted model.*name its service, --service openai or azure"):
        check_service(Local(model=model))
    try:
        check_service(Local(model=f"/models/{model}"))
    except ConfigurationError as error:
        assert "hosted" not in str(error)  # without the whisper extra it is another sentence


@pytest.mark.parametrize(("language", "name"), [("fr", "French"), ("de-AT", "German"), ("ja", "Japanese")])
def test_another_language_is_refused_with_the_ways_out(language: str, name: str) -> None:
    """The embedded engine understands English; for another language each way out is one line to copy."""
    with pytest.raises(ConfigurationError) as caught:
        check_service(Local(), (language,))
    said = str(caught.value)
    assert name in said and f"--lang {language}" in said
    ways = (
        "set AZURE_OPENAI_ENDPOINT",
        extra("whisper"),
        "--model /path/to/model",
        "--service openai",
    )
    for way, line in zip(ways, said.splitlines()[1:], strict=True):
        assert way in line


@pytest.mark.parametrize(
    "call",
    [
        lambda: rt.transcribe(np.zeros(2400), sample_rate=24_000, language="fr", service="local"),
        lambda: rt.Transcriber("fr", service="local"),
    ],
)
def test_python_is_refused_in_python(call: Callable[[], object]) -> None:
    """A call is told the ways out as arguments of calls, each of which stands for itself."""
    with pytest.raises(ConfigurationError) as caught:
        call()
    said = str(caught.value)
    assert "French" in said and "%%transcribe" not in said and "--" not in said
    ways = (
        "set AZURE_OPENAI_ENDPOINT",
        'language="fr", service=rt_magic.Local(model="small")',
        'language="fr", service=rt_magic.Local(model="/path/to/model")',
        'language="fr", service="openai"',
    )
    for way, line in zip(ways, said.splitlines()[1:], strict=True):
        assert way in line


def test_a_way_out_that_is_prepared_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Azure's address is set, the refusal does not ask to set it, but to choose it."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", ENDPOINT)
    with pytest.raises(ConfigurationError, match="--service azure --lang fr, since AZURE_OPENAI_ENDPOINT is set"):
        check_service(Local(), ("fr",))


ALONE = """
import json, sys, threading
seen, watching = [], True
WATCHED = {"socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen",
           "os.posix_spawn", "os.fork", "os.exec", "os.system"}
ENGINES = ("pocketsphinx", "faster_whisper", "ctranslate2", "rt_magic.local")
def watch(event, args):
    if watching and (event in WATCHED or (event == "import" and str(args[0]).startswith(ENGINES))):
        seen.append([event, str(args[0])])
sys.addaudithook(watch)

import numpy
import rt_magic as rt
refused = 0
for attempt in (
    lambda: rt.RealtimeSession(rt.Local(), language="fr"),
    lambda: rt.transcribe(numpy.zeros(48000), sample_rate=24000, language="French", service="local", progress=False),
    lambda: rt.RealtimeSession(rt.Local(engine="pocketsphinx"), language="fr,en"),
):
    try:
        attempt()
    except rt.ConfigurationError as error:
        refused += "English only" in str(error)
watching = False
seen += [["loaded", name] for name in sys.modules if name.startswith(ENGINES)]
print(json.dumps({"seen": seen, "refused": refused, "threads": [t.name for t in threading.enumerate()]}))
"""


def test_the_refusal_touches_nothing(tmp_path: Path) -> None:
    """It comes from a table: no engine is imported, no process, thread or socket made, nothing recorded."""
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", ALONE], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["refused"] == 3 and told["seen"] == [] and told["threads"] == ["MainThread"]
    assert list(tmp_path.iterdir()) == []


def test_the_watch_over_the_refusal_sees() -> None:
    """The same watch notices an engine's import, a socket and a process, so that its silence means something."""
    script = ALONE.replace("import numpy\n", "import socket, subprocess, sys\nsocket.socket().close()\n"
                           "subprocess.run([sys.executable, '-c', ''])\nimport rt_magic.local\n"
                           "import numpy\n")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {event for event, _ in json.loads(done.stdout)["seen"]} >= {
        "socket.__new__",
        "subprocess.Popen",
        "import",
        "loaded",
    }


def test_the_default_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """`rt.use` takes a service, a name or an address, refuses anything else, and None takes it back."""
    from rt_magic.session.defaults import default_service

    try:
        rt.use("ws://127.0.0.1:1")
        assert default_service() == Compatible("ws://127.0.0.1:1")
        with pytest.raises(ConfigurationError):
            rt.use("nonsense")
        assert default_service() == Compatible("ws://127.0.0.1:1")
    finally:
        rt.use(None)
    assert default_service() is None


def test_openai_on_a_host_of_azure_is_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of Azure's means Azure OpenAI, however it came to OpenAI's service."""
    monkeypatch.delenv("AZURE_OPENAI_API_KEY", raising=False)
    given = OpenAI(base_url="https://contoso.openai.azure.com/openai/v1", model="mine", api_key="k")
    meant = resolve_service(given, environ={}).service
    assert isinstance(meant, AzureOpenAI)
    assert (meant.host, meant.model, meant.api_key) == ("contoso.openai.azure.com", "mine", "k")
    assert given.pinned() == meant.pinned()
    given.check()
    monkeypatch.setenv("OPENAI_BASE_URL", "https://contoso.openai.azure.com/openai/v1")
    assert isinstance(OpenAI(api_key="k").pinned(), AzureOpenAI)


def test_what_notebooks_are_configured_for_comes_before_use() -> None:
    """The configuration comes first, then `use`, and both can be taken back."""
    use("ws://127.0.0.1:1")
    configure(lambda: "ws://127.0.0.1:2")
    try:
        assert chosen_service().service == Compatible("ws://127.0.0.1:2")
        assert chosen_service("ws://127.0.0.1:3").service == Compatible("ws://127.0.0.1:3")
        configure(None)
        assert chosen_service().service == Compatible("ws://127.0.0.1:1")
    finally:
        configure(None)
        use(None)
