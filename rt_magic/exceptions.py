"""Everything rt_magic raises on purpose.

RtMagicError
├── ConfigurationError        a setting, option or argument that cannot work
├── AuthenticationError       the service refused the key or token
├── ServiceConnectionError    no connection could be opened or kept
├── ProtocolError
│   ├── LocalProtocolError    this side broke the rules: a bug in the caller
│   └── RemoteProtocolError   the other side did
├── ServiceError              the service answered, and the answer was an error
├── MicrophoneError           no sound from a microphone, or no permission to use it
└── AudioError                a file, array or chunk that is not usable audio

Every message says what happened, the value received, and what to do. None contains a key or a token.
"""

from __future__ import annotations

import os
import re
import sys
from types import TracebackType

_PACKAGE = os.path.dirname(__file__) + os.sep

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal, or a cell that shows an error, would take for orders; a message may repeat a service's words."""


class RtMagicError(Exception):
    """Base of all errors of this package; `request_id` is the service's own name for the request, if it gave one."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        self.message = message = _CONTROL.sub("\ufffd", message)
        super().__init__(message)
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.message} (request id {self.request_id})" if self.request_id else self.message

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in a cell: the caller's own lines and the sentence, not the lines in here.

        The method's name is IPython's; `%debug` and `error.__traceback__` have all frames.
        """
        kept = _of_others(self.__traceback__) or self.__traceback__
        shell = sys.modules["IPython"].get_ipython()  # which is who asks
        behind = self.__cause__, self.__context__, self.__suppress_context__
        self.__cause__ = self.__context__ = None  # which would be shown with all their lines
        try:
            shown: list[str] = shell.InteractiveTB.structured_traceback(type(self), self, kept, tb_offset=1)
        finally:
            self.__cause__, self.__context__, self.__suppress_context__ = behind
        return shown

    def __reduce__(self) -> tuple[object, ...]:
        # Errors travel between processes (`transcribe_files`); keyword arguments would be lost by the default.
        return _rebuild, (type(self), self.message, self.request_id)


def _of_others(frames: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of this package."""
    if frames is None:
        return None
    rest = _of_others(frames.tb_next)
    if frames.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        return rest
    return TracebackType(rest, frames.tb_frame, frames.tb_lasti, frames.tb_lineno)


def _rebuild(kind: type[RtMagicError], message: str, request_id: str | None) -> RtMagicError:
    return kind(message, request_id=request_id)


class ConfigurationError(RtMagicError):
    """A setting, option or argument cannot work; nothing was opened."""


class AuthenticationError(RtMagicError):
    """The service refused the credential, or no credential could be had."""


class ServiceConnectionError(RtMagicError):
    """No connection to the service could be opened, or it broke and could not be restored."""


class ProtocolError(RtMagicError):
    """The rules of the wire were broken; see the two subclasses for whose fault it was."""


class LocalProtocolError(ProtocolError):
    """This side did something the protocol does not allow in its present state; the state is unchanged."""


class RemoteProtocolError(ProtocolError):
    """The other side sent something that cannot be read as the protocol."""


class ServiceError(RtMagicError):
    """The service reported an error; `code` is its own word for it, if it gave one."""

    def __init__(self, message: str, *, code: str | None = None, request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_service_error, (self.message, self.code, self.request_id)


def _rebuild_service_error(message: str, code: str | None, request_id: str | None) -> ServiceError:
    return ServiceError(message, code=code, request_id=request_id)


class MicrophoneError(RtMagicError):
    """The browser, or this machine, gave no microphone, or it stopped giving sound."""


class AudioError(RtMagicError):
    """The input is not audio that can be read, or not in a form that was promised."""
