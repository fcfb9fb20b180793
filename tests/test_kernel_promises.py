"""What a user is promised, counted on a real kernel: nothing dropped, nothing sent elsewhere, nothing left behind."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from rt_magic.testing import PeerConnection
from tests.kernels import NOTEBOOK, TIMEOUT, FrontEnd, kernel
from tests.speakers import Peer, Speaker, drawn, words

DATA = Path(__file__).parent / "data"

AUDIT = """\
import os, sys

def note(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        with open(os.environ["CONNECTIONS"], "a") as log:
            print(event, *args[1 if event != "socket.getaddrinfo" else 0:], file=log)

sys.addaudithook(note)
"""


def loaded(page: FrontEnd) -> FrontEnd:
    """Load the extension."""
    cell = page.run("%load_ext rt_magic")
    assert cell.status == "ok", cell.text
    return page


@pytest.mark.parametrize("count", [150, pytest.param(500, marks=pytest.mark.long)])
def test_a_body_that_cannot_keep_up_misses_nothing(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Segments at 20 a second, 100 ms of code for each: all run, in order, and the transcript does not wait."""
    sent_at = [0.0]

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=1)
        began = time.time()
        for number in range(count):
            await connection.pause(max(0.0, began + number / 20 - time.time()))
            sent_at.append(time.time())
            await connection.turn(f"w{number}", start=number / 600, end=(number + 1) / 600)
        await connection.finish()

    with Peer(script) as peer, kernel() as page:
        loaded(page)
        page.run("import time, rt_magic\nran, came, shown = [], {}, []")
        cell = page.run(
            f"t = %transcribe --service {peer.url}\n"
            "t.run_for_each_segment(lambda segment: (time.sleep(0.1), ran.append(segment.text)))\n"
            "t.transcript.on_change(lambda change: came.update("
            "{s.text: time.time() for s in change.upsert if s.final and s.text not in came}))\n"
            "t.view.observe(lambda change: shown.append(change.new), 'waiting');"
        )
        assert cell.status == "ok", cell.text
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: f"w{count - 1}" in drawn(page), 90)
        drawn_at = time.time()
        waiting = page.comms[page.comm("TranscriptView")]["waiting"]
        assert waiting > count / 5
        speaker.end()
        page.until(lambda: page.comms[page.comm("TranscriptView")]["waiting"] == 0, 90)
        ran_at = time.time()
        assert page.value("ran") == [f"w{number}" for number in range(count)]
        shown = page.value("shown")
        peak = shown.index(max(shown))
        came = page.value("came")
    assert shown[-1] == 0
    after = (len(shown) - 1 - peak) // 2
    assert shown[0] < shown[peak // 2] < shown[peak] > shown[peak + after] > 0
    late = sorted(came[f"w{number}"] - sent_at[number + 1] for number in range(count))
    assert drawn_at < ran_at
    with capsys.disabled():
        middle, most = (1000 * late[rank] for rank in (count // 2, -1))
        print(
            f"\n  {count} segments: sent → transcript p50 {middle:.0f} ms, max {most:.0f} ms; "
            f"all drawn after {drawn_at - sent_at[1]:.1f} s, all run after {ran_at - sent_at[1]:.1f} s, "
            f"at most {max(shown)} waited"
        )


@pytest.mark.parametrize("embedded", [False, True], ids=["service", "embedded"])
def test_no_connection_but_to_the_named_host(embedded: bool, tmp_path: Path) -> None:
    """A watch on every socket of the kernel and of its processes sees the service's address and no other."""
    (tmp_path / "sitecustomize.py").write_text(AUDIT)
    log = tmp_path / "connections"
    env = {**NOTEBOOK, "PYTHONPATH": str(tmp_path), "CONNECTIONS": str(log)}
    with Peer(*([] if embedded else [words("one")])) as peer, kernel(env) as page:
        loaded(page)
        service = "" if embedded else f"--service {peer.url}"
        page.run(f"%%transcribe {service}\nprint(segment.text)")
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        if not embedded:
            page.until(lambda: drawn(page) == ["one"])
        page.until(lambda: speaker.state == "listening")
        speaker.end()
        page.until(lambda: speaker.state == "stopped")
        page.run("transcript.text; transcript.to_dict(); transcript")
        expected = peer.address.split(":")[1]
        if embedded:
            address = "__import__('rt_magic.session.embedded', fromlist=['x'])"
            assert page.value(f"len({address}.process_ids())") == 1
        page.run("%unload_ext rt_magic")
    seen = [line for line in log.read_text().splitlines() if line.startswith("socket.connect")]
    assert seen
    for line in log.read_text().splitlines():
        assert "127.0.0.1" in line, line
        assert embedded or expected in line, line
    assert len(set(seen)) == 1, seen


def kept(folder: Path) -> list[Path]:
    """The files of all recordings."""
    return [path for path in (folder / "rt_magic" / "recordings").rglob("*") if path.is_file()]


def recorded(page: FrontEnd, peer: Any) -> None:
    """Record a second and stop."""
    page.run(f"%%transcribe --service {peer.url} --new")
    speaker = Speaker(page)
    speaker.start()
    speaker.speak()
    page.until(lambda: drawn(page) == ["one"])
    speaker.end()
    page.until(lambda: speaker.state == "stopped")


def test_sound_is_kept_for_this_user_and_goes_with_the_kernel(tmp_path: Path) -> None:
    """The recording is its owner's alone; forget, a restart and a shutdown each leave none of it on the disk."""
    env = {**NOTEBOOK, "XDG_STATE_HOME": str(tmp_path)}
    with Peer(words("one"), words("one"), words("one")) as peer, kernel(env) as page:
        loaded(page)
        recorded(page, peer)
        files = kept(tmp_path)
        assert {path.name for path in files} == {"audio.pcm", "session.json"}
        assert page.value("transcript.audio[0].size") == 24_000
        if os.name != "nt":
            assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
            folders = {files[0].parent, files[0].parent.parent}
            assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
        page.run("transcript.forget()")
        assert kept(tmp_path) == []
        assert page.value("transcript.audio") is None
        recorded(page, peer)
        assert kept(tmp_path) != []
        page.manager.restart_kernel(now=False)
        page.client.wait_for_ready(timeout=TIMEOUT)
        assert kept(tmp_path) == []
        page.comms.clear()
        loaded(page)
        recorded(page, peer)
        assert kept(tmp_path) != []
    assert kept(tmp_path) == []


def test_a_kernel_that_ends_while_it_records_leaves_nothing(tmp_path: Path) -> None:
    """Shut down in the middle of a recording, the kernel removes the sound and ends the embedded engine."""
    import psutil

    with kernel({**NOTEBOOK, "XDG_STATE_HOME": str(tmp_path)}) as page:
        loaded(page)
        page.run("%%transcribe")
        speaker = Speaker(page)
        speaker.start()
        speaker.speak()
        page.until(lambda: speaker.state == "listening")
        assert kept(tmp_path) != []
        (engine,) = page.value("__import__('rt_magic.session.embedded', fromlist=['x']).process_ids()")
        assert psutil.pid_exists(engine)
    assert kept(tmp_path) == []
    deadline = time.monotonic() + 10
    while psutil.pid_exists(engine) and psutil.Process(engine).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the engine outlives its kernel"
        time.sleep(0.1)
