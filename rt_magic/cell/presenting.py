"""Where a cell is seen: a page that shows it, or a terminal; what each can do, and how a transcription begins there."""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress
from typing import Any

from rt_magic.audio.capture import check_capture
from rt_magic.cell import terminal
from rt_magic.cell.notices import notice
from rt_magic.cell.playback import FileTranscriber
from rt_magic.cell.status import NO_LANE
from rt_magic.exceptions import ConfigurationError
from rt_magic.shell import in_kernel
from rt_magic.transcriber import Transcriber, can_wait

PAGE_WITHIN = 10.0
"""Seconds a page has to show up where a cell waits for it."""

HEADLESS = "no page can record for this run: give a file, %%transcribe --from talk.wav, or run it where a page shows it"
TERMINAL = "a terminal has no page that could record: leave --microphone page out, or give a file, --from talk.wav"

STARTED_BY_HAND = "Nothing is recorded yet: .start() of what this returns begins, .stop() ends."


def check_place(kernel: Any | None, microphone: str | None, wait: bool | None) -> None:
    """Raise ConfigurationError where no microphone could be opened, or no page be heard while the cell waits.

    `microphone` and `wait` are what the line says of them, None where nothing.
    """
    if kernel is None:
        _check_terminal(microphone, wait)
        return
    if not kernel._allow_stdin and not os.environ.get("JPY_SESSION_NAME"):
        raise ConfigurationError(HEADLESS)
    if wait and not can_wait():
        raise ConfigurationError(NO_LANE)


def _check_terminal(microphone: str | None, wait: bool | None) -> None:
    if microphone == "page":
        raise ConfigurationError(TERMINAL)
    try:
        check_capture()
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; or give a file: %transcribe --from talk.wav") from None
    if wait is not False and not terminal.is_interactive():
        raise ConfigurationError(terminal.NOBODY)


def present(transcriber: Transcriber, waits: bool) -> None:
    """Show a transcriber where its cell runs and, if `waits` is true, return once all is final."""
    if not in_kernel():
        _present_in_terminal(transcriber, waits)
        return
    transcriber.show()
    if waits:
        try:
            seen = isinstance(transcriber, FileTranscriber) or transcriber.wait_for_page(PAGE_WITHIN)
        except KeyboardInterrupt:
            transcriber.finish()
            raise
        if not seen:
            raise ConfigurationError(HEADLESS)
        transcriber.wait()


def _present_in_terminal(transcriber: Transcriber, waits: bool) -> None:
    """Take Enter for Start and Ctrl-C for Stop, and write the words in place where somebody sees them."""
    recorded = isinstance(transcriber, FileTranscriber)
    if not recorded:
        print(transcriber.microphone.destination)
        if not waits:
            transcriber.shown()
            print(STARTED_BY_HAND)
            return
        print(notice(transcriber.service))
        if not terminal.ask_to_start():
            transcriber.shown()
            return
        transcriber.start()
    if waits and terminal.is_interactive():
        transcriber.write_lines()
    if waits:
        with nullcontext() if recorded else suppress(KeyboardInterrupt):
            transcriber.wait()
    if not (waits and terminal.is_interactive()):
        transcriber.show()
