"""A scripted service: it expects client events and answers with server events, delays and faults.

    async def script(connection):
        await connection.accept()
        await connection.audio(seconds=1.0)
        await connection.turn("bonjour", start=0.2, end=0.8)
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        async with RealtimeSession(Compatible(peer.url), language="fr") as session:
            ...

A script is a coroutine per connection: several scripts serve one connection each, in order. A script that was not
met, or not run to its end, makes leaving the peer an AssertionError, so that no expectation goes unnoticed.
"""

from __future__ import annotations

import asyncio
import http
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from rt_magic.audio.pcm import BYTES_PER_SAMPLE
from rt_magic.exceptions import ConfigurationError
from rt_magic.secrets import redacted_log
from rt_magic.wire.dialects import DIALECTS
from rt_magic.wire.events import (
    AppendAudio,
    ClearAudio,
    Cleared,
    ClientEvent,
    CommitAudio,
    Completed,
    Delta,
    Failed,
    ItemAdded,
    ItemDone,
    Json,
    ServerEvent,
    SessionUpdate,
    SpeechStarted,
    SpeechStopped,
)
from rt_magic.wire.server import ServerProtocol

E = TypeVar("E")
Script: TypeAlias = Callable[["PeerConnection"], Awaitable[object]]
Speaking: TypeAlias = Callable[..., ServerProtocol]

