"""The sound in a file of the user's own: whole at any moment, also after a crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import rt_magic as rt
from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.audio.recording import Recording
from rt_magic.audio.saving import open_saver, wav_header

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


def test_more_than_the_format_can_tell_does_not_overflow() -> None:
    """Beyond 4 GiB the header tells the greatest length there is."""
    assert wav_header(2**33)[40:44] == (0xFFFFFFFF - 36).to_bytes(4, "little")


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
