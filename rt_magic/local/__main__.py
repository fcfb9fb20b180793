"""`python -m rt_magic.local`: serve speech recognition on loopback until the parent, or Ctrl-C, ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import sys
import threading

from rt_magic.exceptions import ConfigurationError
from rt_magic.local.recognizers import choose
from rt_magic.local.server import LocalServer
from rt_magic.local.workers import Workers


async def serve(arguments: argparse.Namespace) -> None:
    """Listen, say where on stdout, and wait for the end."""
    given = os.environ.pop("RT_MAGIC_LOCAL_TOKEN", "").strip()
    token = given or secrets.token_urlsafe(32)
    workers = Workers(choose(arguments.engine, arguments.model))
    ended = watch_for_end(stdin=arguments.parent)
    try:
        await workers.prepare()
        async with LocalServer(workers, token, port=arguments.port) as server:
            print(json.dumps({"url": server.url} | ({"token": token} if arguments.parent else {})), flush=True)
            if not arguments.parent and not given:
                print(f"token: {token}", file=sys.stderr, flush=True)
            await ended.wait()
    finally:
        await workers.close()


def watch_for_end(*, stdin: bool) -> asyncio.Event:
    """Return what is set when the process is told to end, or stdin closes, as it does however the parent dies."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt there
            loop.add_signal_handler(number, ended.set)

    def read_to_end() -> None:
        with contextlib.suppress(OSError):  # it was closed before we began
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop is closed: we have ended already
            loop.call_soon_threadsafe(ended.set)

    if stdin:
        threading.Thread(target=read_to_end, daemon=True).start()
    return ended


def port_number(text: str) -> int:
    """Read a port from 0 to 65535."""
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def main() -> int:
    """Run the server; 2 for settings that cannot work, with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m rt_magic.local", description=__doc__)
    parser.add_argument("--port", type=port_number, default=0, help="0, the default: any free port")
    parser.add_argument("--engine", default="auto", help="auto, pocketsphinx or whisper")
    parser.add_argument("--model", help="name or folder of a whisper model")
    parser.add_argument("--parent", action="store_true", help="print the token with the address; end when stdin closes")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.DEBUG if arguments.verbose else logging.WARNING, stream=sys.stderr)
    try:
        asyncio.run(serve(arguments))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # nobody is there any more to read the address
        pass
    except OSError as error:
        print(f"the server cannot run: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
