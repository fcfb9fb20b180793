"""Frames: pandas, Arrow and polars see the same rows under the same typed columns, also when there are none."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone

import pandas
import polars
import pyarrow
import pytest
from hypothesis import given, settings

from rt_magic.exceptions import ConfigurationError
from rt_magic.optional import pip
from rt_magic.transcript import export
from rt_magic.transcript.frames import LATENCY, SEGMENTS, WORDS, wall_clock
from rt_magic.transcript.segments import Changes, Segment
from rt_magic.transcript.transcript import Transcript
from tests.transcripts import INTERVIEW, said, segment_lists, transcript_of

STARTED = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
WALL = ("wall", pyarrow.timestamp("us", tz="UTC"), "datetime64[us, UTC]")
RECORDING = ("recording", pyarrow.float64(), "float64")


def interview() -> Transcript:
    """Return the transcript of the interview, begun at a known time."""
    transcript = transcript_of(*INTERVIEW)
    transcript.started_at = STARTED
    return transcript


def missing(value: object) -> object:
    """Return None for each library's way to say that nothing is known."""
    return None if value is None or value is pandas.NA or value is pandas.NaT or value != value else value


def test_a_frame_has_one_row_per_segment() -> None:
    """Every final segment is a row, failed ones with their error; what is unknown is missing."""
    frame = interview().to_pandas()
    assert list(frame.columns) == list(SEGMENTS) == list(export.COLUMNS)
    rows = [[missing(value) for value in row] for row in frame.itertuples(index=False)]
    assert rows == [[getattr(segment, name) for name in SEGMENTS] for segment in INTERVIEW]


def test_a_frame_of_words_has_one_row_per_word() -> None:
    """Words stand under their segment's id, in their order; segments without words add no rows."""
    frame = interview().to_pandas(words=True)
    assert list(frame.columns) == list(WORDS)
    assert [tuple(row) for row in frame.itertuples(index=False)] == [
        ("s1", 0, "Hello", 0.5, 1.0, 0.8, "Anna"),
        ("s1", 1, "world", 1.25, 2.0, 1.0, "Anna"),
    ]


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize(("clock", "arrow_type", "pandas_type"), [RECORDING, WALL])
@pytest.mark.parametrize("empty", [False, True])
def test_columns_have_the_same_types_always(
    words: bool, clock: str, arrow_type: pyarrow.DataType, pandas_type: str, empty: bool
) -> None:
    """Names and types are those that are documented, whether there are rows or none."""
    transcript = Transcript() if empty else interview()
    kinds = WORDS if words else SEGMENTS
    table = transcript.to_arrow(words=words, clock=clock)  # type: ignore[arg-type]
    types = {"text": pyarrow.string(), "number": pyarrow.float64(), "count": pyarrow.int64(), "time": arrow_type}
    assert table.schema == pyarrow.schema([(name, types[kind]) for name, kind in kinds.items()])
    frame = transcript.to_pandas(words=words, clock=clock)  # type: ignore[arg-type]
    names = {"text": "string", "number": "float64", "count": "int64", "time": pandas_type}
    assert [str(dtype) for dtype in frame.dtypes] == [names[kind] for kind in kinds.values()]
    assert len(frame) == table.num_rows == (0 if empty else 2 if words else 4)


@settings(max_examples=40)
@given(segment_lists(with_words=True))
def test_pandas_arrow_and_polars_agree(segments: list[Segment]) -> None:
    """Whatever is said, the three libraries hold the same values."""
    transcript = transcript_of(*segments)
    for words in (False, True):
        table = transcript.to_arrow(words=words)
        expected = table.to_pylist()
        frame = transcript.to_pandas(words=words)
        assert [{k: missing(v) for k, v in row.items()} for row in frame.to_dict("records")] == expected
        assert polars.DataFrame(table).to_dicts() == expected
    assert [row["text"] for row in polars.DataFrame(transcript).to_dicts()] == [s.text for s in segments]


def test_what_takes_arrow_takes_a_transcript() -> None:
    """polars, pyarrow and pandas read it without a word about us."""
    transcript = interview()
    table = transcript.to_arrow()
    assert pyarrow.table(transcript) == table
    assert polars.DataFrame(transcript).equals(polars.from_arrow(table))  # type: ignore[arg-type]
    assert pyarrow.RecordBatchReader.from_stream(transcript).read_all() == table
    if hasattr(pandas.DataFrame, "from_arrow"):  # since pandas 3
        assert list(pandas.DataFrame.from_arrow(transcript)["id"]) == ["s1", "s2", "s3", "s4"]


def test_the_clock_on_the_wall_is_utc() -> None:
    """Times are the moment at which the recording began plus seconds, with time zone, to the microsecond."""
    transcript = interview()
    transcript.started_at = STARTED.astimezone(timezone(timedelta(hours=2)))
    frame = transcript.to_pandas(clock="wall")
    assert frame["start"][0] == pandas.Timestamp("2026-05-01T09:30:00.500Z")
    assert frame["end"][1].to_pydatetime() == STARTED + timedelta(seconds=6.5)
    assert frame["start"][3] is pandas.NaT
    words = transcript.to_arrow(words=True, clock="wall").to_pylist()
    assert words[1]["start"] == STARTED + timedelta(seconds=1.25)
    assert words[1]["start"].tzinfo is not None


