"""Speech detection: what is speech, what is not, and that only the data decides."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_magic.audio.vad import FRAME_SAMPLES, Frame, SpeechDetector
from rt_magic.wire.turns import TurnDetector, TurnStopped
from tests.speech import RATE, fixture, human, no_speech, pcm, phrases


def turns(audio: bytes) -> list[TurnStopped]:
    """Cut audio into turns with the settings that ship."""
    detector, found = TurnDetector(), []
    for frame in SpeechDetector().feed(audio):
        found += detector.push(frame.speech, frame.energy)
    return [decision for decision in found + detector.finish() if isinstance(decision, TurnStopped)]


@pytest.mark.parametrize("seed", range(3))
def test_each_phrase_is_one_turn(seed: int) -> None:
    """Every phrase of the fixture is one turn, and the speech in it is found within 0.15 s of where it is."""
    found = turns(fixture(seed))
    assert len(found) == len(phrases())
    for turn, phrase in zip(found, phrases(), strict=True):
        assert turn.start / RATE + 0.3 == pytest.approx(phrase.start, abs=0.15)
        assert turn.speech / RATE == pytest.approx(phrase.end, abs=0.15)


@pytest.mark.parametrize("name, audio, _text", human(), ids=[name for name, *_ in human()])
@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_human_speech_is_heard_from_its_first_moment(name: str, audio: bytes, _text: str, gain: float) -> None:
    """A recording that begins in mid-word, loud or quiet, is a turn from its start to near its end."""
    samples = np.frombuffer(audio, "<i2") * gain
    first = next(index for index, frame in enumerate(SpeechDetector().feed(pcm(samples))) if frame.speech)
    begun = samples[(first + 5) * FRAME_SAMPLES :]
    (turn,) = turns(pcm(begun))
    assert turn.start == 0
    assert turn.speech > len(begun) - 0.75 * RATE


@pytest.mark.parametrize("snr", [20, 10])
def test_speech_in_noise_is_heard(snr: float) -> None:
    """Noise 20 or 10 dB below the voice neither hides a turn nor makes one."""
    for name, audio, _text in human():
        speech = np.concatenate([np.zeros(RATE), np.frombuffer(audio, "<i2"), np.zeros(RATE)])
        noise = np.frombuffer(audio, "<i2").astype(float).std() * 10 ** (-snr / 20)
        (turn,) = turns(pcm(speech + np.random.default_rng(1).normal(0, noise, len(speech))))
        assert 0.6 * RATE < turn.start < 1.7 * RATE, name


STEADY = ["digital silence", "last bit", "white -70 dB", "white -50 dB", "white -30 dB", "pink -60 dB", "hum 50 Hz"]
STEADY += ["hum 60 Hz", "tone 440 Hz", "tone 1 kHz", "chord", "clicks"]


@pytest.mark.parametrize("name", STEADY)
def test_steady_sounds_are_no_speech(name: str) -> None:
    """Silence, steady noise, hum, tones and clicks open no turn, not even at the very start."""
    assert turns(no_speech(10)[name]) == []


def test_noise_that_grows_louder_is_learned() -> None:
    """When a fan starts, that is at most one turn: after three seconds its level is the floor."""
    rng = np.random.default_rng(3)
    quiet, loud = rng.normal(0, 20, 5 * RATE), rng.normal(0, 500, 20 * RATE)
    found = turns(pcm(np.concatenate([quiet, loud])))
    assert len(found) <= 1 and all(turn.stop < 10 * RATE for turn in found)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=12))
def test_chunking_does_not_matter(sizes: list[int]) -> None:
    """However the bytes are cut, even inside a sample, the frames are the same."""
    audio = fixture()[: 5 * 2 * RATE]
    whole = SpeechDetector().feed(audio)
    detector, frames, position = SpeechDetector(), list[Frame](), 0
    for size in itertools.cycle(sizes):
        if position >= len(audio):
            break
        frames += detector.feed(audio[position : position + size])
        position += size
    assert frames == whole[: len(frames)]
    assert len(frames) >= len(whole) - 1


def test_one_frame_per_ten_milliseconds() -> None:
    """A second of audio gives a hundred frames; energies are in dBFS."""
    tone = 32767 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    frames = SpeechDetector().feed(pcm(tone))
    assert len(frames) in (99, 100)
    assert frames[50].energy == pytest.approx(-3.0, abs=0.1)
    assert SpeechDetector().feed(bytes(4800))[5].energy == pytest.approx(-100.0)


def test_higher_threshold_hears_less() -> None:
    """The threshold orders the detector's settings: the higher, the fewer frames are speech."""
    speech = np.frombuffer(fixture(), "<i2") * 0.2
    noisy = pcm(speech + np.random.default_rng(2).normal(0, 200, len(speech)))
    heard = [sum(frame.speech for frame in SpeechDetector(threshold).feed(noisy)) for threshold in (0.1, 0.5, 0.9)]
    assert heard[0] > heard[1] > heard[2] > 0
    with pytest.raises(ValueError, match=r"1\.5"):
        SpeechDetector(1.5)
