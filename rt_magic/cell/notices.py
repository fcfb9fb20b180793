"""Who has been told that people are recorded: once for each notebook and destination, kernels come and go."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from rt_magic.session.services import Service

MOST = 2000
"""How many of the newest are remembered."""

_text: list[str] = []


def set_notice(text: str) -> None:
    """Let `notice` say this for every service, with `{where}` for the place; "" for our own sentence."""
    _text[:] = [text] if text.strip() else []


def notice(service: Service) -> str:
    """Return what everyone who will be heard should know."""
    where = "on this machine" if service.host is None else f"by {service.host}"
    if _text:
        return _text[0].replace("{where}", where)
    return f"Everyone who will be heard should know that they are recorded and transcribed {where}."


class Told:
    """Remember which sentences were shown where; on disk only as digests, and only for a notebook with a file."""

    def __init__(self) -> None:
        self._here: set[str] = set()

    def has(self, notebook: str, sentence: str) -> bool:
        """Whether this notebook has shown the sentence."""
        digest = _digest(notebook, sentence)
        return digest in self._here or (os.path.isabs(notebook) and digest in _read())

    def note(self, notebook: str, sentence: str) -> None:
        """Remember that it has."""
        digest = _digest(notebook, sentence)
        self._here.add(digest)
        if os.path.isabs(notebook) and digest not in (known := _read()):
            with suppress(OSError):  # then it is shown once more
                path = _path()
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                fresh = path.with_suffix(f".{os.getpid()}")
                descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    json.dump([*known, digest][-MOST:], file)
                fresh.replace(path)


def _digest(notebook: str, sentence: str) -> str:
    return hashlib.sha256(f"{notebook}\n{sentence}".encode()).hexdigest()


def _path() -> Path:
    import platformdirs

    return Path(platformdirs.user_state_dir("rt_magic")) / "told.json"


def _read() -> list[str]:
    try:
        known = json.loads(_path().read_text("ascii"))
    except (OSError, ValueError):
        return []
    return [each for each in known if isinstance(each, str)] if isinstance(known, list) else []


told = Told()
"""What this process, and on disk this user, has been told."""
