"""Turn detection as a function of flags: where turns begin and end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_magic.wire.turns import Decision, Reason, TurnDetector, TurnStarted, TurnStopped

FRAME = 240
MS = 24  # samples


def frames(*stretches: tuple[bool, int]) -> list[tuple[bool, float]]:
    """Build frames from (speech, milliseconds) stretches; speech is 40 dB louder."""
    return [(speech, -30.0 if speech else -70.0) for speech, ms in stretches for _ in range(ms // 10)]


def decide(detector: TurnDetector, flags: list[tuple[bool, float]], *, finish: bool = True) -> list[Decision]:
    """Push all frames, finish, and return what was decided."""
    decisions = [decision for speech, energy in flags for decision in detector.push(speech, energy)]
    return decisions + (detector.finish() if finish else [])


def turns(decisions: list[Decision]) -> list[TurnStopped]:
    """Keep the finished turns."""
    return [decision for decision in decisions if isinstance(decision, TurnStopped)]


def test_speech_between_silences_is_one_turn() -> None:
    """A turn reaches from the prefix before its speech to the silence after it, and says where the speech is."""
    decisions = decide(TurnDetector(), frames((False, 1000), (True, 800), (False, 1000)))
    assert decisions == [
        TurnStarted(turn=0, at=700 * MS, speech=1000 * MS),
        TurnStopped(turn=0, start=700 * MS, stop=2300 * MS, began=1000 * MS, speech=1800 * MS, reason=Reason.SILENCE),
    ]


def test_start_is_decided_after_the_onset_time() -> None:
    """Ninety milliseconds of speech open a turn, not one frame less."""
    detector = TurnDetector()
    assert decide(detector, frames((False, 500), (True, 80)), finish=False) == []
    assert detector.push(True, -30.0) == [TurnStarted(0, 200 * MS, 500 * MS)]


def test_a_turn_without_cuts_at_pauses_says_where_its_speech_is() -> None:
    """It is open from the first frame on; a click is no speech, and without any it begins where the turn does."""
    detector = TurnDetector(silence_ms=None)
    (turn,) = turns(decide(detector, frames((False, 300), (True, 10), (False, 690), (True, 800), (False, 1000))))
    assert (turn.start, turn.began, turn.speech, turn.stop) == (0, 1000 * MS, 1800 * MS, 2800 * MS)
    (silent,) = turns(decide(TurnDetector(silence_ms=None, position=50 * MS), frames((False, 300))))
    assert (silent.start, silent.began) == (50 * MS, 50 * MS)


def test_click_opens_no_turn() -> None:
    """A short noise between silences is not a turn."""
    assert decide(TurnDetector(), frames((False, 500), (True, 60), (False, 500), (True, 60), (False, 500))) == []


def test_click_in_the_closing_silence_does_not_prolong_the_turn() -> None:
    """A noise shorter than the resume time does not restart the silence."""
    flags = frames((True, 500), (False, 300), (True, 20), (False, 500))
    (turn,) = turns(decide(TurnDetector(), flags))
    assert (turn.stop, turn.speech) == (1000 * MS, 500 * MS)


def test_pause_shorter_than_the_silence_does_not_cut() -> None:
    """A pause below the silence duration stays inside the turn."""
    (turn,) = turns(decide(TurnDetector(silence_ms=800), frames((True, 500), (False, 700), (True, 500), (False, 900))))
    assert (turn.start, turn.speech) == (0, 1700 * MS)


def test_prefix_never_reaches_into_the_turn_before() -> None:
    """Where turns follow each other closely the prefix is what lies between them."""
    first, second = turns(
        decide(TurnDetector(silence_ms=100), frames((True, 300), (False, 200), (True, 300), (False, 200)))
    )
    assert first.stop == second.start == 400 * MS


def test_longest_turn_is_cut_at_a_quiet_moment() -> None:
    """Near the greatest length a turn is cut in the next short pause, and the speech after it is the next turn's."""
    flags = frames((False, 500), (True, 15_000), (False, 150), (True, 3_000), (False, 1_000))
    first, second = turns(decide(TurnDetector(), flags))
    assert first.reason is Reason.MAXIMUM
    assert 15_500 * MS < first.stop <= 15_650 * MS
    assert second.start == first.stop
    assert second.speech == 18_650 * MS


