"""The messages between page and kernel. `js/src/types.d.ts` mirrors this file; a test compares them.

No message has a top-level key `id`: ipykernel 7.4 routes comm messages by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

from rt_magic.audio.pcm import BYTES_PER_SAMPLE
from rt_magic.exceptions import RemoteProtocolError

LARGEST = 2**53
"""Number up to which a page counts without rounding."""

# Page → kernel, on the lane.


@dataclass(frozen=True, slots=True)
class Hello:
    """A page has this microphone."""

    page: str


@dataclass(frozen=True, slots=True)
class Start:
    """Somebody clicked Start or Resume; audio of this epoch follows."""

    page: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Pause:
    """The epoch ended with chunk `last` (-1: it had none); more may follow in another one. It may be unknown ("")."""

    page: str
    epoch: str
    last: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The epoch ended with chunk `last` (-1: it had none) and nothing follows. It may be unknown ("")."""

    page: str
    epoch: str
    last: int


@dataclass(frozen=True, slots=True)
class Audio:
    """One chunk: number `seq` of its epoch, its first sample's position at `rate` (Hz), and mono PCM16."""

    page: str
    epoch: str
    seq: int
    first: int
    captured_at: float
    rate: int
    pcm: bytes = field(repr=False, default=b"")

    @property
    def samples(self) -> int:
        """Number of samples, at `rate`."""
        return len(self.pcm) // BYTES_PER_SAMPLE


@dataclass(frozen=True, slots=True)
class MicrophoneFailed:
    """The browser gave no sound: the name and message of its own error (`MicrophoneError` in the page)."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """Somebody wants the model of the trait `better`, or does not want it any more."""

    page: str
    cancel: bool


@dataclass(frozen=True, slots=True)
class AskCapturePage:
    """This page may not use a microphone and asks for one that may."""

    page: str


@dataclass(frozen=True, slots=True)
class ViewHello:
    """A page has this view, drawn up to `revision` (0 or -1: nothing yet)."""

    page: str
    revision: int


@dataclass(frozen=True, slots=True)
class Edit:
    """A reader corrected a line."""

    page: str
    sid: str
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A reader wants to find this moment again."""

    page: str


@dataclass(frozen=True, slots=True)
class Listen:
    """A reader wants to hear a line."""

    page: str
    sid: str


@dataclass(frozen=True, slots=True)
class Save:
    """A reader wants the transcript as a file."""

    page: str
    format: Literal["srt", "txt", "json"]


FromView: TypeAlias = ViewHello | Edit | Mark | Listen | Save
FromPage: TypeAlias = Hello | Start | Pause | Stop | Audio | MicrophoneFailed
RECORDING = frozenset({"hello", "start", "pause", "stop", "audio", "microphone-error"})
"""The types of messages that are part of recording."""
Wish: TypeAlias = Fetch | AskCapturePage
"""What a page asks for that is no part of recording."""

# Kernel → page.


class Accepted(TypedDict):
    """This page records, the others do not."""

    type: Literal["accepted"]
    page: str
    epoch: str


class Ack(TypedDict):
    """All chunks below `next` are in the recording; `ended`: and these are all of this epoch, its end is known."""

    type: Literal["ack"]
    epoch: str
    next: int
    ended: NotRequired[bool]


Again = TypedDict("Again", {"type": Literal["again"], "epoch": str, "from": int, "to": int})
"""Chunks `from` to `to` (exclusive) did not arrive: send them once more."""


class Clock(TypedDict):
    """How much is in the recording and how much of it went on to the service, in seconds."""

    type: Literal["clock"]
    recorded: float
    sent: float


class CapturePage(TypedDict):
    """To the page that asked: the address of a page that may use a microphone. It can be opened once."""

    type: Literal["capture-page"]
    page: str
    address: str


class Better(TypedDict):
    """A model with which the embedded engine would hear better, and how far its fetching is; the trait `better`."""

    model: str
    megabytes: int
    languages: int
    state: Literal["offered", "fetching", "fetched", "failed"]
    done: float
    sentence: str


class SegmentLine(TypedDict):
    """A segment on its way to the page; lines are sorted by `at`, times are seconds of the recording."""

    sid: str
    at: float
    start: float | None
    end: float | None
    text: str
    final: bool
    speaker: str | None
    language: str | None
    confidence: float | None
    error: str | None
    mark: bool  # not speech but a moment that somebody marked; its text is the name


class Patch(TypedDict):
    """What changed in a transcript since the patch before; patches of a view are numbered without gaps."""

    type: Literal["patch"]
    revision: int
    upsert: list[SegmentLine]
    remove: list[str]


