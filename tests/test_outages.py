"""What happens to connections: they expire, their traffic stops, their server is killed, a turn stalls."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import random
import re
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

import rt_magic as rt
from rt_magic.session import embedded
from rt_magic.session.session import RealtimeSession
from rt_magic.session.timing import Timing
from rt_magic.testing import PeerConnection, Refusal, ScriptedPeer
from rt_magic.wire.events import Delta
from tests.coded import Coded, CodedService, Fault, coded, complaints
from tests.proxy import Proxy
from tests.speech import PHRASES_FLAC, phrases

TIMING = Timing(retry=0.05, quiet=0.1, stall=0.02, keepalive=0.04)


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Recordings of these tests go to a folder of their own, and what they start ends."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    yield
    embedded.close()


async def speak(session: RealtimeSession, pcm: bytes, speed: float) -> None:
    """Send PCM16 in pieces of 100 ms, so many times as fast as it was spoken."""
    began = time.monotonic()
    for start in range(0, len(pcm), 4800):
        session.append(pcm[start : start + 4800])
        await asyncio.sleep(max(0.0, began + start / 48_000 / speed - time.monotonic()))


# ── expiry ──


@pytest.mark.parametrize("turns", ["server", "client"])
async def test_before_a_connection_expires_the_next_takes_over_at_a_pause(turns: str) -> None:
    """Connections overlap, no state but listening is ever seen, and nothing is lost or doubled."""
    recording, states = coded(), []
    async with CodedService(recording) as service:
        service.expires_in = lambda number: 1.2
        async with RealtimeSession(
            rt.Compatible(service.url),
            turn_detection=turns,
            timing=TIMING,
            on_state=lambda state, _: states.append(state),
        ) as session:
            await speak(session, recording.pcm, speed=12)
            transcript = await session.finish()
        assert len(service.connections) >= 3 and service.overlaps == len(service.connections) - 1
    assert complaints(recording, transcript.segments, service.streams) == []
    assert set(states) == {"listening", "draining", "stopped"}


async def test_a_credential_that_asks_a_person_holds_up_no_end() -> None:
    """While the next connection waits for a token, the present one ends when it is told to."""
    asked: list[None] = []
    answered, again = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def token() -> str:
        asked.append(None)
        if len(asked) > 1:
            loop.call_soon_threadsafe(again.set)
            answered.wait(30)
        return "t"

    recording = coded(2)
    async with CodedService(recording) as service:
        service.expires_in = lambda number: 0.5
        azure = rt.AzureOpenAI(service.url.replace("ws:", "http:"), model="whisper-1", credential=token)
        async with RealtimeSession(azure, timing=TIMING) as session:
            await session.send(recording.pcm)
            await again.wait()
            transcript = await session.finish(timeout=8)
        answered.set()
        assert session.status == "stopped"
    assert complaints(recording, transcript.segments, service.streams) == []


@pytest.mark.parametrize("turns", ["server", "client"])
async def test_the_next_takes_over_also_after_the_last_sound_is_recorded(turns: str) -> None:
    """What is still to be sent when nothing more is recorded goes over as many connections as it needs."""
    recording, states = coded(20), []
    async with CodedService(recording) as service:
        service.expires_in, service.takes = lambda number: 2.0, 0.03
        async with RealtimeSession(
            rt.Compatible(service.url),
            turn_detection=turns,
            timing=TIMING,
            on_state=lambda state, _: states.append(state),
        ) as session:
            session.append(recording.pcm)
            transcript = await session.finish(timeout=60)
        assert sum(map(bool, service.streams)) >= 2
    assert complaints(recording, transcript.segments, service.streams) == []
    assert "reconnecting" not in states


@pytest.mark.parametrize("turns", ["server", "client"])
async def test_one_that_expires_without_a_pause_is_followed_by_another(turns: str) -> None:
    """Where nobody pauses the service ends the connection, and all that had not become text is sent again."""
    recording = coded(pauses=(0.0, 0.05))
    faults = [Fault("expire", 0.5), Fault(1001, 0.5)]
    async with CodedService(recording, faults=faults) as service:
        service.expires_in = lambda number: 0.6
        async with RealtimeSession(rt.Compatible(service.url), turn_detection=turns, timing=TIMING) as session:
            await speak(session, recording.pcm, speed=20)
            transcript = await session.finish()
    assert complaints(recording, transcript.segments, service.streams) == []


@pytest.mark.parametrize(
    "faults",
    [[Fault("abort", -1)], [Fault("freeze", -1)], [Fault("slow", 0.1), Fault("abort", 0.05)]],
    ids=["left one breaks", "left one freezes", "new one breaks"],
)
async def test_a_change_over_that_breaks_leaves_no_gap(faults: list[Fault]) -> None:
    """While two connections are open, the loss of either loses and doubles nothing."""
    recording = coded()
    async with CodedService(recording, faults=faults) as service:
        service.expires_in = lambda number: 1.0
        async with RealtimeSession(rt.Compatible(service.url), timing=TIMING) as session:
            await speak(session, recording.pcm, speed=12)
            transcript = await session.finish()
        assert service.overlaps and not service.faults
    assert complaints(recording, transcript.segments, service.streams) == []


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("speed", [20, 1000])
async def test_a_service_that_does_not_say_where_turns_are_hears_none_twice(at: float, speed: float) -> None:
    """Where such a connection breaks, what has become text is not sent again, and all else is; times are ours."""
    recording = coded(8)
    async with CodedService(recording, faults=[Fault("abort", at)]) as service:
        service.times = False
        async with RealtimeSession(rt.Compatible(service.url), timing=TIMING) as session:
            await speak(session, recording.pcm, speed)
            transcript = await session.finish()
        assert len(service.connections) == 2
    assert complaints(recording, transcript.segments, service.streams) == []
    for segment, (first, last) in zip(transcript.segments, recording.speech, strict=True):
        assert (segment.start, segment.end) == pytest.approx((first / 100, last / 100), abs=0.3)


# ── half-open ──


async def outage(seconds: float, timing: Timing, speed: float, timeout: float) -> None:
    """Drop all traffic in the midst of the recording; its words must come by themselves."""
    recording = coded()
    async with (
        CodedService(recording) as service,
        Proxy(service.address) as proxy,
        RealtimeSession(rt.Compatible(proxy.url), timing=timing) as session,
    ):
        speaking = asyncio.create_task(speak(session, recording.pcm, speed))
        await asyncio.sleep(12 / speed)
        await proxy.drop(seconds)
        await speaking
        transcript = await session.finish(timeout)
    assert complaints(recording, transcript.segments, service.streams) == []


@pytest.mark.parametrize("seconds", [1, 5])
async def test_words_come_by_themselves_after_traffic_stopped(seconds: float) -> None:
    """A line that was dead for some seconds is noticed and replaced, and nothing is missing."""
    await outage(seconds, Timing(retry=0.2, quiet=0.1, keepalive=0.05), speed=12, timeout=30)


@pytest.mark.long
@pytest.mark.parametrize("seconds", [20, 120])
async def test_words_come_by_themselves_after_a_long_outage(seconds: float) -> None:
    """The same with all waits as they are built in, at the speed of speech."""
    await outage(seconds, Timing(), speed=1, timeout=240)


# ── a killed server ──


@pytest.mark.parametrize("seed", range(3))
async def test_a_killed_server_is_started_again_and_nothing_is_missing(seed: int) -> None:
    """After SIGKILL of the embedded server, wherever it was, each phrase is in the transcript once and in order."""
    samples, rate = soundfile.read(PHRASES_FLAC)
    wanted = phrases()[:2]
    pcm = (soxr.resample(samples[: round((wanted[-1].end + 0.9) * rate)], rate, 24_000) * 32767).astype("<i2").tobytes()
    moment = random.Random(seed).uniform(0.5, wanted[-1].end)
    async with RealtimeSession(rt.Local(), language="en", timing=Timing(retry=0.1)) as session:
        session.append(pcm[: round(moment * 24_000) * 2])
        while not session.counts["sent"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await asyncio.sleep(random.Random(seed).uniform(0, 1.0))
        for process in embedded.process_ids():
            os.kill(process, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        session.append(pcm[round(moment * 24_000) * 2 :])
        transcript = await session.finish(timeout=60)
    segments = transcript.segments
    said = [re.sub(r"[^a-z ]", "", segment.text.lower()) for segment in segments]
    assert said == [re.sub(r"[^a-z ]", "", phrase.text.lower()) for phrase in wanted], f"seed {seed}"
    for segment, phrase in zip(segments, wanted, strict=True):
        assert segment.start == pytest.approx(phrase.start, abs=0.3)
        assert segment.end == pytest.approx(phrase.end, abs=0.3)


# ── stalls ──


async def test_a_turn_whose_deltas_stop_is_marked_and_the_session_goes_on() -> None:
    """Where one turn's text never comes while others' does, it keeps what it has and says why."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1.0)
        stuck = connection.protocol.commit("item_stuck")
        await connection.send(stuck, Delta("item_stuck", "this stops in mid"))
        await connection.turn("first of those after it")
        for tenth in range(11, 26):
            await connection.audio(seconds=tenth / 10)
            await connection.send(Delta(connection.next_item, "still "))
        await connection.turn("second")
        await connection.finish()

    quiet = np.random.default_rng(0).normal(0, 8, 48_000).astype("<i2").tobytes()
    async with ScriptedPeer(script) as peer, RealtimeSession(rt.Compatible(peer.url), timing=TIMING) as session:
        for _ in range(26):
            session.append(quiet[:4800])
            await asyncio.sleep(0.1)
        transcript = await session.finish()
    stuck = transcript.segments[0]
    assert stuck.text == "this stops in mid" and stuck.error and "no final text" in stuck.error
    assert [s.text for s in transcript.segments[1:] if not s.error] == ["first of those after it", "second"]
    assert session.state == "stopped"


