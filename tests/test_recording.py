"""The recording on disk: private, whole after a crash, the same from every thread."""

from __future__ import annotations

import errno
import gc
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_magic.audio.recording import Recording, recordings_folder
from rt_magic.exceptions import AudioError


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Recordings of these tests go to a folder of their own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    return tmp_path


def mode(path: Path) -> int:
    """Return the permission bits of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


@given(st.lists(st.binary(max_size=20).map(lambda pcm: pcm[: len(pcm) // 2 * 2]), max_size=8), st.data())
def test_what_is_appended_can_be_read_anywhere(chunks: list[bytes], data: st.DataObject) -> None:
    """Positions count samples from the beginning; any span reads what was appended there, as far as there is any."""
    recording = Recording.create()
    whole = b"".join(chunks)
    try:
        position = 0
        for chunk in chunks:
            assert recording.append(chunk) == position
            position += len(chunk) // 2
        assert recording.samples == position and recording.duration == position / 24_000
        start, stop = (data.draw(st.integers(-3, position + 3)) for _ in range(2))
        assert recording.read(start, stop) == whole[2 * max(0, start) : 2 * max(0, stop)]
    finally:
        recording.delete()


@pytest.mark.parametrize(
    "shape", [np.asarray, lambda a: memoryview(a), lambda a: bytearray(a.tobytes()), lambda a: a.reshape(-1, 1)]
)
def test_sound_is_taken_whole_whatever_carries_it(shape: Callable[[np.ndarray], Any]) -> None:
    """An array of int16 and views of it are as long as their samples, not as their elements taken for bytes."""
    samples = np.arange(-300, 300, dtype="<i2")
    recording = Recording.create()
    assert recording.append(shape(samples)) == 0 and recording.append(shape(samples[:0])) == 600
    assert recording.append(shape(samples)) == 600
    assert recording.samples == 1200
    assert recording.read(0, 1200) == 2 * samples.tobytes()
    assert (recording.folder / "audio.pcm").read_bytes() == 2 * samples.tobytes()
    recording.delete()


@pytest.mark.parametrize(
    "wrong", [np.zeros(10, np.float32), np.zeros(20, "<i2")[::2], np.zeros(4, ">i2"), [1, 2], "words", None]
)
def test_what_is_no_sound_is_refused(wrong: Any) -> None:
    """Other samples, samples with gaps and what is none at all are a sentence, and leave the recording as it was."""
    recording = Recording.create()
    with pytest.raises(AudioError, match="PCM16 as bytes or an array of int16"):
        recording.append(wrong)
    assert recording.samples == 0
    recording.delete()


def test_a_recording_goes_on_where_its_description_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is just full costs no more than the description."""
    recording = Recording.create()

    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("rt_magic.audio.recording.os.open", full)
        recording.describe({"service": "azure"})
    assert recording.append(bytes(4)) == 0
    recording.delete()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_nobody_else_can_read_it() -> None:
    """Folders are for their owner only and so are the files, whatever the process would give away by itself."""
    before = os.umask(0)
    try:
        recording = Recording.create()
        recording.append(bytes(100))
        recording.describe({"service": "azure"})
    finally:
        os.umask(before)
    assert mode(recordings_folder()) == mode(recording.folder) == 0o700
    files = list(recording.folder.iterdir())
    assert sorted(file.name for file in files) == ["audio.pcm", "session.json"]
    assert all(mode(file) == 0o600 for file in files)


def test_two_recordings_have_two_folders() -> None:
    """Recordings begun in the same second do not meet, and their names sort by time."""
    folders = {Recording.create().folder for _ in range(20)}
    assert len(folders) == 20 and all(folder.parent == recordings_folder() for folder in folders)
    assert all(str(os.getpid()) in folder.name for folder in folders)


