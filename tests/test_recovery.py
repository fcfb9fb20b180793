"""What a killed process leaves, and what becomes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import soxr

from rt_magic.audio.guard import Guard, is_guarded
from rt_magic.audio.recording import Recording, recordings_folder
from rt_magic.recovery import announcement, recover
from rt_magic.session import embedded
from tests.speech import PHRASES_FLAC, phrases

RECORDS_AND_DIES = """
import os, signal, sys, time
from pathlib import Path
import rt_magic as rt
from rt_magic.session.session import RealtimeSession

pcm = Path(sys.argv[1]).read_bytes()
session = RealtimeSession(rt.Local(), language="en")
for start in range(0, len(pcm), 4800):
    session.append(pcm[start : start + 4800])
os.kill(os.getpid(), signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test recordings of its own, and end what it started."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    embedded.close()


def killed_while_recording(tmp_path: Path) -> bytes:
    """Record the second phrase in a process that is killed; return what it had recorded."""
    samples, rate = soundfile.read(PHRASES_FLAC)
    phrase = phrases()[1]
    piece = samples[round((phrase.start - 0.8) * rate) : round((phrase.end + 0.6) * rate)]
    pcm = bytes((soxr.resample(piece, rate, 24_000) * 32767).astype("<i2").tobytes())
    (tmp_path / "speech.pcm").write_bytes(pcm)
    process = subprocess.run([sys.executable, "-c", RECORDS_AND_DIES, str(tmp_path / "speech.pcm")], check=False)
    assert process.returncode != 0
    return pcm


def test_a_killed_process_leaves_all_it_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every sample that was appended is recovered, transcribed, and gone after `delete`."""
    monkeypatch.setattr("rt_magic.progress.is_seen", lambda: True)
    pcm = killed_while_recording(tmp_path)
    (leftover,) = recover()
    assert leftover.duration == pytest.approx(len(pcm) / 48_000) and leftover.source is None
    assert (leftover.path / "audio.pcm").read_bytes() == pcm
    samples, rate = leftover.audio
    assert rate == 24_000 and (samples * 32768).astype("<i2").tobytes() == pcm
    transcript = leftover.transcribe()
    assert "transcribing the recording from 20" in capsys.readouterr().err
    assert transcript.text == phrases()[1].text
    assert transcript.started_at == leftover.started_at
    assert transcript.audio is not None and len(transcript.audio[0]) == pytest.approx(len(pcm) // 2, abs=1)
    assert "can be recovered" in announcement()
    leftover.delete()
    assert recover() == [] and announcement() == ""


READS_AND_DIES = """
import asyncio, os, signal, sys, threading, time
import numpy as np
import rt_magic as rt
from rt_magic.audio.recording import recordings_folder

def die():
    while not any(path.stat().st_size > 100_000 for path in recordings_folder().glob("*/audio.pcm")):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)

threading.Thread(target=die).start()
rt.transcribe(sys.argv[1], service="local", start=2.0, progress=False)
"""


def test_what_is_left_of_a_file_names_it() -> None:
    """The sound of a file whose process died says which file it was, and when it began on whose clock."""
    process = subprocess.run([sys.executable, "-c", READS_AND_DIES, str(PHRASES_FLAC)], check=False)
    assert process.returncode != 0
    (leftover,) = recover()
    assert (leftover.source, leftover.start) == (str(PHRASES_FLAC), 2.0)
    assert f"of {PHRASES_FLAC} from 2 s on, from " in repr(leftover)
    assert "can be recovered" not in announcement()  # the file is there
    assert leftover.started_at.astimezone().strftime("%H:%M %Z, in") in repr(leftover)


def test_recordings_of_the_living_are_left_alone() -> None:
    """What this process records now is not a leftover, and is not deleted."""
    recording = Recording.create()
    recording.append(bytes(48_000))
    assert recover() == []
    assert recording.read(0, 24_000) == bytes(48_000)
    recording.delete()


def test_a_recording_that_is_being_made_is_left_alone() -> None:
    """A folder without sound is deleted only when it cannot be one that another process has just made."""
    folder = recordings_folder() / "20261122T000000-1-abcd"
    folder.mkdir(parents=True)
    assert recover() == [] and folder.exists()
    os.utime(folder, (time.time() - 3600,) * 2)
    assert recover() == [] and not folder.exists()


def test_whoever_looks_does_not_take_the_lock_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard is taken although somebody else, who only looks, holds the lock at that moment."""
    path = tmp_path / "audio.pcm"
    looking = Guard(path)
    monkeypatch.setattr("rt_magic.audio.guard.time.sleep", lambda seconds: looking.release())
    guard = Guard(path)
    assert is_guarded(path)
    guard.release()
    assert not is_guarded(path)


def test_a_folder_that_cannot_be_read_is_not_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading the extension does not fail over recordings that cannot be listed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ("x" * 300)))  # longer than a name can be
    with pytest.raises(OSError):
        recover()
    assert announcement() == ""


def test_leftovers_expire_after_a_week(tmp_path: Path) -> None:
    """A leftover older than seven days is deleted when leftovers are listed."""
    killed_while_recording(tmp_path)
    (leftover,) = recover()
    facts = json.loads((leftover.path / "session.json").read_text())
    facts["started_at"] = "2020-01-01T00:00:00+00:00"
    (leftover.path / "session.json").write_text(json.dumps(facts))
    assert recover() == [] and not leftover.path.exists()


@pytest.mark.parametrize("description", [None, "", "{", "[]", '{"started_at": 5}', '{"started_at": "now"}'])
def test_a_leftover_without_a_whole_description_is_still_recovered(tmp_path: Path, description: str | None) -> None:
    """A description that is missing or damaged costs the options, not the sound."""
    folder = recordings_folder() / "20261122T000000-1-abcd"
    folder.mkdir(parents=True)
    (folder / "audio.pcm").write_bytes(bytes(4801))
    if description is not None:
        (folder / "session.json").write_text(description)
    (leftover,) = recover()
    assert leftover.duration == pytest.approx(0.1)
    assert abs(leftover.started_at.timestamp() - time.time()) < 60


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_only_this_user_can_read_a_recording() -> None:
    """The folder is 0700 and its files 0600, whatever the umask."""
    before = os.umask(0)
    try:
        recording = Recording.create()
        recording.describe({"language": "fr"})
    finally:
        os.umask(before)
    assert recording.folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in recording.folder.iterdir()} == {0o600}
    recording.delete()
