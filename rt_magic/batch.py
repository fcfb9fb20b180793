"""Transcribe audio that is already there: files, bytes and arrays, in scripts and in notebooks alike."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

from rt_magic.audio.files import AudioSource, Source, open_audio
from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.exceptions import ConfigurationError
from rt_magic.portal import portal
from rt_magic.session.resolution import resolve_service
from rt_magic.session.services import Service
from rt_magic.session.session import RealtimeSession
from rt_magic.transcript.transcript import Transcript

Speed: TypeAlias = float | Literal["max"]

_default_service: list[object] = []


def use(service: object) -> None:
    """Make a service (an object, a name or an address) the default of this process; None takes it back."""
    _default_service[:] = [] if service is None else [resolve_service(service).service]


def default_service() -> object:
    """Return what `use` was given, or None."""
    return _default_service[0] if _default_service else None


def transcribe(
    source: Source,
    *,
    sample_rate: int | None = None,
    language: str | None = None,
    service: Service | str | None = None,
    model: str | None = None,
    prompt: str | None = None,
    keywords: Sequence[str] = (),
    turn_detection: str = "auto",
    silence_ms: int = 500,
    noise_reduction: str | None = None,
    speed: Speed = "max",
    start: float | None = None,
    stop: float | None = None,
    progress: bool = True,
) -> Transcript:
    """Transcribe a path, bytes, file object or array and return the finished transcript.

    An array is float (-1 to 1) or integer, mono or (frames, channels), and needs `sample_rate` in Hz. `start` and
    `stop` are seconds of the source, and times count from the source's beginning. `speed` is "max" or a multiple of
    real time. Works in a script, a thread, and inside a running event loop. Raises AudioError for what is not audio,
    ConfigurationError for what cannot work, and what the service refused.
    """
    audio = open_audio(source, sample_rate=sample_rate, start=start, stop=stop)
    session = RealtimeSession(
        resolve_service(service, default=default_service()).service,
        language=language,
        model=model,
        prompt=prompt,
        keywords=keywords,
        turn_detection=turn_detection,
        silence_ms=silence_ms,
        noise_reduction=noise_reduction,
        offset=audio.start,
    )
    future = portal().run(transcribe_source(session, audio, speed=speed))
    try:
        return watched(future, session, audio, show=progress)
    except BaseException:
        future.cancel()
        raise


async def transcribe_source(session: RealtimeSession, audio: AudioSource, *, speed: Speed = "max") -> Transcript:
    """Send a source through a session that is not entered yet; return when everything is final.

    The spooled copy of the audio is removed then; `transcript.audio` reads the source again, where that is possible.
    """
    check_speed(speed)
    transcript = session.transcript
    try:
        async with session:
            feeding = asyncio.create_task(asyncio.to_thread(_feed, session, audio, speed))
            try:
                await feeding
            except asyncio.CancelledError:
                session.recording.close()  # ends the thread at its next block
                raise
            await session.finish(timeout=None)
    finally:
        transcript._release(audio if audio.repeatable else None)
    transcript._finish()
    return transcript


def check_speed(speed: Speed) -> None:
    """Raise ConfigurationError unless `speed` is "max" or a positive multiple of real time."""
    if speed != "max" and not (isinstance(speed, (int, float)) and speed > 0):
        raise ConfigurationError(f"speed={speed!r} is not known; give 'max' or a multiple of real time, such as 1")


def _feed(session: RealtimeSession, audio: AudioSource, speed: Speed) -> None:
    """Append all blocks, as fast as they decode or at a multiple of real time; runs in a thread of its own."""
    began, sent = time.monotonic(), 0
    for block in audio.blocks():
        if session.error is not None:
            return
        for pcm in _pieces(block, speed):
            session.append(pcm)
            sent += len(pcm) // 2
            if speed != "max":
                time.sleep(max(0.0, began + sent / SAMPLE_RATE / speed - time.monotonic()))


def _pieces(block: bytes, speed: Speed) -> list[bytes]:
    """Cut a block to 100 ms where it is played as if it were live."""
    if speed == "max":
        return [block]
    step = SAMPLE_RATE // 10 * 2
    return [block[index : index + step] for index in range(0, len(block), step)]


def watched(
    future: concurrent.futures.Future[Transcript], session: RealtimeSession, audio: AudioSource, *, show: bool = True
) -> Transcript:
    """Wait, with a progress bar in seconds of audio that have become text if `show` is true."""
    if not show:
        return watch(future, session)
    from tqdm.auto import tqdm

    total = None if audio.duration is None else round(audio.duration, 1)
    with tqdm(total=total, unit="s", desc=f"transcribing {audio.name}", leave=False) as bar:
        return watch(future, session, lambda seconds: _advance(bar, seconds))


def watch(
    future: concurrent.futures.Future[Transcript],
    session: RealtimeSession,
    show: Callable[[float], object] = lambda seconds: None,
) -> Transcript:
    """Wait for a future of `transcribe_source`; ten times a second call `show` with the seconds that are text.

    The wait is in short steps, so that an interrupt is heard on every system.
    """
    while True:
        try:
            return future.result(timeout=0.1)
        except concurrent.futures.TimeoutError:
            if future.done():
                raise
            show(settled_seconds(session.transcript) - session.offset)


def settled_seconds(transcript: Transcript) -> float:
    """Return up to where, in seconds, the recording has become final text."""
    return max((segment.end for segment in transcript.segments if segment.end is not None), default=0.0)


def _advance(bar: Any, seconds: float) -> None:
    bar.n = round(max(bar.n, min(seconds, bar.total or seconds)), 1)
    bar.refresh()
