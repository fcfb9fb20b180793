"""TextGrid, CTM and RTTM: Praat itself and other readers find every time and text; nothing is made up."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import parselmouth
import pytest
from hypothesis import given, settings
from parselmouth.praat import call
from praatio import textgrid
from pyannote.core import Annotation
from pyannote.core import Segment as Stretch

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.annotations import speaker_turns, to_ctm, to_rttm, to_textgrid
from rt_magic.transcript.segments import Segment, Word
from tests.transcripts import INTERVIEW, said, segment_lists, transcript_of

Label = tuple[float, float, str]


def praat(text: str, folder: Path) -> dict[str, list[Label]]:
    """Return the tiers as Praat reads them; a point's start and end are the same."""
    path = folder / "grid.TextGrid"
    path.write_text(text, encoding="utf-8", newline="")
    grid = parselmouth.read(str(path))
    tiers: dict[str, list[Label]] = {}
    for tier in range(1, int(call(grid, "Get number of tiers")) + 1):
        labels: list[Label] = []
        if call(grid, "Is interval tier", tier):
            for number in range(1, int(call(grid, "Get number of intervals", tier)) + 1):
                where = (tier, number)
                start = call(grid, "Get start time of interval", *where)
                end = call(grid, "Get end time of interval", *where)
                labels.append((start, end, call(grid, "Get label of interval", *where)))
        else:
            for number in range(1, int(call(grid, "Get number of points", tier)) + 1):
                time = call(grid, "Get time of point", tier, number)
                labels.append((time, time, call(grid, "Get label of point", tier, number)))
        tiers[call(grid, "Get tier name", tier)] = labels
    return tiers


def praatio(text: str, folder: Path) -> dict[str, list[Label]]:
    """Return the tiers as praatio reads them."""
    path = folder / "grid.TextGrid"
    path.write_text(text, encoding="utf-8", newline="")
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    return {name: [_label(entry) for entry in grid.getTier(name).entries] for name in grid.tierNames}


def _label(entry: Any) -> Label:
    if hasattr(entry, "time"):  # praatio leaves the doubled quotes of points as they are
        return entry.time, entry.time, entry.label.replace('""', '"')
    return entry.start, entry.end, entry.label


@pytest.mark.parametrize("read", [praat, praatio])
def test_a_textgrid_has_a_tier_per_speaker_and_one_for_words(read: Any, tmp_path: Path) -> None:
    """Times are exact, gaps are empty intervals up to the end, what failed or has no place is left out."""
    assert read(to_textgrid(INTERVIEW, 10.0), tmp_path) == {
        "Anna": [(0, 0.5, ""), (0.5, 2.0, "Hello, world."), (2.0, 10.0, "")],
        "Anna - words": [(0, 0.5, ""), (0.5, 1.0, "Hello"), (1.0, 1.25, ""), (1.25, 2.0, "world"), (2.0, 10.0, "")],
        "Ben": [(0, 2.5, ""), (2.5, 6.5, "And then we went home"), (6.5, 10.0, "")],
    }


@pytest.mark.parametrize("read", [praat, praatio])
def test_what_overlaps_has_a_tier_of_its_own(read: Any, tmp_path: Path) -> None:
    """Two segments of one speaker at once are both there, and so is one without length, as a point."""
    segments = [
        said("s1", 1.0, 3.0, 'say "hi"', speaker="Zoë"),
        said("s2", 2.0, 4.0, "over it", speaker="Zoë"),
        said("s3", 3.5, 3.5, 'a "point"', speaker="Zoë"),
    ]
    assert read(to_textgrid(segments, 4.0), tmp_path) == {
        "Zoë": [(0, 1, ""), (1, 3, 'say "hi"'), (3, 4, "")],
        "Zoë 2": [(0, 2, ""), (2, 4, "over it")],
        "Zoë - points": [(3.5, 3.5, 'a "point"')],
    }


@pytest.mark.parametrize("read", [praat, praatio])
@pytest.mark.parametrize(("duration", "end"), [(2.5, 2.5), (0.0, 0.001)])
def test_an_empty_transcript_is_an_empty_tier(read: Any, tmp_path: Path, duration: float, end: float) -> None:
    """Praat reads what nothing was said in, even without any length."""
    assert read(to_textgrid([], duration), tmp_path) == {"segments": [(0, end, "")]}


