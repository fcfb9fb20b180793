"""A lane of our own into a busy kernel: the subshell on which everything that comes up from our pages travels.

ipykernel handles comm messages between cells, so neither sound nor a click would arrive while a cell runs. Since
7.4 a comm may answer which subshell its messages go to (`BaseComm._reply_subshell_for`); ours answer with one that
runs nothing but them. Elsewhere messages wait in the page until the cell ends: late, never lost.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from rt_magic.portal import portal

TIMEOUT = 5.0
"""Seconds the kernel's control channel may take to make a subshell; 0.01 is usual."""

RENEW_EVERY = 5.0
"""Seconds between two attempts to replace a subshell that has ended."""

IDLE_EVERY = 1.0
"""Seconds for which it is held back that a message to a widget is dealt with."""

PULSE = 1.0
"""Seconds in which a main loop that no cell blocks gives a sign."""

_lock = threading.Lock()
_lane: Lane | None = None


def attach(comm: Any) -> bool:
    """Let this comm's messages come by the lane, made on first use; False where the kernel has none."""
    global _lane
    kernel = _kernel()
    if kernel is None or not callable(getattr(comm, "_reply_subshell_for", None)):
        return False
    with _lock:
        if _lane is None or not (_lane.open or _lane.renew()):
            _lane = Lane.make(kernel)
        lane = _lane
    if lane is None:
        return False
    lane.take(comm)
    return True


def detach(comm: Any) -> None:
    """Forget a comm that is closed; the lane goes with the last one."""
    global _lane
    with _lock:
        lane = _lane
        if lane is None or not lane.leave(comm):
            return
        _lane = None
    # The kernel joins the subshell's thread, which may be the one we are on.
    portal().loop.call_soon_threadsafe(portal().loop.run_in_executor, None, lane.delete)


def close_lane() -> None:
    """Delete the subshell, whoever still uses it: their messages take the kernel's usual way from then on."""
    global _lane
    with _lock:
        lane, _lane = _lane, None
    if lane is not None:
        lane.delete()


def available() -> bool:
    """Whether this process is a kernel that can give a comm a subshell of its own."""
    return _kernel() is not None


def _kernel() -> Any | None:
    ipykernel = sys.modules.get("ipykernel.kernelbase")
    if ipykernel is None or not ipykernel.Kernel.initialized():
        return None
    comms = sys.modules.get("ipykernel.comm.comm")
    if comms is None or not hasattr(comms.BaseComm, "_reply_subshell_for"):
        return None
    kernel = ipykernel.Kernel.instance()
    features = kernel.kernel_info.get("supported_features", ())
    manager = getattr(getattr(kernel, "shell_channel_thread", None), "manager", None)
    usable = (
        "kernel subshells" in features
        and hasattr(manager, "list_subshell")
        and hasattr(kernel, "_shell_parent_ident")
        and hasattr(kernel, "_publish_status")
    )
    return kernel if usable else None


class Pulse:
    """Tell whether the kernel's main loop turns round: without a lane a page is heard only while it does."""

    def __init__(self) -> None:
        self._asked: float | None = None

    def stopped(self, now: float) -> bool:
        """Ask the loop for a sign; True while one that was asked for a second ago has not come. On one thread."""
        ipykernel = sys.modules.get("ipykernel.kernelbase")
        if ipykernel is None or not ipykernel.Kernel.initialized():
            return False
        if self._asked is None:
            self._asked = now
            ipykernel.Kernel.instance().io_loop.add_callback(self._answer)
        return self._asked is not None and now - self._asked > PULSE

    def _answer(self) -> None:
        self._asked = None


