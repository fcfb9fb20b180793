"""The README's pictures, made from the real JupyterLab: `python3 do.py pictures`; what is on them is tested always."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Lab
from tests.browser.notebook import NotebookPage

DOCS = Path(__file__).parents[2] / "docs"
THEMES = {"JupyterLab Light": "cell.png", "JupyterLab Dark": "cell-dark.png"}
NOTEBOOK = ".jp-NotebookPanel-notebook .jp-WindowedPanel-viewport"

# A moment of a talk, the same each time; the widgets, the transcript and the page are the real ones.
MOMENT = """
from rt_magic.transcript.segments import Changes, Segment
(run,) = get_ipython().magics_manager.registry["TranscribeMagics"]._runs.values()
transcriber = run.transcriber
said = [(0.84, 3.17, "the president of the united states", None), (4.3, 5.97, "one two three four five", 0.36),
        (7.18, 9.3, "please call the office in the morning", None), (10.9, None, "this is a test of", None)]
for n, (start, end, text, confidence) in enumerate(said, 1):
    segment = Segment(id=f"s{n}", start=start, end=end, text=text, final=end is not None, confidence=confidence)
    transcript._apply(Changes((segment,), (), {segment.id: float(n)}))
transcript._store.length = 6.5
transcript.mark("ask about this")
transcriber.microphone.status = "listening"
transcriber.microphone.state = "listening"
transcriber.microphone.send({"type": "clock", "recorded": 12.4, "sent": 12.2})
import pandas
"""

TEXTS = [
    "Stop", "0:12", "sent 0:12", "Pause", "listening", "Search", "Mark", "Copy", "Save", "Audience",
    "0:00", "the president of the united states",
    "0:04", "one two three four five", "36 % sure",
    "0:06", "ask about this",
    "0:07", "please call the office in the morning",
    "0:10", "this is a test of",
]  # fmt: skip

SEEN = """() => [...document.querySelectorAll(".rt-magic :is(button, p, span, code, input)")]
    .filter((el) => el.checkVisibility() && !el.closest(".rt-destination") && el.innerText.trim())
    .filter((el) => ![...el.children].some((child) => child.innerText?.trim()))
    .map((el) => {
        const {x, y, width, height} = el.getBoundingClientRect();
        return [el.innerText.trim(), [x, y, width, height]];
    })"""


def moment(lab: Lab) -> NotebookPage:
    """A notebook in the middle of a talk."""
    notebook = lab.notebook(["%load_ext rt_magic", "%%transcribe", "transcript.to_pandas()[['start', 'end', 'text']]"])
    notebook.page.set_viewport_size({"width": 1180, "height": 900})
    notebook.run_cells(0, 1)
    notebook.execute_in_kernel(MOMENT)
    expect(notebook.page.locator(".rt-segment")).to_have_count(4)
    expect(notebook.page.locator(".rt-magic[data-state=listening]")).to_be_visible()
    expect(notebook.page.get_by_role("timer")).to_have_text("0:12")
    notebook.run_cell(2)
    notebook.wait_for_cell(2)
    notebook.page.evaluate("document.activeElement.blur()")
    return notebook


def in_theme(page: Page, theme: str) -> list[Any]:
    """Change the theme; return each text that is seen in the cell and its box."""
    page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    light = str(theme == "JupyterLab Light").lower()
    shown = "getComputedStyle(document.querySelector('.rt-view')).color.match(/\\d+/)[0] > 128"
    page.wait_for_function(f"({shown}) !== {light}")
    page.wait_for_function("!document.querySelector('#jupyterlab-splash')")
    found: list[Any] = page.evaluate(SEEN)
    return found


def test_what_is_on_the_pictures(lab: Lab) -> None:
    """Texts are those expected, and every box is the same in light and dark and once more in light."""
    page = moment(lab).page
    light, dark, again = (in_theme(page, theme) for theme in (*THEMES, "JupyterLab Light"))
    assert [text for text, _ in light if text in TEXTS] == TEXTS
    assert light == dark == again


@pytest.mark.pictures
def test_pictures_of_the_cell(lab: Lab) -> None:
    """The cell and the table below it, light and dark, and what an audience sees."""
    page = moment(lab).page
    for theme, name in THEMES.items():
        in_theme(page, theme)
        page.locator(NOTEBOOK).screenshot(path=DOCS / name)
    page.get_by_role("button", name="Audience", exact=True).click()
    page.locator(".rt-audience").screenshot(path=DOCS / "audience.png")
