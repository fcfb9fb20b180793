"""What a session says about its service: in the status, in the transcript's facts and among its events."""

from __future__ import annotations

from collections.abc import Iterable

from rt_magic.exceptions import RtMagicError
from rt_magic.secrets import redact
from rt_magic.session.complaints import explain_error
from rt_magic.session.conduct import Conduct
from rt_magic.session.connection import Connection
from rt_magic.session.diagnosis import Asked
from rt_magic.session.services import Address, Service
from rt_magic.session.wishes import understood
from rt_magic.transcript.transcript import Transcript
from rt_magic.wire.dialects import Wanted
from rt_magic.wire.events import Completed, ErrorEvent, Failed, ServerEvent

MAXIMUM_RECORDED = 1000
"""Errors and failed turns that become events of the transcript; the last of them says that there were more."""


class Report:
    """Note what a service does, for its user; `notes` is what was said before anything was sent."""

    def __init__(self, service: Service, transcript: Transcript, notes: Iterable[str], streams: bool | None) -> None:
        self._service, self._transcript, self._notes = service, transcript, list(notes)
        self._warnings: list[str] = []
        self._conduct = Conduct(streams)
        self._recorded = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What one should know of the words, as that they come in another language than asked for."""
        return tuple(self._warnings)

    def restart(self) -> None:
        """Begin again after the end, knowing when text comes."""
        self._conduct = Conduct(not self._conduct.late)
        self._warnings = []

    def take(self, event: ServerEvent, asked: Asked, request_id: str | None) -> RtMagicError | None:
        """Take an event; return the error, if it is one that ends the connection."""
        match event:
            case ErrorEvent():
                self._record("error", event)
            case Failed():
                self._record("failed", event)
            case Completed(usage=usage) if usage:
                self._transcript._add_usage(usage)
        error = self._conduct.take(event, asked, request_id)
        if error is None and isinstance(event, ErrorEvent) and event.code == "session_expired":
            return explain_error(event.code, event.message, request=request_id)  # some stay open
        return error

    def _record(self, kind: str, event: ErrorEvent | Failed) -> None:
        self._recorded += 1
        if self._recorded <= MAXIMUM_RECORDED:
            last = {"more": True} if self._recorded == MAXIMUM_RECORDED else {}
            self._transcript._record({"type": kind, "code": event.code, "message": event.message, **last})

    def listening(self, wanted: Wanted, address: Address | None) -> str:
        """Return the sentence that it listens, and what one should know about how."""
        late = f"{wanted.model or 'the service'} writes after each pause" if self._conduct.late else ""
        parts = ["listening", signed_in(address), late, *self._warnings, *self._conduct.notes[-1:]]
        return "; ".join(part for part in parts if part)

    def describe(self, connection: Connection, wanted: Wanted, address: Address | None) -> None:
        """Keep in the transcript where its words come from, once a connection was accepted."""
        accepted = connection.protocol.accepted
        self._warnings = [redact(warning) for warning in connection.protocol.warnings[-2:]]
        notes = [*self._notes, *map(redact, connection.protocol.notes), *self._conduct.notes]
        if accepted is None or self._transcript.meta.get("notes") == notes:
            return
        self._transcript._describe(
            service=self._service.name,
            host=self._service.host,
            model=accepted.model or wanted.model,
            languages=list(wanted.languages) or understood(self._service),
            notes=notes,
            credential=address.credential if address and address.headers and self._service.host else None,
        )


def signed_in(address: Address | None) -> str:
    """Return who signed in, empty where a key did."""
    return f"signed in by {address.credential}" if address and address.signed_in else ""
