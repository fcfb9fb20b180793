"""What every test stands on: nobody's service settings, nobody's home folder, browser tests last."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure, and a run that fails fails again; the long tests draw anew each time.
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.load_profile("suite")

MAIN = sys.modules["__main__"]
"""The program of this process; shells that tests make put a module of their own in its place."""

SERVICE_SETTINGS = ("RT_MAGIC_", "AZURE_", "OPENAI_")


def playwright_browsers() -> str:
    """Return where `playwright install` puts browsers, which it looks up in the caller's home."""
    caches = {"darwin": "Library/Caches", "win32": "AppData/Local"}.get(sys.platform, ".cache")
    return str(Path(os.environ.get("XDG_CACHE_HOME", Path.home() / caches)) / "ms-playwright")


@pytest.fixture(autouse=True, scope="session")
def machine_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Take away the caller's service settings and keep recordings out of the caller's home."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(SERVICE_SETTINGS)]:
            patch.delenv(name)
        patch.setenv("PLAYWRIGHT_BROWSERS_PATH", os.environ.get("PLAYWRIGHT_BROWSERS_PATH", playwright_browsers()))
        home = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(home))
        patch.setenv("USERPROFILE", str(home))
        patch.setenv("LOCALAPPDATA", str(home / "AppData"))
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        patch.setenv("IPYTHONDIR", str(home / "ipython"))
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark browser tests, and run them last: Playwright leaves a running loop on the main thread."""
    browser = Path(__file__).parent / "browser"
    for item in items:
        if browser in item.path.parents:
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
