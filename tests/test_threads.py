"""How long threads wait for the interpreter while sound is on its way."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import ipywidgets
import numpy as np
import pytest

from rt_magic import threads
from rt_magic.portal import portal
from rt_magic.threads import TURN, short_turns
from rt_magic.widgets.microphone import Microphone
from tests.pages import Page
from tests.test_microphone import _nothing, settled


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> Iterator[float]:
    """Begin with Python's own interval and with nobody who asks, whatever other tests have left; give the interval."""
    ipywidgets.Widget.close_all()  # microphones of other tests that record still, and would ask anew
    portal().run(_nothing()).result(5)
    before = sys.getswitchinterval()
    monkeypatch.setattr(threads, "_asking", set())
    sys.setswitchinterval(0.005)
    yield sys.getswitchinterval()
    sys.setswitchinterval(before)


def test_turns_are_short_while_anybody_asks(usual: float) -> None:
    """The last one to leave gives back what was set before."""
    short_turns("one", True)
    short_turns("one", True)
    short_turns("other", True)
    assert sys.getswitchinterval() == pytest.approx(TURN)
    assert usual > TURN
    short_turns("one", False)
    assert sys.getswitchinterval() == pytest.approx(TURN)
    short_turns("other", False)
    short_turns("other", False)
    assert sys.getswitchinterval() == usual


def test_what_somebody_else_sets_stays(usual: float) -> None:
    """Neither a shorter interval from before nor one that is set meanwhile is touched."""
    short_turns("one", True)
    sys.setswitchinterval(0.02)
    short_turns("one", False)
    assert sys.getswitchinterval() == pytest.approx(0.02)
    sys.setswitchinterval(1e-4)
    short_turns("one", True)
    assert sys.getswitchinterval() == pytest.approx(1e-4, abs=2e-6)
    short_turns("one", False)
    assert sys.getswitchinterval() == pytest.approx(1e-4, abs=2e-6)


@pytest.mark.parametrize("end", ["pause", "stop", "close"])
def test_turns_are_short_while_a_microphone_records(end: str, usual: float) -> None:
    """From Start to the last sample; a widget that is closed asks for nothing any more."""
    microphone = Microphone()
    page = Page(microphone)
    page.start("a")
    settled(lambda: sys.getswitchinterval() == pytest.approx(TURN))
    if end == "close":
        microphone.close()
    else:
        page.end(end)
    settled(lambda: sys.getswitchinterval() == usual)


def test_turns_are_usual_again_when_the_page_is_gone(usual: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that was closed without Stop keeps nothing short, and one that comes back does."""
    monkeypatch.setattr("rt_magic.widgets.intake.GONE_AFTER", 0.5)
    page = Page(Microphone())
    page.start("a")
    page.speak(np.zeros(2400, np.int16))
    settled(lambda: sys.getswitchinterval() == pytest.approx(TURN))
    settled(lambda: sys.getswitchinterval() == usual)
    page.speak(np.zeros(2400, np.int16))
    settled(lambda: sys.getswitchinterval() == pytest.approx(TURN))
    page.end("stop")
