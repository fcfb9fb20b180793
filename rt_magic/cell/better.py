"""Better words than the embedded engine's own: what a model costs, and fetching it when somebody says so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

from rt_magic.optional import extra
from rt_magic.portal import portal
from rt_magic.threads import in_thread
from rt_magic.widgets.messages import Better
from rt_magic.widgets.microphone import Microphone

MODEL, MEGABYTES, LANGUAGES = "small", 486, 99
"""The model that is offered. Its size is that of Systran/faster-whisper-small, its languages are Whisper's."""

COMMAND = [sys.executable, "-P", "-m", "rt_magic.local.fetch"]


class BetterWords:
    """The offer in a cell's controls: a button, how far it is, and what came of it."""

    def __init__(self, microphone: Microphone, fetched: Callable[[str], str]) -> None:
        """`fetched(model)` puts the model to use and returns the sentence that says so; on the portal's thread."""
        self._microphone, self._fetched = microphone, fetched
        self._process: subprocess.Popen[str] | None = None
        microphone.on_fetch = self._on_fetch
        self._show("offered")

    def close(self) -> None:
        """End what is under way."""
        if self._process is not None:
            self._process.kill()

    def _show(self, state: str, sentence: str = "", done: float = 0.0) -> None:
        shown = Better(
            model=MODEL,
            megabytes=MEGABYTES,
            languages=LANGUAGES,
            state=state,  # type: ignore[typeddict-item]
            done=done,
            sentence=sentence,
        )
        self._microphone.better = dict(shown)

    def _on_fetch(self, cancel: bool) -> None:
        if cancel:
            self.close()
        elif self._process is None:
            try:
                self._process = subprocess.Popen(
                    [*COMMAND, MODEL],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                )
            except OSError as error:
                self._show("failed", f"the model could not be fetched (no process could be started: {error})")
                return
            self._show("fetching")
            portal().run(self._follow(self._process))

    async def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None and process.stdin is not None
        said: dict[str, object] = {}
        while line := await in_thread(process.stdout.readline):
            said = _said(line) or said
            if "megabytes" in said:
                self._show("fetching", done=min(float(str(said["megabytes"])), MEGABYTES))
        process.stdin.close()
        code = await in_thread(process.wait)
        process.stdout.close()
        self._process = None
        if "folder" in said:
            self._show("fetched", self._fetched(MODEL), MEGABYTES)
        elif "missing" in said:
            self._show("failed", f"faster-whisper is not installed; to install it: {extra(str(said['missing']))}")
        elif "error" in said:
            self._show("failed", str(said["error"]))
        elif code < 0:
            self._show("offered", "cancelled; what has come is kept")
        else:
            self._show("failed", f"the model could not be fetched (its process ended with {code}); try again")


def _said(line: str) -> dict[str, object]:
    """Return what the process says in a line; nothing where a library has printed something of its own."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
