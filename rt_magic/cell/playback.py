"""A file through the very same path as a voice, in the cell: a Transcriber whose sound does not come from a page."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rt_magic.batch import Halt, Speed, check_speed, settled_seconds, transcribe_source
from rt_magic.cell.driver import transcripts
from rt_magic.cell.status import State
from rt_magic.exceptions import RtMagicError
from rt_magic.portal import portal
from rt_magic.secrets import unexpected
from rt_magic.session.services import Service
from rt_magic.session.session import RealtimeSession
from rt_magic.transcriber import Transcriber
from rt_magic.transcript.transcript import Transcript
from rt_magic.widgets.intake import Stage
from rt_magic.widgets.microphone import Microphone

if TYPE_CHECKING:
    from rt_magic.audio.decoding import AudioSource, Source

SHOW_EVERY = 0.5
"""Seconds between two looks at how far it is."""

LAST_WORDS = 10.0
"""Seconds that the service has, after Stop, for the words of what was already sent."""


class Playback:
    """Feed a source through a session once, and show in the microphone's widget how far it is."""

    def __init__(
        self,
        service: Service,
        transcript: Transcript,
        microphone: Microphone,
        *,
        options: dict[str, Any],
        source: AudioSource,
        speed: Speed,
    ) -> None:
        self.service, self.transcript, self.microphone = service, transcript, microphone
        self.source = source
        path = source.source if isinstance(source.source, (str, os.PathLike)) else None
        self.name = source.name if path is None else Path(path).name
        self.error: RtMagicError | None = None
        self.state: State = "ready"
        self.over = False
        self.failed = False
        self.page = ""
        self.reloaded, self.variable = False, ""
        self._options, self._speed = options, speed
        self._halt = Halt()
        self._draining: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._task: asyncio.Task[Transcript] | None = None
        microphone._follow = self._on_stage
        microphone.take_stop()

    async def run(self) -> None:
        """Transcribe it; on the portal's loop. Errors of any kind end in `error`, since nobody awaits this."""
        began = time.monotonic()
        failure: BaseException | None = None
        try:
            self._task = asyncio.ensure_future(self._begin())
            while not self._task.done():
                self._show()
                await asyncio.wait({self._task}, timeout=SHOW_EVERY)
            failure = None if self._task.cancelled() else self._task.exception()
        except Exception as error:
            failure = error
            if self._task is not None:
                self._task.cancel()
        self.transcript._describe(seconds_taken=round(time.monotonic() - began, 3))
        if failure is not None and not isinstance(failure, RtMagicError):
            failure = unexpected(failure)
        self._end(failure)

    def _begin(self) -> Coroutine[Any, Any, Transcript]:
        self._session = RealtimeSession(
            self.service,
            transcript=self.transcript,
            offset=self.source.start,
            on_state=lambda state, status: self._show(),
            **self._options,
        )
        self.transcript.recording = self._session.recording
        self.transcript._describe(source=self.source.name)
        transcripts.append(self.transcript)
        return transcribe_source(self._session, self.source, speed=self._speed, halt=self._halt)

    def cancel(self) -> None:
        """Send no more of it, and end with the words of what was sent; on the portal's thread."""
        if self._halt.asked or self.over:
            return
        self._halt.asked = True
        if self._task is not None:
            self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        """End by force where the last words do not come in time."""
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self._halt.fed.wait()
        except TimeoutError:
            pass
        with suppress(RtMagicError):  # it ends the other task too
            await self._session.finish(timeout=LAST_WORDS)

    async def give_up(self, patience: float) -> None:
        """End with the words that come within so many seconds."""
        self.cancel()
        if self._task is not None and not self.over:
            await asyncio.wait({self._task}, timeout=patience)
            self._task.cancel()
            await self._ended.wait()

    def close(self) -> None:
        """Follow the transcript no longer: it is not followed."""

    def _on_stage(self, stage: Stage, _detail: str) -> None:
        if stage == "stopping":
            self.cancel()

    def _show(self) -> None:
        if self._task is None or self.over:
            return
        if self._halt.asked:
            self.state = "draining"
            self._set("writing the last words")
            return
        connected = self._session.state
        self.state = connected if connected in ("connecting", "reconnecting") else "listening"
        done = settled_seconds(self.transcript) - self.source.start
        of = "" if self.source.duration is None else f" of {self.source.duration:.0f}"
        self._set(f"transcribing {self.name}: {max(0.0, done):.0f}{of} s")

    def _end(self, error: RtMagicError | None) -> None:
        self.error = error
        self.state = "stopped" if error is None else "error"
        stopped = self._halt.asked
        counts, warnings = (self._session.counts, self._session.warnings) if self._task is not None else ({}, ())
        told = "; ".join((f"transcribed {self.name}", *warnings))
        self._set("stopped before the end" if stopped else "" if error else told)
        self.transcript._record({"type": "stopped", **counts})
        self.transcript._finish()
        self.over = True
        self._ended.set()

    def _set(self, status: str) -> None:
        with self.microphone.hold_sync():
            self.microphone.status = status
            self.microphone.error = "" if self.error is None else str(self.error)
            self.microphone.state = self.state


class FileTranscriber(Transcriber):
    """Transcribe a file, bytes or a file object in the cell; `start()` begins, `wait()` returns when all is final.

    Raises AudioError for what is not audio, and what Transcriber raises.
    """

    _keeps = False  # the spooled copy goes with the last word

    def __init__(self, source: Source, *, speed: Speed = "max", **options: Any) -> None:
        check_speed(speed)
        from rt_magic.audio.files import open_audio

        self._source, self._speed = open_audio(source), speed
        self._begun = False
        super().__init__(**options)
        self.microphone.disabled = True
        self.microphone.place = "file"  # nothing to start, no level to show
        self.microphone.status = f"transcribing {self._playback.name}"
        self.view.placeholder = ""

    _without_view = ""

    def _drive(self, options: dict[str, Any], **_live: Any) -> Playback:
        self._playback = Playback(
            self.service,
            self.transcript,
            self.microphone,
            options=options,
            source=self._source,
            speed=self._speed,
        )
        return self._playback

    def start(self) -> None:
        """Begin; returns at once."""
        if not self._begun:
            self._begun = True
            self._playback.state = "connecting"
            portal().run(self._playback.run())

    def pause(self) -> None:
        """Do nothing: a file does not go by."""

    def finish(self, timeout: float = 15.0) -> None:
        """Send no more of it, and return when the last words are written or the time is over."""
        if not self._begun or self._playback.over:
            return
        self.stop()
        try:
            self._waiting.until_ended(timeout)
        except TimeoutError:
            portal().run(self._playback.give_up(0)).result(timeout)

    def stop(self) -> None:
        """Send no more of it, and end with the words of what was sent; returns at once."""
        portal().call_soon(self._playback.cancel)

    _hears = True  # a file can always be waited for
