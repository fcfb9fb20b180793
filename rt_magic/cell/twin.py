"""The output beside a live view that keeps the text for readers without a kernel."""

from __future__ import annotations

import asyncio
import html
import secrets
import time

from IPython.display import display, update_display

from rt_magic.portal import portal
from rt_magic.transcript import export
from rt_magic.transcript.transcript import Transcript

SHARE = 0.01
"""Part of the time that refreshing may take."""
SOONEST = 1.0
"""Seconds from a change to the refresh at least."""


class Twin:
    """Static HTML and plain text of a transcript under one display id, refreshed rarely; pages hide it by class."""

    def __init__(self, transcript: Transcript, *, private: bool, hint: str = "") -> None:
        self.name = f"rt-static-{secrets.token_hex(4)}"
        self.shown = False
        self._transcript = transcript
        self._private = private
        self._hint = hint  # for a page that shows no live view, as long as there is nothing else to show
        self._timer: asyncio.TimerHandle | None = None
        self._not_before = 0.0

    def show(self, *, keep: bool) -> None:
        """Display it in the current cell, and with `keep` refresh it from then on."""
        self.shown = keep
        display(self._bundle(), raw=True, display_id=self.name)

    def refresh_soon(self) -> None:
        """Refresh when that costs little; on the portal's thread."""
        if self.shown and self._timer is None:
            wait = max(SOONEST, self._not_before - time.monotonic())
            self._timer = portal().loop.call_later(wait, self.refresh)

    def refresh(self) -> None:
        """Write what there is now: at once on the portal's thread, which has the timer, and soon on any other."""
        if not portal().here:
            portal().call_soon(self.refresh)
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.shown:
            return
        began = time.monotonic()
        update_display(self._bundle(), raw=True, display_id=self.name)
        ended = time.monotonic()
        self._not_before = ended + (ended - began) / SHARE

    def _bundle(self) -> dict[str, str]:
        if self._private:
            note = "private transcript: its words are not kept in this notebook"
            return {"text/html": f"<div class='rt-static {self.name}'>{note}</div>", "text/plain": note}
        shown = self._transcript._store.ordered()
        if not shown and self._hint and not self._transcript.done:
            note = html.escape(self._hint)
            return {"text/html": f"<div class='rt-static {self.name}'>{note}</div>", "text/plain": self._hint}
        done = self._transcript.done
        return {
            "text/html": export.to_html(shown, classes=self.name, done=done),
            "text/plain": export.to_plain(shown, done=done),
        }