class Lane:
    """One subshell of this kernel and the comms that use it."""

    def __init__(self, kernel: Any, subshell: str) -> None:
        self.subshell = subshell
        self._deleted = False
        self._renewing = False
        self._renewed_at = -RENEW_EVERY
        self._pid = os.getpid()
        self._listed: Callable[[], list[str]] = kernel.shell_channel_thread.manager.list_subshell
        self._comms: set[str] = set()
        self._idle: list[dict[str, Any]] = []
        """Messages that are dealt with, of which the page does not know it yet."""
        self._idle_lock = threading.Lock()
        self._tell_at = 0.0
        """When the page is told of them, or was."""
        self._kernel = kernel
        self._set_parent, self._publish_status = kernel.set_parent, kernel._publish_status
        kernel.set_parent, kernel._publish_status = self._set_parent_quietly, self._publish_status_quietly

    @classmethod
    def make(cls, kernel: Any) -> Lane | None:
        """Ask the kernel for a subshell over its own control channel; None where it does not answer."""
        subshell = _new_subshell()
        return None if subshell is None else cls(kernel, subshell)

    def renew(self) -> bool:
        """Go on with a new subshell where the old one has ended; tell whether there is one.

        For who holds the lock, and not on the lane itself.
        """
        subshell = None if self._deleted or os.getpid() != self._pid else _new_subshell()
        if subshell is None:
            return False
        self.subshell = subshell
        return True

    @property
    def open(self) -> bool:
        """Whether the subshell is still there (anyone may delete it) and its thread runs (its loop may have ended)."""
        if os.getpid() != self._pid or self.subshell not in self._listed():
            return False
        return any(thread.name == f"subshell-{self.subshell}" for thread in threading.enumerate())

    def _mend(self) -> None:
        """Have a new subshell made, in the background and not too often; until then the kernel's usual way is taken."""
        now = time.monotonic()
        if self._deleted or self._renewing or now - self._renewed_at < RENEW_EVERY:
            return
        self._renewing, self._renewed_at = True, now
        portal().loop.call_soon_threadsafe(portal().loop.run_in_executor, None, self._mend_now)

    def _mend_now(self) -> None:
        try:
            with _lock:  # else a widget that attaches makes one too, or one is made for a lane that has gone
                if self is _lane and not self.open:
                    self.renew()
        finally:
            self._renewing = False

    def take(self, comm: Any) -> None:
        """Route a comm's messages here while the subshell is there, else by the kernel's own rule."""
        default = comm._reply_subshell_for

        def route(data: Any, default_subshell: str | None) -> str | None:
            if self.open:
                return self.subshell
            self._mend()
            usual: str | None = default(data, default_subshell)
            return usual

        def handle(message: Any) -> None:
            # Without IPython's pre_execute and post_execute: on a thread beside a running cell those hooks
            # would show and close the figures that the cell is drawing.
            if comm._msg_callback is not None:
                comm._msg_callback(message)

        comm._reply_subshell_for = route
        comm.handle_msg = handle
        self._comms.add(comm.comm_id)

    def leave(self, comm: Any) -> bool:
        """Forget a comm; True if it was the last one."""
        if comm.comm_id not in self._comms:
            return False
        self._comms.discard(comm.comm_id)
        return not self._comms

    def delete(self) -> None:
        """Delete the subshell. Not to be called on its own thread."""
        self._deleted = True
        for name, ours in (
            ("set_parent", self._set_parent_quietly),
            ("_publish_status", self._publish_status_quietly),
        ):
            if vars(self._kernel).get(name) == ours:
                delattr(self._kernel, name)
        self._tell_idle()
        if self.open:
            _control("delete_subshell_request", {"subshell_id": self.subshell})

    def _set_parent_quietly(self, ident: Any, parent: Any, channel: str = "shell") -> None:
        # Each message makes its header the one under which threads of the user print, and the page drops what
        # comes under ours; so on the lane it is the parent of nothing but itself.
        if self._here():
            self._kernel._shell_parent_ident.set(ident)
            self._kernel._shell_parent.set(parent)
        else:
            self._set_parent(ident, parent, channel)

    def _publish_status_quietly(self, status: str, channel: str, parent: Any = None) -> None:
        # A page draws its kernel indicators anew with each change, which would be twenty times a second. With the
        # "idle" that ends a message it lets go of it; the "busy" before is for people, and not true of this lane.
        if not self._here():
            self._publish_status(status, channel, parent)
        elif status != "busy":
            message = parent or self._kernel.get_parent(channel)
            if status == "idle" and _is_stream(message):
                self._hold_idle(message)
            else:
                self._publish_status(status, channel, message)

    def _hold_idle(self, message: dict[str, Any]) -> None:
        """Tell of many messages at once that they are dealt with.

        Each small message on a server's socket can put off the next one, as words are, by 40 ms: TCP waits for the
        page's system to acknowledge it.
        """
        now = time.monotonic()
        with self._idle_lock:
            self._idle.append({"header": message["header"]})  # without its sound
            due = now >= self._tell_at
            if due:
                self._tell_at = now + IDLE_EVERY
        if due:
            portal().call_soon(portal().loop.call_later, IDLE_EVERY, self._tell_idle)

    def _tell_idle(self) -> None:
        with self._idle_lock:
            held, self._idle, self._tell_at = self._idle, [], 0.0  # what comes after this is told on its own
        for message in held:
            self._publish_status("idle", "shell", message)

    def _here(self) -> bool:
        return threading.current_thread().name == f"subshell-{self.subshell}"


def _is_stream(message: dict[str, Any]) -> bool:
    """Tell whether nothing in the page waits for the end of this message.

    After a change of a trait something does: the page sends the next one only after the "idle" of the last.
    """
    data = message.get("content", {}).get("data")
    return isinstance(data, dict) and data.get("method") == "custom"


def _new_subshell() -> str | None:
    subshell = _control("create_subshell_request", {}).get("subshell_id")
    return subshell if isinstance(subshell, str) else None


def _control(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """Send the kernel a request over its own control channel and return what it answers, {} if it does not."""
    from queue import Empty

    from ipykernel import get_connection_file
    from jupyter_client.blocking.client import BlockingKernelClient

    client = BlockingKernelClient(connection_file=get_connection_file())
    client.load_connection_file()
    channel = client.control_channel
    channel.start()
    try:
        request = client.session.msg(kind, content)
        channel.send(request)
        while True:
            reply = channel.get_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == request["header"]["msg_id"]:
                return dict(reply["content"])
    except (Empty, RuntimeError):
        return {}
    finally:
        channel.stop()
        client.context.destroy(linger=100)
