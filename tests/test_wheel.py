"""What is installed is whole: the bundles, the types, the licence; nothing but the package comes from the wheel."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import rt_magic

ROOT = Path(__file__).parents[1]
BARE = os.environ.get("RT_MAGIC_TEST_WHEEL") == "1"
"""Whether these tests stand without the source tree, on what was installed from the wheel."""


def test_the_package_that_is_tested_is_the_one_that_is_meant() -> None:
    """Without the source tree it is the installed one, else the one of this tree."""
    home = Path(rt_magic.__file__).parent
    assert ("site-packages" in home.parts) is BARE
    assert (ROOT / "rt_magic").exists() is not BARE
    assert importlib.metadata.version("rt-magic") == rt_magic.__version__


def test_the_installed_package_has_all_that_is_no_python() -> None:
    """The bundles that the page loads and the mark for type checkers are there."""
    home = Path(rt_magic.__file__).parent
    for name in ("py.typed", "widgets/static/microphone.js", "widgets/static/transcript_view.js"):
        assert (home / name).exists()


@pytest.mark.skipif(BARE, reason="there is nothing to build it from")
def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    """Every module and bundle of the tree is in it; no test, no script, no page of the guide is."""
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w"]
    subprocess.run([*command, str(tmp_path), str(ROOT)], check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "rt_magic"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert {name for name in names if not name.startswith("rt_magic-")} == set(tracked)
    assert any(name.endswith("licenses/LICENSE") for name in names)
