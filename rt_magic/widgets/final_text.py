"""The final text of a widget's transcript as a trait that costs nothing while nobody observes it."""

from __future__ import annotations

from typing import Any

import traitlets
from traitlets.utils.bunch import Bunch


class FinalText(traitlets.Unicode[str, str]):
    """The final text, joined when it is read; whoever observes it is told when it has changed."""

    def get(self, obj: Any, cls: Any = None) -> str:
        """Return the text as it is now."""
        return "" if obj.transcript is None else str(obj.transcript.text)


def tell(widget: Any, before: str) -> str:
    """Tell those who observe the widget's `value`, if there are any, and return the text they now know.

    Joining a long text for nobody costs time, so that without them `before` is returned.
    """
    if not any(widget._trait_notifiers.get(name, {}).get("change") for name in ("value", traitlets.All)):
        return before
    text = str(widget.value)
    if text != before:
        widget.notify_change(Bunch(name="value", old=before, new=text, owner=widget, type="change"))
    return text
