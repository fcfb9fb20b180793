"""A transcript as a widget: drawn from a snapshot, kept up with patches."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from rt_magic.exceptions import ConfigurationError, RemoteProtocolError
from rt_magic.portal import portal
from rt_magic.threads import in_thread
from rt_magic.transcript.ledger import Ledger
from rt_magic.transcript.segments import Segment
from rt_magic.transcript.store import State
from rt_magic.transcript.transcript import Transcript, TranscriptChange
from rt_magic.widgets import lane
from rt_magic.widgets.final_text import FinalText, tell
from rt_magic.widgets.messages import Edit, Mark, Patch, SegmentLine, Snapshot, ViewHello, parse_view
from rt_magic.widgets.requests import Request, answer, mark_sid

_log = logging.getLogger(__name__)

BEHIND = 1e-5
"""What is added to the place of a segment for the place behind it; pieces of one turn are 1e-9 apart."""

READ_ONLY = (Edit, Mark)
"""What a disabled view does not let a reader do."""

PATCH_EVERY = 1 / 30
"""Seconds between two patches at least."""


def line(segment: Segment, at: float) -> SegmentLine:
    """Return a segment as the page gets it; lines stand in the order of `at`."""
    return SegmentLine(
        sid=segment.id,
        at=at,
        start=segment.start,
        end=segment.end,
        text=segment.text,
        final=segment.final,
        speaker=segment.speaker,
        language=segment.language,
        confidence=segment.confidence,
        error=segment.error,
        mark=False,
    )


def segment_lines(known: Ledger) -> list[SegmentLine]:
    """Return all segments as the page gets them."""
    return [line(segment, known.ranks.get(segment.id, 0.0)) for segment in known.ordered()]


def mark_lines(state: State) -> list[SegmentLine]:
    """Return the marks as the page gets them: each behind what had begun by then."""
    if not state.marks:
        return []
    lines = []
    placed = [(segment.start, state.ledger.ranks.get(segment.id, 0.0)) for segment in state.ledger.ordered()]
    before = placed[0][1] - 1 if placed else -1.0
    for number, (second, label) in enumerate(state.marks):
        begun = [rank for start, rank in placed if start is None or start <= second]
        known = Segment(id=mark_sid(number), start=second, text=label, final=True)
        lines.append(SegmentLine({**line(known, max(begun, default=before) + BEHIND), "mark": True}))
    return lines


def _snapshot_to_json(_value: object, view: TranscriptView) -> Snapshot | dict[str, object]:
    # Only called when a page or a saved widget state asks for it, so that no list is built for each word.
    return {} if view.private else view._snapshot()


class TranscriptView(anywidget.AnyWidget):
    """Show a transcript while it grows; `transcript` may be set again, `value` is the final text.

    `value` can be observed and linked as in any widget; its observers run on the portal's thread. With
    `disabled=True` the page offers neither correcting nor marking. `next_step` is code that the page shows when the
    transcript is done. With `private=True` no word goes into the saved notebook: the page gets all of it by messages.
    """

    _esm = Path(__file__).parent / "static" / "transcript_view.js"

    snapshot = traitlets.Dict().tag(sync=True, to_json=_snapshot_to_json)
    twin = traitlets.Unicode("").tag(sync=True)
    composed = traitlets.Bool(False).tag(sync=True)
    waiting = traitlets.Int(0).tag(sync=True)
    placeholder = traitlets.Unicode("").tag(sync=True)
    direction = traitlets.Unicode("auto").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)
    done = traitlets.Bool(False).tag(sync=True)
    next_step = traitlets.Unicode("").tag(sync=True)
    value = FinalText(read_only=True)

    def __init__(self, transcript: Transcript | None = None, *, private: bool = False, **kwargs: Any) -> None:
        if not isinstance(transcript, Transcript | None):
            raise ConfigurationError(f"{transcript!r} is not a transcript; give one, or Transcript.read(path)")
        self.private = private
        self._transcript = transcript
        self._unsubscribe: Callable[[], None] | None = None
        self._upsert: dict[str, Segment] = {}
        self._remove: dict[str, None] = {}
        self._patches = 0
        self._flushing: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0
        self._told = ""
        self.on_text: Callable[[], object] = lambda: None
        """Called on the portal's thread when the final text may have changed."""
        self._asking: set[asyncio.Task[None]] = set()
        self._marks: list[SegmentLine] = []  # that the page does not know yet
        self._marked: list[SegmentLine] = []
        super().__init__(**kwargs)
        self.on_msg(self._on_message)
        lane.attach(self.comm)
        if transcript is not None:
            self.done = transcript.done
            self._follow(transcript)

    def _follow(self, transcript: Transcript) -> None:
        # A change may still be on its way when another transcript is set, so each comes with its own.
        self._unsubscribe = transcript.on_change(partial(self._on_change, transcript))

    @property
    def transcript(self) -> Transcript | None:
        """The transcript that is shown."""
        return self._transcript

    @transcript.setter
    def transcript(self, transcript: Transcript | None) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        self._transcript = transcript
        self.done = transcript is not None and transcript.done
        if transcript is not None:
            self._follow(transcript)
        portal().call_soon(self._reset)

    def close(self) -> None:
        """Close the widget and give its lane back."""
        comm = self.comm
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        super().close()
        if comm is not None:
            lane.detach(comm)

    def _on_message(self, _widget: object, content: object, _buffers: Sequence[object]) -> None:
        portal().call_soon(self._answer, content)

    def _on_change(self, transcript: Transcript, change: TranscriptChange) -> None:
        # On a writer's thread, in the order of the revisions.
        if change.kind == "segments":
            portal().call_soon(self._note, transcript, change)
        elif change.kind == "event":
            portal().call_soon(self._note_marks)
        else:
            portal().call_soon(self._show_done)

    def _snapshot(self) -> Snapshot:
        """Return all lines and the number of patches they surely include, for no patch goes without a number."""
        patches = self._patches  # read first: what changes meanwhile is in the lines and comes once more as a patch
        transcript = self._transcript
        if transcript is None:
            return Snapshot(revision=patches, segments=[])
        state = transcript._store.state()
        return Snapshot(revision=patches, segments=segment_lines(state.ledger) + mark_lines(state))

    # ── from here on everything runs on the portal's thread ──

    def _answer(self, content: object) -> None:
        try:
            message = parse_view(content)
        except RemoteProtocolError as error:
            _log.warning("%s", error)
            return
        if isinstance(message, ViewHello):
            self._send_snapshot()
        elif not (self.disabled and message.__class__ in READ_ONLY):
            asking = asyncio.ensure_future(self._do(message))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)

    async def _do(self, request: Request) -> None:
        # Beside the portal's thread, where sound passes: a file is read, a long transcript is written.
        answered = await in_thread(answer, self._transcript, request)
        if answered is not None:
            self.send(*answered)

    def _send_snapshot(self, *, reset: bool = False) -> None:
        message = self._snapshot()
        message["type"] = "snapshot"
        if reset:
            message["reset"] = True
        self.send(message)

    def _reset(self) -> None:
        self._upsert.clear()
        self._remove.clear()
        self._marks, self._marked = [], []
        self._send_snapshot(reset=True)
        self._tell()

    def _show_done(self) -> None:
        self.done = self._transcript is not None and self._transcript.done

    def _tell(self) -> None:
        self._told = tell(self, self._told)
        self.on_text()

    def _note(self, transcript: Transcript, change: TranscriptChange) -> None:
        if transcript is not self._transcript:
            return
        for id_ in change.remove:
            self._upsert.pop(id_, None)
            self._remove[id_] = None
        for segment in change.upsert:
            self._remove.pop(segment.id, None)
            self._upsert[segment.id] = segment
        self._flush_soon()

    def _note_marks(self) -> None:
        known = [] if self._transcript is None else mark_lines(self._transcript._store.state())
        self._marks = [mark for mark in known if mark not in self._marked]
        self._marked = known
        if self._marks:
            self._flush_soon()

    def _flush_soon(self) -> None:
        if self._flushing is None:
            wait = max(0.0, self._flushed_at + PATCH_EVERY - time.monotonic())
            self._flushing = portal().loop.call_later(wait, self._flush)

    def _flush(self) -> None:
        self._flushing = None
        if self._transcript is None:
            return
        upsert = [line(segment, self._transcript._store.rank(segment.id)) for segment in self._upsert.values()]
        if not (upsert or self._marks or self._remove):
            return
        self._flushed_at = time.monotonic()
        self._patches += 1
        self.send(Patch(type="patch", revision=self._patches, upsert=upsert + self._marks, remove=list(self._remove)))
        if self._remove or any(row["final"] for row in upsert):
            self._tell()
        self._marks = []
        self._upsert.clear()
        self._remove.clear()
