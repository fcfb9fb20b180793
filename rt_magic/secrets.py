"""Keep keys and tokens out of what is shown, written and logged."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from rt_magic.exceptions import RtMagicError

MARK = "[secret]"
"""What stands where a secret was."""

_HEADERS = frozenset({"authorization", "api-key", "proxy-authorization", "cookie"})
_SHAPES = re.compile(
    r"\beyJ[\w-]{8,}\.[\w.-]{8,}"  # a signed token
    r"|\b[se]k[-_][\w-]{8,}"  # a key of OpenAI
    r"|(?<=Bearer )[\w.~+/=-]{8,}"
    r"|(?<=[?&]api-key=)[^&\s]+"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # name and password of a proxy
)
_SHORT = 6  # what is shorter may be part of words, and is a secret only where it stands alone
_SHORTEST = 3  # what is shorter still is none: it would blot out words themselves
_VALUE = r"(?:(?<=['\"`=:])|(?<=: )|(?<=Bearer ))"
_known: deque[str] = deque(maxlen=64)  # what was sent lately, so that it is known again wherever it turns up


def guard(headers: Mapping[str, str]) -> None:
    """Remember the secrets that the headers of a handshake hold, so that `redact` finds them."""
    for name, value in headers.items():
        secret = value.removeprefix("Bearer ")
        if name.lower() in _HEADERS and len(secret) >= _SHORTEST and secret not in _known:
            _known.append(secret)


def redact(text: str) -> str:
    """Return `text` without the secrets that were sent, and without what has the shape of one."""
    # The longest first, as one may begin with another; sorting makes a copy, as another thread may be connecting.
    for secret in sorted(_known, key=len, reverse=True):
        if secret not in text:
            continue
        if len(secret) < _SHORT:
            # A key that is a word, as "test", is only told from the word where it stands as a value.
            before = _VALUE if secret.isalpha() and secret.islower() else r"(?<!\w)"
            text = re.sub(rf"{before}{re.escape(secret)}(?!\w)", MARK, text)
        else:
            text = text.replace(secret, MARK)
    return _SHAPES.sub(MARK, text)


def unexpected(error: BaseException) -> RtMagicError:
    """Return what nobody expected, a bug of ours, as an error for people, without secrets."""
    return RtMagicError(f"an unexpected error: {redact(repr(error))}; please report it")


_FORMATTER = logging.Formatter()


class _Redacting(logging.Filter):
    """When debugging is on, the WebSocket library logs headers and messages, secrets, words and all, at either end."""

    def filter(self, record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        if len(arguments) == 2 and str(arguments[0]).lower() in _HEADERS:
            record.args = (arguments[0], MARK)
        elif arguments and hasattr(arguments[0], "opcode"):  # a frame, cut short in the middle of whatever it says
            frame: Any = arguments[0]
            record.args = (f"{getattr(frame.opcode, 'name', frame.opcode)} [{len(frame.data)} bytes]",)
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info and not record.exc_text:  # what formatters write of an exception
            record.exc_text = redact(_FORMATTER.formatException(record.exc_info))
        return True


def redacted_log(name: str) -> logging.Logger:
    """Return a logger for the WebSocket library to log to, which leaves secrets out."""
    log = logging.getLogger(name)
    if not any(isinstance(present, _Redacting) for present in log.filters):
        log.addFilter(_Redacting())
    return log
