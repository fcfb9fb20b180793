"""The transcript's widget: snapshots when asked for, numbered patches, nothing saved when private."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rt_magic.audio.recording import Recording
from rt_magic.portal import portal
from rt_magic.transcript.segments import Changes, Segment
from rt_magic.transcript.transcript import Transcript, TranscriptChange
from rt_magic.widgets.messages import Listen, Save
from rt_magic.widgets.requests import answer
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


def test_a_snapshot_is_whole_while_somebody_writes() -> None:
    """A segment that is just becoming final, or moving, stands in each snapshot once, in a place that it has had."""
    transcript, over = Transcript(), threading.Event()
    view = TranscriptView(transcript)
    places = {1.0, 2.0}

    def look() -> set[tuple[float, ...]]:
        seen = set()
        while not over.is_set():
            seen.add(tuple(row["at"] for row in view._snapshot()["segments"] if not row["mark"]))
        return seen

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        say(transcript, 1, "moving")
        with ThreadPoolExecutor(1) as pool:
            reader = pool.submit(look)
            for number in range(2000):
                segment = Segment("s1", text="moving", final=number % 2 == 0)
                transcript._apply(Changes((segment,), (), {"s1": 1.0 + number % 2}))
            over.set()
            assert reader.result() <= {(place,) for place in places}
    finally:
        sys.setswitchinterval(before)


def test_what_is_under_way_of_the_transcript_before_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that was being told while another transcript was set is not taken for one of the new transcript."""
    old, new = Transcript(), Transcript()
    view = Page()
    view.transcript = new
    # What the view had asked to be told of the old one, and is told late.
    told: list[Callable[[TranscriptChange], object]] = []

    def on_change(callback: Callable[[TranscriptChange], object]) -> Callable[[], None]:
        told.append(callback)
        return lambda: None

    monkeypatch.setattr(old, "on_change", on_change)
    view.transcript = old
    view.transcript = new
    told[0](TranscriptChange("segments", 1, (Segment("s1", text="old", final=True),)))
    say(new, 2, "new")
    settled(lambda: any(message["type"] == "patch" for message in view.sent))
    assert [row["text"] for message in view.sent for row in message.get("upsert", [])] == ["new"]


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


def ask(view: Page, message: dict[str, Any]) -> None:
    """A reader's wish comes from the page."""
    view._on_message(view, {"page": "view-1", **message}, [])


def test_value_can_be_observed() -> None:
    """Observers of `value` hear of each new final text, and of nothing else."""
    transcript = Transcript()
    view = Page(transcript)
    heard: list[str] = []
    view.observe(lambda change: heard.append(change["new"]), "value")
    say(transcript, 1, "hel", final=False)
    settled(lambda: view.sent)
    assert heard == []
    say(transcript, 1, "hello")
    settled(lambda: heard == ["hello"])
    transcript.edit("s1", "hallo")
    settled(lambda: heard == ["hello", "hallo"])
    assert view.value == "hallo"


def test_a_correction_of_the_page_is_the_transcripts() -> None:
    """An edit changes the transcript, keeps the machine's text and comes back as a patch."""
    transcript = Transcript()
    say(transcript, 1, "the cable")
    view = Page(transcript)
    ask(view, {"type": "edit", "sid": "s1", "text": "the table"})
    settled(lambda: view.sent)
    assert [row["text"] for row in view.sent[0]["upsert"]] == ["the table"]
    assert transcript.text == "the table"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "edit", "sid": "s9", "text": "x"}, "not known"),
        ({"type": "listen", "sid": "s1"}, "no times"),
        ({"type": "listen", "sid": "s9"}, "not final yet"),
    ],
)
def test_what_cannot_be_done_is_said_to_the_view_that_asked(message: dict[str, Any], words: str) -> None:
    """The answer names the view, the line and the reason."""
    transcript = Transcript()
    say(transcript, 1, "hello")
    view = Page(transcript)
    ask(view, message)
    settled(lambda: view.sent)
    answer = view.sent[0]
    assert (answer["type"], answer["page"], answer["sid"]) == ("failed", "view-1", message["sid"])
    assert words in answer["message"]


