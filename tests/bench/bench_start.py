"""How soon it is there: import, %load_ext, from running the cell to a Start that can be clicked."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from tests.bench.lab import Bench, bench
from tests.bench.report import Answer, Row, interleaved
from tests.kernels import FrontEnd, kernel

ROUNDS = 7
PAGE_ROUNDS = 5

HELLO = "import ipywidgets\nipywidgets.Button(description='Start')"


@contextmanager
def compiled() -> Iterator[None]:
    """Let all Pythons that are started keep their bytecode, as pip makes it when it installs a package."""
    before = os.environ.copy()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        try:
            imported("rt_magic.extension, rt_magic.transcriber")
            in_kernel("%%transcribe", "%load_ext rt_magic")
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def imported(what: str) -> float:
    """Return the milliseconds of an import in a new interpreter."""
    code = f"import time; began = time.perf_counter()\nimport {what}\nprint(1000 * (time.perf_counter() - began))"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def timed(front: FrontEnd, code: str) -> float:
    """Return the milliseconds that a cell takes, as the kernel measures it."""
    front.run("import time; ip = get_ipython()")
    cell = front.run(f"began = time.perf_counter(); ip.run_cell({code!r}); print(1000 * (time.perf_counter() - began))")
    return float(cell.text.strip().splitlines()[-1])


def in_kernel(code: str, *before: str) -> float:
    """Return the milliseconds that a cell takes in a new kernel, after others."""
    with kernel() as front:
        for earlier in before:
            front.run(earlier)
        return timed(front, code)


def in_page(here: Bench, code: str, *before: str) -> float:
    """Return the milliseconds from running a cell of a notebook to a button named Start that can be clicked."""
    notebook = here.lab.notebook([*before, code])
    for index in range(len(before)):
        notebook.run_cells(index)
    notebook.page.evaluate(
        """() => {
            const ready = () => [...document.querySelectorAll(".jp-OutputArea button")].find(
                (button) => button.textContent.trim() === "Start" && !button.disabled && button.offsetWidth);
            window.benchReady = new Promise((resolve) => {
                const look = () => ready() ? resolve(performance.now()) : requestAnimationFrame(look);
                look();
            });
        }"""
    )
    began = notebook.page.evaluate("performance.now()")
    notebook.run_cell(len(before))
    ready = notebook.page.evaluate("window.benchReady")
    notebook.shutdown()
    return float(ready - began)


def measure() -> Answer:
    """Compare."""
    with compiled():
        return _measured()


def _measured() -> Answer:
    imports = interleaved(
        {
            "ipywidgets": lambda: imported("ipywidgets"),
            "rt_magic": lambda: imported("rt_magic"),
            "rt_magic, its widget": lambda: imported("rt_magic.transcriber"),
        },
        ROUNDS,
    )
    cells = interleaved(
        {
            "ipywidgets hello world": lambda: in_kernel(HELLO),
            "rt_magic, %load_ext": lambda: in_kernel("%load_ext rt_magic"),
            "rt_magic, %%transcribe": lambda: in_kernel("%%transcribe", "%load_ext rt_magic"),
        },
        ROUNDS,
    )
    with bench() as here:
        pages = interleaved(
            {
                "ipywidgets hello world": lambda: in_page(here, HELLO),
                "rt_magic, %%transcribe": lambda: in_page(here, "%%transcribe", "%load_ext rt_magic"),
            },
            PAGE_ROUNDS,
        )
    groups = (("import", imports), ("cell, in the kernel", cells), ("cell → Start, in the page", pages))
    rows = [
        Row(name, tuple(values), "ms", condition, floor=name.startswith("ipywidgets"))
        for condition, found in groups
        for name, values in found.items()
    ]
    by = {(row.contender, row.condition): row.median for row in rows}
    alone = by["rt_magic", "import"]
    beyond = by["rt_magic, its widget", "import"] - by["ipywidgets", "import"]
    ext = by["rt_magic, %load_ext", "cell, in the kernel"]
    start = by["rt_magic, %%transcribe", "cell → Start, in the page"]
    hello = by["ipywidgets hello world", "cell → Start, in the page"]

    def word(reached: bool) -> str:
        return "reached" if reached else "missed"

    return Answer(
        question="From import to a Start that can be clicked",
        goal="an import 60 ms beyond ipywidgets', 300 ms for %load_ext, 1 s from the cell to Start",
        how="New interpreters, new kernels, new notebooks in JupyterLab for each value, with the bytecode that "
        "pip makes at an installation; the hello world is one ipywidgets button.",
        rows=tuple(rows),
        verdict=f"`import rt_magic` takes {alone:.0f} ms ({word(alone - by['ipywidgets', 'import'] <= 60)}; the widget "
        f"with all it needs, which %load_ext brings, {beyond:.0f} ms beyond ipywidgets); %load_ext takes {ext:.0f} ms "
        f"({word(ext <= 300)}); from the cell to Start {start:.0f} ms ({word(start <= 1000)}), where the hello world "
        f"takes {hello:.0f} ms.",
        versions={name: version(name) for name in ("ipywidgets", "anywidget", "ipykernel", "jupyterlab")},
    )
