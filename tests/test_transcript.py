"""The live transcript: whole at every read, told in order, the same after a trip to a file or another process."""

from __future__ import annotations

import json
import math
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import rt_magic as rt
from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript import archive, frames, whisper
from rt_magic.transcript.segments import Changes, Segment, Word
from rt_magic.transcript.transcript import Transcript, TranscriptChange


def final(id_: str, text: str = "", start: float | None = None, end: float | None = None, **more: Any) -> Segment:
    """Make a final segment."""
    return Segment(id_, start, end, text, final=True, **more)


def transcript(*segments: Segment) -> Transcript:
    """Make a transcript of segments in this order."""
    made = Transcript()
    made._apply(Changes(segments, (), {segment.id: float(rank) for rank, segment in enumerate(segments)}))
    return made


# ── reading ──


def test_final_and_interim_are_apart_and_in_order() -> None:
    """Segments stand by their place, whatever came first; what may still change is kept apart."""
    made = Transcript()
    made._apply(Changes((final("s2", "two", 2.0, 3.0),), (), {"s2": 2.0}))
    made._apply(Changes((Segment("s3", 3.0, None, "thr"),), (), {"s3": 3.0}))
    made._apply(Changes((final("s1", "one", 0.0, 1.0),), (), {"s1": 1.0}))
    assert [segment.id for segment in made.segments] == ["s1", "s2"] == [segment.id for segment in made]
    assert [segment.id for segment in made.interim] == ["s3"]
    assert (len(made), made.text, made["text"]) == (2, "one two", "one two")
    assert made.segments is made.segments
    made._apply(Changes((), (), {"s2": 0.5}))
    assert made.text == "two one"
    made._apply(Changes((), ("s1",)))
    assert made.text == "two" and "1 segments" in repr(made) and "live" in repr(made)


def test_printed_it_is_its_words() -> None:
    """`print(transcript)` writes what was said, and a cell's last line says what it is."""
    transcript = Transcript()
    transcript._apply(Changes((final("s1", "one", 0.0, 1.0), final("s2", "two", 1.0, 2.0)), (), {}))
    assert f"{transcript}" == "one two" and repr(transcript).startswith("<Transcript: ")


def test_segments_and_parts_can_be_indexed() -> None:
    """A number or slice gives segments, a name a part of Whisper's shape."""
    made = transcript(final("s1", "one", 0.0, 1.0), final("s2", "two", 1.0, 2.0))
    assert made[0].text == "one" and made[-1].text == "two" and made[0:2] == made.segments
    assert [piece["text"].strip() for piece in made["segments"]] == ["one", "two"]
    with pytest.raises(KeyError):
        made["nothing"]
    with pytest.raises(IndexError):
        made[2]


def test_failed_segments_are_shown_and_not_read() -> None:
    """A failed segment stands among the others, and its text is not part of the text."""
    made = transcript(final("s1", "one"), final("s2", "hal", error="no answer"), final("s3", "three"))
    assert len(made) == 3 and made.text == "one three"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["hello", "world"], "hello world"),
        (["你好", "世界"], "你好世界"),
        (["これは。", "テスト"], "これは。テスト"),
        (["สวัสดี", "ครับ"], "สวัสดีครับ"),
        (["안녕", "하세요"], "안녕 하세요"),
        (["你好", "Hello"], "你好 Hello"),
        (["", "a", "", "b"], "a b"),
        ([], ""),
    ],
)
def test_texts_are_joined_as_their_script_is_written(texts: list[str], expected: str) -> None:
    """A space stands between texts, none between those of scripts without spaces."""
    assert transcript(*(final(f"s{n}", text) for n, text in enumerate(texts))).text == expected


def test_between_takes_what_overlaps() -> None:
    """A span gives the segments that are heard in it, its own end excluded; those without times are nowhere."""
    made = transcript(final("s1", "a", 0.0, 1.0), final("s2", "b", 1.0, 2.0), final("s3", "c", 2.5), final("s4", "d"))
    found = {span: [segment.id for segment in made.between(*span)] for span in [(0, 1), (0.5, 1.5), (1, 2.5), (2, 3)]}
    assert found == {(0, 1): ["s1"], (0.5, 1.5): ["s1", "s2"], (1, 2.5): ["s2"], (2, 3): ["s3"]}
    assert [segment.id for segment in made.between(2.5, 3)] == ["s3"]
    assert transcript(final("s1", "a", 0.0)).between(0, 1)


