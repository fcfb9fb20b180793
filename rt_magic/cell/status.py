"""What a live cell says of itself: states, mishaps and what to do, as sentences for people."""

from __future__ import annotations

from typing import Literal, TypeAlias

from rt_magic.exceptions import RtMagicError, ServiceConnectionError
from rt_magic.session.session import RealtimeSession

State: TypeAlias = Literal[
    "ready", "opening", "connecting", "listening", "paused", "reconnecting", "draining", "stopped", "error"
]

LIVE = frozenset({"opening", "connecting", "listening", "paused", "reconnecting", "draining"})
"""The states in which a transcription is under way."""

READY = "click Start and speak"
ASKED = "asking the page to open its microphone"
OPENING = "opening the microphone"
PAUSED = "paused; click Resume to go on"
GONE = "the page is gone, and its microphone with it; click Resume to go on here"
NO_SOUND = "no sound comes from this machine's microphone; Resume opens it again"


WITHOUT_WIDGETS = "Transcript (its buttons need a running kernel; the words follow):"
"""The line in place of the live view where a reader has no widgets; the words stand below it."""

NO_VIEW = (
    "Nothing was said yet. No Start button above? Then this page shows no widgets: run the cell in JupyterLab or "
    "Notebook, and ask whoever runs the server whether its content security policy allows `blob:` in `script-src`."
)

BY_HAND = "Nothing was said yet: .start() begins, .stop() ends."
NO_PAGE = (
    'no page can record here: rt_magic.Transcriber(microphone="kernel") takes the microphone of this machine, and '
    "rt_magic.transcribe a file"
)
"""The same in a terminal."""

NO_LANE = (
    "this kernel receives nothing from the page while a cell runs, so no click and no sound would arrive: leave out "
    "--wait (and .wait()), or upgrade to ipykernel 7.4; --duration does not help"
)


def of_session(session: RealtimeSession | None, state: State) -> str:
    """Return what the session says of itself while the cell is in `state`; "" where that is nothing."""
    if session is None or state not in ("connecting", "listening", "reconnecting"):
        return ""
    if state != "listening":
        return f"recording; {session.status}"
    behind = f"; the service is {session.behind:.0f} s behind" if session.behind >= 3 else ""
    return (session.status if session.state == "listening" else "listening") + behind


def reloaded(variable: str) -> str:
    """Return how the text is kept after the page was loaded anew: the output of the cell is no longer refreshed."""
    keep = f"run `{variable}` in a new cell" if variable else "display the transcript in a new cell"
    return f"since this page was loaded anew, new text is not saved here by itself: {keep} to keep it"


def spoken(seconds: float) -> str:
    """Return a time as people say it."""
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def unanswered(session: RealtimeSession, patience: float) -> RtMagicError:
    """Return the error for a session that is left with work to do, so that nobody takes its transcript for whole."""
    rest = _unsent(session) if session.behind > 0 else "the last words are missing"
    return ServiceConnectionError(f"nothing came from the service for {patience:g} s after Stop: {rest}")


def unsent(session: RealtimeSession) -> RtMagicError:
    """Return the error for a session that has ended before all of its sound was sent."""
    return ServiceConnectionError(f"the session has ended too early: {_unsent(session)}")


def _unsent(session: RealtimeSession) -> str:
    return f"{session.behind:.1f} s of sound were not sent; click Start to go on with them"
