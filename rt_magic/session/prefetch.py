"""Have at hand what the next connection needs: the embedded server's address, or a token."""

from __future__ import annotations

import asyncio
import contextlib
import time

from rt_magic.session import embedded
from rt_magic.session.services import Address, Local, Service
from rt_magic.wire.addresses import Rung

FRESH = 300.0
"""Seconds for which a token that was fetched ahead is used; then the next connection fetches its own."""

_ahead: dict[Service, tuple[asyncio.Task[Address], Rung, float]] = {}


async def warm(service: Service) -> str:
    """Start the embedded server, or fetch the token for the next connection; return the credential's name.

    To be run, on the loop that the session will live on, when a cell runs: a click on Start then finds both there.
    Raises AuthenticationError where no token can be had, so that one hears of it before speaking.
    """
    if isinstance(service, Local):
        embedded.prepare(service)
        return "embedded"
    rung = Rung()
    task = asyncio.ensure_future(service.address(rung))
    with contextlib.suppress(TypeError):  # a service that holds an unhashable credential fetches when it connects
        _ahead[service] = task, rung, time.monotonic()
    return (await asyncio.shield(task)).credential


def forget() -> None:
    """Forget what was fetched ahead."""
    _ahead.clear()


async def address(service: Service, rung: Rung) -> Address:
    """Return where to connect and with what: once what was fetched ahead, else fetched now."""
    if isinstance(service, Local):
        return await embedded.address(service)
    try:
        task, fetched_for, since = _ahead.pop(service)
    except (KeyError, TypeError):
        return await service.address(rung)
    usable = fetched_for == rung and time.monotonic() - since < FRESH
    if usable and task.get_loop() is asyncio.get_running_loop() and not (task.done() and task.exception()):
        return await task
    return await service.address(rung)
