"""With what words were made: the programs and their versions."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from rt_magic.session.services import Local, Service

ENGINES = ("pocketsphinx", "faster-whisper")


def versions(service: Service) -> dict[str, str]:
    """Return the versions of Python, of this package and of what it hears with, as far as it runs on this machine."""
    names = ("rt-magic", *(ENGINES if isinstance(service, Local) else ("websockets",)))
    found = {name: _version(name) for name in names}
    return {"python": platform.python_version(), **{name: said for name, said in found.items() if said}}


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:  # an engine that is not installed, or this package run from its sources
        return None
