"""How a service behaves in a session, as far as its user should know. No I/O."""

from __future__ import annotations

import logging

from rt_magic.exceptions import RtMagicError
from rt_magic.session.complaints import FATAL_CODES, explain_error, explain_failures
from rt_magic.session.diagnosis import Asked
from rt_magic.wire.events import Committed, Completed, Delta, ErrorEvent, Failed, ServerEvent, ServiceWarning, Unknown

_log = logging.getLogger(__name__)

MAXIMUM_FAILURES = 3
"""Turns in a row, failed without a reason, after which nothing better is expected."""

MAXIMUM_NOTES = 20
"""Sentences that are kept; a service may go on complaining for hours."""


class Conduct:
    """Follow a session's events and keep what there is to say about them.

    `streams` tells whether the model writes while one speaks, None where that is to be seen.
    """

    def __init__(self, streams: bool | None) -> None:
        self.notes: list[str] = []
        """What does not end the session and was said once."""
        self._streams = streams
        self._written: set[str | None] = set()  # items of which text came, while it is not known when it comes
        self._failures = 0
        self._succeeded = False

    def take(self, event: ServerEvent, asked: Asked, request_id: str | None = None) -> RtMagicError | None:
        """Take an event; return the error, if it is one that ends the session."""
        match event:
            case ErrorEvent() if event.code in FATAL_CODES:
                return self._explain(event, asked, request_id)
            case ErrorEvent():
                self._note(f"the service complains: {event.message or event.code}")
            case Delta() if self._streams is None:
                self._written.add(event.item_id)
            case Committed() if self._streams is None:
                self._streams = event.item_id in self._written
                self._written.clear()
            case Completed():
                self._failures, self._succeeded = 0, True
            case Failed() if event.code in FATAL_CODES:
                return self._explain(event, asked, request_id)
            case Failed(code=None | "server_error"):
                return self._fail(event, asked, request_id)
            case ServiceWarning():
                self._note(f"the service warns: {event.message or event.code}")
            case Unknown():
                _log.debug("an event that is not known was passed over: %s", event.type)
        return None

    @property
    def late(self) -> bool:
        """Whether text comes only after a pause."""
        return self._streams is False

    def _explain(self, event: ErrorEvent | Failed, asked: Asked, request_id: str | None) -> RtMagicError:
        return explain_error(event.code, event.message, param=event.param, asked=asked, request=request_id)

    def _fail(self, event: Failed, asked: Asked, request_id: str | None) -> RtMagicError | None:
        self._failures += 1
        if self._failures < MAXIMUM_FAILURES:
            return None
        if not self._succeeded:
            return explain_failures(self._failures, event.message, asked, request_id)
        self._note(f"{MAXIMUM_FAILURES} turns in a row were not transcribed; another model may do better (--model)")
        return None

    def _note(self, sentence: str) -> None:
        if sentence in self.notes or len(self.notes) > MAXIMUM_NOTES:
            return
        more = "the service complains of more than is kept here"
        self.notes.append(sentence if len(self.notes) < MAXIMUM_NOTES else more)
