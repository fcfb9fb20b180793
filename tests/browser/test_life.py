"""A live cell through what happens to notebooks: reloads, second windows, restarts, impatient people, other pages."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from websockets.exceptions import ConnectionClosedOK

from rt_magic.testing import PeerConnection
from tests.browser.cell import click, expect_state, value
from tests.browser.conftest import Lab
from tests.browser.microphone import WavMicrophone
from tests.browser.notebook import NotebookPage
from tests.own_microphone import needs_portaudio, pipe_microphone
from tests.speakers import Peer, words

COUNT_OPENINGS = """
window.rtOpened = 0;
const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices);
devices.getUserMedia = (...given) => { window.rtOpened += 1; return open(...given); };
null;
"""


KEEP = """
window.rtTracks = [];
function kept(opening) {
  return opening.then((stream) => (window.rtTracks.push(...stream.getTracks()), stream));
}
null;
"""


def live_cell(lab: Lab, url: str, options: str = "", *more: str, **how: Any) -> NotebookPage:
    """A notebook whose second cell is live and ready."""
    cells = ["%load_ext rt_magic", f"%%transcribe --service {url} {options}", *more]
    notebook = lab.notebook(cells, **how)
    notebook.run_cells(0, 1)
    expect_state(notebook, "ready")
    return notebook


def expect_words(notebook: NotebookPage, *texts: str, timeout: float = 15) -> None:
    """Wait until exactly these lines are final."""
    lines = notebook.page.locator(".rt-segment[data-final=true] .rt-text")
    expect(lines).to_have_text(list(texts), timeout=timeout * 1000)


def button(notebook: NotebookPage, name: str) -> Any:
    """A button of the cell."""
    return notebook.page.get_by_role("button", name=name, exact=True)


def slowly(seconds: float, *texts: str) -> Callable[[PeerConnection], Any]:
    """A service that takes so long until it answers at all."""

    async def script(connection: PeerConnection) -> None:
        await connection.pause(seconds)
        await words(*texts)(connection)

    return script


def test_reload_while_recording(lab: Lab, microphone: WavMicrophone) -> None:
    """A reload loses no word: the new page shows what was said, says that nothing is heard, and Resume goes on.

    A notice that was dismissed stays away.
    """
    gone = threading.Event()

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        await connection.turn("before", start=0, end=1)
        while not gone.is_set():
            await connection.pause(0.05)
        heard = connection.seconds
        await connection.audio(seconds=heard + 1)
        await connection.turn("after", start=heard, end=heard + 1)
        await connection.finish()

    with Peer(script) as peer:
        notebook = live_cell(lab, peer.url)
        click(notebook, "Start")
        expect_words(notebook, "before")
        expect(notebook.page.locator(".rt-notice")).to_contain_text("Everyone who will be heard should know")
        click(notebook, "Dismiss")
        notebook.save()
        notebook.reload()
        expect_state(notebook, "paused")
        expect(notebook.page.locator(".rt-notice")).to_be_hidden()
        gone.set()
        expect_words(notebook, "before")
        expect(notebook.page.get_by_role("status")).to_contain_text("the page is gone, and its microphone with it")
        click(notebook, "Resume")
        expect_words(notebook, "before", "after")
        click(notebook, "Stop")
        expect_state(notebook, "stopped")
    assert value(notebook, "transcript.text") == "before after"
    expect(notebook.page.get_by_role("status")).to_contain_text("run `transcript` in a new cell")


def test_a_second_window(lab: Lab, microphone: WavMicrophone) -> None:
    """Another window of the notebook sees the words and may stop, not start; when nothing records it takes over."""
    with Peer(words("one"), words("two")) as peer:
        first = live_cell(lab, peer.url)
        click(first, "Start")
        expect_words(first, "one")
        first.save()
        second = lab.second_page(first)
        expect_words(second, "one")
        expect(second.page.get_by_role("status")).to_contain_text("recording from another window")
        expect(button(second, "Stop")).to_be_enabled()
        for name in ("Start", "Resume", "Pause"):
            expect(button(second, name)).to_be_hidden()
        click(second, "Stop")
        expect_state(first, "stopped")
        expect_state(second, "stopped")
        click(second, "Start")
        expect_words(second, "one", "two")
        expect(first.page.get_by_role("status")).to_contain_text("recording from another window")
        expect(button(first, "Start")).to_be_hidden()
        click(second, "Stop")
        expect_state(first, "stopped")
    assert value(first, "transcript.text") == "one two"


def test_interrupt_and_restart(lab: Lab, microphone: WavMicrophone) -> None:
    """The interrupt button leaves a recording alone; after a restart the page closes the microphone and says why."""
    with Peer(words("one", "two"), words("three")) as peer:
        notebook = live_cell(lab, peer.url)
        click(notebook, "Start")
        expect_words(notebook, "one")
        notebook.interrupt_kernel()
        expect_words(notebook, "one", "two")
        expect_state(notebook, "listening")
        notebook.restart_kernel()
        expect(notebook.page.get_by_role("alert")).to_contain_text("The kernel that this cell belongs to is gone")
        expect_state(notebook, "error")
        notebook.run_cells(0, 1)
        expect_state(notebook, "ready")
        click(notebook, "Start")
        expect_words(notebook, "three")
        click(notebook, "Stop")
        expect_state(notebook, "stopped")


def test_impatient_clicks(lab: Lab, microphone: WavMicrophone) -> None:
    """Start twice is once, Stop while it connects keeps what was said, and Stop twice is once."""
    with Peer(slowly(2.5, "early")) as peer:
        notebook = live_cell(lab, peer.url)
        notebook.page.evaluate(COUNT_OPENINGS)
        button(notebook, "Start").dblclick()
        expect_state(notebook, "connecting")
        notebook.page.wait_for_timeout(1200)
        assert notebook.page.evaluate("window.rtOpened") == 1
        expect_state(notebook, "connecting")
        button(notebook, "Stop").dblclick()
        expect_state(notebook, "stopped")
        expect_words(notebook, "early")
        assert len(peer.connections) == 1
    assert value(notebook, "[event['type'] for event in transcript.events].count('epoch')") == 1


def test_two_live_cells(lab: Lab, microphone: WavMicrophone) -> None:
    """Two cells record at once, each into its own variable; a third that wants one of them is told what to type."""
    with Peer(words("left")) as left, Peer(words("right")) as right:
        cells = [
            "%load_ext rt_magic",
            f"%%transcribe --service {left.url}",
            f"%%transcribe --service {right.url} --into other",
            f"%%transcribe --service {left.url}",
        ]
        notebook = lab.notebook(cells)
        notebook.run_cells(0, 1, 2)
        for cell in (1, 2):
            notebook.cell(cell).get_by_role("button", name="Start", exact=True).click()
        for cell, text in ((1, "left"), (2, "right")):
            expect(notebook.cell(cell).get_by_role("log")).to_contain_text(text)
        notebook.run_cells(3)
        assert "--into another_name" in notebook.cell_output(3)
        for cell in (1, 2):
            notebook.cell(cell).get_by_role("button", name="Stop", exact=True).click()
            expect(notebook.cell(cell).locator(".rt-magic")).to_have_attribute("data-state", "stopped")
    assert value(notebook, "(transcript.text, other.text)") == ("left", "right")


def test_a_waiting_cell(lab: Lab, microphone: WavMicrophone) -> None:
    """While `--wait` blocks Start, words, the body and Stop work; an interrupt drains and ends the cell."""
    with Peer(words("one"), words("two")) as peer:
        cell = f"%%transcribe --wait --service {peer.url}\nprint('heard', segment.text)"
        notebook = lab.notebook(["%load_ext rt_magic", cell])
        notebook.run_cells(0)
        notebook.run_cell(1)
        click(notebook, "Start")
        expect_words(notebook, "one")
        expect(notebook.output(1)).to_contain_text("heard one")
        assert notebook.page.evaluate("window.rtRuns[1]") == 1
        click(notebook, "Stop")
        notebook.wait_for_cell(1)
        assert value(notebook, "(transcript.text, transcript.done)") == ("one", True)

        notebook.run_cell(1)
        expect_state(notebook, "ready")
        click(notebook, "Start")
        expect_words(notebook, "two")
        notebook.interrupt_kernel()
        notebook.wait_for_cell(1)
        expect(notebook.output(1)).to_contain_text("KeyboardInterrupt")
        expect_state(notebook, "stopped")
    assert value(notebook, "(transcript.text, transcript.done)") == ("two", True)


def test_run_all_records_nothing(lab: Lab, microphone: WavMicrophone) -> None:
    """Run All prepares every live cell and opens no microphone and no connection."""
    with Peer() as peer:
        notebook = lab.notebook(["%load_ext rt_magic", f"%%transcribe --service {peer.url}", "transcript.text"])
        notebook.page.evaluate(COUNT_OPENINGS)
        notebook.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        expect(notebook.output(2)).to_contain_text("''")
        expect_state(notebook, "ready")
        notebook.page.wait_for_timeout(1000)
        assert notebook.page.evaluate("window.rtOpened") == 0
        assert peer.requests == []


def test_notebook_7(notebook7: Lab, microphone: WavMicrophone) -> None:
    """The same cell works in Notebook 7, also while another cell runs."""
    with Peer(words("seven")) as peer:
        notebook = live_cell(notebook7, peer.url, "", "import time; time.sleep(5); print('over')")
        notebook.run_cell(2)
        click(notebook, "Start")
        expect_words(notebook, "seven")
        assert notebook.cell_output(2) == ""
        click(notebook, "Stop")
        expect_state(notebook, "stopped")
        notebook.wait_for_cell(2)


def test_a_machine_without_a_microphone(lab: Lab, microphone: WavMicrophone) -> None:
    """Where the browser has no microphone at all, the cell says so without a notice; once it has one, Start works."""

    async def patient(connection: PeerConnection) -> None:
        with contextlib.suppress(ConnectionClosedOK):  # the start that is refused may have connected already
            await words("one")(connection)

    with Peer(patient, patient, spare=1) as peer:
        notebook = live_cell(lab, peer.url)
        notebook.page.evaluate(
            "window.rtOpen = navigator.mediaDevices.getUserMedia;"
            "navigator.mediaDevices.getUserMedia = () => "
            "Promise.reject(new DOMException('Requested device not found', 'NotFoundError')); null"
        )
        click(notebook, "Start")
        expect(notebook.page.get_by_role("alert")).to_have_text(
            "No microphone was found. Connect one, then click Start again."
        )
        expect_state(notebook, "error")
        expect(notebook.page.locator(".rt-notice")).to_be_hidden()
        notebook.page.evaluate("navigator.mediaDevices.getUserMedia = window.rtOpen; null")
        click(notebook, "Start")
        expect_words(notebook, "one")
        click(notebook, "Stop")
        expect_state(notebook, "stopped")
    assert value(notebook, "(transcript.text, transcript.done)") == ("one", True)


@needs_portaudio
def test_the_kernels_microphone(lab: Lab, tmp_path: Path) -> None:
    """With `--microphone kernel` the buttons of the page work, and the browser's microphone stays closed."""
    with Peer(words("one", "two")) as peer, pipe_microphone(tmp_path) as own:
        cells = [
            f"import os; os.environ['HOME'] = {str(own.home)!r}\n%load_ext rt_magic",
            f"%%transcribe --microphone kernel --service {peer.url}",
        ]
        notebook = lab.notebook(cells)
        notebook.page.evaluate(COUNT_OPENINGS)
        notebook.run_cells()
        expect_state(notebook, "ready")
        expect(notebook.page.locator(".rt-destination")).to_contain_text("where this Python runs")
        click(notebook, "Start")
        expect_words(notebook, "one")
        click(notebook, "Pause")
        expect_state(notebook, "paused")
        click(notebook, "Resume")
        expect_words(notebook, "one", "two")
        click(notebook, "Stop")
        expect_state(notebook, "stopped")
        assert notebook.page.evaluate("window.rtOpened") == 0
    assert value(notebook, "transcript.text") == "one two"