def test_a_pause_is_not_on_the_recordings_clock_but_on_the_wall() -> None:
    """What is said after Resume has the time at which it was said, though the recording has no gap."""
    ten, noon = datetime(2026, 5, 1, 10, 0, tzinfo=UTC), datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    events = [
        {"type": "epoch", "at": 0.0, "time": (ten - timedelta(seconds=5)).isoformat()},
        {"type": "state", "state": "opening", "at": 0.0, "time": (ten - timedelta(seconds=5)).isoformat()},
        {"type": "state", "state": "connecting", "at": 0.25, "time": ten.isoformat()},
        {"type": "state", "state": "listening", "at": 1.5, "time": (ten + timedelta(seconds=9)).isoformat()},
        {"type": "state", "state": "paused", "at": 60.0, "time": (ten + timedelta(seconds=60)).isoformat()},
        {"type": "epoch", "at": 60.0, "time": (noon - timedelta(seconds=3)).isoformat()},
        {"type": "state", "state": "listening", "at": 60.5, "time": noon.isoformat()},
    ]
    wall = wall_clock(STARTED, events)
    assert [wall(seconds) for seconds in (0.25, 10.25, 59.25)] == [ten + timedelta(seconds=s) for s in (0, 10, 59)]
    assert [wall(seconds) for seconds in (60.0, 70.5)] == [noon + timedelta(seconds=s) for s in (-0.5, 10)]


def test_without_a_beginning_there_is_no_clock_on_the_wall() -> None:
    """A file that does not say when it began is no reason to invent it; a clock that there is not is refused."""
    transcript = Transcript.from_json('{"segments": []}')
    with pytest.raises(ConfigurationError, match=r"set transcript\.started_at"):
        transcript.to_pandas(clock="wall")
    with pytest.raises(ConfigurationError, match="clock='sundial' is not known"):
        transcript.to_pandas(clock="sundial")  # type: ignore[arg-type]


def test_latencies_are_a_frame() -> None:
    """One row per segment that was measured, one column per stage; a stage that was not measured is missing."""
    frame = interview().latency
    assert list(frame.columns) == list(LATENCY)
    assert list(frame["id"]) == ["s1", "s2"]
    assert list(frame["final"]) == [0.25, 0.5]
    assert frame[["received", "sent", "first"]].isna().sum().tolist() == [1, 1, 1]
    assert list(Transcript().latency.columns) == list(LATENCY)


def test_a_frame_taken_while_recording_is_whole() -> None:
    """While another thread writes, every frame has the segments of one moment: text and times belong together."""
    transcript = Transcript()
    done = threading.Event()

    def write() -> None:
        for turn in range(3000):
            pair = tuple(said(f"s{n}", float(turn), turn + 1.0, f"turn {turn}") for n in (1, 2, 3))
            transcript._apply(Changes(pair, (), {segment.id: float(n) for n, segment in enumerate(pair)}))
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    seen = 0
    while not done.is_set() or not seen:
        table = transcript.to_arrow()
        assert table.num_rows in (0, 3)
        assert len(set(table["text"].to_pylist())) <= 1
        assert all(row["text"] == f"turn {row['start']:.0f}" for row in table.to_pylist())
        seen += 1
    thread.join()


@pytest.mark.parametrize(
    ("package", "use"),
    [
        ("pandas", lambda t: t.to_pandas()),
        ("pyarrow", lambda t: t.to_arrow()),
        ("pyarrow", lambda t: t.__arrow_c_stream__()),
        ("pandas", lambda t: t.corrections),
        ("jiwer", lambda t: t.wer("hello")),
        ("matplotlib", lambda t: t.plot()),
    ],
)
def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch, package: str, use: object) -> None:
    """Where a library is not installed the line that installs it is said, and nothing else breaks."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigurationError) as caught:
        use(interview())  # type: ignore[operator]
    assert str(caught.value) == f"{package} is needed for this and is not installed: {pip()} install {package}"


def test_libraries_are_loaded_when_asked_for() -> None:
    """A transcript, its text and its files need none of them."""
    code = (
        'import sys, rt_magic as rt; t = rt.Transcript.from_json(\'{"segments": [{"text": "hi"}]}\'); '
        "t.text, t.to_dict(), t.to_json(), t.to_srt(), t.to_textgrid(), t.speaking_time(); "
        "print(sorted({'pandas', 'pyarrow', 'polars', 'jiwer', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_columns_are_documented() -> None:
    """Who asks for help reads the names of all columns, in their order."""
    said = re.findall(r"`(\w+)`", Transcript.to_pandas.__doc__ or "")
    assert said[: len(SEGMENTS) + len(WORDS)] == [*SEGMENTS, *WORDS]
