"""When the next of many files may begin, and when none will."""

from __future__ import annotations

import pytest

import rt_magic as rt
from rt_magic.pacing import MAXIMUM_PAUSES, Pacing, Throttle

ERROR = rt.ServiceConnectionError("the service answered 503")
OTHER = rt.ServiceConnectionError("nothing listens there")


def test_a_burst_halves_and_success_widens() -> None:
    """Refusals of one burst halve the room once and at most lengthen the pause; each success gives one place back."""
    throttle = Throttle(8)
    assert throttle.room(7, 0.0) and not throttle.room(8, 0.0)
    throttle.refuse(5.0, 10.0)
    throttle.refuse(2.0, 10.1)
    throttle.refuse(7.0, 10.2)
    assert throttle.until == 17.2 and throttle.allowed == 4
    assert not throttle.room(0, 17.1) and throttle.room(3, 17.2) and not throttle.room(4, 17.2)
    throttle.succeed()
    assert throttle.room(4, 18.0)
    for _ in range(10):
        throttle.succeed()
    assert throttle.allowed == 8


def test_without_a_time_the_pauses_double() -> None:
    """Where the service does not say how long, pauses double to a minute, and ten for nothing are enough."""
    throttle, now, waits = Throttle(8), 0.0, []
    while not throttle.hopeless:
        throttle.refuse(None, now)
        waits.append(throttle.until - now)
        now = throttle.until
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    assert throttle.allowed == 1
    patient = Throttle(8)
    patient.refuse(86_400, 0.0)
    assert patient.hopeless


def test_what_was_never_reached_is_not_waited_for() -> None:
    """Without a connection ever, the first error ends it as soon as nothing is under way."""
    pacing = Pacing(4)
    assert pacing.lost is None and pacing.said(0.0) == ""
    pacing.miss("away", ERROR, None, 0.0)
    assert pacing.lost is ERROR


@pytest.mark.parametrize("before", ["reached", "busy"])
def test_what_was_reached_once_is_waited_for(before: str) -> None:
    """A service that answered, with words or that it is busy, is waited for until so many pauses brought nothing."""
    pacing, now = Pacing(4), 0.0
    if before == "reached":
        pacing.reach()
    else:
        pacing.miss("busy", OTHER, 3.0, now)
        assert pacing.said(now) == "the service asks to wait 3 s"
        now = 3.0
        pacing.reach()
    for _ in range(MAXIMUM_PAUSES):
        pacing.miss("away", ERROR, 5.0, now)
        assert pacing.lost is None and not pacing.room(0, now + 4.9) and pacing.room(0, now + 5.0)
        assert pacing.said(now) == "the service cannot be reached, again in 5 s" and pacing.said(now + 4.5) == ""
        now += 5.0
    pacing.miss("away", ERROR, 5.0, now)
    assert pacing.lost is ERROR


def test_success_makes_hope() -> None:
    """One success in between, and the pauses are counted anew."""
    pacing, now = Pacing(4), 0.0
    for _ in range(3):
        for _ in range(MAXIMUM_PAUSES):
            pacing.miss("busy", ERROR, 1.0, now)
            now += 1.0
        pacing.reach()
    assert pacing.lost is None and pacing.room(0, now)


def test_no_for_good_ends_it() -> None:
    """After a refusal no file is begun, whatever was reached before or is reached by those still under way."""
    pacing = Pacing(4)
    pacing.reach()
    pacing.miss("refused", ERROR, None, 0.0)
    pacing.reach()
    pacing.miss("away", OTHER, None, 0.0)
    assert pacing.lost is ERROR and not pacing.room(0, 100.0)
    assert pacing.said(0.0) == "after an error no more are begun"
