"""No key and no token is found anywhere after a session, whatever befell it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import pickle
import traceback
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential

import rt_magic as rt
from rt_magic import secrets
from rt_magic.secrets import MARK, guard, redact, redacted_log
from rt_magic.session import credentials
from rt_magic.session.session import RealtimeSession
from rt_magic.session.timing import Timing
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.wire.events import ErrorEvent, Failed
from tests import resource
from tests.resource import PHRASE, fresh  # noqa: F401  # `fresh` is for every test here

KEY = "sk-secret-0123456789abcdef"
TOKEN = "eyJhbGciOiJub25lIn0.eyJzZWNyZXQiOiJ0b2tlbiJ9.c2VjcmV0LXNpZ25hdHVyZQ"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Recordings of these tests go to a folder of their own, and nobody is signed in."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    monkeypatch.setattr(secrets, "_known", deque(maxlen=64))
    yield tmp_path
    credentials.forget_default_credential()


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Everything that any logger of this process says, debugging on for all of them."""
    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(self.format(record))

    keep = Keep(logging.DEBUG)
    names = [None, *logging.root.manager.loggerDict]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger().addHandler(keep)
    asyncio.get_event_loop_policy()
    yield said
    logging.getLogger().removeHandler(keep)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


class Token:
    """A credential that hands out the token."""

    def get_token(self, *scopes: str) -> AccessToken:
        """Return the token."""
        return AccessToken(TOKEN, 0)


WAYS: dict[str, dict[str, Any]] = {
    "key": {"api_key": KEY},
    "AzureKeyCredential": {"credential": AzureKeyCredential(KEY)},
    "token": {"credential": Token()},
    "function": {"credential": lambda: TOKEN},
}


async def chatter(connection: PeerConnection) -> None:
    """Transcribe, and repeat in every way what the client sent as its secret."""
    sent = {name.lower(): value for name, value in connection.headers.items()}
    secret = sent.get("api-key") or sent["authorization"].removeprefix("Bearer ")
    connection.protocol.unknown = frozenset({"session.audio.input.transcription.keywords"})
    await connection.greet()
    await connection._socket.recv()
    refusal = ErrorEvent(f"Unknown parameter 'keywords', asked with {secret}", "unknown_parameter", None,
                         "session.audio.input.transcription.keywords")  # fmt: skip
    await connection.send(refusal)
    await connection.expect(type_of_update())
    await connection.audio(seconds=1)
    await connection.send(ErrorEvent(f"your key {secret} is nearly used up", "nearly", None))
    await connection.send_raw("{broken " + secret)
    await connection.turn("bonjour", start=0.5, end=3.56)
    await connection.turn("", error=f"failed for {secret}")
    await connection.finish()


def type_of_update() -> type:
    """Return the class of configuration events."""
    from rt_magic.wire.events import SessionUpdate

    return SessionUpdate


