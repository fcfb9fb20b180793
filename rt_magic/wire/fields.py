"""The fields of a JSON message, read so that what is wrong with one costs no more than it must."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

from rt_magic.exceptions import RemoteProtocolError
from rt_magic.wire.events import Json, LogProb, WordTime

T = TypeVar("T")


def parse(message: str | bytes) -> Json:
    """Read a message; RemoteProtocolError unless it is a JSON object with a `type`."""
    try:
        message_text = message.decode() if isinstance(message, bytes) else message
        body = _loads(message_text)
        if _HALF_CHARACTER.search(message_text):
            body = _loads(_without_halves(json.dumps(body, ensure_ascii=False)))
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"a message is not JSON: {shown(message)}") from error
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise RemoteProtocolError(f"a message is not an object with a 'type': {shown(message)}")
    return body


# JSON can escape half a character (a UTF-16 surrogate), which no file and no other message could hold.
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


def _without_halves(text: str) -> str:
    """Join the halves of characters that stand together, put U+FFFD for those that stand alone."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


# Numbers that are not finite become null, so that no arithmetic behind this line meets one. Kept, since `json.loads`
# with options makes a decoder for each message, which takes as long as reading it.
_loads: Callable[[str], Any] = json.JSONDecoder(parse_float=_finite, parse_constant=lambda _: None).decode


def shown(message: str | bytes) -> str:
    """Return the beginning of a message, as an error may show it."""
    return repr(message[:120]) + ("…" if len(message) > 120 else "")


def text(value: object) -> str | None:
    """Read text; TypeError for anything else that is there."""
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"expected text, got {value!r:.60}")


def identifier(value: object) -> str | None:
    """Read the id of an item; some servers leave it out, some leave it empty."""
    return text(value) or None


def said(value: object) -> str | None:
    """Read a word about an error, whatever its type: the error itself must not be lost for it."""
    return value if value is None or isinstance(value, str) else str(value)[:200]


def index(value: object) -> int:
    """Read `content_index`, which is optional in the published schema and absent on some servers."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


_LONGEST_SECONDS = 1e8
"""Times beyond it (three years) are no times."""


def milliseconds(value: object) -> int | None:
    """Read a time that adds to a turn; one that cannot be right counts as not given."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _LONGEST_SECONDS * 1000:
        return int(value)
    return None


def seconds(value: object) -> float:
    """Read a time in seconds; TypeError for what can be none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LONGEST_SECONDS:
        return float(value)
    raise TypeError(f"expected seconds, got {value!r:.60}")


def mapping(value: object) -> Json:
    """Read an object; TypeError for anything else."""
    if isinstance(value, dict):
        return value
    raise TypeError(f"expected an object, got {value!r:.60}")


def entries(value: object, read: Callable[[Json], T]) -> tuple[T, ...] | None:
    """Read a list that adds to a text; what is not as expected is left out, so that the text itself is never lost."""
    if not isinstance(value, list):
        return None
    good = []
    for entry in value:
        try:
            good.append(read(entry))
        except (TypeError, KeyError, AttributeError, RecursionError):
            continue
    return tuple(good)


def logprob(entry: Json) -> LogProb:
    """Read one token's log-probability."""
    return LogProb(str(entry.get("token", "")), seconds(entry["logprob"]))


def word(entry: Json) -> WordTime:
    """Read a word with its times in seconds, as our embedded server sends them."""
    probability = entry.get("probability")
    return WordTime(
        str(entry["word"]),
        seconds(entry["start"]),
        seconds(entry["end"]),
        None if probability is None else seconds(probability),
    )


def language(entry: object) -> str:
    """Read a language, from its code or from an object that holds it."""
    code = entry.get("code") if isinstance(entry, dict) else entry
    if not isinstance(code, str):
        raise TypeError(f"expected a language code, got {entry!r:.60}")
    return code


def event_id(body: Json) -> str:
    """Read the id of an event, "" where there is none."""
    value = body.get("event_id")
    return value if isinstance(value, str) else ""


def item_id(body: Json) -> str | None:
    """Read the id of the item that an event is about."""
    item = body.get("item")
    return identifier(item.get("id")) if isinstance(item, dict) else identifier(body.get("item_id"))


def error_of(body: Json) -> Json:
    """Return the error object; some compatible servers send a bare sentence."""
    error = body.get("error")
    if isinstance(error, dict):
        return error
    return {"message": body.get("message") if error is None else error, "code": body.get("code")}


def phrases(value: object) -> tuple[tuple[str, ...] | None, tuple[WordTime, ...] | None]:
    """Read Azure Voice Live's phrases: the languages heard, and the words with their times; None where none is told.

    Offsets are taken to count from the beginning of the turn's audio (`azure.ai.voicelive.models.TranscriptionPhrase`
    says "from the start of the audio").
    """
    if not isinstance(value, list):
        return None, None
    told = [phrase for phrase in value if isinstance(phrase, dict)]
    heard = tuple(dict.fromkeys(phrase["locale"] for phrase in told if isinstance(phrase.get("locale"), str)))
    words = tuple(word for phrase in told for word in entries(phrase.get("words"), _timed) or ())
    return heard or None, words or None


def _timed(entry: Json) -> WordTime:
    start = seconds(entry["offset_milliseconds"]) / 1000
    return WordTime(str(entry["text"]), start, start + seconds(entry["duration_milliseconds"]) / 1000)
