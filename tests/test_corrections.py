"""Corrections: what people change is shown, what the machine said is kept, and neither is lost to what comes later."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from pyannote.core import Annotation
from pyannote.core import Segment as Stretch

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.alignment import letters
from rt_magic.transcript.corrections import carry
from rt_magic.transcript.frames import CORRECTIONS
from rt_magic.transcript.segments import Changes, Segment, Word
from rt_magic.transcript.transcript import Transcript, TranscriptChange
from tests.transcripts import INTERVIEW, said, segment_lists, spoken, transcript_of, words_of


def corrections(transcript: Transcript) -> list[tuple[object, ...]]:
    """Return the frame's rows without times and confidence."""
    frame = transcript.corrections[["id", "field", "machine", "corrected"]].astype(object)
    return [tuple(row) for row in frame.where(frame.notna(), None).to_numpy()]


def test_an_edited_text_is_shown_everywhere_and_the_machines_is_kept() -> None:
    """The segment, the text and every format have the new words; the frame of corrections has both."""
    transcript = transcript_of(*INTERVIEW)
    edited = transcript.edit(transcript.segments[1], "And then we drove home.")
    assert edited == transcript.segments[1] == replace(INTERVIEW[1], text="And then we drove home.")
    assert transcript.text == "Hello, world. And then we drove home. Somewhere."
    assert "drove" in transcript.to_srt() and "went" not in transcript.to_srt()
    frame = transcript.corrections
    assert list(frame.columns) == list(CORRECTIONS)
    assert frame.iloc[0].drop("confidence").tolist() == [
        "s2", 2.5, 6.5, "text", "And then we went home", "And then we drove home.",
    ]  # fmt: skip


def test_an_edit_taken_back_is_no_correction() -> None:
    """Giving a segment the machine's text again leaves nothing to tell."""
    transcript = transcript_of(*INTERVIEW)
    transcript.edit("s2", "something")
    transcript.edit("s2", INTERVIEW[1].text)
    assert transcript.segments == INTERVIEW
    assert corrections(transcript) == []
    assert list(transcript.corrections.columns) == list(CORRECTIONS)


def test_a_failed_segment_can_be_written_by_hand() -> None:
    """Words that the service could not give count as words once a person has written them."""
    transcript = transcript_of(*INTERVIEW)
    transcript.edit("s3", "It was late.")
    assert transcript.segments[2].error is None
    assert transcript.text == "Hello, world. And then we went home It was late. Somewhere."
    assert corrections(transcript) == [
        ("s3", "text", "", "It was late."),
        ("s3", "error", "the service could not transcribe this turn", None),
    ]


@pytest.mark.parametrize(("id_", "complaint"), [("s9", "'s9' is not known"), ("s2", "'s2' is not final yet")])
def test_only_final_segments_are_edited(id_: str, complaint: str) -> None:
    """An unknown id, and a text that still changes, are refused."""
    transcript = transcript_of(INTERVIEW[0], Segment("s2", text="and th"))
    with pytest.raises(ConfigurationError, match=complaint):
        transcript.edit(id_, "x")
    with pytest.raises(ConfigurationError, match="text=None is no text"):
        transcript.edit("s1", None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda t: t.replace(5, "x"), "5 and 'x' are no texts"),
        (lambda t: t.rename_speakers("Anna"), "names='Anna' does not say"),
        (lambda t: t.clip(0), "0 is no segment"),
    ],
)
def test_what_is_no_change_is_refused(change: Callable[[Transcript], object], complaint: str) -> None:
    """Arguments of another kind are one sentence that says what to give."""
    with pytest.raises(ConfigurationError, match=complaint):
        change(transcript_of(INTERVIEW[0]))


@pytest.mark.parametrize(
    ("turns", "complaint"),
    [
        ({"a": 1}, "does not say who spoke when.*tuples such as"),
        (3, "does not say"),
        ("x.rttm", r"no file 'x\.rttm'"),
        ([(6.5, 0, "Anna")], "ends before it begins"),
    ],
)
def test_what_is_no_list_of_turns_is_refused(turns: object, complaint: str) -> None:
    """What does not say who spoke when is an error that says what does."""
    with pytest.raises(ConfigurationError, match=complaint):
        transcript_of(*INTERVIEW).assign_speakers(turns)


def test_replacing_changes_all_final_segments() -> None:
    """A text or a pattern is replaced in each, and the number of changed segments is returned."""
    transcript = transcript_of(
        said("s1", 0, 1, "teh cat, teh dog"), said("s2", 1, 2, "the end"), said("s3", 2, 3, "teh")
    )
    assert transcript.replace("teh", "the") == 2
    assert transcript.replace(re.compile(r"\b(cat|dog)\b"), r"\1s") == 1
    assert transcript.replace("zebra", "horse") == 0
    assert [segment.text for segment in transcript] == ["the cats, the dogs", "the end", "the"]
    assert corrections(transcript)[0] == ("s1", "text", "teh cat, teh dog", "the cats, the dogs")
    with pytest.raises(ConfigurationError, match="nothing to replace"):
        transcript.replace("", "x")


