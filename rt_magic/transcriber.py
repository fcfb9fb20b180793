"""Join microphone, session, transcript and view: the cell's live transcription, as a widget."""

from __future__ import annotations

import platform
import sys
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.display import display

from rt_magic.audio.saving import check_save
from rt_magic.body import Step
from rt_magic.cell.better import BetterWords
from rt_magic.cell.destination import destination
from rt_magic.cell.driver import Driver, transcripts
from rt_magic.cell.live import PATIENCE, Live
from rt_magic.cell.notebook import current_notebook, execution_count
from rt_magic.cell.status import BY_HAND, LIVE, NO_LANE, NO_PAGE, NO_VIEW, READY, WITHOUT_WIDGETS, State
from rt_magic.cell.steps import Steps
from rt_magic.cell.terminal import Lines
from rt_magic.cell.twin import Twin
from rt_magic.cell.waiting import Waiting
from rt_magic.exceptions import ConfigurationError, RtMagicError
from rt_magic.languages import languages
from rt_magic.optional import library
from rt_magic.options import keyword_list, read_microphone
from rt_magic.portal import close_portal, portal
from rt_magic.session import embedded
from rt_magic.session.defaults import chosen_service
from rt_magic.session.resolution import Resolved, check_service, english_only
from rt_magic.session.services import Local, Service
from rt_magic.session.wishes import check_silence, known_noise_reduction, known_turn_detection
from rt_magic.shell import in_kernel
from rt_magic.transcript.transcript import Transcript, TranscriptChange
from rt_magic.widgets import lane
from rt_magic.widgets.final_text import FinalText, tell
from rt_magic.widgets.microphone import Microphone
from rt_magic.widgets.transcript_view import TranscriptView

__all__ = ["Transcriber", "transcripts"]


_known: weakref.WeakSet[Transcriber] = weakref.WeakSet()


