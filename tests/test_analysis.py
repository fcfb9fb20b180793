"""Measures of a transcript: word errors as jiwer counts them, speaking time, pace, and a plot of it all."""

from __future__ import annotations

import itertools
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from rt_magic.audio.files import open_audio
from rt_magic.audio.pcm import SAMPLE_RATE, to_float32, to_pcm16
from rt_magic.audio.recording import Recording
from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.measures import NORMALIZATION, normalized, speaking_time, words_per_minute
from rt_magic.transcript.plot import envelope
from rt_magic.transcript.transcript import Transcript
from rt_magic.transcript.word_errors import Normalize, WordErrorRate
from tests.transcripts import INTERVIEW, said, spoken, transcript_of

words = st.lists(st.sampled_from(["a", "b", "c", "d", "e'f", "A,", "–"]), max_size=12).map(" ".join)


@given(words.filter(bool), words)
@example("a b c", "")
def test_the_rate_is_jiwers(reference: str, heard: str) -> None:
    """Rate and counts are those of jiwer for the same two texts, with and without our normalization."""
    transcript = transcript_of(said("s1", 0, 1, heard))
    ways: list[tuple[Normalize, Callable[[str], str]]] = [(None, str), (str.upper, str.upper), ("default", normalized)]
    for normalize, change in ways:
        expected = jiwer.process_words(change(reference), change(heard))
        found = transcript.wer(reference, normalize=normalize)
        assert found == expected.wer
        assert (found.substitutions, found.deletions) == (expected.substitutions, expected.deletions)
        assert (found.insertions, found.hits) == (expected.insertions, expected.hits)
        assert [word for piece in found.pieces for word in piece.said] == change(reference).split()
        assert [word for piece in found.pieces for word in piece.heard] == change(heard).split()


def test_a_rate_is_a_number_that_shows_the_differences() -> None:
    """It can be computed with; displayed, it has every difference in its place, marked by more than colour."""
    heard = said("s1", 0, 1, "The <b> quick brown fax jumps dog now")
    rate = transcript_of(heard).wer("the quick, brown fox jumps over dog now!")
    assert rate == 3 / 8
    assert f"{rate:.1%}" == "37.5%" and max(rate, 0.1) == rate
    assert repr(rate) == "<WER 37.5%: 1 substituted, 1 missing, 1 added, of 8 words>"
    shown = rate._repr_mimebundle_()
    assert "\nthe {+<b>+} quick brown [-fox-]{+fax+} jumps [-over-] dog now\n" in shown["text/plain"]
    assert NORMALIZATION in shown["text/plain"]
    assert re.search(r"<del style='background:[^']+'>over</del>", shown["text/html"])
    assert re.search(r"<ins style='background:[^']+'>&lt;b&gt;</ins>", shown["text/html"])
    assert "<b>" not in shown["text/html"]


def test_long_stretches_without_a_difference_are_shortened_when_shown() -> None:
    """Of a thousand right words only those around a difference are shown; the number stays what it is."""
    right = " ".join(f"w{n}" for n in range(1000))
    rate = WordErrorRate.of(f"{right} end", f"{right} and")
    assert rate == 1 / 1001
    assert "w9 … 980 words … w990" in rate.to_text()
    assert "w500" not in rate.to_html()


def test_another_transcript_is_a_reference_too() -> None:
    """Two transcripts of the same sound are compared by their texts."""
    assert float(transcript_of(*INTERVIEW).wer(transcript_of(*INTERVIEW))) == 0.0
    with pytest.raises(ConfigurationError, match="reference=3 is no text"):
        Transcript().wer(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="normalize='lower' is not possible"):
        Transcript().wer("a", normalize="lower")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reference", "way"),
    [
        ("reference.txt", r"name of a file.*path\.read_text\(\)"),
        ("my talks/day 1.TXT", r"name of a file.*path\.read_text\(\)"),
        (Path("reference.srt"), r"name of a file.*Transcript\.read"),
        (Path("reference"), r"name of a file.*path\.read_text\(\)"),
        (" ", "no words"),
    ],
)
def test_a_reference_that_is_not_what_was_said_is_refused(reference: Any, way: str) -> None:
    """A file's name is not scored as if it had been said, nor is nothing."""
    with pytest.raises(ConfigurationError, match=way):
        transcript_of(*INTERVIEW).wer(reference)