def test_a_disabled_view_changes_nothing() -> None:
    """With `disabled` neither a correction nor a mark is taken; files still are."""
    transcript = Transcript()
    say(transcript, 1, "hello")
    view = Page(transcript, disabled=True)
    ask(view, {"type": "edit", "sid": "s1", "text": "x"})
    ask(view, {"type": "mark"})
    ask(view, {"type": "save", "format": "txt"})
    settled(lambda: view.sent)
    assert [message["type"] for message in view.sent] == ["file"]
    assert transcript.text == "hello"
    assert transcript.events == []


@pytest.mark.parametrize("format", ["srt", "txt", "json"])
def test_a_file_is_what_save_would_write(format: str, tmp_path: Path) -> None:
    """The page gets the very bytes of `transcript.save`."""
    transcript = Transcript()
    segment = Segment(id="s1", start=1.0, end=2.5, text="Grüße 👋", final=True, speaker="Anna")
    transcript._apply(Changes((segment,), (), {"s1": 1.0}))
    answered = answer(transcript, Save("view-1", format))  # type: ignore[arg-type]
    assert answered is not None
    message, (content,) = answered
    assert message["type"] == "file"
    assert message["name"] == f"transcript.{format}"
    assert content == transcript.save(tmp_path / f"transcript.{format}").read_bytes()


def test_the_sound_of_a_line_is_a_part_of_the_recording() -> None:
    """Listening gives the samples between start and end, half a minute at most, and nothing once they are gone."""
    recording = Recording.create()
    samples = np.arange(40 * 24_000).astype("<i2")
    recording.append(samples.tobytes())
    transcript = Transcript(recording=recording)
    for id_, start, end in (("s1", 1.0, 2.5), ("s2", 3.0, 39.0)):
        segment = Segment(id=id_, start=start, end=end, text="words", final=True)
        transcript._apply(Changes((segment,), (), {id_: start}))
    for sid, first, last in (("s1", 24_000, 60_000), ("s2", 72_000, 72_000 + 30 * 24_000)):
        answered = answer(transcript, Listen("view-1", sid))
        assert answered is not None
        assert answered[0] == {"type": "sound", "page": "view-1", "sid": sid, "rate": 24_000}
        assert answered[1] == [samples[first:last].tobytes()]
    transcript.forget()
    answered = answer(transcript, Listen("view-1", "s1"))
    assert answered is not None
    assert answered[0]["type"] == "failed"


def test_a_mark_is_a_line_behind_what_had_begun() -> None:
    """Marks stand among the segments by time, in patches and snapshots, and can be given names."""
    transcript = Transcript()
    for number in range(3):
        say(transcript, number, f"text {number}")
    view = Page(transcript)
    transcript._store.length = 1.5
    ask(view, {"type": "mark"})
    settled(lambda: view.sent)
    (mark,) = view.sent[0]["upsert"]
    assert (mark["sid"], mark["text"], mark["start"], mark["mark"]) == ("mark-0", "mark 1", 1.5, True)
    assert 1.0 < mark["at"] < 2.0
    ask(view, {"type": "edit", "sid": "mark-0", "text": "question 1"})
    settled(lambda: len(view.sent) == 2)
    assert [row["text"] for row in view.sent[1]["upsert"]] == ["question 1"]
    assert [(event["label"], event["at"]) for event in transcript.events] == [("question 1", 1.5)]
    assert view.get_state("snapshot")["snapshot"]["segments"][-1]["text"] == "question 1"


def test_a_view_knows_when_all_is_said() -> None:
    """`done` follows the transcript, and another transcript's state is its own."""
    transcript = Transcript()
    view = Page(transcript)
    transcript._finish()
    settled(lambda: view.done)
    view.transcript = Transcript()
    assert not view.done
    assert TranscriptView(transcript).done
