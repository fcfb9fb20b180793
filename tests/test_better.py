"""Fetching a better model from the cell. No model and no hub is here: a loopback server plays the hub, and two packages
of a few lines have the shape of the libraries that would talk to it; all between, processes too, is the real thing."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from rt_magic.cell.better import MODEL, BetterWords
from rt_magic.optional import extra
from rt_magic.portal import portal
from rt_magic.widgets.microphone import Microphone

HUB = """
import os, urllib.request
class constants:
    HF_HUB_CACHE = os.environ["PLAYED_CACHE"]
def snapshot_download(repository, *, allow_patterns, tqdm_class):
    print("a library says something of its own")
    assert "model.bin" in allow_patterns
    blobs = os.path.join(constants.HF_HUB_CACHE, "models--" + repository.replace("/", "--"), "blobs")
    os.makedirs(blobs, exist_ok=True)
    part = os.path.join(blobs, "x.incomplete")
    with urllib.request.urlopen(os.environ["PLAYED_HUB"]) as answer, open(part, "wb") as file:
        while part := answer.read1(1 << 20):
            file.write(part)
            file.flush()
    return blobs
"""
WHISPER = '_MODELS = {"small": "Systran/faster-whisper-small"}\ndef available_models(): return list(_MODELS)\n'


class Hub(http.server.BaseHTTPRequestHandler):
    """Gives half of 20 MB, waits for leave, and gives the rest; "refuse" gives 503."""

    leave = threading.Event()
    refuse = False

    def do_GET(self) -> None:
        """Answer any address."""
        if self.refuse:
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(20_000_000))
        self.end_headers()
        try:
            self.wfile.write(bytes(10_000_000))
            self.leave.wait(30)
            self.wfile.write(bytes(10_000_000))
        except OSError:
            pass  # cancelled

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    """A hub for child processes."""
    (tmp_path / "huggingface_hub.py").write_text(HUB)
    (tmp_path / "faster_whisper").mkdir()
    (tmp_path / "faster_whisper" / "__init__.py").write_text("")
    (tmp_path / "faster_whisper" / "utils.py").write_text(WHISPER)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("PLAYED_HUB", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("PLAYED_CACHE", str(tmp_path / "cache"))
    Hub.leave.clear()
    Hub.refuse = False
    yield Hub
    Hub.leave.set()
    server.shutdown()
    server.server_close()


def wait(condition: Callable[[], object]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ask(microphone: Microphone, *, cancel: bool = False) -> None:
    """Click the button."""
    microphone._on_message(microphone, {"type": "fetch", "page": "p", "cancel": cancel}, [])


def test_a_model_is_fetched_with_progress_and_put_to_use(hub: type[Hub]) -> None:
    """A click starts it, the trait says how far it is, and what came is used."""
    microphone, used = Microphone(), []

    def use(model: str) -> str:
        used.append(model)
        return f"{model} is here"

    BetterWords(microphone, use)
    assert (microphone.better["state"], microphone.better["model"]) == ("offered", MODEL)
    ask(microphone)
    wait(lambda: microphone.better["done"] >= 10)
    assert microphone.better["state"] == "fetching"
    hub.leave.set()
    wait(lambda: microphone.better["state"] == "fetched")
    assert used == [MODEL]
    assert microphone.better["sentence"] == f"{MODEL} is here"


def test_it_can_be_cancelled_and_asked_for_again(hub: type[Hub]) -> None:
    """Cancel ends the process; the button is there again and works."""
    microphone = Microphone()
    BetterWords(microphone, lambda model: "here")
    ask(microphone)
    wait(lambda: microphone.better["done"] >= 10)
    ask(microphone, cancel=True)
    wait(lambda: microphone.better["state"] == "offered")
    assert microphone.better["sentence"] == "cancelled; what has come is kept"
    hub.leave.set()
    ask(microphone)
    wait(lambda: microphone.better["state"] == "fetched")


def test_a_hub_that_refuses_is_one_sentence(hub: type[Hub]) -> None:
    """What went wrong is said with the way out, and the button is there again."""
    hub.refuse = True
    microphone = Microphone()
    BetterWords(microphone, lambda model: "here")
    ask(microphone)
    wait(lambda: microphone.better["state"] == "failed")
    sentence = microphone.better["sentence"]
    assert "could not be fetched" in sentence and "503" in sentence
    assert "\n" not in sentence


@pytest.mark.skipif(find_spec("faster_whisper") is not None, reason="it is not missing here")
def test_a_missing_engine_is_named_with_the_line_that_installs_it() -> None:
    """Without faster-whisper the sentence says what to install."""
    microphone = Microphone()
    BetterWords(microphone, lambda model: "here")
    ask(microphone)
    wait(lambda: microphone.better["state"] == "failed")
    assert microphone.better["sentence"] == f"faster-whisper is not installed; to install it: {extra('whisper')}"


def test_the_process_ends_with_the_cell(hub: type[Hub]) -> None:
    """Closing ends what is under way."""
    microphone = Microphone()
    better = BetterWords(microphone, lambda model: "here")
    ask(microphone)
    wait(lambda: better._process is not None)
    process = better._process
    assert process is not None
    portal().call_soon(better.close)
    wait(lambda: process.poll() is not None)
