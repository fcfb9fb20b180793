"""The text that stays in a saved notebook, refreshed on one thread."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from rt_magic.cell import twin as module
from rt_magic.cell.twin import Twin
from rt_magic.portal import portal
from rt_magic.transcript.transcript import Transcript


def test_it_is_refreshed_on_the_portals_thread_whoever_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user's thread asks for is done on the portal's, where the timer is; there it is done at once."""
    threads: list[threading.Thread] = []

    def shown(*_bundle: Any, **_more: Any) -> None:
        threads.append(threading.current_thread())

    monkeypatch.setattr(module, "display", lambda *_bundle, **_more: None)
    monkeypatch.setattr(module, "update_display", shown)
    twin = Twin(Transcript(), private=False)
    twin.show(keep=True)

    async def change() -> Any:
        twin.refresh_soon()
        return twin._timer

    async def refresh() -> int:
        twin.refresh()
        return len(threads)

    timer = portal().run(change()).result(5)
    twin.refresh()
    assert portal().run(refresh()).result(5) == 2
    assert threads == [portal().thread] * 2
    assert timer.cancelled() and twin._timer is None
