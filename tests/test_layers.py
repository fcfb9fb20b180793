"""Who may import whom; each rule once, as data, and a wrong import is told which one it breaks.

1. A module imports from its own package and from rows above; what goes across a row is listed in `ACROSS`.
   Pure modules import nothing that does input or output, reads a clock or starts a thread.
2. Wire names stand in `wire` alone, host names and URL paths in `wire.dialects` and `wire.addresses`.
3. Libraries that shape a program are imported where `LIBRARIES` says.
4. Widgets know nothing of the network, a session nothing of the notebook; client and server share pure modules only.
5. In the browser, arithmetic and outbox import nothing and the worklet only the arithmetic.

An import inside a function, or for type checkers only, is held to the same rules, less what `LATE` lists.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "rt_magic"
JS = Path(__file__).parents[1] / "js" / "src"
OUTER = {"microphone.js", "transcript_view.js", "socket_model.js", "capture_page.js"}

ROWS = {
    "pure": (
        "exceptions", "arguments", "options", "manual", "languages", "secrets", "words", "audio.pace", "audio.pcm",
        "audio.resampling", "wire", "wire.*",
        "pacing", "transcript.alignment", "transcript.annotations", "transcript.archive", "transcript.corrections",
        "transcript.drawing", "transcript.export", "transcript.folding", "transcript.joining", "transcript.ledger",
        "transcript.measures", "transcript.order", "transcript.reading", "transcript.segments",
        "transcript.subtitles", "transcript.turns", "transcript.whisper",
    ),
    "edges": (
        "portal", "threads", "optional", "shell", "audio", "audio.*", "transcript", "transcript.*", "session",
        "session.*", "widgets", "widgets.*", "local", "local.*", "testing", "testing.*",
    ),
    "joins": (
        "transcriber", "cell", "cell.*", "batch", "corpora", "one_file", "manifest", "progress", "recovery", "body",
        "checks", "completion",
    ),
    "doors": ("magic", "extension", "__init__"),
}  # fmt: skip

# Inside the edges: what a package may use beside itself and the pure modules.
ACROSS = {
    "optional": ("shell",),
    "audio": ("optional",),
    "session": ("audio", "transcript", "threads", "optional", "shell"),
    "transcript": ("audio", "optional"),
    "widgets": ("audio", "transcript", "portal", "threads"),
    "local": ("audio", "optional"),
}

# Packages that not every row below may import.
RESERVED = {
    "widgets": ("transcriber", "cell.*", "batch", "recovery", "body", "checks", "__init__"),
    "local": (),  # it is started as a process
}

LATE = {
    ("session.services", "local.recognizers"),  # Local.download
    ("session.resolution", "local.recognizers"),  # which engine "auto" is
    ("transcript.export", "transcript.transcript"),  # the type of what is exported
}

IMPURE = (
    "asyncio", "concurrent", "http", "multiprocessing", "select", "selectors", "socket", "ssl", "subprocess",
    "tempfile", "threading", "time", "urllib.request",
)  # fmt: skip

LIBRARIES = {
    "websockets": ("session.*", "local.server", "testing", "testing.*", "widgets.capture_page"),
    "threading": (
        "portal",
        "threads",
        "audio.recording",
        "widgets.lane",
        "transcript.listeners",
        "transcript.store",
        "session.credentials",
        "session.embedded",
        "local.*",
    ),
    "anywidget": ("widgets.*", "transcriber"),
    "ipywidgets": ("widgets.*", "transcriber"),
    "traitlets": ("widgets.*", "transcriber", "magic"),
    "IPython": (
        "magic",
        "progress",
        "extension",
        "body",
        "transcriber",
        "cell.twin",
        "__init__.load_ipython_extension",
    ),
    "azure.identity": ("session.credentials.*",),
}

NETWORK = ("aiohttp", "http", "requests", "socket", "ssl", "urllib.request", "websockets")
NOTEBOOK = ("IPython", "anywidget", "comm", "ipykernel", "ipywidgets", "jupyter_client", "traitlets")
STRANGERS = {  # rule 4
    "widgets": (NETWORK, ("widgets.capture_page",), "widgets know nothing of the network"),
    "session": (NOTEBOOK, (), "a session knows nothing of the notebook"),
}

WIRE_NAME = re.compile(
    r"(input_audio_buffer|conversation|response|transcription_session)(\.[a-z_]+)+|session\.(update|updated|created)"
)
# An address, not a sentence that mentions one.
HOST_OR_PATH = re.compile(
    r"(https?://|wss?://|\.)?[\w.-]*(openai|azure|microsoft)\.(com|us|cn)[\w/.-]*|[\w/]*/realtime"
)


class Import(NamedTuple):
    """One import: of `target`, at `line`, inside `function` ("" at module level), or for types only."""

    target: str
    line: int
    function: str
    late: bool


def imports(module: str, source: str, modules: frozenset[str]) -> Iterator[Import]:
    """Find every import of a source; our own modules are named without `rt_magic.`."""
    package = module.split(".") if module in PACKAGES else module.split(".")[:-1]

    def walk(node: ast.AST, function: str, late: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from walk(child, function or child.name, True)
            elif isinstance(child, ast.Import):
                for name in child.names:
                    yield Import(ours(name.name), child.lineno, function, late)
            elif isinstance(child, ast.ImportFrom):
                origin = child.module or ""
                if child.level:
                    above = ["rt_magic", *package][: len(package) + 2 - child.level]
                    origin = ".".join([*above, *filter(None, [origin])])
                for name in child.names:
                    inner = f"{origin}.{name.name}"
                    target = ours(inner if ours(inner) in modules else origin)
                    yield Import(target, child.lineno, function, late)
            elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
                yield from walk(child, function, True)
            else:
                yield from walk(child, function, late)

    yield from walk(ast.parse(source), "", False)


def ours(name: str) -> str:
    """Return the short name of one of our modules, and any other name as it is."""
    return "__init__" if name == "rt_magic" else name.removeprefix("rt_magic.")


def modules_of(package: Path) -> dict[str, Path]:
    """Return every module of the package by its short name; a package by its own, the root as `__init__`."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return found


