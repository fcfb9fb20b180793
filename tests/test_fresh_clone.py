"""The README's two commands, in a fresh clone, with an empty home folder and a bare PATH."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
from pathlib import Path

import nbformat
import pytest

from tests.browser.server import JupyterServer

ROOT = Path(__file__).parents[1]
LAB_SECONDS = 600

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `git clone` gives: the last commit and nothing else."""
    folder = tmp_path_factory.mktemp("fresh") / "rt_magic"
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody who has just sat down at this machine."""
    ours = ("JUPYTER", "IPYTHON", "PYTEST", "PYTHON", "VIRTUAL_ENV", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HOME": str(tmp_path_factory.mktemp("nobody")), "PATH": "/usr/bin:/bin"}


def test_lab_opens_the_quickstart_and_its_cells_run(clone: Path, bare: dict[str, str]) -> None:
    """`do.py lab` ends in a server that prints the quickstart's address and a kernel that runs its cells."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    python = Path(sys.executable).resolve()
    with (clone.parent / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [python, "do.py", "lab", "--no-browser", f"--port={port}"],
            cwd=clone,
            env={**bare, "JUPYTER_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = JupyterServer("lab", clone.parent, port, token, process)
    try:
        deadline = time.monotonic() + LAB_SECONDS
        while True:
            try:
                server.request("GET", "status")
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None and time.monotonic() < deadline, server.log()
                time.sleep(1)
        assert f":{port}/lab/tree/notebooks/quickstart.ipynb" in server.log()
        session = {"path": "notebooks/quickstart.ipynb", "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        kernel = server.request("POST", "sessions", session)["kernel"]["id"]
        quickstart = nbformat.read(clone / "notebooks" / "quickstart.ipynb", as_version=4)
        for cell in quickstart.cells:
            if cell.cell_type == "code":
                server.execute(kernel, cell.source, timeout=60)
        where = server.execute(kernel, "import rt_magic; rt_magic.__file__")
        assert where == repr(str(clone / "rt_magic" / "__init__.py"))
        assert server.execute(kernel, "transcript.done, len(transcript)") == "(False, 0)"
    finally:
        server.stop()


def test_test_sets_everything_up_and_runs_every_check(clone: Path, bare: dict[str, str]) -> None:
    """`do.py test` installs what it needs, runs the static checks, Node's tests and pytest, browser included."""
    python = Path(sys.executable).resolve()
    some = ["tests/test_bundle.py", "tests/browser/test_harness.py"]
    done = subprocess.run(
        [python, "do.py", "test", *some], cwd=clone, env=bare, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    steps = ("ruff check", "ruff format", "mypy", "tsc", "bundle", "node --test", "pytest")
    assert [step for step in steps if f"=== {step}: passed" not in done.stdout] == [], done.stdout[-4000:]
    assert done.returncode == 0
