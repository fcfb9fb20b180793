"""Long files go over several connections, cut at pauses: every 10 ms arrive once, and the text is that of one piece."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import rt_magic as rt
from rt_magic.audio.files import open_audio
from rt_magic.audio.pauses import cut, pauses
from rt_magic.audio.recording import recordings_folder
from rt_magic.batch import Options, connections_for
from rt_magic.session import embedded
from rt_magic.session.cutting import PREFIX
from tests.coded import BLOCK
from tests.corpus import SAID
from tests.lecture import Auditor, Lecture, lecture
from tests.speech import PHRASES_FLAC, RATE, human


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Lecture:
    """Return a recording of four minutes."""
    return lecture(tmp_path_factory.mktemp("talk") / "talk.flac", 240)


async def made(path: Any, service: str, **options: Any) -> rt.Transcript:
    """Transcribe in a thread, so that a service on this loop can answer."""
    return await asyncio.to_thread(rt.transcribe, path, service=service, progress=False, **options)


async def test_three_connections_hear_what_one_hears(talk: Lecture) -> None:
    """Each 10 ms arrive once, no cut is near a word, and words, order, ids and times are those of one piece."""
    async with Auditor(talk) as whole:
        one = await made(talk.path, whole.url, connections=1)
    async with Auditor(talk) as service:
        three = await made(talk.path, service.url, connections=3)
    assert len(whole.arrived) == 1 and len(service.arrived) == 3
    assert (service.once() == 1).all() and (whole.once() == 1).all()
    assert len(service.edges) == 4 and all(talk.quiet(edge, around=25) for edge in service.edges)
    assert [(s.id, s.text, s.final, s.error) for s in three] == [(s.id, s.text, s.final, s.error) for s in one]
    assert one.text.split() == [str(word) for word in range(talk.word.max() + 1)]
    for ours, theirs in zip(three, one, strict=True):
        assert ours.start == pytest.approx(theirs.start, abs=0.3) and ours.end == pytest.approx(theirs.end, abs=0.05)
    assert three.duration == pytest.approx(one.duration) == pytest.approx(talk.blocks * BLOCK / RATE)
    stopped = three.events[-1]
    assert stopped["type"] == "stopped" and stopped["captured"] == stopped["received"] == talk.blocks * BLOCK
    assert stopped["sent"] == stopped["captured"] + stopped["padding"]
    assert [event["type"] for event in three.events].count("stopped") == 1
    assert three.clip(three[-1]).audio[0].any() and three.meta["connections"] == 3


async def test_a_part_of_a_long_file_is_cut_too(talk: Lecture) -> None:
    """With `start` and `stop` just that part is sent, once, and times count from the source's beginning."""
    async with Auditor(talk) as service:
        transcript = await made(talk.path, service.url, connections=2, start=50.0, stop=200.0)
    expected = np.zeros(talk.blocks, int)
    expected[5000:20000] = 1
    assert len(service.arrived) == 2 and (service.once() == expected).all()
    assert transcript[0].start is not None and 50 <= transcript[0].start < 55
    assert transcript[-1].end is not None and 195 < transcript[-1].end <= 200


async def test_an_array_and_each_channel_are_cut_at_their_own_pauses(talk: Lecture) -> None:
    """Of an array with two channels each is cut by itself, where nobody speaks in that channel."""
    samples, _ = soundfile.read(talk.path, dtype="int16")
    other = np.roll(samples, 3 * RATE).reshape(-1, BLOCK)
    async with Auditor(talk) as service:
        both = np.column_stack([samples, other.reshape(-1)])
        transcript = await made(both, service.url, sample_rate=RATE, channels="split", connections=4)
    assert len(service.arrived) == 4
    assert (service.once() == 2).all()
    assert all(talk.quiet(edge) for edge in service.edges if abs(edge - (talk.blocks - 300)) > 1)
    assert {segment.speaker for segment in transcript} == {"channel 1", "channel 2"}


