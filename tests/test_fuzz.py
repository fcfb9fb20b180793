"""Whatever comes from a page, a service or the disk: nothing but errors of ours, and what follows works."""

from __future__ import annotations

import json
import random
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rt_magic as rt
from rt_magic.exceptions import RemoteProtocolError, RtMagicError
from rt_magic.recovery import announcement, recover
from rt_magic.widgets.intake import Intake
from rt_magic.widgets.messages import Audio, Hello, MicrophoneFailed, Pause, Start, Stop, parse, parse_view
from rt_magic.wire.dialects import Wanted
from rt_magic.wire.protocol import ClientProtocol
from tests.kernels import NOTEBOOK, kernel
from tests.speakers import Peer, Speaker, drawn, words

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 10**40, 1e308, float("nan"), float("inf"), "", "x", "é\ud800", "p" * 200, [], {}, [[]],
    {"type": "audio"}, "e", "f",
)  # fmt: skip
anything = st.recursive(
    st.one_of(st.sampled_from(ODD), st.text(max_size=8), st.integers(), st.floats()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)

FIELDS: dict[str, tuple[Any, ...]] = {
    "type": ("audio", "start", "pause", "stop", "hello", "microphone-error", "again", "x"),
    "page": ("p", "q", "p"), "epoch": ("e", "f", ""), "seq": (0, 1, 2, 5, 10**12), "first": (0, 2400),
    "last": (-1, 0, 3),
    "captured_at": (0.0, 1e12), "rate": (24_000, 44_100, 8_000), "name": ("NotAllowedError",), "message": ("no",),
    "revision": (-1, 0, 7),
}  # fmt: skip


def message(rng: random.Random) -> tuple[Any, list[bytes]]:
    """Draw a message as a page might send it, right in some parts and odd in others, and its buffers."""
    if rng.random() < 0.1:
        return rng.choice(ODD), []
    fields = {
        name: rng.choice(ODD) if rng.random() < 0.08 else rng.choice(usual)
        for name, usual in FIELDS.items()
        if rng.random() < 0.95
    }
    lengths = (4800, 4800, 4800, 0, 1, 3)
    return fields, [rng.randbytes(rng.choice(lengths)) for _ in range(rng.choice((1, 1, 1, 0, 2)))]


def check_intake(seed: int, count: int) -> None:
    """Feed an intake with such messages, commands and time."""
    rng, intake, now = random.Random(seed), Intake(), 0.0
    for _ in range(count):
        now += rng.choice((0.0, 0.1, 0.3, 6.0))
        act = rng.random()
        if act < 0.75:
            try:
                read = parse(*message(rng))
            except RemoteProtocolError:
                continue
            if isinstance(read, Hello | Start | Pause | Stop | Audio | MicrophoneFailed):
                intake.receive(read, now)
        elif act < 0.85:
            intake.command(rng.choice(("start", "pause", "stop")), now)
        else:
            intake.tick(now, deaf=rng.random() < 0.1)
    intake.command("stop", now)
    intake.tick(now + 1000)
    intake.tick(now + 2000)
    assert intake.phase == "idle", f"seed {seed}"
    assert intake.inbox.complete, f"seed {seed}"


@pytest.mark.parametrize("seed", range(20))
def test_an_intake_survives_any_messages(seed: int) -> None:
    """Whatever pages send, in whatever order, the microphone comes to rest."""
    check_intake(seed, 300)


@pytest.mark.long
def test_an_intake_survives_any_messages_for_long() -> None:
    """The same for many more."""
    for seed in range(20, 3000):
        check_intake(seed, 400)


@given(anything, st.lists(st.binary(max_size=5), max_size=2))
def test_a_message_is_taken_or_refused(content: Any, buffers: list[bytes]) -> None:
    """Nothing but the error that says so comes of what is no message."""
    for read in (lambda: parse(content, buffers), lambda: parse_view(content)):
        try:
            read()
        except RemoteProtocolError:
            pass


@given(st.lists(st.one_of(st.binary(max_size=40), st.text(max_size=40), anything.map(lambda o: json.dumps(o)))))
def test_a_protocol_survives_any_frames(frames: list[str | bytes]) -> None:
    """What a service sends before and after its greeting is taken, or left out and noted."""
    protocol = ClientProtocol(rt.Compatible("ws://127.0.0.1:9").speaks, Wanted())
    for frame in frames:
        protocol.receive(frame)
    protocol.receive('{"type": "session.created", "event_id": "e", "session": {}}')
    for frame in frames:
        protocol.receive(frame)
    protocol.messages_to_send()


@given(
    st.one_of(anything, st.fixed_dictionaries({"segments": anything}, optional={"meta": anything, "events": anything}))
)
def test_a_saved_transcript_is_read_or_refused(saved: Any) -> None:
    """JSON of any shape becomes a transcript, or an error of ours that says why not."""
    try:
        transcript = rt.Transcript.from_json(json.dumps(saved))
    except RtMagicError:
        return
    transcript.to_json()
    assert transcript._repr_mimebundle_()


DATES = st.sampled_from(
    [
        "0001-01-01",
        "9999-12-31T23:59:59",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2026-11-22",
        "x",
        "",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(
        st.binary(max_size=30),
        anything.map(lambda o: json.dumps(o).encode()),
        st.fixed_dictionaries(
            {"started_at": st.one_of(DATES, anything)},
            optional=dict.fromkeys(("language", "prompt", "keywords"), anything),
        ).map(lambda o: json.dumps(o).encode()),
    )
)
def test_any_description_leaves_the_sound_to_be_recovered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described: bytes
) -> None:
    """A recording whose description is broken is listed, announced and transcribed, or is deleted as too old."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "rt_magic" / "recordings" / "20261122T000000-1-abcd"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "audio.pcm").write_bytes(bytes(4800))
    (folder / "session.json").write_bytes(described)
    assert "Traceback" not in announcement()
    for leftover in recover():
        assert leftover.started_at.tzinfo is not None and leftover.started_at.astimezone(UTC)
        with pytest.raises(RtMagicError):  # nobody is at that address; what was described is no other error
            leftover.transcribe(rt.Compatible("ws://127.0.0.1:9"), progress=False)
        leftover.delete()


def test_odd_messages_show_no_traceback_in_a_kernel() -> None:
    """Hundreds of odd messages to both widgets of a live cell leave no output, and then it records as ever."""
    rng = random.Random(0)
    with Peer(words("one")) as peer, kernel(NOTEBOOK) as page:
        page.run("%load_ext rt_magic")
        cell = page.run(f"%%transcribe --service {peer.url}")
        assert cell.status == "ok", cell.text
        before = len(cell.outputs)
        comms = [page.comm("Microphone"), page.comm("TranscriptView")]
        for _ in range(400):
            content, buffers = message(rng)
            try:
                json.dumps(content, allow_nan=False, ensure_ascii=False).encode()
            except (ValueError, TypeError):  # what no message can hold
                continue
            if isinstance(content, dict) and content.get("type") not in ("start", "audio", "stop", "pause"):
                page.send(rng.choice(comms), content, buffers)
            page.pump(0.001)
        speaker = Speaker(page)
        speaker.start("new")
        speaker.speak()
        page.until(lambda: drawn(page) == ["one"])
        speaker.end()
        page.until(lambda: speaker.state == "stopped")
        shown = [out for out in cell.outputs[before:] if out.get("name") == "stderr" or "ename" in out]
        assert shown == []
