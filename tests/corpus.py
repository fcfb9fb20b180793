"""Files by the dozen, and a service that hears all of them: what tests of corpora are made of."""

from __future__ import annotations

import asyncio
import hashlib
import http
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import soundfile
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from rt_magic.audio.files import open_audio
from rt_magic.testing.peer import PeerConnection
from tests.speech import PHRASES_FLAC, phrases

SECONDS = 3.0
SAID = [phrase for phrase in phrases() if "office" not in phrase.text]
"""The phrases that the small engine also gets right without the one before them."""


def recordings(folder: Path, count: int) -> dict[Path, str]:
    """Write so many recordings of 3 s, no two the same, and return what is said in each."""
    samples, rate = soundfile.read(PHRASES_FLAC)
    spoken = {}
    for number in range(count):
        phrase = SAID[number % len(SAID)]
        first = round((phrase.start - 0.35) * rate)
        piece = samples[first : first + round(SECONDS * rate)].copy()
        piece[-1] = number / 2**15  # what makes it another file, and no other sound
        path = folder / f"interview {number:03}.flac"
        soundfile.write(path, piece, rate)
        spoken[path] = phrase.text
    return spoken


def hums(folder: Path, count: int, seconds: float = 1.0) -> dict[Path, str]:
    """Write so many recordings, no two the same, and return what `Stenographer` writes of each."""
    written = {}
    for number in range(count):
        path = folder / f"hum {number:03}.wav"
        soundfile.write(path, 0.1 * np.sin(np.arange(round(24_000 * seconds)) * (number + 5) / 200), 24_000)
        written[path] = text_of(b"".join(open_audio(path).blocks()))
    return written


def text_of(pcm: bytes) -> str:
    """Return the text that stands for a sound."""
    return hashlib.sha256(pcm).hexdigest()[:8]


class Stenographer:
    """A service for any number of connections, which writes for each the fingerprint of its sound.

    `refuse(number)` is asked for each handshake, from 1, and returns None or a status with its headers.
    """

    def __init__(
        self,
        refuse: Callable[[int], tuple[int, dict[str, str]] | None] = lambda number: None,
        *,
        seconds: float = 1.0,
        pause: float = 0.0,
        port: int = 0,
    ) -> None:
        self.refuse = refuse
        self.handshakes: list[float] = []
        """When each handshake came, on the monotonic clock."""
        self.written: list[str] = []
        """The text of each connection that was served to its end of speech."""
        self.keys: list[str | None] = []
        self.open = self.most = 0
        """Connections that are open now, and at most."""
        self._seconds, self._pause, self._port = seconds, pause, port
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """The address of the service."""
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await serve(self._serve, "127.0.0.1", self._port, process_request=self._greet, compression=None)
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def _greet(self, socket: ServerConnection, request: Request) -> Response | None:
        self.handshakes.append(time.monotonic())
        self.keys.append(request.headers.get("Authorization"))
        refused = self.refuse(len(self.handshakes))
        if refused is None:
            return None
        response = socket.respond(http.HTTPStatus(refused[0]), "no")
        response.headers.update(refused[1])
        return response

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        connection = PeerConnection(len(self.handshakes), socket.request, socket)
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await connection.accept()
            await connection.audio(seconds=self._seconds)
            await asyncio.sleep(self._pause)
            text = text_of(bytes(connection.pcm[: round(self._seconds * 24_000) * 2]))
            self.written.append(text)
            await connection.turn(text, start=0.0, end=self._seconds)
            await connection.finish()
        except ConnectionClosed:
            pass  # a client that was killed
        finally:
            self.open -= 1
