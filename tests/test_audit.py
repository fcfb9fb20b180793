"""What `do.py audit` says of what the registries answer: flaws, none, or that nobody could say."""

from __future__ import annotations

import json

import pytest

import do

SOUND = {"name": "a", "version": "1", "vulns": []}
FLAWED = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found"}
OURS = {"name": "rt-magic", "skip_reason": "it is not published"}


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ([SOUND, OURS], 0, "no known flaws"),
        ([SOUND, FLAWED], 1, "b 2: CVE-1, mended in 3"),
        ([SOUND, SKIPPED], 2, "NOT AUDITED, 1 of 2 packages: Dependency not found"),
        ([FLAWED, SKIPPED], 1, "NOT AUDITED"),
    ],
)
def test_the_answer_for_python(
    said: list[dict[str, object]], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A package that could not be looked up is never called sound, and a flaw always fails."""
    assert do.report_flaws("Python", *do.python_flaws(json.dumps({"dependencies": said}))) == code
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ('{"vulnerabilities": {}}', 0, "no known flaws"),
        ('{"vulnerabilities": {"esbuild": {"severity": "high"}}}', 1, "esbuild: high"),
        ('{"message": "405 Method Not Allowed"}', 2, "NOT AUDITED, 405"),
        ("no network", 2, "NOT AUDITED, no network"),
        ("[]", 2, "NOT AUDITED"),
        ("", 2, "NOT AUDITED, npm audit said nothing"),
    ],
)
def test_the_answer_for_javascript(said: str, code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same of npm, whatever it writes instead of an answer."""
    assert do.report_flaws("JavaScript", *do.node_flaws(said)) == code
    assert words in capsys.readouterr().out
