"""A kernel that is killed while it records: what was said until a moment before is there, and becomes text."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from rt_magic.recovery import recover
from rt_magic.session import embedded
from rt_magic.testing import PeerConnection
from tests.kernels import NOTEBOOK, kernel
from tests.speakers import Peer, Speaker
from tests.speech import PHRASES_FLAC, phrases

SPEED = 6
"""How many times as fast as it was said the sound comes."""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Recordings go to a folder of this test's, and the engine that it starts ends."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    embedded.close()


def speech() -> bytes:
    """The phrases at 24 kHz."""
    samples, rate = soundfile.read(PHRASES_FLAC)
    return bytes((soxr.resample(samples, rate, 24_000) * 32767).astype("<i2").tobytes())


async def listens(connection: PeerConnection) -> None:
    """Take all sound and answer nothing, until the other side is gone."""
    await connection.accept()
    await connection.finish()


def killed(tmp_path: Path, seed: int, suffix: str) -> tuple[bytes, int]:
    """Speak into a cell and kill its kernel; return what was said, and how much of it a second before (bytes)."""
    rng = random.Random(seed)
    moment = rng.uniform(1.2, 3.0)
    pcm, said, sent = speech(), 0, list[tuple[float, int]]()
    with Peer(listens) as peer, kernel({**NOTEBOOK, "XDG_STATE_HOME": str(tmp_path / "state")}) as page:
        process = page.value("__import__('os').getpid()")
        page.run("%load_ext rt_magic")
        cell = page.run(f"%%transcribe --service {peer.url} --save {tmp_path / 'kept'}{suffix}")
        assert cell.status == "ok", cell.text
        speaker = Speaker(page)
        speaker.start()
        began = time.monotonic()
        busy = rng.random() < 0.5
        while (now := time.monotonic() - began) < moment:
            if busy and now > moment / 2:
                page.start("import time; time.sleep(30)")
                busy = False
            if said < len(pcm) and said / 48_000 < now * SPEED:
                speaker.speak(pcm[said : said + 4800])
                said = min(len(pcm), said + 4800)
                sent.append((time.monotonic(), said))
            page.pump(0.005)
        os.kill(process, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        at = time.monotonic()
    return pcm[:said], max((position for moment, position in sent if moment <= at - 1.0), default=0)


def check(tmp_path: Path, seed: int, *, transcribe: bool) -> None:
    """Kill a kernel and look at all that it leaves."""
    suffix = (".wav", ".flac")[seed % 2]
    said, owed = killed(tmp_path, seed, suffix)
    (leftover,) = recover()
    kept = (leftover.path / "audio.pcm").read_bytes()
    assert len(kept) >= owed > 0, f"seed {seed}: {len(kept)} bytes of {owed} that were said a second before"
    assert said.startswith(kept), f"seed {seed}"
    assert leftover.duration == pytest.approx(len(kept) / 48_000)
    if suffix == ".wav":
        saved, rate = soundfile.read(tmp_path / "kept.wav", dtype="int16")
        assert rate == 24_000
        assert abs(len(saved) - len(kept) // 2) <= 2400, f"seed {seed}"
        assert (saved == np.frombuffer(kept, "<i2")[: len(saved)]).all(), f"seed {seed}"
    if transcribe:
        whole = [phrase.text for phrase in phrases() if phrase.end + 0.5 < leftover.duration]
        assert whole, "nothing was said by then"
        text = leftover.transcribe(progress=False).text
        assert text.startswith(" ".join(whole)), f"seed {seed}: {text}"
    leftover.delete()
    assert recover() == []


@pytest.mark.parametrize("seed", range(3))
def test_what_was_said_before_a_kill_is_recovered(seed: int, tmp_path: Path) -> None:
    """The recording, and the user's own WAV, hold all until a second before, whatever the kernel did meanwhile."""
    check(tmp_path, seed, transcribe=seed == 0)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 23))
def test_what_was_said_before_a_kill_at_many_moments(seed: int, tmp_path: Path) -> None:
    """The same at other moments, each transcribed."""
    check(tmp_path, seed, transcribe=True)