@settings(max_examples=40)
@given(segment_lists(with_words=True))
def test_praat_reads_every_time_and_text(tmp_path_factory: pytest.TempPathFactory, segments: list[Segment]) -> None:
    """Whatever is said, by whomever, Praat finds it exactly once, and its tiers have no gaps."""
    duration = max((segment.end or 0 for segment in segments), default=0.0) + 0.5
    tiers = praat(to_textgrid(segments, duration), tmp_path_factory.getbasetemp())
    found = [label for name, tier in tiers.items() if " - words" not in name for label in tier if label[2]]
    assert sorted(found) == sorted(
        (s.start, s.end, s.text.replace("\r\n", "\n")) for s in segments if s.start is not None
    )
    words = [label for name, tier in tiers.items() if " - words" in name for label in tier if label[2]]
    assert sorted(words) == sorted((w.start, w.end, w.word) for s in segments for w in s.words or ())
    for tier in tiers.values():
        if any(start != end for start, end, _ in tier):
            assert (tier[0][0], tier[-1][1]) == (0.0, duration)
            assert all(before[1] == after[0] for before, after in itertools.pairwise(tier))


def test_ctm_lists_words_by_time() -> None:
    """Each word has file, channel, start, duration and probability; a segment without word times is only named."""
    assert to_ctm(INTERVIEW, name="talk one") == (
        ";; s2 has no word times\n"
        ";; s4 has no word times\n"
        "talk_one 1 0.500 0.500 Hello 0.8000\n"
        "talk_one 1 1.250 0.750 world 1.0000\n"
    )


def test_ctm_is_never_made_from_segments() -> None:
    """Where no word has times there is no CTM; where nothing was said it is empty."""
    with pytest.raises(ConfigurationError, match="no segment has any"):
        to_ctm([said("s1", 0, 1, "Hello")])
    assert to_ctm([]) == ""


def test_a_ctm_word_is_one_field() -> None:
    """Spaces inside a word, and a word that is nothing, do not shift the columns."""
    words = (Word(" New York", 0.0, 0.5), Word(" ", 0.5, 0.6), Word("is", 0.6, 0.7))
    lines = to_ctm([said("s1", 0, 1, "New York is", words=words)]).splitlines()
    assert [line.split() for line in lines] == [
        ["recording", "1", "0.000", "0.500", "New_York"],
        ["recording", "1", "0.600", "0.100", "is"],
    ]


@given(segment_lists())
def test_pyannote_writes_the_same_rttm(segments: list[Segment]) -> None:
    """The turns are those that pyannote writes for the same annotation."""
    placed = [s for s in segments if s.speaker and s.start is not None and s.end is not None and s.end > s.start]
    annotation = Annotation(uri="talk")
    for number, segment in enumerate(placed):
        annotation[Stretch(segment.start, segment.end), number] = re.sub(r"\s+", "_", segment.speaker or "")
    if not placed and any(s.end != s.start for s in segments):
        with pytest.raises(ConfigurationError, match="no speaker is known"):
            to_rttm(segments, name="talk")
        return
    assert sorted(to_rttm(segments, name="talk").splitlines()) == sorted(annotation.to_rttm().splitlines())


def test_rttm_is_read_back() -> None:
    """Start, end and speaker come back; other lines are passed over."""
    text = f";; made by hand\n{to_rttm(INTERVIEW)}SPKR-INFO recording 1 <NA> <NA> <NA> unknown Anna <NA> <NA>\n"
    assert speaker_turns(text) == [(0.5, 2.0, "Anna"), (2.5, 6.5, "Ben")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SPEAKER talk 1 zero 1.0 <NA> <NA> Anna <NA> <NA>", "line 1 is not RTTM"),
        ("SPEAKER talk 1 0.0", "line 1 is not RTTM"),
        ("nothing of the kind", "there are no SPEAKER lines in 'nothing"),
        ("SPEAKER a 1 0 1 <NA> <NA> X <NA> <NA>\nSPEAKER b 1 0 1 <NA> <NA> X <NA> <NA>", "choose one with name=: a, b"),
    ],
)
def test_rttm_that_cannot_be_read_says_why(text: str, complaint: str) -> None:
    """The line, or the choice to make, is named."""
    with pytest.raises(ConfigurationError, match=complaint):
        speaker_turns(text)


def test_one_of_several_recordings_is_chosen_by_name() -> None:
    """With a name the lines of that recording alone are read."""
    text = "SPEAKER a 1 0 1 <NA> <NA> X <NA> <NA>\nSPEAKER b 1 2 1 <NA> <NA> Y <NA> <NA>"
    assert speaker_turns(text, name="b") == [(2.0, 3.0, "Y")]


def test_files_are_named_inside_as_outside(tmp_path: Path) -> None:
    """CTM and RTTM name their recording: that is the file's own name."""
    transcript = transcript_of(*INTERVIEW)
    for suffix in (".ctm", ".rttm"):
        lines = transcript.save(tmp_path / f"talk 7{suffix}").read_text(encoding="utf-8").splitlines()
        assert {"talk_7" in line.split()[:2] for line in lines if not line.startswith(";;")} == {True}