class Transcriber(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets ships no types
    """Record a voice and show the words as they are said; nothing is recorded before Start or `.start()`.

    `microphone` is "page", that of the browser; "kernel", that of the machine the kernel runs on (the mic extra); or
    "kernel:NAME" for one of several there, by its number or a part of its name.

    `language` is a code or an English name; if it is left out, the service detects it. `silence_ms` is the pause that
    ends a segment; `duration` stops after so many seconds of sound, `idle` pauses after so many without speech (None:
    never); `save` keeps the audio as .wav or .flac; with `private` no word goes into the saved notebook.
    `on_segment(segment)` runs for each final segment that has text, on the kernel's main loop, between cells; the
    method of that name takes more of them. `value` is the final text, and may be observed and linked.
    Raises ConfigurationError for what cannot work, before anything is opened.
    """

    value = FinalText(read_only=True)

    def __init__(
        self,
        language: str | None = None,
        *,
        service: Service | Resolved | str | None = None,
        model: str | None = None,
        prompt: str | None = None,
        keywords: Sequence[str] = (),
        turn_detection: str = "auto",
        silence_ms: int = 500,
        noise_reduction: str | None = None,
        save: str | Path | None = None,
        duration: float | None = None,
        idle: float | None = 900,
        private: bool = False,
        on_segment: Step | None = None,
        microphone: str = "page",
    ) -> None:
        place, device = read_microphone(microphone)
        resolved = service if isinstance(service, Resolved) else chosen_service(service)
        spoken = languages(language) if language else ()
        silence_ms = check_silence(silence_ms)
        known_turn_detection(turn_detection)
        known_noise_reduction(noise_reduction)
        _check_seconds("duration", duration)
        _check_seconds("idle", idle)
        keywords = keyword_list(keywords)
        if save is not None:
            check_save(save)
        if model:
            resolved = replace(resolved, service=replace(resolved.service, model=model))
        check_service(resolved.service, spoken, python=True)
        self.service = resolved.service.pinned()
        self.transcript = Transcript()
        by_hand = BY_HAND if place == "kernel" else NO_PAGE
        hint = by_hand if self._without_view and not in_kernel() else self._without_view
        self._twin = Twin(self.transcript, private=private, hint=hint)
        self._steps = Steps(self._waiting_changed, lambda: self.transcript.segments)
        if on_segment is not None:
            self._steps.add(on_segment)
        self._displayed_in = -1
        said = partial(destination, spoken=spoken, own=platform.node() if place == "kernel" else None, kept=self._keeps)
        english = isinstance(resolved.service, Local) and english_only(resolved.service)
        self.microphone = Microphone(
            composed=True, destination=said(resolved, english=english), status=READY, place=place, device=device
        )
        self.view = TranscriptView(
            self.transcript,
            private=private,
            composed=True,
            twin=self._twin.name,
            placeholder="The words will appear here while you speak.",
        )
        self._live = self._drive(
            {
                "language": ",".join(spoken) or None,
                "model": model,
                "prompt": prompt,
                "keywords": keywords,
                "turn_detection": turn_detection,
                "silence_ms": silence_ms,
                "noise_reduction": noise_reduction,
            },
            save=save,
            duration=duration,
            idle=idle,
            private=private,
            notebook=current_notebook(),
        )
        self._waiting = Waiting(self._live, self._steps)
        super().__init__(children=[self.microphone, self.view])
        self.add_class("rt-magic")
        self._unsubscribe = self.transcript.on_change(self._on_change)
        self._told = ""
        self.view.on_text = self._tell
        self._closed = False
        _known.add(self)
        self._better: BetterWords | None = None
        if isinstance(self.service, Local):
            embedded.prepare(self.service)
            if isinstance(self._live, Live) and _may_be_better(self.service):
                self._better = BetterWords(self.microphone, partial(self._use, resolved, said))
        elif isinstance(self._live, Live):
            portal().run(self._live.warm())

    _without_view = NO_VIEW
    _keeps = True

    def _drive(self, options: dict[str, Any], **live: Any) -> Driver:
        return Live(self.service, self.transcript, self.microphone, options=options, **live)

    def _use(self, resolved: Resolved, said: Callable[..., str], model: str) -> str:
        """Take a model that has been fetched, if nothing was recorded yet; return what to say about it."""
        if self.state != "ready" or not isinstance(self._live, Live):
            return f"the model {model} is here: run the cell again to use it"
        self.service = self._live.service = Local(model=model)
        self.microphone.destination = said(replace(resolved, service=self.service), english=False)
        embedded.prepare(self.service)
        return f"the model {model} is here and will be used: click Start"

    @property
    def state(self) -> State:
        """Where it stands: "ready", "opening", "connecting", "listening", "paused", … , "stopped" or "error"."""
        return self._live.state

    @property
    def status(self) -> str:
        """The state as a sentence for people; what ended it, if it was an error."""
        return str(self.microphone.status) or ("" if self.error is None else str(self.error))

    @property
    def error(self) -> RtMagicError | None:
        """What ended it, if it was an error."""
        return self._live.error

    @property
    def disabled(self) -> bool:
        """Whether people cannot start it; what is open may still be stopped. May be set."""
        return bool(self.microphone.disabled)

    @disabled.setter
    def disabled(self, disabled: bool) -> None:
        self.microphone.disabled = disabled

    def start(self) -> None:
        """Begin, or go on after a pause; returns at once."""
        self._waiting.stopping = False
        self.microphone.start()

    def pause(self) -> None:
        """Close the microphone for now; the recording's clock stands. Returns at once."""
        self.microphone.pause()

    def stop(self) -> None:
        """Close the microphone and write all that was said; returns at once."""
        self._waiting.stopping = True
        self.microphone.stop()

    def wait(self, timeout: float | None = None) -> Transcript:
        """Wait until it has stopped and all text is final; return the transcript.

        Raises TimeoutError after `timeout` seconds, what ended it if that was an error, and ConfigurationError where
        nothing could arrive meanwhile. An interrupt stops it, waits for the last words, and is raised again.
        """
        if not self._live.over and not self._hears:
            raise ConfigurationError(NO_LANE)
        portal().run(_nothing()).result()  # what was asked for before this has its effect now
        try:
            self._waiting.until_ended(timeout)
        except KeyboardInterrupt:
            self.stop()
            if self.state in LIVE:
                with suppress(TimeoutError):
                    self._waiting.until_ended(PATIENCE)
            raise
        if self.error is not None:
            raise self.error
        return self.transcript

    def close(self) -> None:
        """Stop, and close the widgets; what was said is still written."""
        if self.children:
            self._closed = True
            if self.state not in LIVE:
                self._leave()
        if self.children and self._better is not None:
            self._better.close()
        for part in self.children:  # none, where the constructor raised
            if part is self.microphone and self.state in LIVE and not sys.is_finalizing():
                self.stop()
            part.close()
            part.layout.close()
        self.layout.close()
        super().close()

    def _leave(self) -> None:
        """Follow the transcript no longer, so that it does not hold this."""
        self._unsubscribe()
        self._live.close()

    def finish(self, timeout: float = 15.0) -> None:
        """Stop, and return when the last words are written or, without those, after `timeout` seconds."""
        if self.state not in LIVE:
            return
        self.stop()
        portal().run(_nothing()).result()
        patience = 0.0 if self._hears else timeout  # what a page still has cannot come where nobody hears it
        try:
            if self._hears:
                self._waiting.until_ended(timeout)
        except TimeoutError:
            pass
        finally:
            if self.state in LIVE:
                with suppress(TimeoutError):
                    portal().run(self._live.give_up(patience)).result(timeout + 5)

    @property
    def _hears(self) -> bool:
        """Whether sound and clicks arrive while a cell runs."""
        return not in_kernel() or bool(self.microphone.on_lane) or str(self.microphone.place) == "kernel"

    def run_for_each_segment(self, step: Step | None) -> None:
        """Run `step` for each segment that becomes final from now on, under the cell that calls this."""
        self._steps.replace(step)

    def on_segment(self, callback: Step, remove: bool = False) -> None:
        """Run `callback(segment)` for each segment that becomes final from now on, as a cell's body runs.

        With `remove=True` it no longer runs, even if it was given to the constructor.
        """
        if remove:
            self._steps.remove(callback)
        else:
            self._steps.add(callback)

    def bind(self, variable: str) -> None:
        """Speak of the transcript by this variable of the user's."""
        self._live.variable = variable

    def _display_(self) -> Any:
        """Return what marimo shows, whose name this is: it has no boxes of ipywidgets, but both of the parts."""
        return library("marimo").vstack([self.microphone, self.view])

    def show(self) -> None:
        """Display the live view, and under it the text that stays in the saved notebook."""
        if in_kernel():
            bundle = self._repr_mimebundle_()
            data = bundle[0] if isinstance(bundle, tuple) else bundle
            display({**data, "text/plain": WITHOUT_WIDGETS}, raw=True)
            self._live.reloaded = False  # what is displayed now is refreshed
        if not in_kernel() and self.error is not None:
            print(self.error)
        else:
            self._twin.show(keep=in_kernel())  # a terminal would print it anew each time
        self.shown()

    def _ipython_display_(self, **_options: object) -> None:
        # A magic displays by itself and returns this: as the value of the same cell it is not shown twice.
        if self._displayed_in != execution_count():
            self.show()

    def wait_for_page(self, timeout: float) -> bool:
        """Wait until a page shows this, for `timeout` seconds at most; return whether one does."""
        deadline = time.monotonic() + timeout
        while not self._live.page and time.monotonic() < deadline:
            time.sleep(0.05)
        return bool(self._live.page)

    def write_lines(self) -> None:
        """Write the words to the terminal while this is waited for."""
        self._waiting.lines = Lines(self.transcript, lambda: f"[{self.status or self.state}]")
        self.shown()

    def shown(self) -> None:
        """Take it as displayed by the cell that runs, whose value it may be."""
        self._displayed_in = execution_count()

    def _on_change(self, change: TranscriptChange) -> None:
        # On the writer's thread: the portal's, or the user's where a segment is corrected.
        if change.kind == "done":
            self._twin.refresh()
            name = self._live.variable or "transcript"
            self.view.next_step = f"{name}.to_pandas()" if self.transcript.done and len(self.transcript) else ""
            if self._closed:
                self._leave()
        elif change.kind == "segments":
            portal().call_soon(self._twin.refresh_soon)
            self._steps.submit(change.upsert)

    def _tell(self) -> None:
        self._told = tell(self, self._told)

    def _waiting_changed(self) -> None:
        loop = portal().loop
        loop.call_soon_threadsafe(loop.call_later, 0.25, self._show_waiting)

    def _show_waiting(self) -> None:
        waiting = self._steps.waiting
        if self.view.waiting != waiting:
            self.view.waiting = waiting


def _check_seconds(name: str, value: float | None) -> None:
    if value is not None and not (isinstance(value, int | float) and value > 0):
        raise ConfigurationError(f"{name}={value!r} is not a number of seconds above 0; leave it out or give one")


async def _nothing() -> None:
    pass


def _may_be_better(service: Local) -> bool:
    """Whether the engine is the one with rough words, and nobody has asked for just that one."""
    return service.engine == "auto" and service.model is None and english_only(service)


def under_way() -> list[Transcriber]:
    """Return every transcriber of this process that is transcribing."""
    return [transcriber for transcriber in list(_known) if transcriber.state in LIVE]


def can_wait() -> bool:
    """Whether a cell of this kernel can hear its page while it runs."""
    return lane.available()


def close_all() -> None:
    """End what all transcribers of this process share: the lane, the embedded server, the portal."""
    lane.close_lane()
    embedded.close()
    close_portal()
