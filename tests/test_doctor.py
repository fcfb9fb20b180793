"""`rt.doctor`: each step from the page to the service, with what was found and what to do."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from websockets.asyncio.server import ServerConnection, serve

import rt_magic as rt
from rt_magic import checks
from rt_magic.audio.recording import recordings_folder
from rt_magic.checks import Check, Examination
from rt_magic.session import credentials
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.wire.events import CommitAudio, Failed
from tests import resource
from tests.resource import azure, fresh  # noqa: F401  # `fresh` is for every test here
from tests.test_ladder import WRONG_MODEL
from tests.test_magic import shell  # noqa: F401  # a fixture
from tests.test_openai import certificate, no_proxies, proxy  # noqa: F401  # fixtures


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch: pytest.MonkeyPatch, no_proxies: None) -> Iterator[None]:  # noqa: F811
    """No proxy and nobody signed in."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    yield
    credentials.forget_default_credential()


async def examine(*arguments: object, **options: object) -> Examination:
    """Run the doctor off this loop, on which the peer serves."""
    import asyncio

    return await asyncio.to_thread(rt.doctor, *arguments, **options)  # type: ignore[arg-type]


def verdicts(examination: Examination) -> dict[str, str]:
    """Return each check's verdict, the last one where a name comes twice."""
    return {check.name: check.verdict for check in examination.checks}


def found(examination: Examination, name: str) -> Check:
    """Return the first check of that name."""
    return next(check for check in examination.checks if check.name == name)


async def silence(connection: PeerConnection) -> None:
    """Take a second of silence, and transcribe it as nothing."""
    update = await connection.accept()
    assert update.session["audio"]["input"]["turn_detection"] is None
    await connection.expect(CommitAudio)
    assert connection.seconds == 1.0
    await connection.turn("")
    await connection.finish()


SERVICE = ("credential", "handshake", "settings taken", "silence")


async def test_a_service_that_is_well_is_found_well() -> None:
    """Every step is reached, a second of silence is transcribed, and nothing stays on the disk."""
    before = set(recordings_folder().glob("*"))
    async with ScriptedPeer(silence) as peer:
        examination = await examine(azure(peer, "ear"))
    assert examination.ok and "all is well" in examination.about
    assert {verdicts(examination)[name] for name in SERVICE} == {"ok"}
    assert "model ear" in found(examination, "settings taken").found
    assert set(recordings_folder().glob("*")) <= before


@pytest.mark.parametrize(
    ("script", "failed", "words", "mend"),
    [
        (Refusal(401, "no such key", {"apim-request-id": "r-9"}), "handshake", "401 (no such key)", "KEY 1"),
        (Refusal(400, WRONG_MODEL), "handshake", "400", "AZURE_OPENAI_REALTIME_DEPLOYMENT"),
        (Refusal(404), "handshake", "404", "one of three"),
        (Refusal(302, "", {"Location": "https://h/v1/realtime"}), "handshake", "302", "preview route"),
    ],
)
async def test_a_refused_handshake_is_found_with_its_mend(script: Refusal, failed: str, words: str, mend: str) -> None:
    """The step that failed has the service's words and what to do; what comes after it was not reached."""
    async with ScriptedPeer(script) as peer:
        examination = await examine(azure(peer, "ear"))
    assert not examination.ok and examination.about.endswith(f"failed: {failed}")
    check = found(examination, failed)
    assert words in check.found and mend in check.mend
    assert [verdicts(examination)[name] for name in SERVICE] == ["ok", "failed", "skipped", "skipped"]
    if script.headers.get("apim-request-id"):
        assert "request id r-9" in check.mend


async def test_settings_that_are_refused_are_found() -> None:
    """A service that takes the connection and not the settings fails at the settings."""

    async def script(connection: PeerConnection) -> None:
        connection.protocol.unknown = frozenset({"session.audio"})
        await connection.greet()
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        examination = await examine(azure(peer, "ear"))
    assert [verdicts(examination)[name] for name in SERVICE] == ["ok", "ok", "failed", "skipped"]
    assert "preview" in found(examination, "settings taken").mend


