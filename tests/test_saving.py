"""The sound in a file of the user's own: whole at any moment, also after a crash."""

from __future__ import annotations

import io
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

import rt_magic as rt
from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.audio.recording import Recording, recordings_folder
from rt_magic.audio.saving import WavFile, open_saver, wav_header

CRASHES = """
import os, signal, sys
from rt_magic.audio.saving import open_saver
saver = open_saver(sys.argv[1])
for value in range(10):
    saver.write(bytes([value, 0]) * 2400)
os.kill(os.getpid(), signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
"""


def ramp(samples: int) -> np.ndarray:
    """Make samples that tell their place."""
    return (np.arange(samples) % 30_000).astype("<i2")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_a_recording_is_saved_sample_by_sample(tmp_path: Path, suffix: str) -> None:
    """What is appended to a recording stands in the saved file, and stays when the recording is deleted."""
    path = tmp_path / f"talk{suffix}"
    recording = Recording.create(save=path)
    samples = ramp(60_000)
    for start in range(0, 60_000, 2400):
        recording.append(samples[start : start + 2400].tobytes())
    recording.delete()
    read, rate = soundfile.read(path, dtype="int16")
    assert rate == SAMPLE_RATE
    np.testing.assert_array_equal(read, samples)


def test_a_wav_file_is_whole_after_a_crash(tmp_path: Path) -> None:
    """A process that is killed while it writes leaves a WAV file with all it had written."""
    path = tmp_path / "crash.wav"
    assert subprocess.run([sys.executable, "-c", CRASHES, str(path)], check=False).returncode != 0
    read, rate = soundfile.read(path, dtype="int16")
    assert (rate, len(read)) == (SAMPLE_RATE, 24_000)
    np.testing.assert_array_equal(read, np.repeat(np.arange(10), 2400))


def test_the_header_is_right_while_it_is_written(tmp_path: Path) -> None:
    """A player that opens the file during the recording sees what is there."""
    saver = open_saver(tmp_path / "now.wav")
    saver.write(bytes(4800))
    assert soundfile.info(tmp_path / "now.wav").frames == 2400
    saver.write(bytes(4800))
    assert soundfile.info(tmp_path / "now.wav").frames == 4800
    saver.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system that stores no zeros")
def test_a_wav_file_may_grow_beyond_4_gib(tmp_path: Path) -> None:
    """More than a day of sound stays one file of which every sample can be read."""
    path = tmp_path / "day.wav"
    saver = WavFile(path)
    frames = (2**32 - 80) // 2 // 2400 * 2400  # as many chunks as a RIFF file can hold; a hole stands for most of them
    saver._samples = frames - 2400
    saver.write(bytes(4800))
    assert soundfile.info(path).frames == frames
    saver.write(ramp(2400).tobytes())
    saver.close()
    assert soundfile.info(path).frames == frames + 2400
    read, rate = soundfile.read(path, start=frames, dtype="int16")
    assert rate == SAMPLE_RATE
    np.testing.assert_array_equal(read, ramp(2400))


def test_a_clip_has_the_shortest_header() -> None:
    """Sound of known length is a plain WAV file with 44 bytes before it, which everything reads."""
    with wave.open(io.BytesIO(wav_header(3) + bytes(6))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth(), file.getnframes()) == (
            SAMPLE_RATE,
            1,
            2,
            3,
        )
    assert len(wav_header(3)) == 44


FILLS_UP = """
import resource, signal, sys
from rt_magic.audio.saving import open_saver
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, resource.RLIM_INFINITY))
saver, written = open_saver(sys.argv[1]), 0
try:
    while True:
        saver.write(bytes([1 + written, 0]) * 1200)
        written += 1
except (OSError, RuntimeError):
    print(written)
saver.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as POSIX does")
def test_a_disk_that_fills_up_is_an_error_at_once(tmp_path: Path) -> None:
    """A chunk of which only a part could be written is not taken for written, and all before it can be read."""
    path = tmp_path / "full.wav"
    done = subprocess.run([sys.executable, "-c", FILLS_UP, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"
    read, _ = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(read, np.repeat([1, 2, 3], 1200))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_an_empty_file_is_not_left(tmp_path: Path, suffix: str) -> None:
    """A recording that ends before any sound leaves no file that would be in the way of the next one."""
    path = tmp_path / f"talk{suffix}"
    for _ in range(2):
        Recording.create(save=path).delete()
        assert not path.exists()


def test_a_save_that_is_refused_leaves_no_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the user's file cannot be, nothing is kept on disk; where no recording can be, no file is begun."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with pytest.raises(rt.ConfigurationError):
        Recording.create(save=tmp_path / "talk.mp3")
    assert list(recordings_folder().iterdir()) == []
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state" / "file"))
    (tmp_path / "state" / "file").touch()
    with pytest.raises(rt.AudioError):
        Recording.create(save=tmp_path / "talk.wav")
    assert not (tmp_path / "talk.wav").exists()


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    """Only WAV and FLAC are written; the message names the file."""
    with pytest.raises(rt.ConfigurationError, match=r"talk\.mp3"):
        open_saver(tmp_path / "talk.mp3")


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, suffix: str) -> None:
    """A folder that is not there is an AudioError with the path."""
    with pytest.raises(rt.AudioError, match="missing"):
        open_saver(tmp_path / "missing" / f"talk{suffix}")


def test_the_home_of_nobody_is_a_place_that_cannot_be_written() -> None:
    """A user whom the system does not know is an error like any other wrong folder."""
    with pytest.raises(rt.AudioError, match="cannot be written"):
        open_saver("~nobody-of-this-name/talk.wav")


def test_a_saved_file_that_fails_does_not_end_the_recording(tmp_path: Path) -> None:
    """When the user's file cannot be written any more, everything is still recorded, and the reason is kept."""

    class FullDisk:
        """A file on a disk without room."""

        def write(self, pcm: bytes) -> None:
            """Refuse."""
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            """Do nothing."""

    whole = Recording.create()
    recording = Recording(whole.folder, saver=FullDisk())
    assert [recording.append(bytes(4800)), recording.append(bytes(4800))] == [0, 2400]
    assert recording.samples == 4800
    assert "No space left" in str(recording.save_error)
    recording.close()
    whole.delete()


def test_a_file_that_cannot_be_completed_is_told() -> None:
    """Where the last of the sound finds no room, the recording closes all the same, and the reason is kept."""

    class FullAtTheEnd:
        """A file that keeps back what it writes."""

        def write(self, pcm: bytes) -> None:
            """Keep."""

        def close(self) -> None:
            """Refuse."""
            raise OSError(28, "No space left on device")

    made = Recording.create()  # whose folder stays for as long as it does
    recording = Recording(made.folder, saver=FullAtTheEnd())
    recording.append(bytes(4800))
    recording.delete()
    assert "end of the sound" in str(recording.save_error) and "No space left" in str(recording.save_error)
    assert not recording.folder.exists()
