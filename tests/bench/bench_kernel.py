"""CPU of the whole kernel while a page sends sound into it, beside a widget that does nothing with it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import psutil

from tests.bench.lab import Bench, bench
from tests.bench.report import Answer, Row, ratio
from tests.bench.sink import running
from tests.browser.cell import click, expect_state

SECONDS = 15.0
ROUNDS = 3

NOTHING = '''
import anywidget

class Nothing(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
        const button = document.createElement("button");
        button.textContent = "Start";
        button.onclick = () => {
            let seq = 0;
            setInterval(() => {
                const content = { type: "audio", page: "p", epoch: "e", seq: seq++, first: seq * 2400,
                                  captured_at: Date.now() / 1000, rate: 24000 };
                model.send(content, undefined, [new Int16Array(2400).buffer]);
            }, 100);
        };
        el.append(button);
    } };
    """

nothing = Nothing()
nothing.on_msg(lambda widget, content, buffers: None)
nothing
'''

FORWARD = (
    NOTHING.removesuffix("nothing\n")
    + """
import asyncio, base64, threading
from websockets.asyncio.client import connect

loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()

async def opened():
    return await connect(URL, compression=None)

socket = asyncio.run_coroutine_threadsafe(opened(), loop).result()

def forward(widget, content, buffers):
    audio = base64.b64encode(buffers[0]).decode("ascii")
    text = '{"type":"input_audio_buffer.append","audio":"' + audio + '"}'
    asyncio.run_coroutine_threadsafe(socket.send(text), loop)

nothing.on_msg(forward)
nothing
"""
)


def spent(kernel: psutil.Process, wait: Callable[[float], object]) -> float:
    """Return the CPU seconds per hour that a kernel and its children need from now on."""

    def used() -> float:
        times = [process.cpu_times() for process in (kernel, *kernel.children(recursive=True))]
        return float(sum(each.user + each.system for each in times))

    before = used()
    wait(SECONDS * 1000)
    return (used() - before) * 3600 / SECONDS


def nothing(here: Bench, source: str) -> float:
    """Measure the widget that does nothing, or next to nothing."""
    notebook = here.lab.notebook([source])
    notebook.run_cells()
    kernel = here.kernel(notebook)
    notebook.page.get_by_role("button", name="Start", exact=True).click()
    notebook.page.wait_for_timeout(3000)
    found = spent(kernel, notebook.page.wait_for_timeout)
    notebook.shutdown()
    return found


def ours(here: Bench, url: str) -> float:
    """Measure a live cell."""
    notebook = here.lab.notebook(["%load_ext rt_magic", f"%%transcribe --service {url}"])
    notebook.run_cells()
    kernel = here.kernel(notebook)
    click(notebook, "Start")
    expect_state(notebook, "listening")
    notebook.page.wait_for_timeout(3000)
    found = spent(kernel, notebook.page.wait_for_timeout)
    notebook.shutdown()
    return found


def measure() -> Answer:
    """Compare."""
    floor, forwards, we = "a do-nothing anywidget", "one that sends the sound on", "rt_magic cell"
    found: dict[str, list[float]] = {floor: [], forwards: [], we: []}
    with bench() as here, running("--turns", str(24_000 * 3)) as sink:
        for _ in range(ROUNDS):
            found[floor].append(nothing(here, NOTHING))
            found[forwards].append(nothing(here, FORWARD.replace("URL", repr(sink.url))))
            found[we].append(ours(here, sink.url))
    rows = {name: Row(name, tuple(values), "s per hour", floor=name != we) for name, values in found.items()}
    times, beside = ratio(rows[we], rows[floor]), ratio(rows[we], rows[forwards])
    return Answer(
        question="CPU per hour of audio, the whole kernel with the page",
        goal="1.15 times a widget that takes the same messages and does nothing",
        how=f"JupyterLab, {SECONDS:g} s of recording, scaled to an hour; the floor is an anywidget whose page sends "
        "100 ms of silence ten times a second and whose kernel side drops it; the second one's sends it on, with "
        "websockets and base64 alone. Ours also writes the recording, and shows and keeps a turn every three seconds.",
        rows=tuple(rows.values()),
        verdict=f"{times:.2f} times the floor ({'reached' if times <= 1.15 else 'missed'}), {beside:.2f} times the one "
        "that sends the sound on.",
        versions={name: version(name) for name in ("anywidget", "ipykernel", "jupyterlab")},
    )
