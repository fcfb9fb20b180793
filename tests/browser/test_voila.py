"""A Voilà dashboard with the three components, and five controls in Notebook 7; both spoken into in real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.cell import click, expect_state
from tests.browser.conftest import Lab
from tests.browser.microphone import WavMicrophone
from tests.browser.server import serving
from tests.speech import PHRASES_FLAC

DASHBOARD = """
import ipywidgets
import rt_magic as rt

transcriber = rt.Transcriber()
microphone = rt.Microphone(layout={"width": "90%"})
view = rt.TranscriptView(transcriber.transcript)
heard = ipywidgets.Label("nothing")
microphone.observe(lambda change: setattr(heard, "value", f"{change.new:.0f} seconds"), "value")
ipywidgets.AppLayout(header=transcriber, left_sidebar=ipywidgets.VBox([microphone, heard]), center=view)
"""


@pytest.fixture
def voila(tmp_path: Path) -> Iterator[str]:
    """A Voilà server for the dashboard, with folders of its own."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(DASHBOARD)],
        metadata={"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}},
    )
    nbformat.write(notebook, tmp_path / "dashboard.ipynb")
    with serving(tmp_path, "voila", "dashboard.ipynb", "--no-browser", ready="voila/static/") as address:
        yield address


def test_a_dashboard_with_the_three_components(voila: str, chromium: Browser, microphone: WavMicrophone) -> None:
    """Words that are said into the transcriber stand in both views, and a microphone of its own is heard."""
    microphone.play(PHRASES_FLAC)
    context = chromium.new_context(permissions=["microphone"], viewport={"width": 1200, "height": 900})
    try:
        page = context.new_page()
        page.goto(voila)
        expect(page.locator(".rt-microphone")).to_have_count(2, timeout=60_000)
        expect(page.locator(".rt-view")).to_have_count(2)
        starts = page.get_by_role("button", name="Start", exact=True)
        starts.first.click()
        expect(page.locator(".rt-segment[data-final=true]")).to_have_count(2, timeout=30_000)
        page.get_by_role("button", name="Stop", exact=True).first.click()
        expect(page.locator(".rt-magic[data-state=stopped]")).to_have_count(1, timeout=30_000)
        texts = page.locator(".rt-view").evaluate_all(
            "(views) => views.map((view) => [...view.querySelectorAll('.rt-text')].map((text) => text.textContent))"
        )
        assert texts[0] == texts[1] and texts[0]
        starts.last.click()
        expect(page.get_by_text(re.compile(r"^[1-9]\d* seconds$"))).to_be_visible(timeout=20_000)
        page.get_by_role("button", name="Stop", exact=True).last.click()
        expect(page.locator(".rt-magic[data-state=stopped]")).to_have_count(2, timeout=20_000)
    finally:
        context.close()


def test_five_controls_in_notebook_7(notebook7: Lab, microphone: WavMicrophone) -> None:
    """Start, the level, the switches, Pause and Stop work in Notebook 7, by keyboard where there is a key."""
    microphone.play(PHRASES_FLAC)
    notebook = notebook7.notebook(["%load_ext rt_magic", "%%transcribe"])
    notebook.run_cells()
    page = notebook.page
    page.get_by_role("button", name="Start", exact=True).focus()
    page.keyboard.press("Enter")
    expect_state(notebook, "listening")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_focused()
    page.wait_for_function("Number(document.querySelector('[role=meter]').getAttribute('aria-valuenow')) > -50")
    page.get_by_role("button", name=re.compile("^Microphone settings")).click()
    page.get_by_role("checkbox", name="Noise suppression").press("Space")
    expect(page.get_by_role("checkbox", name="Noise suppression")).not_to_be_checked()
    expect_state(notebook, "listening")
    click(notebook, "Pause")
    expect_state(notebook, "paused")
    click(notebook, "Stop")
    expect_state(notebook, "stopped", 30)
