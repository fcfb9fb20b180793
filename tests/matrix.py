"""The built wheel, in clean environments without the source tree, with other Pythons and other versions around it.

    python3 do.py matrix            every combination that can be had here
    python3 do.py matrix lowest     one of them

Needs the standard library only, so that any Python can begin it. Each combination has an environment of its own under
`.peers/matrix`, made anew; a copy of the tests runs there. Ends with a table of the versions that were met.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".peers" / "matrix"

SMOKE = (
    "test_codec.py", "test_protocol.py", "test_transcript.py", "test_export.py", "test_exports.py", "test_messages.py",
    "test_files.py", "test_connection.py", "test_session.py", "test_microphone.py", "test_transcript_view.py",
    "test_recognizers.py", "test_lane.py", "test_magic.py", "test_wheel.py", "test_cells.py",
)  # fmt: skip
"""The part of the suite that meets every dependency: the wire, sockets, the engine, files, widgets and kernels."""

LANE = (
    "tests/test_cells.py::test_words_come_while_another_cell_sleeps",
    "tests/test_cells.py::test_a_waiting_cell_hears_its_page",
    "tests/test_cells.py::test_an_interrupt_ends_a_waiting_cell_with_the_words_said",
    "tests/test_cells.py::test_waiting_without_a_page_is_refused_after_a_while",
    "tests/test_cells.py::test_unloading_leaves_nothing_in_the_kernel",
)
"""What needs ipykernel 7.4, beside `test_lane.py`; how older ones behave instead is in `test_older_kernels.py`."""

ENGINE = ("test_connection.py", "test_recognizers.py", "test_magic.py", "test_cells.py")
ENGINE_TESTS = ("tests/test_session.py::test_files_beside_a_notebook_do_not_get_into_the_engine",)
"""What needs the embedded engine, which has no wheel for every Python."""

NEEDS = (
    "pytest>=8.4", "pytest-asyncio>=1", "hypothesis>=6.100", "av>=14", "ipykernel", "jiwer", "nbclient", "openai>=2",
    "pandas", "psutil",
)  # fmt: skip
"""What these tests stand on themselves."""

MILDER = ("-W", "default::DeprecationWarning")
"""What old releases deprecate of newer ones is their own affair."""

SHOWN = ("websockets", "anywidget", "ipywidgets", "ipykernel", "IPython", "numpy", "pocketsphinx")


@dataclass(frozen=True)
class Combination:
    """A Python and what is pinned in it."""

    name: str
    python: str
    pins: tuple[str, ...] = ()
    missing: str = ""
    """Why it cannot be run here."""


@dataclass(frozen=True)
class Outcome:
    """What one combination gave: versions, and pytest's last line."""

    name: str
    versions: dict[str, str]
    line: str
    passed: bool


def lowest() -> tuple[str, ...]:
    """Return the lower bounds of the core dependencies as pins."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return tuple(re.sub(r">=([\d.]+)", r"==\1", entry) for entry in project["dependencies"])


def combinations() -> list[Combination]:
    """Return everything that should be met, with what cannot be had here marked so."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = [
        Combination("newest", sys.executable),
        Combination("lowest", sys.executable, lowest()),
        Combination("ipykernel-7.1", sys.executable, ("ipykernel==7.1.*",)),
        Combination("ipykernel-6.31", sys.executable, ("ipykernel==6.31.*",)),
    ]
    for version in ("3.11", "3.12", "3.13", "3.14"):
        if version != here:
            python = interpreter(version)
            missing = "" if python else f"no python{version} on PATH or in pyenv's folder"
            found.append(Combination(f"python-{version}", python, missing=missing))
    return found


def interpreter(version: str) -> str:
    """Return a Python of this version that runs, from PATH or from pyenv's folder, whose shims may lead nowhere."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    installed = sorted(pyenv.glob(f"{version}.*/bin/python{version}"), key=lambda path: path.stat().st_mtime)
    for path in (shutil.which(f"python{version}"), *reversed(installed)):
        if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return str(path)
    return ""


def build(folder: Path) -> Path:
    """Build the wheel as pip does and return it."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "-w", str(folder), str(ROOT)], check=True, cwd=folder
    )
    return next(folder.glob("*.whl"))