def test_an_insecure_page(lab: Lab) -> None:
    """Opened over plain http from another machine, the cell says what the browser wants instead of a microphone."""
    notebook = live_cell(lab, "ws://127.0.0.1:9", host="rtm.test")
    click(notebook, "Start")
    expect(notebook.page.get_by_role("alert")).to_contain_text(re.compile(r"https or on localhost.*rtm\.test"))
    expect_state(notebook, "error")


def test_a_page_that_forbids_blobs(lab: Lab) -> None:
    """Where a policy keeps widgets from loading at all, what stands below the cell says so without one."""
    policy = "script-src 'self' 'unsafe-inline' 'unsafe-eval'"
    notebook = lab.notebook(["%load_ext rt_magic", "%%transcribe --service ws://127.0.0.1:9"], policy=policy)
    notebook.run_cells()
    expect(notebook.output(1)).to_contain_text("javascript error")
    assert "content security policy" in notebook.cell_output(1)  # what can be seen, the hidden left out
    expect(button(notebook, "Start")).to_have_count(0)


def test_words_come_during_a_cell_on_ipykernel_7_1(
    lab: Lab, microphone: WavMicrophone, older: Callable[[str], str]
) -> None:
    """Where the front end names a subshell for each comm, sound passes a cell that sleeps without a lane of ours."""
    with Peer(words("one", "two")) as peer:
        notebook = live_cell(lab, peer.url, "", "import time; time.sleep(6); print('over')", kernel_name=older("7.1.0"))
        notebook.run_cell(2)
        click(notebook, "Start")
        expect_words(notebook, "one", timeout=5)
        assert notebook.cell_output(2) == ""
        notebook.wait_for_cell(2)
        click(notebook, "Stop")
        expect_state(notebook, "stopped")


