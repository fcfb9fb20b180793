"""What a notebook with a live cell looks like in every state in which somebody may open it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.cell import click, expect_state, value, words_in
from tests.browser.conftest import RESULTS, Lab
from tests.browser.microphone import WavMicrophone
from tests.browser.notebook import NotebookPage
from tests.speakers import Peer, words

FIRST, SECOND = "apricots by the river", "a second lantern"
NO_MODEL = "model not found"


@pytest.fixture(scope="module")
def pictures() -> Path:
    """Where the pictures of all states are put, for people to look at."""
    folder = RESULTS / "saved"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def wait_for_words(notebook: NotebookPage, cell: int, text: str) -> None:
    """Wait until a text can be read below a cell."""
    expect(notebook.output(cell)).to_contain_text(text)


def twin_has(notebook: NotebookPage, cell: int, text: str) -> bool:
    """Tell whether the output that is saved holds a text, as HTML and as plain text."""
    data = [output["data"] for output in notebook.outputs(cell) if "data" in output]
    return any(text in str(d.get("text/html")) and text in str(d.get("text/plain")) for d in data)


def until(page: Page, condition: object, seconds: float = 15) -> None:
    """Wait until `condition()` holds, while the page goes on."""
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


def test_the_words_are_read_once_in_every_state(lab: Lab, microphone: WavMicrophone, pictures: Path) -> None:
    """Live, autosaved, stopped, reloaded, with a new kernel, untrusted without one, as a web page: each word once."""
    with Peer(words(FIRST, SECOND)) as peer:
        notebook = lab.notebook(["%load_ext rt_magic", f"%%transcribe --service {peer.url}"])
        notebook.run_cells()
        click(notebook, "Start")
        wait_for_words(notebook, 1, FIRST)
        assert words_in(notebook, 1, FIRST) == 1
        notebook.page.screenshot(path=pictures / "1-live.png")

        until(notebook.page, lambda: twin_has(notebook, 1, FIRST))
        notebook.save()
        autosaved = lab.open(notebook.file, kernel=False)
        assert words_in(autosaved, 1, FIRST) == 1
        autosaved.page.screenshot(path=pictures / "2-autosaved.png")
        autosaved.page.close()

        wait_for_words(notebook, 1, SECOND)
        click(notebook, "Stop")
        expect_state(notebook, "stopped")
    until(notebook.page, lambda: twin_has(notebook, 1, SECOND))
    for text in (FIRST, SECOND):
        assert words_in(notebook, 1, text) == 1
    notebook.page.screenshot(path=pictures / "3-stopped.png")
    notebook.save()

    notebook.reload()
    wait_for_words(notebook, 1, SECOND)
    expect(notebook.page.get_by_role("status")).to_contain_text("run `transcript` in a new cell")
    for text in (FIRST, SECOND):
        assert words_in(notebook, 1, text) == 1
    notebook.page.screenshot(path=pictures / "4-reloaded.png")
    notebook.add_cell("transcript")
    notebook.run_cells(2)
    assert words_in(notebook, 2, SECOND) == 1

    for name, kernel in (("5-new-kernel", True), ("6-no-kernel", False)):
        reader = lab.open(notebook.file, kernel=kernel)
        trusted = "window.jupyterapp.shell.currentWidget.content.widgets[1].model.trusted"
        assert reader.page.evaluate(trusted) is kernel  # the one without a kernel is not what this server has signed
        wait_for_words(reader, 1, SECOND)
        expect(reader.output(1)).not_to_contain_text("Loading widget")
        for text in (FIRST, SECOND):
            assert words_in(reader, 1, text) == 1, name
        reader.page.screenshot(path=pictures / f"{name}.png")
        reader.page.close()

    page_file = notebook.file.with_suffix(".html")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(notebook.file), "--log-level=ERROR"]
    subprocess.run(command, check=True)
    page = notebook.page.context.new_page()
    page.route("http*://**", lambda route: route.abort())  # what a reader without a network sees
    page.goto(page_file.as_uri(), wait_until="domcontentloaded")
    shown = page.locator("body").inner_text()
    for text in (FIRST, SECOND):
        assert shown.count(text) == 1
    assert NO_MODEL not in shown
    page.screenshot(path=pictures / "7-nbconvert.png")


def test_private_leaves_no_word_in_the_file(lab: Lab, microphone: WavMicrophone) -> None:
    """With `--private` the page shows the words, and no file of the notebook holds one, live or stopped."""
    with Peer(words(FIRST)) as peer:
        notebook = lab.notebook(["%load_ext rt_magic", f"%%transcribe --private --service {peer.url}"])
        notebook.run_cells()
        click(notebook, "Start")
        wait_for_words(notebook, 1, FIRST)
        notebook.save()
        live = notebook.file.read_text(encoding="utf-8")
        click(notebook, "Stop")
        expect_state(notebook, "stopped")
        notebook.page.wait_for_timeout(1500)
        notebook.save()
    files = [path for path in notebook.server.work.rglob(f"{notebook.file.stem}*") if path.is_file()]
    assert notebook.file in files
    for saved in (live, *(path.read_text(encoding="utf-8") for path in files)):
        assert [word for word in ("apricots", "river") if word in saved] == []
        assert "private transcript" in saved
    assert value(notebook, "transcript.text") == FIRST
    notebook.reload()
    wait_for_words(notebook, 1, FIRST)
