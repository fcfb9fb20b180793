"""Every block of code in the guide runs as it stands, and the site is built without a warning."""

from __future__ import annotations

import ast
import html
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
import soundfile

import do
from rt_magic.arguments import parse
from rt_magic.options import OPTIONS
from tests import speech
from tests.kernels import NOTEBOOK, kernel

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TOKEN = "token-of-the-guide"
TWO_PHRASES = 6.5
"""Seconds of the recording that the guide speaks of."""

_FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+?) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and why it is not run if it is not."""

    language: str
    code: str
    reason: str | None
    line: int


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["language"], found["code"], found["reason"], text[: found.start("code")].count("\n"))
        for found in _FENCE.finditer(text)
    ]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Start our embedded server, which speaks as every service does that the guide names; give `host:port`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rt_magic.local", "--parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "RT_MAGIC_LOCAL_TOKEN": TOKEN},
    )
    assert process.stdin is not None and process.stdout is not None
    yield json.loads(process.stdout.readline())["url"].split("/")[2]
    process.stdin.close()
    process.wait(timeout=10)
    process.stdout.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_is_of_a_kind_that_is_tested(page: Path) -> None:
    """Python, shell, or the printed output of the block before; what is not run says why and is at least readable."""
    assert page.read_text(encoding="utf-8").count("```") == 2 * len(blocks(page)), "a fence that is not understood"
    before = None
    for block in blocks(page):
        assert block.language in ("python", "bash", "text"), f"line {block.line}: ```{block.language}"
        if block.language == "text":
            assert before is not None and before.language == "python", f"line {block.line}: output of what?"
        if block.language == "python" and block.reason is not None:
            first, _, body = block.code.partition("\n")
            if first.startswith("%%transcribe"):
                parse(first.removeprefix("%%transcribe"))
                first = ""
            ast.parse(f"{first}\n{body}")
        before = block


@pytest.mark.parametrize(
    "page", [p for p in PAGES if any(b.language == "python" for b in blocks(p))], ids=lambda p: p.stem
)
def test_a_page_runs_from_top_to_bottom(page: Path, server: str, tmp_path: Path) -> None:
    """In a new kernel, in a folder with the recording it speaks of, every block works and prints what the page says.

    The addresses of the guide's services lead to a server on this machine.
    """
    sound, rate = soundfile.read(speech.PHRASES_FLAC, stop=round(TWO_PHRASES * 24_000))
    soundfile.write(tmp_path / "interview.flac", sound, rate)
    here = {f"https://contoso.{host}.azure.com": f"http://{server}" for host in ("openai", "services.ai")}
    here["ws://127.0.0.1:8000"] = f"ws://{server}"
    settings = {
        "AZURE_OPENAI_API_KEY": TOKEN,
        "AZURE_OPENAI_AD_TOKEN": TOKEN,
        "AZURE_VOICELIVE_API_KEY": TOKEN,
        "OPENAI_API_KEY": TOKEN,
        "OPENAI_BASE_URL": f"http://{server}/v1",
        "RT_MAGIC_API_KEY": TOKEN,
        "MPLBACKEND": "agg",
    }
    with kernel({**NOTEBOOK, **settings}) as front:
        front.run(f"import os; os.chdir({str(tmp_path)!r})")
        for number, (block, after) in enumerate(_pairs(page)):
            code = block.code if block.language == "python" else _exported(block)
            for address, ours in here.items():
                code = code.replace(address, ours)
            cell = front.run(code, cell_id=f"cell-{number}")
            assert cell.status == "ok", f"{page.name}, line {block.line}:\n{code}\n{cell.text}"
            if after is not None:
                assert cell.text.strip() == after.code.strip(), f"{page.name}, line {block.line}"


def _pairs(page: Path) -> list[tuple[Block, Block | None]]:
    """Return each block that runs with the output that the page shows of it."""
    found = blocks(page)
    return [
        (block, after if after is not None and after.language == "text" else None)
        for block, after in zip(found, [*found[1:], None], strict=True)
        if block.language in ("python", "bash") and block.reason is None
    ]


def _exported(block: Block) -> str:
    """Return what the exports of a shell block would have set before the kernel began; "..." stands for a key."""
    given = dict(re.findall(r"^export (\w+)=(?!\.\.\.)(\S+)$", block.code, re.MULTILINE))
    return f"import os; os.environ.update({given!r})"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_shell_line_is_one_that_exists(page: Path) -> None:
    """Commands of do.py, extras, modules with their options, and files are those that are there."""
    for block in blocks(page):
        if block.language != "bash":
            continue
        for line in block.code.splitlines():
            words = shlex.split(line, comments=True)
            if words:
                _check_command(words)


def _check_command(words: list[str]) -> None:
    match words:
        case ["python3", "do.py", command, *rest]:
            assert command in do.COMMANDS, words
            assert all((ROOT / word).exists() for word in rest if "/" in word), words
        case ["pip", "install", target]:
            extras = re.fullmatch(r"\.\[([\w,]+)\]", target)
            assert extras, words
            assert set(extras[1].split(",")) <= set(_project()["optional-dependencies"]), words
        case ["python", "-m", "rt_magic.local", *options]:
            text = (ROOT / "rt_magic/local/__main__.py").read_text(encoding="utf-8")
            assert all(f'"{option}"' in text for option in options if option.startswith("--")), words
        case [".venv/bin/python", "-m", "pytest", *paths]:
            assert all((ROOT / path.partition("::")[0]).exists() for path in paths if not path.startswith("-")), words
        case ["npm", "--prefix", "js", "run", script]:
            assert script in json.loads((ROOT / "js/package.json").read_text(encoding="utf-8"))["scripts"], words
        case ["export", setting]:
            name = setting.partition("=")[0]
            assert any(name in path.read_text(encoding="utf-8") for path in (ROOT / "rt_magic").rglob("*.py")), words
        case ["git", "clone" | "switch" | "commit", *_] | ["cd", _]:
            pass
        case _:
            raise AssertionError(f"nobody knows whether this works: {shlex.join(words)}")


def _project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def test_the_guide_names_every_option_of_the_cell() -> None:
    """What `%transcribe?` lists stands on the page about the cell."""
    text = (ROOT / "docs" / "cell.md").read_text(encoding="utf-8")
    assert [option.names[0] for option in OPTIONS if option.names[0] not in text] == []


def test_readme_and_guide_say_the_same_of_how_it_is_run() -> None:
    """The table of what happens where stands in both, word for word."""
    found = re.search(r"^\| how you run it \|.*?\n\n", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    assert found is not None and found[0] in (ROOT / "docs" / "cell.md").read_text(encoding="utf-8")


# ── the site ──


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `do.py docs` does, into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, *do.SITE, "--site-dir", folder], cwd=ROOT, env={**os.environ, **do.NO_ADVICE}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return folder


class _Loads(HTMLParser):
    """Collects what a page makes a browser fetch, and its links."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an address that is fetched by itself."""
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio"):
            self.fetched.append(given.get("src") or "")
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev", "edit"):
            self.fetched.append(given.get("href") or "")


