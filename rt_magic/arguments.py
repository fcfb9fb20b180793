"""The line after `%transcribe`: split it, read it, refuse it with the words to type instead. Pure.

One splitter for every system, because IPython's keeps quotes and expands `$` and `{}` by itself, and `shlex`
eats the backslashes of Windows paths and stumbles over `l'école`.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from rt_magic.exceptions import ConfigurationError
from rt_magic.languages import languages
from rt_magic.words import NOISE, SERVICES, SILENCE_MS, TURN_DETECTION


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


_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|m)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


def duration(text: str, option: str = "duration") -> float:
    """Return the seconds that `text` means: `500ms`, `10s`, `1.5m`, a bare number of seconds.

    Raises `ConfigurationError` for anything else, and for zero.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        raise ConfigurationError(
            f"{option} {text!r} is not a duration: write 500ms, 30s or 10m (a bare number is seconds)"
        )
    return seconds


def silence(text: str) -> int:
    """Return the milliseconds of silence that end a turn; 50 ms to 10 s.

    Raises `ConfigurationError` out of that range; a bare number that can only mean milliseconds is told so.
    """
    seconds = duration(text, "--silence")
    if seconds >= 50 and text.strip().replace(".", "", 1).isdigit():
        raise ConfigurationError(f"--silence {text} is {text} seconds; for milliseconds type --silence {text}ms")
    if not SILENCE_MS[0] <= seconds * 1000 <= SILENCE_MS[1]:
        raise ConfigurationError(f"--silence {text} is out of range: 50ms to 10s")
    return round(seconds * 1000)


_FIELD = re.compile(r"\{\{|\}\}|\{(\w+)\}")


def look_up(text: str, namespace: Mapping[str, object], option: str) -> object:
    """Return `text` with each `{name}` replaced by that variable; only `{name}`: the variable's value itself.

    A list or tuple inside other text is joined by commas; `{{` and `}}` stand for the braces themselves.
    Raises `ConfigurationError` for a name that is not in `namespace`.
    """

    def value(name: str) -> object:
        if name not in namespace:
            near = get_close_matches(name, [known for known in namespace if not known.startswith("_")], n=1)
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


