"""The IPython that this runs in, where it does: told without importing it, which a plain script should not pay for."""

from __future__ import annotations

import sys
from typing import Any


def running_shell() -> Any | None:
    """Return IPython's shell, in a kernel or a terminal; None in a plain script."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def in_kernel() -> bool:
    """Whether this runs in a kernel, and not in a terminal or a script."""
    return getattr(running_shell(), "kernel", None) is not None