def test_what_is_read_cannot_change_the_transcript() -> None:
    """Events and usage are copies, at every depth."""
    made = Transcript()
    made._add_usage({"type": "tokens", "total_tokens": 3, "input_token_details": {"audio_tokens": 2}})
    made._record({"type": "paused"})
    made.usage["input_token_details"]["audio_tokens"] = 99
    made.usage["type"] = "x"
    made.events[0]["type"] = "x"
    made._add_usage({"total_tokens": 4, "input_token_details": {"audio_tokens": 5}})
    assert made.usage == {"type": "tokens", "total_tokens": 7, "input_token_details": {"audio_tokens": 7}}
    assert made.events[0]["type"] == "paused"


USAGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), USAGE, max_size=3), max_size=6))
@example([{"a": 1}, {"a": {"b": 1}}, {"a": 2}, {"a": "x"}, {"a": 10**400}, {"a": 0.5}, {"a": None}, {"a": []}])
def test_any_usage_is_taken(usages: list[dict[str, Any]]) -> None:
    """Services may change what they say they bill, also its types: numbers are summed where they are numbers."""
    made = Transcript()
    for usage in usages:
        made._add_usage(usage)
    plain = [usage["a"] for usage in usages if "a" in usage]
    if plain and all(type(value) is int and abs(value) < 10**15 for value in plain):
        assert made.usage["a"] == sum(plain)
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"a": deep}
    made._add_usage(deep)
    assert json.loads(made.to_json())


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Switch threads as often as possible, so that what can come between two steps does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_threads")
def test_every_read_is_whole_while_another_thread_writes() -> None:
    """No reader ever sees a part of a change: counters written together are read together, everywhere."""
    made, over = Transcript(), threading.Event()

    def look() -> int:
        looked = 0
        while not over.is_set() or not looked:
            for read in (
                lambda: [s.text for s in made.segments],
                lambda: [piece["text"].strip() for piece in made["segments"]],
                lambda: [entry["text"] for entry in json.loads(made.to_json())["segments"]],
                lambda: made.text.split(),
            ):
                assert len(set(read())) <= 1, read()
            looked += 1
        return looked

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(look) for _ in range(3)]
        try:
            for number in range(300):
                words = tuple(final(f"s{n}", f"word{number}") for n in range(5))
                made._apply(Changes(words, (), {segment.id: float(rank) for rank, segment in enumerate(words)}))
        finally:
            over.set()
        assert all(reader.result() for reader in readers)


@pytest.mark.usefixtures("eager_threads")
def test_a_segment_that_becomes_final_is_never_out_of_sight() -> None:
    """What is shown at any moment holds each segment once, also that which is just becoming final."""
    made, over = Transcript(), threading.Event()

    def look() -> set[int]:
        counts = set()
        while not over.is_set():
            counts.add(made._repr_mimebundle_()["text/plain"].count("moving"))
        return counts

    made._apply(Changes((Segment("s1", text="moving"),), (), {"s1": 1.0}))
    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(look) for _ in range(2)]
        for number in range(2000):
            made._apply(Changes((Segment("s1", text="moving", final=number % 2 == 0),)))
        over.set()
        assert set().union(*(reader.result() for reader in readers)) <= {1}


# ── following ──


def test_changes_are_told_in_order() -> None:
    """A callback hears each change once, in order, with what is new, what is gone, and the revision after it."""
    made, told = Transcript(), list[TranscriptChange]()
    made.on_change(told.append)
    one, moved = Segment("s1", text="on"), final("s1", "one")
    made._apply(Changes((one,), (), {"s1": 1.0}))
    made._apply(Changes())
    made._apply(Changes((moved,), (), {"s1": 1.0}))
    made._record({"type": "paused"})
    made._apply(Changes((), (), {"s1": 7.0}))
    made._apply(Changes((), ("s1",)))
    made._finish()
    made._finish()
    assert [(change.kind, change.revision, change.upsert, change.remove) for change in told] == [
        ("segments", 1, (one,), ()),
        ("segments", 2, (moved,), ()),
        ("event", 2, (), ()),
        ("segments", 3, (moved,), ()),
        ("segments", 4, (), ("s1",)),
        ("done", 4, (), ()),
    ]
    assert made.revision == 4


