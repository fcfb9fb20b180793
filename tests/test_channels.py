"""Channels as speakers: each with a session of its own, joined by time."""

from __future__ import annotations

import asyncio
import io
import json
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import rt_magic as rt
from rt_magic.audio.files import open_audio
from rt_magic.session import embedded
from rt_magic.testing import PeerConnection, ScriptedPeer
from rt_magic.transcript.joining import joined
from tests.speech import PHRASES_FLAC, phrases

RATE = 16_000


@pytest.fixture(scope="module")
def conversation() -> NDArray[np.float64]:
    """Return three phrases of which the second is on the right channel, the others on the left one."""
    samples, rate = soundfile.read(PHRASES_FLAC)
    turns = phrases()[:3]
    cuts = [0, *(round((a.end + b.start) / 2 * rate) for a, b in pairwise(turns))]
    cuts.append(round((turns[-1].end + 0.6) * rate))
    silence = np.random.default_rng(0).normal(0, 0.002, (cuts[-1], 2))
    for number, (first, last) in enumerate(pairwise(cuts)):
        silence[first:last, number % 2] = samples[first:last]
    return silence


def test_each_channel_is_a_speaker(conversation: NDArray[np.float64], tmp_path: Path) -> None:
    """The phrases of both channels come in the order in which they were said, with the channel as their speaker."""
    soundfile.write(tmp_path / "call.flac", conversation, 24_000)
    transcript = rt.transcribe(tmp_path / "call.flac", channels="split", progress=False)
    embedded.close()
    assert [segment.text for segment in transcript] == [phrase.text for phrase in phrases()[:3]]
    assert [segment.speaker for segment in transcript] == ["channel 1", "channel 2", "channel 1"]
    assert [segment.id for segment in transcript] == ["s1", "s2", "s3"]
    for segment, phrase in zip(transcript, phrases(), strict=False):
        assert segment.start == pytest.approx(phrase.start, abs=0.5)
    assert transcript.done and transcript.duration == pytest.approx(len(conversation) / 24_000, abs=0.01)
    assert transcript.meta["service"] == "local" and list(transcript.speaking_time()) == ["channel 1", "channel 2"]
    assert transcript.audio is not None


def tones(channels: int) -> NDArray[np.float32]:
    """Return half a second in which each channel has a tone of its own, 400 Hz apart."""
    t = np.arange(RATE // 2) / RATE
    return np.stack([0.3 * np.sin(2 * np.pi * 400 * (n + 1) * t) for n in range(channels)], axis=1).astype("f4")


def pitch(pcm: bytes) -> float:
    """Return the strongest frequency of PCM16 at 24 kHz, in Hz."""
    samples = np.frombuffer(pcm, "<i2")
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 24_000 / len(samples))


@pytest.mark.parametrize("suffix", ["wav", "m4a", "array", "file"])
def test_each_channel_is_read_by_itself(suffix: str, tmp_path: Path) -> None:
    """From files, media files, arrays and file objects, every channel is that channel and nothing of the other."""
    path = tmp_path / f"tones.{suffix}"
    if suffix == "m4a":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=RATE, layout="stereo")
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(tones(2).T), "fltp", "stereo")
            frame.sample_rate = RATE
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    elif suffix != "array":
        soundfile.write(path, tones(2), RATE, format="WAV")
    if suffix == "array":
        audio = open_audio(tones(2), sample_rate=RATE)
    else:
        audio = open_audio(io.BytesIO(path.read_bytes()) if suffix == "file" else path)
    parts = [b"".join(part.blocks()) for part in audio.split()]
    assert [pitch(part) for part in parts] == [pytest.approx(400, abs=5), pytest.approx(800, abs=5)]


async def test_an_error_of_one_channel_ends_all() -> None:
    """Where the service refuses one of the sessions, that error is raised and the other session is ended."""

    async def refused(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.send_raw(
            json.dumps({"type": "error", "error": {"code": "insufficient_quota", "message": "no"}})
        )
        await connection.finish()

    async def patient(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(refused, patient) as peer:
        with pytest.raises(rt.ServiceError, match="no credit left"):
            await asyncio.to_thread(
                rt.transcribe, tones(2), sample_rate=RATE, service=peer.url, channels="split", progress=False
            )


def test_another_word_for_channels_is_refused() -> None:
    """A value that is not known is a ConfigurationError that names those that are."""
    with pytest.raises(rt.ConfigurationError, match="'mix' or 'split'"):
        rt.transcribe(tones(2), sample_rate=RATE, channels="both")  # type: ignore[arg-type]


times = st.one_of(st.none(), st.floats(0, 100))
channel = st.lists(st.tuples(times, st.sampled_from(["A", None])), max_size=6)


@given(st.lists(channel, max_size=4))
def test_joining_loses_and_reorders_nothing(channels: list[list[tuple[float | None, str | None]]]) -> None:
    """All texts are there once, ids are unique, times ascend, and each channel keeps its order."""
    given_segments = []
    for number, entries in enumerate(channels):
        last, segments = 0.0, []
        for position, (start, speaker) in enumerate(entries):
            last = last if start is None else max(last, start)
            begin = None if start is None else last
            segments.append(rt.Segment(f"s{position + 1}", begin, begin, f"{number} {position}", True, speaker=speaker))
        given_segments.append(segments)
    found = joined(given_segments)
    assert len({segment.id for segment in found}) == len(found) == sum(map(len, channels))
    starts = [segment.start for segment in found if segment.start is not None]
    assert starts == sorted(starts)
    for number, segments in enumerate(given_segments):
        mine = [segment for segment in found if (segment.speaker or "").split(",")[0] == f"channel {number + 1}"]
        assert [segment.text for segment in mine] == [segment.text for segment in segments]


def test_a_turn_cut_by_speaker_keeps_its_parts() -> None:
    """Ids of one turn's parts stay together, and the speakers told apart within a channel are named behind it."""
    turn = [
        rt.Segment("s1", 0, 1, "a", True, speaker="A"),
        rt.Segment("s1.2", 1, 2, "b", True, speaker="B"),
    ]
    found = joined([[rt.Segment("s1", 0.5, 0.7, "x", True)], turn])
    assert [(s.id, s.speaker) for s in found] == [
        ("s1", "channel 2, A"),
        ("s2", "channel 1"),
        ("s1.2", "channel 2, B"),
    ]