MODULES = modules_of(PACKAGE)
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py" and name != "__init__"}


def row(module: str) -> str | None:
    """Return the row that a module belongs to."""
    for name, patterns in ROWS.items():
        if any(fnmatch(module, pattern) for pattern in patterns):
            return name
    return None


def is_library(target: str, library: str) -> bool:
    """Tell whether an import is of a library or of a part of it."""
    return target == library or target.startswith(library + ".")


def across_layers(module: str, found: Import) -> str | None:
    """Rule 1 for an import of one of our own modules."""
    mine, theirs = row(module), row(found.target)
    package, target = module.split(".")[0], found.target.split(".")[0]
    if mine is None or theirs is None:
        return f"rule 1: {module if mine is None else found.target} has no row; give it one in tests/test_layers.py"
    allowed = RESERVED.get(target)
    if target != package and allowed is not None and not any(fnmatch(module, name) for name in allowed):
        return f"rule 1: only {', '.join(allowed) or 'nobody'} may import {target}"
    order = list(ROWS)
    if order.index(theirs) > order.index(mine):
        return f"rule 1: {mine} may not import from {theirs}"
    if mine == theirs == "edges" and target != package and target not in ACROSS.get(package, ()):
        return f"rule 1: {package} may not use {target}"
    return None


def broken_rule(module: str, found: Import, modules: frozenset[str]) -> str | None:
    """Return the rule that an import breaks, in words, or None."""
    if found.target in modules:
        if found.late and (module, found.target) in LATE:
            return None
        return across_layers(module, found)
    if row(module) == "pure" and any(is_library(found.target, name) for name in IMPURE):
        return f"rule 1: a pure module may not import {found.target}"
    names, excepted, reason = STRANGERS.get(module.split(".")[0], ((), (), ""))
    if module not in excepted and any(is_library(found.target, name) for name in names):
        return f"rule 4: {reason}: {found.target}"
    place = f"{module}.{found.function}" if found.function else module
    for library, places in LIBRARIES.items():
        here = (place,) if library == "azure.identity" else (place, module)
        if is_library(found.target, library) and not any(fnmatch(p, q) for p in here for q in places):
            return f"rule 3: {library} may be imported in {', '.join(places)} only"
    return None


def misplaced_names(module: str, source: str) -> Iterator[tuple[int, str]]:
    """Find wire names, host names and URL paths in strings where they may not stand; docstrings may say all."""
    tree = ast.parse(source)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            if not fnmatch(module, "wire.*") and WIRE_NAME.fullmatch(node.value):
                yield node.lineno, f"rule 2: the wire name {node.value!r} belongs to wire"
            if module not in ("wire.dialects", "wire.addresses") and HOST_OR_PATH.fullmatch(node.value):
                yield node.lineno, f"rule 2: the address {node.value!r} belongs to wire.dialects"


def offences(module: str, source: str, modules: frozenset[str] = frozenset(MODULES)) -> list[str]:
    """Return what a module does against rules 1 to 4, each with its line."""
    found = [
        (item.line, rule) for item in imports(module, source, modules) if (rule := broken_rule(module, item, modules))
    ]
    return [f"{module}:{line}: {rule}" for line, rule in sorted([*found, *misplaced_names(module, source)])]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_keeps_to_the_rules(module: str) -> None:
    """Every module imports, and names, only what its place in the table allows."""
    assert offences(module, MODULES[module].read_text(encoding="utf-8")) == []


def test_client_and_server_share_pure_modules_only() -> None:
    """What the session and the servers have in common is pure, sound (`audio`) aside."""

    def used_by(*packages: str) -> set[str]:
        return {
            item.target
            for module, path in MODULES.items()
            if module.split(".")[0] in packages
            for item in imports(module, path.read_text(encoding="utf-8"), frozenset(MODULES))
            if item.target in MODULES
        }

    shared = used_by("session") & used_by("local", "testing") - {"local.recognizers"}  # Local.download
    shared -= {"optional"}  # the line that installs what either misses
    assert {name for name in shared if row(name) != "pure" and not fnmatch(name, "audio*")} == set()


