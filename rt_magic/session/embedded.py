"""Start the embedded server as a process of its own, one per settings and process, and know its address."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import json
import logging
import os
import subprocess
import sys
import threading
from collections import deque

from rt_magic.exceptions import ConfigurationError, ServiceConnectionError
from rt_magic.session.addresses import Address, socket_address
from rt_magic.session.services import Local
from rt_magic.threads import in_thread

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_servers: dict[Local, _Server] = {}

START_TIMEOUT = 30.0
"""Seconds that the server has to say its address; loading takes well under one on a machine that is not loaded."""


class _Server:
    """One process, its address once it has said it, and the last lines of its log."""

    def __init__(self, service: Local) -> None:
        # -P: a notebook's folder may hold a secrets.py or queue.py, which must not stand for the library's.
        command = [sys.executable, "-P", "-m", "rt_magic.local", "--parent", "--engine", service.engine]
        if service.model is not None:
            command += ["--model", service.model]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        environment.pop("RT_MAGIC_LOCAL_TOKEN", None)  # each server makes its own
        # In a group of its own, so that interrupting the kernel does not end it; it ends when its stdin closes.
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            process_group=0 if sys.platform != "win32" else None,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self.address: concurrent.futures.Future[Address] = concurrent.futures.Future()
        self.pid = os.getpid()
        self._last_lines: deque[str] = deque(maxlen=5)
        self._log_reader = threading.Thread(target=self._read_log, name="rt_magic-embedded-log", daemon=True)
        self._log_reader.start()
        threading.Thread(target=self._read_address, args=(service,), name="rt_magic-embedded-out", daemon=True).start()

    def _read_address(self, service: Local) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            line = stdout.readline()
            try:
                said = json.loads(line)
                url = socket_address(said["url"]) + service.speaks.target()
                headers = {"Authorization": f"Bearer {said['token']}"}
                self.address.set_result(Address(url, headers, proxied=False))
            except (ValueError, KeyError, TypeError, ConfigurationError):
                self.close()  # one that says something else than it should may run on
                self._log_reader.join(1)  # its last words are the reason
                reason = " ".join(self._last_lines) or f"it ended with code {self.process.returncode}"
                self.address.set_exception(
                    ServiceConnectionError(f"the embedded speech server did not start: {reason}")
                )
            while stdout.readline():
                pass

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for line in stderr:
                text = line.decode(errors="replace").rstrip()
                self._last_lines.append(text)
                _log.debug("embedded server: %s", text)

    @property
    def usable(self) -> bool:
        return self.process.poll() is None and self.pid == os.getpid()

    def close(self) -> None:
        if self.pid != os.getpid():
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def prepare(service: Local | None = None) -> None:
    """Start the embedded server in the background if it does not run; return at once."""
    _running(service or Local())


def _running(service: Local) -> _Server:
    with _lock:
        server = _servers.get(service)
        if server is None or not server.usable:
            if server is not None:
                server.close()
            server = _servers[service] = _Server(service)
        return server


async def address(service: Local) -> Address:
    """Return where to connect, starting the server if it does not run (any more).

    Raises ServiceConnectionError with the server's last words if it does not come up.
    """
    server = _running(service)
    try:
        async with asyncio.timeout(START_TIMEOUT):  # wait_for loses a cancellation that comes with the answer (3.11)
            return await asyncio.shield(asyncio.wrap_future(server.address))
    except TimeoutError:
        await in_thread(server.close)  # it waits for the process to end
        raise ServiceConnectionError(
            f"the embedded speech server said nothing for {START_TIMEOUT:g} s and was ended; try again"
        ) from None


def process_ids() -> list[int]:
    """Return the ids of the servers that run for this process."""
    with _lock:
        return [server.process.pid for server in _servers.values() if server.usable]


def close() -> None:
    """End all servers of this process."""
    with _lock:
        servers = list(_servers.values())
        _servers.clear()
    for server in servers:
        server.close()


atexit.register(close)
