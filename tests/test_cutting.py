"""Turns of our own making: where they end in real speech, and that exactly that much is committed."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

import rt_magic as rt
from rt_magic.session import sending
from rt_magic.session.cutting import PREFIX, Cut, Cutter
from rt_magic.session.session import RealtimeSession
from rt_magic.testing import PeerConnection, ScriptedPeer
from rt_magic.wire.events import AppendAudio, ClearAudio, Cleared, ClientEventError, CommitAudio, Delta
from tests import speech
from tests.resource import azure, fresh, say  # noqa: F401  # `fresh` is for every test here
from tests.test_vad import STEADY

RATE = speech.RATE


def cut(pcm: bytes, silence_ms: float | None = 500, *, chunk: int = RATE // 10, position: int = 0) -> list[Cut]:
    """Feed sound in chunks of so many samples and return every cut, the last one at the end."""
    cutter = Cutter(position, silence_ms)
    cuts = [c for at in range(0, len(pcm), 2 * chunk) for c in cutter.feed(pcm[at : at + 2 * chunk])]
    return cuts + cutter.finish()


def levels(pcm: bytes) -> NDArray[np.float64]:
    """Return the energy in dB of each 10 ms, smoothed over 90 ms."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    frames = samples[: len(samples) // 240 * 240].reshape(-1, 240)
    energies = 10 * np.log10((frames**2).mean(axis=1) + 1e-3)
    return np.convolve(energies, np.ones(9) / 9)[: len(energies)]


# ── decisions ──


def test_each_phrase_is_a_turn() -> None:
    """Five phrases with pauses between them are five turns, whose speech is where it was said."""
    cuts = cut(speech.fixture())
    assert len(cuts) == len(speech.phrases())
    for found, phrase in zip(cuts, speech.phrases(), strict=True):
        assert found.start / RATE == pytest.approx(phrase.start, abs=0.25)
        assert found.end / RATE == pytest.approx(phrase.end, abs=0.25)
        assert found.end <= found.at


