"""A transcript as a widget: drawn from a snapshot, kept up with patches."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from rt_magic.exceptions import RemoteProtocolError
from rt_magic.portal import portal
from rt_magic.transcript.segments import Segment
from rt_magic.transcript.transcript import Transcript, TranscriptChange
from rt_magic.widgets import lane
from rt_magic.widgets.messages import Patch, SegmentLine, Snapshot, parse_view

_log = logging.getLogger(__name__)

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
    )


def _snapshot_to_json(_value: object, view: TranscriptView) -> Snapshot | dict[str, object]:
    # Only called when a page or a saved widget state asks for it, so that no list is built for each word.
    return {} if view.private else view._snapshot()


class TranscriptView(anywidget.AnyWidget):
    """Show a transcript while it grows; `transcript` may be set again, `value` is the final text.

    With `private=True` no word goes into the saved notebook: the page gets all of it by messages.
    """

    _esm = Path(__file__).parent / "static" / "transcript_view.js"

    snapshot = traitlets.Dict().tag(sync=True, to_json=_snapshot_to_json)
    twin = traitlets.Unicode("").tag(sync=True)
    composed = traitlets.Bool(False).tag(sync=True)
    waiting = traitlets.Int(0).tag(sync=True)
    placeholder = traitlets.Unicode("").tag(sync=True)
    direction = traitlets.Unicode("auto").tag(sync=True)

    def __init__(self, transcript: Transcript | None = None, *, private: bool = False, **kwargs: Any) -> None:
        self.private = private
        self._transcript = transcript
        self._unsubscribe: Callable[[], None] | None = None
        self._upsert: dict[str, Segment] = {}
        self._remove: dict[str, None] = {}
        self._patches = 0
        self._flushing: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0
        super().__init__(**kwargs)
        self.on_msg(self._on_message)
        lane.attach(self.comm)
        if transcript is not None:
            self._unsubscribe = transcript.on_change(self._on_change)

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
        if transcript is not None:
            self._unsubscribe = transcript.on_change(self._on_change)
        portal().call_soon(self._reset)

    @property
    def value(self) -> str:
        """The final text."""
        return "" if self._transcript is None else self._transcript.text

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

    def _on_change(self, change: TranscriptChange) -> None:
        # On the writer's thread, in the order of the revisions.
        if change.kind == "segments":
            portal().call_soon(self._note, self._transcript, change)

    def _snapshot(self) -> Snapshot:
        """Return all lines and the number of patches they surely include, for no patch goes without a number."""
        patches = self._patches  # read first: what changes meanwhile is in the lines and comes once more as a patch
        known = self._transcript
        segments = () if known is None else (*known.segments, *known.interim)
        lines = [] if known is None else [line(segment, known._rank(segment.id)) for segment in segments]
        return Snapshot(revision=patches, segments=lines)

    # ── from here on everything runs on the portal's thread ──

    def _answer(self, content: object) -> None:
        try:
            parse_view(content)
        except RemoteProtocolError as error:
            _log.warning("%s", error)
            return
        self._send_snapshot()

    def _send_snapshot(self, *, reset: bool = False) -> None:
        message = self._snapshot()
        message["type"] = "snapshot"
        if reset:
            message["reset"] = True
        self.send(message)

    def _reset(self) -> None:
        self._upsert.clear()
        self._remove.clear()
        self._send_snapshot(reset=True)

    def _note(self, transcript: Transcript, change: TranscriptChange) -> None:
        if transcript is not self._transcript:
            return
        for id_ in change.remove:
            self._upsert.pop(id_, None)
            self._remove[id_] = None
        for segment in change.upsert:
            self._remove.pop(segment.id, None)
            self._upsert[segment.id] = segment
        if self._flushing is None:
            wait = max(0.0, self._flushed_at + PATCH_EVERY - time.monotonic())
            self._flushing = portal().loop.call_later(wait, self._flush)

    def _flush(self) -> None:
        self._flushing = None
        if self._transcript is None or not (self._upsert or self._remove):
            return
        self._flushed_at = time.monotonic()
        upsert = [line(segment, self._transcript._rank(segment.id)) for segment in self._upsert.values()]
        self._patches += 1
        self.send(Patch(type="patch", revision=self._patches, upsert=upsert, remove=list(self._remove)))
        self._upsert.clear()
        self._remove.clear()
