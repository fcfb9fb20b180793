"""A transcriber as a cell's value in marimo, which has no boxes of ipywidgets and draws widgets in shadow trees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.microphone import WavMicrophone
from tests.browser.server import serving
from tests.speech import PHRASES_FLAC

APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    import rt_magic as rt

    talk = rt.Transcriber()
    talk
    return
"""


@pytest.fixture
def marimo(tmp_path: Path) -> Iterator[str]:
    """A marimo server that runs the app, with a home of its own."""
    (tmp_path / "app.py").write_text(APP)
    with serving(tmp_path, "marimo", "-q", "run", "app.py", "--headless", "--no-token", ready="health") as address:
        yield address


def test_a_transcriber_is_a_value_of_a_cell(marimo: str, chromium: Browser, microphone: WavMicrophone) -> None:
    """Start, words and Stop work there, and it looks as it does in a notebook."""
    microphone.play(PHRASES_FLAC)
    context = chromium.new_context(permissions=["microphone"], viewport={"width": 1200, "height": 900})
    try:
        page = context.new_page()
        page.goto(marimo)
        start = page.get_by_role("button", name="Start", exact=True)
        expect(start).to_have_css("min-height", "48px", timeout=60_000)
        start.click()
        panel = page.locator(".rt-microphone")
        expect(panel).to_have_attribute("data-state", "listening", timeout=20_000)
        expect(page.locator(".rt-segment[data-final=true]").first).to_have_text(
            re.compile("the president of the united states"), timeout=30_000
        )
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(panel).to_have_attribute("data-state", "stopped", timeout=30_000)
    finally:
        context.close()
