"""One live transcription, driven by what happens to its microphone. All of it runs on the portal's thread."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rt_magic.audio.pace import PageClock
from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.audio.recording import Recording
from rt_magic.cell import status
from rt_magic.cell.draining import discard, drain
from rt_magic.cell.driver import transcripts
from rt_magic.cell.notices import notice, told
from rt_magic.cell.rest import Rest
from rt_magic.cell.status import State
from rt_magic.exceptions import AudioError, ConfigurationError, MicrophoneError, RtMagicError
from rt_magic.secrets import unexpected
from rt_magic.session import prefetch
from rt_magic.session.services import Service
from rt_magic.session.session import RealtimeSession
from rt_magic.threads import in_thread
from rt_magic.transcript.transcript import Transcript, TranscriptChange
from rt_magic.widgets.intake import Stage
from rt_magic.widgets.microphone import UNSEEN, Microphone

_log = logging.getLogger(__name__)

PATIENCE = 120.0
"""Seconds without any progress after which a stopped session is not waited for any longer.

Longer than the session itself waits for a service that has fallen silent, so that an outage at Stop costs no word.
"""


BEHIND = 5.0
"""Seconds of sound that may wait to be sent; with more, what is said is known too late to speak of silence."""


class Live:
    """Open a session at the microphone's start, feed it, show its state in the microphone, and close it."""

    def __init__(
        self,
        service: Service,
        transcript: Transcript,
        microphone: Microphone,
        *,
        options: Mapping[str, Any],
        save: str | Path | None,
        duration: float | None,
        idle: float | None,
        private: bool = False,
        notebook: str = "",
    ) -> None:
        self.service, self.transcript, self.microphone = service, transcript, microphone
        self.duration, self.idle, self.private = duration, idle, private
        self.error: RtMagicError | None = None
        self.session: RealtimeSession | None = None
        self.reloaded = False
        """Whether another page than the first one has come, whose saved text nobody refreshes."""
        self.notebook = notebook
        """Where it is shown, so that each notebook gives the notice."""
        self.variable = ""
        """The name by which people reach the transcript."""
        self._options, self._save = dict(options), save
        self._phase: State = "ready"
        self._shown: State = "ready"
        self._page = ""
        self._sentence = status.READY
        self._why = ""
        self._spoke_at = 0.0
        self._clock = PageClock()
        self._rest = Rest()
        self._stopped_at: float | None = None
        self._began_at = 0
        """Sample of the recording at which the last Start began."""
        self._ending: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        microphone._follow = self._on_stage
        microphone._record = self._on_audio
        self.close = transcript.on_change(self._on_change)
        microphone.forwarded = self._forwarded

    @property
    def state(self) -> State:
        """Where it stands; may be read on any thread."""
        if self._phase != "listening":
            return self._phase
        connected = self.session.state if self.session is not None else "connecting"
        return connected if connected in ("connecting", "reconnecting") else "listening"

    @property
    def over(self) -> bool:
        """Whether it has ended and all that was said is text."""
        return self._ending is not None and self._ending.done()

    @property
    def page(self) -> str:
        """The newest page that has come; "" before the first."""
        return self._page

    @property
    def failed(self) -> bool:
        """Whether it ended by an error before anything was recorded; Start begins it again."""
        return self._phase == "error" and self.session is None

    def _on_stage(self, stage: Stage, detail: str) -> None:
        try:
            self._follow(stage, detail)
        except Exception as error:  # a bug of ours must not leave a cell that says nothing
            _log.exception("an unexpected error after the microphone's %r", stage)
            self.microphone.stop()
            self._fail(unexpected(error))

    def _follow(self, stage: Stage, detail: str) -> None:
        match stage:
            case "hello":
                if not self.microphone.is_capture_page(detail):
                    self.reloaded = self.reloaded or self._page not in ("", detail)
                    self._page = detail
                self._show()
            case "asked":
                self.error = None
                self._move("opening", status.ASKED if self._by_page else status.OPENING)
            case "start":
                self._open()
            case "sound" | "back" if self._phase != "error":
                if self.session is not None:
                    self._rest.end(self.session)  # of a page that was gone for long
                self._spoke_at = time.monotonic()
                told.note(self.notebook, notice(self.service))
                self._move("listening")
            case "paused":
                self._pause(self._why or status.PAUSED)
            case "gone":
                self._pause(status.GONE if self._by_page else status.NO_SOUND)
            case "stopping":
                if self._phase != "error":
                    self._move("draining", "writing the last words")
            case "stopped":
                self._end()
            case "failed" | "unseen":
                known = self.error if self._phase == "error" else None  # the microphone was closed for that
                self._fail(known or MicrophoneError(UNSEEN if stage == "unseen" else detail))

    @property
    def _by_page(self) -> bool:
        return str(self.microphone.place) == "page"

    def _open(self) -> None:
        self._why = ""
        try:
            if self.session is None:
                self._begin()
            elif self._ending is not None:
                self._begin_again(self.session, self._ending)
            else:
                self._rest.end(self.session)
        except RtMagicError as error:
            self.microphone.stop()
            self._fail(error)
            return
        self.error = None
        if self.microphone.source == "capture page":
            self.transcript._describe(microphone=self.microphone.source)
        self._record("epoch")
        self._move("opening", status.OPENING)

    def _begin(self) -> None:
        recording = Recording.create(save=self._save)
        self.transcript.started_at = datetime.now(UTC)
        try:
            self.session = RealtimeSession(
                self.service,
                recording=recording,
                transcript=self.transcript,
                live=True,
                on_state=lambda state, sentence: self._on_session(),
                **self._options,
            )
        except BaseException:
            recording.delete()
            raise
        self.transcript.recording = recording
        self._run(self.session.__aenter__())
        if self.transcript not in transcripts:
            transcripts.append(self.transcript)
        sentence = notice(self.service)
        self.transcript._describe(notice=sentence)
        if not told.has(self.notebook, sentence):
            self.microphone.notice = sentence

    def _begin_again(self, session: RealtimeSession, ending: asyncio.Task[None]) -> None:
        if not ending.done():
            raise ConfigurationError("the last words are still being written: click Start again in a moment")
        if self._save is not None and session.recording.closed:
            raise ConfigurationError(f"the sound is complete in {self._save}: run the cell again for more")
        if self.transcript.recording is not session.recording:
            raise ConfigurationError("the sound of this transcript was forgotten: run the cell again to record more")
        session.resume()
        self._ending = None
        self._began_at = session.recording.samples
        self._record("gap", seconds=self._stopped_at and round(time.monotonic() - self._stopped_at, 3))

    def _forwarded(self) -> float:
        """Return the seconds of sound that the service has been sent."""
        counts = {"sent": 0, "padding": 0} if self.session is None else self.session.counts
        return (counts["sent"] - counts["padding"]) / SAMPLE_RATE

    def _on_audio(self, pcm: bytes, position: int) -> None:
        session = self.session
        if session is None:
            return
        try:
            session.append(pcm, self._captured())
        except (AudioError, OSError) as error:
            then = "run the cell again" if self._save else "click Start: what waits is recorded then"
            failure = AudioError(f"the recording cannot be written ({error}); free space, then {then}")
            if self._phase != "error":
                self._fail(failure)
            raise failure from error
        recorded = session.recording.samples - self._began_at
        if self.duration is not None and recorded >= self.duration * SAMPLE_RATE:
            self.microphone.stop()
        elif self._phase == "listening":
            if self.idle is not None and self._is_quiet(session, self.idle):
                self._why = f"paused: nothing was said for {status.spoken(self.idle)}; click Resume to go on"
                self.microphone.pause()
            self._show()

    def _is_quiet(self, session: RealtimeSession, idle: float) -> bool:
        """Whether nothing has been said for so many seconds; the service is asked, and waited for."""
        now = time.monotonic()
        if session.state != "listening" or session.behind > BEHIND:
            self._spoke_at = now  # what it has not heard may be speech
        return now - self._spoke_at > idle and not self.transcript.interim

    def _captured(self) -> float | None:
        """Return when the sound at hand was captured, on the monotonic clock; None where the page does not say."""
        if self.microphone.captured_at is None:
            return None
        return time.monotonic() - self._clock.age(self.microphone.captured_at, time.time())

    def _on_session(self) -> None:
        session = self.session
        if self._phase == "listening" and not self._sentence:
            self._show()
        if session is not None and session.error is not None and self._ending is None and not self._rest.resting:
            self.microphone.stop()
            self._fail(session.error)

    def _on_change(self, change: TranscriptChange) -> None:
        if change.kind == "segments":
            self._spoke_at = time.monotonic()

    def _pause(self, sentence: str) -> None:
        if self.session is not None and self._phase != "error":
            self._run(self.session.flush())
            self._move("paused", sentence)
            if self.idle is not None:
                self._rest.begin(self.session, 0 if self._why else self.idle)

    def _fail(self, error: RtMagicError) -> None:
        self.error = error
        session = self.session
        if session is not None and self._ending is None and session.recording.samples == 0:
            self.session = self.transcript.recording = None  # nothing was recorded: the next Start is a first one
            self.microphone.notice = ""
            self._run(discard(session))
        elif not self.microphone.recording:
            self._end()
        self._move("error")

    def _end(self) -> None:
        if self.session is None:
            if self._phase != "error":
                self._move("ready", status.READY)
        elif self._ending is None:
            self._ending = self._run(self._finish(self.session))

    async def _finish(self, session: RealtimeSession) -> None:
        """Wait for the last words for as long as there is progress, then close and count."""
        await self._rest.settled(session)
        failure = await drain(session, PATIENCE)
        self.error = self.error or failure
        if self._save is not None and self.error is None:
            session.recording.close()  # which completes the file; else Start may go on
        self._move("stopped" if self.error is None else "error", "stopped" if self.error is None else "")
        counts = session.counts
        samples = {"captured": self.microphone.captured, "received": session.recording.samples}
        self._stopped_at = time.monotonic()
        self._record("stopped", **samples, sent=counts["sent"], padding=counts["padding"])
        self.transcript._finish()

    def _move(self, phase: State, sentence: str = "") -> None:
        self._phase = phase
        self._show(sentence)

    def _show(self, sentence: str | None = None) -> None:
        if sentence is not None:
            self._sentence = sentence
        state = self.state
        parts = [self._sentence or status.of_session(self.session, state)]
        if self.session is not None and self.session.recording.save_error is not None:
            parts.append(str(self.session.recording.save_error))
        if self.reloaded and not self.private and len(self.transcript):
            parts.append(status.reloaded(self.variable))
        sentence = "; ".join(part for part in parts if part)
        shown = {"status": sentence, "error": "" if self.error is None else str(self.error), "state": state}
        with self.microphone.hold_sync():
            for name, value in shown.items():
                if getattr(self.microphone, name) != value:
                    setattr(self.microphone, name, value)
        if state != self._shown:
            self._shown = state
            self._record("state", state=state)

    async def give_up(self, patience: float) -> None:
        """End with the sound that is here: wait so many seconds for its words; what is not final then has failed."""
        self.microphone.abandon()
        if self._ending is not None and self.session is not None:
            await asyncio.wait({self._ending}, timeout=patience)
            if not self.over:
                await self.session.cancel()
            await self._ending

    async def warm(self) -> None:
        """Fetch what the first connection needs; who has no leave to connect hears of it before speaking."""
        try:
            await prefetch.warm(self.service)
            await in_thread(import_module, "rt_magic.audio.vad")  # what the first sound needs, which Start does not
        except RtMagicError as error:
            if self._phase == "ready":
                self.error = error
                self._show("click Start when that is mended")

    def _record(self, kind: str, **facts: object) -> None:
        self.transcript._record({"type": kind, "at": self.transcript.duration, **facts})

    def _run(self, coroutine: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
