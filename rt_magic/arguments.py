"""The line after a magic: split into words, its options read, its `{names}` looked up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from rt_magic.exceptions import ConfigurationError
from rt_magic.options import BY_NAME, Option, option_named


def split(line: str) -> list[str]:
    """Split `line` into words.

    Quotes group and go, an apostrophe inside a word is a letter, backslashes are literal, `#` after a space
    ends the line.

    Raises `ConfigurationError` for a quote that is never closed.
    """
    words: list[str] = []
    word: str | None = None  # None between words; "" is a word, as in `--prompt ""`
    position = 0
    while position < len(line):
        letter = line[position]
        if letter.isspace():
            if word is not None:
                words.append(word)
            word = None
        elif letter == "#" and word is None:
            break
        elif letter == '"' or (letter == "'" and (not word or word[-1] in "=,")):
            end = _closing(line, position)
            word = (word or "") + line[position + 1 : end]
            position = end
        else:
            word = (word or "") + letter
        position += 1
    if word is not None:
        words.append(word)
    return words


def _closing(line: str, start: int) -> int:
    quote = line[start]
    end = line.find(quote, start + 1)
    # 'l'école': an apostrophe between letters does not end the group it stands in.
    while quote == "'" and end != -1 and line[end - 1].isalnum() and line[end + 1 : end + 2].isalnum():
        end = line.find(quote, end + 1)
    if end == -1:
        raise ConfigurationError(
            f"the quote {quote} before {line[start + 1 :][:30]!r} is never closed: add {quote} where the text ends"
        )
    return end


_FIELD = re.compile(r"\{\{|\}\}|\{(\w+)\}")


def _own(namespace: Mapping[str, object]) -> list[str]:
    """Return the names that a notebook has given, without IPython's."""
    return [
        name for name in namespace if not name.startswith("_") and name not in ("In", "Out", "exit", "quit", "open")
    ]


def look_up(text: str, namespace: Mapping[str, object], option: str) -> object:
    """Return `text` with each `{name}` replaced by that variable; only `{name}`: the variable's value itself.

    A list or tuple inside other text is joined by commas; `{{` and `}}` stand for the braces themselves.
    Raises `ConfigurationError` for a name that is not in `namespace`.
    """

    def value(name: str) -> object:
        if name not in namespace:
            near = get_close_matches(name, _own(namespace), n=1)
            raise ConfigurationError(
                f"{option}: there is no variable {name!r}"
                + (f"; did you mean {{{near[0]}}}?" if near else "; define it first, or write {{ and }} for braces")
            )
        return namespace[name]

    def written(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        known = value(found[1])
        return ",".join(map(str, known)) if isinstance(known, (list, tuple)) else str(known)

    whole = _FIELD.fullmatch(text)
    return value(whole[1]) if whole and whole[1] else _FIELD.sub(written, text)


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the line asks for; None, () and False: not said. Texts may still hold `{name}`; times: seconds."""

    source: str | None = None
    languages: tuple[str, ...] = ()
    service: str | None = None
    model: str | None = None
    speed: float | Literal["max"] | None = None
    into: str | None = None
    save: str | None = None
    prompt: str | None = None
    keywords: str | None = None
    microphone: str | None = None
    turn_detection: str | None = None
    silence_ms: int | None = None
    noise_reduction: str | None = None
    duration: float | None = None
    idle: float | None = None
    wait: bool | None = None
    new: bool = False
    private: bool = False
    status: bool = False
    stop: bool = False
    doctor: bool = False


def parse(line: str) -> Arguments:
    """Read the line of a magic. Raises `ConfigurationError`, in one sentence, that says what to type."""
    given: dict[str, object] = {}
    spelt: dict[str, str] = {}
    words = split(line)
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        name, equals, text = word.partition("=")
        if not word.startswith("-") or word == "-":
            name, option, text = "file", BY_NAME["--from"], word
        else:
            option = option_named(name)
            if option.takes is None and equals:
                raise ConfigurationError(f"{name} takes no value: type {name} alone")
            if option.takes is not None and not equals:
                if position == len(words) or words[position] in BY_NAME:
                    raise _needs_value(name, option)
                text = words[position]
                position += 1
        field = option.field
        if field in given:
            raise ConfigurationError(_twice(spelt[field], name, word))
        spelt[field] = name
        given[field] = option.means if option.takes is None else _value(name, option, text)
    _check_together(spelt)
    return Arguments(**given)  # type: ignore[arg-type]  # each option reads what its field holds


def _value(name: str, option: Option, text: str) -> object:
    if not text.strip() and not option.blank:
        raise _needs_value(name, option)
    return option.read(name, text)


def _needs_value(name: str, option: Option) -> ConfigurationError:
    if name == "file":
        return ConfigurationError("the file's name is empty: give one, such as talk.wav")
    return ConfigurationError(f"{name} needs a value: {name} {option.takes}, {option.help}")


def _check_together(spelt: Mapping[str, str]) -> None:
    """Refuse options that mean nothing beside each other; `spelt` is how each field was given."""
    for alone in ("status", "stop"):
        others = [name for field, name in spelt.items() if field not in (alone, "wait")]
        if alone in spelt and others:
            other = "a file" if others[0] == "file" else others[0]
            raise ConfigurationError(f"--{alone} stands alone: type %transcribe --{alone}, without {other}")
    for field in ("save", "duration", "idle", "microphone"):
        if field in spelt and "source" in spelt:
            raise ConfigurationError(f"{spelt[field]} is for a microphone: leave it out with a file")


def _twice(first: str, second: str, word: str) -> str:
    if second == "file":
        return (
            f"only one file can be given, and {word!r} is a second one: put a name with spaces in quotes; for many "
            "files there is rt_magic.transcribe_files"
        )
    return f"{second} is given twice" if first == second else f"{first} and {second} contradict each other: keep one"
