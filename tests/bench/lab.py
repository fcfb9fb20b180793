"""A JupyterLab and a Chromium with a WAV as microphone, outside of pytest, for benchmarks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Browser

from tests.browser import conftest
from tests.browser.conftest import Lab
from tests.browser.microphone import WavMicrophone
from tests.browser.notebook import NotebookPage
from tests.browser.server import JupyterServer

RATE = 48_000


@dataclass
class Bench:
    """What a benchmark drives."""

    lab: Lab
    browser: Browser
    microphone: WavMicrophone
    folder: Path

    def kernel(self, notebook: NotebookPage) -> psutil.Process:
        """Return the process of a notebook's kernel."""
        return psutil.Process(int(notebook.execute_in_kernel("import os; print(os.getpid())")))


@contextmanager
def bench() -> Iterator[Bench]:
    """Start server and browser."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        microphone = WavMicrophone(folder / "microphone.wav")
        make = conftest.chromium.__wrapped__  # type: ignore[attr-defined]  # the function below the fixture
        browser = stack.enter_context(contextmanager(make)(microphone))
        server = JupyterServer.start("lab", folder / "lab")
        stack.callback(server.stop)
        lab = Lab(server, browser, [])
        stack.callback(lab.close)
        yield Bench(lab, browser, microphone, folder)


@contextmanager
def beside(here: Bench, *options: str) -> Iterator[Bench]:
    """Start another server, with these options, for the same browser."""
    server = JupyterServer.start("lab", here.folder / "beside", *options)
    lab = Lab(server, here.browser, [])
    try:
        yield Bench(lab, here.browser, here.microphone, here.folder)
    finally:
        lab.close()
        server.stop()


def clicks(seconds: float) -> np.ndarray:
    """Return a quiet room with a short loud tone now and then, never twice at the same distance; int16 at 48 kHz."""
    chance = np.random.default_rng(0)
    samples = chance.normal(0, 20, round(seconds * RATE))
    tone = 20_000 * np.sin(2 * np.pi * 1000 * np.arange(RATE // 50) / RATE)
    first = 1.5
    while first + 0.1 < seconds:
        start = round(first * RATE)
        samples[start : start + len(tone)] += tone
        first += chance.uniform(0.4, 0.7)
    return samples.astype(np.int16)


TAP = """
(() => {
  // Notes when each tone of the microphone passes: in the page's own audio graph, so that both hear the same
  // moment, or, where the page has none, on a clone of the track.
  const code = `registerProcessor("bench-tap", class extends AudioWorkletProcessor {
    quiet = 0;
    process([input]) {
      const samples = input?.[0];
      if (samples) for (let i = 0; i < samples.length; i++) {
        if (Math.abs(samples[i]) > 0.12) {
          const at = Date.now() / 1000 - (samples.length - i) / sampleRate;
          if (this.quiet > sampleRate / 10) this.port.postMessage(at);
          this.quiet = 0;
        } else this.quiet++;
      }
      return true;
    }
  });`;
  window.benchTones = [];
  const devices = navigator.mediaDevices;
  if (!devices) return;
  const module = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const source = AudioContext.prototype.createMediaStreamSource;
  let tapped = false;
  const tap = async (context, node) => {
    if (tapped) return;
    tapped = true;
    await context.audioWorklet.addModule(module);
    const worklet = new AudioWorkletNode(context, "bench-tap");
    worklet.port.onmessage = ({ data }) => window.benchTones.push(data);
    node.connect(worklet).connect(context.destination);
  };
  AudioContext.prototype.createMediaStreamSource = function (stream) {
    const node = source.call(this, stream);
    if (this.sampleRate === 24000) void tap(this, node);
    return node;
  };
  const open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (constraints) => {
    const stream = await open(constraints);
    setTimeout(() => {
      const context = new AudioContext({ sampleRate: 24000 });
      const clone = new MediaStream(stream.getAudioTracks().map((track) => track.clone()));
      if (!tapped) void tap(context, source.call(context, clone));
    }, 700);
    return stream;
  };
})();
"""
"""Put into every page, before its own scripts: when a tone was captured, by the wall clock in seconds."""


def tones(pcm: bytes) -> list[int]:
    """Return the first samples of the tones in PCM16 at 24 kHz."""
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) > 0.12 * 32768)
    if not loud.size:
        return []
    return [int(loud[0]), *(int(after) for before, after in pairwise(loud) if after - before > 2400)]


def delays(captured: list[float], appends: list[tuple[float, int]], pcm: bytes) -> list[float]:
    """Return, for each tone, the seconds from the end of the piece it lies in to that piece's arrival.

    `captured` says when each tone passed the microphone; the time until its piece was full is taken off. Raises
    RuntimeError where tones of both sides cannot be told to be the same.
    """
    ends, total = [], 0
    for arrived, count in appends:
        total += count
        ends.append((total, arrived))
    places = tones(pcm)
    pairs = _matched(captured, places)
    found = []
    for at, place in pairs:
        end, arrived = next(pair for pair in ends if pair[0] > place)
        found.append(arrived - at - (end - place) / 24_000)
    if min(found, default=0.0) < -0.1:
        raise RuntimeError("tones arrive before they were heard: sound is lost, so that they cannot be matched")
    return found


def _matched(captured: list[float], places: list[int]) -> list[tuple[float, int]]:
    """Pair the tones of both sides, either of which may have missed some at its ends, by the distances between them."""
    best: tuple[float, list[tuple[float, int]]] = (float("inf"), [])
    for shift in range(-5, 6):
        pairs = list(zip(captured[max(0, shift) :], places[max(0, -shift) :], strict=False))
        if len(pairs) >= max(5, 0.7 * len(captured)):
            offsets = [at - place / 24_000 for at, place in pairs]
            best = min(best, (float(np.std(offsets)), pairs))
    spread, pairs = best
    if spread > 0.2:
        raise RuntimeError(f"its tones cannot be matched ({spread:.2f} s of spread): sound is lost or comes very late")
    return pairs