async def test_a_full_disk_is_said_and_what_is_recorded_becomes_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound that cannot be kept is refused with the way out; all that was kept before is sent and transcribed."""
    recording = coded(2)

    def full(descriptor: int, data: object, offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with (
        CodedService(recording) as service,
        RealtimeSession(rt.Compatible(service.url), timing=TIMING) as session,
    ):
        session.append(recording.pcm)
        with monkeypatch.context() as patch:
            patch.setattr("rt_magic.audio.recording._write_at", full)
            with pytest.raises(rt.AudioError, match=r"cannot be recorded .*No space left.*make room"):
                await session.send(bytes(4800))
        transcript = await session.finish()
    assert complaints(recording, transcript.segments, service.streams) == []
    assert session.state == "stopped"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
async def test_a_file_that_the_system_lets_grow_no_further_is_said(tmp_path: Path) -> None:
    """The same where the system itself refuses, in the midst of a chunk; once there is room, recording goes on."""
    import resource

    recording = coded(2)
    half = len(recording.pcm) // 2 // 4800 * 4800
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with (
        CodedService(recording) as service,
        RealtimeSession(rt.Compatible(service.url), timing=TIMING) as session,
    ):
        session.append(recording.pcm[:half])
        resource.setrlimit(resource.RLIMIT_FSIZE, (half + 1001, before[1]))
        try:
            with pytest.raises(rt.AudioError, match=r"cannot be recorded .*File too large.*make room"):
                session.append(recording.pcm[half : half + 4800])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert session.recording.samples == half // 2
        session.append(recording.pcm[half:])
        transcript = await session.finish()
    assert complaints(recording, transcript.segments, service.streams) == []


async def test_a_recording_that_somebody_shortens_ends_with_a_sentence() -> None:
    """A file that loses its end under the session is an error that says so, not a loop that never ends."""
    recording = coded(1)
    async with CodedService(recording) as service:
        async with RealtimeSession(rt.Compatible(service.url), timing=TIMING) as session:
            for start in range(0, len(recording.pcm), 4800):
                session.append(recording.pcm[start : start + 4800])
            os.truncate(session.recording.folder / "audio.pcm", 4800)
            with pytest.raises(rt.AudioError, match="is cut off"):
                await session.finish(timeout=10)
        service._unfinished = 0
    assert session.state == "error"


@pytest.mark.parametrize("turns", ["server", "client"])
async def test_a_burst_of_refusals_in_the_midst_loses_nothing(turns: str) -> None:
    """A service that is too busy nine times in a row, then too slow, gets everything in the end, once."""
    recording = coded()
    busy = [Refusal(429, "quota", {"retry-after-ms": "20"}), Refusal(503), Refusal(429, "quota")] * 3
    async with CodedService(recording, faults=[Fault("abort", 0.4), *busy, Fault("slow", 0.3)]) as service:
        async with RealtimeSession(
            rt.Compatible(service.url), turn_detection=turns, timing=replace(TIMING, retry=0.001)
        ) as session:
            await speak(session, recording.pcm, speed=30)
            transcript = await session.finish(timeout=60)
        assert not service.faults
    assert complaints(recording, transcript.segments, service.streams) == []


async def test_a_clock_that_jumps_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits and times are those of a clock that only goes forward, whatever the clock on the wall says."""
    recording = coded()
    async with CodedService(recording, faults=[Fault("abort", 0.5)]) as service:
        service.expires_in = lambda number: 3600.0
        async with RealtimeSession(rt.Compatible(service.url), timing=TIMING, live=True) as session:
            third = len(recording.pcm) // 6 * 2
            for number, jump in enumerate((0, 7200, -86_400)):
                jumped = time.time() + jump
                monkeypatch.setattr("time.time", lambda jumped=jumped: jumped)
                await speak(
                    session, recording.pcm[number * third : (number + 1) * third if number < 2 else None], speed=30
                )
            transcript = await session.finish()
    assert complaints(recording, transcript.segments, service.streams) == []
    assert len(service.connections) == 2
    assert all(value >= 0 for segment in transcript.segments for value in (segment.latency or {}).values())