def test_many_threads_append_and_read() -> None:
    """Each chunk stands whole at the position that its writer was told, while others read."""
    recording = Recording.create()

    def write(number: int) -> list[tuple[int, bytes]]:
        chunks = [np.full(50 + n, 100 * number + n, "<i2").tobytes() for n in range(50)]
        return [(recording.append(chunk), chunk) for chunk in chunks]

    def read() -> bool:
        return all(len(recording.read(0, recording.samples)) % 2 == 0 for _ in range(50))

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        written = [entry for future in [pool.submit(write, n) for n in range(4)] for entry in future.result()]
        assert all(reader.result() for reader in readers)
    assert all(recording.read(position, position + len(chunk) // 2) == chunk for position, chunk in written)
    assert sum(len(chunk) for _, chunk in written) == 2 * recording.samples


WRITER = """
import sys, time
from rt_magic.audio.recording import Recording, recordings_folder
recording = Recording.create()
recording.append(bytes(range(256)) * 10)
recording.describe({"language": "fr"})
recording.append(b"\\1\\2" * 5)
print(recording.folder, flush=True)
sys.stdin.read()
"""


def test_a_killed_writer_leaves_everything() -> None:
    """What was appended, and what was said about it, can be read after the process is killed without warning."""
    with subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        folder = Path(writer.stdout.readline().decode().strip())
        writer.kill()
    assert writer.returncode != 0
    recording = Recording(folder)
    assert recording.read(0, 10_000) == bytes(range(256)) * 10 + b"\1\2" * 5
    assert json.loads((folder / "session.json").read_text("utf-8")) == {"language": "fr"}
    recording.delete()


def test_a_writer_that_ends_leaves_nothing() -> None:
    """At the normal end of the process its recordings are removed."""
    done = subprocess.run([sys.executable, "-c", WRITER], input=b"", capture_output=True, check=True)
    assert not Path(done.stdout.decode().strip()).exists()


def test_half_a_sample_is_refused() -> None:
    """A chunk that ends inside a sample is an error with its size, and nothing of it is taken."""
    recording = Recording.create()
    recording.append(b"\1\1")
    with pytest.raises(AudioError, match="chunk of 3 bytes"):
        recording.append(b"abc")
    assert recording.samples == 1 and recording.append(b"\2\2") == 1


def test_half_a_sample_left_by_a_crash_is_overwritten() -> None:
    """A recording whose last write broke off goes on at the last whole sample."""
    recording = Recording.create()
    recording.append(b"\1\1")
    recording.close()
    with (recording.folder / "audio.pcm").open("ab") as file:
        file.write(b"\7")
    again = Recording(recording.folder)
    assert again.samples == 1 and again.append(b"\2\2") == 1
    assert again.read(0, 9) == b"\1\1\2\2"


def test_a_closed_recording_is_read_only() -> None:
    """Closing ends the writing, twice does no harm, and reading goes on."""
    recording = Recording.create()
    recording.append(b"\1\2")
    recording.close()
    recording.close()
    assert recording.read(0, 1) == b"\1\2"
    with pytest.raises(AudioError, match="closed"):
        recording.append(b"\1\2")
    assert recording.samples == 1


def test_a_deleted_recording_is_gone() -> None:
    """Deleting removes the folder; reading then says so, and the length is still known."""
    recording = Recording.create()
    recording.append(b"\1\2")
    recording.delete()
    recording.delete()
    assert not recording.folder.exists() and recording.samples == 1
    with pytest.raises(AudioError, match="was deleted"):
        recording.read(0, 1)
    assert recording.read(1, 2) == b""


def test_a_description_is_replaced_as_a_whole() -> None:
    """Facts may be written again and again, from several threads: there is always one whole version."""
    recording = Recording.create()

    def describe(number: int) -> None:
        recording.describe({"number": number, "padding": "é" * (10 * number)})
        json.loads((recording.folder / "session.json").read_text("utf-8"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(describe, range(100)))
    assert sorted(file.name for file in recording.folder.iterdir()) == ["audio.pcm", "session.json"]
    with pytest.raises(TypeError):
        recording.describe({"key": object()})
    assert json.loads((recording.folder / "session.json").read_text("utf-8"))["padding"] is not None


def test_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state folder that cannot be made is an error that names it and the way out."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "file"))
    with pytest.raises(AudioError, match=r"no recording can be kept in .*file.*XDG_STATE_HOME"):
        Recording.create()


def test_a_recording_that_nobody_can_reach_any_more_is_gone() -> None:
    """A session of one's own keeps its sound on the disk, and a lock, only as long as something leads to them."""

    def descriptors() -> int:
        gc.collect()
        process = psutil.Process()
        return int(process.num_fds() if os.name == "posix" else process.num_handles())

    Recording.create().close()
    before, folders = descriptors(), set(recordings_folder().iterdir())
    for closed in (True, False) * 10:
        recording = Recording.create()
        recording.append(bytes(4800))
        if closed:
            recording.close()
        assert recording.folder.exists()
    del recording
    assert descriptors() <= before
    assert set(recordings_folder().iterdir()) <= folders


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked there")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_that_reads_moves_nothing() -> None:
    """Both have the same open file; the parent goes on writing where its own sound ends."""
    recording = Recording.create()
    first, second = b"\1\1" * 2400, b"\2\2" * 2400
    recording.append(first)
    child = os.fork()
    if child == 0:
        recording.read(0, 100)
        recording._read(0, 200)  # past what is kept in memory
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    recording.append(second)
    recording.close()
    assert (recording.folder / "audio.pcm").read_bytes() == first + second
