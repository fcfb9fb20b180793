"""The engine for other languages: faster-whisper, where it and a model are on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rt_magic.local.recognizers import SAMPLE_RATE, HeardWord, Result, Samples


class Whisper:
    """faster-whisper: many languages, better words, no streaming, so that partial text decodes the utterance again."""

    agreement = 2
    STEP = 1.0
    """Seconds of new audio before partial text is looked for again; more where decoding is slow."""

    def __init__(self, model: str, *, load: Callable[..., Any] | None = None) -> None:
        if load is None:
            from faster_whisper import WhisperModel

            load = WhisperModel
        self._model = load(model, device="auto", compute_type="int8", local_files_only=True)
        self._language: str | None = None
        self._prompt: str | None = None
        self._hotwords: str | None = None
        self.start()

    def configure(self, *, language: str | None, keywords: Sequence[str], prompt: str | None) -> None:
        """Take a language code (None: detect it in each utterance), words to expect and text that went before."""
        self._language = language.split("-")[0].lower() if language else None
        self._prompt, self._hotwords = prompt or None, ", ".join(keywords) or None

    def reset(self) -> None:
        """Do nothing: nothing is carried from utterance to utterance."""

    def start(self) -> None:
        """Begin an utterance."""
        self._samples: list[Samples] = []
        self._fed = self._seen = 0.0
        self._text = ""

    def feed(self, samples: Samples) -> None:
        """Keep the samples."""
        self._samples.append(samples)
        self._fed += len(samples) / SAMPLE_RATE

    def partial(self) -> str:
        """Decode the utterance so far if there is a second more of it and a tenth more: the work stays bounded."""
        if self._fed - self._seen >= max(self.STEP, self._fed / 10):
            self._seen = self._fed
            self._text = self._transcribe(word_timestamps=False).text
        return self._text

    def finish(self) -> Result:
        """Decode the whole utterance."""
        return self._transcribe(word_timestamps=True) if self._samples else Result("")

    def _transcribe(self, *, word_timestamps: bool) -> Result:
        audio = np.concatenate(self._samples).astype(np.float32) / np.float32(32768)
        segments, info = self._model.transcribe(
            audio,
            language=self._language,
            beam_size=1,
            initial_prompt=self._prompt,
            hotwords=self._hotwords,
            condition_on_previous_text=False,
            vad_filter=False,
            word_timestamps=word_timestamps,
        )
        heard = list(segments)  # lazy: decoding happens here
        words = tuple(
            HeardWord(word.word.strip(), float(word.start), float(word.end), float(word.probability))
            for segment in heard
            for word in segment.words or ()
        )
        return Result("".join(segment.text for segment in heard).strip(), words, info.language)
