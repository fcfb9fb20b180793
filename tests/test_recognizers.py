"""The engines: what they understand, how they are chosen, and that nothing is invented."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest

import rt_magic as rt
from rt_magic.audio.speechlike import is_speechlike
from rt_magic.audio.vad import SpeechDetector
from rt_magic.exceptions import ConfigurationError, ServiceConnectionError
from rt_magic.local import recognizers
from rt_magic.local.decoder import Utterance
from rt_magic.local.expected import split_prompt
from rt_magic.local.recognizers import Engine, Recognizer, Result, choose
from rt_magic.local.sphinx import PocketSphinx
from rt_magic.local.whisper import Whisper
from rt_magic.wire.turns import TurnDetector, TurnStopped
from tests.speech import RATE, fixture, human, no_speech, pcm, phrases


def transcribe(recognizer: Recognizer, audio: bytes) -> list[Result]:
    """Cut 24 kHz audio into turns and decode each as the decoder process does."""
    detector, decisions = TurnDetector(), []
    for frame in SpeechDetector().feed(audio):
        decisions += detector.push(frame.speech, frame.energy)
    turns = [turn for turn in decisions + detector.finish() if isinstance(turn, TurnStopped)]
    results = []
    for number, turn in enumerate(turns):
        utterance = Utterance(number, recognizer)
        utterance.feed(audio[2 * turn.start : 2 * turn.stop])
        answer = utterance.finish()
        words = tuple(recognizers.HeardWord(**word) for word in answer["words"])
        results.append(Result(answer["text"], words, answer["language"]))
    return results


@pytest.fixture(scope="module")
def loaded() -> PocketSphinx:
    """Load the engine once."""
    return PocketSphinx()


@pytest.fixture
def sphinx(loaded: PocketSphinx) -> PocketSphinx:
    """Return the engine as cold as a new one."""
    loaded.configure(language=None, keywords=[], prompt=None)
    loaded.reset()
    return loaded


def test_cold_engine_gets_the_phrases() -> None:
    """With a fresh engine per recording, 14 of the 15 phrases of three noise seeds come out word for word."""
    said = [phrase.text for phrase in phrases()]
    heard = [[result.text for result in transcribe(PocketSphinx(), fixture(seed))] for seed in range(3)]
    exact = sum(text == expected for texts in heard for text, expected in zip(texts, said, strict=True))
    assert exact >= 14, heard


def test_reset_makes_the_engine_cold(sphinx: PocketSphinx) -> None:
    """After a reset the same audio gives the same words and times as in a fresh process."""
    audio = fixture()[: 4 * 2 * RATE]
    first = transcribe(sphinx, audio)
    assert transcribe(sphinx, audio) != first  # in the probabilities at least: it has learned the channel
    sphinx.reset()
    assert transcribe(sphinx, audio) == first


def test_human_speech_is_understood_roughly(sphinx: PocketSphinx) -> None:
    """Read speech of real people: one word in three is wrong at most, which is what the README says."""
    texts = [(text, " ".join(r.text for r in transcribe(sphinx, audio))) for _, audio, text in human()]
    assert jiwer.wer([said for said, _ in texts], [heard for _, heard in texts]) <= 0.34, texts


def test_words_have_times_and_probabilities(sphinx: PocketSphinx) -> None:
    """Words follow each other inside the utterance, and their text is the transcript."""
    result = transcribe(sphinx, fixture()[: 4 * 2 * RATE])[0]
    assert " ".join(word.word for word in result.words) == result.text
    assert result.words[0].start == pytest.approx(0.3, abs=0.1)  # the prefix padding
    assert result.words[-1].end == pytest.approx(0.3 + phrases()[0].end - phrases()[0].start, abs=0.15)
    for before, after in zip(result.words, result.words[1:], strict=False):
        assert 0 <= before.start < before.end <= after.start
    assert all(word.probability is not None and 0 <= word.probability <= 1 for word in result.words)


def test_digital_silence_around_speech_does_no_harm(sphinx: PocketSphinx) -> None:
    """Speech between zeros, as a program makes it, is understood as well: noise is put under it."""
    speech = np.frombuffer(fixture(), "<i2").astype(float)
    speech = speech[: 7 * RATE]
    silent, previous = speech.copy(), 0
    for phrase in phrases()[:2]:
        silent[previous : round(phrase.start * RATE)] = 0
        previous = round(phrase.end * RATE)
    silent[previous:] = 0
    heard = " ".join(result.text for result in transcribe(sphinx, pcm(silent)))
    assert heard == " ".join(phrase.text for phrase in phrases()[:2])


def invented(sphinx: PocketSphinx, seconds: float) -> dict[str, list[str]]:
    """Return the texts that sounds without speech give."""
    texts = {name: [r.text for r in transcribe(sphinx, audio) if r.text] for name, audio in no_speech(seconds).items()}
    return {name: found for name, found in texts.items() if found}


def test_no_text_is_invented(sphinx: PocketSphinx) -> None:
    """Silence, noise, hum, tones, beeps and clicks give no text."""
    assert invented(sphinx, 4) == {}


@pytest.mark.long
def test_no_text_is_invented_in_ten_minutes(sphinx: PocketSphinx) -> None:
    """The same for more than ten minutes."""
    assert invented(sphinx, 36) == {}


@pytest.mark.parametrize("seed", range(3))
def test_speech_is_speechlike(seed: int) -> None:
    """What tells speech from beeps and swelling noise never refuses a phrase or human speech."""
    audio = np.frombuffer(fixture(seed), "<i2")
    for phrase in phrases():
        assert is_speechlike(audio[round(phrase.start * RATE) : round(phrase.end * RATE)], RATE)
    for name, speech, _ in human():
        samples = np.frombuffer(speech, "<i2")
        for start in range(0, len(samples) - 2 * RATE, RATE):
            assert is_speechlike(samples[start : start + 2 * RATE], RATE), name


KEYWORDS = ["One two three four five", "The president of the United States", "Pocketsphinx"]


def test_keywords_are_understood_better(sphinx: PocketSphinx) -> None:
    """Utterances made of keywords are heard through noise in which they are lost without; unknown words do no harm."""
    audio = fixture(seed=1, noise=500)[: 7 * 2 * RATE]
    said = " ".join(phrase.text for phrase in phrases()[:2])
    without = " ".join(result.text for result in transcribe(sphinx, audio))
    sphinx.reset()
    sphinx.configure(language="en", keywords=KEYWORDS, prompt=None)
    assert " ".join(result.text for result in transcribe(sphinx, audio)) == said != without


def test_keywords_do_not_close_the_vocabulary(sphinx: PocketSphinx) -> None:
    """Speech that has nothing to do with the keywords comes out as without them; noise gives no keyword."""
    audio = human()[1][1]
    without = transcribe(sphinx, audio)
    sphinx.reset()
    sphinx.configure(language="en", keywords=KEYWORDS, prompt=None)
    assert transcribe(sphinx, audio) == without
    assert invented(sphinx, 3) == {}


def test_phrases_of_a_prompt_are_keywords(sphinx: PocketSphinx) -> None:
    """Without keywords the prompt's phrases are expected, cut at commas and full stops; without both none are."""
    assert split_prompt("new york, los angeles.\n one two;") == ["new york", "los angeles", "one two"]
    sphinx.configure(language=None, keywords=[], prompt="one two three four five, the united states.")
    assert sphinx.expects == ["one two three four five", "the united states"]
    sphinx.configure(language=None, keywords=[], prompt=None)
    assert sphinx.expects == []


