"""Kernels of older ipykernels, each in a folder of its own that goes before this environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(sys.prefix) / "older-ipykernels"


def ipykernel(version: str) -> Path:
    """Return a folder with this ipykernel, for PYTHONPATH; installed once, which takes pip and its index."""
    folder = FOLDER / version
    if folder.exists():
        return folder
    fresh = FOLDER / f"{version}.{os.getpid()}"
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*command, "--target", str(fresh), f"ipykernel=={version}"], capture_output=True, text=True)
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise RuntimeError(
            f"ipykernel {version}, which these tests need, could not be installed into {FOLDER}; pip needs its index, "
            f"once:\n{done.stderr.strip()}"
        )
    fresh.rename(folder)
    return folder
