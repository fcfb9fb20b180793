"""The README's pictures, made from the real thing: `python3 do.py pictures`."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Lab
from tests.browser.microphone import WavMicrophone
from tests.speech import PHRASES_FLAC

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.pictures
def test_picture_of_the_cell(lab: Lab, microphone: WavMicrophone) -> None:
    """Somebody speaks; the words are under the cell, and in a table, before the speaker has finished."""
    microphone.play(PHRASES_FLAC)
    notebook = lab.notebook(["%load_ext rt_magic", "%%transcribe", "transcript.to_pandas()[['start', 'end', 'text']]"])
    page = notebook.page
    page.set_viewport_size({"width": 1180, "height": 900})
    notebook.run_cells(0, 1)
    notebook.execute_in_kernel("import pandas")  # which takes a second or two, once
    page.locator(".rt-magic").get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator(".rt-segment[data-final=true]")).to_have_count(3, timeout=30_000)
    notebook.run_cell(2)
    notebook.wait_for_cell(2)
    expect(page.locator(".rt-segment[data-final=false] .rt-text")).to_contain_text("test", timeout=15_000)
    page.evaluate("document.activeElement.blur()")
    page.locator(".jp-NotebookPanel-notebook .jp-WindowedPanel-viewport").screenshot(path=DOCS / "cell.png")
    page.locator(".rt-magic").get_by_role("button", name="Stop", exact=True).click()