def test_unfinished_utterance_is_dropped(sphinx: PocketSphinx) -> None:
    """Starting an utterance drops one that was not finished; none of it is in the next."""
    Utterance(0, sphinx).feed(fixture()[: 2 * 2 * RATE])
    texts = [result.text for result in transcribe(sphinx, fixture()[: 4 * 2 * RATE])]
    assert texts == [phrases()[0].text]


# ── whisper, by a stand-in of the same shape ──


@dataclass
class FakeWord:
    """The shape of faster_whisper's Word."""

    start: float
    end: float
    word: str
    probability: float


@dataclass
class FakeSegment:
    """The part of faster_whisper's Segment that is read."""

    text: str
    words: list[FakeWord] | None


@dataclass
class FakeInfo:
    """The part of faster_whisper's TranscriptionInfo that is read."""

    language: str


class FakeModel:
    """A stand-in of faster_whisper.WhisperModel's shape: it "hears" the duration of the audio. No model is tested."""

    def __init__(self, folder: str, **settings: Any) -> None:
        self.folder, self.settings = folder, settings
        self.calls: list[dict[str, Any]] = []

    def transcribe(self, audio: Any, **settings: Any) -> tuple[Iterator[FakeSegment], FakeInfo]:
        """Return a lazy generator, as the real one does."""
        assert audio.dtype == np.float32 and np.abs(audio).max() <= 1
        self.calls.append(settings)
        seconds = len(audio) / 16_000
        words = [FakeWord(0.0, seconds / 2, " Bonjour", 0.9), FakeWord(seconds / 2, seconds, f" {seconds:.1f}.", 0.8)]
        segment = FakeSegment("".join(word.word for word in words), words if settings["word_timestamps"] else None)
        return (part for part in [segment]), FakeInfo(settings["language"] or "fr")


