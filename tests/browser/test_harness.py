"""The harness itself: a widget draws, its messages reach the kernel, the browser hears what it is told to."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import expect

from tests.browser.conftest import Lab
from tests.browser.microphone import WavMicrophone

WIDGET = '''
import anywidget, traitlets

class Greeting(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
        const button = document.createElement("button");
        button.textContent = "Greet";
        const content = { type: "greeting", text: "hello kernel" };
        button.onclick = () => model.send(content, undefined, [new Int16Array([7, 8]).buffer]);
        el.append(button);
    } };
    """

heard = []
greeting = Greeting()
greeting.on_msg(lambda widget, content, buffers: heard.append((content["text"], bytes(buffers[0]))))
greeting
'''

# The pitch that a page hears in its first second, by zero crossings.
PITCH = """async () => {
    const stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const context = new AudioContext({ sampleRate: 24000 });
    const analyser = new AnalyserNode(context, { fftSize: 8192 });
    context.createMediaStreamSource(stream).connect(analyser);
    await context.resume();
    await new Promise(done => setTimeout(done, 1000));
    const samples = new Float32Array(8192);
    analyser.getFloatTimeDomainData(samples);
    stream.getTracks().forEach(track => track.stop());
    await context.close();
    let crossings = 0;
    for (let i = 1; i < samples.length; i++) crossings += (samples[i - 1] < 0) !== (samples[i] < 0);
    return crossings / 2 / (samples.length / 24000);
}"""


def tone(hertz: float) -> np.ndarray:
    """Three seconds of a sine at 24 kHz."""
    return (12_000 * np.sin(2 * np.pi * hertz * np.arange(72_000) / 24_000)).astype(np.int16)


def test_a_widget_draws_and_its_message_reaches_the_kernel(lab: Lab) -> None:
    """A click on a widget's button arrives in the kernel with its binary part; the file has the view."""
    notebook = lab.notebook([WIDGET, "print(6 * 7)"])
    notebook.run_cells()
    assert notebook.cell_output(1) == "42"
    notebook.page.get_by_role("button", name="Greet").click()
    assert notebook.execute_in_kernel("heard") == r"[('hello kernel', b'\x07\x00\x08\x00')]"
    notebook.save()
    cell = notebook.saved_notebook()["cells"][0]
    assert "application/vnd.jupyter.widget-view+json" in cell["outputs"][0]["data"]
    assert notebook.console_errors == []


def test_the_kernel_answers_while_a_cell_blocks(lab: Lab) -> None:
    """Code runs beside a blocking cell when asked to, and the page shows the cell's end."""
    notebook = lab.notebook(["import time; began = 1; time.sleep(4); print('over')"])
    notebook.run_cell(0)
    expect(notebook.cell(0)).to_contain_text("[*]")
    assert notebook.execute_in_kernel("began", while_busy=True) == "1"
    assert notebook.cell_output(0) == ""
    notebook.wait_for_cell(0)
    assert notebook.cell_output(0) == "over"


def test_the_microphone_hears_another_recording_each_time_it_opens(lab: Lab, microphone: WavMicrophone) -> None:
    """One browser hears what was set last, whenever a page opens the device."""
    page = lab.notebook(["1"]).page
    for hertz in (400, 1_000):
        microphone.play_samples(tone(hertz), 24_000)
        assert abs(page.evaluate(PITCH) - hertz) < 10


def test_notebook_7_runs_a_cell(notebook7: Lab) -> None:
    """The same words drive Notebook 7."""
    notebook = notebook7.notebook(["print('from seven')"])
    notebook.run_cells(0)
    assert notebook.cell_output(0) == "from seven"