# ── what nobody expects ──


def messages(rng: random.Random, count: int) -> Iterator[str | bytes]:
    """Draw frames that a broken service might send: noise, half events, events with values of the wrong kind."""
    kinds = [
        "session.created", "session.updated", "error", "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped", "input_audio_buffer.committed", "input_audio_buffer.cleared",
        "conversation.item.added", "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed", "conversation.item.input_audio_transcription.failed",
        "response.created", "something.new",
    ]  # fmt: skip
    values = [
        None,
        0,
        -1,
        1e308,
        "",
        "x",
        "item_1",
        "item_2",
        "<b>",
        [],
        {},
        [1],
        {"code": "y"},
        True,
        "\ud800",
        10**30,
    ]
    names = ["item_id", "previous_item_id", "delta", "transcript", "audio_start_ms", "audio_end_ms", "content_index",
             "error", "session", "logprobs", "usage", "event_id", "words", "languages"]  # fmt: skip
    for _ in range(count):
        if rng.random() < 0.1:
            yield rng.randbytes(rng.randrange(64))
            continue
        event = {
            "type": rng.choice(kinds),
            **{name: rng.choice(values) for name in rng.sample(names, rng.randrange(8))},
        }
        text = json.dumps(event)
        yield text[: rng.randrange(len(text))] if rng.random() < 0.1 else text


