"""The cell in a real browser: speak into it, read the words, find them in the kernel and in the saved file."""

from __future__ import annotations

import json
import re
import time

import jiwer
import pytest
from playwright.sync_api import expect

from tests.browser.cell import click, expect_state, finals, value
from tests.browser.conftest import Lab
from tests.browser.microphone import WavMicrophone
from tests.browser.notebook import NotebookPage
from tests.speech import PHRASES_FLAC, phrases

SPOKEN = 18.0
"""Seconds after Start by which the fixture has been said."""

WATCH = """
window.rtSeen = [];
new MutationObserver(() => {
  for (const line of document.querySelectorAll('.rt-segment')) {
    const seen = {sid: line.dataset.sid, final: line.dataset.final, text: line.querySelector('.rt-text').textContent};
    const last = window.rtSeen.findLast((other) => other.sid === seen.sid);
    if (seen.text && (!last || last.text !== seen.text || last.final !== seen.final)) {
      window.rtSeen.push({...seen, at: performance.now()});
    }
  }
}).observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true});
"""

CHECKSUMS = """
window.rtChecksums = [];
const table = Uint32Array.from({length: 256}, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});
const crc = (bytes) => {
  let value = ~0;
  for (const byte of bytes) value = table[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
};
const Node = window.AudioWorkletNode;
window.AudioWorkletNode = class extends Node {
  constructor(...given) {
    super(...given);
    this.port.addEventListener('message', ({data}) => {
      if (data.buffer) window.rtChecksums.push([crc(new Uint8Array(data.buffer)), data.buffer.byteLength / 2]);
    });
  }
};
null;
"""

LATENCIES = """
import time, zlib
from rt_magic.widgets.microphone import Microphone
chunks, latencies, receive = [], [], Microphone._receive
def noted(self, content, buffers):
    if content.get("type") == "audio":
        latencies.append(time.time() - content["captured_at"])
    receive(self, content, buffers)
Microphone._receive = noted
"""


def say_all(notebook: NotebookPage) -> None:
    """Let the fixture be said to its end, then stop and wait for the last words."""
    expect(notebook.page.locator(".rt-segment[data-final=true]")).to_have_count(5, timeout=(SPOKEN + 12) * 1000)
    click(notebook, "Stop")
    expect_state(notebook, "stopped", 30)


def check_words(notebook: NotebookPage) -> None:
    """Exactly one final segment per phrase, in order, few words wrong, times right; the kernel has the same."""
    said = phrases()
    shown = finals(notebook)
    assert len(shown) == len(said)
    assert jiwer.wer([p.text for p in said], shown) <= 0.15
    segments = value(notebook, "[(s.start, s.end, s.text) for s in transcript.segments]")
    assert [text for _, _, text in segments] == shown
    for phrase, (start, end, _) in zip(said, segments, strict=True):
        assert start == pytest.approx(phrase.start, abs=0.5)
        assert end == pytest.approx(phrase.end, abs=0.5)


def test_first_words(lab: Lab, microphone: WavMicrophone) -> None:
    """Two cells and a click: each phrase is read while it is said, is in the kernel, and stays in the saved file."""
    microphone.play(PHRASES_FLAC)
    notebook = lab.notebook(["%load_ext rt_magic", "%%transcribe"])
    notebook.run_cells()
    expect_state(notebook, "ready")
    expect(notebook.page.locator(".rt-destination")).to_contain_text("Stays on this machine")
    notebook.page.evaluate(WATCH)
    click(notebook, "Start")
    say_all(notebook)
    check_words(notebook)
    seen = notebook.page.evaluate("window.rtSeen")
    for sid in value(notebook, "[s.id for s in transcript.segments]"):
        kinds = [entry["final"] for entry in seen if entry["sid"] == sid]
        assert kinds[0] == "false", f"{sid} was final at once"
        assert kinds[-1] == "true"
    expect(notebook.page.locator(".rt-static")).to_be_hidden()
    shown = finals(notebook)
    time.sleep(1.5)
    notebook.save()
    reader = lab.open(notebook.file, kernel=False)
    for text in shown:
        expect(reader.output(1)).to_contain_text(text)
    assert reader.cell_output(1).count(shown[0]) == 1


