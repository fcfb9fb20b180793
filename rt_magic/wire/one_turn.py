"""Servers that know no items: a stretch of audio is begun, ended and answered before the next. Pure.

vLLM is one (`vllm/entrypoints/openai/realtime/connection.py`): `commit` begins decoding, `commit` with `final` ends the
stretch, `transcription.done` answers it, and audio that comes before that answer is thrown away.
"""

from __future__ import annotations

from dataclasses import replace

from rt_magic.wire.events import AppendAudio, ClientEvent, CommitAudio, Committed, Completed, Delta, ServerEvent


class OneTurn:
    """Say to such a server what a client of items means, and give its answers the items that they lack."""

    def __init__(self) -> None:
        self._number = 0
        self._begun = False
        self._ended = False
        self._held: list[ClientEvent] = []

    @property
    def holding(self) -> bool:
        """Whether the server has to answer before it takes more."""
        return self._ended

    def outgoing(self, event: ClientEvent) -> list[ClientEvent]:
        """Return what is to be sent now for an event of ours."""
        if self._ended and isinstance(event, AppendAudio | CommitAudio):
            self._held.append(event)
            return []
        if isinstance(event, AppendAudio):
            return [*self._begin(), AppendAudio(event.audio)]
        if isinstance(event, CommitAudio):
            begun = self._begin()
            self._ended = True
            return [*begun, CommitAudio(final=True)]
        return [replace(event, event_id=None)] if hasattr(event, "session") else []

    def incoming(self, event: ServerEvent) -> tuple[list[ServerEvent], list[ClientEvent]]:
        """Return what an event of the server means, and what may be sent now that it has come."""
        if isinstance(event, Delta):
            return [replace(event, item_id=self._item(self._number))], []
        if not isinstance(event, Completed):
            return [event], []
        item = self._item(self._number)
        previous = self._item(self._number - 1) if self._number > 1 else None
        self._begun = self._ended = False
        held, self._held = self._held, []
        due = [out for kept in held for out in self.outgoing(kept)]
        return [Committed(item, previous), replace(event, item_id=item)], due

    def _begin(self) -> list[ClientEvent]:
        if self._begun:
            return []
        self._begun = True
        self._number += 1
        return [CommitAudio(final=False)]

    @staticmethod
    def _item(number: int) -> str:
        return f"turn_{number}"
