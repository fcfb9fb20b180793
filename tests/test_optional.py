"""Libraries of single features: what is said where one is missing, with a line that works where it is read."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from rt_magic.exceptions import ConfigurationError
from rt_magic.optional import extra, library


def test_the_line_is_one_for_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell has `%pip`, which takes its kernel's environment; a script's reader types into a terminal."""
    monkeypatch.setattr("rt_magic.optional.running_shell", lambda: None)
    assert extra("local") == 'pip install "rt-magic[local]"'
    monkeypatch.setattr("rt_magic.optional.running_shell", SimpleNamespace)
    assert extra("local") == '%pip install "rt-magic[local]"'


def test_a_missing_library_is_named_with_its_line() -> None:
    """The package may be called otherwise than the module."""
    with pytest.raises(ConfigurationError, match=r"scikit-nothing is needed .* pip install scikit-nothing"):
        library("no_such_module", "scikit-nothing")
    assert library("json") is json