def test_renamed_speakers_keep_their_names_in_what_is_still_to_come() -> None:
    """Names hold for segments that come later, interim ones too, and names can be changed again, or swapped."""
    transcript = transcript_of(*INTERVIEW[:2])
    assert transcript.rename_speakers({"Anna": "Dr. Smith"}) == 1
    later = (said("s5", 9.0, 10.0, "Yes.", speaker="Anna"), Segment("s6", 10.0, text="a", speaker="Ben"))
    transcript._apply(Changes(later, (), {"s5": 5.0, "s6": 6.0}))
    assert [segment.speaker for segment in transcript] == ["Dr. Smith", "Ben", "Dr. Smith"]
    assert transcript.rename_speakers({"Dr. Smith": "Ben", "Ben": "Dr. Smith"}) == 4
    assert [segment.speaker for segment in transcript] == ["Ben", "Dr. Smith", "Ben"]
    assert transcript.interim[0].speaker == "Dr. Smith"
    transcript._apply(Changes((said("s6", 10.0, 11.0, "a b", speaker="Ben"),), (), {"s6": 6.0}))
    assert transcript.segments[-1].speaker == "Dr. Smith"


def test_who_has_no_name_can_be_named() -> None:
    """`None` stands for the speaker that nobody has told apart."""
    transcript = transcript_of(said("s1", 0, 1, "Hi"))
    transcript.rename_speakers({None: "Anna"})
    transcript._apply(Changes((said("s2", 1, 2, "there"),), (), {"s2": 1.0}))
    assert [segment.speaker for segment in transcript] == ["Anna", "Anna"]


def test_corrections_survive_whatever_the_machine_says_later() -> None:
    """New segments, new places and new times of the same segment change nothing that a person has written."""
    transcript = transcript_of(*INTERVIEW[:2])
    transcript.edit("s1", "Hello, Mars.")
    transcript.assign_speakers([(0.0, 3.0, "Zoë")])
    again = replace(INTERVIEW[0], end=2.25)
    transcript._apply(Changes((again, said("s5", 9.0, 10.0, "Bye.")), (), {"s1": 3.0, "s5": 4.0}))
    moved = {segment.id: segment for segment in transcript}
    assert [segment.id for segment in transcript] == ["s2", "s1", "s5"]
    assert (moved["s1"].text, moved["s1"].speaker, moved["s1"].end) == ("Hello, Mars.", "Zoë", 2.25)
    assert corrections(transcript)[-2:] == [
        ("s1", "text", "Hello, world.", "Hello, Mars."),
        ("s1", "speaker", "Anna", "Zoë"),
    ]


def test_a_segment_that_goes_takes_its_correction_along() -> None:
    """What the machine takes back is gone, and what was said of it too."""
    transcript = transcript_of(*INTERVIEW)
    transcript.edit("s2", "x")
    transcript._apply(Changes((), ("s2",)))
    assert corrections(transcript) == []
    assert "s2" not in transcript.to_json()


def test_corrections_are_told_like_any_change() -> None:
    """Who follows the transcript hears of an edit, with a new revision; of one that changes nothing, not."""
    transcript = transcript_of(*INTERVIEW)
    heard: list[TranscriptChange] = []
    transcript.on_change(heard.append)
    transcript.edit("s1", "Hi.")
    transcript.replace("nothing of this", "x")
    assert [(change.kind, change.revision, [s.text for s in change.upsert]) for change in heard] == [
        ("segments", transcript.revision, ["Hi."])
    ]


def test_corrections_come_back_from_json() -> None:
    """A file has the corrected words in its segments and the machine's beside them; both come back."""
    transcript = transcript_of(*INTERVIEW)
    transcript.edit("s1", "Hello, whole world.")
    transcript.edit("s3", "It was late.")
    transcript.rename_speakers({"Ben": "Benjamin"})
    text = transcript.to_json()
    assert json.loads(text)["segments"][0]["text"] == "Hello, whole world."
    assert json.loads(text)["corrections"]["s2"] == {"speaker": "Ben"}
    copy = Transcript.from_json(text)
    assert copy.segments == transcript.segments
    assert copy.corrections.equals(transcript.corrections)
    assert copy.to_json() == text
    copy.edit("s1", "Hello, world.")
    assert copy.segments[0] == INTERVIEW[0]
    assert "s1" not in json.loads(copy.to_json())["corrections"]