def keyword_list(value: object) -> tuple[str, ...]:
    """Return keywords from `a,New York,b` or from any number of strings. Raises `ConfigurationError` for the rest."""
    parts = value.split(",") if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    words = [part for part in parts if isinstance(part, str)]
    if len(words) < len(parts):
        raise ConfigurationError(f"keywords {value!r} are not words: give a list of strings, or 'New York,Paris'")
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip()))


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its spellings, the field it fills, what it takes (None: a switch) and its manual line."""

    names: tuple[str, ...]
    field: str
    takes: str | None
    help: str
    choices: tuple[str, ...] = ()


OPTIONS = (
    Option(
        ("--lang", "--language", "-l"),
        "languages",
        "LANG",
        "language: fr, fr-CA or French; fr,en where the model takes several",
        ("LANG",),
    ),
    Option(
        ("--service",),
        "service",
        "NAME",
        f"{', '.join(SERVICES)}, an address, or a variable that holds a service",
        SERVICES,
    ),
    Option(("--model",), "model", "NAME", "model, or the name of the Azure deployment"),
    Option(("--from",), "source", "PATH", "transcribe a file; {name} is a variable"),
    Option(
        ("--speed",),
        "speed",
        "X",
        "how fast a file is fed: max (default), 1 as if live, 2 twice that",
        ("max", "1", "2"),
    ),
    Option(("--into", "-o"), "into", "NAME", "variable for the transcript (default: transcript)"),
    Option(("--save",), "save", "PATH", "keep what the microphone hears in a .wav or .flac file"),
    Option(("--prompt",), "prompt", "TEXT", "context for models that take it; {name} is a variable"),
    Option(("--keywords",), "keywords", "A,B", "words to expect: a,b or {name}, or @file with one per line"),
    Option(
        ("--microphone", "--mic"),
        "microphone",
        "WHOSE",
        "page (the browser's), kernel (its machine's), kernel:NAME",
        ("page", "kernel"),
    ),
    Option(
        ("--vad",),
        "turn_detection",
        "HOW",
        f"who finds the pauses: {', '.join(TURN_DETECTION)}",
        TURN_DETECTION,
    ),
    Option(("--silence",), "silence_ms", "TIME", "pause that ends a segment, such as 500ms", ("300ms", "500ms", "1s")),
    Option(("--noise",), "noise_reduction", "HOW", f"the service's noise reduction: {', '.join(NOISE)}", NOISE),
    Option(("--duration",), "duration", "TIME", "stop by itself after so long, such as 10m", ("10m", "30m", "60m")),
    Option(("--idle",), "idle", "TIME", "pause after so long without speech (default 15m)", ("5m", "15m", "60m")),
    Option(("--wait",), "wait", None, "block until the transcript is complete"),
    Option(("--no-wait",), "wait", None, "return at once, also for a file"),
    Option(("--new",), "new", None, "start afresh although this cell is live"),
    Option(("--private",), "private", None, "no word of the transcript goes into the saved notebook"),
    Option(("--status",), "status", None, "what runs in this kernel"),
    Option(("--stop",), "stop", None, "stop what runs"),
    Option(("--doctor",), "doctor", None, "check everything from microphone to service"),
)
BY_NAME = {name: option for option in OPTIONS for name in option.names}

# What people know from elsewhere, where no spelling is near enough to be found.
_MEANT = {
    "--turn-detection": "--vad", "--turn_detection": "--vad", "--noise-reduction": "--noise",
    "--file": "--from", "--input": "--from", "--output": "--into", "--out": "--into", "--deployment": "--model",
    "--vocabulary": "--keywords", "--timeout": "--duration", "--save-audio": "--save",
    "--endpoint": "--service", "--url": "--service",
}  # fmt: skip


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
        if not word.startswith("-") or word == "-":
            name, value = "file", word
            field = "source"
        else:
            name, equals, value = word.partition("=")
            option = _option(name)
            field = option.field
            if option.takes is None:
                if equals:
                    raise ConfigurationError(f"{name} takes no value: type {name} alone")
                value = "" if name != "--no-wait" else "no"
            elif not equals:
                if position == len(words) or words[position] in BY_NAME:
                    raise ConfigurationError(f"{name} needs a value: {name} {option.takes}, {option.help}")
                value = words[position]
                position += 1
        if field in given:
            raise ConfigurationError(_twice(spelt[field], name, word))
        spelt[field] = name
        given[field] = _read(field, name, value)
    _check_together(spelt)
    return Arguments(**given)  # type: ignore[arg-type]  # _read returns what each field holds


def _check_together(spelt: Mapping[str, str]) -> None:
    """Refuse options that mean nothing beside each other; `spelt` is how each field was given."""
    for alone in ("status", "stop"):
        others = [name for field, name in spelt.items() if field not in (alone, "wait")]
        if alone in spelt and others:
            other = "a file" if others[0] == "file" else others[0]
            raise ConfigurationError(f"--{alone} stands alone: type %transcribe --{alone}, without {other}")
    for field in ("save", "duration", "idle"):
        if field in spelt and "source" in spelt:
            raise ConfigurationError(f"{spelt[field]} is for a microphone: leave it out with a file")


def _option(name: str) -> Option:
    if (option := BY_NAME.get(name)) is not None:
        return option
    # Without the dashes, which all have in common.
    long = [known.removeprefix("--") for known in BY_NAME if known.startswith("--")]
    near = get_close_matches(name.lower().removeprefix("--"), long, n=1)
    meant = _MEANT.get(name) or (f"--{near[0]}" if near else "")
    raise ConfigurationError(
        f"unknown option {name}: " + (f"did you mean {meant}?" if meant else "%transcribe? lists them all")
    )


def _twice(first: str, second: str, word: str) -> str:
    if second == "file":
        return (
            f"only one file can be given, and {word!r} is a second one: put a name with spaces in quotes; for many "
            "files there is rt_magic.transcribe_files"
        )
    return f"{second} is given twice" if first == second else f"{first} and {second} contradict each other: keep one"


def _read(field: str, name: str, value: str) -> object:
    option = BY_NAME.get(name)
    if option is not None and option.takes is None:
        return value != "no"
    if not value.strip() and field not in ("prompt", "keywords"):
        raise ConfigurationError(
            f"{name} needs a value" + (f": {name} {option.takes}, {option.help}" if option else "")
        )
    if field == "languages":
        return languages(value)
    if field == "silence_ms":
        return silence(value)
    if field in ("duration", "idle"):
        return duration(value, name)
    if field in ("turn_detection", "noise_reduction"):
        return _choice(name, value, TURN_DETECTION if field == "turn_detection" else NOISE)
    if field == "speed":
        return speed(value)
    if field == "microphone":
        read_microphone(value)
    if field == "into" and not (value.isidentifier() and not keyword.iskeyword(value)):
        raise ConfigurationError(
            f"--into {value!r} is not a variable name: letters, digits and _ only, such as --into talk"
        )
    if field == "into" and hasattr(builtins, value):
        raise ConfigurationError(f"--into {value} would hide Python's own {value}: choose another name")
    if field == "save" and not value.lower().endswith((".wav", ".flac")):
        raise ConfigurationError(f"--save {value!r}: the name must end in .wav or .flac")
    return value


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value.lower() in choices:
        return value.lower()
    near = get_close_matches(value.lower(), choices, n=1)
    raise ConfigurationError(
        f"{name} {value!r} is none of {', '.join(choices)}" + (f": did you mean {near[0]}?" if near else "")
    )


def read_microphone(text: str) -> tuple[str, str]:
    """Return the place and the device that `microphone` names. Raises ConfigurationError."""
    place, colon, device = text.partition(":")
    if place not in ("page", "kernel") or (colon and (place == "page" or not device)):
        raise ConfigurationError(
            f"microphone {text!r} is not known; type page, kernel, or kernel:NAME for one of several there"
        )
    return place, device


def speed(value: str) -> float | Literal["max"]:
    """Return `max` or the positive factor of real time that `value` means."""
    if value.lower() == "max":
        return "max"
    try:
        factor = float(value)
    except ValueError:
        factor = 0.0
    if not 0 < factor < 1000:
        raise ConfigurationError(f"--speed {value!r} is not a speed: type max, or 1 for as fast as it was spoken")
    return factor
