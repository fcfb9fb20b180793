"""Subtitles: other people's readers agree on every time and text; limits are kept where times are known."""

from __future__ import annotations

import html
import io
import itertools
import re
from pathlib import Path

import pytest
import srt
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.segments import Segment, Word
from rt_magic.transcript.subtitles import Cue, Limits, cues, to_srt, to_vtt
from tests.transcripts import INTERVIEW, said, segment_lists, transcript_of

SENTENCE = "We walked along the river, and then it rained. Nobody had brought an umbrella, so we got wet."


def timed(text: str, start: float = 10.0, step: float = 0.5) -> Segment:
    """Return a segment whose words are spoken at an even pace, as services give them: without punctuation."""
    spelled = [re.sub(r"\W", "", word) for word in text.split()]
    words = tuple(Word(word, start + n * step, start + n * step + 0.4, None) for n, word in enumerate(spelled))
    return said("s1", start, words[-1].end, text, words=words)


def shown(text: str) -> str:
    """Return how a text stands in a block: no empty lines, no spaces at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip()).strip()


def plain(text: str) -> str:
    """Return a text for comparing where readers differ: they strip, and an arrow may be broken in SubRip."""
    return "\n".join(line.strip() for line in text.replace("-->", "->").split("\n"))


def seconds(time: webvtt.models.Timestamp) -> float:
    """Return a reader's time in seconds."""
    hours, minutes, whole, milliseconds = time.to_tuple()
    return (((hours * 60 + minutes) * 60 + whole) * 1000 + milliseconds) / 1000


@given(segment_lists())
def test_the_srt_library_reads_every_time_and_text(segments: list[Segment]) -> None:
    """What `srt` reads of our SubRip is what was said, with the speaker in front."""
    found = list(srt.parse(to_srt(segments)))
    assert [cue.index for cue in found] == list(range(1, len(segments) + 1))
    for cue, segment in zip(found, segments, strict=True):
        assert (round(cue.start.total_seconds(), 3), round(cue.end.total_seconds(), 3)) == (segment.start, segment.end)
        name = f"{segment.speaker}: " if segment.speaker else ""
        assert plain(cue.content) == plain(name + shown(segment.text))


@given(segment_lists())
def test_webvtt_py_reads_every_time_and_text(segments: list[Segment]) -> None:
    """What `webvtt` reads of our WebVTT is what was said; the speaker is the voice."""
    found = webvtt.from_string(to_vtt(segments)).captions
    assert len(found) == len(segments)
    for cue, segment in zip(found, segments, strict=True):
        start, end = seconds(cue.start_time), seconds(cue.end_time)
        assert (start, html.unescape(cue.voice) if cue.voice else None) == (segment.start, segment.speaker)
        assert end == (segment.end if segment.end != segment.start else round(start + 0.001, 3))
        assert plain(html.unescape(cue.text)) == plain(shown(segment.text))


@given(segment_lists(speakers=False))
def test_webvtt_py_reads_our_subrip_too(segments: list[Segment]) -> None:
    """A second reader of SubRip finds the same number of subtitles at the same times."""
    found = webvtt.from_buffer(io.StringIO(to_srt(segments)), format="srt").captions if segments else []
    assert [seconds(cue.start_time) for cue in found] == [segment.start for segment in segments]
    assert [seconds(cue.end_time) for cue in found] == [segment.end for segment in segments]


def test_an_arrow_in_a_text_stays_unless_it_looks_like_a_time() -> None:
    """Only a line that begins like the times of a subtitle is changed in SubRip; WebVTT escapes all."""
    text = to_srt([said("s1", 0, 1, "from a --> b\n00:00:05,000 --> 00:00:06,000")])
    assert [cue.content for cue in srt.parse(text)] == ["from a --> b\n00:00:05,000 -> 00:00:06,000"]
    assert "from a --&gt; b" in to_vtt([said("s1", 0, 1, "from a --> b")])


def test_failed_and_unplaced_segments_are_no_subtitles() -> None:
    """What has no text to show, or no time to show it, is left out."""
    assert [cue.lines for cue in cues(INTERVIEW, Limits())] == [("Hello, world.",), ("And then we went home",)]


def test_nothing_said_is_an_empty_file_that_readers_take() -> None:
    """An empty transcript is valid in both formats."""
    assert to_srt([]) == ""
    assert webvtt.from_string(to_vtt([])).captions == []


def test_lines_break_between_words_only() -> None:
    """A width wraps the text and changes no time; a longer word stays whole."""
    [cue] = cues([said("s1", 0, 9, "a Donaudampfschifffahrt on the water")], Limits(max_line_width=12))
    assert (cue.start, cue.end) == (0, 9)
    assert cue.lines == ("a", "Donaudampfschifffahrt", "on the water")


def test_scripts_without_spaces_break_between_characters() -> None:
    """Chinese wraps anywhere but before its closing punctuation."""
    [cue] = cues([said("s1", 0, 9, "今天天气很好。我们走吧")], Limits(max_line_width=6))
    assert cue.lines == ("今天天气很", "好。我们走吧")