def whisper() -> tuple[Whisper, FakeModel]:
    """Return the engine around the stand-in."""
    models: list[FakeModel] = []

    def load(folder: str, **settings: Any) -> FakeModel:
        models.append(FakeModel(folder, **settings))
        return models[-1]

    engine = Whisper("/models/small", load=load)
    return engine, models[0]


def speech_of(seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Return samples at 16 kHz."""
    return np.full(round(seconds * 16_000), 100, np.int16)


def test_whisper_never_downloads() -> None:
    """The model is loaded from the folder that was found, with downloads off."""
    _, model = whisper()
    assert model.folder == "/models/small" and model.settings["local_files_only"] is True


def test_whisper_gives_text_words_and_language() -> None:
    """The final text is one decoding of the whole, its words without their spaces, the language as detected."""
    engine, _ = whisper()
    engine.start()
    engine.feed(speech_of(2.0))
    result = engine.finish()
    assert result.text == "Bonjour 2.0." and result.language == "fr"
    assert [(word.word, word.start, word.end) for word in result.words] == [("Bonjour", 0, 1.0), ("2.0.", 1.0, 2.0)]


def test_whisper_partials_are_bounded() -> None:
    """Partial text decodes the utterance again at most once a second, and less often the longer it is."""
    engine, model = whisper()
    engine.start()
    for _ in range(300):
        engine.feed(speech_of(0.1))
        engine.partial()
    assert 15 <= len(model.calls) <= 25


def test_whisper_takes_language_keywords_and_prompt() -> None:
    """`fr-CA` is asked for as `fr`; keywords become hotwords, the prompt the text before."""
    engine, model = whisper()
    engine.configure(language="fr-CA", keywords=["Azure", "Lyon"], prompt="Un entretien.")
    engine.start()
    engine.feed(speech_of(1.0))
    engine.finish()
    call = model.calls[-1]
    assert (call["language"], call["hotwords"], call["initial_prompt"]) == ("fr", "Azure, Lyon", "Un entretien.")


def test_whisper_of_nothing_is_nothing() -> None:
    """An utterance without samples is not decoded."""
    engine, model = whisper()
    engine.start()
    assert engine.finish() == Result("") and model.calls == []


# ── choosing ──


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Pretend that faster-whisper is installed, with a cache of models that is `tmp_path`."""
    hub = types.ModuleType("huggingface_hub")

    def snapshot_download(repository: str, *, local_files_only: bool = False, **_: Any) -> str:
        folder = tmp_path / repository.replace("/", "--")
        if local_files_only and not folder.is_dir():
            raise FileNotFoundError(repository)
        if not local_files_only:
            raise ConnectionError("no route to host")
        return str(folder)

    hub.snapshot_download = snapshot_download  # type: ignore[attr-defined]
    utils = types.ModuleType("faster_whisper.utils")
    utils._MODELS = {name: f"Systran/faster-whisper-{name}" for name in recognizers.WHISPER_MODELS}  # type: ignore[attr-defined]
    utils.available_models = lambda: list(utils._MODELS)  # type: ignore[attr-defined]
    package = types.ModuleType("faster_whisper")
    package.utils = utils  # type: ignore[attr-defined]
    package.__spec__ = __import__("importlib.machinery").machinery.ModuleSpec("faster_whisper", None)
    for name, module in {"huggingface_hub": hub, "faster_whisper": package, "faster_whisper.utils": utils}.items():
        monkeypatch.setitem(sys.modules, name, module)
    return tmp_path


def make_model(folder: Path) -> Path:
    """Make a folder that looks like a model."""
    folder.mkdir(parents=True)
    (folder / "model.bin").touch()
    return folder


def test_default_is_pocketsphinx() -> None:
    """Without whisper the engine is pocketsphinx, which understands English only."""
    assert choose() == choose("pocketsphinx") == Engine("pocketsphinx")
    assert choose().english_only and choose().label == "pocketsphinx en-us"


def test_auto_takes_whisper_with_a_present_model(cache: Path) -> None:
    """Whisper is chosen by itself only where one of its models is on this machine."""
    assert choose() == Engine("pocketsphinx")
    folder = make_model(cache / "Systran--faster-whisper-small")
    assert choose() == Engine("whisper", "small", folder)
    assert not choose().english_only and choose("pocketsphinx").name == "pocketsphinx"


def test_model_can_be_a_folder(cache: Path) -> None:
    """A folder with a model is taken as it is; one without is an error that says what is missing."""
    folder = make_model(cache / "mine" / "base.en")
    assert choose("auto", str(folder)) == Engine("whisper", "base.en", folder)
    assert choose("whisper", str(folder)).english_only
    with pytest.raises(ConfigurationError, match=r"holds no model\.bin"):
        choose("whisper", str(cache / "mine"))


@pytest.mark.parametrize(
    ("engine", "model", "sentence"),
    [
        ("whisper", "small", 'rt_magic.Local.download("small")'),
        ("whisper", None, 'rt_magic.Local.download("small")'),
        ("auto", "medium", 'rt_magic.Local.download("medium")'),
        ("whisper", "gigantic", "there is no whisper model 'gigantic'; there are small, base, "),
        ("siri", None, "there is no engine 'siri'"),
        ("pocketsphinx", "small", "takes no other, but model is 'small'"),
    ],
)
def test_what_is_missing_is_said_with_its_mend(cache: Path, engine: str, model: str | None, sentence: str) -> None:
    """A model that is not here, or a name that is none, is an error with the line that helps."""
    with pytest.raises(ConfigurationError) as raised:
        choose(engine, model)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("missing", "line"), [("faster_whisper", "rt-magic[whisper]"), ("pocketsphinx", "rt-magic[local]")]
)
def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, missing: str, line: str) -> None:
    """Without the package the error is the line that installs it."""
    monkeypatch.setattr(recognizers, "_installed", lambda package: package != missing)
    with pytest.raises(ConfigurationError, match=line.replace("[", r"\[")):
        choose("whisper" if missing == "faster_whisper" else "pocketsphinx")


def test_download_says_what_went_wrong(cache: Path) -> None:
    """Where the model cannot be fetched the error says so and names another way; an unknown name fetches nothing."""
    with pytest.raises(ServiceConnectionError, match=r"no route to host.*folder can be copied"):
        rt.Local.download("small")
    with pytest.raises(ConfigurationError, match="gigantic"):
        rt.Local.download("gigantic")