def test_a_busy_kernel_without_subshells(lab: Lab, microphone: WavMicrophone, older: Callable[[str], str]) -> None:
    """On ipykernel 6.31 the page says that the kernel is busy, and afterwards every sample is there."""
    with Peer(words("one", "two", "three")) as peer:
        notebook = live_cell(lab, peer.url, "", "import time; time.sleep(8)", kernel_name=older("6.31.0"))
        click(notebook, "Start")
        expect_words(notebook, "one")
        notebook.run_cell(2)
        status = notebook.page.locator(".rt-status")
        expect(status).to_contain_text(re.compile(r"kernel busy, \d+ s waiting"))
        notebook.wait_for_cell(2)
        expect(status).not_to_contain_text("kernel busy")
        expect_words(notebook, "one", "two", "three")
        click(notebook, "Stop")
        expect_state(notebook, "stopped")
        captured, received, seconds = value(
            notebook, "[transcript.events[-1]['captured'], transcript.events[-1]['received'], transcript.duration]"
        )
    assert captured == received == round(seconds * 24_000)
    assert seconds > 8


def test_waiting_is_refused_without_a_lane(lab: Lab, older: Callable[[str], str]) -> None:
    """On ipykernel 6.31 `--wait` ends at once with the reason in one line, and shows no Start that would do nothing."""
    cells = ["%load_ext rt_magic", "%%transcribe --wait --duration 5s"]
    notebook = lab.notebook(cells, kernel_name=older("6.31.0"))
    notebook.run_cells()
    refused = notebook.cell_output(1)
    assert refused.startswith("UsageError: this kernel receives nothing from the page while a cell runs")
    assert "\n" not in refused
    expect(button(notebook, "Start")).to_have_count(0)