def test_the_embedded_engine_writes_the_same_in_two_parts(tmp_path: Path) -> None:
    """Two minutes are two parts for the real engine, whose text, ids and times are those of one piece."""
    samples, rate = soundfile.read(PHRASES_FLAC, dtype="int16")
    rng, parts, said = np.random.default_rng(1), [], []
    for number in range(8):
        phrase = SAID[number % 2]  # the engine adapts to what it hears, and these it gets right whatever that is
        quiet = rng.normal(0, 60, round(rng.uniform(12, 13.5) * rate)).astype("<i2")
        parts += [quiet, samples[round((phrase.start - 0.2) * rate) : round((phrase.end + 0.2) * rate)]]
        said.append(phrase.text)
    soundfile.write(tmp_path / "talk.flac", np.concatenate([*parts, quiet]), rate)
    one = rt.transcribe(tmp_path / "talk.flac", connections=1, progress=False)
    two = rt.transcribe(tmp_path / "talk.flac", connections=2, progress=False)
    embedded.close()
    assert two.meta["connections"] == 2 and [segment.text for segment in two] == said
    assert [(s.id, s.text, s.language) for s in two] == [(s.id, s.text, s.language) for s in one]
    for ours, theirs in zip(two, one, strict=True):
        assert ours.start == pytest.approx(theirs.start, abs=0.3) and ours.end == pytest.approx(theirs.end, abs=0.05)


def test_pauses_are_the_same_in_blocks_of_any_length() -> None:
    """Whether sound comes by the tenth of a second or at once, a pause begins and ends at the same samples.

    One that goes on for more than three seconds is told then, although speech follows in the same block.
    """
    _, pcm, _ = human()[0]
    sound = pcm + bytes(48_000) + pcm + bytes(5 * 48_000) + pcm
    found = [
        [pause for _, pause in pauses([sound[at : at + size] for at in range(0, len(sound), size)], 0.8) if pause]
        for size in (4_800, 240_000, len(sound))
    ]
    assert found[0] == found[1] == found[2]
    assert max(pause.end - pause.start for pause in found[0]) < 3.1 * 24_000


