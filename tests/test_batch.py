"""`transcribe` with the real embedded engine: every kind of source, in every kind of place."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jiwer
import numpy as np
import psutil
import pytest
import soundfile
import soxr

import rt_magic as rt
from rt_magic.audio.recording import recordings_folder
from rt_magic.portal import portal
from rt_magic.session import embedded
from rt_magic.session.session import RealtimeSession
from tests.speech import DATA, PHRASES_FLAC, phrases

SECOND = phrases()[1]
"""A phrase for the tests that only need some words."""


@pytest.fixture(scope="module", autouse=True)
def servers() -> Iterator[None]:
    """End the servers of this module when it is through."""
    yield
    embedded.close()


@pytest.fixture(scope="module")
def words() -> tuple[np.ndarray, int]:
    """Read the second phrase of the fixture with what is around it."""
    samples, rate = soundfile.read(PHRASES_FLAC, dtype="float64")
    return samples[round((SECOND.start - 0.8) * rate) : round((SECOND.end + 0.6) * rate)], rate


def kept() -> set[Path]:
    """Return the recordings on the disk; those of other tests may be among them."""
    folder = recordings_folder()
    return set(folder.iterdir()) if folder.exists() else set()


def test_all_phrases_come_in_order_with_their_times() -> None:
    """By file: one final segment a phrase, exact words, times within 0.5 s, and nothing left on the disk."""
    before = kept()
    transcript = rt.transcribe(PHRASES_FLAC, progress=False)
    assert [segment.text for segment in transcript] == [phrase.text for phrase in phrases()]
    for segment, phrase in zip(transcript, phrases(), strict=True):
        assert segment.final and segment.timing == "service"
        assert segment.start == pytest.approx(phrase.start, abs=0.5)
        assert segment.end == pytest.approx(phrase.end, abs=0.5)
    assert transcript.done and kept() <= before


def test_times_count_from_the_beginning_of_the_source() -> None:
    """With `start` and `stop` only that part is transcribed, and its times are those of the whole."""
    transcript = rt.transcribe(PHRASES_FLAC, start=SECOND.start - 0.7, stop=SECOND.end + 0.6, progress=False)
    (segment,) = transcript
    assert segment.text == SECOND.text
    assert segment.start == pytest.approx(SECOND.start, abs=0.5)
    assert segment.end is not None and segment.start is not None
    assert transcript.clip(segment).audio[0].size == pytest.approx((segment.end - segment.start) * 24_000, abs=2)


def test_files_of_all_kinds_give_the_same_words(tmp_path: Path, words: tuple[np.ndarray, int]) -> None:
    """44.1 kHz stereo WAV, MP3, 8 kHz mono, 24 bit, a float64 array, bytes and a file object are understood."""
    samples, rate = words
    at_44 = soxr.resample(samples, rate, 44_100)
    soundfile.write(tmp_path / "stereo.wav", np.column_stack([at_44, at_44]), 44_100)
    soundfile.write(tmp_path / "speech.mp3", samples, rate)
    soundfile.write(tmp_path / "deep.flac", samples, rate, "PCM_24")
    expected = SECOND.text
    assert rt.transcribe(tmp_path / "stereo.wav", progress=False).text == expected
    assert rt.transcribe(str(tmp_path / "speech.mp3"), progress=False).text == expected
    assert rt.transcribe(tmp_path / "deep.flac", progress=False).text == expected
    assert rt.transcribe(samples, sample_rate=rate, progress=False).text == expected
    assert rt.transcribe((tmp_path / "stereo.wav").read_bytes(), progress=False).text == expected
    assert rt.transcribe(io.BytesIO((tmp_path / "deep.flac").read_bytes()), progress=False).text == expected


def test_a_telephones_band_is_understood_for_the_most_part(tmp_path: Path) -> None:
    """Of human speech at 8 kHz mono, which the engine was not trained for, most words are right."""
    samples, rate = soundfile.read(DATA / "librivox" / "lv0920.flac")
    soundfile.write(tmp_path / "narrow.wav", soxr.resample(samples, rate, 8_000), 8_000)
    heard = rt.transcribe(tmp_path / "narrow.wav", progress=False).text
    assert jiwer.wer((DATA / "librivox" / "lv0920.txt").read_text().strip(), heard) < 0.4


def test_a_script_and_a_running_loop_can_both_use_it(words: tuple[np.ndarray, int]) -> None:
    """`transcribe` works in a thread and inside a coroutine of a running loop."""
    samples, rate = words

    async def inside() -> str:
        return rt.transcribe(samples, sample_rate=rate, progress=False).text

    assert asyncio.run(inside()) == SECOND.text
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(rt.transcribe, samples, sample_rate=rate, progress=False).result().text == SECOND.text


def test_a_session_on_the_users_own_loop(words: tuple[np.ndarray, int]) -> None:
    """A session lives on the loop that enters it, and its counts add up."""
    samples, rate = words
    pcm = (soxr.resample(samples, rate, 24_000) * 32767).astype("<i2").tobytes()

    async def session() -> tuple[str, dict[str, int]]:
        async with RealtimeSession(rt.Local(), language="en") as session:
            for start in range(0, len(pcm), 4800):
                await session.send(pcm[start : start + 4800])
            transcript = await session.finish()
            return transcript.text, session.counts

    text, counts = asyncio.run(session())
    assert text == SECOND.text
    assert counts["captured"] == counts["received"] == counts["sent"] - counts["padding"] == len(pcm) // 2


def test_eight_files_at_once() -> None:
    """Eight transcriptions at a time all come out right; the memory of their processes is printed."""
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(rt.transcribe, PHRASES_FLAC, stop=6.6, progress=False) for _ in range(8)]
        most = 0
        while not all(future.done() for future in futures):
            most = max(most, _memory_of_servers())
            time.sleep(0.2)
    assert {future.result().text for future in futures} == {" ".join(phrase.text for phrase in phrases()[:2])}
    print(f"\nmemory of the embedded server and its decoders, eight at once: {most / 2**20:.0f} MiB")


def _memory_of_servers() -> int:
    total = 0
    for pid in embedded.process_ids():
        try:
            server = psutil.Process(pid)
            total += sum(process.memory_info().rss for process in (server, *server.children(recursive=True)))
        except psutil.NoSuchProcess:
            continue
    return total


def test_a_killed_server_is_started_again(words: tuple[np.ndarray, int]) -> None:
    """When the embedded server dies, the session says so, goes on with a new one, and loses no word."""
    samples, rate = words
    pcm = (soxr.resample(samples, rate, 24_000) * 32767).astype("<i2").tobytes()
    states: list[str] = []

    async def session() -> str:
        listening, reconnecting = asyncio.Event(), asyncio.Event()

        def note(state: str, status: str) -> None:
            states.append(state)
            {"listening": listening, "reconnecting": reconnecting}.get(state, asyncio.Event()).set()

        async with RealtimeSession(rt.Local(), on_state=note) as session:
            await session.send(pcm[: len(pcm) // 2])
            await listening.wait()
            for pid in embedded.process_ids():
                psutil.Process(pid).kill()
            await reconnecting.wait()
            await session.send(pcm[len(pcm) // 2 :])
            return (await session.finish()).text

    assert asyncio.run(asyncio.wait_for(session(), 60)) == SECOND.text
    assert states.index("reconnecting") < len(states) - 1 and states[-1] == "stopped"


PROGRAM = """
import json, os, sys, time
import rt_magic as rt
from rt_magic.session import embedded
import psutil
rt.transcribe(sys.argv[1], stop=3.5, progress=False)
processes = [psutil.Process(pid) for pid in embedded.process_ids()]
processes += [child for process in processes for child in process.children(recursive=True)]
print(json.dumps([process.pid for process in processes]), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is of POSIX; the mechanism, a closed stdin, is the same")
def test_nothing_outlives_a_killed_user() -> None:
    """`kill -9` of the user's process ends the embedded server and its decoders."""
    command = [sys.executable, "-c", PROGRAM, str(PHRASES_FLAC)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as user:
        assert user.stdout is not None
        servers = [psutil.Process(pid) for pid in json.loads(user.stdout.readline())]
        assert len(servers) >= 2
        user.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(servers, timeout=10)
    assert not alive


def test_interrupting_ends_the_session(words: tuple[np.ndarray, int]) -> None:
    """A KeyboardInterrupt while waiting cancels the transcription and leaves neither task nor recording."""
    before = kept()
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell started us with `&`
    try:
        threading.Timer(1.5, os.kill, [os.getpid(), signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):
            rt.transcribe(PHRASES_FLAC, speed=1, progress=False)
    finally:
        signal.signal(signal.SIGINT, inherited)
    deadline = time.monotonic() + 10
    while kept() - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert kept() <= before
    names = [task.get_name() for task in asyncio.all_tasks(portal().loop)]
    assert not [name for name in names if name.startswith("rt_magic-")]


def test_a_source_that_is_no_audio_is_named(tmp_path: Path) -> None:
    """What cannot be read is an AudioError with the name, before anything is opened."""
    (tmp_path / "notes.wav").write_text("these are words, not sounds")
    with pytest.raises(rt.AudioError, match=r"notes\.wav"):
        rt.transcribe(tmp_path / "notes.wav")
    with pytest.raises(rt.AudioError, match=r"missing\.flac"):
        rt.transcribe(tmp_path / "missing.flac")