def test_words_about_a_file_are_a_reference() -> None:
    """What was said may name a file."""
    assert float(transcript_of(said("s1", 0.0, 2.0, "open the file notes.txt")).wer("open the file notes.txt")) == 0.0


def test_a_rate_can_be_sent_to_another_process() -> None:
    """Pickled, it is the same number with the same differences."""
    rate = WordErrorRate.of("a b", "a c")
    copy = pickle.loads(pickle.dumps(rate))
    assert (copy, copy.pieces, copy.summary) == (rate, rate.pieces, rate.summary)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello,  WORLD!\n", "hello world"),
        ("Don’t “well-known” it's 'quoted'", "don't well known it's quoted"),
        ("ﬁne \u200f½ Straße", "fine 1⁄2 strasse"),
        ("今天 天气。OK好", "今 天 天 气 ok 好"),
        ("…", ""),
    ],
)
def test_normalization_keeps_what_is_said(text: str, expected: str) -> None:
    """Case, punctuation, kinds of spaces and direction marks do not count; characters of unspaced scripts do."""
    assert normalized(text) == expected


@given(spoken)
def test_normalizing_twice_changes_nothing(text: str) -> None:
    """A normalized text is normal."""
    assert normalized(normalized(text)) == normalized(text)


def test_speaking_time_is_by_speaker_and_counts_overlaps_once() -> None:
    """Failed segments and those without times are no speech that we know of; the longest stands first."""
    segments = [
        said("s1", 0.0, 2.0, "a", speaker="Ben"),
        said("s2", 1.0, 4.0, "b", speaker="Ben"),
        said("s3", 1.0, 9.0, "c", speaker="Anna"),
        said("s4", 20.0, 21.0, "d"),
        *INTERVIEW[2:],
    ]
    assert list(speaking_time(segments).items()) == [("Anna", 8.0), ("Ben", 4.0), (None, 1.0)]
    assert Transcript().speaking_time() == {}


def test_words_per_minute_leave_pauses_out() -> None:
    """Ten words in five seconds of speech are 120 a minute, however long the pause between."""
    segments = [
        said("s1", 0.0, 2.0, "one two – three four!", speaker="Anna"),
        said("s2", 60.0, 63.0, "five six seven eight nine it's", speaker="Anna"),
        said("s3", 5.0, 6.0, "你好", speaker="Ben"),
        said("s4", 7.0, 7.0, "no time", speaker="Carl"),
    ]
    assert words_per_minute(segments) == {"Anna": 120.0, "Ben": 120.0}
    assert transcript_of(*segments).words_per_minute() == {"Anna": 120.0, "Ben": 120.0}


# ── plot ──

TONE = np.concatenate([np.full(SAMPLE_RATE, 0.25), np.zeros(SAMPLE_RATE), np.full(SAMPLE_RATE, -0.5)])
"""A second up, a second of nothing, a second down."""


@pytest.fixture(autouse=True)
def no_windows() -> Iterator[None]:
    """Draw without a screen, and close what was drawn."""
    pyplot.switch_backend("Agg")
    yield
    pyplot.close("all")


def bars(ax: Axes) -> list[tuple[float, float, int, str]]:
    """Return start, end, lane and colour of each bar."""
    found = []
    for collection in ax.collections:
        colours = collection.get_facecolor()
        for number, path in enumerate(collection.get_paths()):
            box = path.get_extents()
            if box.height == pytest.approx(0.6):
                colour = to_hex(colours[number % len(colours)]) if len(colours) else "none"  # type: ignore[arg-type]
                found.append((round(box.x0, 6), round(box.x1, 6), round((box.y0 + box.y1) / 2), colour))
    return sorted(found)


def lanes(ax: Axes) -> list[str]:
    """Return what the lanes are called, from above."""
    return [label.get_text() for label in ax.get_yticklabels()]


def test_a_plot_has_a_lane_per_speaker() -> None:
    """Each segment with times is a bar in its speaker's lane; what failed is an outline without colour."""
    plain = [said(s.id, s.start, s.end, s.text, speaker=s.speaker, error=s.error) for s in INTERVIEW]
    ax = transcript_of(*plain).plot()
    assert lanes(ax) == ["Anna", "Ben", "speech"]
    assert [bar[:3] for bar in bars(ax)] == [(0.5, 2.0, 0), (2.5, 6.5, 1), (7.0, 8.0, 2)]
    assert len({bar[3] for bar in bars(ax)[:2]}) == 2
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["failed"]
    assert ax.get_xlim() == (0.0, 8.0)