def closing(reason: str) -> Any:
    """Return a script that closes with a reason that repeats the secret."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        sent = {name.lower(): value for name, value in connection.headers.items()}
        await connection.close(4000, f"{reason} {sent.get('api-key') or sent['authorization'][7:]}"[:120])

    return script


def clean(*texts: str) -> None:
    """Complain about a text that holds the key or the token, or a good part of either."""
    for text in texts:
        for secret in (KEY, TOKEN, KEY[3:], TOKEN.split(".")[2]):
            position = text.find(secret)
            assert position < 0, f"a secret is in: …{text[max(0, position - 80) : position + 8]}…"


def told(error: BaseException) -> str:
    """Return all that an exception and those behind it say, with the variables of every frame."""
    parts = [repr(error), str(error), repr(vars(error))]
    parts += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    for behind in (error.__cause__, error.__context__):
        if behind is not None:
            parts.append(told(behind))
    return "\n".join(parts)


def files(folder: Path) -> str:
    """Return the bytes of every file below a folder, as text."""
    return "\n".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_is_left_of_a_secret_after_a_session(way: str, logs: list[str], own_state: Path) -> None:
    """Words come; logs, states, transcript, notes, recording and reprs do not hold what opened the connection."""
    states: list[str] = []
    async with ScriptedPeer(chatter) as peer:
        service = rt.AzureOpenAI(f"http://{peer.address}", model="whisper-ear", **WAYS[way])
        async with RealtimeSession(
            service, keywords=["bee"], on_state=lambda state, status: states.append(status)
        ) as session:
            await session.send(PHRASE)
            transcript = await session.finish()
            clean(repr(session), repr(session._keeper.address))
        assert transcript.text == "bonjour"
        sent = str(peer.connections[0].headers)
    assert KEY in sent or TOKEN in sent  # it was used, so that it could have been found
    clean(*logs, *states, transcript.to_json(), repr(transcript.meta), repr(transcript.events), repr(service))
    clean(files(own_state), *(str(segment) for segment in transcript))
    assert any(MARK in line for line in logs) and any("GET /openai/v1/realtime" in line for line in logs)


FAULTS: dict[str, Any] = {
    "refused": Refusal(401, json.dumps({"error": {"code": "401", "message": f"bad key {KEY} or {TOKEN}"}})),
    "forbidden": Refusal(403, f"no {KEY} {TOKEN}"),
    "redirect": Refusal(302, "", {"Location": f"http://h/v1/realtime?api-key={KEY}&token={TOKEN}"}),
    "close": closing("invalid_request_error.invalid_model"),
    "unreachable": None,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("way", ["key", "token"])
async def test_nothing_is_left_of_a_secret_in_an_error(way: str, fault: str, logs: list[str], own_state: Path) -> None:
    """Whatever ends a session, the exception holds no secret, nor do the frames it came through."""
    scripts = [] if FAULTS[fault] is None else [FAULTS[fault]] * (2 if way == "token" and fault == "refused" else 1)
    async with ScriptedPeer(*scripts) as peer:
        address = peer.address if FAULTS[fault] is not None else "127.0.0.1:9"
        service = rt.AzureOpenAI(f"http://{address}", **WAYS[way])
        session = RealtimeSession(service, timing=Timing(retry=0.01))
        async with session:
            await session.send(bytes(48_000))
            with pytest.raises(rt.RtMagicError) as caught:
                await session.finish()
    error = caught.value
    clean(str(error), repr(error), str(session.status), files(own_state), *logs)
    assert error.__cause__ is None
    frames = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in frames.stack if "rt_magic" in frame.filename or "websockets" in frame.filename]
    clean("".join(str(frame.locals) for frame in ours))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))


@pytest.mark.parametrize("way", ["key", "token"])
async def test_the_doctors_text_holds_no_secret(way: str, logs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be pasted into a ticket can be, although the service repeated the secret."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    body = json.dumps({"error": {"message": f"{KEY} {TOKEN} is wrong"}})
    refusals = [Refusal(401, body)] * (2 if way == "token" else 1)
    async with ScriptedPeer(*refusals) as peer:
        service = rt.AzureOpenAI(f"http://{peer.address}", **WAYS[way])
        examination = await asyncio.to_thread(rt.doctor, service)
    assert not examination.ok and "OPENAI_API_KEY" in str(examination)
    clean(str(examination), repr(examination), *examination._repr_mimebundle_().values(), *logs)


async def test_a_credential_that_fails_with_its_token_is_not_repeated() -> None:
    """An exception of a credential may hold a token; ours does not."""

    def broken() -> str:
        raise ValueError(f"cannot refresh {TOKEN}")

    with pytest.raises(rt.AuthenticationError) as caught:
        await credentials.prove(
            api_key=None, credential=broken, key_variable="K", token_variable="T", scope="s", environ={}
        )
    clean(str(caught.value))
    assert MARK in str(caught.value)


def test_reprs_hide_what_opens_a_connection() -> None:
    """Services, sessions and addresses can be shown."""
    for settings in WAYS.values():
        clean(repr(rt.AzureOpenAI("https://a.openai.azure.com", **settings)))
    clean(repr(rt.OpenAI(api_key=KEY)), repr(rt.Compatible("ws://127.0.0.1", api_key=KEY)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"key {KEY}.", f"key {MARK}."),
        (f"Authorization: Bearer {TOKEN}", f"Authorization: Bearer {MARK}"),
        ("Bearer abcdefghijkl", f"Bearer {MARK}"),
        ("wss://h/x?api-key=0123abcd&y=1", f"wss://h/x?api-key={MARK}&y=1"),
        ("http://me:word@proxy:8080", f"http://{MARK}@proxy:8080"),
        ("ek_0123456789", MARK),
        ("we use sk-learn, a task-based desk-top", "we use sk-learn, a task-based desk-top"),
    ],
)
def test_what_looks_like_a_secret_is_blotted_out(text: str, shown: str) -> None:
    """Keys, tokens and passwords are known by their shape, and words that only resemble them are left alone."""
    assert redact(text) == shown


def test_a_secret_without_a_shape_is_known_once_it_was_sent() -> None:
    """Azure's keys look like anything: what went out in a header is known, but nothing as short as a word."""
    assert redact("0a1b2c3d4e5f") == "0a1b2c3d4e5f"
    guard({"api-key": "0a1b2c3d4e5f", "x-other": "harmless", "Authorization": "Bearer k"})
    assert redact("x0a1b2c3d4e5fx harmless k") == f"x{MARK}x harmless k"