def environment(combination: Combination, wheel: Path) -> Path:
    """Make the environment and return its Python."""
    place = ENVIRONMENTS / combination.name
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([combination.python, "-m", "venv", str(place)], check=True)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = [f"rt-magic[local] @ {wheel.as_uri()}", *NEEDS, *combination.pins]
    subprocess.run([str(python), "-m", "pip", "install", "-qq", "--only-binary", ":all:", *wanted], check=True)
    return python


def versions(python: Path) -> dict[str, str]:
    """Return the versions of what is in an environment; "–" for what is not."""
    code = (
        "import json, platform, sys\nfrom importlib.metadata import PackageNotFoundError, version\n"
        "def of(name):\n    try: return version(name)\n    except PackageNotFoundError: return '–'\n"
        "print(json.dumps({'Python': platform.python_version()} | {name: of(name) for name in sys.argv[1:]}))"
    )
    said = subprocess.run([str(python), "-c", code, *SHOWN], check=True, capture_output=True, text=True).stdout
    found: dict[str, str] = json.loads(said)
    return found


def without_source(folder: Path) -> Path:
    """Copy the tests, and nothing of the package, to a folder; return it."""
    ignored = shutil.ignore_patterns("__pycache__", "bench", "browser", "peers")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=ignored)
    shutil.copytree(ROOT / "js" / "src", folder / "js" / "src")  # tests compare both sides of the page's messages
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def meet(combination: Combination, wheel: Path, folder: Path) -> Outcome:
    """Run the smoke part of the suite in one combination."""
    if combination.missing:
        return Outcome(combination.name, {}, f"not run: {combination.missing}", True)
    began = time.monotonic()
    python = environment(combination, wheel)
    old = any(pin.startswith("ipykernel==") for pin in combination.pins)
    left_out = [f"--deselect={test}" for test in LANE] if old else []
    engine = versions(python)["pocketsphinx"] != "–"
    chosen = [name for name in SMOKE if (engine or name not in ENGINE) and not (old and name == "test_lane.py")]
    left_out += [] if engine else [f"--deselect={test}" for test in ENGINE_TESTS]
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    # What kernels and servers are started with must be this environment's.
    clean["PATH"] = f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *MILDER, *left_out,
         *(f"tests/{name}" for name in chosen)],
        cwd=folder, env={**clean, "RT_MAGIC_TEST_WHEEL": "1"}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    print(done.stdout[-6000:] if done.returncode else done.stdout[-300:], flush=True)
    lines = [line for line in done.stdout.splitlines() if re.search(r"\d+ (passed|failed|error)", line)]
    line = re.sub(r" in [\d.:s ()]+$", "", lines[-1].strip("= ")) if lines else f"exit code {done.returncode}"
    print(f"{combination.name}: {line}, {time.monotonic() - began:.0f} s", flush=True)
    return Outcome(combination.name, versions(python), line, done.returncode == 0)


def table(outcomes: list[Outcome]) -> str:
    """Return the outcomes as a Markdown table."""
    heads = ("", "Python", *SHOWN, "tests")
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for outcome in outcomes:
        cells = [outcome.versions.get(name, "") for name in ("Python", *SHOWN)]
        lines.append("| " + " | ".join((outcome.name, *cells, outcome.line)) + " |")
    return "\n".join(lines)


def main(names: list[str]) -> int:
    """Meet all combinations or those named, and print the table."""
    known = combinations()
    unknown = set(names) - {combination.name for combination in known}
    if unknown:
        print(f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(c.name for c in known)}")
        return 2
    outcomes = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        wheel = build(folder)
        tree = without_source(folder / "tree")
        for combination in known:
            if not names or combination.name in names:
                outcomes.append(meet(combination, wheel, tree))
    print(f"\n{wheel.name}\n\n{table(outcomes)}")
    return int(not all(outcome.passed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
