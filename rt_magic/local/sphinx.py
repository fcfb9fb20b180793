"""The default engine: pocketsphinx."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from pocketsphinx import Decoder

from rt_magic.audio.pcm import BYTES_PER_SAMPLE
from rt_magic.local.expected import expecting, split_prompt
from rt_magic.local.recognizers import SAMPLE_RATE, HeardWord, Result, Samples

MEAN = "53.10,6.37,-4.63,21.72,-16.97,7.51,-8.16,-7.42,3.33,-3.79,3.99,-3.11,0.45"
"""Start value of the cepstral mean: the average over five human utterances (`tests/data/librivox`)."""

QUIETEST = 20.0
"""Noise floor, in LSB, below which noise is added: from digital silence the engine learns a channel that is none."""

SECOND_LOOKS = 2
"""Utterances of a recording that are decoded once more when they end, since the cepstral mean is cold before.

That takes a sixth to a quarter of their duration, which their final text waits for. Measured on synthetic voices
through six channels (plain, quiet, telephone, bright, dull, noisy): 41.8 % of the words wrong without, 38.9 % with two,
37.4 % with a second look at each; on human speech no difference.
"""
LONGEST_SECOND_LOOK = 5.0
"""Seconds up to which an utterance is decoded once more."""

_FRAMES_PER_SECOND = 100
_SETTINGS = {"maxhmmpf": 5000, "fwdflat": False, "cmninit": MEAN, "loglevel": "FATAL"}


class PocketSphinx:
    """The engine whose wheel brings its model: US English, streaming, everyday vocabulary, rough.

    Two searches look at a recording's first utterances: one while they are spoken, with the cepstral mean so far, and
    one over the whole when it has ended, with its own mean. Where keywords are given, another knows nothing else: an
    utterance that consists of them is understood far better, any other is left to the first ones. The best score wins.
    """

    agreement = 3

    def __init__(self) -> None:
        self._decoder = Decoder(**_SETTINGS)
        self.expects: list[str] = []
        """The phrases that are expected, as given."""
        self._expecting: Any = None
        self._begun = False
        self._finished = 0
        """Utterances with words since the start of the recording."""
        self._heard: list[Samples] = []
        self._added_noise = 0.0

    def configure(self, *, language: str | None, keywords: Sequence[str], prompt: str | None) -> None:
        """Take the phrases to expect: the keywords, or else those of a prompt. The language is English."""
        phrases = list(keywords) or split_prompt(prompt or "")
        if phrases != self.expects:
            self.expects, self._expecting = phrases, expecting(phrases, self._decoder, **_SETTINGS)

    def reset(self) -> None:
        """Go back to the start values of cepstral mean and noise, which are kept from utterance to utterance."""
        if self._begun:
            self._decoder.end_utt()
            self._begun = False
        self._finished = 0
        self._decoder.reinit_feat()

    def start(self) -> None:
        """Begin an utterance."""
        if self._begun:
            self._decoder.end_utt()
        self._decoder.start_utt()
        self._begun = True
        self._heard = []

    def feed(self, samples: Samples) -> None:
        """Decode more; holds the interpreter for a sixth to a quarter of the samples' duration."""
        if not self._heard:
            self._added_noise = _missing_noise(samples)
            self._noise = np.random.default_rng(0)
        if self._added_noise:
            noisy = np.rint(samples + self._noise.normal(0, self._added_noise, len(samples)))
            samples = noisy.clip(-32768, 32767).astype(np.int16)
        self._heard.append(samples)
        self._decoder.process_raw(samples.tobytes(), False, False)

    def partial(self) -> str:
        """Return the best path so far."""
        hypothesis = self._decoder.hyp()
        return _without_variants(hypothesis.hypstr) if hypothesis else ""

    def finish(self) -> Result:
        """End the utterance and return the best of its decodings."""
        self._decoder.end_utt()
        self._begun = False
        found = [_result(self._decoder)]
        whole = b"".join(samples.tobytes() for samples in self._heard)
        short = 0 < len(whole) <= LONGEST_SECOND_LOOK * SAMPLE_RATE * BYTES_PER_SAMPLE
        if short and self._finished < SECOND_LOOKS:
            mean = self._decoder.get_cmn(False)
            found.append(_look(self._decoder, whole))
            self._decoder.set_cmn(mean)
        if self._expecting is not None and any(result.text for _, result in found):  # it would put words to noise
            found.append(_look(self._expecting, whole))
        best = max(found, key=lambda entry: entry[0])[1]
        self._finished += bool(best.text)
        return best


def _look(decoder: Any, whole: bytes) -> tuple[float, Result]:
    """Decode an utterance in one call, which takes the mean over all of it."""
    decoder.start_utt()
    decoder.process_raw(whole, False, True)
    decoder.end_utt()
    return _result(decoder)


def _result(decoder: Any) -> tuple[float, Result]:
    """Return the score, higher for a better path, and the words."""
    hypothesis = decoder.hyp()
    if hypothesis is None or not hypothesis.hypstr:
        return 0.0, Result("")
    words = tuple(
        HeardWord(
            _without_variants(segment.word),
            segment.start_frame / _FRAMES_PER_SECOND,
            (segment.end_frame + 1) / _FRAMES_PER_SECOND,
            min(1.0, segment.prob),
        )
        for segment in decoder.seg()
        if segment.word[0] not in "<[+"  # sentence marks, silence and noises
    )
    return hypothesis.score, Result(" ".join(word.word for word in words), words)


def _missing_noise(samples: Samples) -> float:
    """Return the noise, in LSB, that the quietest 20 ms of an utterance's beginning lack."""
    frame = SAMPLE_RATE // 50
    frames = samples[: len(samples) // frame * frame].astype(np.float64).reshape(-1, frame)
    floor = float(frames.std(axis=1).min()) if len(frames) else QUIETEST
    return float(max(0.0, QUIETEST**2 - floor**2) ** 0.5)


def _without_variants(text: str) -> str:
    """Drop the numbers of pronunciation variants, as in "the(2)"."""
    return re.sub(r"\(\d+\)", "", text)
