"""A voice in terminal IPython: Enter starts, Ctrl-C stops, words in place; on a real PortAudio with a pipe to hear."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rt_magic.cell.terminal import CLEAR, Lines, printable, tail
from rt_magic.transcript.segments import Changes, Segment
from rt_magic.transcript.transcript import Transcript
from tests.own_microphone import PipeMicrophone, needs_portaudio, pipe_microphone
from tests.speakers import Peer, words


def test_words_are_written_in_place() -> None:
    """Interim text stands on one line that is rewritten; what is final stays above it, each once."""
    transcript, out = Transcript(), io.StringIO()
    lines = Lines(transcript, lambda: "[listening]", out)

    def change(text: str, final: bool) -> str:
        segment = Segment(id="s1", text=text, final=final)
        transcript._apply(Changes((segment,), (), {"s1": 1.0}))
        out.seek(0)
        out.truncate()
        lines.draw()
        lines.draw()
        return out.getvalue()

    lines.draw()
    assert out.getvalue() == f"{CLEAR}[listening]"
    assert change("one", False) == f"{CLEAR}one"
    assert change("one two", False) == f"{CLEAR}one two"
    assert change("one two.", True) == f"{CLEAR}one two.\n{CLEAR}[listening]"


def test_what_a_service_says_does_not_drive_the_terminal() -> None:
    """Control characters become spaces, and a long text is cut at its beginning to what a line holds."""
    assert printable("a\x1b[2Jb\r\nc\u202ed") == "a [2Jb  c d"
    assert tail("short", 10) == "short"
    assert tail("abcdefghij", 5) == "…ghij"
    assert tail("日本語の話", 6) == "…の話"


@pytest.fixture
def microphone(tmp_path: Path) -> Iterator[PipeMicrophone]:
    """A microphone of this machine."""
    with pipe_microphone(tmp_path) as microphone:
        yield microphone


def ipython(microphone: PipeMicrophone) -> Any:
    """Terminal IPython on a terminal of its own, with the extension loaded."""
    import pexpect

    env = {**os.environ, **microphone.env, "TERM": "xterm", "IPYTHONDIR": str(microphone.home / "ipython")}
    arguments = ["-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit", "--colors=NoColor"]
    child = pexpect.spawn(sys.executable, arguments, env=env, timeout=60, encoding="utf-8", dimensions=(24, 200))
    child.expect(r"In \[1\]: ")
    child.sendline("%load_ext rt_magic")
    child.expect(r"In \[2\]: ")
    return child


def interrupt(child: Any, expected: str) -> None:
    """Press Ctrl-C, again after each second without an answer, until what is expected stands there.

    `input()` looks for signals only when its read is interrupted: one that comes after the prompt was written and
    before the read began waits for the next key (8 of 150 on a busy machine, CPython 3.11, with no code of ours).
    """
    import pexpect

    for _ in range(30):
        child.sendintr()
        if child.expect([expected, pexpect.TIMEOUT], timeout=1) == 0:
            return
    raise AssertionError(f"no answer to Ctrl-C: {child.before!r}")


@needs_portaudio
def test_enter_starts_and_ctrl_c_stops(microphone: PipeMicrophone) -> None:
    """After Enter the words of this machine's microphone appear; Ctrl-C writes the last ones and ends."""
    import pexpect

    with Peer(words("one two", "three")) as peer:
        child = ipython(microphone)
        child.sendline(f"%transcribe --service {peer.url}")
        child.expect("The microphone of .* hears")
        child.expect(f"Goes to {peer.url.removeprefix('ws://')}")
        child.expect("Everyone who will be heard should know")
        child.expect("Enter starts, Ctrl-C stops. ")
        assert peer.requests == []
        child.sendline("")
        child.expect("one\x1b?.*one two\r\n")  # interim, then final
        child.expect("three\r\n")
        child.sendintr()
        child.expect(r"In \[3\]: ")
        child.sendline("print(transcript.text, transcript.done, transcript.events[-1]['captured'] / 24000 >= 2)")
        child.expect("one two three True True")
        child.sendline("exit")
        child.expect(pexpect.EOF)
        assert peer.connections[0].seconds >= 2


@needs_portaudio
def test_started_by_hand_and_left_alone(microphone: PipeMicrophone) -> None:
    """Ctrl-C instead of Enter records nothing; with --no-wait start() and stop() do it while one types on."""
    import pexpect

    with Peer(words("one")) as peer:
        child = ipython(microphone)
        child.sendline(f"%transcribe --service {peer.url}")
        child.expect("Enter starts, Ctrl-C stops. ")
        interrupt(child, r"In \[3\]: ")
        assert peer.requests == []
        child.sendline(f"t = %transcribe --no-wait --service {peer.url}")
        child.expect("Nothing is recorded yet")
        child.expect(r"In \[4\]: ")
        child.sendline("t.start(); import time; time.sleep(2.5); t.stop(); print(t.wait(20).text, t.state)")
        child.expect("one stopped")
        child.sendline("%transcribe --microphone page")
        child.expect("UsageError: a terminal has no page that could record")
        child.sendline("%transcribe --no-wait --microphone kernel:nothing --into n")
        child.expect("Nothing is recorded yet")
        child.sendline("_.start(); time.sleep(1); print(_.state, _.error)")
        child.expect("error there is no microphone 'nothing'; choose one of 0 .test_microphone")
        child.sendline("exit")
        child.expect(pexpect.EOF)


@needs_portaudio
def test_a_file_is_written_in_place(microphone: PipeMicrophone) -> None:
    """A file's words appear while they are found, and each stands on the screen once."""
    import pexpect

    path = Path(__file__).parent / "data" / "phrases.flac"
    child = ipython(microphone)
    child.sendline(f"%transcribe {path}")
    child.expect(r"\[transcribing phrases.flac: ")
    child.expect(r"In \[3\]: ")
    shown = child.before
    child.sendline("print(transcript.segments[0].text)")
    child.expect(r"\r\n(.*)\r\n")
    first = child.match[1].strip()
    assert len(first) > 5
    assert shown.count(f"{first}\r\n") == 1
    child.sendline("exit")
    child.expect(pexpect.EOF)
