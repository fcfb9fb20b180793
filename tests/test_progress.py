"""Where a bar is drawn: where somebody sees it move."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import IPython
import pytest

from rt_magic.progress import IN_A_LOG, files_bar, is_seen


class Terminal(io.StringIO):
    """A stream that says of itself that somebody sees it."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("stderr", "shell", "seen"),
    [
        (Terminal(), None, True),
        (io.StringIO(), None, False),
        (io.StringIO(), SimpleNamespace(), False),
        (io.StringIO(), SimpleNamespace(kernel=object()), True),
        (None, None, False),
    ],
)
def test_a_bar_is_seen_in_a_terminal_and_a_notebook(
    monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO | None, shell: object, seen: bool
) -> None:
    """A notebook shows it whatever its streams are; a log, a pipe and a program without streams do not."""
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    assert is_seen() is seen


def test_a_log_gets_a_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar's own watchman does not draw in between."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with files_bar(3, show=True) as bar:
        assert bar.mininterval == bar.maxinterval == IN_A_LOG