def test_the_longer_of_two_secrets_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that another one begins with, whichever came first, leaves nothing of the other's rest."""
    for keys in (("f0e1d2", "f0e1d2-and-the-rest"), ("f0e1d2-and-the-rest", "f0e1d2")):
        monkeypatch.setattr(secrets, "_known", deque(maxlen=64))
        for key in keys:
            guard({"api-key": key})
        assert redact("f0e1d2-and-the-rest, f0e1d2") == f"{MARK}, {MARK}"


@pytest.mark.parametrize(
    ("key", "text", "shown"),
    [
        ("EMPTY", "wrong key EMPTY.", f"wrong key {MARK}."),
        ("tiny", "'tiny' and Bearer tiny, tiny, destiny", f"'{MARK}' and Bearer {MARK}, tiny, destiny"),
        ("key", "your key; api-key: key, key=key", f"your key; api-key: {MARK}, key={MARK}"),
        ("a1b2", "a1b2 and a1b23", f"{MARK} and a1b23"),
        ("a+b", "(a+b) or ca+b", f"({MARK}) or ca+b"),
        ("no", "no key", "no key"),
    ],
)
def test_a_short_key_is_a_secret_where_it_stands_alone(key: str, text: str, shown: str) -> None:
    """Keys of three to five characters are blotted out, and not the words that they are part of, or are."""
    guard({"Authorization": f"Bearer {key}"})
    assert redact(text) == shown


async def test_failed_turns_of_a_service_that_repeats_the_key_are_marked_without_it() -> None:
    """The error of a segment, which exports hold, is redacted too."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        item = connection.next_item
        await connection.send(connection.protocol.commit(item), Failed(item, f"no, {KEY}", "audio_unintelligible"))
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript = await resource.say(resource.azure(peer, "whisper-1", api_key=KEY), bytes(48_000))
    assert transcript.segments[0].error == f"no, {MARK}"


def test_an_exception_that_is_logged_shows_no_secret() -> None:
    """What the WebSocket library logs of an exception, message and traceback, is without the key as well."""
    guard({"api-key": "f00d-and-more-f00d"})
    log, written = redacted_log("websockets.test_of_exceptions"), io.StringIO()
    log.addHandler(logging.StreamHandler(written))
    try:
        raise ValueError("unexpected header: f00d-and-more-f00d")
    except ValueError:
        log.exception("connection failed")
    assert f"ValueError: unexpected header: {MARK}" in written.getvalue()
    assert "f00d" not in written.getvalue()
