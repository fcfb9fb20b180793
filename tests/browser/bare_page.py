"""The browser modules in a plain page: real Chromium, the test plays the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

STATIC = Path(__file__).parents[2] / "rt_magic" / "widgets" / "static"
EMPTY = "<!doctype html><title>page</title><body><script src='/page.js'></script>"
FILES = {
    "/page.js": Path(__file__).with_name("page.js"),
    "/microphone.js": STATIC / "microphone.js",
    "/transcript_view.js": STATIC / "transcript_view.js",
}

# Keeps every stream that was opened, so that a test can see whether the browser's recording mark is off.
WATCH = """
  window.streams = [];
  const devices = navigator.mediaDevices, ask = devices?.getUserMedia.bind(devices);
  if (ask) devices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    streams.push(stream);
    return stream;
  };
"""
OPEN_TRACKS = "streams.flatMap((s) => s.getTracks()).filter((t) => t.readyState === 'live').length"

OpenPage: TypeAlias = Callable[..., Page]


def serve(route: Route) -> None:
    """Answer for every address: three files, else an empty page."""
    path = "/" + route.request.url.split("/", 3)[3]
    if path in FILES:
        route.fulfill(path=FILES[path], content_type="text/javascript")
    else:
        route.fulfill(body=EMPTY, content_type="text/html")


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Open the empty page: `open_page(address, microphone=, script=)`; its errors fail the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_(address: str = "http://localhost/", *, microphone: bool = True, script: str = "") -> Page:
        context = chromium.new_context(permissions=["microphone"] if microphone else [])
        contexts.append(context)
        context.route("**/*", serve)
        context.add_init_script(WATCH + script)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


def show_transcript(page: Page, traits: str = "{}") -> None:
    """Make a transcript view, `t` in the page, with one view, `v`."""
    page.evaluate(f"async () => {{ window.t = await transcript({traits}); window.v = t.show(); }}")


def patch(page: Page, revision: int, lines: str, remove: str = "[]") -> None:
    """The kernel sends a patch."""
    page.evaluate(f"t.model.receive({{type: 'patch', revision: {revision}, upsert: {lines}, remove: {remove}}})")
