"""The options of the magics: how each is spelt, what its text means, and what the manual says of it."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from rt_magic.exceptions import ConfigurationError
from rt_magic.languages import languages
from rt_magic.words import NOISE, SERVICES, SILENCE_MS, TURN_DETECTION

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


def keyword_list(value: object) -> tuple[str, ...]:
    """Return keywords from `a,New York,b` or from any number of strings. Raises `ConfigurationError` for the rest."""
    parts = value.split(",") if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    words = [part for part in parts if isinstance(part, str)]
    if len(words) < len(parts):
        raise ConfigurationError(f"keywords {value!r} are not words: give a list of strings, or 'New York,Paris'")
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip()))


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


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its spellings, the field it fills, what it takes, its manual line, how its value is read.

    `takes` None is a switch, which `means` a value. `read` gets the spelling and the text, and returns the value or
    raises ConfigurationError; where `blank`, the text may be empty. `choices` are offered by Tab.
    """

    names: tuple[str, ...]
    field: str
    takes: str | None
    help: str
    choices: tuple[str, ...] = ()
    read: Callable[[str, str], object] = lambda _name, text: text
    means: bool = True
    blank: bool = False


def _variable(name: str, text: str) -> str:
    if not (text.isidentifier() and not keyword.iskeyword(text)):
        raise ConfigurationError(
            f"{name} {text!r} is not a variable name: letters, digits and _ only, such as --into talk"
        )
    if hasattr(builtins, text):
        raise ConfigurationError(f"{name} {text} would hide Python's own {text}: choose another name")
    return text


def _sound_file(name: str, text: str) -> str:
    if not text.lower().endswith((".wav", ".flac")):
        raise ConfigurationError(f"{name} {text!r}: the name must end in .wav or .flac")
    return text


def _microphone(_name: str, text: str) -> str:
    read_microphone(text)
    return text


def _one_of(choices: tuple[str, ...]) -> Callable[[str, str], str]:
    def read(name: str, text: str) -> str:
        if text.lower() in choices:
            return text.lower()
        near = get_close_matches(text.lower(), choices, n=1)
        raise ConfigurationError(
            f"{name} {text!r} is none of {', '.join(choices)}" + (f": did you mean {near[0]}?" if near else "")
        )

    return read


OPTIONS = (
    Option(
        ("--lang", "--language", "-l"),
        "languages",
        "LANG",
        "language: fr, fr-CA or French; fr,en where the model takes several",
        ("LANG",),
        lambda _, text: languages(text),
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
        lambda _, text: speed(text),
    ),
    Option(("--into", "-o"), "into", "NAME", "variable for the transcript (default: transcript)", (), _variable),
    Option(("--save",), "save", "PATH", "keep what the microphone hears in a .wav or .flac file", (), _sound_file),
    Option(("--prompt",), "prompt", "TEXT", "context for models that take it; {name} is a variable", blank=True),
    Option(
        ("--keywords",), "keywords", "A,B", "words to expect: a,b or {name}, or @file with one per line", blank=True
    ),
    Option(
        ("--microphone", "--mic"),
        "microphone",
        "WHOSE",
        "page (the browser's), kernel (its machine's), kernel:NAME",
        ("page", "kernel"),
        _microphone,
    ),
    Option(
        ("--vad",),
        "turn_detection",
        "HOW",
        f"who finds the pauses: {', '.join(TURN_DETECTION)}",
        TURN_DETECTION,
        _one_of(TURN_DETECTION),
    ),
    Option(
        ("--silence",),
        "silence_ms",
        "TIME",
        "pause that ends a segment, such as 500ms",
        ("300ms", "500ms", "1s"),
        lambda _, text: silence(text),
    ),
    Option(
        ("--noise",),
        "noise_reduction",
        "HOW",
        f"the service's noise reduction: {', '.join(NOISE)}",
        NOISE,
        _one_of(NOISE),
    ),
    Option(
        ("--duration",),
        "duration",
        "TIME",
        "stop by itself after so long, such as 10m",
        ("10m", "30m", "60m"),
        lambda name, text: duration(text, name),
    ),
    Option(
        ("--idle",),
        "idle",
        "TIME",
        "pause after so long without speech (default 15m)",
        ("5m", "15m", "60m"),
        lambda name, text: duration(text, name),
    ),
    Option(("--wait",), "wait", None, "block until the transcript is complete"),
    Option(("--no-wait",), "wait", None, "return at once, also for a file", means=False),
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

_PYTHON_ONLY = frozenset(("channels", "connections", "start", "sample-rate", "progress"))
"""Arguments of `rt_magic.transcribe` that the magics do not have."""


def option_named(name: str) -> Option:
    """Return the option that is spelt so. Raises ConfigurationError with what may be meant."""
    if (option := BY_NAME.get(name)) is not None:
        return option
    if (word := name.lower().removeprefix("--").replace("_", "-")) in _PYTHON_ONLY:
        raise ConfigurationError(f"unknown option {name}: in Python rt_magic.transcribe has {word.replace('-', '_')}=")
    # Without the dashes, which all have in common.
    long = [known.removeprefix("--") for known in BY_NAME if known.startswith("--")]
    near = get_close_matches(name.lower().removeprefix("--"), long, n=1)
    meant = _MEANT.get(name) or (f"--{near[0]}" if near else "")
    raise ConfigurationError(
        f"unknown option {name}: " + (f"did you mean {meant}?" if meant else "%transcribe? lists them all")
    )
