"""Transcribe audio that is already there: files, bytes and arrays, in scripts and in notebooks alike."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.exceptions import ConfigurationError
from rt_magic.options import keyword_list
from rt_magic.portal import portal
from rt_magic.progress import warn, watched
from rt_magic.session.defaults import chosen_service
from rt_magic.session.services import Compatible, Local, Service
from rt_magic.session.session import RealtimeSession
from rt_magic.session.wishes import check_silence
from rt_magic.threads import in_thread
from rt_magic.transcript.archive import Archive
from rt_magic.transcript.formats import restored
from rt_magic.transcript.joining import events_in_a_row, in_a_row, joined
from rt_magic.transcript.measures import add_usage
from rt_magic.transcript.segments import Segment
from rt_magic.transcript.transcript import Transcript

if TYPE_CHECKING:
    from rt_magic.audio.decoding import AudioSource, Source

Speed: TypeAlias = float | Literal["max"]
Channels: TypeAlias = Literal["mix", "split"]

HOSTED = 2
"""Connections at once to a hosted service: the smallest quotas are three a minute, and one is left for a reconnect."""

SHORTEST = {True: 60.0, False: 600.0}
"""Seconds that a part of a file has at least, on this machine and elsewhere; below, another connection gains little."""

BEYOND = 0.5
"""Seconds by which a pause at which a file is cut exceeds the one that ends a turn, so that all turns stay the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a source is to be transcribed: one value that can be compared, and sent to another process."""

    service: Service
    language: str | None = None
    model: str | None = None
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    turn_detection: str = "auto"
    silence_ms: int = 500
    noise_reduction: str | None = None
    channels: Channels = "mix"
    speed: Speed = "max"
    start: float | None = None
    stop: float | None = None
    connections: int | None = 1
    """How many one source may use at a time; None leaves it to the service and the length."""

    def __post_init__(self) -> None:
        check_speed(self.speed)
        check_silence(self.silence_ms)
        if self.connections is not None and not (isinstance(self.connections, int) and self.connections >= 1):
            raise ConfigurationError(f"connections={self.connections!r} is not possible; give 1 or more, or None")
        if self.channels not in ("mix", "split"):
            raise ConfigurationError(f"channels={self.channels!r} is not known; give 'mix' or 'split'")

    def session(self, offset: float = 0.0, kind: type[RealtimeSession] = RealtimeSession) -> RealtimeSession:
        """Return a session, not entered yet, for a recording that begins `offset` seconds into its source."""
        return kind(
            self.service,
            language=self.language,
            model=self.model,
            prompt=self.prompt,
            keywords=self.keywords,
            turn_detection=self.turn_detection,
            silence_ms=self.silence_ms,
            noise_reduction=self.noise_reduction,
            offset=offset,
        )

    def check(self) -> None:
        """Raise ConfigurationError for what cannot work with any source; nothing is opened."""
        self.session().transcript.forget()


def connections_for(options: Options, audio: AudioSource) -> int:
    """Return how many connections a source is worth, where it can be read at several places at once."""
    if options.speed != "max" or not audio.repeatable or audio.duration is None:
        return 1
    here = isinstance(options.service, Local)
    wanted = options.connections
    if wanted is None:
        wanted = (os.cpu_count() or 1) if here else 1 if isinstance(options.service, Compatible) else HOSTED
        wanted = min(wanted, int(audio.duration / SHORTEST[here]))
    return max(1, min(wanted, int(audio.duration / SHORTEST[True])))


class Transcription:
    """One source on its way, each channel that is split off and each part of a long one through its own session."""

    def __init__(self, audio: AudioSource, options: Options, kind: type[RealtimeSession] = RealtimeSession) -> None:
        from rt_magic.audio.pauses import cut

        self.audio = audio
        self._split = options.channels == "split"
        self._speed = options.speed
        own = {"channels": options.channels, "speed": options.speed, "start": audio.start or None, "stop": audio.stop}
        self._own = {name: value for name, value in own.items() if value not in (None, "mix", "max")}
        channels = audio.split() if self._split else (audio,)
        count = connections_for(options, audio) // len(channels)
        pause = options.silence_ms / 1000 + BEYOND
        self._parts = [cut(channel, count, pause) for channel in channels]
        self._sessions = [[options.session(part.start, kind) for part in parts] for parts in self._parts]

    async def run(self) -> Transcript:
        """Send everything and return the finished transcript. Raises what ended the first session that failed."""
        tasks = [
            [
                asyncio.create_task(transcribe_source(session, part, speed=self._speed))
                for session, part in zip(sessions, parts, strict=True)
            ]
            for sessions, parts in zip(self._sessions, self._parts, strict=True)
        ]
        every = [task for row in tasks for task in row]
        try:
            await asyncio.gather(*every)
        except BaseException:
            for task in every:
                task.cancel()
            await asyncio.gather(*every, return_exceptions=True)
            raise
        channels = [self._in_a_row([task.result() for task in row]) for row in tasks]
        transcript = self._as_speakers(channels) if self._split else channels[0]
        transcript._describe(options={**transcript.meta["options"], **self._own})
        return transcript

    @property
    def settled(self) -> float:
        """Seconds of the source that are final text in every channel."""
        return min(sum(map(_settled, sessions)) for sessions in self._sessions)

    @property
    def waits(self) -> str:
        """What the service is waited for, as a sentence; "" for nothing."""
        return next((session.waits for row in self._sessions for session in row if session.waits), "")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What one should know of the words, each sentence once."""
        every = (sentence for row in self._sessions for session in row for sentence in session.warnings)
        return tuple(dict.fromkeys(every))

    def _in_a_row(self, parts: Sequence[Transcript]) -> Transcript:
        if len(parts) == 1:
            return parts[0]
        facts = _facts(parts) | {"events": events_in_a_row([part.events for part in parts])}
        facts["meta"] = {**parts[0].meta, "connections": len(parts)}
        return self._restored(in_a_row([part.segments for part in parts]), facts)

    def _as_speakers(self, channels: Sequence[Transcript]) -> Transcript:
        events = [{**event, "channel": n} for n, channel in enumerate(channels, 1) for event in channel.events]
        return self._restored(joined([channel.segments for channel in channels]), _facts(channels) | {"events": events})

    def _restored(self, segments: list[Segment], facts: dict[str, Any]) -> Transcript:
        transcript = restored(Transcript(), Archive(segments, facts, in_order=True))
        transcript._release(self.audio if self.audio.repeatable else None)
        return transcript


