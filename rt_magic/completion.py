"""What Tab offers on a line of `%transcribe`: options, their values, languages, services, files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rt_magic import languages
from rt_magic.options import BY_NAME, OPTIONS
from rt_magic.session.services import Service
from rt_magic.wire.models import MODELS

_LINE = re.compile(r"\s*(?:\w+\s*=\s*)?%%?transcribe\s(?P<rest>.*)")
WHISPER = ("tiny", "base", "small", "medium", "large-v3", "large-v3-turbo")
"""Names under which the whisper engine knows its models."""
_AUDIO = (
    ".aac", ".aif", ".aiff", ".flac", ".m4a", ".mkv", ".mov", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".wav", ".webm",
    ".wma",
)  # fmt: skip


def complete(text: str, namespace: Mapping[str, Any]) -> tuple[str, list[str]] | None:
    """Return the end of `text` that is to be replaced, and by what; None where the line is none of ours.

    `text` is the line up to the cursor; files are looked up from the current folder.
    """
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    before, word = _last_word(found["rest"])
    name, sign, value = word.partition("=")
    if sign and name in BY_NAME:
        return value, _values(name, value, namespace)
    if word.startswith("-"):
        return word, [name for option in OPTIONS for name in option.names if name.startswith(word)]
    if before in BY_NAME and BY_NAME[before].takes is not None:
        return word, _values(before, word, namespace)
    options = [option.names[0] for option in OPTIONS] if not word else []
    return word, [*_files(word, _AUDIO), *options]


def _last_word(rest: str) -> tuple[str, str]:
    """Return the word before the one that the cursor is in, and that one as far as it is typed, quotes included."""
    before, start, quote = "", 0, ""
    for position, letter in enumerate(rest):
        if quote:
            quote = "" if letter == quote else quote
        elif letter == '"' or (letter == "'" and (position == start or rest[position - 1] in "=,")):
            quote = letter
        elif letter.isspace():
            before, start = rest[start:position] or before, position + 1
    return before, rest[start:]


def _values(name: str, typed: str, namespace: Mapping[str, Any]) -> list[str]:
    option = BY_NAME[name]
    if option.field == "languages":
        done, comma, last = typed.rpartition(",")
        names = [name for name in map(languages.language_name, languages.language_codes()) if " " not in name]
        known = [*languages.language_codes(), *names]
        return [f"{done}{comma}{word}" for word in known if word.casefold().startswith(last.casefold())]
    if option.field in ("source", "save"):
        return _files(typed, _AUDIO)
    if option.field == "keywords" and typed.startswith("@"):
        return [f"@{path}" for path in _files(typed[1:], (".txt", ""))]
    choices = list(option.choices)
    if option.field == "model":
        choices += [*models(), *(path for path in _files(typed, ()) if typed[:1] in (".", "/", "~"))]
    if option.field == "service":
        choices += [name for name, value in namespace.items() if isinstance(value, Service) and name[0] != "_"]
    return [choice for choice in choices if choice.startswith(typed)]


def models() -> list[str]:
    """Return the models that `--model` may mean here: the deployment of the environment, OpenAI's, whisper's."""
    deployments = [os.environ.get(f"AZURE_OPENAI_{kind}_DEPLOYMENT", "") for kind in ("TRANSCRIBE", "REALTIME")]
    return [name for name in dict.fromkeys([*deployments, *MODELS, *WHISPER]) if name]


def _files(typed: str, suffixes: tuple[str, ...]) -> list[str]:
    """Return folders and files that begin so, those with one of the suffixes if there are any, quoted if need be."""
    quote = typed[0] if typed[:1] in ('"', "'") else ""
    folder, name = os.path.split(typed[len(quote) :])
    try:
        found = sorted(_beginning(Path(folder or ".").expanduser(), name))
    except OSError:
        return []
    wanted = [path for path in found if path.is_dir() or path.suffix.lower() in suffixes]
    offered = []
    for path in wanted if any(path.is_file() for path in wanted) else found:
        whole = os.path.join(folder, path.name)
        marks = quote or ('"' if re.search(r"[\s#']", whole) else "")
        offered.append(f"{marks}{whole}{os.sep}" if path.is_dir() else f"{marks}{whole}{marks}")
    return offered


def _beginning(folder: Path, name: str) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(name) and not (path.name.startswith(".") and not name.startswith(".")):
            yield path
