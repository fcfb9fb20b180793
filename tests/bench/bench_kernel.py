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


def spent(kernel: psutil.Process, wait: Callable[[float], object]) -> float:
    """Return the CPU seconds per hour that a kernel and its children need from now on."""

    def used() -> float:
        times = [process.cpu_times() for process in (kernel, *kernel.children(recursive=True))]
        return float(sum(each.user + each.system for each in times))

    before = used()
    wait(SECONDS * 1000)
    return (used() - before) * 3600 / SECONDS


def nothing(here: Bench) -> float:
    """Measure the widget that does nothing."""
    notebook = here.lab.notebook([NOTHING])
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
    found: dict[str, list[float]] = {"a do-nothing anywidget": [], "rt_magic cell": []}
    with bench() as here, running("--turns", str(24_000 * 3)) as sink:
        for _ in range(ROUNDS):
            found["a do-nothing anywidget"].append(nothing(here))
            found["rt_magic cell"].append(ours(here, sink.url))
    floor, we = (Row(name, tuple(values), "s per hour", floor=name.startswith("a ")) for name, values in found.items())
    times = ratio(we, floor)
    return Answer(
        question="CPU per hour of audio, the whole kernel with the page",
        goal="1.15 times a widget that takes the same messages and does nothing",
        how=f"JupyterLab, {SECONDS:g} s of recording, scaled to an hour; the floor is an anywidget whose page sends "
        "100 ms of silence ten times a second and whose kernel side drops it. Ours also writes the recording, sends "
        "it to a service on this machine, and shows a turn every three seconds.",
        rows=(floor, we),
        verdict=f"{times:.2f} times the floor ({'reached' if times <= 1.15 else 'missed'}).",
        versions={name: version(name) for name in ("anywidget", "ipykernel", "jupyterlab")},
    )