def _facts(parts: Sequence[Transcript]) -> dict[str, Any]:
    usage: dict[str, Any] = {}
    for part in parts:
        add_usage(usage, part.usage)
    started_at = parts[0].started_at
    return {
        "started_at": started_at.isoformat() if started_at else None,
        "duration": max(part.duration for part in parts),
        "meta": parts[0].meta,
        "usage": usage,
    }


def _settled(session: RealtimeSession) -> float:
    return max(0.0, settled_seconds(session.transcript) - session.offset)


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
    channels: Channels = "mix",
    speed: Speed = "max",
    start: float | None = None,
    stop: float | None = None,
    connections: int | None = None,
    progress: bool = True,
) -> Transcript:
    """Transcribe a path, bytes, file object or array and return the finished transcript.

    An array is float (-1 to 1) or integer, mono or (frames, channels), and needs `sample_rate` in Hz. `start` and
    `stop` are seconds of the source, and times count from the source's beginning. With `channels="split"` each channel
    is a speaker, "channel 1" and so on, and has a session of its own. `speed` is "max" or a multiple of real time.
    A long path, array or bytes is cut at pauses and goes over several `connections` at once, as many as processors for
    the embedded engine (parts of a minute at least), two for a hosted service (from 20 minutes on), else one.
    Works in a script, a thread, and inside a running event loop. Raises AudioError for what is not audio,
    ConfigurationError for what cannot work, and what the service refused.
    """
    from rt_magic.audio.files import open_audio

    audio = open_audio(source, sample_rate=sample_rate, start=start, stop=stop)
    resolved = chosen_service(service)
    options = Options(
        service=resolved.service,
        language=language,
        model=model,
        prompt=prompt,
        keywords=keyword_list(keywords),
        turn_detection=turn_detection,
        silence_ms=silence_ms,
        noise_reduction=noise_reduction,
        channels=channels,
        speed=speed,
        connections=connections,
    )
    transcription = Transcription(audio, options)
    if progress:
        warn(audio.name, [sentence for sentence in (resolved.warning, audio.note) if sentence])
    future = portal().run(transcription.run())
    try:
        transcript = watched(
            future, lambda: transcription.settled, audio, show=progress, waits=lambda: transcription.waits
        )
    except BaseException:
        future.cancel()
        raise
    if progress:
        warn(audio.name, [*transcription.warnings, *([] if len(transcript) else ["no words were found in it"])])
    return transcript


@dataclass(slots=True)
class Halt:
    """Ask, by `asked`, that no more of a source be sent; `fed` says that nothing follows what was sent."""

    asked: bool = False
    fed: asyncio.Event = field(default_factory=asyncio.Event)


async def transcribe_source(
    session: RealtimeSession, audio: AudioSource, *, speed: Speed = "max", halt: Halt | None = None
) -> Transcript:
    """Send a source, or until it is halted the beginning of one, through a session that is not entered yet.

    Returns when everything that was sent is final.
    The spooled copy of the audio is removed then; `transcript.audio` reads the source again, where that is possible.
    """
    check_speed(speed)
    transcript = session.transcript
    path = str(audio.source.absolute()) if isinstance(audio.source, Path) else None
    session.recording.describe({"source": path or audio.name, "start": audio.start})
    try:
        async with session:
            feeding = asyncio.create_task(in_thread(_feed, session, audio, speed, halt := halt or Halt()))
            try:
                await feeding
            except asyncio.CancelledError:
                session.recording.close()  # ends the thread at its next block
                raise
            halt.fed.set()
            await session.finish(timeout=None)
    finally:
        transcript._release(audio if audio.repeatable else None)
    transcript._finish()
    return transcript


def check_speed(speed: Speed) -> None:
    """Raise ConfigurationError unless `speed` is "max" or a positive multiple of real time."""
    if speed != "max" and not (isinstance(speed, (int, float)) and speed > 0):
        raise ConfigurationError(f"speed={speed!r} is not known; give 'max' or a multiple of real time, such as 1")


def _feed(session: RealtimeSession, audio: AudioSource, speed: Speed, halt: Halt) -> None:
    """Append all blocks, as fast as they decode or at a multiple of real time; runs in a thread of its own."""
    began, sent = time.monotonic(), 0
    for block in audio.blocks():
        for pcm in _pieces(block, speed):
            if halt.asked or session.error is not None:
                return
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


def settled_seconds(transcript: Transcript) -> float:
    """Return up to where, in seconds, the recording has become final text."""
    return max((segment.end for segment in transcript.segments if segment.end is not None), default=0.0)
