"""Expected phrases for pocketsphinx: a model of nothing but them, whose search competes with the general one."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pocketsphinx import Decoder
from pocketsphinx.lm import ArpaBoLM

_log = logging.getLogger(__name__)


def split_prompt(prompt: str) -> list[str]:
    """Return the phrases of a prompt: what stands between commas, semicolons, full stops and line ends."""
    return [phrase for part in re.split(r"[,;.\n]", prompt) if (phrase := part.strip())]


def expecting(phrases: Iterable[str], general: Any, **settings: Any) -> Any | None:
    """Return a decoder that knows these phrases, and their words in any order, and nothing else; None if there is none.

    A phrase with a word that the dictionary of the `general` decoder lacks is left out, as nothing says how it sounds.
    The dictionary holds the phrases' words only: loading the model with all 130 000 takes seconds. All senones are
    computed, since scores are relative to the best of those that are: so its scores compare with the general decoder's.
    """
    pronunciations: dict[str, str] = {}
    sentences = []
    for phrase in phrases:
        words = re.findall(r"[a-z][a-z']*", phrase.lower())
        found = [_pronunciations(word, general) for word in words]
        if words and all(found):
            sentences.append(" ".join(words))
            for entries in found:
                pronunciations |= entries
        else:
            _log.warning("the keyword %r has a word that the dictionary lacks and is left out", phrase)
    if not sentences:
        return None
    model = ArpaBoLM(text="\n".join(sentences), add_start=True)
    model.compute()
    with tempfile.TemporaryDirectory() as folder:
        dictionary, language = Path(folder, "words.dict"), Path(folder, "phrases.lm")
        dictionary.write_text("".join(f"{word} {sounds}\n" for word, sounds in pronunciations.items()))
        model.write_file(str(language))
        return Decoder(dict=str(dictionary), lm=str(language), compallsen=True, **settings)


def _pronunciations(word: str, general: Any) -> dict[str, str]:
    """Return the word and its numbered variants, each with its sounds."""
    found, name = dict[str, str](), word
    while sounds := general.lookup_word(name):
        found[name] = sounds
        name = f"{word}({len(found) + 1})"
    return found