def test_callbacks_are_called_on_the_writers_thread() -> None:
    """Whoever writes calls; the state read inside is that after the change."""
    made = Transcript()
    seen: list[tuple[str, str]] = []
    made.on_change(lambda change: seen.append((threading.current_thread().name, made.text)))
    writer = threading.Thread(target=lambda: made._apply(Changes((final("s1", "one"),))), name="writer")
    writer.start()
    writer.join(5)
    assert seen == [("writer", "one")]


def test_a_callback_can_be_taken_back() -> None:
    """What is taken back is not called any more, each registration for itself, also from inside a callback."""
    made, told = Transcript(), list[str]()

    def note(change: TranscriptChange) -> None:
        told.append("note")

    first, second = made.on_change(note), made.on_change(note)
    made._apply(Changes((final("s1"),)))
    assert told == ["note", "note"]
    first()
    first()
    made._apply(Changes((final("s2"),)))
    assert told == ["note"] * 3
    second()
    stop: list[Callable[[], None]] = []

    def once(change: TranscriptChange) -> None:
        told.append("once")
        stop[0]()

    stop.append(made.on_change(once))
    made._apply(Changes((final("s3"),)))
    made._apply(Changes((final("s4"),)))
    assert told == ["note"] * 3 + ["once"]


def test_a_callback_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The writer and the other callbacks go on."""
    made, told = Transcript(), list[int]()
    made.on_change(lambda change: 1 // 0)
    made.on_change(lambda change: told.append(change.revision))
    made._apply(Changes((final("s1", "one"),)))
    assert told == [1] and made.text == "one"
    assert "ZeroDivisionError" in caplog.text


def test_a_callback_may_wait_for_somebody_who_reads() -> None:
    """No lock is held while a change is told: another thread can read meanwhile, and the callback wait for it."""
    made, read = Transcript(), list[str]()

    def look(change: TranscriptChange) -> None:
        reader = threading.Thread(target=lambda: read.append(made.text), daemon=True)
        reader.start()
        reader.join(5)
        read.append("waited")

    made.on_change(look)
    made._apply(Changes((final("s1", "one"),)))
    assert read == ["one", "waited"]


def test_what_a_callback_changes_is_told_after_what_it_was_told_of() -> None:
    """A callback may change the transcript; everybody hears of that second, and all of it before the writer goes on."""
    made, told = Transcript(), list[tuple[int, str]]()
    made.on_change(lambda change: made.edit("s1", "ONE") if change.revision == 1 else None)
    made.on_change(lambda change: told.append((change.revision, change.upsert[0].text)))
    made._apply(Changes((final("s1", "one"),)))
    assert told == [(1, "one"), (2, "ONE")]


@pytest.mark.usefixtures("eager_threads")
def test_changes_of_two_writers_are_told_in_order() -> None:
    """The machine writes and somebody corrects: each change is told once, in order, before its writer goes on."""
    made, told = transcript(final("s0", "none")), list[int]()
    made.on_change(lambda change: told.append(change.revision))

    def write(id_: str) -> None:
        for number in range(300):
            made._apply(Changes((final(id_, str(number)),)))
            assert f"{id_}: {number}" in {f"{segment.id}: {segment.text}" for segment in made}

    def correct() -> None:
        for number in range(300):
            made.edit("s0", str(number))

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(write, "s1"), pool.submit(write, "s2"), pool.submit(correct)]:
            done.result()
    assert told == list(range(2, 902))


@pytest.mark.parametrize(
    ("place", "name", "read"),
    [
        (frames, "correction_table", lambda made: made.corrections),
        (frames.Table, "to_pandas", lambda made: made.corrections),
        (frames, "table", lambda made: made.to_pandas()),
        (whisper, "to_whisper", lambda made: made.to_dict()),
        (archive, "to_json", lambda made: made.to_json()),
    ],
    ids=["corrections", "frame of corrections", "to_pandas", "to_dict", "to_json"],
)
def test_nobody_waits_for_what_is_made_of_the_words(
    place: Any, name: str, read: Callable[[Transcript], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables and files are built beside the writer, out of the state in which they were asked for."""
    made, build = transcript(final("s1", "one")), getattr(place, name)
    made.edit("s1", "ONE")

    def build_while_somebody_writes(*args: Any, **more: Any) -> Any:
        writer = threading.Thread(target=lambda: made._apply(Changes((final("s2", "two"),))), daemon=True)
        writer.start()
        writer.join(5)
        assert not writer.is_alive(), "the writer waits"
        return build(*args, **more)

    monkeypatch.setattr(place, name, build_while_somebody_writes)
    assert "two" not in str(read(made))
    assert made.text == "ONE two"


