"""Environments of their own for other people's packages, made on first use, and processes in them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PEERS = Path(__file__).parents[2] / ".peers"


class Unavailable(Exception):
    """A contender that cannot be had here; the text is the reason."""


def environment(name: str, *packages: str) -> Path:
    """Return the Python of an environment that holds these packages. Raises Unavailable with pip's last words."""
    place = PEERS / name
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    done = place / "done"
    wanted = "\n".join(packages)
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        answer = subprocess.run([str(python), "-m", "pip", "install", "-qq", *packages], capture_output=True, text=True)
        if answer.returncode != 0:
            raise Unavailable(f"pip cannot install it here ({answer.stderr.strip().splitlines()[-1]})")
        done.write_text(wanted)
    return python


def version(python: Path, package: str) -> str:
    """Return the version of a package in an environment."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def script(python: Path, code: str, *arguments: str, timeout: float = 300, given: str = "") -> str:
    """Run a program's text in an environment, away from this tree, and return what it prints."""
    command: Sequence[str] = [str(python), "-c", code, *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=PEERS, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"a contender broke: {done.stderr[-2000:]}")
    return done.stdout
