"""Libraries that one feature alone needs, imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from rt_magic.exceptions import ConfigurationError


def library(name: str, package: str | None = None) -> Any:
    """Import a library that is needed for this alone; ConfigurationError with the line to copy where it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        wanted = package or name.partition(".")[0]
        raise ConfigurationError(f"{wanted} is needed for this and is not installed: %pip install {wanted}") from error