def test_waiting_ends_with_the_last_word() -> None:
    """Waiting returns the transcript itself once it is done; before that it is a TimeoutError."""
    made = Transcript()
    with pytest.raises(TimeoutError, match="0 s"):
        made.wait(0)
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(made.wait, 10)
        made._finish()
        assert waiter.result(10) is made
    assert made.done and "done" in repr(made)
    made._finish(False)
    assert not made.done


def test_a_mark_names_a_moment() -> None:
    """A mark stands in the events with its place in the recording."""
    made = Transcript(offset=5.0)
    made.mark("question 1")
    (event,) = made.events
    assert (event["type"], event["label"], event["at"]) == ("mark", "question 1", 5.0)


# ── to a file and back ──

TEXT = st.text(max_size=12)
MAYBE = st.none() | TEXT
SECONDS = st.none() | st.floats(0, 1e5)
WORDS = st.lists(st.builds(Word, TEXT, st.floats(0, 1e5), st.floats(0, 1e5), st.none() | st.floats(0, 1)), max_size=2)
SEGMENT = st.builds(
    Segment,
    id=st.just(""),
    start=SECONDS,
    end=SECONDS,
    text=TEXT,
    final=st.booleans(),
    item_id=MAYBE,
    speaker=MAYBE,
    language=MAYBE,
    confidence=st.none() | st.floats(0, 1),
    words=st.none() | WORDS.map(tuple),
    error=MAYBE,
    timing=st.sampled_from([None, "service", "vad"]),
    latency=st.none() | st.dictionaries(st.sampled_from(["first", "final"]), st.floats(-5, 100)),
)
VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(TEXT, VALUE, max_size=3)


@settings(max_examples=50)
@given(st.lists(SEGMENT, max_size=5), OBJECT, OBJECT, st.lists(OBJECT, max_size=3), st.floats(0, 1e5))
def test_json_keeps_everything(
    segments: list[Segment], meta: dict[str, Any], usage: dict[str, Any], events: list[dict[str, Any]], offset: float
) -> None:
    """What is final, its order, and all that is known about it comes back; what was still open does not."""
    named = [replace(segment, id=f"s{n}") for n, segment in enumerate(segments, 1)]
    made = Transcript(offset=offset, started_at=datetime(2026, 5, 1, tzinfo=UTC))
    made._apply(Changes(tuple(named), (), {segment.id: float(n) for n, segment in enumerate(named)}))
    made.meta.update(meta)
    made._store._usage.update(usage)
    made._store._events.extend(events)
    again = Transcript.from_json(made.to_json())
    assert again.segments == made.segments and again.interim == ()
    assert (again.meta, again.usage, again.events) == (meta, made.usage, made.events)
    assert (again.started_at, again.duration, again.text) == (made.started_at, made.duration, made.text)
    assert again.done and again.to_json() == made.to_json()
    other = pickle.loads(pickle.dumps(made))
    assert other.segments == made.segments and other.to_json() == made.to_json() and other.recording is None


