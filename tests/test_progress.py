"""Where a bar is drawn: where somebody sees it move."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import IPython
import numpy as np
import pytest

import rt_magic as rt
from rt_magic.progress import IN_A_LOG, files_bar, is_seen
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from tests.corpus import recordings
from tests.kernels import kernel


class Terminal(io.StringIO):
    """A stream that says of itself that somebody sees it."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("stderr", "shell", "seen"),
    [
        (Terminal(), None, True),
        (io.StringIO(), None, False),
        (io.StringIO(), SimpleNamespace(), False),
        (io.StringIO(), SimpleNamespace(kernel=object()), True),
        (None, None, False),
    ],
)
def test_a_bar_is_seen_in_a_terminal_and_a_notebook(
    monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO | None, shell: object, seen: bool
) -> None:
    """A notebook shows it whatever its streams are; a log, a pipe and a program without streams do not."""
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    assert is_seen() is seen


def test_a_log_gets_a_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar's own watchman does not draw in between."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with files_bar(3, show=True) as bar:
        assert bar.mininterval == bar.maxinterval == IN_A_LOG


async def test_what_is_waited_for_is_said_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    """A service that asks to wait is no silence: the sentence comes once, with the seconds."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    sound = np.random.default_rng(0).uniform(-0.1, 0.1, 24_000)
    async with ScriptedPeer(Refusal(503, headers={"Retry-After": "1"}), script) as peer:
        await asyncio.to_thread(rt.transcribe, sound, sample_rate=24_000, service=peer.url)
    said = capsys.readouterr().err
    assert said.count("trying again in 1 s") == 1 and "no words were found in it" in said


def test_a_key_without_its_endpoint_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script whose endpoint is misspelt does not get rough words without a word about it."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "of no use")
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
    rt.transcribe(np.zeros(4_800), sample_rate=24_000)
    assert "AZURE_OPENAI_API_KEY is set and AZURE_OPENAI_ENDPOINT is not" in capsys.readouterr().err


def test_a_saved_notebook_keeps_how_a_bar_ended(tmp_path: Path) -> None:
    """Of one file nothing stays, of many the count; not the 0 % that it began with."""
    paths = [str(path) for path in sorted(recordings(tmp_path, 2))]
    with kernel() as page:
        page.run(f"import rt_magic as rt; paths = {paths!r}")
        page.run("rt.transcribe(paths[0], service='local');", timeout=60)
        (one,) = page.displays.values()
        page.displays.clear()
        page.run("rt.transcribe_files(paths, service='local').to_pandas();", timeout=60)
        (many,) = page.displays.values()
    assert one["text/plain"] == ""
    assert "2/2" in many["text/plain"] and "application/vnd.jupyter.widget-view+json" in many