@pytest.mark.parametrize("limits", [Limits(28, 2), Limits(20, 1, 3.0), Limits(max_duration=2.0), Limits(42, 2, 2.5)])
def test_limits_are_kept_by_cutting_at_word_times(limits: Limits) -> None:
    """Every subtitle obeys all limits, begins and ends with its words, and no word is lost or said twice."""
    segment = timed(SENTENCE)
    found = cues([segment], limits)
    assert len(found) > 1
    assert " ".join(line for cue in found for line in cue.lines) == SENTENCE
    assert segment.words is not None
    position = 0
    for cue in found:
        count = len(" ".join(cue.lines).split())
        assert (cue.start, cue.end) == (segment.words[position].start, segment.words[position + count - 1].end)
        position += count
        assert not cue.estimated
        assert limits.max_line_count is None or len(cue.lines) <= limits.max_line_count
        assert limits.max_line_width is None or max(map(len, cue.lines)) <= limits.max_line_width
        assert limits.max_duration is None or cue.end - cue.start <= limits.max_duration + 1e-9


def test_cuts_are_at_the_end_of_a_sentence_where_there_is_one() -> None:
    """Of the places near the middle the end of the sentence is taken."""
    found = cues([timed(SENTENCE)], Limits(50, 1))
    assert found[0].lines == ("We walked along the river, and then it rained.",)


def test_marks_in_front_of_a_word_go_with_it() -> None:
    """A subtitle that begins with a quotation begins with its mark."""
    found = cues([timed("He only said: “Never again in my life!”")], Limits(22, 1))
    assert [cue.lines[0] for cue in found] == ["He only said:", "“Never again", "in my life!”"]


def test_whispers_parts_of_words_are_not_torn_apart() -> None:
    """Where a word came in two parts with times of their own, no cut is made between them."""
    spelled = [" I", " don", "'t", " know", " what", " they", "'re", " saying"]
    words = tuple(Word(word, float(n), n + 0.9) for n, word in enumerate(spelled))
    found = cues([said("s1", 0, 8, "I don't know what they're saying", words=words)], Limits(max_duration=1.5))
    assert [cue.lines for cue in found] == [("I",), ("don't",), ("know",), ("what",), ("they're",), ("saying",)]
    assert (found[1].start, found[1].end) == (1.0, 2.9)


def test_without_word_times_a_long_segment_stays_whole_and_a_warning_says_so() -> None:
    """No time is made up unasked."""
    with pytest.warns(UserWarning, match="1 of the segments have no word times.*estimate=True"):
        found = cues([said("s1", 0, 10, SENTENCE), said("s2", 10, 11, "Short.")], Limits(max_duration=5))
    assert [(cue.start, cue.end) for cue in found] == [(0, 10), (10, 11)]


def test_estimated_times_are_marked_and_readers_still_read_them() -> None:
    """With estimate=True the cuts follow the length of the text; each of those cues says so, others do not."""
    segments = [said("s1", 0, 10, SENTENCE), said("s2", 10, 11, "Short.")]
    limits = Limits(40, 2, 5.0, estimate=True)
    found = cues(segments, limits)
    assert [cue.estimated for cue in found] == [True] * (len(found) - 1) + [False]
    assert (found[0].start, found[-2].end) == (0, 10)
    assert all(before.end == after.start for before, after in itertools.pairwise(found))
    subrip = list(srt.parse(to_srt(segments, limits)))
    assert [cue.proprietary for cue in subrip] == ["estimated"] * (len(found) - 1) + [""]
    assert [cue.content for cue in subrip] == ["\n".join(cue.lines) for cue in found]
    text = to_vtt(segments, limits)
    assert text.count("NOTE estimated") == len(found) - 1
    assert [cue.text for cue in webvtt.from_string(text).captions] == ["\n".join(cue.lines) for cue in found]


@given(segment_lists(with_words=True), st.integers(1, 40), st.integers(1, 3), st.floats(0.1, 10))
def test_no_limit_loses_a_word(segments: list[Segment], width: int, count: int, seconds: float) -> None:
    """Whatever the limits, the subtitles have every character that was said, in order, inside their segment."""
    found = cues(segments, Limits(width, count, seconds, estimate=True))

    def letters(lines: list[str]) -> str:
        return re.sub(r"\s", "", "".join(lines))

    assert letters([line for cue in found for line in cue.lines]) == letters([segment.text for segment in segments])
    for cue in found:
        assert cue.start <= cue.end
        assert any((s.start or 0) <= cue.start and cue.end <= (s.end or 0) + 1e-9 for s in segments)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"max_line_width": 0}, "max_line_width=0 is not possible"),
        ({"max_duration": -1}, "max_duration=-1 is not possible"),
        ({"max_line_count": 2}, "give both"),
    ],
)
def test_impossible_limits_are_refused(options: dict[str, int], complaint: str) -> None:
    """A limit that cannot be kept says which one it is."""
    with pytest.raises(ConfigurationError, match=complaint):
        Limits(**options)  # type: ignore[arg-type]


def test_a_cue_is_a_value() -> None:
    """Cues compare by what they say."""
    assert cues([said("s1", 0, 1, "Hi", speaker="A")], Limits(), named=True) == [Cue(0, 1, ("A: Hi",), "A")]


def test_limits_reach_the_file(tmp_path: Path) -> None:
    """`save` cuts as `to_srt` and `to_vtt` do; formats without lines refuse limits and write nothing."""
    transcript = transcript_of(timed(SENTENCE))
    for suffix, text in ((".srt", transcript.to_srt(max_duration=2.0)), (".vtt", transcript.to_vtt(max_duration=2.0))):
        path = transcript.save(tmp_path / f"talk{suffix}", max_duration=2.0)
        assert path.read_text(encoding="utf-8") == text
        assert text.count("-->") > 1
    with pytest.raises(ConfigurationError, match=r"limits apply to \.srt and \.vtt only"):
        transcript.save(tmp_path / "talk.txt", max_line_width=20)
    assert not (tmp_path / "talk.txt").exists()
