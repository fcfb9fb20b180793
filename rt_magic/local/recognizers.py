"""The engines behind one small interface: 16 kHz samples of one utterance in, words out."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rt_magic.exceptions import ConfigurationError, ServiceConnectionError
from rt_magic.optional import extra

SAMPLE_RATE = 16_000
"""What every engine listens at, in Hz."""

Samples: TypeAlias = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word, its place in seconds of the utterance, and how sure the engine is (0 to 1)."""

    word: str
    start: float
    end: float
    probability: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """The final text of an utterance ("" where nothing was understood) and its words."""

    text: str
    words: tuple[HeardWord, ...] = ()
    language: str | None = None


class Recognizer(Protocol):
    """One engine, one utterance at a time: `start`, any number of `feed`, `finish` or the next `start`."""

    agreement: int
    """How many equal partial texts in a row make a word stable enough to be shown."""

    def configure(self, *, language: str | None, keywords: Sequence[str], prompt: str | None) -> None:
        """Take settings for the utterances to come."""

    def reset(self) -> None:
        """Forget everything learned from earlier utterances: another recording follows."""

    def start(self) -> None:
        """Begin an utterance; one that was not finished is dropped."""

    def feed(self, samples: Samples) -> None:
        """Take more of the utterance."""

    def partial(self) -> str:
        """Return the text so far; words at its end may still change."""

    def finish(self) -> Result:
        """Return the final text of all that was fed."""


WHISPER_MODELS = ("small", "base", "tiny", "medium", "large-v3-turbo")
"""Models that engine "auto" looks for on this machine, in this order."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What can be loaded here: the engine's name, its model's name and folder (pocketsphinx brings its own)."""

    name: str
    model: str = "en-us"
    folder: Path | None = None

    @property
    def label(self) -> str:
        """What a session calls its model."""
        return f"{self.name} {self.model}"

    @property
    def english_only(self) -> bool:
        """Whether every other language must be refused."""
        return self.folder is None or self.model.endswith(".en")

    def load(self) -> Recognizer:
        """Load the model, which takes from half a second to many."""
        if self.folder is None:
            from rt_magic.local.sphinx import PocketSphinx

            return PocketSphinx()
        from rt_magic.local.whisper import Whisper

        return Whisper(str(self.folder))


def choose(engine: str = "auto", model: str | None = None) -> Engine:
    """Return the engine to use; loads no model and downloads nothing.

    "auto" is whisper where `model` names one, or where it and one of its usual models are on this machine, else
    pocketsphinx. Raises ConfigurationError with the line that mends it.
    """
    if engine not in ("auto", "pocketsphinx", "whisper"):
        raise ConfigurationError(f"there is no engine {engine!r}; choose 'auto', 'pocketsphinx' or 'whisper'")
    if engine == "pocketsphinx" and model is not None:
        raise ConfigurationError(f"pocketsphinx brings its own model and takes no other, but model is {model!r}")
    if engine == "whisper" or model is not None:
        return _whisper(model)
    if engine == "auto" and _installed("faster_whisper"):
        with contextlib.suppress(ConfigurationError):
            return _whisper(None)
    if not _installed("pocketsphinx"):
        raise ConfigurationError(
            f"the embedded engine is not installed; to install it: {extra('local')} "
            "(pocketsphinx has no wheel for Python 3.14 yet)"
        )
    return Engine("pocketsphinx")


def download(name: str) -> Path:
    """Fetch a whisper model from its public repository, with progress bars, and return its folder.

    Raises ConfigurationError for a name that is none, ServiceConnectionError where it cannot be fetched.
    """
    _need_whisper()
    import huggingface_hub
    from tqdm.auto import tqdm

    try:
        folder = huggingface_hub.snapshot_download(_repository(name), allow_patterns=_MODEL_FILES, tqdm_class=tqdm)
    except (OSError, ValueError) as error:
        raise ServiceConnectionError(
            f"the model {name!r} could not be fetched from huggingface.co ({error}); once it is on another machine, "
            "its folder can be copied here and given as the model"
        ) from error
    return Path(folder)


def downloaded(name: str) -> int:
    """Return how many bytes of a model are on this machine, what is still incomplete among them."""
    from huggingface_hub import constants

    blobs = Path(constants.HF_HUB_CACHE) / f"models--{_repository(name).replace('/', '--')}" / "blobs"
    total = 0
    for file in blobs.glob("*"):
        with contextlib.suppress(OSError):  # renamed meanwhile, for it is complete
            total += file.stat().st_size
    return total


_MODEL_FILES = ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"]


def _whisper(model: str | None) -> Engine:
    _need_whisper()
    for name in WHISPER_MODELS if model is None else (model,):
        folder = _folder(name)
        if folder is not None:
            return Engine("whisper", Path(name).name, folder)
    if model is not None and Path(model).is_dir():
        raise ConfigurationError(f"the folder {model!r} holds no model.bin; give that of a faster-whisper model")
    raise ConfigurationError(
        f"the whisper model {model or 'small'!r} is not on this machine, and nothing downloads by itself; to fetch it: "
        f'rt_magic.Local.download("{model or "small"}")'
    )


def _folder(model: str) -> Path | None:
    """Return where a model is on this machine, by its folder or its name, or None."""
    if (Path(model) / "model.bin").is_file():
        return Path(model)
    if Path(model).is_dir():
        return None
    import huggingface_hub

    try:
        return Path(huggingface_hub.snapshot_download(_repository(model), local_files_only=True))
    except (OSError, ValueError):  # LocalEntryNotFoundError is an OSError, a name that cannot be one a ValueError
        return None


def _repository(model: str) -> str:
    """Return the repository of a model's short name; a name with a slash is one already."""
    from faster_whisper import utils

    if "/" not in model and model not in utils.available_models():
        known = ", ".join(utils.available_models())
        raise ConfigurationError(f"there is no whisper model {model!r}; there are {known}")
    repositories: dict[str, str] = utils._MODELS
    return repositories.get(model, model)


def _need_whisper() -> None:
    if not _installed("faster_whisper"):
        raise ConfigurationError(f"faster-whisper is not installed; to install it: {extra('whisper')}")


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