def test_a_device_that_is_taken_or_unplugged(lab: Lab, microphone: WavMicrophone) -> None:
    """A muted microphone is named; one that ends is opened again, and the recording goes on without a word lost."""
    with Peer(words("one", "two", "three")) as peer:
        notebook = live_cell(lab, peer.url)
        notebook.page.evaluate(COUNT_OPENINGS.replace("return open(...given);", "return kept(open(...given));") + KEEP)
        click(notebook, "Start")
        expect_words(notebook, "one")
        status = notebook.page.get_by_role("status")
        notebook.page.evaluate("window.rtTracks.at(-1).dispatchEvent(new Event('mute'))")
        expect(status).to_contain_text("the microphone is muted")
        notebook.page.evaluate("window.rtTracks.at(-1).dispatchEvent(new Event('unmute'))")
        expect(status).not_to_contain_text("muted")
        expect_words(notebook, "one", "two")
        notebook.page.evaluate("window.rtTracks.at(-1).dispatchEvent(new Event('ended'))")
        notebook.page.wait_for_function("window.rtOpened === 2")
        expect_words(notebook, "one", "two", "three")
        click(notebook, "Stop")
        expect_state(notebook, "stopped")
    captured, received, epochs = value(
        notebook,
        "[transcript.events[-1]['captured'], transcript.events[-1]['received'],"
        " [event['type'] for event in transcript.events].count('epoch')]",
    )
    assert captured == received
    assert epochs == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot stop a process for a while")