def test_where_nobody_pauses_it_is_not_cut(tmp_path: Path) -> None:
    """Speech without any pause that is long enough stays in one piece."""
    _, pcm, _ = human()[0]
    talk = np.tile(np.frombuffer(pcm, "<i2"), 150 * RATE // (len(pcm) // 2))
    source = open_audio(talk, sample_rate=RATE)
    assert cut(source, 2, shortest=2.5) == (source,)


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_the_parts_are_the_whole_at_any_rate(rate: int) -> None:
    """Parts of audio that is resampled have together the samples of the whole, but for rounding."""
    rng = np.random.default_rng(0)
    sound = 0.1 * np.sin(np.arange(90 * rate) / rate * 2000) * np.repeat(rng.random(90) > 0.3, rate)
    source = open_audio(sound, sample_rate=rate)
    parts = cut(source, 3, shortest=0.9)
    lengths = [sum(len(block) for block in part.blocks()) // 2 for part in parts]
    assert sum(lengths) == pytest.approx(sum(len(block) for block in source.blocks()) // 2, abs=len(parts))
    assert parts[0].start == 0.0 and parts[-1].stop is None


@pytest.mark.parametrize(
    ("service", "minutes", "wanted", "count"),
    [
        (rt.Local(), 0.9, None, 1),
        (rt.Local(), 600, None, os.cpu_count()),
        (rt.AzureOpenAI("https://contoso.openai.azure.com"), 19, None, 1),
        (rt.AzureOpenAI("https://contoso.openai.azure.com"), 180, None, 2),
        (rt.Compatible("ws://127.0.0.1:1"), 180, None, 1),
        (rt.Compatible("ws://127.0.0.1:1"), 180, 6, 6),
        (rt.Compatible("ws://127.0.0.1:1"), 3.5, 6, 3),
    ],
)
def test_how_many_connections_a_file_is_worth(service: Any, minutes: float, wanted: int | None, count: int) -> None:
    """By default as many as processors for the embedded engine, two for a hosted service, one for any other."""
    source = open_audio(np.zeros((int(minutes * 60 * 1000),), np.uint8), sample_rate=1000)
    assert connections_for(Options(service=service, connections=wanted), source) == count
    assert connections_for(Options(service=service, connections=wanted, speed=1.0), source) == 1


async def test_a_file_object_is_read_once_and_a_wrong_number_is_refused(talk: Lecture) -> None:
    """What can be read but once goes over one connection; less than one is a ConfigurationError."""
    async with Auditor(talk) as service:
        with talk.path.open("rb") as file:
            await made(file, service.url, connections=3, stop=130.0)
    assert len(service.arrived) == 1
    with pytest.raises(rt.ConfigurationError, match="connections=0"):
        rt.transcribe(PHRASES_FLAC, connections=0, progress=False)


async def test_an_error_of_one_part_ends_all(talk: Lecture) -> None:
    """Where a part cannot be read to its end, that error is raised and nothing is left on the disk."""
    before = set(recordings_folder().glob("*"))
    broken = talk.path.with_name("broken.flac")
    content = bytearray(talk.path.read_bytes())
    content[len(content) * 9 // 10 :] = bytes(len(content) - len(content) * 9 // 10)
    broken.write_bytes(content)
    async with Auditor(talk) as service:
        with pytest.raises(rt.AudioError, match=r"broken\.flac"):
            await made(broken, service.url, connections=2)
    assert set(recordings_folder().glob("*")) <= before


PROGRAM = """
import json, sys, threading, time
import psutil
import rt_magic as rt
from rt_magic.audio.recording import recordings_folder
curve, me = [], psutil.Process()
def watch():
    while True:
        curve.append(round(me.memory_info().rss / 2**20))
        time.sleep(1)
threading.Thread(target=watch, daemon=True).start()
began = time.monotonic()
transcript = rt.transcribe(sys.argv[1], service=sys.argv[2], connections=int(sys.argv[3]), progress=False)
print(json.dumps({
    "seconds": time.monotonic() - began, "curve": curve, "stopped": transcript.events[-1],
    "segments": [[s.id, s.text, s.start, s.end, s.error] for s in transcript],
    "left": [str(path) for path in recordings_folder().glob("*")],
}))
"""


@pytest.fixture(scope="module")
def three_hours(tmp_path_factory: pytest.TempPathFactory) -> Lecture:
    """Return a recording of three hours."""
    return lecture(tmp_path_factory.mktemp("hours") / "hours.flac", 3 * 3600)


@pytest.mark.long
@pytest.mark.parametrize(
    ("connections", "life"), [(1, None), (1, 8.0), (4, None)], ids=["one", "one that expires", "four"]
)
async def test_three_hours(three_hours: Lecture, connections: int, life: float | None, tmp_path: Path) -> None:
    """Three hours arrive as they are, whatever the connections; no cut is in a word, and memory stays flat.

    Where connections expire the next takes over in time, also while the rest of a file that is read is on its way.
    """
    async with Auditor(three_hours, life=life) as service:
        command = [sys.executable, "-c", PROGRAM, str(three_hours.path), service.url, str(connections)]
        state = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}  # what other tests' killed processes left is elsewhere
        user = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=state)
        out, _ = await user.communicate()
        assert user.returncode == 0
    said = json.loads(out)
    curve, settled = said["curve"], len(said["curve"]) // 10
    print(
        f"\n{three_hours.blocks / 6000:.1f} min over {len(service.arrived)} connections in {said['seconds']:.0f} s; "
        f"{len(said['segments'])} segments; MiB by the second, every tenth: {curve[::10]}, at most {max(curve)}"
    )
    once = service.once()
    if life is None:
        assert len(service.arrived) == connections and (once == 1).all()
        assert all(three_hours.quiet(edge) for edge in service.edges)
    else:
        used = sum(map(bool, service.arrived))
        assert used > 2 and service.cut_off == 0
        again = (used - 1) * PREFIX // BLOCK  # the moment before a change-over goes to the next one too
        assert set(once) == {1, 2} and (once == 2).sum() == again
    segments = said["segments"]
    assert [id_ for id_, *_ in segments] == [f"s{number}" for number in range(1, len(segments) + 1)]
    assert not any(error for *_, error in segments)
    starts = [start for _, _, start, _, _ in segments]
    assert starts == sorted(starts)
    assert " ".join(text for _, text, *_ in segments).split() == [str(w) for w in range(three_hours.word.max() + 1)]
    assert max(curve) - max(curve[: settled + 1]) < 48  # three hours are 494 MiB
    assert said["left"] == []