def test_the_site_is_whole_and_fetches_nothing_from_elsewhere(site: Path) -> None:
    """Built strictly, every page is there, with the notebooks, and a reader's browser asks no other host."""
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    named = {f"{page.stem}.html" for page in (ROOT / "docs").glob("*.md")}
    notebooks = {f"notebooks/{path.stem}.html" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert named | notebooks <= pages
    for page in pages:
        loads = _Loads()
        loads.feed((site / page).read_text(encoding="utf-8"))
        assert [address for address in loads.fetched if "//" in address] == [], page


def test_the_reference_has_every_public_name(site: Path) -> None:
    """Whatever `rt_magic` exports is described from its docstring."""
    import rt_magic

    text = (site / "reference.html").read_text(encoding="utf-8")
    missing = [
        name
        for name in [*rt_magic.__all__, "Transcript.text", "Transcript.to_srt", "Clip", "TranscriptChange"]
        if name != "testing" and not re.search(rf'id="rt_magic\.(\w+\.)*{name}"', text)
    ]
    assert missing == []


def test_the_notebooks_of_the_site_are_the_notebooks(site: Path) -> None:
    """A page of a notebook holds every cell of it."""
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        shown = _text(site / "notebooks" / f"{path.stem}.html")
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                assert "".join(cell.source.split()) in shown, path


def _text(page: Path) -> str:
    return "".join(html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))).split())
