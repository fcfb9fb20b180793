"""The microphone of a page, as a widget: numbered chunks come up, PCM16 at 24 kHz comes out."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import anywidget
import traitlets

from rt_magic.audio.capture import check_capture
from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE
from rt_magic.exceptions import RemoteProtocolError, RtMagicError
from rt_magic.portal import portal
from rt_magic.threads import short_turns
from rt_magic.widgets import lane
from rt_magic.widgets.capture_link import CaptureLink
from rt_magic.widgets.intake import Ask, Effect, Intake, Name, Reached, Remind, Send, Sound, Stage
from rt_magic.widgets.messages import (
    AskCapturePage,
    Audio,
    Clock,
    Fetch,
    FromPage,
    Hello,
    Pause,
    Start,
    Stop,
    parse,
)
from rt_magic.widgets.own_microphone import OWN, OwnMicrophone

if TYPE_CHECKING:
    from rt_magic.audio.resampling import Resampler

_log = logging.getLogger(__name__)

AudioCallback: TypeAlias = Callable[[bytes, int], object]

TICK = 0.25
"""Seconds between two looks at what time alone brings."""
CLOCK = 1.0
"""Seconds between two words about how much is recorded, where nothing is acknowledged."""

UNSEEN = (
    "no page shows this microphone: display it in a notebook that is open in a browser (JupyterLab or Notebook), "
    "then click Start"
)


class Microphone(anywidget.AnyWidget):
    """Record from the microphone of the page that shows this widget, or with `place="kernel"` of the kernel's machine.

    `on_audio` callbacks get the sound. `state` is "ready", "opening", "listening", "paused", "draining", "stopped"
    or "error"; `error` says why. `device` and the three switches are the browser's own settings; of the kernel's
    machine, `device` is a microphone's number or a part of its name. Raises ConfigurationError where the kernel's
    machine has nothing to record with.

    `disabled` keeps people from starting it; `value` is the number of seconds recorded so far. Like any widget it has a
    `layout`, may be observed, and stands in an `HBox`, a `Tab` or an `AppLayout`, there several times too:

        microphone = rt.Microphone(layout={"width": "50%"})
        microphone.observe(lambda change: print(change.new), "state")
        microphone.on_audio(lambda pcm, position: frames.append(pcm))
        ipywidgets.HBox([microphone, plot])
    """

    _esm = Path(__file__).parent / "static" / "microphone.js"

    state = traitlets.Unicode("ready").tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    destination = traitlets.Unicode("").tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)
    composed = traitlets.Bool(False).tag(sync=True)
    busy_after = traitlets.Float(3.0).tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)
    page = traitlets.Unicode("").tag(sync=True)
    place = traitlets.Enum(("page", "kernel", "file"), "page").tag(sync=True)
    command = traitlets.Dict().tag(sync=True)
    device = traitlets.Unicode("").tag(sync=True)
    echo_cancellation = traitlets.Bool(True).tag(sync=True)
    noise_suppression = traitlets.Bool(True).tag(sync=True)
    auto_gain = traitlets.Bool(True).tag(sync=True)
    better = traitlets.Dict().tag(sync=True)
    value = traitlets.Float(0.0, read_only=True)

    def __init__(self, **kwargs: Any) -> None:
        self._callbacks: tuple[AudioCallback, ...] = ()
        self._follow: Callable[[Stage, str], object] = self._follow_alone
        self._record: AudioCallback = lambda pcm, position: None
        """Takes all sound before any callback, or raises RtMagicError: then it is not acknowledged, and comes again."""
        self._intake = Intake()
        self._position = 0
        self.captured_at: float | None = None
        """When the last sample that was handed on was captured, in Unix time by the page's clock."""
        self._resampler: Resampler | None = None
        self._stretch: tuple[str, int] | None = None
        """Epoch and rate of the last chunk."""
        self._ready = b""
        """Sound at 24 kHz that is not recorded yet."""
        self._refused: tuple[str, int] | None = None
        """Epoch and number of the chunk whose sound that is, if it will come once more."""
        self._ticking: asyncio.TimerHandle | None = None
        self._commands = 0
        self._capture = CaptureLink(self, self._receive)
        self._source = ""
        self._clocked_at = 0.0
        self.forwarded: Callable[[], float] = lambda: self._position / SAMPLE_RATE
        """Seconds of sound that went on to whoever listens; inside a `Transcriber`, to the service."""
        self.on_fetch: Callable[[bool], object] = lambda cancel: None
        """Called when somebody wants the model of `better`, or (True) does not want it any more."""
        self._pulse = lane.Pulse()
        self._own: OwnMicrophone | None = None
        if kwargs.get("place") == "kernel":
            check_capture()
        super().__init__(**kwargs)
        if self.place == "kernel":
            self._own = OwnMicrophone(self._take, lambda: str(self.device))
        self.on_msg(self._on_message)
        self.on_lane = lane.attach(self.comm)
        """Whether sound and clicks arrive while a cell runs."""

    def on_audio(self, callback: AudioCallback, remove: bool = False) -> None:
        """Call `callback(pcm, position)` for all sound from now on; with `remove=True` no more.

        `pcm` is PCM16 at 24 kHz, mono; `position` counts the samples before it. It runs on the portal's thread and
        must return at once; what it raises is logged.
        """
        kept = tuple(known for known in self._callbacks if known != callback)
        self._callbacks = kept if remove else (*kept, callback)

    def start(self) -> None:
        """Open the microphone of the page that shows this widget, or go on after a pause; returns at once."""
        portal().call_soon(self._command, "start")

    def pause(self) -> None:
        """Close the microphone for now; returns at once."""
        portal().call_soon(self._command, "pause")

    def stop(self) -> None:
        """Close the microphone once all that was said is here; returns at once."""
        portal().call_soon(self._command, "stop")

    def abandon(self) -> None:
        """End with the sound that is here, whatever a page still has; on the portal's thread."""
        self._carry_out(self._intake.abandon(time.monotonic()))

    def capture_page(self) -> str:
        """Return the address of a page of its own for this microphone, for where the notebook's page may not use one.

        It is served by this kernel on localhost, can be opened once, works while a cell runs, and ends with the
        session. Where the kernel is on another machine, make a tunnel first: `ssh -L PORT:localhost:PORT HOST`.
        """
        return portal().run(self._capture.address()).result(10)

    def is_capture_page(self, page: str) -> bool:
        """Whether a page of that name is such a page of ours."""
        return self._capture.brought(page)

    @property
    def source(self) -> str:
        """Where the sound came from last: "notebook page", "capture page" or "kernel"; "" before any."""
        return self._source

    def take_stop(self) -> None:
        """Take Stop from the page although no sound comes from there."""
        self._intake.paused = True

    def close(self) -> None:
        """Close the widget and give its lane back."""
        if sys.is_finalizing():  # nothing runs any more, and no portal could be started
            return
        comm = self.comm
        if self._own is not None:
            portal().call_soon(self._own.follow, "stop")
        portal().call_soon(self._capture.end)
        super().close()
        portal().call_soon(short_turns, self._intake, False)
        if comm is not None:
            lane.detach(comm)

    @property
    def captured(self) -> int:
        """Samples the pages captured by their own counting, at 24 kHz."""
        return self._intake.inbox.captured

    @property
    def recording(self) -> bool:
        """Whether sound comes, or is still to come."""
        return self._intake.phase != "idle"

    @property
    def received(self) -> int:
        """Samples handed to the callbacks, at 24 kHz."""
        return self._position

    @property
    def lost(self) -> int:
        """Chunks that never came because their page went away."""
        return self._intake.inbox.lost

    def _on_message(self, _widget: object, content: object, buffers: Sequence[bytes | memoryview]) -> None:
        # On whatever thread the kernel chose: hand over and return.
        portal().call_soon(self._receive, content, buffers)

    # ── from here on everything runs on the portal's thread ──

    def _receive(self, content: object, buffers: Sequence[bytes | memoryview]) -> None:
        try:
            message = parse(content, buffers)
        except RemoteProtocolError as error:
            _log.warning("%s", error)
            return
        match message:
            case Fetch(_, cancel):
                self.on_fetch(cancel)
            case AskCapturePage(page):
                self._capture.give(page)
            case Start() | Pause() | Stop() if self._own is not None:
                self._command(
                    "start" if isinstance(message, Start) else "pause" if isinstance(message, Pause) else "stop"
                )
            case _:
                self._take(message)

    def _take(self, message: FromPage) -> None:
        if isinstance(message, Hello):
            self._tell_clock()
        self._carry_out(self._intake.receive(message, time.monotonic()))

    def _command(self, name: Name) -> None:
        self._carry_out(self._intake.command(name, time.monotonic()))

    def _tell(self, message: Any) -> None:
        self.send(message)
        self._capture.tell(message)

    def _tell_clock(self) -> None:
        self._clocked_at = time.monotonic()
        recorded = self._position / SAMPLE_RATE
        self._tell(Clock(type="clock", recorded=round(recorded, 3), sent=round(self.forwarded(), 3)))
        self.set_trait("value", recorded)

    def _tick(self) -> None:
        self._ticking = None
        now = time.monotonic()
        deaf = self._own is None and not self.on_lane and self._pulse.stopped(now)
        effects = self._intake.tick(now, deaf=deaf)
        self._carry_out(effects)
        # After what was acknowledged: the page adds to it what it still keeps.
        acknowledged = any(isinstance(effect, Send) and effect.message["type"] == "ack" for effect in effects)
        if acknowledged or now - self._clocked_at >= CLOCK:
            self._tell_clock()

    def _carry_out(self, effects: list[Effect]) -> None:
        for number, effect in enumerate(effects):
            match effect:
                case Sound(chunk):
                    try:
                        self._take_in(chunk)
                    except RtMagicError as error:
                        rest = [later.chunk for later in effects[number:] if isinstance(later, Sound)]
                        return self._carry_out(self._intake.refuse(rest, str(error), time.monotonic()))
                case Send(message):
                    if self._own is None:
                        self._tell(message)
                case Ask(name) if self._own is not None:
                    portal().loop.call_soon(self._own.follow, name)  # what this leads to comes after what led here
                case Ask(name):
                    self._commands += 1
                    self.command = {"name": name, "n": self._commands}
                case Remind():
                    self.send_state(["state", "status", "error", "page"])
                case Reached(stage, detail):
                    if stage in ("paused", "stopped", "failed"):
                        self._ready += self._rest_of_stretch()
                        try:
                            self._emit()
                        except RtMagicError as error:  # what is left of the sound waits for the next start
                            if stage != "failed":
                                return self._carry_out(self._intake.refuse([], str(error), time.monotonic()))
                        self._tell_clock()
                    elif stage == "start":
                        where = "capture page" if self.is_capture_page(detail) else "notebook page"
                        self._source = "kernel" if self._own else where
                    page = "" if self._intake.page == OWN else self._intake.page  # every page may stop that one
                    if self.page != page:
                        self.page = page
                    self._follow(stage, detail)
        if self._ticking is None and self._intake.active:
            self._ticking = portal().loop.call_later(TICK, self._tick)
        short_turns(self._intake, self._intake.hears and self.comm is not None)

    def _take_in(self, chunk: Audio) -> None:
        if self._refused != (chunk.epoch, chunk.seq):
            self._ready += self._at_24k(chunk)
        self._refused = chunk.epoch, chunk.seq
        self.captured_at = chunk.captured_at
        self._emit()
        self._refused = None

    def _at_24k(self, chunk: Audio) -> bytes:
        """Return the sound that is ready, with what was left of another epoch or rate."""
        before = b"" if self._stretch == (chunk.epoch, chunk.rate) else self._rest_of_stretch()
        self._stretch = chunk.epoch, chunk.rate
        if chunk.rate == SAMPLE_RATE:
            return before + chunk.pcm
        if self._resampler is None:
            from rt_magic.audio.resampling import Resampler

            self._resampler = Resampler(SAMPLE_RATE)
        return before + self._resampler.feed(chunk.pcm, chunk.rate)

    def _rest_of_stretch(self) -> bytes:
        return b"" if self._resampler is None else self._resampler.flush()

    def _emit(self) -> None:
        """Hand on what is ready. Raises RtMagicError where it cannot be recorded: it stays, and nobody has it."""
        pcm, position = self._ready, self._position
        if not pcm:
            return
        self._record(pcm, position)
        self._ready = b""
        self._position += len(pcm) // BYTES_PER_SAMPLE
        for callback in self._callbacks:
            try:
                callback(pcm, position)
            except Exception:
                _log.exception("an on_audio callback raised")

    def _follow_alone(self, stage: Stage, detail: str) -> None:
        """Show the stage; inside a `Transcriber` that does it instead."""
        self.error = detail if stage == "failed" else UNSEEN if stage == "unseen" else ""
        match stage:
            case "asked" | "start":
                self.status, self.state = "opening the microphone", "opening"
            case "sound" | "back":
                self.status, self.state = "listening", "listening"
            case "paused":
                self.status, self.state = "paused", "paused"
            case "gone":
                self.status, self.state = "the page is gone: nothing is heard", "paused" if self.on_lane else self.state
            case "stopping":
                self.status, self.state = "stopping", "draining"
            case "stopped":
                self.status, self.state = "stopped", "stopped"
            case "failed" | "unseen":
                self.status, self.state = "", "error"
            case "hello":
                pass
