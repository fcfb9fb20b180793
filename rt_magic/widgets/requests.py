"""What a reader of a view asks for, and what the kernel answers. Runs beside the portal's thread: it reads the disk."""

from __future__ import annotations

import dataclasses

from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.exceptions import AudioError, ConfigurationError, RtMagicError
from rt_magic.transcript import formats
from rt_magic.transcript.transcript import Transcript
from rt_magic.widgets.messages import Edit, Failed, File, Listen, Mark, Save, Sound

LONGEST = 30.0
"""Seconds of sound in one answer at most; a page plays them and keeps nothing."""

MIME = {"srt": "application/x-subrip", "txt": "text/plain", "json": "application/json"}
"""The formats that a page can save."""

Request = Edit | Listen | Mark | Save
Answer = tuple[Sound | File | Failed, list[bytes]]


def answer(transcript: Transcript | None, request: Request) -> Answer | None:
    """Do what a reader asks for; return the message and its buffers, or None where the change itself is the answer."""
    sid = request.sid if isinstance(request, (Edit, Listen)) else ""
    try:
        if transcript is None:
            raise ConfigurationError("this view shows no transcript: set its `transcript`")
        match request:
            case Edit():
                edit(transcript, request.sid, request.text)
                return None
            case Mark():
                transcript.mark(f"mark {len(transcript._store.state().marks) + 1}")
                return None
            case Listen():
                return sound(transcript, request)
            case Save():
                return file(transcript, request)
    except (RtMagicError, OSError) as error:
        return Failed(type="failed", page=request.page, sid=sid, message=str(error)), []


def mark_sid(number: int) -> str:
    """Return the name of the line of the mark with this number, from 0."""
    return f"mark-{number}"


def edit(transcript: Transcript, sid: str, text: str) -> None:
    """Give a line another text: a segment, or the name of a mark."""
    for number in range(len(transcript._store.state().marks)):
        if mark_sid(number) == sid:
            transcript._store.rename_mark(number, text)
            return
    transcript.edit(sid, text)


def sound(transcript: Transcript, request: Listen) -> Answer:
    """Return the sound of a segment, from its start for `LONGEST` seconds at most."""
    segment = next((known for known in transcript.segments if known.id == request.sid), None)
    if segment is None:
        raise AudioError("this line is not final yet; listen to it when it is")
    if segment.start is not None and segment.end is not None:
        segment = dataclasses.replace(segment, end=min(segment.end, segment.start + LONGEST))
    pcm = transcript.clip(segment).pcm
    if not pcm:
        raise AudioError("the recording has no sound for this line")
    return Sound(type="sound", page=request.page, sid=request.sid, rate=SAMPLE_RATE), [pcm]


def file(transcript: Transcript, request: Save) -> Answer:
    """Return the transcript as a file."""
    text = formats.written(transcript, f".{request.format}", "transcript")
    name, mime = f"transcript.{request.format}", MIME[request.format]
    return File(type="file", page=request.page, name=name, mime=mime), [text.encode("utf-8", "replace")]