def test_speech_without_any_pause_is_cut_at_the_greatest_length() -> None:
    """Where no moment is quieter than the others the bound itself cuts, and no sample is lost between the turns."""
    flags = [(True, -30.0 + (index % 7)) for index in range(5_000)]
    found = turns(decide(TurnDetector(maximum_ms=10_000), flags))
    assert found[0].start == 0 and found[-1].stop == 5_000 * FRAME
    assert all(before.stop == after.start for before, after in pairwise(found))
    assert all(turn.stop - turn.start <= 10_000 * MS for turn in found)


def test_the_last_syllable_after_a_cut_is_a_turn() -> None:
    """Speech that was cut at the greatest length goes on in the next turn, be there ever so little left of it."""
    flags = [(True, -30.0)] * 1_003
    first, second = turns(decide(TurnDetector(maximum_ms=10_000), flags))
    assert (first.reason, first.stop) == (Reason.MAXIMUM, 1_000 * FRAME)
    assert (second.start, second.stop, second.speech) == (first.stop, 1_003 * FRAME, 1_003 * FRAME)


def test_a_frame_that_is_missed_does_not_delay_a_turn_by_much() -> None:
    """At a turn's onset a frame without speech counts against one with it, no more."""
    decisions = decide(TurnDetector(), frames((False, 500), (True, 60), (False, 10), (True, 40)), finish=False)
    assert decisions == [TurnStarted(0, 200 * MS, 500 * MS)]


def test_without_silence_only_length_and_end_cut() -> None:
    """With turn detection off turns follow each other without a gap, whatever the flags say."""
    flags = frames((False, 5_000), (True, 2_000), (False, 15_000), (True, 1_000))
    found = turns(decide(TurnDetector(silence_ms=None), flags))
    assert found[0].start == 0 and found[-1].stop == 23_000 * MS
    assert all(before.stop == after.start for before, after in pairwise(found))


def test_discard_forgets_what_was_heard() -> None:
    """After a clear neither the open turn nor the prefix reaches back."""
    detector = TurnDetector()
    decide(detector, frames((False, 500), (True, 500)), finish=False)
    detector.discard()
    assert not detector.open and detector.finish() == []
    (turn,) = turns(decide(detector, frames((True, 200), (False, 600))))
    assert (turn.turn, turn.start) == (1, 1000 * MS)


def test_positions_count_from_the_given_one() -> None:
    """A detector may begin in the middle of a recording."""
    (turn,) = turns(decide(TurnDetector(position=24_000), frames((False, 500), (True, 500))))
    assert (turn.start, turn.stop) == (24_000 + 200 * MS, 24_000 + 1000 * MS)


@pytest.mark.parametrize("wrong", [{"silence_ms": -1}, {"prefix_ms": -1}, {"maximum_ms": 3_000}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    """Negative times, and a bound shorter than its search, are errors that name the value."""
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        TurnDetector(**wrong)  # type: ignore[arg-type]  # mypy cannot see that only the floats are given


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 300)), max_size=40),
    st.sampled_from([None, 0, 40, 500]),
    st.sampled_from([0, 300, 5_000]),
)
def test_turns_are_ordered_and_bounded(
    stretches: list[tuple[bool, int]], silence_ms: int | None, prefix_ms: int
) -> None:
    """Whatever is heard: turns are numbered, never overlap, never exceed the bound; starts pair with stops; and audio
    that a turn takes was never reported as no longer needed."""
    detector = TurnDetector(silence_ms=silence_ms, prefix_ms=prefix_ms, maximum_ms=6_000, search_ms=2_000)
    needed, before, opened = 0, 0, None
    flags = [(speech, -30.0 if speech else -60.0) for speech, count in stretches for _ in range(count)]
    for index, (speech, energy) in enumerate(flags):
        assert detector.position == index * FRAME
        decisions = detector.push(speech, energy)
        if index + 1 == len(flags):
            decisions += detector.finish()
        for decision in decisions:
            if isinstance(decision, TurnStarted):
                assert opened is None
                assert decision.at >= max(before, needed) and decision.speech >= decision.at
                opened = decision
            else:
                assert opened is not None and (decision.turn, decision.start) == (opened.turn, opened.at)
                assert decision.start < decision.stop <= detector.position
                assert decision.stop - decision.start <= max(6_000, prefix_ms + 90 + 10) * MS
                assert decision.speech <= decision.stop
                before, opened = decision.stop, None
        assert needed <= detector.needed <= detector.position
        needed = detector.needed
    assert opened is None or not flags
