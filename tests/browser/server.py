"""A real JupyterLab or Notebook server of its own, and the way into its kernels."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

START_SECONDS = 60

# Without these JupyterLab asks whether it may fetch news, and does so over the network.
QUIET = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
}


FOLDERS = (
    "HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME", "XDG_STATE_HOME",
)  # fmt: skip


@contextmanager
def serving(home: Path, module: str, *arguments: str, ready: str) -> Iterator[str]:
    """Run a server as `python -m` in `home`, with folders of its own, and give its address once `ready` answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = home / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, f"--port={port}"],
            cwd=home,
            env={**os.environ, **{name: str(home / name.lower()) for name in FOLDERS}},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(address + ready):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(15)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


class KernelError(AssertionError):
    """Code that a test ran in a kernel raised; the text is the kernel's traceback."""


@dataclass
class JupyterServer:
    """A running server: where it is, its folders, and its process."""

    application: str  # "lab" or "notebook"
    home: Path
    port: int
    token: str
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, application: str, home: Path, *options: str) -> JupyterServer:
        """Start JupyterLab ("lab") or Notebook 7 ("notebook") in `home` and wait until it answers."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        token = secrets.token_hex(16)
        folders = {
            "HOME": home,
            "JUPYTER_CONFIG_DIR": home / "config",
            "JUPYTER_DATA_DIR": home / "data",
            "JUPYTER_RUNTIME_DIR": home / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": home / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
            "IPYTHONDIR": home / "ipython",
            "XDG_STATE_HOME": home / "state",
        }
        (home / "work").mkdir(parents=True)
        for name, settings in QUIET.items():
            path = home / "settings" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(settings), encoding="utf-8")
        app = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}[application]
        command = [
            sys.executable, "-m", {"lab": "jupyterlab", "notebook": "notebook"}[application],
            "--no-browser", "--allow-root", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
            "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={home / 'work'}",
            '--ServerApp.local_hostnames=["localhost", "rtm.test"]',
            f"--{app}.expose_app_in_browser=True",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            *options,
        ]  # fmt: skip
        with (home / "server.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=home,
                env={**os.environ, **{k: str(v) for k, v in folders.items()}, "JUPYTER_TOKEN": token},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        server = cls(application, home, port, token, process)
        try:
            server._wait_until_ready()
        except BaseException:
            server.stop()
            raise
        return server

    @property
    def work(self) -> Path:
        """The folder whose files the server shows."""
        return self.home / "work"

    def log(self) -> str:
        """Return what the server and its kernels wrote to stdout and stderr."""
        return (self.home / "server.log").read_text(encoding="utf-8", errors="replace")

    def url(self, path: str, *, workspace: str, host: str = "127.0.0.1") -> str:
        """Return the address of a notebook's page, token included; windows of one workspace restore each other's."""
        page = {"lab": f"lab/workspaces/{workspace}/tree/{path}?reset&", "notebook": f"notebooks/{path}?"}[
            self.application
        ]
        return f"http://{host}:{self.port}/{page}token={self.token}"

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Call the server's REST interface and return the decoded answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def execute(self, kernel_id: str, code: str, *, timeout: float = 30, while_busy: bool = False) -> str:
        """Run code in a kernel; return what it printed, then the text of its last expression.

        With `while_busy` it runs on a subshell, so that it does not wait for a cell that blocks.
        Raises KernelError with the traceback, TimeoutError after `timeout` seconds.
        """
        address = f"ws://127.0.0.1:{self.port}/api/kernels/{kernel_id}/channels?token={self.token}"
        deadline = time.monotonic() + timeout
        with connect(address, max_size=None, proxy=None) as socket:

            def send(channel: str, kind: str, content: dict[str, Any], subshell: str | None = None) -> str:
                header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "test", "username": "test",
                          "version": "5.3", "date": "", "subshell_id": subshell}  # fmt: skip
                message = {"channel": channel, "header": header, "parent_header": {}, "metadata": {},
                           "content": content, "buffers": []}  # fmt: skip
                socket.send(json.dumps(message))
                return str(header["msg_id"])

            def receive(parent: str) -> tuple[str, dict[str, Any]]:
                while True:
                    raw = socket.recv(timeout=max(0.0, deadline - time.monotonic()))
                    # Comm messages of widgets pass by with binary parts; none of them is ours.
                    if isinstance(raw, bytes):
                        continue
                    message = json.loads(raw)
                    if message["parent_header"].get("msg_id") == parent:
                        return message["msg_type"], message["content"]

            subshell = None
            if while_busy:
                request = send("control", "create_subshell_request", {})
                kind = ""
                while kind != "create_subshell_reply":
                    kind, content = receive(request)
                subshell = content["subshell_id"]
            request = send("shell", "execute_request", {"code": code, "silent": False, "store_history": False,
                                                        "user_expressions": {}, "allow_stdin": False,
                                                        "stop_on_error": False}, subshell)  # fmt: skip
            text, replied, idle = "", False, False
            while not (replied and idle):
                kind, content = receive(request)
                if kind == "stream" and content["name"] == "stdout":
                    text += content["text"]
                elif kind == "execute_result":
                    text += content["data"]["text/plain"]
                elif kind == "error":
                    raise KernelError("\n".join(content["traceback"]))
                replied = replied or kind == "execute_reply"
                idle = idle or (kind == "status" and content["execution_state"] == "idle")
            if subshell is not None:
                send("control", "delete_subshell_request", {"subshell_id": subshell})
            return text.strip()

    def stop(self) -> None:
        """End the server and, with it, its kernels."""
        if self.process.poll() is None:
            try:
                self.request("POST", "shutdown")
            except (urllib.error.URLError, OSError):
                self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.request("GET", "status")
                return
            except (urllib.error.URLError, OSError) as error:
                if self.process.poll() is not None:
                    raise RuntimeError(f"jupyter {self.application} ended at once:\n{self.log()}") from error
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"jupyter {self.application} gave no answer within {START_SECONDS} s:\n{self.log()}"
                    ) from error
                time.sleep(0.1)