class Snapshot(TypedDict, total=False):
    """A whole transcript; `reset`: another one than before."""

    type: Literal["snapshot"]
    revision: int
    segments: list[SegmentLine]
    reset: bool


class Sound(TypedDict):
    """The sound of a line for the view that asked, with one buffer of Int16 samples at `rate` Hz, mono."""

    type: Literal["sound"]
    page: str
    sid: str
    rate: int


class File(TypedDict):
    """A file for the view that asked, its content in one buffer."""

    type: Literal["file"]
    page: str
    name: str
    mime: str


class Failed(TypedDict):
    """What the view asked for could not be done; `sid` is the line that it is about, or ""."""

    type: Literal["failed"]
    page: str
    sid: str
    message: str


def parse(content: object, buffers: Sequence[bytes | memoryview] = ()) -> FromPage | Wish:
    """Return the microphone's message in `content`, with the samples of `buffers` for audio.

    Raises `RemoteProtocolError` for anything else; the sender is our own page, so this is a bug or a stranger.
    """
    kind, fields = _open(content)
    if kind == "audio":
        return _audio(fields, buffers)
    if kind == "microphone-error":
        return MicrophoneFailed(_text(fields, "name"), _text(fields, "message", 2000))
    if kind == "hello":
        return Hello(_text(fields, "page"))
    if kind == "start":
        return Start(_text(fields, "page"), _text(fields, "epoch"))
    if kind in ("pause", "stop"):
        # A page that was reloaded can stop what an earlier one began: it knows no epoch.
        page, epoch, last = _text(fields, "page"), _text(fields, "epoch", least=0), _count(fields, "last", -1)
        return Pause(page, epoch, last) if kind == "pause" else Stop(page, epoch, last)
    if kind == "fetch":
        if not isinstance(fields.get("cancel"), bool):
            raise RemoteProtocolError(f"the page's fetch message has cancel {fields.get('cancel')!r}: reload the page")
        return Fetch(_text(fields, "page"), fields["cancel"])
    if kind == "capture-page":
        return AskCapturePage(_text(fields, "page"))
    raise RemoteProtocolError(f"the page sent an unknown message of type {kind!r}: reload the page")


def parse_view(content: object) -> FromView:
    """Return the view's message in `content`. Raises `RemoteProtocolError` for anything else."""
    kind, fields = _open(content)
    if kind == "hello":
        return ViewHello(_text(fields, "page"), _count({"revision": -1, **fields}, "revision", -1))
    if kind == "edit":
        return Edit(_text(fields, "page"), _text(fields, "sid"), _text(fields, "text", 100_000, least=0))
    if kind == "mark":
        return Mark(_text(fields, "page"))
    if kind == "listen":
        return Listen(_text(fields, "page"), _text(fields, "sid"))
    if kind == "save" and (format_ := fields.get("format")) in ("srt", "txt", "json"):
        return Save(_text(fields, "page"), format_)
    raise RemoteProtocolError(f"the page sent an unknown message of type {kind!r}: reload the page")


def _audio(fields: Mapping[str, Any], buffers: Sequence[bytes | memoryview]) -> Audio:
    if len(buffers) != 1:
        raise RemoteProtocolError(f"an audio message came with {len(buffers)} buffers instead of 1: reload the page")
    pcm = bytes(buffers[0])
    if not pcm or len(pcm) % BYTES_PER_SAMPLE:
        raise RemoteProtocolError(f"an audio message of {len(pcm)} bytes is not whole samples: reload the page")
    rate = _count(fields, "rate", 1)
    if not 8_000 <= rate <= 384_000:
        raise RemoteProtocolError(f"the page sent audio of {rate} Hz: choose another microphone")
    return Audio(
        page=_text(fields, "page"),
        epoch=_text(fields, "epoch"),
        seq=_count(fields, "seq", 0),
        first=_count(fields, "first", 0),
        captured_at=_moment(fields.get("captured_at")),
        rate=rate,
        pcm=pcm,
    )


def _moment(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST:  # a NaN is not
        return float(value)
    raise RemoteProtocolError(f"an audio message has no time of capture but {value!r:.60}: reload the page")


def _open(content: object) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(content, Mapping) or not isinstance(content.get("type"), str):
        raise RemoteProtocolError(f"the page sent {type(content).__name__} without a type: reload the page")
    return content["type"], content


def _text(fields: Mapping[str, Any], name: str, longest: int = 128, least: int = 1) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not least <= len(value) <= longest:
        raise RemoteProtocolError(f"the page's {fields['type']} message has no usable {name}: reload the page")
    return value


def _count(fields: Mapping[str, Any], name: str, least: int) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
        raise RemoteProtocolError(f"the page's {fields['type']} message has {name} {value!r:.60}: reload the page")
    return value