async def test_a_deployment_that_is_missing_is_found_by_the_silence() -> None:
    """The settings are accepted whatever the deployment; that it is missing shows when something is to be written."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.expect(CommitAudio)
        item = connection.next_item
        await connection.send(connection.protocol.commit(item), Failed(item, "does not exist", "DeploymentNotFound"))
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        examination = await examine(azure(peer, "ear"))
    assert [verdicts(examination)[name] for name in SERVICE] == ["ok", "ok", "ok", "failed"]
    assert "no deployment 'ear'" in found(examination, "silence").mend


@pytest.mark.parametrize(
    ("text", "error", "verdict"), [("Thanks for watching!", None, "note"), ("", "cannot hear", "failed")]
)
async def test_what_becomes_of_the_silence_is_told(text: str, error: str | None, verdict: str) -> None:
    """Words that nobody said are worth a note, a turn that failed is a failure."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.expect(CommitAudio)
        await connection.turn(text, error=error)
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        check = found(await examine(azure(peer, "ear")), "silence")
    assert check.verdict == verdict and (error or text) in check.found


async def test_a_service_that_never_answers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence that is never transcribed is a failure, not a success."""
    monkeypatch.setattr(checks, "PATIENCE", 0.3)

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.expect(CommitAudio)
        await connection._socket.wait_closed()

    async with ScriptedPeer(script) as peer:
        check = found(await examine(azure(peer, "ear")), "silence")
    assert check.verdict == "failed" and "no answer within" in check.found


async def test_settings_that_were_dropped_are_noted() -> None:
    """What the service did not take of the settings is told, without being a failure."""

    async def script(connection: PeerConnection) -> None:
        connection.rule = resource.rule("whisper-1")
        await silence(connection)

    async with ScriptedPeer(script) as peer:
        examination = await examine(azure(peer, "gpt-4o-transcribe"))
    assert examination.ok
    assert any(check.verdict == "note" and "include" in check.found for check in examination.checks)


async def test_nobody_signed_in_is_found_before_anything_is_opened() -> None:
    """Without a key the credential fails first, with the three ways in."""
    async with ScriptedPeer() as peer:
        examination = await examine(rt.AzureOpenAI(f"http://{peer.address}"))
        assert peer.requests == []
    assert [verdicts(examination)[name] for name in SERVICE] == ["failed", "skipped", "skipped", "skipped"]
    assert "Three ways in" in str(examination)


async def test_a_name_that_does_not_exist_is_found() -> None:
    """A host that nobody knows fails at the name; TLS and the rest are not reached."""
    examination = await examine(rt.AzureOpenAI("https://nowhere.invalid", api_key="sk-secret-key"))
    assert verdicts(examination)["name resolution"] == "failed"
    assert "check the endpoint" in found(examination, "name resolution").mend
    assert {verdicts(examination)[name] for name in SERVICE} == {"skipped"}


async def test_a_certificate_that_is_not_trusted_is_found(
    certificate: tuple[Path, ssl.SSLContext],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TLS fails with the variable to set; once that is set, who vouches is told."""
    public, context = certificate

    async def greet(socket: ServerConnection) -> None:
        await socket.close(3000)

    async with serve(greet, "127.0.0.1", 0, ssl=context) as server:
        service = rt.OpenAI(base_url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", api_key="k")
        first = found(await examine(service), "TLS")
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        second = await examine(service)
    assert first.verdict == "failed" and "SSL_CERT_FILE" in first.mend
    assert found(second, "TLS").verdict == "ok" and "vouched for by inspection" in found(second, "TLS").found
    assert verdicts(second)["settings taken"] == "failed"


async def test_a_proxy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a proxy is set it is named, without its password, and the service is examined through it."""
    async with proxy() as (address, _), ScriptedPeer(silence) as peer:
        monkeypatch.setenv("http_proxy", address.replace("//", "//me:pa55w0rd@"))
        monkeypatch.setenv("https_proxy", address.replace("//", "//me:pa55w0rd@"))
        examination = await examine(azure(peer, "ear"))
    network = found(examination, "network")
    assert network.verdict == "note" and address.removeprefix("http://") in network.found
    assert examination.ok and "pa55w0rd" not in str(examination)


def test_settings_that_cannot_work_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service without an address is a finding, not an exception."""
    monkeypatch.setenv("RT_MAGIC_SERVICE", "azure")
    examination = rt.doctor()
    assert verdicts(examination)["settings"] == "failed" and "AZURE_OPENAI_ENDPOINT" in str(examination)


def test_a_key_without_its_endpoint_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that was forgotten or misspelt leaves the choice to the embedded engine, which is said."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "sk-secret-other")
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
    text = str(rt.doctor(rt.Local()))
    assert "AZURE_OPENAI_API_KEY is set and AZURE_OPENAI_ENDPOINT is not" in text
    text = str(rt.doctor(rt.AzureOpenAI("http://127.0.0.1:9")))
    assert "AZURE_OPENAI_ENDPOINT is not" not in text  # the service has an endpoint of its own


@pytest.mark.parametrize("path", ["mai/v1/realtime", "openai/v1/realtime?deployment=voice", "openai/realtime"])
def test_a_path_that_is_used_is_not_said_to_be_left_out(path: str) -> None:
    """A deployment in the address counts, and so does MAI's way of speaking."""
    text = str(rt.doctor(rt.AzureOpenAI(f"http://127.0.0.1:9/{path}", api_key="sk-secret-other")))
    assert ("only the host is used" in text) is (path == "openai/realtime")


async def test_settings_that_mislead_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that nobody reads, a key beside a credential, a path in the endpoint: each is said."""
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-01-preview")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "sk-secret-other")
    async with ScriptedPeer(silence) as peer:
        endpoint = f"http://{peer.address}/openai/realtime?api-version=2024-10-01-preview"
        text = str(await examine(rt.AzureOpenAI(endpoint, credential=lambda: "sk-secret-token")))
    assert "OPENAI_API_VERSION is set and read by nobody" in text
    assert "not the key in AZURE_OPENAI_API_KEY" in text and "only the host is used" in text
    assert "sk-secret" not in text


@pytest.mark.parametrize(
    ("microphone", "verdict", "words"),
    [
        ({"error": "the browser denied the microphone"}, "failed", "denied"),
        ({"page": "", "received": 0}, "note", "click Start"),
        ({"page": "", "received": 24_000, "captured": 24_000, "state": "stopped"}, "ok", "1.0 s arrived; stopped"),
        ({"page": "p1", "received": 48_000, "captured": 72_000, "state": "listening"}, "ok", "2.0 s of 3.0 s arrived"),
    ],
)
def test_the_page_is_looked_at_where_one_is_given(microphone: dict[str, object], verdict: str, words: str) -> None:
    """A denied microphone, a page that has not recorded, sound that arrives: told from the widget itself."""
    widget = SimpleNamespace(microphone=SimpleNamespace(**{"error": "", "page": "", **microphone}))
    (check,) = checks._microphone(widget)
    assert check.verdict == verdict and words in f"{check.found} {check.mend}"


def test_it_displays_as_a_table_and_as_text() -> None:
    """Both forms hold every check; what a service says is text in both, and secrets are in neither."""
    examination = Examination(
        "about",
        (
            Check("one", "ok", "fine"),
            Check("two", "failed", "<script>alert(1)</script> Bearer sk-secret-abcdef", "mend"),
        ),
    )
    bundle = examination._repr_mimebundle_()
    assert bundle["text/html"].count("<tr") == 3 and "&lt;script&gt;" in bundle["text/html"]
    assert bundle["text/plain"].splitlines()[0] == "about" and "→ mend" in bundle["text/plain"]
    for text in bundle.values():
        assert "<script>" not in text or text == bundle["text/plain"]
        assert "sk-secret" not in text


async def test_the_magic_examines_the_service_that_the_cell_would_use(
    shell: InteractiveShell,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`%transcribe --doctor --service team` shows the table for that variable, and only for services allowed here."""
    import asyncio

    async with ScriptedPeer(silence) as peer:
        shell.user_ns["team"] = azure(peer, "ear")
        await asyncio.to_thread(shell.run_line_magic, "transcribe", "--doctor --service team")
        shown = capsys.readouterr().out
        shell.run_line_magic("config", 'TranscribeMagics.allowed_services = ["local"]')
        with pytest.raises(UsageError, match="not among the services allowed here"):
            shell.run_line_magic("transcribe", "--doctor --service team")
        shell.run_line_magic("config", "TranscribeMagics.allowed_services = []")
    assert "all is well" in shown and "model ear" in shown and "sk-secret" not in shown


def test_outside_a_notebook_it_looks_at_this_machines_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal records with no page's: whether what that takes is installed is part of the way."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    (check,) = [check for check in rt.doctor(rt.Local()).checks if check.name == "microphone"]
    assert check.verdict == "note" and 'install "rt-magic[mic]"' in f"{check.found} {check.mend}"
