"""What can be known of the notebook whose cell runs."""

from __future__ import annotations

import os

from rt_magic.shell import running_shell


def execution_count() -> int:
    """Return the number of the cell that runs; -2 where there are no cells."""
    return int(getattr(running_shell(), "execution_count", -2))


def current_notebook() -> str:
    """Return a name of the notebook whose cell runs: its file where the kernel knows that, else one of this kernel."""
    kernel = getattr(running_shell(), "kernel", None)
    if kernel is None:
        return ""
    parent = kernel.get_parent()
    page, cell = parent.get("header", {}).get("session", ""), parent.get("metadata", {}).get("cellId", "")
    number = _notebooks.number(page and f"page {page}", cell and f"cell {cell}")
    # A second notebook on the same kernel is not the one whose file the kernel was started for.
    return os.environ.get("JPY_SESSION_NAME", "") if number == 0 else f"notebook {number}"


class Notebooks:
    """Tell the notebooks of one kernel apart by what comes with their cells. Pure.

    A page has a name of its own, and so has a cell, which keeps it when the page is loaded anew: what shares either is
    one notebook.
    """

    def __init__(self) -> None:
        self._known: list[set[str]] = []

    def number(self, *marks: str) -> int:
        """Return the number, from 0, of the notebook that these marks belong to."""
        given = {mark for mark in marks if mark}
        same = [number for number, known in enumerate(self._known) if known & given]
        if not same:
            self._known.append(given)
            return len(self._known) - 1
        for number in same:
            self._known[same[0]] |= self._known[number] | given
        return same[0]


_notebooks = Notebooks()
