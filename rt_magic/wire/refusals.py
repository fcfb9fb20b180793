"""What a refusal is about, and what to ask for instead. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rt_magic.wire.dialects import Dialect, Wanted
from rt_magic.wire.events import ErrorEvent

_OPTIONAL: Mapping[str, Mapping[str, Any]] = {
    "keywords": {"keywords": ()},
    "prompt": {"prompt": None},
    "noise_reduction": {"noise_reduction": None},
    "include": {"logprobs": False},
    "echo_cancellation": {"echo_cancellation": False},
    "turn_detection": {"turn_detection": "client"},
    "to transcription": {"kind": "transcription"},
    "to realtime": {"kind": "realtime"},
    "to flat": {"shape": "flat"},
    "to nested": {"shape": "nested"},
}
"""What to ask for instead where a field is refused; none of it changes what the user gets to read."""

_LANGUAGE = ("language", "languages")
_ALIASES: Mapping[str, str] = {
    "phrase_list": "keywords",
    "input_audio_noise_reduction": "noise_reduction",
    "input_audio_echo_cancellation": "echo_cancellation",
}
"""The same settings as other dialects call them."""
_LACKING = re.compile(
    r"unknown parameter|unsupported|\bnot (?:supported|available|allowed|permitted)|does not support", re.IGNORECASE
)
_QUOTED_PATH = re.compile(r"'(session\.[\w.\[\]]+)'")


def refused_field(error: ErrorEvent) -> str:
    """Return which part of an update an error is about, from its `param` or its words."""
    message = error.message.lower()
    if "turn detection is not supported" in message:
        return "turn_detection"
    if "passing a transcription session update" in message:
        return "to realtime"
    if "passing a realtime session update" in message:
        return "to transcription"
    quoted = _QUOTED_PATH.search(error.message)
    path = error.param or (quoted[1] if quoted else "")
    parts = [part.partition("[")[0] for part in path.split(".")]
    parts = [_ALIASES.get(part, part) for part in parts]
    named = next((part for part in reversed(parts) if part in (*_OPTIONAL, *_LANGUAGE)), None)
    if named is None and not path:  # servers that name no field quote their validation, which does
        told = [_ALIASES.get(word, word) for word in re.findall(r"\w+", error.message)]
        named = next((word for word in told if "_" in word and word in _OPTIONAL), None)
    return named or parts[-1]


def is_lasting(error: ErrorEvent) -> bool:
    """Tell whether a service says that it lacks a setting, and not only that it does not take this value of it."""
    return error.code == "unknown_parameter" or bool(
        _LACKING.search(error.message) and not error.message.lower().startswith("invalid")
    )


def refused_shape(error: ErrorEvent, dialect: Dialect) -> str | None:
    """Return the shape to use instead, "to flat" or "to nested", where an error is about the one that was used."""
    quoted = _QUOTED_PATH.search(error.message)
    path = error.param or (quoted[1] if quoted else "")
    top = path.removeprefix("session.").split(".")[0]
    unknown = error.code == "unknown_parameter" or "unknown parameter" in error.message.lower()
    if dialect.shape == "nested" and top in ("type", "audio", "output_modalities") and unknown:
        return "to flat" if path.count(".") == 1 else None
    if dialect.shape == "flat" and top in ("input_audio_transcription", "turn_detection", "modalities") and unknown:
        return "to nested" if path.count(".") == 1 else None
    return None


def give_up(wanted: Wanted, field: str) -> Wanted | None:
    """Return what to ask for without a refused field, or None where nothing is left to give up.

    One field at a time, since one bad field voids the whole update.
    """
    if field == "languages" and (len(wanted.languages) > 1 or (wanted.languages and wanted.language_list)):
        return replace(wanted, languages=wanted.languages[:1], language_list=False)
    if field == "language" and wanted.languages:
        short = wanted.languages[0].split("-")[0]
        return replace(wanted, languages=() if wanted.languages == (short,) else (short,))
    if field == "turn_detection" and wanted.turn_detection in ("client", "off"):
        return None
    if field == "turn_detection" and wanted.turn_detection == "semantic":
        return replace(wanted, turn_detection="server")
    if field == "include" and not wanted.logprobs and wanted.phrases:
        return replace(wanted, phrases=False)
    changed = replace(wanted, **_OPTIONAL.get(field, {}))
    return changed if changed != wanted else None


def adapt(wanted: Wanted, dialect: Dialect) -> tuple[Wanted, list[str]]:
    """Return what can be said in a dialect, and a sentence for each wish that cannot."""
    notes: list[str] = []
    languages = wanted.languages
    if not dialect.regions:
        languages = tuple(dict.fromkeys(code.split("-")[0] for code in languages))
    if languages and dialect.languages == "none":
        notes.append(f"this server cannot be told the language ({', '.join(languages)}); it finds out by itself")
        languages = ()
    elif len(languages) > 1 and dialect.languages == "one":
        notes.append(
            f"this server takes one language; {languages[0]} was asked for, {', '.join(languages[1:])} left out"
        )
        languages = languages[:1]
    if wanted.prompt and not dialect.prompt:
        notes.append("this server takes no prompt; it was left out")
    if wanted.keywords and not dialect.keywords:
        notes.append("this server takes no keywords; they were left out")
    if wanted.noise_reduction and not dialect.noise:
        notes.append("this server has no noise reduction; it was left out")
    turns = wanted.turn_detection
    if turns == "semantic" and turns not in dialect.turns:
        turns = "server"
        notes.append("this server knows no turns by meaning; turns end at pauses")
    if turns == "server" and turns not in dialect.turns:
        turns = "client"
    elif turns in ("client", "off") and not dialect.turns_off:
        turns = "server"
        notes.append("this server cuts turns itself, which cannot be switched off")
    adapted = replace(
        wanted,
        languages=languages,
        language_list=wanted.language_list and dialect.languages == "list",
        prompt=wanted.prompt if dialect.prompt else None,
        keywords=wanted.keywords if dialect.keywords else (),
        noise_reduction=wanted.noise_reduction if dialect.noise else None,
        turn_detection=turns,
    )
    return adapted, notes
