"""What moves a Transcriber, whether a microphone or a file."""

from __future__ import annotations

from typing import Protocol

from rt_magic.cell.status import State
from rt_magic.exceptions import RtMagicError
from rt_magic.transcript.transcript import Transcript

transcripts: list[Transcript] = []
"""The transcripts of this kernel that have begun, the newest last."""


class Driver(Protocol):
    """A microphone or a file that is being transcribed. Its attributes may be read on any thread."""

    error: RtMagicError | None
    reloaded: bool
    variable: str

    @property
    def state(self) -> State:
        """Where it stands."""

    @property
    def over(self) -> bool:
        """Whether it has ended and all that was said is text."""

    @property
    def failed(self) -> bool:
        """Whether it ended by an error before anything was recorded; Start begins it again."""

    @property
    def page(self) -> str:
        """The newest page that has come; "" before the first."""

    async def give_up(self, patience: float) -> None:
        """End, on the portal's loop, with the words that come within so many seconds; the rest is marked failed."""

    def close(self) -> None:
        """Follow the transcript no longer."""
