"""The microphone's widget, driven by the messages that a page sends."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_magic.portal import portal
from rt_magic.widgets.microphone import UNSEEN, Microphone
from rt_magic.widgets.transcript_view import TranscriptView
from tests.pages import Page

RATES = st.sampled_from((16_000, 24_000, 44_100, 48_000, 96_000))
TYPES = Path(__file__).parents[1] / "js" / "src" / "types.d.ts"


class Probe(Microphone):
    """A microphone whose messages to the page can be read."""

    def __init__(self, **kwargs: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        super().__init__(**kwargs)

    def send(self, content: Any, buffers: Any = None) -> None:
        """Keep what would go to the page."""
        self.sent.append(dict(content))


async def _nothing() -> None:
    pass


def settled(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Wait until the portal has come so far."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s"
        portal().run(_nothing()).result(5)
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("interface", "widget"), [("MicrophoneTraits", Microphone), ("TranscriptViewTraits", TranscriptView)]
)
def test_both_sides_declare_the_same_traits(interface: str, widget: type[anywidget.AnyWidget]) -> None:
    """The traits of each widget have the same names in the same order in Python and in the page."""
    found = re.search(rf"interface {interface} \{{(.*?)\n\}}", TYPES.read_text(), re.DOTALL)
    assert found
    ours = [name for name, value in vars(widget).items() if getattr(value, "metadata", {}).get("sync")]
    assert re.findall(r"^\s*(\w+)\??:", found[1], re.MULTILINE) == ours


def test_sound_comes_out_as_it_went_in() -> None:
    """Every sample of several epochs reaches the callback once, with its position."""
    microphone, got = Probe(), []
    microphone.on_audio(lambda pcm, position: got.append((position, pcm)))
    page = Page(microphone)
    said = np.random.default_rng(1).integers(-9000, 9000, 24_000 + 777).astype(np.int16)
    for epoch, part in (("a", said[:9_000]), ("b", said[9_000:])):
        page.start(epoch)
        page.speak(part)
        page.end("pause")
    settled(lambda: microphone.received == len(said))
    assert b"".join(pcm for _, pcm in got) == said.tobytes()
    assert [position for position, _ in got] == list(np.cumsum([0, *(len(pcm) // 2 for _, pcm in got[:-1])]))
    assert microphone.captured == len(said)
    assert microphone.lost == 0


def test_states_on_the_way() -> None:
    """The widget shows what its page does, and tells it that it is the one."""
    microphone, states = Probe(), []
    microphone.observe(lambda change: states.append(change["new"]), "state")
    page = Page(microphone)
    page.start("a")
    settled(lambda: microphone.page == "p")
    page.speak(np.zeros(2400, np.int16))
    page.end("pause")
    page.start("b")
    page.speak(np.zeros(2400, np.int16))
    page.end("stop")
    settled(lambda: microphone.state == "stopped")
    assert states == ["opening", "listening", "paused", "opening", "listening", "draining", "stopped"]
    assert microphone.page == ""
    kinds = [m["type"] for m in microphone.sent]
    assert [kind for kind in kinds if kind not in ("ack", "clock")] == ["accepted", "accepted"]
    assert [m for m in microphone.sent if m["type"] == "clock"][-1] == {"type": "clock", "recorded": 0.2, "sent": 0.2}
    assert microphone.value == 0.2
    assert {m["epoch"]: m["next"] for m in microphone.sent if m["type"] == "ack"} == {"a": 1, "b": 1}


def test_another_rate_is_resampled_in_one_stream() -> None:
    """A tone of 440 Hz at 48 kHz is one at 24 kHz, of the same length, without a click between chunks."""
    microphone, got = Probe(), []
    microphone.on_audio(lambda pcm, position: got.append(pcm))
    page = Page(microphone, rate=48_000)
    page.start("a")
    page.speak((8000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.int16))
    page.end("stop")
    settled(lambda: microphone.state == "stopped")
    samples = np.frombuffer(b"".join(got), "<i2").astype(float)
    assert len(samples) == 24_000 == microphone.captured
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert spectrum.argmax() == 440
    assert spectrum[:400].max() + spectrum[500:].max() < spectrum.max() / 1000


@settings(max_examples=10)
@given(st.lists(st.tuples(RATES, st.integers(1, 30_000)), min_size=1, max_size=4))
def test_what_is_received_is_what_was_captured(epochs: list[tuple[int, int]]) -> None:
    """Whatever rates a page has in its epochs, as many samples come out as it captured."""
    microphone = Probe()
    for number, (rate, samples) in enumerate(epochs):
        page = Page(microphone, rate=rate)
        page.start(f"e{number}")
        page.speak(np.zeros(samples, np.int16))
        page.end("pause")
    portal().run(_nothing()).result(10)  # all of it has been taken
    assert microphone.captured == microphone.received
    assert abs(microphone.captured - sum(samples * 24_000 / rate for rate, samples in epochs)) <= 0.501
    microphone.close()


def test_a_callback_that_raises_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What a callback raises is logged, and the others get the sound; a removed one gets none."""
    microphone, got, gone = Probe(), [], []

    def broken(pcm: bytes, position: int) -> None:
        raise ValueError("broken")

    def removed(pcm: bytes, position: int) -> None:
        gone.append(pcm)

    microphone.on_audio(removed)
    microphone.on_audio(broken)
    microphone.on_audio(lambda pcm, position: got.append(pcm))
    microphone.on_audio(removed, remove=True)
    page = Page(microphone)
    page.start("a")
    page.speak(np.zeros(4800, np.int16))
    settled(lambda: len(got) == 2)
    assert gone == []
    assert "an on_audio callback raised" in caplog.text


def test_commands_reach_the_page_as_a_trait() -> None:
    """`.start()` numbers its command, and `.stop()` before anything happened does nothing."""
    microphone = Probe()
    microphone.stop()
    microphone.start()
    settled(lambda: microphone.command)
    assert microphone.command == {"name": "start", "n": 1}


def test_start_without_a_page_is_an_error_that_says_so() -> None:
    """When no page shows the microphone within five seconds of `.start()`, the error says what to do."""
    microphone = Probe()
    microphone.start()
    settled(lambda: microphone.state == "error")
    assert microphone.error == UNSEEN


def test_the_browsers_own_words_become_the_error() -> None:
    """A denied microphone is an error with the page's sentence."""
    microphone = Probe()
    page = Page(microphone)
    page.start("a")
    page.send({"type": "microphone-error", "name": "NotAllowedError", "message": "The browser was not allowed."})
    settled(lambda: microphone.state == "error")
    assert microphone.error == "The browser was not allowed."
    page.start("b")
    settled(lambda: microphone.state == "opening")
    assert microphone.error == ""


def test_closing_is_harmless_without_a_kernel() -> None:
    """In a plain interpreter a microphone can be made and closed; it has no lane."""
    microphone = Microphone()
    assert microphone.on_lane is False
    microphone.close()
    microphone.close()
