"""Libraries that one feature alone needs: imported when it is used, and the line that installs what is missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from rt_magic.exceptions import ConfigurationError
from rt_magic.shell import running_shell


def library(name: str, package: str | None = None) -> Any:
    """Import a library that is needed for this alone; ConfigurationError with the line to copy where it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        wanted = package or name.partition(".")[0]
        raise ConfigurationError(
            f"{wanted} is needed for this and is not installed: {pip()} install {wanted}"
        ) from error


def extra(name: str) -> str:
    """Return the line to copy that installs an extra of ours.

    Of a package that is installed, from a clone or an archive too, pip adds what the extra asks for and looks nowhere
    for the package itself.
    """
    return f'{pip()} install "rt-magic[{name}]"'


def pip() -> str:
    """Return how pip is called where this runs: `%pip` in IPython, which takes the environment of its kernel."""
    return "pip" if running_shell() is None else "%pip"
