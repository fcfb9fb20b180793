"""The options of the magics: what their texts mean, and that each has its place."""

from __future__ import annotations

import pytest

from rt_magic.arguments import Arguments
from rt_magic.exceptions import ConfigurationError
from rt_magic.options import OPTIONS, duration, keyword_list, silence, speed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("10m", 600.0), ("30s", 30.0), ("1.5m", 90.0), ("45", 45.0), (".5", 0.5), ("2 S", 2.0)],
)
def test_duration(text: str, seconds: float) -> None:
    """Units are ms, s and m; a bare number is seconds."""
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "10h", "-3", "0", "1e3", "10 m s", "ten", "0ms", "1:30"])
def test_duration_refused(text: str) -> None:
    """Anything else is refused with three examples."""
    with pytest.raises(ConfigurationError, match="write 500ms, 30s or 10m"):
        duration(text)


def test_silence_in_milliseconds() -> None:
    """A silence is milliseconds inside and takes the units outside."""
    assert [silence(text) for text in ("500ms", "0.5", "1s", "10")] == [500, 500, 1000, 10_000]


@pytest.mark.parametrize("text", ["500", "50", "1200"])
def test_bare_silence_that_was_meant_in_milliseconds(text: str) -> None:
    """`--silence 500` says 500ms instead of waiting eight minutes."""
    with pytest.raises(ConfigurationError, match=f"type --silence {text}ms"):
        silence(text)


@pytest.mark.parametrize("text", ["20ms", "11s", "1m"])
def test_silence_out_of_range(text: str) -> None:
    """A silence nobody can mean is refused with the range."""
    with pytest.raises(ConfigurationError, match="50ms to 10s"):
        silence(text)


def test_keyword_list() -> None:
    """Keywords come from commas or from a list."""
    assert keyword_list("New York, Paris,,Paris") == keyword_list(["New York", "Paris "]) == ("New York", "Paris")


def test_speed() -> None:
    """A speed is max or a positive factor."""
    assert (speed("max"), speed("MAX"), speed("0.5"), speed("2")) == ("max", "max", 0.5, 2.0)


def test_every_option_fills_a_field_and_is_explained() -> None:
    """The option table and the fields agree, so that the manual lists everything that can be typed."""
    fields = set(Arguments.__dataclass_fields__)
    assert {option.field for option in OPTIONS} == fields
    assert all(option.help for option in OPTIONS)
