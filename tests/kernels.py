"""A real kernel to talk to as a front end does: run cells, read what they print, answer its comms."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

TIMEOUT = 60.0
NOTEBOOK = {"JPY_SESSION_NAME": "test.ipynb"}
"""What tells a kernel that a notebook is open in a page."""


@dataclass
class Cell:
    """What came back from one cell: by the time it ended, and whatever is shown under it later."""

    request: str
    status: str = "running"
    reply: dict[str, Any] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that was printed, and the plain text of all that was displayed, in order."""
        return "".join(
            str(out["text"]) if "text" in out else out.get("data", {}).get("text/plain", "") + "\n"
            for out in self.outputs
        )


class FrontEnd:
    """The other side of a kernel, without a browser."""

    def __init__(self, client: BlockingKernelClient, manager: KernelManager) -> None:
        self.client, self.manager = client, manager
        self.allow_stdin = True
        self.cells: dict[str, Cell] = {}
        self.comms: dict[str, dict[str, Any]] = {}
        """State of each open comm, by id, as a page's widget manager keeps it."""
        self.sent_to_page: list[tuple[str, dict[str, Any]]] = []
        """Custom messages from the kernel: comm id and content."""
        self.on_comm: Callable[[str, str, dict[str, Any]], object] = lambda comm, method, content: None
        """Called with comm id, "update" or "custom", and traits or content, in the order in which they came."""
        self.displays: dict[str, dict[str, Any]] = {}
        self.statuses: list[str] = []
        """What the kernel said of itself: "busy" and "idle", for cells and for messages."""

    def start(self, code: str, *, cell_id: str | None = None) -> Cell:
        """Run a cell without waiting for it; `allow_stdin` of this front end says whether somebody sits there."""
        metadata = {"cellId": cell_id} if cell_id else {}
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": self.allow_stdin,
        }
        message = self.client.session.msg("execute_request", {**content, "stop_on_error": True}, metadata=metadata)
        cell = self.cells[message["header"]["msg_id"]] = Cell(message["header"]["msg_id"])
        self.client.shell_channel.send(message)
        return cell

    def finish(self, cell: Cell, timeout: float = TIMEOUT) -> Cell:
        """Wait until a cell has ended and its output is here."""
        self.until(lambda: cell.status != "running", timeout)
        return cell

    def run(self, code: str, *, timeout: float = TIMEOUT, cell_id: str | None = None) -> Cell:
        """Run a cell to its end."""
        return self.finish(self.start(code, cell_id=cell_id), timeout)

    def value(self, expression: str) -> Any:
        """Return the value of an expression that prints as a Python literal."""
        import ast

        cell = self.run(f"print(repr({expression}))")
        assert cell.status == "ok", cell.text
        return ast.literal_eval(cell.text.strip())

    def send(self, comm: str, content: Mapping[str, Any], buffers: list[bytes] | None = None) -> None:
        """Send a widget a custom message, as a page does."""
        data = {"comm_id": comm, "data": {"method": "custom", "content": dict(content)}}
        message = self.client.session.msg("comm_msg", data)
        self.client.session.send(self.client.shell_channel.socket, message, buffers=buffers)

    def set_trait(self, comm: str, state: Mapping[str, Any]) -> None:
        """Set traits of a widget, as a page does."""
        data = {"comm_id": comm, "data": {"method": "update", "state": dict(state), "buffer_paths": []}}
        self.client.session.send(self.client.shell_channel.socket, self.client.session.msg("comm_msg", data))

    def comm(self, widget: str) -> str:
        """Return the id of the newest comm whose widget is of that class."""
        found = [id_ for id_, state in self.comms.items() if state.get("_anywidget_id", "").endswith(f".{widget}")]
        assert found, f"no {widget} among {[state.get('_anywidget_id') for state in self.comms.values()]}"
        return found[-1]

    def until(self, condition: Callable[[], object], timeout: float = TIMEOUT) -> None:
        """Take in what the kernel sends until `condition()` holds; AssertionError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            self.pump()
            if condition():
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout} s; cells: {[vars(c) for c in self.cells.values()]}")

    def pump(self, seconds: float = 0.02) -> None:
        """Take in everything that arrives within so many seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self._take(self.client.get_iopub_msg(timeout=left))
            except Empty:
                break
        while True:
            try:
                reply = self.client.get_shell_msg(timeout=0.001)
            except Empty:
                return
            cell = self.cells.get(reply["parent_header"].get("msg_id", ""))
            if cell is not None:
                cell.reply = reply["content"]

    def _take(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "status":
            self.statuses.append(content["execution_state"])
        cell = self.cells.get(message["parent_header"].get("msg_id", ""))
        if kind == "comm_open":
            self.comms[content["comm_id"]] = dict(content["data"].get("state", {}))
        elif kind == "comm_close":
            self.comms.pop(content["comm_id"], None)
        elif kind == "comm_msg":
            data = content["data"]
            if data.get("method") == "update":
                self.comms.setdefault(content["comm_id"], {}).update(data["state"])
                self.on_comm(content["comm_id"], "update", data["state"])
            elif data.get("method") == "custom":
                self.sent_to_page.append((content["comm_id"], data["content"]))
                self.on_comm(content["comm_id"], "custom", data["content"])
        elif kind == "update_display_data":
            self.displays[content["transient"]["display_id"]] = content["data"]
        elif cell is None:
            return
        elif kind == "status" and content["execution_state"] == "idle":
            self._wait_for_reply(cell)
        elif kind in ("stream", "display_data", "execute_result"):
            cell.outputs.append(content)
            if "display_id" in content.get("transient", {}):
                self.displays[content["transient"]["display_id"]] = content["data"]
        elif kind == "error":
            cell.outputs.append({"text": "\n".join(content["traceback"]), **content})

    def _wait_for_reply(self, cell: Cell) -> None:
        if cell.status != "running":
            return
        while not cell.reply:
            reply = self.client.get_shell_msg(timeout=TIMEOUT)
            if (answered := self.cells.get(reply["parent_header"].get("msg_id", ""))) is not None:
                answered.reply = reply["content"]
        cell.status = cell.reply["status"]


@contextmanager
def kernel(env: Mapping[str, str] | None = None) -> Iterator[FrontEnd]:
    """Start an ipykernel of this environment and end it afterwards."""
    import os

    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, **(NOTEBOOK if env is None else env)})
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=TIMEOUT)
        yield FrontEnd(client, manager)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=False)
        manager.cleanup_resources()
