"""The kernel machine's microphone in the place of a page's: the same messages, without a browser."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rt_magic.audio.capture import Capture
from rt_magic.audio.pcm import BYTES_PER_SAMPLE
from rt_magic.exceptions import MicrophoneError, RtMagicError
from rt_magic.portal import portal
from rt_magic.secrets import redact
from rt_magic.threads import in_thread
from rt_magic.widgets.intake import GONE_AFTER, Name
from rt_magic.widgets.messages import Audio, FromPage, MicrophoneFailed, Pause, Start, Stop

_log = logging.getLogger(__name__)

OWN = "kernel"
"""What stands in messages where a page has its name."""

CHUNK = 0.1
"""Seconds of sound in one message, as a page sends them."""

ENDED = "the microphone of this machine gives no more sound: connect it again, then Start"


@dataclass(slots=True)
class _Epoch:
    """One opening of the device."""

    name: str
    heard_at: float
    pcm: bytearray = field(default_factory=bytearray)
    capture: Capture | None = None
    seq: int = 0
    first: int = 0


class OwnMicrophone:
    """Follow `.start()`, `.pause()` and `.stop()` as a page would. All methods are for the portal's thread.

    `receive` takes what a page would send.
    """

    def __init__(self, receive: Callable[[FromPage], object], device: Callable[[], str]) -> None:
        self._receive, self._device = receive, device
        self._epoch: _Epoch | None = None
        self._turn = asyncio.Lock()  # a device is opened and closed by one at a time, in the order of the clicks
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, name: Name) -> None:
        """Do what was asked for; returns at once."""
        now = asyncio.get_running_loop().time()
        if name == "start":
            stalled = self._epoch if self._epoch is not None and now - self._epoch.heard_at >= GONE_AFTER else None
            if stalled is not None or self._epoch is None:
                if stalled is not None:
                    self._run(self._finish(stalled, "pause"))
                self._epoch = _Epoch(secrets.token_hex(8), now)
                self._run(self._begin(self._epoch))
            self._receive(Start(OWN, self._epoch.name))
        elif self._epoch is not None:
            epoch, self._epoch = self._epoch, None
            self._run(self._finish(epoch, name))

    async def _begin(self, epoch: _Epoch) -> None:
        async with self._turn:
            if self._epoch is not epoch:  # stopped before it was opened
                return
            try:
                # PortAudio's thread hands over and returns; the rate is known only once the device is open.
                epoch.capture = await in_thread(self._open, epoch)
            except RtMagicError as error:
                self._fail(epoch, error)
            except Exception as error:  # PortAudio has more kinds of them than it says
                _log.exception("an unexpected error while this machine's microphone was opened")
                what = redact(repr(error))
                self._fail(epoch, MicrophoneError(f"the microphone cannot be opened ({what}); please report it"))

    def _fail(self, epoch: _Epoch, error: RtMagicError) -> None:
        if self._epoch is epoch:
            self._epoch = None
        self._receive(MicrophoneFailed(type(error).__name__, str(error)))

    def _open(self, epoch: _Epoch) -> Capture:
        def hand_over(call: Callable[..., object], *given: object) -> None:
            with suppress(RuntimeError):  # the portal has ended, as the process does
                loop.call_soon_threadsafe(call, epoch, *given)

        loop = portal().loop
        heard, ended = partial(hand_over, self._heard), partial(hand_over, self._ended)
        return Capture(heard, ended, device=self._device())

    async def _finish(self, epoch: _Epoch, name: Name) -> None:
        async with self._turn:
            if epoch.capture is not None:
                await _close(epoch.capture)
                await asyncio.sleep(0)  # what its last callbacks handed over comes first
                self._send(epoch, 1)
            message = Pause if name == "pause" else Stop
            self._receive(message(OWN, epoch.name, epoch.seq - 1))

    def _heard(self, epoch: _Epoch, pcm: bytes) -> None:
        epoch.pcm += pcm
        epoch.heard_at = asyncio.get_running_loop().time()
        if epoch.capture is not None:
            self._send(epoch, round(epoch.capture.rate * CHUNK) * BYTES_PER_SAMPLE)

    def _send(self, epoch: _Epoch, least: int) -> None:
        """Send what there is as one chunk, if it is at least so many bytes."""
        if len(epoch.pcm) < least or epoch.capture is None:
            return
        pcm = bytes(epoch.pcm)
        epoch.pcm.clear()
        chunk = Audio(OWN, epoch.name, epoch.seq, epoch.first, time.time(), epoch.capture.rate, pcm)
        epoch.seq += 1
        epoch.first += chunk.samples
        self._receive(chunk)

    def _ended(self, epoch: _Epoch) -> None:
        if self._epoch is epoch:
            self._send(epoch, 1)
            self._epoch = None
            self._run(self._close(epoch))
            self._receive(MicrophoneFailed("MicrophoneError", ENDED))

    async def _close(self, epoch: _Epoch) -> None:
        async with self._turn:
            if epoch.capture is not None:
                await _close(epoch.capture)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _close(capture: Capture) -> None:
    try:
        await in_thread(capture.close)
    except Exception:  # what was heard before is there all the same, and its end is still to be told
        _log.exception("an unexpected error while this machine's microphone was closed")
