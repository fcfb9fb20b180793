"""Libraries of single features: what is said where one is missing, with a line that works where this comes from."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from rt_magic.exceptions import ConfigurationError
from rt_magic.optional import extra, library

INDEX = '%pip install "rt-magic[local]"'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder of a project."""
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def installed(monkeypatch: pytest.MonkeyPatch, told: str | None) -> None:
    """Let the installation say this of where it comes from."""
    found = SimpleNamespace(read_text=lambda name: told if name == "direct_url.json" else None)
    monkeypatch.setattr("rt_magic.optional.distribution", lambda name: found)


@pytest.mark.parametrize(("editable", "option"), [(True, "-e "), (False, "")])
def test_a_clone_is_named_beside_the_index(
    monkeypatch: pytest.MonkeyPatch, clone: Path, editable: bool, option: str
) -> None:
    """Who has a clone gets the line that installs from it; in place where it is used in place."""
    told = {"url": clone.as_uri(), "dir_info": {"editable": True} if editable else {}}
    installed(monkeypatch, json.dumps(told))
    assert extra("local") == f'{INDEX} (from this clone: %pip install {option}"{clone}[local]")'


@pytest.mark.parametrize(
    "told",
    [
        None,
        "",
        "no JSON",
        '{"url": "file:///nowhere/at/all", "dir_info": {"editable": true}}',
        '{"url": "file:///tmp/rt_magic.whl", "archive_info": {}}',
        '{"dir_info": {}}',
    ],
)
def test_else_only_the_index_is_named(monkeypatch: pytest.MonkeyPatch, told: str | None) -> None:
    """An archive, a folder that has gone, or what cannot be read: the line stays plain."""
    installed(monkeypatch, told)
    assert extra("local") == INDEX


def test_what_was_never_installed_names_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder on the path."""

    def none(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("rt_magic.optional.distribution", none)
    assert extra("local") == INDEX


def test_a_missing_library_is_named_with_its_line() -> None:
    """The package may be called otherwise than the module."""
    with pytest.raises(ConfigurationError, match=r"scikit-nothing is needed .*%pip install scikit-nothing"):
        library("no_such_module", "scikit-nothing")
    assert library("json") is json
