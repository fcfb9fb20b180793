"""The rest of a session: a pause that lasts closes its connection, and what comes after it makes another one."""

from __future__ import annotations

import asyncio
import logging

from rt_magic.exceptions import RtMagicError
from rt_magic.session.session import RealtimeSession

_log = logging.getLogger(__name__)

LAST_WORDS = 120.0
"""Seconds that the service has for the last words before the pause."""

ENDED = ("stopped", "error")
"""The states of a session that can begin again."""


class Rest:
    """Close the connection of one session while nobody speaks. For the portal's loop.

    Sound waits in the recording meanwhile; whoever ends the rest, be it by Resume, by sound or by Stop, has it sent.
    """

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        self._needed = False
        """Whether the connection is wanted again while it is still being closed."""

    @property
    def resting(self) -> bool:
        """Whether the connection is closed or being closed."""
        return self._closing is not None

    def begin(self, session: RealtimeSession, after: float) -> None:
        """Close the connection after so many seconds, unless the rest is over by then."""
        self._cancel()
        self._needed = False
        self._timer = asyncio.get_running_loop().call_later(after, self._fire, session)

    def end(self, session: RealtimeSession) -> None:
        """Connect again: now, or once the connection that is being closed has gone."""
        self._cancel()
        self._needed = True
        if self._closing is not None and self._closing.done():
            self._wake(session)

    async def settled(self, session: RealtimeSession) -> None:
        """Wait for what is being closed, and connect again if anything is left to be sent."""
        self._cancel()
        if self._closing is None:
            return
        await asyncio.wait({self._closing})
        if self._closing is not None and session.behind > 0:
            self._wake(session)
        self._closing = None

    def _fire(self, session: RealtimeSession) -> None:
        self._timer = None
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close(session))

    async def _close(self, session: RealtimeSession) -> None:
        heard = -1
        while not self._needed and session.recording.samples > heard:  # again for what was said meanwhile
            heard = session.recording.samples
            if session.state in ENDED:
                session.resume()
            try:
                await session.finish(timeout=LAST_WORDS)
            except RtMagicError as error:
                _log.info("the connection was closed by an error during a pause: %s", error)
            except Exception:  # a bug of ours must not keep Resume or Stop from going on
                _log.exception("the connection was closed by an unexpected error during a pause")
        if self._needed:  # Resume was faster
            self._wake(session)

    def _wake(self, session: RealtimeSession) -> None:
        self._closing = None
        if session.state in ENDED:
            session.resume()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
