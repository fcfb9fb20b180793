"""Which turns of a connection are not settled yet. Pure."""

from __future__ import annotations


class OpenTurns:
    """Count the turns that were begun and neither completed nor failed.

    Events may come in any order and repeatedly. One without an item id means the oldest turn that it can mean; a turn
    begun without an id takes the first id that comes for it.
    """

    def __init__(self) -> None:
        self._spoken: list[str | None] = []
        self._committed: list[str | None] = []
        self._settled: set[str] = set()

    def __len__(self) -> int:
        return len(self._spoken) + len(self._committed)

    def speak(self, item_id: str | None) -> None:
        """Note that a turn has begun; of those without an id there is one at a time."""
        known = item_id in self._spoken
        if item_id is not None:
            known = known or item_id in self._committed or item_id in self._settled
        if not known:
            self._spoken.append(item_id)

    def commit(self, item_id: str | None) -> None:
        """Note that a turn is closed and waits for its text."""
        if item_id is not None and (item_id in self._committed or item_id in self._settled):
            return
        _remove(self._spoken, item_id)
        self._committed.append(item_id)

    def settle(self, item_id: str | None) -> None:
        """Note that a turn has its text or has failed."""
        if item_id is not None:
            if item_id in self._settled:
                return
            self._settled.add(item_id)
        if not _remove(self._committed, item_id):
            _remove(self._spoken, item_id)

    def settle_all(self) -> list[str | None]:
        """Settle every turn that is open and return their items."""
        items = [*self._committed, *self._spoken]
        for item_id in items:
            self.settle(item_id)
        return items

    def clear(self) -> None:
        """Forget turns that are not committed, as their audio was dropped."""
        self._spoken.clear()


def _remove(turns: list[str | None], item_id: str | None) -> bool:
    """Take out the turn of that id; where either side has none, the oldest it can be."""
    if item_id in turns:
        turns.remove(item_id)
    elif item_id is None and turns:
        del turns[0]
    elif None in turns:
        turns.remove(None)
    else:
        return False
    return True
