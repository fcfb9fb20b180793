"""The committed browser bundles are the ones that js/src makes; found out without Node."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "rt_magic" / "widgets" / "static"
BUNDLES = ("capture_page.js", "microphone.js", "transcript_view.js")


def digest_of(sources: Path) -> str:
    """Return the SHA-256 over the files of a folder in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(sources.iterdir(), key=lambda path: path.name):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_carries_the_hash_of_its_sources(name: str) -> None:
    """The first line of each bundle names the sources it was built from, as they are now."""
    first = (STATIC / name).read_text(encoding="utf-8").partition("\n")[0]
    found = re.fullmatch(r"// Generated from js/src \(sha256 ([0-9a-f]{64})\); edit there, then: .+", first)
    assert found, first
    assert found[1] == digest_of(ROOT / "js" / "src"), "stale: npm --prefix js run build"


def test_a_changed_or_renamed_source_changes_the_hash(tmp_path: Path) -> None:
    """The hash tells one content from another, and one order of files from another."""
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "b.js").write_text("2")
    before = digest_of(tmp_path)
    (tmp_path / "b.js").write_text("3")
    assert digest_of(tmp_path) != before
    (tmp_path / "b.js").write_text("2")
    (tmp_path / "a.js").rename(tmp_path / "c.js")
    assert digest_of(tmp_path) != before


def test_nothing_but_the_bundles_is_in_the_static_folder() -> None:
    """What ships is what is built."""
    assert sorted(path.name for path in STATIC.iterdir()) == sorted(BUNDLES)


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_fetches_nothing(name: str) -> None:
    """A bundle is one module: it imports no second file and opens no connection, the capture page its own aside."""
    source = re.sub(r"/\*.*?\*/", "", (STATIC / name).read_text(encoding="utf-8"), flags=re.S)
    assert re.findall(r"""^\s*import\b[^("']*["'][^"']+["']|\bimport\(|\bfrom\s*["'](?:\.|http)""", source, re.M) == []
    opened = re.findall(r"\b(?:fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon)\([^)]*\)", source)
    own = "WebSocket(`ws://${location.host}/socket`)"
    assert opened == ([own] if name == "capture_page.js" else [])
