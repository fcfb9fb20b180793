"""Kernels that hear no page while a cell runs: late, never lost, said plainly; and kernels between old and new."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.kernels import NOTEBOOK, FrontEnd, kernel
from tests.older_kernels import ipykernel
from tests.speakers import Peer, Speaker, drawn, words


@pytest.fixture(params=["6.31.0", "7.1.0"])
def page(request: pytest.FixtureRequest) -> Iterator[FrontEnd]:
    """An older kernel with the extension loaded."""
    with kernel({**NOTEBOOK, "PYTHONPATH": str(ipykernel(request.param))}) as front_end:
        cell = front_end.run("%load_ext rt_magic")
        assert cell.status == "ok", cell.text
        assert front_end.value("__import__('ipykernel').__version__") == request.param
        yield front_end


@pytest.mark.parametrize("line", ["--wait", "--wait --duration 5s"])
def test_waiting_is_refused_with_the_reason(page: FrontEnd, line: str) -> None:
    """`--wait`, with `--duration` too, says at once that neither click nor sound would arrive; so does `.wait()`."""
    cell = page.run(f"%%transcribe {line}")
    assert cell.status == "error"
    assert "receives nothing from the page while a cell runs" in cell.text
    assert "--duration does not help" in cell.text
    assert "Traceback" not in cell.text
    assert page.comms == {}
    page.run("t = %transcribe --service ws://127.0.0.1:9")
    said = page.run("try: t.wait(5)\nexcept Exception as e: print(repr([type(e).__name__, str(e)]))").text
    name, sentence = ast.literal_eval(said.strip().splitlines()[-1])
    assert name == "ConfigurationError"
    assert "receives nothing from the page while a cell runs" in sentence


def test_what_is_said_during_a_cell_arrives_after_it(page: FrontEnd) -> None:
    """Sound that comes while a cell sleeps is transcribed to the sample when it ends, and no page is blamed."""
    with Peer(words("one", "two")) as peer:
        cell = page.run(f"%%transcribe --service {peer.url}\nprint('heard', segment.text)")
        assert cell.status == "ok", cell.text
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: drawn(page) == ["one"])
        busy = page.start("import time; time.sleep(8)")
        page.pump(0.3)
        speaker.speak()
        page.until(lambda: busy.status != "running")
        assert page.comms[speaker.comm]["state"] == "listening"
        page.until(lambda: drawn(page) == ["one", "two"])
        speaker.end()
        page.until(lambda: speaker.state == "stopped")
        page.until(lambda: "heard two" in cell.text)
        (connection,) = peer.connections
        assert connection.seconds >= 2.0
    assert "heard" not in busy.text
    counted = page.value("[transcript.events[-1][name] for name in ('captured', 'received')]")
    assert counted == [48_000, 48_000]
    states = page.value("[event['state'] for event in transcript.events if event['type'] == 'state']")
    assert "paused" not in states
    assert "error" not in states


def test_a_page_that_is_gone_is_told_from_a_busy_kernel(page: FrontEnd) -> None:
    """When the kernel is free and the page says nothing for five seconds, it is the page that is gone."""
    with Peer(words("one")) as peer:
        page.run(f"%%transcribe --service {peer.url}")
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: drawn(page) == ["one"])
        page.until(lambda: speaker.state == "paused", 20)
        assert "the page is gone" in page.comms[speaker.comm]["status"]
        speaker.end()
        page.until(lambda: speaker.state == "stopped")
    assert page.value("transcript.text") == "one"


def test_files_and_the_end(page: FrontEnd) -> None:
    """A file blocks, is transcribed and shown; unloading leaves no thread of ours."""
    from pathlib import Path

    path = Path(__file__).parent / "data" / "phrases.flac"
    cell = page.run(f"%%transcribe {path}\nprint('heard', segment.text)")
    assert cell.status == "ok", cell.text
    assert cell.text.count("heard") == page.value("len(transcript)") >= 4
    assert page.run("%unload_ext rt_magic").status == "ok"
    assert page.value("[t.name for t in __import__('threading').enumerate() if 'rt_magic' in t.name]") == []
