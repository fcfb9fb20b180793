"""The capture page in real Chromium: where the notebook's page may not record, with a kernel that is busy."""

from __future__ import annotations

import re
import time
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from rt_magic.widgets.microphone import Microphone
from tests.browser.cell import click, expect_state, value
from tests.browser.conftest import Lab
from tests.browser.microphone import WavMicrophone
from tests.browser.test_controls import axe_findings
from tests.speech import PHRASES_FLAC

pytestmark = pytest.mark.browser


def test_it_records_while_python_computes(chromium: Browser) -> None:
    """The page opens once, records while the main thread never rests, shows its state, and ends with the session."""
    microphone = Microphone()
    heard: list[int] = []
    microphone.on_audio(lambda pcm, position: heard.append(len(pcm) // 2))
    address = microphone.capture_page()
    context = chromium.new_context(permissions=["microphone"])
    try:
        page = context.new_page()
        page.goto(address)
        page.get_by_role("button", name="Start", exact=True).click()
        assert page.url.endswith("/")
        expect(page.locator(".rt-magic")).to_have_attribute("data-state", "listening")
        before, until = len(heard), time.monotonic() + 2
        while time.monotonic() < until:
            sum(range(1000))
        assert len(heard) - before >= 10
        page.get_by_role("button", name=re.compile("^Microphone settings")).click()
        expect(page.get_by_role("checkbox", name="Automatic gain")).to_be_checked()
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            assert axe_findings(page) == []
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.locator("#state")).to_contain_text("The session has ended")
        expect(page.locator(".rt-magic")).to_have_attribute("data-state", "stopped")
        assert sum(heard) == microphone.received == microphone.captured
        assert microphone.source == "capture page"
        fresh = microphone.capture_page()
        second = context.new_page()
        second.goto(fresh)
        expect(second.get_by_role("button", name="Start", exact=True)).to_be_visible()
        third = context.new_page()
        third.goto(fresh)
        expect(third.locator("#state")).to_contain_text("this link was used already")
        third.reload()
        expect(third.locator("#state")).to_contain_text("lacks its token")
        expect(third.get_by_role("button")).to_have_count(0)
    finally:
        microphone.close()
        context.close()


def test_a_denied_cell_is_spoken_into_by_its_capture_page(lab: Lab, microphone: WavMicrophone) -> None:
    """The refused cell shows the link; what is said there becomes words in the notebook while a cell runs."""
    microphone.play(PHRASES_FLAC)
    notebook = lab.notebook(["%load_ext rt_magic", "%%transcribe", "import time; time.sleep(25)"], microphone=False)
    notebook.run_cells(0, 1)
    click(notebook, "Start")
    expect_state(notebook, "error")
    link = notebook.page.get_by_role("link", name="Open the microphone in a page of its own")
    address = link.get_attribute("href")
    assert address is not None
    context = lab.browser.new_context(permissions=["microphone"])
    try:
        page = context.new_page()
        notebook.run_cell(2)
        page.goto(address)
        page.get_by_role("button", name="Start", exact=True).click()
        notebook.page.wait_for_function(
            "document.querySelectorAll('.rt-segment[data-final=true]').length >= 2", timeout=22_000
        )
        assert notebook.page.evaluate("window.rtRuns[2]") == 1, "the busy cell ended before the words came"
        expect(link).to_be_hidden()
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.locator("#state")).to_contain_text("The session has ended", timeout=30_000)
        expect_state(notebook, "stopped", 30)
        notebook.interrupt_kernel()
        notebook.wait_for_cell(2)
        assert value(notebook, "transcript.meta['microphone']") == "capture page"
        assert value(notebook, "len(transcript) >= 2")
    finally:
        context.close()
