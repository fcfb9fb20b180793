"""The page and its kernel while the way between them is broken."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from rt_magic.portal import portal
from tests.browser.cell import click, expect_state, value
from tests.browser.conftest import OPENED, Lab
from tests.browser.microphone import WavMicrophone
from tests.browser.notebook import NotebookPage
from tests.browser.server import JupyterServer
from tests.browser.test_cell import CHECKSUMS, LATENCIES
from tests.proxy import Proxy
from tests.speech import PHRASES_FLAC


@pytest.fixture
def proxy(lab_server: JupyterServer) -> Iterator[Proxy]:
    """A way to the notebook server that can fail."""
    made = Proxy(f"127.0.0.1:{lab_server.port}")
    portal().run(made.__aenter__()).result(10)
    yield made
    portal().run(made.__aexit__()).result(10)


@pytest.fixture
def far_lab(
    request: pytest.FixtureRequest, lab_server: JupyterServer, chromium: Browser, proxy: Proxy
) -> Iterator[Lab]:
    """JupyterLab behind that proxy."""
    lab = Lab(replace(lab_server, port=proxy.port), chromium, request.node.stash.setdefault(OPENED, []))
    yield lab
    lab.close()


def counted_cell(lab: Lab, *more: str) -> NotebookPage:
    """A live cell that records, whose every chunk is noted on both sides."""
    count = "transcriber.microphone.on_audio(lambda pcm, position: chunks.append((zlib.crc32(pcm), len(pcm) // 2)))"
    start = f"transcriber = %transcribe\n{count}"
    notebook = lab.notebook(["%load_ext rt_magic", LATENCIES, start, *more])
    notebook.run_cells(0, 1, 2)
    notebook.page.evaluate(CHECKSUMS)
    click(notebook, "Start")
    expect_state(notebook, "listening")
    return notebook


def check_samples(notebook: NotebookPage) -> None:
    """Each chunk that the page captured is in the recording, once, in order and unchanged."""
    sent = [tuple(chunk) for chunk in notebook.page.evaluate("window.rtChecksums")]
    assert value(notebook, "chunks") == sent
    counted = json.loads(notebook.execute_in_kernel("import json; print(json.dumps(transcript.events[-1]))"))
    samples = sum(samples for _, samples in sent)
    assert counted["type"] == "stopped"
    assert counted["captured"] == counted["received"] == counted["sent"] - counted["padding"] == samples


def captured(notebook: NotebookPage) -> int:
    """How many chunks the page has captured."""
    return int(notebook.page.evaluate("window.rtChecksums.length"))


OUTAGES: dict[str, Callable[[Proxy], Any]] = {
    "cut for 1 s": lambda proxy: proxy.cut(1),
    "silent for 7 s": lambda proxy: proxy.drop(7),
}


@pytest.mark.parametrize("outage", ["cut for 1 s", pytest.param("silent for 7 s", marks=pytest.mark.long)])
def test_a_lost_way_to_the_kernel_loses_no_sample(
    far_lab: Lab, proxy: Proxy, microphone: WavMicrophone, outage: str
) -> None:
    """A notebook socket that breaks, or stands still until the kernel takes the page for gone: recording goes on."""
    microphone.play(PHRASES_FLAC)
    notebook = counted_cell(far_lab)
    time.sleep(1)
    before = captured(notebook)
    portal().run(OUTAGES[outage](proxy)).result(20)
    assert captured(notebook) > before
    notebook.page.wait_for_function("n => window.rtChecksums.length > n", arg=captured(notebook) + 20)
    expect_state(notebook, "listening", 30)
    expect(notebook.page.locator(".rt-status")).not_to_contain_text("waiting", timeout=30_000)
    click(notebook, "Stop")
    expect_state(notebook, "stopped", 40)
    check_samples(notebook)


@pytest.mark.long
def test_stop_while_the_way_is_broken(far_lab: Lab, proxy: Proxy, microphone: WavMicrophone) -> None:
    """Clicks on Pause, Resume and Stop without a way to the kernel take effect, in order, when there is one again."""
    microphone.play(PHRASES_FLAC)
    notebook = counted_cell(far_lab)
    time.sleep(1)
    outage = portal().run(proxy.drop(6))
    time.sleep(1)
    click(notebook, "Pause")
    before = captured(notebook)
    notebook.page.wait_for_timeout(500)
    click(notebook, "Resume")
    notebook.page.wait_for_function("n => window.rtChecksums.length > n", arg=before + 10)
    click(notebook, "Stop")
    outage.result(20)
    expect_state(notebook, "stopped", 60)
    check_samples(notebook)


def test_a_lane_that_dies_while_it_records(lab: Lab, microphone: WavMicrophone) -> None:
    """A subshell whose thread ends in mid-recording, beside a cell that blocks, costs no sample."""
    microphone.play(PHRASES_FLAC)
    fall = (
        "from rt_magic.widgets import lane\n"
        "old = lane._lane._kernel.shell_channel_thread.manager._cache[lane._lane.subshell]\n"
        "old.io_loop.add_callback(old.io_loop.stop)\nold.join()\ntime.sleep(3)"
    )
    notebook = counted_cell(lab, fall)
    notebook.run_cell(3)
    notebook.wait_for_cell(3)
    time.sleep(1)
    notebook.run_cell(3)
    time.sleep(1)
    click(notebook, "Stop")
    notebook.wait_for_cell(3)
    expect_state(notebook, "stopped", 40)
    check_samples(notebook)
