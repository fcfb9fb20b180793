"""A microphone's side of its capture page: the address, what is shown there, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import anywidget

from rt_magic.portal import portal
from rt_magic.widgets.messages import CapturePage

if TYPE_CHECKING:
    from rt_magic.widgets.capture_page import CaptureServer

TOLD = ("state", "status", "error", "destination", "notice", "busy_after", "disabled", "page", "command")
"""Traits of the microphone that its capture page shows as well."""
SWITCHES = ("echo_cancellation", "noise_suppression", "auto_gain")
"""Traits that it opens the microphone with."""


class CaptureLink:
    """Serve a page of its own for a microphone, and keep it in step. For the portal's thread.

    `receive` takes what the page sends.
    """

    def __init__(
        self, widget: anywidget.AnyWidget, receive: Callable[[object, Sequence[bytes | memoryview]], object]
    ) -> None:
        self._widget, self._receive = widget, receive
        self._server: CaptureServer | None = None
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def address(self) -> str:
        """Return an address that can be opened once; the first one begins to serve the page."""
        async with self._opening:  # two pages may ask at once
            if self._server is None:
                from rt_magic.widgets.capture_page import CaptureServer

                server = CaptureServer(self._receive, self._traits)
                await server.open()
                self._server = server
                self._widget.observe(self._tell_trait, names=list(TOLD))
            return self._server.address()

    def give(self, page: str) -> None:
        """Send an address to a page of the notebook that asked for one; returns at once."""
        self._run(self._give(page))

    def brought(self, page: str) -> bool:
        """Whether this page came by an address of ours."""
        return self._server is not None and page in self._server.pages

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message to the page, if there is one."""
        if self._server is not None:
            self._server.tell(message)
            if message.get("traits", {}).get("state") == "stopped":
                self.end()

    def end(self) -> None:
        """Serve nothing any more; returns at once."""
        if self._server is not None:
            server, self._server = self._server, None
            self._widget.unobserve(self._tell_trait, names=list(TOLD))
            self._run(server.close())

    async def _give(self, page: str) -> None:
        self._widget.send(CapturePage(type="capture-page", page=page, address=await self.address()))

    def _traits(self) -> dict[str, Any]:
        own = {name: getattr(self._widget, name) for name in (*TOLD, *SWITCHES)}
        return {**own, "composed": False, "device": "", "better": {}}

    def _tell_trait(self, change: Any) -> None:
        # On the thread of whoever wrote the trait.
        portal().call_soon(self.tell, {"type": "traits", "traits": {change["name"]: change["new"]}})

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