def test_json_has_the_documented_keys() -> None:
    """The format names itself, its version and its rate, and says what it knows in plain words."""
    made = transcript(final("s1", "one", 0.0, 1.0, words=(Word("one", 0.0, 1.0, 0.5),)), Segment("s2", text="ope"))
    body = json.loads(made.to_json())
    assert list(body)[:4] == ["format", "version", "sample_rate", "text"]
    assert (body["format"], body["version"], body["sample_rate"], body["text"]) == ("rt_magic", 1, 24000, "one")
    assert {"started_at", "duration", "meta", "usage", "segments", "events"} <= body.keys()
    assert [entry["id"] for entry in body["segments"]] == ["s1"]
    assert set(body["segments"][0]) == set(Segment.__dataclass_fields__)
    assert body["segments"][0]["words"] == [{"word": "one", "start": 0.0, "end": 1.0, "probability": 0.5}]


@settings(max_examples=40)
@given(OBJECT, OBJECT)
@example({"note": [1]}, {"tokens": [1, 2], "seek": 0})
def test_unknown_keys_survive(facts: dict[str, Any], more: dict[str, Any]) -> None:
    """What another program added, to the file or to a segment, is still there when it is written again."""
    body = json.loads(transcript(final("s1", "one", 0.0, 1.0)).to_json())
    facts = {f"x-{key}": value for key, value in facts.items()}
    more = {f"x-{key}": value for key, value in more.items()}
    body.update(facts)
    body["segments"][0].update(more)
    again = json.loads(Transcript.from_json(json.dumps(body)).to_json())
    assert {key: again[key] for key in facts} == facts
    assert {key: again["segments"][0][key] for key in more} == more


def test_segments_alone_are_a_transcript() -> None:
    """What is missing is None; order follows the times; ids are made where there are none or not one each."""
    entries = [
        {"text": "two", "start": 2, "end": 3},
        {"text": "one", "start": 1, "end": 2},
        {"text": "and a half"},
        {"id": "s9", "text": "nine", "start": 9},
        {"id": "s9", "text": "ten", "start": 10},
    ]
    made = Transcript.from_json(json.dumps({"segments": entries}))
    assert [segment.text for segment in made] == ["one", "and a half", "two", "nine", "ten"]
    assert len({segment.id for segment in made}) == 5 and made.done
    assert (made.started_at, made.duration, made.meta, made.usage, made.events) == (None, 3.0, {}, {}, [])
    one = made[0]
    assert (one.speaker, one.language, one.confidence, one.words, one.error, one.timing) == (None,) * 6


def test_whispers_own_files_are_read() -> None:
    """Numbers as ids, texts with a leading space, log-probabilities and words as Whisper writes them."""
    body = {
        "text": " Hi. There.",
        "language": "en",
        "segments": [
            {"id": 0, "seek": 0, "start": 0.0, "end": 1.0, "text": " Hi.", "tokens": [1], "avg_logprob": -0.5},
            {"id": 1, "seek": 0, "start": 1.0, "end": 2.0, "text": " There.", "tokens": [2], "avg_logprob": -0.1,
             "words": [{"word": " There.", "start": 1.0, "end": 2.0, "probability": 0.9}]},
        ],
    }  # fmt: skip
    made = Transcript.from_json(json.dumps(body))
    assert made.text == "Hi. There." and made.duration == 2.0
    assert made[0].confidence == pytest.approx(math.exp(-0.5)) and made[0].language == "en"
    assert made[1].words == (Word(" There.", 1.0, 2.0, 0.9),)


@pytest.mark.parametrize(
    "text",
    [
        "", "no JSON", "[]", "null", "3", "{}", '{"segments": 3}', '{"segments": [3]}', '{"segments": [null]}',
        '{"segments": [{"start": "soon"}]}', '{"segments": [{"start": [1]}]}', '{"segments": [{"words": [1]}]}',
        '{"segments": [{"words": [{"start": 0, "end": 1}]}]}', '{"segments": [{"words": 5}]}',
        '{"segments": [], "started_at": "yesterday"}', '{"segments": [], "started_at": 5}',
        '{"segments": [], "duration": "long"}', '{"segments": [], "duration": [1]}',
        '{"segments": [], "meta": 5}', '{"segments": [], "usage": [1]}', '{"segments": [], "events": {"a": 1}}',
        '{"segments": [], "events": [1]}', '{"format": "rt_magic", "segments": [], "corrections": [1]}',
        '{"format": "rt_magic", "segments": [{"id": "s1"}], "corrections": {"s1": 5}}',
    ],
)  # fmt: skip
def test_what_is_no_transcript_is_a_configuration_error(text: str) -> None:
    """A text that cannot be read is refused for what is wrong with it, without a traceback of ours."""
    with pytest.raises(ConfigurationError):
        Transcript.from_json(text)


