"""One connection to the embedded server: its audio cut into turns, its turns sent to a decoder, its events in order."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rt_magic.audio.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE
from rt_magic.audio.vad import SpeechDetector
from rt_magic.local.deltas import space_between
from rt_magic.local.items import Item, Utterance, completed
from rt_magic.local.recognizers import Engine
from rt_magic.local.workers import Answer, Worker, Workers
from rt_magic.wire.events import (
    AppendAudio,
    CancelResponse,
    ClearAudio,
    Cleared,
    ClientEventError,
    CommitAudio,
    DeleteItem,
    Delta,
    Failed,
    ItemAdded,
    ItemDeleted,
    ItemDone,
    Json,
    ServerEvent,
    SpeechStarted,
    SpeechStopped,
)
from rt_magic.wire.protocol import MINIMUM_COMMIT
from rt_magic.wire.server import ServerProtocol
from rt_magic.wire.turns import TurnDetector, TurnStarted

MAXIMUM_APPEND = 15 * 2**20
"""Bytes of audio in one event, as in the published API."""

BACKLOG = 60 * SAMPLE_RATE * BYTES_PER_SAMPLE
"""Bytes of audio waiting for the decoder above which no more is read from the client."""

_SLICE = SAMPLE_RATE // 10 * BYTES_PER_SAMPLE

# Unique over all connections: a decoder may still be writing for one that has gone when the next one takes it.
_utterance_numbers = itertools.count(1)


@dataclass(slots=True)
class Traffic:
    """What `/stats` tells of a connection."""

    audio_bytes: int = 0
    open: bool = True


class Connection:
    """Take a client's messages one after the other (`receive`) and put events on the protocol's queue.

    `wake` is called whenever there is something to send. All positions are samples since the connection began.
    """

    def __init__(self, workers: Workers, wake: Callable[[], None]) -> None:
        engine = workers.engine
        self.protocol = ServerProtocol(
            f"sess_{secrets.token_hex(10)}",
            model=engine.label,
            check=lambda session, event_id: _check_language(engine, session, event_id),
        )
        self.traffic = Traffic()
        self._gone = False
        self._workers = workers
        self._wake = wake
        self._worker: Worker | None = None
        self._odd = b""
        self._buffer = bytearray()  # audio that is or may become part of a turn …
        self._buffer_start = 0  # … from this sample on
        self._received = 0
        self._uncommitted_from = 0
        self._items: dict[str, Item] = {}  # open or waiting for their text
        self._settled: set[str] = set()
        self._item: Item | None = None  # the open one
        self._utterance: Utterance | None = None
        self._utterances: dict[int, Item] = {}
        self._configure()

    # ── what the client says ──

    async def receive(self, message: str | bytes) -> None:
        """Work off one message; returns when the next may be read."""
        before = self.protocol.session
        event = self.protocol.receive(message)
        match event:
            case AppendAudio():
                await self._append(event)
            case CommitAudio():
                self._commit(event)
            case ClearAudio():
                self._clear()
            case DeleteItem():
                self._delete(event)
            case CancelResponse():
                self._refuse("response_cancel_not_active", "Cancellation failed: no active response found.", event)
        if self.protocol.session is not before:
            self._reconfigure(before)
        self._wake()

    def hang_up(self) -> None:
        """Stop decoding: the client is gone. What it had sent before is still counted by `receive`."""
        self._gone = True
        if self._worker is not None and self._worker.backlog:
            self._worker.kill()

    async def close(self) -> None:
        """Give the decoder back; the client is gone."""
        self.traffic.open = False
        worker, self._worker = self._worker, None
        if worker is not None:
            await self._workers.give_back(worker)

    # ── settings ──

    @property
    def _server_turns(self) -> bool:
        return self.protocol.session["audio"]["input"]["turn_detection"] is not None

    def _configure(self) -> None:
        """Begin detection anew, at this sample, with the session's settings."""
        settings = self.protocol.session["audio"]["input"]["turn_detection"] or {}
        self._detector = SpeechDetector(settings.get("threshold", 0.5))
        self._turns = TurnDetector(
            silence_ms=settings.get("silence_duration_ms", 500),
            prefix_ms=settings.get("prefix_padding_ms", 300),
            position=self._received,
        )
        self._keep_from(self._received)

    def _reconfigure(self, before: Json) -> None:
        old, new = before["audio"]["input"], self.protocol.session["audio"]["input"]
        if old["turn_detection"] != new["turn_detection"]:
            self._close_turn(old["turn_detection"] is not None)
            self._configure()
        if old["transcription"] != new["transcription"] and self._worker is not None:
            self._tell_settings(self._worker)

    def _tell_settings(self, worker: Worker) -> None:
        settings = self.protocol.session["audio"]["input"]["transcription"] or {}
        worker.send(
            "configure",
            language=settings.get("language") or next(iter(settings.get("languages", ())), None),
            keywords=settings.get("keywords", []),
            prompt=settings.get("prompt"),
        )

    # ── audio ──

    async def _append(self, event: AppendAudio) -> None:
        if len(event.audio) > MAXIMUM_APPEND:
            self._refuse(
                "invalid_value",
                f"Invalid 'audio': at most {MAXIMUM_APPEND} bytes per event, but got {len(event.audio)}.",
                event,
                param="audio",
            )
            return
        self.traffic.audio_bytes += len(event.audio)
        audio = self._odd + event.audio
        whole = len(audio) & ~1
        self._odd = audio[whole:]
        for first in range(0, whole, _SLICE):
            if self._gone:
                return
            await self._hear(audio[first : min(first + _SLICE, whole)])
            if self._worker is not None:
                await self._worker.room(BACKLOG)
            await asyncio.sleep(0)  # other connections, and pings, wait for no more than this slice

    async def _hear(self, pcm: bytes) -> None:
        self._buffer += pcm
        self._received += len(pcm) // BYTES_PER_SAMPLE
        for frame in self._detector.feed(pcm):
            for decision in self._turns.push(frame.speech, frame.energy):
                if isinstance(decision, TurnStarted):
                    await self._start(decision.at)
                else:
                    self._end_utterance(decision.stop)
                    if self._server_turns:
                        self._close_item(decision.stop, announce=True)
        if self._utterance is not None:
            self._feed(self._utterance, self._turns.position)
        self._keep_from(self._turns.needed if self._utterance is None else self._utterance.fed)
        self._wake()

    async def _start(self, at: int) -> None:
        at = max(at, self._uncommitted_from)  # a commit may lie inside a frame
        if self._item is None:
            self._open_item(at if self._server_turns else self._uncommitted_from)
        if self._server_turns:
            assert self._item is not None
            self._send(SpeechStarted(self._item.id, _milliseconds(at)))
        if self.protocol.session["audio"]["input"]["transcription"] is not None:
            await self._start_utterance(at)

    def _open_item(self, start: int) -> Item:
        self._item = Item(start)
        self._items[self._item.id] = self._item
        return self._item

    async def _start_utterance(self, at: int) -> None:
        worker = self._worker
        if worker is None:
            worker = self._worker = await self._workers.take()
            worker.on_answer, worker.on_end = self._on_answer, self._on_end
            self._tell_settings(worker)
        self._utterance = utterance = Utterance(next(_utterance_numbers), at, at)
        assert self._item is not None
        self._item.utterances.append(utterance)
        self._utterances[utterance.number] = self._item
        worker.send("start", utterance=utterance.number)

    def _feed(self, utterance: Utterance, stop: int) -> None:
        first = (utterance.fed - self._buffer_start) * BYTES_PER_SAMPLE
        last = (stop - self._buffer_start) * BYTES_PER_SAMPLE
        if last > first and self._worker is not None:
            self._worker.send("audio", pcm=bytes(self._buffer[first:last]))
        utterance.fed = stop

    def _end_utterance(self, stop: int) -> None:
        if self._utterance is not None:
            self._feed(self._utterance, stop)
            if self._worker is not None:
                self._worker.send("finish")
            self._utterance = None

    def _keep_from(self, position: int) -> None:
        position = max(position, self._buffer_start)  # a turn whose decoder died is open from before
        del self._buffer[: (position - self._buffer_start) * BYTES_PER_SAMPLE]
        self._buffer_start = position

    # ── turns ──

    def _close_item(self, stop: int, *, announce: bool) -> None:
        """Commit the open turn up to `stop`."""
        item = self._item or self._open_item(self._uncommitted_from)
        item.stop, self._item, self._uncommitted_from = stop, None, stop
        if announce:
            self._send(SpeechStopped(item.id, _milliseconds(stop)))
        committed = self.protocol.commit(item.id)
        self._send(committed)
        self._send(ItemAdded(item.id, committed.previous_item_id))
        self._send(ItemDone(item.id, committed.previous_item_id))
        self._settle(item)

    def _close_turn(self, announce: bool) -> None:
        for decision in self._turns.finish():
            assert not isinstance(decision, TurnStarted)
            self._end_utterance(decision.stop)
        if self._item is not None:
            self._close_item(self._turns.position, announce=announce)

    def _commit(self, event: CommitAudio) -> None:
        buffered = self._received - self._uncommitted_from
        if buffered < MINIMUM_COMMIT:
            self._refuse(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer "
                f"only has {buffered / SAMPLE_RATE * 1000:.2f}ms of audio.",
                event,
            )
            return
        self._odd = b""
        announce = self._server_turns and self._item is not None
        for decision in self._turns.finish():
            assert not isinstance(decision, TurnStarted)
            self._end_utterance(decision.stop)
        self._close_item(self._received, announce=announce)

    def _clear(self) -> None:
        if self._utterance is not None and self._worker is not None:
            self._worker.send("drop")
            self._utterances.pop(self._utterance.number, None)
        if self._item is not None:
            self._forget(self._item)
        self._item = self._utterance = None
        self._odd = b""  # half a sample: its other half belongs to what is dropped
        self._turns.discard()
        self._uncommitted_from = self._received
        self._keep_from(self._turns.position)
        self._send(Cleared())

    def _delete(self, event: DeleteItem) -> None:
        item = self._items.get(event.item_id)
        if item is not None and item is not self._item:
            self._forget(item)
        elif event.item_id in self._settled:
            self._settled.discard(event.item_id)
        else:
            message = f"Error deleting item: the item with id '{event.item_id}' does not exist."
            self._refuse("item_delete_invalid_item_id", message, event, param="item_id")
            return
        self._send(ItemDeleted(event.item_id))

    def _forget(self, item: Item) -> None:
        del self._items[item.id]
        for utterance in item.utterances:
            self._utterances.pop(utterance.number, None)

    # ── what the decoder says ──

    def _on_answer(self, answer: Answer) -> None:
        item = self._utterances.get(answer["utterance"])
        if item is None:
            return
        if "delta" in answer:
            delta = space_between(item.shown, answer["delta"]) + answer["delta"]
            item.shown += delta
            self._send(Delta(item.id, delta))
        else:
            del self._utterances[answer["utterance"]]
            utterance = next(u for u in item.utterances if u.number == answer["utterance"])
            utterance.answer = answer
            self._settle(item)
        self._wake()

    def _on_end(self) -> None:
        """The decoder died: what it had in hand has failed, the next turn gets another one."""
        self._worker = self._utterance = None
        for number in list(self._utterances):
            self._on_answer({"utterance": number, "failed": "the decoder process ended unexpectedly"})

    def _settle(self, item: Item) -> None:
        """Send the final text once the turn is committed and every part of it is answered."""
        answers = [utterance.answer for utterance in item.utterances]
        if item.stop is None or None in answers:
            return
        del self._items[item.id]
        self._settled.add(item.id)
        if self.protocol.session["audio"]["input"]["transcription"] is None:
            return
        failed = [answer["failed"] for answer in answers if answer and "failed" in answer]
        if failed:
            self._send(Failed(item.id, f"The turn could not be transcribed: {failed[0]}.", "server_error"))
            return
        self._send(completed(item, item.stop))

    # ── events ──

    def _send(self, event: ServerEvent) -> None:
        self.protocol.send(event)

    def _refuse(self, code: str, message: str, event: Any, *, param: str | None = None) -> None:
        self.protocol.refuse(ClientEventError(message, code=code, param=param, event_id=event.event_id))


def _milliseconds(sample: int) -> int:
    return round(sample * 1000 / SAMPLE_RATE)


def _check_language(engine: Engine, session: Json, event_id: str | None) -> None:
    """Refuse a language that the engine does not understand, instead of writing English words for it."""
    settings = session["audio"]["input"]["transcription"] or {}
    given = {
        "language": [settings["language"]] if settings.get("language") else [],
        "languages": settings.get("languages"),
    }
    for field, languages in given.items():
        foreign = [language for language in languages or () if language.lower().split("-")[0] not in ("en", "english")]
        if engine.english_only and foreign:
            raise ClientEventError(
                f"Invalid value: '{foreign[0]}'. The engine {engine.label} understands English only.",
                code="invalid_value",
                param=f"session.audio.input.transcription.{field}",
                event_id=event_id,
            )