PATIENCE = 10.0
"""Seconds that an expectation waits for the client before the script fails."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A script's place taken by a handshake that is refused: status, body and headers."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class PeerConnection:
    """One connection of a client, as its script sees it.

    `path`, `query` and `headers` are those of its handshake, `pcm` is the audio that came, `received` what else did.
    """

    def __init__(
        self, number: int, request: Request, socket: ServerConnection, make: Speaking = ServerProtocol
    ) -> None:
        self.number = number
        self.path = request.path
        self.headers = dict(request.headers.raw_items())
        self.query = dict(parse_qsl(urlsplit(request.path).query))
        # As the services do: the address names a voice model, or asks for a transcription session.
        voice = "model" in self.query and "intent" not in self.query
        self.protocol = make(
            f"sess_{number}", model="scripted", kind="realtime" if voice else "transcription", check=self._check
        )
        self.rule: Callable[[Json, str | None], object] | None = None
        """Called with each configuration and its event's id; raises ClientEventError to refuse it."""
        self.received: list[ClientEvent] = []
        """Every client event that was expected or passed over, audio left out."""
        self.pcm = bytearray()
        """All audio that came, as PCM16."""
        self._socket = socket
        self._turns = 0

    # ── what the client does ──

    async def accept(self) -> SessionUpdate:
        """Greet the client, await its `session.update` and accept it; return it.

        AssertionError if audio comes before: a real service would lose it.
        """
        await self.greet()
        update = await self.expect(SessionUpdate)
        if self.pcm:
            raise AssertionError(f"{len(self.pcm)} bytes of audio came before the session was configured")
        return update

    async def greet(self) -> None:
        """Send `session.created`."""
        self.protocol.greet()
        await self._flush()

    async def next_event(self, patience: float | None = PATIENCE) -> ClientEvent:
        """Await the next client event, audio included; AssertionError after `patience` seconds without one."""
        while True:
            try:
                async with asyncio.timeout(patience):
                    message = await self._socket.recv()
            except TimeoutError:
                raise AssertionError(f"the client sent nothing for {patience:g} s") from None
            event = self.protocol.receive(message)
            await self._flush()
            if isinstance(event, AppendAudio):
                self.pcm += event.audio
            elif event is not None:
                self.received.append(event)
            if event is not None:
                return event

    async def expect(self, kind: type[E]) -> E:
        """Await the next client event other than audio; AssertionError if it is of another kind."""
        while True:
            event = await self.next_event()
            if isinstance(event, kind):
                return event
            if not isinstance(event, AppendAudio):
                raise AssertionError(f"expected {kind.__name__} of the client, got {event}")

    async def audio(self, *, seconds: float) -> None:
        """Await audio until this connection has received that many seconds in all."""
        while self.seconds < seconds:
            event = await self.next_event()
            if not isinstance(event, AppendAudio):
                raise AssertionError(f"expected {seconds:g} s of audio, got {event} after {self.seconds:g} s")

    @property
    def seconds(self) -> float:
        """Seconds of audio received."""
        return len(self.pcm) / BYTES_PER_SAMPLE / self.protocol.dialect.rate

    async def finish(self, *texts: str) -> None:
        """Take the rest of the audio, answer commits with these texts and then with none, until the client closes."""
        rest = iter(texts)
        try:
            while True:
                event = await self.next_event(patience=None)
                if isinstance(event, CommitAudio) and event.final is not False:
                    await self.turn(next(rest, ""))
                elif isinstance(event, ClearAudio):
                    await self.send(Cleared())
        except ConnectionClosed:
            return

    # ── what the service does ──

    async def send(self, *events: ServerEvent) -> None:
        """Send server events, numbered."""
        for event in events:
            self.protocol.send(event)
        await self._flush()

    @property
    def next_item(self) -> str:
        """Item id of the turn that `turn` will send next, for deltas that come before."""
        return f"item_{self.number}_{self._turns + 1}"

    async def turn(
        self,
        text: str,
        *,
        start: float | None = None,
        end: float | None = None,
        deltas: Sequence[str] = (),
        error: str | None = None,
        **completed: Any,
    ) -> str:
        """Send all events of one turn in the usual order and return its item id.

        `start` and `end` are the seconds that the service's turn detection reports, with the session's padding before
        the speech (300 ms unless it says otherwise) and its silence behind (500 ms), both of which a client takes off;
        without them none is reported. With `error` the turn fails.
        """
        item_id = self.next_item
        self._turns += 1
        if start is not None:
            await self.send(SpeechStarted(item_id, round(start * 1000)))
        if end is not None:
            await self.send(SpeechStopped(item_id, round(end * 1000)))
        committed = self.protocol.commit(item_id)
        await self.send(
            committed,
            ItemAdded(item_id, committed.previous_item_id),
            ItemDone(item_id, committed.previous_item_id),
            *(Delta(item_id, delta) for delta in deltas),
            Failed(item_id, error) if error is not None else _completed(item_id, text, completed),
        )
        return item_id

    async def send_raw(self, message: str | bytes) -> None:
        """Send a message as it is, however wrong."""
        await self._socket.send(message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection with a code."""
        await self._socket.close(code, reason)

    def abort(self) -> None:
        """Drop the connection without a word."""
        self._socket.transport.abort()

    async def pause(self, seconds: float) -> None:
        """Do nothing for a while, as a service that hangs."""
        await asyncio.sleep(seconds)

    # ── inner ──

    def _check(self, session: Json, event_id: str | None) -> None:
        if self.rule is not None:
            self.rule(session, event_id)

    async def _flush(self) -> None:
        for text in self.protocol.messages_to_send():
            await self._socket.send(text)


def _completed(item_id: str, text: str, fields: Mapping[str, Any]) -> Completed:
    return Completed(item_id, text, **{"usage": {"type": "duration", "seconds": 1}, **fields})


class ScriptedPeer:
    """Serve scripts on a loopback port, as an async context manager; `url` and `address` say where.

    `dialect` is the name of how the service speaks ("openai", "azure", "voicelive", "speaches" and others), or a
    function that makes its protocol for each connection.
    """

    def __init__(self, *scripts: Script | Refusal, dialect: str | Speaking = "openai") -> None:
        if isinstance(dialect, str):
            if dialect not in DIALECTS:
                raise ConfigurationError(f"there is no dialect {dialect!r}; choose one of {', '.join(DIALECTS)}")
            dialect = partial(ServerProtocol, dialect=DIALECTS[dialect])
        self._make = dialect
        self.connections: list[PeerConnection] = []
        """Every connection that a script was run for, in order of arrival."""
        self.requests: list[Request] = []
        """Every handshake, refused ones included."""
        self._scripts = list(scripts)
        self._unfinished = len(scripts)
        self._failures: list[BaseException] = []
        self._server: Server | None = None

    @property
    def address(self) -> str:
        """`host:port` of the peer."""
        assert self._server is not None
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def url(self) -> str:
        """Address for `Compatible`."""
        return f"ws://{self.address}"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._greet,
            max_size=16 * 2**20,
            compression=None,
            logger=redacted_log("rt_magic.testing"),
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        if kind is None and self._failures:
            failure = self._failures[0]
            raise AssertionError(f"a script of the peer failed: {failure or type(failure).__name__}") from failure
        if kind is None and self._unfinished:
            raise AssertionError(f"{self._unfinished} scripts of the peer were not run to their end")

    def _greet(self, socket: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if self._scripts and isinstance(self._scripts[0], Refusal):
            refusal = self._scripts.pop(0)
            assert isinstance(refusal, Refusal)
            self._unfinished -= 1
            body = refusal.body.encode()
            headers = Headers({**refusal.headers, "Content-Length": str(len(body))})
            return Response(refusal.status, http.HTTPStatus(refusal.status).phrase, headers, body)
        if not self._scripts:
            return socket.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "no script is left\n")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        script = self._scripts.pop(0)
        assert socket.request is not None and not isinstance(script, Refusal)
        connection = PeerConnection(len(self.connections) + 1, socket.request, socket, self._make)
        self.connections.append(connection)
        try:
            await script(connection)
            self._unfinished -= 1
        except Exception as failure:  # whatever it is, the test that wrote the script must see it
            self._failures.append(failure)
