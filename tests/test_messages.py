"""The messages between page and kernel: read strictly, and the same on both sides."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from rt_magic.exceptions import RemoteProtocolError
from rt_magic.widgets import messages
from rt_magic.widgets.messages import (
    AskCapturePage,
    Audio,
    Edit,
    Fetch,
    Hello,
    Listen,
    Mark,
    MicrophoneFailed,
    Pause,
    Save,
    Start,
    Stop,
    ViewHello,
    parse,
    parse_view,
)

TYPES = Path(__file__).parents[1] / "js" / "src" / "types.d.ts"
AUDIO = {"type": "audio", "page": "p", "epoch": "e", "seq": 0, "first": 0, "captured_at": 1.5, "rate": 48000}

# The interface of the page's side and its name here.
MIRRORED = {
    "Hello": "Hello",
    "Start": "Start",
    "Pause": "Pause",
    "Stop": "Stop",
    "Audio": "Audio",
    "MicrophoneError": "MicrophoneFailed",
    "Accepted": "Accepted",
    "Ack": "Ack",
    "Again": "Again",
    "Fetch": "Fetch",
    "AskCapturePage": "AskCapturePage",
    "Clock": "Clock",
    "CapturePage": "CapturePage",
    "Better": "Better",
    "ViewHello": "ViewHello",
    "Edit": "Edit",
    "Mark": "Mark",
    "Listen": "Listen",
    "Save": "Save",
    "Sound": "Sound",
    "File": "File",
    "Failed": "Failed",
    "Patch": "Patch",
    "Snapshot": "Snapshot",
    "Segment": "SegmentLine",
}


def interface(name: str) -> list[str]:
    """The field names of a TypeScript interface, in order."""
    found = re.search(rf"interface {name} \{{(.*?)\n\}}", TYPES.read_text(), re.DOTALL)
    assert found, f"types.d.ts has no interface {name}"
    return re.findall(r"^\s*(\w+)\??:", found[1], re.MULTILINE)


@pytest.mark.parametrize(("theirs", "ours"), MIRRORED.items())
def test_both_sides_declare_the_same_fields(theirs: str, ours: str) -> None:
    """Each message has the same fields in the same order in Python and in the page."""
    kind: Any = getattr(messages, ours)
    if hasattr(kind, "__dataclass_fields__"):  # the type is the class itself, the samples travel as a buffer
        names = ["type", *(field.name for field in fields(kind) if field.name != "pcm")]
    else:
        names = list(get_type_hints(kind))
    assert interface(theirs) == names


def test_every_message_of_the_page_is_mirrored() -> None:
    """No interface with a type is left out of the comparison."""
    declared = re.findall(r'interface (\w+) \{\s*\n\s*type\??: "', TYPES.read_text())
    assert set(declared) <= set(MIRRORED)
    assert len(declared) == 23


def test_no_message_has_an_id() -> None:
    """A top-level `id` would be taken for a route by ipykernel 7.4."""
    assert not any("id" in interface(name) for name in MIRRORED)


def test_parse() -> None:
    """Each message of the page becomes its class."""
    both = {"page": "p", "epoch": "e"}
    assert parse({"type": "hello", "page": "p"}) == Hello("p")
    assert parse({"type": "start", **both}) == Start("p", "e")
    assert parse({"type": "pause", **both, "last": 3}) == Pause("p", "e", 3)
    assert parse({"type": "stop", **both, "last": -1}) == Stop("p", "e", -1)
    assert parse({"type": "stop", "page": "p", "epoch": "", "last": -1}) == Stop("p", "", -1)
    assert parse({"type": "microphone-error", "name": "NotAllowedError", "message": "no"}) == MicrophoneFailed(
        "NotAllowedError", "no"
    )
    assert parse({"type": "fetch", "page": "p", "cancel": False}) == Fetch("p", False)
    assert parse({"type": "capture-page", "page": "p"}) == AskCapturePage("p")
    chunk = parse(AUDIO, [memoryview(b"\1\0\2\0")])
    assert chunk == Audio("p", "e", 0, 0, 1.5, 48000, b"\1\0\2\0")
    assert isinstance(chunk, Audio)
    assert chunk.samples == 2
    assert parse_view({"type": "hello", "page": "p", "revision": 4}) == ViewHello("p", 4)
    assert parse_view({"type": "hello", "page": "p"}) == ViewHello("p", -1)
    assert parse_view({"type": "edit", "page": "p", "sid": "s1", "text": ""}) == Edit("p", "s1", "")
    assert parse_view({"type": "mark", "page": "p"}) == Mark("p")
    assert parse_view({"type": "listen", "page": "p", "sid": "s1"}) == Listen("p", "s1")
    assert parse_view({"type": "save", "page": "p", "format": "srt"}) == Save("p", "srt")


@pytest.mark.parametrize(
    ("content", "buffers"),
    [
        (None, []),
        ([], []),
        ({}, []),
        ({"type": 3}, []),
        ({"type": "shout", "page": "p", "epoch": "e"}, []),
        ({"type": "hello"}, []),
        ({"type": "hello", "page": ""}, []),
        ({"type": "fetch", "page": "p"}, []),
        ({"type": "capture-page"}, []),
        ({"type": "hello", "page": "x" * 200}, []),
        ({"type": "start", "page": "p"}, []),
        ({"type": "stop", "page": "p", "epoch": "e"}, []),
        ({"type": "stop", "page": "p", "epoch": "e", "last": -2}, []),
        ({"type": "pause", "page": "p", "epoch": "e", "last": True}, []),
        (AUDIO, []),
        (AUDIO, [b"ab", b"cd"]),
        (AUDIO, [b""]),
        (AUDIO, [b"abc"]),
        (AUDIO | {"seq": -1}, [b"ab"]),
        (AUDIO | {"seq": 1.5}, [b"ab"]),
        (AUDIO | {"seq": "1"}, [b"ab"]),
        (AUDIO | {"rate": 0}, [b"ab"]),
        (AUDIO | {"rate": 10**9}, [b"ab"]),
        (AUDIO | {"captured_at": None}, [b"ab"]),
        (AUDIO | {"captured_at": 10**400}, [b"ab"]),
        (AUDIO | {"captured_at": float("nan")}, [b"ab"]),
        (AUDIO | {"captured_at": float("-inf")}, [b"ab"]),
        (AUDIO | {"first": 10**400}, [b"ab"]),
        (AUDIO | {"first": None}, [b"ab"]),
    ],
)
def test_parse_refuses(content: object, buffers: list[bytes]) -> None:
    """What is not one of our messages is a RemoteProtocolError that says what to do."""
    with pytest.raises(RemoteProtocolError, match=r"reload the page|another microphone"):
        parse(content, buffers)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"type": "start"},
        {"type": "hello", "page": 1, "revision": 0},
        {"type": "hello", "page": "p", "revision": None},
        {"type": "edit", "page": "p", "sid": "s1"},
        {"type": "edit", "page": "p", "sid": "s1", "text": "x" * 100_001},
        {"type": "listen", "page": "p", "sid": ""},
        {"type": "mark"},
        {"type": "save", "page": "p", "format": "../srt"},
    ],
)
def test_parse_view_refuses(content: object) -> None:
    """A view says hello and asks for what it may ask for, nothing else."""
    with pytest.raises(RemoteProtocolError, match="reload the page"):
        parse_view(content)
