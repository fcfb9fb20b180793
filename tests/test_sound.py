"""The sound behind a transcript: whole or not at all, in parts of any length, at any rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from rt_magic.audio.files import open_audio
from rt_magic.audio.pcm import SAMPLE_RATE, to_pcm16
from rt_magic.audio.recording import Recording
from rt_magic.exceptions import AudioError, ConfigurationError
from rt_magic.transcript.segments import Changes
from rt_magic.transcript.transcript import Transcript
from tests.transcripts import said

SECONDS = 3.0
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE)


def recorded() -> Transcript:
    """Return a transcript of a recording."""
    recording = Recording.create()
    recording.append(to_pcm16(TONE))
    return Transcript(recording=recording)


def read_from(path: Path) -> Transcript:
    """Return a transcript whose sound is a file."""
    soundfile.write(path, TONE, SAMPLE_RATE)
    transcript = Transcript()
    transcript._release(open_audio(path))
    return transcript


def both(tmp_path: Path) -> list[Transcript]:
    """Return the same sound as a recording and as a file."""
    return [recorded(), read_from(tmp_path / "tone.wav")]


def test_the_sound_can_be_had_at_any_rate(tmp_path: Path) -> None:
    """`audio` is float32 at 24 kHz, `audio_at` the same tone at another rate; without sound both are None."""
    for transcript in both(tmp_path):
        assert transcript.audio is not None
        samples, rate = transcript.audio
        assert samples.dtype == np.float32 and (rate, len(samples)) == (SAMPLE_RATE, len(TONE))
        found = transcript.audio_at(16000)
        assert found is not None
        resampled, rate = found
        assert resampled.dtype == np.float32 and (rate, len(resampled)) == (16000, round(SECONDS * 16000))
        tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(resampled)) / 16000)
        assert np.abs(resampled - tone)[1000:-1000].max() < 0.01
    assert Transcript().audio is None and Transcript().audio_at(16000) is None


def test_sound_that_is_gone_is_none(tmp_path: Path) -> None:
    """Where the recording or the file was removed there is no sound."""
    live, read = both(tmp_path)
    live.forget()
    (tmp_path / "tone.wav").unlink()
    assert live.audio is None and read.audio is None


def test_a_part_of_the_sound_is_not_given_for_the_whole(tmp_path: Path) -> None:
    """A file that was damaged meanwhile is an AudioError, not the part before the damage; a plot leaves it out."""
    pytest.importorskip("matplotlib").use("agg")
    path = tmp_path / "tone.flac"
    transcript = read_from(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match=r"tone\.flac"):
        _ = transcript.audio
    with pytest.raises(AudioError, match=r"tone\.flac"):
        transcript.audio_at(16000)
    assert [label.get_text() for label in transcript.plot().get_yticklabels()] == ["speech"]


@pytest.mark.parametrize("length", [0.0, 0.02, 0.0999, 0.1, 1.0])
def test_a_clip_may_be_short(length: float, tmp_path: Path) -> None:
    """A word of a few hundredths of a second can be heard, from a recording and from a file."""
    segment = said("s1", 1.25, 1.25 + length, "a")
    for transcript in both(tmp_path):
        samples, rate = transcript.clip(segment).audio
        assert (len(samples), rate) == (round(length * SAMPLE_RATE), SAMPLE_RATE)
        assert samples == pytest.approx(TONE[30_000 : 30_000 + len(samples)], abs=1e-3)


def test_a_clip_by_id(tmp_path: Path) -> None:
    """The id of a segment stands for it; one that there is not is said to be none."""
    for transcript in both(tmp_path):
        transcript._apply(Changes((said("s1", 1.0, 1.5, "a"),), (), {"s1": 0.0}))
        by_id, by_segment = transcript.clip("s1").audio, transcript.clip(transcript[0]).audio
        assert np.array_equal(by_id[0], by_segment[0])
        with pytest.raises(ConfigurationError, match="no final segment 's9'"):
            transcript.clip("s9")
