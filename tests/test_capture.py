"""The kernel machine's microphone: in a cell, by its name, absent, silent; real PortAudio, ALSA and kernel."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import rt_magic as rt
from rt_magic.audio.capture import check_capture
from rt_magic.optional import extra
from rt_magic.portal import portal
from rt_magic.widgets.messages import FromPage, MicrophoneFailed
from rt_magic.widgets.own_microphone import OwnMicrophone
from tests.kernels import NOTEBOOK, FrontEnd, kernel
from tests.own_microphone import PipeMicrophone, needs_portaudio, pipe_microphone
from tests.speakers import Peer, Speaker, drawn, words
from tests.test_transcriber import until


@pytest.fixture
def microphone(tmp_path: Path) -> Iterator[PipeMicrophone]:
    """A microphone of this machine."""
    with pipe_microphone(tmp_path) as microphone:
        yield microphone


@pytest.fixture
def page(microphone: PipeMicrophone) -> Iterator[FrontEnd]:
    """A kernel with the extension, on a machine with that microphone."""
    with kernel(env={**NOTEBOOK, **microphone.env}) as front_end:
        cell = front_end.run("%load_ext rt_magic")
        assert cell.status == "ok", cell.text
        yield front_end


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where sounddevice is not installed the refusal is one line with the command; so it is without PortAudio."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(rt.ConfigurationError, match=re.escape(extra("mic"))):
        rt.Transcriber(microphone="kernel", service="ws://127.0.0.1:9")
    monkeypatch.undo()
    if sys.platform == "linux":
        monkeypatch.setattr("rt_magic.audio.capture.find_library", lambda name: None)
        with pytest.raises(rt.ConfigurationError, match="libportaudio2"):
            check_capture()


@pytest.mark.parametrize("wrong", ["usb", "page:usb", "kernel:", ""])
def test_a_microphone_nobody_knows_is_refused(wrong: str) -> None:
    """`microphone` is page, kernel, or kernel with a name."""
    with pytest.raises(rt.ConfigurationError, match="kernel:NAME"):
        rt.Transcriber(microphone=wrong, service="ws://127.0.0.1:9")


async def test_an_unexpected_error_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong when the device is opened ends in a sentence, not in a cell that goes on opening it."""

    class Broken:
        def __init__(self, *_given: object, device: str) -> None:
            raise ValueError(f"no {device}")

    monkeypatch.setattr("rt_magic.widgets.own_microphone.Capture", Broken)
    got: list[FromPage] = []

    async def start() -> None:
        OwnMicrophone(got.append, lambda: "usb").follow("start")

    await asyncio.wrap_future(portal().run(start()))
    await until(lambda: len(got) == 2)
    failed = got[-1]
    assert isinstance(failed, MicrophoneFailed)
    assert "ValueError('no usb')" in failed.message and "report" in failed.message


@needs_portaudio
def test_a_machine_without_one_says_so(tmp_path: Path) -> None:
    """Where no device can be recorded from, Start ends in a MicrophoneError that names the machine and the way out."""
    code = (
        "import rt_magic as rt\n"
        "from rt_magic.audio.capture import microphones\n"
        "if microphones(): print('here is', microphones()); raise SystemExit\n"
        "import socket\n"
        "silent = socket.create_server(('127.0.0.1', 0))\n"
        "t = rt.Transcriber(microphone='kernel', service=f'ws://127.0.0.1:{silent.getsockname()[1]}')\n"
        "t.start()\n"
        "try: t.wait(20)\n"
        "except rt.MicrophoneError as error: print(error)"
    )
    empty = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=empty, capture_output=True, text=True, timeout=60)
    if done.stdout.startswith("here is"):
        pytest.skip(f"only where there is no sound card; {done.stdout}")
    assert "where this Python runs, has no microphone" in done.stdout, done.stderr
    assert "--from" in done.stdout


@needs_portaudio
def test_a_cell_with_the_kernels_microphone(page: FrontEnd, microphone: PipeMicrophone) -> None:
    """Running it records nothing; a click of any page starts, pauses and stops it; the sound is that of the device."""
    played = np.random.default_rng(1).integers(-9_000, 9_000, 24_000, dtype=np.int16)
    with Peer(words("one", "two")) as peer:
        cell = page.run(f"%%transcribe --microphone kernel:test --service {peer.url}")
        assert cell.status == "ok", cell.text
        speaker = Speaker(page)
        said = page.comms[speaker.comm]["destination"]
        assert "The microphone of" in said and "where this Python runs" in said
        assert page.comms[speaker.comm]["place"] == "kernel"
        page.pump(0.5)
        assert (speaker.state, peer.requests) == ("ready", [])
        busy = page.start("import time; time.sleep(3)")
        speaker.start()
        page.until(lambda: speaker.state == "listening", 5)
        microphone.play(played)
        page.until(lambda: drawn(page) == ["one"], 5)
        assert busy.status == "running"
        page.finish(busy)
        speaker.end("pause")
        page.until(lambda: speaker.state == "paused")
        before = page.value("transcript.duration")
        assert page.value("transcript.duration") == before
        Speaker(page, "q").start("another")  # a second window has the same buttons
        page.until(lambda: drawn(page) == ["one", "two"])
        speaker.end()
        page.until(lambda: speaker.state == "stopped")
        pcm = np.frombuffer(bytes(peer.connections[0].pcm), "<i2")
    begin = int(np.argmax(np.correlate(pcm.astype(float), played[:2400].astype(float))))
    assert np.array_equal(pcm[begin : begin + 24_000], played)
    events = page.value("transcript.events[-1]")
    assert events["captured"] == events["received"]
    assert page.value("transcript.duration") >= 2


@needs_portaudio
def test_a_device_that_falls_silent(page: FrontEnd, microphone: PipeMicrophone) -> None:
    """A device that gives nothing for 5 s is named; when it gives sound again the recording goes on by itself."""
    with Peer(words("one", "two")) as peer:
        page.run(f"t = %transcribe --microphone kernel --service {peer.url}")
        speaker = Speaker(page)
        page.run("t.start()")
        page.until(lambda: drawn(page) == ["one"])
        microphone.mute(True)
        page.until(lambda: speaker.state == "paused")
        assert "no sound comes from this machine's microphone" in page.comms[speaker.comm]["status"]
        microphone.mute(False)
        page.until(lambda: speaker.state == "listening")
        page.until(lambda: drawn(page) == ["one", "two"])
        page.run("t.stop()")
        assert page.value("t.wait(20).text") == "one two"
