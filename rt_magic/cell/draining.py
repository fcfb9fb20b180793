"""How a session of a live cell ends: with its last words, without them in time, or as if it had never been."""

from __future__ import annotations

import asyncio
import time

from rt_magic.cell import status
from rt_magic.exceptions import RtMagicError
from rt_magic.secrets import unexpected
from rt_magic.session.session import RealtimeSession


async def drain(session: RealtimeSession, patience: float) -> RtMagicError | None:
    """Wait for the last words as long as there is progress within `patience` seconds; return what went wrong."""
    failure: RtMagicError | None = None
    finishing = asyncio.ensure_future(session.finish(timeout=None))
    seen, since = (-1, -1), time.monotonic()
    while not finishing.done():
        await asyncio.wait({finishing}, timeout=0.5)
        if seen != (now := (session.transcript.revision, session.counts["sent"])):
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > patience:
            failure = failure or status.unanswered(session, patience)
            await session.cancel()
    try:
        await finishing
    except RtMagicError as error:
        return failure or error
    except Exception as error:  # a bug of ours must not leave a cell that writes its last words for ever
        return failure or unexpected(error)
    return failure or (status.unsent(session) if session.behind > 0 else None)


async def discard(session: RealtimeSession) -> None:
    """End a session that recorded nothing, and leave nothing of it on disk."""
    await session.__aexit__(None, None, None)
    session.recording.delete()