@pytest.mark.parametrize(
    ("module", "allowed"),
    [("pcm.js", set()), ("outbox.js", set()), ("worklet.js", {"./pcm.js"})],
)  # fmt: skip
def test_a_script_imports_no_more_than_it_may(module: str, allowed: set[str]) -> None:
    """Rule 5: what runs in the audio thread, and what numbers the chunks, stays free of the page."""
    source = (JS / module).read_text(encoding="utf-8")
    assert set(re.findall(r"""^\s*(?:import|export)\b[^;]*?["']([^"']+)["'];?$""", source, re.M)) <= allowed


@pytest.mark.parametrize("module", sorted({path.name for path in JS.glob("*.js")} - OUTER))
def test_only_the_two_outer_scripts_know_the_model(module: str) -> None:
    """Rule 5: the widget's model is known to the scripts that join it with the rest, and to its stand-in."""
    assert re.findall(r"\bmodel\.(?:get|set|on|send|save_changes)\b", (JS / module).read_text(encoding="utf-8")) == []


# fmt: off
KNOWN = frozenset(
    {
        "__init__", "exceptions", "portal", "audio", "audio.pcm", "audio.recording", "wire", "wire.events",
        "wire.dialects", "session", "session.session", "session.services", "session.credentials", "transcript",
        "transcript.segments", "transcript.transcript", "widgets", "widgets.lane", "local", "local.recognizers",
        "transcriber", "magic", "batch",
    }
)
# fmt: on


@pytest.mark.parametrize(
    ("rule", "module", "source"),
    [
        ("rule 1", "wire.events", "from rt_magic.portal import portal"),
        ("rule 1", "wire.events", "from ..audio.recording import Recording"),
        ("rule 1", "wire.events", "import time"),
        ("rule 1", "transcript.segments", "from . import transcript"),
        ("rule 1", "session.session", "from rt_magic.widgets import lane"),
        ("rule 1", "session.session", "from rt_magic import portal"),
        ("rule 1", "session.session", "if TYPE_CHECKING:\n    from rt_magic.portal import Portal"),
        ("rule 1", "session.session", "def f():\n    from rt_magic.batch import transcribe"),
        ("rule 1", "widgets.lane", "import rt_magic.session.session"),
        ("rule 1", "widgets.lane", "import rt_magic"),
        ("rule 1", "magic", "from rt_magic.widgets.lane import Lane"),
        ("rule 1", "transcriber", "from rt_magic.local import recognizers"),
        ("rule 1", "session.services", "from rt_magic.local import recognizers"),
        ("rule 1", "helpers", "from rt_magic.exceptions import RtMagicError"),
        ("rule 2", "session.session", "kind = 'input_audio_buffer.append'"),
        ("rule 2", "session.services", "host = 'https://api.openai.com'"),
        ("rule 2", "session.services", "url = f'{host}/v1/realtime'"),
        ("rule 3", "transcriber", "import websockets.sync.client"),
        ("rule 3", "batch", "from threading import Lock"),
        ("rule 3", "batch", "from IPython.display import display"),
        ("rule 3", "session.credentials", "from azure.identity import DefaultAzureCredential"),
        ("rule 4", "widgets.lane", "import socket"),
        ("rule 4", "session.session", "from ipywidgets import VBox"),
    ],
)  # fmt: skip
def test_the_checker_names_the_rule_that_a_wrong_line_breaks(rule: str, module: str, source: str) -> None:
    """A line that breaks a rule is refused, by the number of that rule."""
    found = offences(module, source, KNOWN)
    assert len(found) == 1
    assert found[0].startswith((f"{module}:1: {rule}", f"{module}:2: {rule}"))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("wire.events", "import json\nfrom rt_magic.exceptions import RtMagicError"),
        ("session.session", "import websockets\nfrom ..audio.recording import Recording\nfrom . import services"),
        ("session.services", "def download():\n    from rt_magic.local import recognizers"),
        ("session.credentials", "def f():\n    from azure.identity import DefaultAzureCredential"),
        ("widgets.lane", "import threading, anywidget\nfrom rt_magic.portal import portal"),
        ("transcriber", "from rt_magic.widgets.lane import Lane\nfrom rt_magic.session.session import RealtimeSession"),
        ("transcript.export", "if TYPE_CHECKING:\n    from rt_magic.transcript.transcript import Transcript"),
        ("session.services", "note = 'audio then goes to api.openai.com'"),
        ("session.session", "'''Sends input_audio_buffer.append to api.openai.com.'''"),
        ("__init__", "def load_ipython_extension(shell):\n    from IPython import get_ipython"),
    ],
)  # fmt: skip
def test_the_checker_lets_right_lines_pass(module: str, source: str) -> None:
    """Lines that keep to the rules are not complained about."""
    assert offences(module, source, KNOWN) == []