@pytest.mark.parametrize(
    "busy", ["time.sleep(20)", "deadline = time.monotonic() + 20\nwhile time.monotonic() < deadline: pass"]
)
def test_words_keep_coming_while_a_cell_runs(
    lab: Lab, microphone: WavMicrophone, busy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Start, sound and words pass while a cell sleeps or computes for 20 seconds; the delays are printed."""
    microphone.play(PHRASES_FLAC)
    notebook = lab.notebook(["%load_ext rt_magic", LATENCIES, "%%transcribe", busy])
    notebook.run_cells(0, 1, 2)
    expect_state(notebook, "ready")
    notebook.run_cell(3)
    time.sleep(0.5)
    click(notebook, "Start")
    notebook.page.wait_for_function(
        "document.querySelectorAll('.rt-segment[data-final=true]').length >= 3", timeout=18_000
    )
    assert notebook.page.evaluate("window.rtRuns[3]") == 1, "the busy cell ended before the words came"
    notebook.wait_for_cell(3)
    say_all(notebook)
    check_words(notebook)
    latencies = sorted(value(notebook, "latencies"))
    p50, p95 = (1000 * latencies[int(len(latencies) * share)] for share in (0.5, 0.95))
    with capsys.disabled():
        print(f"\n  page → kernel, {busy.split('(')[0]}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, {len(latencies)} chunks")


def test_every_sample_is_counted(lab: Lab, microphone: WavMicrophone) -> None:
    """Through start, pause, resume, stop and a blocked kernel each chunk arrives once, in order and unchanged."""
    microphone.play(PHRASES_FLAC)
    count = "transcriber.microphone.on_audio(lambda pcm, position: chunks.append((zlib.crc32(pcm), len(pcm) // 2)))"
    notebook = lab.notebook(["%load_ext rt_magic", LATENCIES, f"transcriber = %transcribe\n{count}", "time.sleep(4)"])
    notebook.run_cells(0, 1, 2)
    notebook.page.evaluate(CHECKSUMS)
    click(notebook, "Start")
    expect_state(notebook, "listening")
    notebook.run_cell(3)
    time.sleep(2)
    click(notebook, "Pause")
    expect_state(notebook, "paused")
    click(notebook, "Resume")
    expect_state(notebook, "listening")
    time.sleep(2)
    click(notebook, "Stop")
    expect_state(notebook, "stopped", 30)
    notebook.wait_for_cell(3)
    sent = [tuple(chunk) for chunk in notebook.page.evaluate("window.rtChecksums")]
    assert len(sent) > 30
    assert value(notebook, "chunks") == sent
    counted = json.loads(notebook.execute_in_kernel("import json; print(json.dumps(transcript.events[-1]))"))
    samples = sum(samples for _, samples in sent)
    assert counted["type"] == "stopped"
    assert counted["captured"] == counted["received"] == counted["sent"] - counted["padding"] == samples
    assert value(notebook, "round(transcript.duration * 24000)") == samples


def test_a_denied_microphone_says_what_to_do(lab: Lab) -> None:
    """Where the browser refuses, the cell says so, names the way out, and can be started again."""
    notebook = lab.notebook(["%load_ext rt_magic", "%%transcribe"], microphone=False)
    notebook.run_cells()
    click(notebook, "Start")
    expect_state(notebook, "error")
    expect(notebook.page.get_by_role("alert")).to_contain_text(re.compile("not allowed to use the microphone"))
    assert value(notebook, "len(transcript.segments)") == 0
    notebook.page.context.grant_permissions(["microphone"])
    click(notebook, "Start")
    expect_state(notebook, "listening")
    click(notebook, "Stop")
    expect_state(notebook, "stopped", 30)
