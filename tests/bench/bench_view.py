"""What a long transcript costs the page, and how steady the words are that it shows.

    python -m tests.bench.bench_view [--cell]

Ten thousand segments in a bare page: time of the first draw, main-thread time of a delta, heap over an hour's deltas
(ten a second), with collections forced three times. Redraws of final text are counted by a MutationObserver. With
`--cell` also the fixture in a real JupyterLab, spoken with the embedded engine: how many words changed again after
they had been shown, per final word. Prints; asserts nothing.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.browser.bare_page import serve
from tests.browser.conftest import CHROMIUM_NAMES, Lab
from tests.browser.microphone import WavMicrophone
from tests.browser.server import JupyterServer
from tests.browser.stability import WATCH, changed_again, redraws
from tests.speech import PHRASES_FLAC

SEGMENTS = 10_000
RUNS = 5
DELTAS = 200
HOUR = 36_000
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream"]

MANY = """(many) => Array.from({length: many}, (_, n) => line(`s${n}`, n * 4, sentence(n), true,
    {end: n * 4 + 3, speaker: ["Anna", "Ben", null][n % 3], confidence: n % 5 ? 0.9 : 0.5}))"""
SENTENCE = """window.sentence = (n) => {
    const words = "the committee agreed that sensors lost data during every storm since last winter".split(" ");
    return Array.from({length: 8 + (n * 7) % 12}, (_, k) => words[(n * 3 + k * 5) % words.length]).join(" ");
}"""
FIRST = f"""async () => {{
    const segments = ({MANY})({SEGMENTS});
    window.t = await transcript({{snapshot: {{revision: 1, segments}}}});
    await new Promise((done) => setTimeout(done, 200));
    const began = performance.now();
    window.v = t.show();
    const script = performance.now() - began;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return [script, performance.now() - began];
}}"""


@contextmanager
def bare_page(browser: Browser) -> Iterator[tuple[Page, CDPSession]]:
    """Open an empty page that can load the bundles."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    context.route("**/*", serve)
    page = context.new_page()
    page.on("pageerror", lambda error: print("error in the page:", error))
    page.goto("http://localhost/")
    page.evaluate(SENTENCE)
    yield page, context.new_cdp_session(page)
    context.close()


def spread(values: list[float], unit: str = "ms") -> str:
    """Return median, 95th percentile and the range."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    median = statistics.median(ordered)
    return f"median {median:.1f} {unit}, p95 {p95:.1f} {unit} ({ordered[0]:.1f} to {ordered[-1]:.1f}, n={len(ordered)})"


def first_draw(browser: Browser) -> None:
    """Print how long a view of a known transcript takes until it is drawn."""
    scripts, drawn = [], []
    for _ in range(RUNS):
        with bare_page(browser) as (page, _):
            script, whole = page.evaluate(FIRST)
            scripts.append(script)
            drawn.append(whole)
    print(f"first draw of {SEGMENTS} segments, until the frame is there: {spread(drawn)}")
    print(f"  of it in our script: {spread(scripts)}")


def busy(session: CDPSession) -> float:
    """Return the milliseconds that the main thread has worked so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return 1000 * float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def deltas(page: Page, session: CDPSession) -> None:
    """Print the main-thread time of deltas, with all that the browser does until the frame is drawn."""
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    frames = "await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
    said: dict[str, list[float]] = {"nothing": [], "interim": [], "final": []}
    number, revision = SEGMENTS, 1
    for n in range(3 * DELTAS):
        kind = ("nothing", "interim", "final")[n % 3]
        before = busy(session)
        if kind == "nothing":
            page.evaluate(f"async () => {{ {frames}; }}")
        else:
            revision += 1
            number += kind == "interim"
            final = str(kind == "final").lower()
            page.evaluate(f"""async () => {{
                const text = sentence({number}) + {final} ? " and more" : "";
                t.model.receive({{type: "patch", revision: {revision}, remove: [],
                    upsert: [line("s{number}", {number * 4}, text, {final}, {{end: {number * 4 + 3}}})]}});
                {frames};
            }}""")
        said[kind].append(busy(session) - before)
    for kind, values in said.items():
        name = "two frames without a delta" if kind == "nothing" else f"delta, {kind}, and two frames"
        print(f"{name}: {spread(values)}")


def heap(page: Page, session: CDPSession) -> None:
    """Print the page's heap after each third of an hour's deltas to one open segment, and its slope."""
    session.send("HeapProfiler.enable")
    sizes: list[float] = []
    nodes: list[int] = []

    def collect() -> None:
        for _ in range(2):
            session.send("HeapProfiler.collectGarbage")
        sizes.append(float(session.send("Runtime.getHeapUsage")["usedSize"]))
        nodes.append(int(session.send("Memory.getDOMCounters")["nodes"]))

    page.evaluate("window.revision = 1000")
    send = f"""async () => {{
        for (let n = 0; n < {HOUR // 3}; n += 1) {{
            revision += 1;
            const upsert = [line("open", 1e6, sentence(revision), false)];
            t.model.receive({{type: "patch", revision, upsert, remove: []}});
            if (n % 100 === 0) await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        }}
    }}"""
    page.evaluate("t.model.receive({type: 'snapshot', revision: 1000, segments: t.model.traits.snapshot.segments})")
    page.evaluate(send)  # what is compiled and kept once is there now
    collect()
    for _ in range(3):
        page.evaluate(send)
        collect()
    print("heap after collection, MB: " + ", ".join(f"{size / 1e6:.2f}" for size in sizes), "; nodes:", nodes)
    print(f"  slope: {(sizes[-1] - sizes[0]) / HOUR:.2f} bytes a delta, {(sizes[-1] - sizes[0]) / 1e6:.3f} MB an hour")


def cell(browser: Browser, wav: WavMicrophone) -> None:
    """Print how steady the words of the fixture are in a real cell."""
    home = Path(tempfile.mkdtemp())
    server = JupyterServer.start("lab", home / "lab")
    opened: list[Any] = []
    lab = Lab(server, browser, opened)
    try:
        wav.play(PHRASES_FLAC)
        notebook = lab.notebook(["%load_ext rt_magic", "%%transcribe"])
        notebook.run_cells()
        notebook.page.evaluate(WATCH)
        notebook.page.locator(".rt-magic").get_by_role("button", name="Start", exact=True).click()
        notebook.page.wait_for_function(
            "document.querySelectorAll('.rt-segment[data-final=true]').length >= 5", timeout=60_000
        )
        seen = notebook.page.evaluate("rtSeen")
        changed, words = changed_again(seen)
        print(f"the fixture in JupyterLab: {changed} words changed again, {words} final: {changed / words:.3f} a word")
        print(f"  redraws of final text: {redraws(notebook.page.evaluate('rtTouched'))}")
    finally:
        lab.close()
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def main(with_cell: bool) -> None:
    """Measure and print."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        wav = WavMicrophone(Path(folder) / "microphone.wav")
        more = ["--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={wav.path}%noloop"]
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS + more)
        first_draw(browser)
        with bare_page(browser) as (page, session):
            page.evaluate(FIRST)
            page.evaluate(WATCH)
            deltas(page, session)
            print(f"redraws of final text in these deltas: {redraws(page.evaluate('rtTouched'))}")
        with bare_page(browser) as (page, session):
            page.evaluate(FIRST)
            heap(page, session)
        if with_cell:
            cell(browser, wav)
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cell", action="store_true", default=True)
    parser.add_argument("--no-cell", action="store_false", dest="cell")
    main(parser.parse_args().cell)
