"""Libraries that one feature alone needs: imported when it is used, and the line that installs what is missing."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from rt_magic.exceptions import ConfigurationError


def library(name: str, package: str | None = None) -> Any:
    """Import a library that is needed for this alone; ConfigurationError with the line to copy where it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        wanted = package or name.partition(".")[0]
        raise ConfigurationError(f"{wanted} is needed for this and is not installed: %pip install {wanted}") from error


def extra(name: str) -> str:
    """Return the line to copy that installs an extra of ours; the clone's beside it, where this comes from one."""
    folder, editable = _origin()
    own = f' (from this clone: %pip install {"-e " if editable else ""}"{folder}[{name}]")' if folder else ""
    return f'%pip install "rt-magic[{name}]"{own}'


def _origin() -> tuple[str, bool]:
    """Return the folder from which this was installed, "" where it was none, and whether it is used in place."""
    try:
        told = distribution("rt-magic").read_text("direct_url.json")
    except PackageNotFoundError:
        told = None
    try:  # the shape is the packaging specification's "Recording the Direct URL Origin"
        found = json.loads(told or "{}")
        folder, editable = url2pathname(urlsplit(found["url"]).path), bool(found["dir_info"].get("editable"))
    except (ValueError, KeyError):  # from an index, or from an archive
        return "", False
    return (folder, editable) if Path(folder, "pyproject.toml").is_file() else ("", False)
