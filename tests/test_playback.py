"""A file in a cell: it ends in words or in a sentence, whatever goes wrong."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import rt_magic as rt
from rt_magic.cell.playback import FileTranscriber


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second of sound in which nothing is said."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "talk.wav"
    soundfile.write(path, np.zeros(24_000), 24_000, "PCM_16")
    return path


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), ZeroDivisionError("a bug")])
@pytest.mark.parametrize("where", ["session.session.Recording.create", "cell.playback.transcribe_source"])
def test_nobody_waits_for_ever_for_what_broke(
    talk: Path, monkeypatch: pytest.MonkeyPatch, where: str, fault: Exception
) -> None:
    """An error of any kind, before the session stands or after, ends the cell and is raised by `wait`."""

    def broken(*arguments: object, **options: Any) -> None:
        raise fault

    monkeypatch.setattr(f"rt_magic.{where}", broken)
    cell = FileTranscriber(talk, service=rt.Compatible("ws://127.0.0.1:9"))
    cell.start()
    with pytest.raises(rt.RtMagicError, match="unexpected error"):
        cell.wait(timeout=10)
    assert cell.state == "error" and "unexpected error" in cell.microphone.error


def test_a_disk_that_is_full_at_the_beginning_keeps_no_file_from_its_words(
    talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written beside the sound is no reason to hang, or to break off."""
    import os

    opened = os.open

    def full(path: Any, *arguments: Any) -> int:
        if str(path).endswith(".part"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, *arguments)

    monkeypatch.setattr("rt_magic.audio.recording.os.open", full)
    cell = FileTranscriber(talk, service=rt.Compatible("ws://127.0.0.1:9"))
    cell.start()
    with pytest.raises(rt.ServiceConnectionError):  # as far as the network
        cell.wait(timeout=10)
