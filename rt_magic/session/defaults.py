"""What this process was told to use: by `rt.use`, and by the configuration of its notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rt_magic.session.resolution import Resolved, check_allowed, resolve_service
from rt_magic.session.services import Service

_used: Service | None = None
_configured: Callable[[], object] | None = None


def use(service: object) -> None:
    """Make a service (an object, a name or an address) the default of this process; None takes it back."""
    global _used
    chosen = None if service is None else resolve_service(service).service
    if chosen is not None:
        check_allowed(chosen)
    _used = chosen


def default_service() -> Service | None:
    """Return what `use` was given, or None."""
    return _used


def configure(service: Callable[[], object] | None) -> None:
    """Let `service()`, a service or what names one, come before what `use` was given; None takes it back."""
    global _configured
    _configured = service


def chosen_service(value: object = None, *, namespace: Mapping[str, Any] | None = None) -> Resolved:
    """Choose as `resolve_service` does, with what this process was told to use. Raises ConfigurationError."""
    configured = None if _configured is None else _configured()
    return resolve_service(value, configured=configured, default=_used, namespace=namespace)
