"""Client and server events of the Realtime protocol, as data.

Names are those of the GA Realtime API as published in the types of the `openai` package (`openai.types.realtime`).
Events that are not known are not errors: services add events, so they are `Unknown`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from rt_magic.exceptions import RemoteProtocolError

Json: TypeAlias = dict[str, Any]

# ── client events ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """Ask for a configuration; `session` has the shape of the service's dialect, which may call the event otherwise.

    `bare`: the fields stand in the event itself.
    """

    session: Mapping[str, Any]
    event_id: str | None = None
    type: str = "session.update"
    bare: bool = False


@dataclass(frozen=True, slots=True)
class AppendAudio:
    """Add PCM16 little-endian mono bytes at the session's rate; never acknowledged."""

    audio: bytes
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class CommitAudio:
    """Close the turn over all audio since the last commit.

    `final` is for servers that take one turn after the other: False begins one, True ends it.
    """

    event_id: str | None = None
    final: bool | None = None


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """Drop the audio that is not committed; answered by `Cleared`."""

    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """Remove an item from the conversation."""

    item_id: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class CancelResponse:
    """Stop a response of a voice model that should have stayed silent."""

    event_id: str | None = None


# ── server events ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """First frame of a connection: the session as it is before any update.

    `greeting` is the name by which it came, "bare" where it held no session.
    """

    session: Mapping[str, Any]
    event_id: str = ""
    greeting: str = "session.created"


@dataclass(frozen=True, slots=True)
class SessionUpdated:
    """An update was accepted; `session` is the whole configuration now in force."""

    session: Mapping[str, Any]
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Turn detection heard speech; the time is in ms of the connection's audio and includes the prefix padding."""

    item_id: str | None
    audio_start_ms: int | None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Turn detection heard the end; the time is in ms of the connection's audio and includes the closing silence."""

    item_id: str | None
    audio_end_ms: int | None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Committed:
    """A turn is closed and will be transcribed; `previous_item_id` gives the order of turns."""

    item_id: str | None
    previous_item_id: str | None = None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Cleared:
    """The audio that was not committed is gone."""

    event_id: str = ""


@dataclass(frozen=True, slots=True)
class ItemAdded:
    """The turn's item stands in the conversation (beta servers call this `conversation.item.created`)."""

    item_id: str | None
    previous_item_id: str | None = None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class ItemDone:
    """The turn's item is complete, its transcription may still be under way."""

    item_id: str | None
    previous_item_id: str | None = None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    """The item is gone from the conversation, as the client asked."""

    item_id: str | None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class LogProb:
    """How sure the model was of one token: the natural logarithm of its probability."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class WordTime:
    """A word with its place in seconds of the turn's committed audio, and its probability if known."""

    word: str
    start: float
    end: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """More interim text of a turn, to be appended verbatim; `tail` stands behind it until the next delta comes."""

    item_id: str | None
    delta: str
    content_index: int = 0
    event_id: str = ""
    tail: str = ""


@dataclass(frozen=True, slots=True)
class Completed:
    """The final text of a turn; it replaces whatever the deltas said. `words` is our embedded server's extension."""

    item_id: str | None
    transcript: str
    content_index: int = 0
    logprobs: tuple[LogProb, ...] | None = None
    usage: Mapping[str, Any] | None = None
    languages: tuple[str, ...] | None = None
    words: tuple[WordTime, ...] | None = None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class SpeakerSegment:
    """A piece of a turn by one speaker; times in seconds of the turn's audio."""

    item_id: str | None
    segment_id: str
    text: str
    speaker: str | None
    start: float
    end: float
    content_index: int = 0
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A turn could not be transcribed; the session goes on."""

    item_id: str | None
    message: str
    code: str | None = None
    kind: str | None = None
    param: str | None = None
    content_index: int = 0
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """The service complains; `client_event_id` names the event that caused it, where the service says so."""

    message: str
    code: str | None = None
    kind: str | None = None
    param: str | None = None
    client_event_id: str | None = None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class ServiceWarning:
    """The service has something to say that changes nothing (Azure Voice Live's `warning`)."""

    message: str
    code: str | None = None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class ResponseCreated:
    """A voice model began to answer, which a transcription must not pay for."""

    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Any other event; `data` is the whole JSON object."""

    type: str
    data: Mapping[str, Any]
    event_id: str = ""


ClientEvent: TypeAlias = SessionUpdate | AppendAudio | CommitAudio | ClearAudio | DeleteItem | CancelResponse
ServerEvent: TypeAlias = (
    SessionCreated
    | SessionUpdated
    | SpeechStarted
    | SpeechStopped
    | Committed
    | Cleared
    | ItemAdded
    | ItemDone
    | ItemDeleted
    | Delta
    | Completed
    | SpeakerSegment
    | Failed
    | ErrorEvent
    | ServiceWarning
    | ResponseCreated
    | Unknown
)

# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────


class ClientEventError(RemoteProtocolError):
    """A client's message that a server must answer with an `error` event."""

    def __init__(self, message: str, *, code: str, param: str | None = None, event_id: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.event_id = event_id if isinstance(event_id, str) else None

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_client_event_error, (self.message, self.code, self.param, self.event_id)


def _rebuild_client_event_error(message: str, code: str, param: str | None, event_id: str | None) -> ClientEventError:
    return ClientEventError(message, code=code, param=param, event_id=event_id)
