"""`python -m rt_magic.local.fetch NAME`: fetch a model in a process that can be ended, and say how far it is.

Each line on stdout is JSON: `{"megabytes": n}` while it goes on, then `{"folder": path}`, `{"error": sentence}` or
`{"missing": extra}`, of which the sentence is for whoever knows where it is read. The
process ends when its stdin closes; what has come by then is kept, and the next attempt goes on from there.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

from rt_magic.exceptions import RtMagicError
from rt_magic.local.recognizers import download, downloaded

EVERY = 0.25
"""Seconds between two words about how far it is."""


def say(**facts: object) -> None:
    """Write one line."""
    print(json.dumps(facts), flush=True)


def main(name: str) -> int:
    """Fetch a model; return the exit code."""
    if find_spec("faster_whisper") is None:
        say(missing="whisper")
        return 1
    done = threading.Event()

    def watch() -> None:
        while not done.wait(EVERY):
            say(megabytes=round(downloaded(name) / 1e6, 1))

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    threading.Thread(target=watch, daemon=True).start()
    try:
        folder: Path = download(name)
    except RtMagicError as error:
        done.set()
        say(error=str(error))
        return 1
    done.set()
    say(folder=str(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
