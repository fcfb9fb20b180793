"""The transcript's widget: snapshots when asked for, numbered patches, nothing saved when private."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from rt_magic.portal import portal
from rt_magic.transcript.segments import Changes, Segment
from rt_magic.transcript.transcript import Transcript
from rt_magic.widgets.transcript_view import PATCH_EVERY, TranscriptView


class Page(TranscriptView):
    """A view whose messages can be read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        super().__init__(*args, **kwargs)

    def send(self, content: Any, buffers: Any = None) -> None:
        """Keep what would go to the page."""
        self.sent.append(dict(content) | {"at": time.monotonic()})


def settled(condition: Callable[[], object]) -> None:
    """Wait until the portal has done what was asked."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "not within 10 s"
        portal().run(_nothing()).result(5)
        time.sleep(0.005)


async def _nothing() -> None:
    pass


def say(transcript: Transcript, number: int, text: str, *, final: bool = True) -> None:
    """Write a segment."""
    segment = Segment(id=f"s{number}", start=float(number), text=text, final=final)
    transcript._apply(Changes((segment,), (), {segment.id: float(number)}))


def test_a_change_reaches_the_page_as_a_patch() -> None:
    """A segment comes as a whole line; one that goes is named."""
    transcript = Transcript()
    view = Page(transcript)
    say(transcript, 1, "hello", final=False)
    settled(lambda: view.sent)
    (patch,) = view.sent
    assert (patch["type"], patch["revision"], patch["remove"]) == ("patch", 1, [])
    assert patch["upsert"] == [
        {
            "sid": "s1", "at": 1.0, "start": 1.0, "end": None, "text": "hello", "final": False, "speaker": None,
            "language": None, "confidence": None, "error": None, "mark": False,
        }
    ]  # fmt: skip
    transcript._apply(Changes((), ("s1",)))
    settled(lambda: len(view.sent) == 2)
    assert (view.sent[1]["upsert"], view.sent[1]["remove"]) == ([], ["s1"])


def test_many_changes_are_few_patches_without_a_gap_in_their_numbers() -> None:
    """Three hundred changes at once come in patches a thirtieth of a second apart, the last text in the end."""
    transcript = Transcript()
    view = Page(transcript)
    for number in range(300):
        say(transcript, number % 3, f"text {number}")
    lines: dict[str, str] = {}

    def drawn() -> bool:
        for patch in view.sent:
            lines.update((row["sid"], row["text"]) for row in patch["upsert"])
        return lines == {"s0": "text 297", "s1": "text 298", "s2": "text 299"}

    settled(drawn)
    assert [patch["revision"] for patch in view.sent] == list(range(1, len(view.sent) + 1))
    gaps = [b["at"] - a["at"] for a, b in zip(view.sent, view.sent[1:], strict=False)]
    assert all(gap >= PATCH_EVERY * 0.9 for gap in gaps)


def test_the_snapshot_is_built_when_state_is_asked_for() -> None:
    """The snapshot trait holds nothing itself, and asking for state gives all lines and the patch they include."""
    transcript = Transcript()
    view = Page(transcript)
    say(transcript, 1, "hello")
    settled(lambda: view.sent)
    assert view.snapshot == {}
    state = view.get_state("snapshot")["snapshot"]
    assert state["revision"] == view.sent[-1]["revision"]
    assert [row["text"] for row in state["segments"]] == ["hello"]


def test_a_hello_is_answered_with_the_snapshot() -> None:
    """A page that misses something gets everything."""
    transcript = Transcript()
    say(transcript, 1, "hello")
    view = Page(transcript)
    view._on_message(view, {"type": "hello", "page": "p", "revision": -1}, [])
    settled(lambda: view.sent)
    assert view.sent[0]["type"] == "snapshot"
    assert [row["text"] for row in view.sent[0]["segments"]] == ["hello"]


def test_a_stranger_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    """What is no message of ours is logged and has no effect."""
    view = Page(Transcript())
    view._on_message(view, {"type": "shout"}, [])
    settled(lambda: "reload the page" in caplog.text)
    assert view.sent == []


def test_private_leaves_no_word_in_the_state() -> None:
    """A private view's state, which a notebook may save, holds no word; the page still gets all."""
    transcript = Transcript()
    view = Page(transcript, private=True)
    say(transcript, 1, "secret")
    view._on_message(view, {"type": "hello", "page": "p", "revision": 0}, [])
    settled(lambda: any(message["type"] == "snapshot" for message in view.sent))
    assert "secret" not in repr(view.get_state())
    assert "secret" in repr(view.sent)


def test_another_transcript() -> None:
    """Setting `transcript` again draws the new one from the beginning and no longer follows the old one."""
    old, new = Transcript(), Transcript()
    view = Page(old)
    say(new, 1, "new")
    view.transcript = new
    say(old, 1, "old")
    settled(lambda: view.sent)
    assert view.sent[0]["reset"] is True
    assert [row["text"] for row in view.sent[0]["segments"]] == ["new"]
    assert view.value == "new"
    say(new, 2, "newer")
    settled(lambda: len(view.sent) == 2)
    assert "old" not in repr(view.sent)


def test_without_a_transcript_the_view_is_empty() -> None:
    """A view can be made before there is anything to show."""
    view = Page()
    assert view.get_state("snapshot")["snapshot"]["segments"] == []
    assert view.value == ""
