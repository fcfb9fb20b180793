"""The default engine: pocketsphinx."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rt_magic.local.recognizers import HeardWord, Result, Samples


class PocketSphinx:
    """The engine whose wheel brings its model: US English, streaming, everyday vocabulary, rough.

    The settings are those that gave the lowest word error rate for their speed on read human speech; the start value of
    the cepstral mean is the average over five human utterances (`tests/data/librivox`), as the built-in one is far off
    and spoils the first turns of a recording.
    """

    agreement = 4
    MEAN = "53.10,6.37,-4.63,21.72,-16.97,7.51,-8.16,-7.42,3.33,-3.79,3.99,-3.11,0.45"
    FRAMES_PER_SECOND = 100

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(maxhmmpf=5000, fwdflat=False, cmninit=self.MEAN, loglevel="FATAL")
        self._begun = False

    def configure(self, *, language: str | None, keywords: Sequence[str], prompt: str | None) -> None:
        """Refuse every language but English; keywords and prompt are not used yet."""

    def reset(self) -> None:
        """Go back to the start value of the cepstral mean."""
        self._decoder.set_cmn(self.MEAN)

    def start(self) -> None:
        """Begin an utterance."""
        if self._begun:
            self._decoder.end_utt()
        self._decoder.start_utt()
        self._begun = True

    def feed(self, samples: Samples) -> None:
        """Decode more; holds the interpreter for about a quarter of the samples' duration."""
        self._decoder.process_raw(samples.tobytes(), False, False)

    def partial(self) -> str:
        """Return the best path so far."""
        hypothesis = self._decoder.hyp()
        return _without_variants(hypothesis.hypstr) if hypothesis else ""

    def finish(self) -> Result:
        """End the utterance; the last search over the lattice takes some 20 ms."""
        self._decoder.end_utt()
        self._begun = False
        if not self.partial():
            return Result("")
        words = tuple(
            HeardWord(
                _without_variants(segment.word),
                segment.start_frame / self.FRAMES_PER_SECOND,
                (segment.end_frame + 1) / self.FRAMES_PER_SECOND,
                min(1.0, segment.prob),
            )
            for segment in self._decoder.seg()
            if segment.word[0] not in "<[+"  # sentence marks, silence and noises
        )
        return Result(" ".join(word.word for word in words), words)


def _without_variants(text: str) -> str:
    """Drop the numbers of pronunciation variants, as in "the(2)"."""
    return re.sub(r"\(\d+\)", "", text)
