"""The microphone of this machine: real PortAudio and ALSA, with a pipe in place of the sound card."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import numpy as np
import pytest

RATE = 24_000

needs_portaudio = pytest.mark.skipif(
    sys.platform != "linux" or find_library("portaudio") is None,
    reason="a pipe can be a microphone on Linux with PortAudio only: sudo apt-get install libportaudio2",
)

SETTINGS = """\
pcm.!default {{ type plug slave.pcm "test_microphone" }}
pcm.test_microphone {{ type file slave.pcm "null" file "/dev/null" infile "{pipe}" format "raw" }}
"""


class PipeMicrophone:
    """Hears a quiet room in real time, and what `play` gives it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        pipe = folder / "sound"
        os.mkfifo(pipe)
        (folder / ".asoundrc").write_text(SETTINGS.format(pipe=pipe), encoding="ascii")
        self._pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        self._next = np.zeros(0, np.int16)
        self._muted = self._ended = False
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    @property
    def env(self) -> Mapping[str, str]:
        """What a process needs to hear this microphone as the system's own."""
        return {"HOME": str(self.home)}

    def play(self, samples: Any) -> None:
        """Hear these int16 samples at 24 kHz from now on, then the quiet room."""
        self._next = samples

    def mute(self, muted: bool) -> None:
        """Give nothing at all, as a device that is taken or asleep; or sound again."""
        self._muted = muted

    def close(self) -> None:
        """End the room."""
        self._ended = True
        self._thread.join()
        os.close(self._pipe)

    def _write(self) -> None:
        room, began, count = np.random.default_rng(0), time.monotonic(), 0
        while not self._ended:
            block, self._next = self._next[: RATE // 10], self._next[RATE // 10 :]
            rest = room.integers(-30, 30, RATE // 10 - len(block), dtype=np.int16)
            try:
                if not self._muted:
                    os.write(self._pipe, np.concatenate([block, rest]).astype("<i2").tobytes())
            except BlockingIOError:
                pass  # nobody listens
            count += 1
            time.sleep(max(0.0, began + count / 10 - time.monotonic()))


@contextmanager
def pipe_microphone(folder: Path) -> Iterator[PipeMicrophone]:
    """A microphone in a folder, for as long as the context lasts."""
    microphone = PipeMicrophone(folder)
    try:
        yield microphone
    finally:
        microphone.close()
