"""From a service's event to the pixels of the page, and how far the text is behind the sound."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page

from tests.bench.bench_wire import page_at, site
from tests.bench.lab import TAP, Bench, bench, beside, clicks, tones
from tests.bench.report import Answer, Row, interleaved
from tests.bench.sink import Running, running
from tests.browser.cell import click, expect_state

SECONDS = 12.0
ROUNDS = 2
PROMPT = "--ServerApp.kernel_websocket_connection_class=rt_magic.jupyter.PromptConnection"

WATCH = """
(() => {
  // Notes when each word is about to be painted: in the frame after it stands in the page.
  window.benchWords = {};
  const look = () => {
    const now = Date.now() / 1000;
    for (const log of document.querySelectorAll("[role=log]"))
      for (const [word] of log.textContent.matchAll(/w\\d+(?=\\s|$)/g)) window.benchWords[word] ??= now;
  };
  new MutationObserver(() => requestAnimationFrame(look)).observe(document, {
    childList: true, characterData: true, subtree: true });
})();
"""


def shown(page: Page, sink: Running) -> tuple[list[float], list[float]]:
    """Return milliseconds from each event to its pixels, and from each piece's last sample to its word's pixels."""
    page.wait_for_timeout(1000 * SECONDS)
    words = page.evaluate("window.benchWords")
    captured = page.evaluate("window.benchTones")
    told = sink.take()
    pixels = [1000 * (words[word] - at) for at, word in told["sent"] if word in words]
    import base64

    pcm = b"".join(map(base64.b64decode, told["pcm"]))
    places = tones(pcm)
    # Where sample 0 lies on the wall clock: as the tones say, the middle of all.
    offsets = sorted(at - place / 24_000 for at, place in zip(captured[::-1], places[::-1], strict=False))
    zero = offsets[len(offsets) // 2]
    tail = [1000 * (words[word] - zero - int(word[1:]) / 24_000) for _, word in told["sent"] if word in words]
    if len(pixels) < 5 * SECONDS:
        raise RuntimeError(f"of {len(told['sent'])} words {len(pixels)} were seen")
    return pixels, tail


def floor(here: Bench, sink: Running, url: str) -> tuple[list[float], list[float]]:
    """Measure a page that hangs each delta behind a text."""
    with page_at(here, f"{url}?to={quote(sink.url)}") as page:
        page.evaluate(WATCH)
        page.wait_for_timeout(300)
        sink.take()
        page.locator("#start").click()
        return shown(page, sink)


def ours(here: Bench, sink: Running) -> tuple[list[float], list[float]]:
    """Measure a live cell."""
    notebook = here.lab.notebook(["%load_ext rt_magic", f"%%transcribe --service {sink.url}"])
    notebook.page.context.add_init_script(TAP)
    notebook.reload()
    notebook.page.evaluate(WATCH)
    notebook.run_cells()
    sink.take()
    click(notebook, "Start")
    expect_state(notebook, "listening")
    try:
        return shown(notebook.page, sink)
    finally:
        notebook.shutdown()


def measure() -> Answer:
    """Compare."""
    both: dict[str, tuple[list[float], list[float]]] = {}

    def collect(name: str, run: partial[tuple[list[float], list[float]]]) -> float:
        pixels, tail = run()
        known = both.setdefault(name, ([], []))
        known[0].extend(pixels)
        known[1].extend(tail)
        return 0.0

    with (
        bench() as here,
        beside(here, PROMPT) as there,
        running("--keep", "--echo") as sink,
        site(Path(here.folder)) as url,
    ):
        here.microphone.play_samples(clicks(SECONDS + 20), 48_000)
        interleaved(
            {
                "bare page": partial(collect, "bare page", partial(floor, here, sink, url)),
                "rt_magic cell": partial(collect, "rt_magic cell", partial(ours, here, sink)),
                "rt_magic cell, prompt server": partial(
                    collect, "rt_magic cell, prompt server", partial(ours, there, sink)
                ),
            },
            ROUNDS,
        )
    rows = [
        Row(name, tuple(values[index]), "ms", what, floor=name == "bare page")
        for index, what in enumerate(("event → pixels", "tail lag"))
        for name, values in both.items()
    ]
    by = {(row.contender, row.condition): row for row in rows}
    ours_row, bare = by["rt_magic cell", "event → pixels"], by["bare page", "event → pixels"]
    prompt = by["rt_magic cell, prompt server", "event → pixels"]
    lag, least = by["rt_magic cell", "tail lag"], by["bare page", "tail lag"]
    beyond, prompt_beyond = ours_row.p95 - bare.p95, prompt.p95 - bare.p95
    return Answer(
        question="Service event → pixels, and how far text is behind sound",
        goal="p95 of 50 ms, and 20 ms beyond a bare page",
        how="A service that answers each piece of 100 ms at once with a word that names its last sample. Event → "
        "pixels: from the word's leaving the service to the frame that paints it. Tail lag: from the capture of that "
        "sample to that frame, the wall clock of the sample known by tones in the sound. The prompt server is the "
        "same JupyterLab started with `rt_magic.jupyter.PromptConnection`, as `python3 do.py lab` starts it.",
        rows=tuple(rows),
        verdict=f"Event → pixels p95 {ours_row.p95:.0f} ms ({'reached' if ours_row.p95 <= 50 else 'missed'}), "
        f"{beyond:.0f} ms beyond the bare page ({'reached' if beyond <= 20 else 'missed'}); "
        f"with the prompt server {prompt.p95:.0f} ms ({'reached' if prompt.p95 <= 50 else 'missed'}), "
        f"{prompt_beyond:.0f} ms beyond ({'reached' if prompt_beyond <= 20 else 'missed'}); the text is "
        f"{lag.median:.0f} ms behind the sound (median), the bare page's {least.median:.0f} ms.",
        versions={name: version(name) for name in ("jupyterlab", "ipykernel")},
    )
