"""The process that recognises: audio of utterances in on stdin, text out on stdout.

A recogniser holds the interpreter for whole calls, so that each connection has such a process of its own, and the
server stays awake. It ends when its stdin does.

In: one JSON object per line, `{"do": …}`; "audio" is followed by that many `bytes` of PCM16 at 24 kHz.
    configure (language, keywords, prompt) · reset · start (utterance) · audio (bytes) · finish · drop
Out: one JSON object per line.
    {"ready": label} once · {"taken": bytes} · {"utterance", "delta"} · {"utterance", "text", "words", "language"}
    {"utterance", "failed": message}
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import queue
import signal
import sys
import threading
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np
import soxr

from rt_magic.audio.pcm import SAMPLE_RATE as WIRE_RATE
from rt_magic.audio.speechlike import is_speechlike
from rt_magic.local.deltas import StablePrefix
from rt_magic.local.recognizers import SAMPLE_RATE, Recognizer, Samples, choose

_log = logging.getLogger(__name__)

BLOCK = SAMPLE_RATE // 10
"""Samples per step of the recogniser: fixed, so that the text does not depend on how the audio was cut on its way."""


class Utterance:
    """One utterance on its way through the recogniser: resampled, fed in equal blocks, its text made append-only."""

    def __init__(self, number: int, recognizer: Recognizer) -> None:
        self.number = number
        self._recognizer = recognizer
        self._stable = StablePrefix(recognizer.agreement)
        self._resampler = soxr.ResampleStream(WIRE_RATE, SAMPLE_RATE, 1, dtype="float32")
        self._rest: Samples = np.zeros(0, np.int16)
        self._heard: list[Samples] = []
        recognizer.start()

    def feed(self, pcm: bytes, *, last: bool = False) -> str:
        """Take PCM16 at 24 kHz and return the text that may be added."""
        samples = self._resampler.resample_chunk(np.frombuffer(pcm, "<i2").astype(np.float32), last=last)
        samples = np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
        self._heard.append(samples)
        self._rest = np.concatenate([self._rest, samples])
        added = ""
        while len(self._rest) >= BLOCK or (last and len(self._rest)):
            block, self._rest = self._rest[:BLOCK], self._rest[BLOCK:]
            self._recognizer.feed(block)
            if not last:
                added += self._stable.push(self._recognizer.partial())
        return added

    def finish(self) -> dict[str, Any]:
        """Return the final text; none where the sound is not one that speech makes."""
        self.feed(b"", last=True)
        result = self._recognizer.finish()
        if not is_speechlike(np.concatenate(self._heard), SAMPLE_RATE):
            return {"text": "", "words": [], "language": None}
        return asdict(result)


class Process:
    """The loop of the process: what arrives, in order; what it answers."""

    def __init__(self, recognizer: Recognizer, out: BinaryIO) -> None:
        self._recognizer = recognizer
        self._out = out
        self._open: Utterance | None = None

    def take(self, message: dict[str, Any], pcm: bytes) -> None:
        """Carry out one message; an engine's failure is told and ends its utterance only."""
        number = self._open.number if self._open else message.get("utterance")
        try:
            answer = self._carry_out(message, pcm)
        except Exception as error:  # whatever an engine raises is its utterance's failure, not the process's end
            self._open = None
            answer = {"utterance": number, "failed": f"{type(error).__name__}: {error}"}
            if number is None:  # settings, which no answer tells of
                _log.warning("the engine did not take %s: %s", message["do"], answer["failed"])
        if pcm:
            self.say({"taken": len(pcm)})
        if answer:
            self.say(answer)

    def _carry_out(self, message: dict[str, Any], pcm: bytes) -> dict[str, Any] | None:
        match message["do"]:
            case "configure":
                self._recognizer.configure(
                    language=message["language"], keywords=message["keywords"], prompt=message["prompt"]
                )
            case "reset":
                self._recognizer.reset()
            case "start":
                self._open = Utterance(message["utterance"], self._recognizer)
            case "audio" if self._open:
                delta = self._open.feed(pcm)
                return {"utterance": self._open.number, "delta": delta} if delta else None
            case "finish" if self._open:
                utterance, self._open = self._open, None
                return {"utterance": utterance.number, **utterance.finish()}
            case "drop":
                self._open = None
        return None

    def say(self, answer: dict[str, Any]) -> None:
        """Write one line."""
        self._out.write(json.dumps(answer).encode() + b"\n")
        self._out.flush()


def _read(source: BinaryIO, messages: queue.SimpleQueue[tuple[dict[str, Any], bytes]]) -> None:
    """Read until stdin ends; then there is nobody left to work for, in whatever call the engine is."""
    try:
        while (line := source.readline()).endswith(b"\n"):  # else the server died while it wrote
            message = json.loads(line)
            messages.put((message, source.read(message.get("bytes", 0))))
    finally:
        os._exit(0)


def main() -> int:
    """Run the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--model")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, whose end is ours
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)  # the notebook, the page and the server's answers come first
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what an engine prints is no message
    messages: queue.SimpleQueue[tuple[dict[str, Any], bytes]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(os.fdopen(0, "rb", closefd=False), messages), daemon=True).start()
    engine = choose(arguments.engine, arguments.model)
    process = Process(engine.load(), out)
    process.say({"ready": engine.label})
    while True:
        process.take(*messages.get())


if __name__ == "__main__":
    sys.exit(main())