@contextlib.asynccontextmanager
async def broken_service(seed: int, frames: int) -> AsyncIterator[str]:
    """Serve connections that greet, accept, then send what nobody expects."""

    async def script(connection: PeerConnection) -> None:
        with contextlib.suppress(Exception):
            await connection.accept()
            for message in messages(random.Random(seed), frames):
                await connection.send_raw(message)
        connection.abort()

    async with ScriptedPeer(*[script] * 60) as peer:
        yield peer.url
        peer._unfinished = 0


@pytest.mark.parametrize("seed", range(4))
async def test_random_frames_end_in_a_clear_state(seed: int) -> None:
    """Whatever a service sends, a session goes on or ends with an error of ours that says what happened."""
    async with broken_service(seed, 300) as url, RealtimeSession(rt.Compatible(url), timing=TIMING) as session:
        session.append(coded(1).pcm)
        with contextlib.suppress(rt.RtMagicError):
            await session.finish(timeout=2)
    assert session.state in ("stopped", "error")
    assert "unexpected" not in session.status and "bug" not in session.status
    assert not session.transcript.interim and all(segment.final for segment in session.transcript.segments)


def test_the_coded_recording_is_what_it_says() -> None:
    """Turn detection finds each utterance, every block's number is found at any offset, and what is missing is seen."""
    recording: Coded = coded()
    assert len(recording.speech) == 5
    assert complaints(recording, [], [recording.pcm[2:]])[0] == "1 samples never arrived, the first in block 0"
