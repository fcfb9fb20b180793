"""What a user does with a live cell and sees of it."""

from __future__ import annotations

import ast
from typing import Any

from playwright.sync_api import expect

from tests.browser.notebook import NotebookPage


def click(notebook: NotebookPage, name: str) -> None:
    """Click a button of the cell."""
    notebook.page.get_by_role("button", name=name, exact=True).click()


def expect_state(notebook: NotebookPage, state: str, timeout: float = 15) -> None:
    """Wait until the cell shows a state."""
    expect(notebook.page.locator(".rt-magic")).to_have_attribute("data-state", state, timeout=timeout * 1000)


def finals(notebook: NotebookPage) -> list[str]:
    """The final lines that are shown, in order."""
    return notebook.page.locator(".rt-segment[data-final=true] .rt-text").all_inner_texts()


def value(notebook: NotebookPage, expression: str, *, while_busy: bool = False) -> Any:
    """Return the value of an expression in the kernel."""
    return ast.literal_eval(notebook.execute_in_kernel(f"print(repr({expression}))", while_busy=while_busy).strip())


def words_in(notebook: NotebookPage, cell: int, text: str) -> int:
    """How often a text can be read below a cell."""
    return notebook.cell_output(cell).count(text)
