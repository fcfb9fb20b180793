"""The page's side of a microphone, without a browser."""

from __future__ import annotations

import time
from typing import Any

from rt_magic.widgets.microphone import Microphone


class Page:
    """The page's side: numbers chunks and sends them as the widget manager would."""

    def __init__(self, microphone: Microphone, page: str = "p", rate: int = 24_000) -> None:
        self.microphone, self.page, self.rate = microphone, page, rate
        self.epoch, self.seq, self.first = "", 0, 0

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Send one message, from any thread."""
        self.microphone._on_message(self.microphone, content, buffers or [])

    def start(self, epoch: str) -> None:
        """Open the microphone in a new epoch."""
        self.epoch, self.seq, self.first = epoch, 0, 0
        self.send({"type": "start", "page": self.page, "epoch": epoch})

    def speak(self, samples: Any) -> None:
        """Send samples (int16) in chunks of 100 ms."""
        for begin in range(0, len(samples), self.rate // 10):
            pcm = samples[begin : begin + self.rate // 10].astype("<i2").tobytes()
            head = {"type": "audio", "page": self.page, "epoch": self.epoch, "seq": self.seq, "first": self.first}
            self.send({**head, "captured_at": time.time(), "rate": self.rate}, [pcm])
            self.seq, self.first = self.seq + 1, self.first + len(pcm) // 2

    def end(self, kind: str) -> None:
        """Pause or stop."""
        self.send({"type": kind, "page": self.page, "epoch": self.epoch, "last": self.seq - 1})