@pytest.mark.parametrize("chunk", [240, 1_111, RATE // 2, 10 * RATE])
def test_the_chunks_do_not_matter(chunk: int) -> None:
    """Whether sound comes as it is spoken or ten seconds at once, the turns are the same."""
    assert cut(speech.fixture(), chunk=chunk) == cut(speech.fixture())


def test_positions_count_from_where_the_connection_begins() -> None:
    """A connection that begins in the middle of a recording cuts at the recording's positions."""
    shifted = cut(speech.fixture(), position=48_000)
    assert shifted == [Cut(c.at + 48_000, c.start + 48_000, c.end + 48_000) for c in cut(speech.fixture())]


@pytest.mark.parametrize(("name", "pcm", "said"), speech.human(), ids=[name for name, _, _ in speech.human()])
def test_speech_that_goes_on_is_cut_where_it_is_quiet(name: str, pcm: bytes, said: str) -> None:
    """Without regard to pauses, a turn of the greatest length ends in one of its quieter moments, never too late."""
    long = pcm * (1 + 40 * RATE // (len(pcm) // 2))
    cuts = cut(long, None)[:-1]
    assert len(cuts) >= len(long) // 2 // RATE // 18
    energies = levels(long)
    for before, found in zip([0, *(c.at for c in cuts)], cuts, strict=False):
        assert 0 < found.at - before <= 18 * RATE
        frame = found.at // 240
        recent = energies[max(0, frame - 400) : frame]
        assert (recent > energies[frame - 1]).mean() >= 0.6, f"{name}: cut at {found.at / RATE:.2f} s is not quiet"


def test_a_cut_is_decided_when_its_sound_has_just_come() -> None:
    """No cut lies in the past, where sound behind it would have been sent already."""
    cutter, pcm = Cutter(0, None), speech.human()[0][1] * 4
    for at in range(0, len(pcm), 480):
        for found in cutter.feed(pcm[at : at + 480]):
            assert cutter.position - 480 <= found.at <= cutter.position


@pytest.mark.parametrize("name", STEADY)
def test_where_nobody_speaks_nothing_is_cut_off(name: str) -> None:
    """Silence, noise, hum and tones are not sent off to be transcribed, which models answer with words of their own."""
    assert cut(speech.no_speech(10)[name]) == []


def test_words_that_only_the_service_hears_are_cut_off_too() -> None:
    """Where a service writes words and we hear nobody, its turn is closed all the same, at a pause or at the end."""
    cutter = Cutter(0, 500)
    assert cutter.feed(bytes(RATE)) == []
    cutter.hear()
    assert cutter.idle == 0
    assert cutter.feed(bytes(RATE)) == []
    assert cutter.feed(bytes(RATE)) == [Cut(at=3 * RATE // 2, start=0, end=RATE // 2)]
    assert cutter.feed(bytes(4 * RATE)) == [] and cutter.finish() == []
    cutter.hear()
    assert len(cutter.finish()) == 1


def test_idle_counts_silence_and_nothing_else() -> None:
    """A long silence is counted from the end of the last turn, and starts anew when it was dropped."""
    cutter = Cutter(0, 500)
    cutter.feed(bytes(2 * 5 * RATE))
    assert cutter.idle == 5 * RATE
    cutter.drop()
    assert cutter.idle == PREFIX
    cutter.feed(speech.fixture()[: 2 * 2 * RATE])
    assert cutter.idle == 0


# ── commits ──


async def test_what_is_committed_ends_exactly_at_the_cut() -> None:
    """However fast a file is sent, the service has got the sound up to the cut when the commit comes, and no more."""
    seen: list[int] = []

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        for index in range(5):
            await connection.expect(CommitAudio)
            seen.append(len(connection.pcm) // 2)
            await connection.turn(f"phrase {index}")
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript = await say(azure(peer), speech.fixture())
    cuts = cut(speech.fixture())
    assert seen == [c.at for c in cuts]
    assert [(s.start, s.end) for s in transcript] == [(c.start / RATE, c.end / RATE) for c in cuts]
    assert {segment.timing for segment in transcript} == {"vad"}


async def test_a_short_rest_is_filled_up_to_what_services_take() -> None:
    """The last word before Stop is committed even if fewer than 100 ms came since the turn before it."""
    pcm = speech.fixture()
    end = cut(pcm)[0].at + 1_200

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.expect(CommitAudio)
        await connection.send(Delta(connection.next_item, "the president"))
        await connection.turn("the president")
        await connection.send(Delta(connection.next_item, "of"))  # words that only the service hears
        await connection.expect(CommitAudio)
        await connection.turn("of")
        await connection.finish()

    async with ScriptedPeer(script) as peer, RealtimeSession(azure(peer)) as session:
        await session.send(pcm[: 2 * end])
        async for segment in session:
            if segment.text == "of":
                break
        transcript = await session.finish()
        assert session.counts["padding"] == 1_200
        assert len(peer.connections[0].pcm) // 2 == end + 1_200
    assert transcript.text == "the president of"


async def test_silence_is_never_committed() -> None:
    """A session in which nobody spoke asks for no transcription at all."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript = await say(azure(peer), speech.no_speech(3)["white -50 dB"])
        assert not [event for event in peer.connections[0].received if isinstance(event, CommitAudio)]
    assert len(transcript) == 0


async def test_a_long_silence_is_forgotten_by_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a long silence the buffer is emptied now and then, its last moment is sent again, and times hold."""
    monkeypatch.setattr(sending, "IDLE", 2 * RATE)
    cleared: list[int] = []

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        while True:
            event = await connection.next_event()
            if isinstance(event, ClearAudio):
                cleared.append(len(connection.pcm) // 2)
                await connection.send(Cleared())
            elif isinstance(event, CommitAudio):
                break
            else:
                assert isinstance(event, AppendAudio)
        await connection.turn("the president")
        await connection.finish()

    silence = speech.no_speech(7)["white -50 dB"]
    async with ScriptedPeer(script) as peer, RealtimeSession(azure(peer)) as session:
        await session.send(silence + speech.fixture()[: 2 * 4 * RATE])
        transcript = await session.finish()
        heard = bytes(peer.connections[0].pcm)
        counts = session.counts
    assert len(cleared) == 3
    assert heard[2 * cleared[0] :][: 2 * PREFIX] == heard[2 * (cleared[0] - PREFIX) : 2 * cleared[0]]
    assert counts["padding"] == 3 * PREFIX and counts["received"] == counts["sent"] - counts["padding"]
    assert transcript.segments[0].start == pytest.approx(7.8, abs=0.25)


async def test_a_service_that_cannot_forget_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal to empty the buffer is no complaint worth showing, and is not provoked twice."""
    monkeypatch.setattr(sending, "IDLE", RATE)
    asked, refused = 0, asyncio.Event()

    async def script(connection: PeerConnection) -> None:
        nonlocal asked
        await connection.accept()
        while not asked or connection.seconds < 6:
            event = await connection.next_event()
            if isinstance(event, ClearAudio):
                asked += 1
                connection.protocol.refuse(
                    ClientEventError("not here", code="invalid_event", param="type", event_id=event.event_id)
                )
                await connection._flush()
                refused.set()
        await connection.finish()

    async with ScriptedPeer(script) as peer, RealtimeSession(azure(peer)) as session:
        await session.send(bytes(2 * 2 * RATE))
        await refused.wait()
        await asyncio.sleep(0.05)
        await session.send(bytes(2 * 4 * RATE))
        transcript = await session.finish()
    assert asked <= 2  # the second was under way before the answer to the first came
    assert transcript.meta["notes"] == [] and not [e for e in transcript.events if e["type"] == "error"]


async def test_a_service_that_finds_turns_is_left_to_it() -> None:
    """Where the service cuts, we commit nothing while sound comes: some drop the connection then."""

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=17)
        await connection.turn("all of it", start=0.5, end=16.9)
        await connection.finish()

    async with ScriptedPeer(script) as peer:
        transcript = await say(rt.Compatible(peer.url), speech.fixture())
        assert not [event for event in peer.connections[0].received if isinstance(event, CommitAudio)]
    assert transcript.text == "all of it"


async def test_what_listens_for_pauses_ends_with_the_connection() -> None:
    """A session that has ended, and is kept, holds no resampler any more: at the process's end soxr would complain."""

    heard = asyncio.Event()

    async def script(connection: PeerConnection) -> None:
        await connection.accept()
        await connection.audio(seconds=0.5)
        heard.set()
        await connection.finish()

    async with (
        ScriptedPeer(script) as peer,
        RealtimeSession(rt.Compatible(peer.url), language="en", turn_detection="client") as session,
    ):
        await session.send(bytes(48_000))
        await asyncio.wait_for(heard.wait(), 30)
        connection = session._keeper.carriers.current
        assert connection is not None and connection._sender.cutter is not None
        await session.finish()
    assert connection._sender.cutter is None