def test_a_kernel_that_sleeps(lab: Lab, microphone: WavMicrophone) -> None:
    """A kernel that stands still, as on a laptop that sleeps, is named, and every sample is there when it wakes."""
    with Peer(words("one", "two")) as peer:
        notebook = live_cell(lab, peer.url)
        process = value(notebook, "__import__('os').getpid()")
        click(notebook, "Start")
        expect_state(notebook, "listening")
        os.kill(process, signal.SIGSTOP)
        try:
            expect(notebook.page.locator(".rt-status")).to_contain_text(re.compile(r"kernel busy, \d+ s waiting"))
        finally:
            os.kill(process, signal.SIGCONT)
        expect_words(notebook, "one", "two")
        expect(notebook.page.locator(".rt-status")).not_to_contain_text("kernel busy")
        click(notebook, "Stop")
        expect_state(notebook, "stopped")
    captured, received = value(notebook, "[transcript.events[-1][name] for name in ('captured', 'received')]")
    assert captured == received > 3 * 24_000


def test_a_notebook_that_is_closed_while_it_records(lab: Lab, microphone: WavMicrophone) -> None:
    """Closing the page closes the microphone; the kernel keeps what was said and pauses, and a new page goes on."""
    with Peer(words("one")) as peer:
        notebook = live_cell(lab, peer.url)
        click(notebook, "Start")
        expect_words(notebook, "one")
        notebook.save()
        notebook.page.close()
        again = lab.second_page(notebook)
        expect_state(again, "paused")
        expect_words(again, "one")
        click(again, "Stop")
        expect_state(again, "stopped")
    assert value(again, "(transcript.text, transcript.done)") == ("one", True)


def test_a_worklet_that_is_refused(lab: Lab, microphone: WavMicrophone) -> None:
    """Where only the worklet is kept from loading, the cell says which policy does that."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a service that says nothing, not even no
        notebook = live_cell(lab, f"ws://127.0.0.1:{silent.getsockname()[1]}")
        notebook.page.evaluate(
            "AudioWorklet.prototype.addModule = () => Promise.reject(new DOMException('The user aborted a request.',"
            " 'AbortError')); null"
        )
        click(notebook, "Start")
        expect(notebook.page.get_by_role("alert")).to_contain_text("`blob:` in `script-src`")
        expect_state(notebook, "error")