def test_confidence_is_colour_where_it_is_known() -> None:
    """Sure and unsure segments of one speaker differ in colour, one without confidence is grey; a scale explains."""
    segments = [said(f"s{n}", n, n + 0.9, "x", confidence=sure) for n, sure in enumerate([0.1, 0.9, None])]
    ax = transcript_of(*segments).plot()
    low, high, unknown = (bar[3] for bar in bars(ax))
    colours = pyplot.get_cmap("viridis")
    assert (low, high, unknown) == (to_hex(colours(0.1)), to_hex(colours(0.9)), "#cccccc")
    assert [other.get_ylabel() for other in ax.figure.axes[1:]] == ["confidence"]


def test_the_sound_is_drawn_above_from_recording_and_from_file(tmp_path: Path) -> None:
    """Where there is sound its waveform is the first lane, in time with the segments; gone, it is left out."""
    recording = Recording.create()
    recording.append(to_pcm16(TONE))
    live = Transcript(recording=recording)
    path = tmp_path / "tone.wav"
    soundfile.write(path, TONE, SAMPLE_RATE)
    read = transcript_of(said("s1", 0.0, 3.0, "tone"))
    read._release(open_audio(path))
    read._store.length = 3.0
    for transcript in (live, read):
        ax = transcript.plot()
        assert lanes(ax) == ["sound", "speech"]
        wave = ax.collections[0].get_paths()[0].get_extents()
        assert (wave.x0, wave.x1) == pytest.approx((0.0, 3.0), abs=0.01)
    live.forget()
    assert lanes(live.plot()) == ["speech"]


@given(st.lists(st.integers(1, 5000), max_size=8), st.integers(1, 50))
def test_an_envelope_has_the_extremes_of_each_piece(lengths: list[int], columns: int) -> None:
    """However the sound is cut into blocks, lowest and highest value of each piece are exact."""
    wave = np.sin(np.arange(sum(lengths)) * 0.37) * 0.9
    pcm = to_pcm16(wave)
    edges = [0, *np.cumsum(lengths)]
    blocks = [pcm[2 * a : 2 * b] for a, b in itertools.pairwise(edges)]
    found = envelope(blocks, len(wave), columns)
    samples = to_float32(pcm)
    places = np.arange(len(wave)) * columns // max(1, len(wave))
    for column in range(columns):
        piece = samples[places == column]
        expected = (min(0.0, piece.min()), max(0.0, piece.max())) if len(piece) else (0.0, 0.0)
        assert tuple(found[column]) == pytest.approx(expected)


def test_marks_and_odd_names_are_drawn_as_they_are() -> None:
    """A dollar sign is no formula, and a mark stands at its second; nothing at all can be drawn too."""
    transcript = transcript_of(said("s1", 0.0, 3.0, "x", speaker="$x_1$"))
    transcript._record({"type": "mark", "label": "question $1$", "at": 2.0})
    ax = transcript.plot()
    ax.figure.canvas.draw()
    assert lanes(ax) == ["$x_1$"]
    assert "question $1$" in [text.get_text() for text in ax.texts]
    assert [tuple(line.get_xdata()) for line in ax.lines] == [(2.0, 2.0)]
    Transcript().plot().figure.canvas.draw()


def test_a_plot_can_be_part_of_a_figure_of_ones_own() -> None:
    """Given axes are drawn on and returned."""
    _, axes = pyplot.subplots(2)
    assert transcript_of(*INTERVIEW).plot(axes[1]) is axes[1]
    assert len(pyplot.get_fignums()) == 1


@pytest.mark.parametrize(
    ("seconds", "label", "ticks"),
    [(17, "time (s)", "10"), (400, "time (m:ss)", "2:00"), (10_800, "time (h:mm:ss)", "0:40:00")],
)
def test_a_plot_has_times_that_people_read(seconds: int, label: str, ticks: str) -> None:
    """Minutes and hours are written as such, at round places."""
    ax = transcript_of(said("s1", 0.0, float(seconds), "x")).plot()
    ax.figure.canvas.draw()
    assert ax.get_xlabel() == label and ticks in [tick.get_text() for tick in ax.get_xticklabels()]
    assert len(ax.get_xticklabels()) < 14