@settings(max_examples=80)
@given(st.dictionaries(st.sampled_from([*Segment.__dataclass_fields__, "avg_logprob", "x"]), VALUE | st.floats()))
@example({"start": float("nan"), "end": float("inf"), "text": "a", "confidence": float("nan")})
@example({"start": 1, "text": 5, "speaker": 3, "error": True, "language": 7, "item_id": {}, "latency": 5})
@example({"start": -3.0, "end": -5.0, "text": "a"})
def test_any_segment_is_read_or_refused(entry: dict[str, Any]) -> None:
    """However a segment is filled, it is refused, or everything that is made of a transcript can be made of it."""
    try:
        made = Transcript.from_json(json.dumps({"segments": [entry]}))
    except ConfigurationError:
        return
    (segment,) = made.segments
    for value in (segment.text, segment.speaker or "", segment.language or "", segment.error or ""):
        assert isinstance(value, str)
    assert all(value is None or math.isfinite(value) for value in (segment.start, segment.end, segment.confidence))
    made._repr_mimebundle_()
    for export in (made.to_srt, made.to_vtt, made.to_dict, made.to_json, made.to_pandas):
        export()
    assert Transcript.from_json(made.to_json()).segments == made.segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01T09:30:00+00:00", datetime(2026, 5, 1, 9, 30, tzinfo=UTC)),
        ("2026-05-01T09:30:00Z", datetime(2026, 5, 1, 9, 30, tzinfo=UTC)),
        ("2026-05-01T09:30:00", datetime(2026, 5, 1, 9, 30, tzinfo=UTC)),
        ("2026-05-01T09:30:00+02:00", datetime(2026, 5, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_the_beginning_is_a_moment(text: str, expected: datetime) -> None:
    """A time without a zone is taken as UTC, so that two transcripts can be compared."""
    found = Transcript.from_json(json.dumps({"segments": [], "started_at": text})).started_at
    assert found == expected and found is not None and found.tzinfo is not None


def test_a_live_transcript_can_be_pickled() -> None:
    """A copy for another process is finished, has the final segments only, and no callbacks or locks."""
    made = transcript(final("s1", "one", 0.0, 1.0), Segment("s2", text="ope"))
    made.on_change(lambda change: None)
    copy = pickle.loads(pickle.dumps(made))
    assert isinstance(copy, rt.Transcript) and copy.done and not made.done
    assert copy.text == "one" and copy.interim == ()


def test_json_is_whole_while_somebody_writes() -> None:
    """What is written meanwhile is in the JSON or is not; each is one that can be read, and no writer waits for it."""
    transcript, gone = Transcript(), threading.Event()

    def write() -> None:
        for number in range(1, 301):
            if gone.wait(0.001):
                return
            segment = Segment(f"s{number}", number, number + 1, "word " * 20, True)
            transcript._apply(Changes((segment,), (), {segment.id: float(number)}))
            transcript._describe(**{f"fact {number % 50}": number})
            transcript._add_usage({"seconds": 1, f"kind {number % 50}": 1})
            transcript.mark(f"mark {number}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        lengths: list[int] = []
        while writer.is_alive() and len(lengths) < 30:
            copy = Transcript.from_json(transcript.to_json())
            assert [segment.id for segment in copy] == [f"s{number}" for number in range(1, len(copy) + 1)]
            assert copy.usage.get("seconds", 0) in (len(copy), len(copy) - 1)
            lengths.append(len(copy))
    finally:
        gone.set()
        writer.join()
    assert lengths and lengths == sorted(lengths)
    before = transcript.meta
    transcript._describe(more=True)
    assert "more" not in before and transcript.meta["more"]