WORDS = tuple(
    Word(word, n, n + 1.0, 0.5) for n, word in enumerate([" the", " qick", " brown", " fox", " don", "'t", " run."])
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The qick brown fox don't run", [(" The", 0, 1), (" qick", 1, 2), (" brown", 2, 3), (" fox", 3, 4),
                                          (" don't", 4, 6), (" run", 6, 7)]),
        ("the very quick brown fox", [(" the", 0, 1), (" very quick", 1, 2), (" brown", 2, 3), (" fox", 3, 4)]),
        ("Oh the qick", [(" Oh the", 0, 1), (" qick", 1, 2)]),
        ("something else", [(" something else", 0, 7)]),
        ("", []),
    ],
)  # fmt: skip
def test_words_keep_their_times_where_they_stand_for_what_was_said(
    text: str, expected: list[tuple[str, float, float]]
) -> None:
    """The same word keeps its time; others get the time of what they replace, together where none is known for each."""
    carried = carry(WORDS, text)
    assert carried is not None
    assert [(word.word, word.start, word.end) for word in carried] == expected


def test_a_probability_is_the_machines_and_goes_with_its_word() -> None:
    """A word that a person wrote has none."""
    carried = carry(WORDS, "the quick brown")
    assert carried is not None
    assert [word.probability for word in carried] == [0.5, None, 0.5]


@given(segment_lists(with_words=True), spoken)
def test_carried_words_are_the_new_text_in_order(segments: list[Segment], text: str) -> None:
    """Nothing of a new text is missing in its words, none goes back in time, and none leaves the old words' time."""
    for segment in segments:
        carried = carry(segment.words, text)
        assert carried is not None and segment.words
        assert "".join("".join(word.word for word in carried).split()) == "".join(text.split())
        edges = [edge for word in carried for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert segment.words[0].start <= edges[0] and edges[-1] <= segment.words[-1].end


@given(spoken)
def test_the_same_text_keeps_every_time(text: str) -> None:
    """Changing capitals alone changes no time and no probability."""
    words = words_of(text, 0, 1000)
    if all(letters(word.word) for word in words):
        carried = carry(words, text)
        assert carried is not None
        assert {(word.start, word.probability) for word in carried} <= {(word.start, 0.5) for word in words} | {
            (word.start, None) for word in words
        }


RTTM = (
    "SPEAKER talk 1 0.000 1.500 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
    "SPEAKER talk 1 1.500 3.000 <NA> <NA> SPEAKER_01 <NA> <NA>\n"
    "SPEAKER talk 1 5.000 2.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
)
TURNS = [(0.0, 1.5, "SPEAKER_00"), (1.5, 4.5, "SPEAKER_01"), (5.0, 7.0, "SPEAKER_00")]


def annotation() -> Annotation:
    """Return the same turns as pyannote has them."""
    found = Annotation(uri="talk")
    for start, end, speaker in TURNS:
        found[Stretch(start, end)] = speaker
    return found


@pytest.mark.parametrize("form", ["path", "name of a path", "text", "annotation", "turns"])
def test_speakers_are_assigned_by_the_longest_overlap(tmp_path: Path, form: str) -> None:
    """RTTM as file or text, pyannote's annotation and plain turns say the same; who overlaps longest has said it."""
    path = tmp_path / "talk.rttm"
    path.write_text(RTTM, encoding="utf-8")
    turns = {"path": path, "name of a path": str(path), "text": RTTM, "annotation": annotation(), "turns": TURNS}[form]
    transcript = transcript_of(
        said("s1", 0.0, 2.5, "mostly the first"),
        said("s2", 1.0, 4.0, "mostly the second"),
        said("s3", 4.25, 6.0, "two of them", speaker="old"),
        said("s4", 8.0, 9.0, "nobody", speaker="old"),
        said("s5", None, None, "no place"),
    )
    assert transcript.assign_speakers(turns) == 3
    assert [s.speaker for s in transcript] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_00", "old", None]
    assert corrections(transcript)[2] == ("s3", "speaker", "old", "SPEAKER_00")
    assert transcript.assign_speakers(turns) == 0
    transcript.rename_speakers({"SPEAKER_00": "Anna"})
    assert transcript.segments[0].speaker == "Anna"


def test_our_own_rttm_gives_every_segment_its_speaker() -> None:
    """What `to_rttm` writes, `assign_speakers` reads."""
    transcript = transcript_of(*(replace(segment, speaker=None) for segment in INTERVIEW))
    transcript.assign_speakers(transcript_of(*INTERVIEW).to_rttm())
    assert [segment.speaker for segment in transcript] == ["Anna", "Ben", None, None]
