"""From the microphone to the service's socket: what lies between, beyond the time that fills a piece of sound."""

from __future__ import annotations

import functools
import http.server
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page

from tests.bench import peer_servers
from tests.bench.contenders import PEERS, Unavailable, environment
from tests.bench.contenders import version as version_in
from tests.bench.lab import TAP, Bench, bench, clicks, delays
from tests.bench.report import Answer, Row, interleaved
from tests.bench.sink import Running, running
from tests.browser.cell import click, expect_state

SECONDS = 10.0
ROUNDS = 2
WEBSOCKETS = ("websockets",)
CONDITIONS = ("idle", "sleep", "loop")
BUSY = {
    "idle": "pass",
    "sleep": "import time; time.sleep(30)",
    "loop": "import time\nend = time.monotonic() + 30\nwhile time.monotonic() < end: pass",
}


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """Serve the floor's page."""
    (folder / "page.html").write_text(peer_servers.PAGE, encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        """Serves without a word."""

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/page.html"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def program(python: Path, source: str, service: str, meanwhile: str) -> Iterator[int]:
    """Run somebody's server; give its port."""
    port = free_port()
    with open(PEERS / "last.log", "w") as log:
        process = subprocess.Popen(
            [str(python), "-c", source, service, str(port), meanwhile],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=PEERS,
        )  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        try:
            for line in process.stdout:
                if line.strip() == "ready":
                    break
            else:
                raise RuntimeError(f"a contender's server ended: {(PEERS / 'last.log').read_text()[-2000:]}")
            yield port
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


@contextmanager
def page_at(here: Bench, url: str) -> Iterator[Page]:
    """Open a page that notes the tones of its microphone."""
    context = here.browser.new_context(viewport={"width": 1000, "height": 700})
    context.grant_permissions(["microphone"])
    context.add_init_script(TAP)
    page = context.new_page()
    page.goto(url, wait_until="domcontentloaded")
    try:
        yield page
    finally:
        context.close()


def heard(page: Page, sink: Running) -> list[float]:
    """Let the page record for a while; return the milliseconds of each tone's way beyond its piece."""
    page.wait_for_timeout(1000 * SECONDS + 1000)
    captured = page.evaluate("window.benchTones")
    found = delays(captured, *sink.take_pcm())
    if len(found) < SECONDS:
        raise RuntimeError(f"of {len(captured)} tones {len(found)} were heard by the service")
    return [1000 * seconds for seconds in found]


def floor(here: Bench, sink: Running, page_url: str) -> list[float]:
    """Measure a page that talks to the service itself."""
    with page_at(here, f"{page_url}?to={quote(sink.url)}") as page:
        page.wait_for_timeout(300)
        sink.take()
        page.locator("#start").click()
        return heard(page, sink)


def fastrtc(here: Bench, sink: Running, page_url: str, python: Path, condition: str) -> list[float]:
    """Measure FastRTC's WebSocket route, its handler sending to the service at once."""
    with program(python, peer_servers.FASTRTC, sink.url, condition) as port:
        to = quote(f"ws://127.0.0.1:{port}/websocket/offer")
        with page_at(here, f"{page_url}?media=1&to={to}") as page:
            page.wait_for_timeout(1000)
            sink.take()
            page.locator("#start").click()
            return heard(page, sink)


def gradio(here: Bench, sink: Running, python: Path, condition: str) -> list[float]:
    """Measure Gradio's streaming audio, its function sending to the service at once."""
    with (
        program(python, peer_servers.GRADIO, sink.url, condition) as port,
        page_at(here, f"http://127.0.0.1:{port}/") as page,
    ):
        page.get_by_role("button", name="Record").click(timeout=30_000)
        sink.take()
        return heard(page, sink)


def ours(here: Bench, sink: Running, condition: str) -> list[float]:
    """Measure a live cell while another one runs, or none."""
    notebook = here.lab.notebook(["%load_ext rt_magic", f"%%transcribe --service {sink.url}", BUSY[condition]])
    notebook.page.context.add_init_script(TAP)
    notebook.reload()
    notebook.run_cells(0, 1)
    sink.take()
    click(notebook, "Start")
    expect_state(notebook, "listening")
    if condition != "idle":
        notebook.run_cell(2)
    try:
        return heard(notebook.page, sink)
    finally:
        notebook.interrupt_kernel()
        notebook.shutdown()


def measure() -> Answer:
    """Compare."""
    missing: dict[str, str] = {}
    versions = {name: version(name) for name in ("jupyterlab", "ipykernel")}
    pythons: dict[str, Path] = {}
    for name, package, needs in (
        ("FastRTC, WebSocket route", "fastrtc", ()),
        ("Gradio streaming", "gradio", WEBSOCKETS),
    ):
        try:
            pythons[name] = environment(package, package, *needs)
            versions[package] = version_in(pythons[name], package)
        except Unavailable as reason:
            missing[name] = str(reason)
    missing["RealtimeSTT, WhisperLive, WhisperLiveKit"] = "they carry sound to a model of their own and to no service"
    missing["ipyaudio"] = "it hands over a recording and has no stream to a function"
    with bench() as here, running("--keep") as sink, site(here.folder) as url:
        here.microphone.play_samples(clicks(SECONDS + 20), 48_000)
        runs = {("bare WebSocket page", "no kernel"): partial(floor, here, sink, url)}
        for condition in CONDITIONS:
            runs["rt_magic cell", condition] = partial(ours, here, sink, condition)
            if (python := pythons.get("FastRTC, WebSocket route")) is not None:
                runs["FastRTC, WebSocket route", condition] = partial(fastrtc, here, sink, url, python, condition)
            if (python := pythons.get("Gradio streaming")) is not None:
                runs["Gradio streaming", condition] = partial(gradio, here, sink, python, condition)
        broken: dict[tuple[str, str], str] = {}
        found = interleaved({key: partial(_guarded, run, key, broken) for key, run in runs.items()}, ROUNDS)
    for (who, condition), why in broken.items():
        if not found[who, condition]:
            missing[f"{who}, {condition}"] = why
    rows = {key: _row(*key, values) for key, values in found.items() if values}
    goals = {"idle": 25, "sleep": 25, "loop": 60}
    said = []
    for condition, goal in goals.items():
        p95 = rows["rt_magic cell", condition].p95
        peers = [row for (who, how), row in rows.items() if how == condition and not who.startswith("rt_magic")]
        ahead = all(rows["rt_magic cell", condition].p95 < peer.p95 for peer in peers)
        said.append(f"{condition}: p95 {p95:.0f} ms ({'reached' if p95 <= goal else 'missed'}), "
                    f"{'ahead of' if ahead else 'behind one of'} the peers")  # fmt: skip
    return Answer(
        question="Captured → on the wire, page included",
        goal="p95 of 25 ms with an idle kernel, 25 ms while a cell sleeps, 60 ms while a cell computes; ahead of every "
        "peer",
        how="Tones in the microphone's WAV; each page notes in its own audio graph when one passes, a service on this "
        "machine when the piece with it arrives; the time that filled the piece is taken off. Peers serve from a "
        "thread beside a main thread that is idle, sleeps, or runs a loop in Python, as in a notebook's kernel. "
        "Gradio's page has no such graph; its tones are noted on a clone of the track, which is some milliseconds off.",
        rows=tuple(rows.values()),
        verdict="; ".join(said) + f". The bare page has p95 {rows['bare WebSocket page', 'no kernel'].p95:.0f} ms.",
        missing=missing,
        versions=versions,
    )


def _guarded(run: partial[list[float]], key: tuple[str, str], broken: dict[tuple[str, str], str]) -> Sequence[float]:
    """Run a peer; one that breaks is named and not waited for. Ours must not break."""
    if key[0].startswith("rt_magic"):
        return run()
    try:
        return run()
    except Exception as error:
        broken[key] = str(error).splitlines()[0]
        return []


def _row(who: str, condition: str, values: list[float]) -> Row:
    return Row(who, tuple(values), "ms", condition, floor=condition == "no kernel")
