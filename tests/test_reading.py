"""Transcripts out of files: what we wrote comes back, and so does what other tools write."""

from __future__ import annotations

import json
from pathlib import Path

import parselmouth
import pytest
import srt
import webvtt
from hypothesis import given, settings
from parselmouth.praat import call

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript.annotations import to_textgrid
from rt_magic.transcript.reading import read_srt, read_textgrid, read_vtt
from rt_magic.transcript.segments import Segment, Word
from rt_magic.transcript.subtitles import to_srt, to_vtt
from rt_magic.transcript.transcript import Transcript
from tests.transcripts import INTERVIEW, said, segment_lists, transcript_of


def shown(text: str) -> str:
    """Return how a text stands in a block of subtitles, for comparing: lines without spaces at their ends."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


@given(segment_lists(speakers=False))
def test_our_subrip_comes_back(segments: list[Segment]) -> None:
    """Times and texts of SubRip are read as they were written; only an arrow that looks like a time is broken."""
    found = read_srt(to_srt(segments))
    assert [(s.id, s.start, s.end) for s in found] == [(s.id, s.start, s.end) for s in segments]
    assert [shown(s.text).replace("-->", "->") for s in found] == [shown(s.text).replace("-->", "->") for s in segments]


@given(segment_lists())
def test_our_webvtt_comes_back(segments: list[Segment]) -> None:
    """Times, texts and speakers of WebVTT are read as they were written, a millisecond more where there was none."""
    found = read_vtt(to_vtt(segments))
    assert [(s.start, s.speaker, shown(s.text)) for s in found] == [
        (s.start, s.speaker, shown(s.text)) for s in segments
    ]
    for read, written in zip(found, segments, strict=True):
        assert written.end is not None and written.start is not None
        assert read.end == (written.end if written.end > written.start else round(written.start + 0.001, 3))


@settings(max_examples=60)
@given(segment_lists())
def test_our_textgrid_comes_back(segments: list[Segment]) -> None:
    """Times, texts and speakers come back from a TextGrid, also those that overlap or have no length."""
    named = [s for s in segments if s.speaker not in ("words", "Anna 2", "segments 2")]  # names of our own tiers
    found, duration = read_textgrid(to_textgrid(named, 9999.5))
    assert duration == 9999.5

    def facts(segments: list[Segment]) -> list[tuple[object, ...]]:
        return sorted((s.start, s.end, s.text.replace("\r\n", "\n"), s.speaker or "") for s in segments)

    assert facts(found) == facts(named)


def test_words_of_a_textgrid_are_those_of_the_segments_they_lie_in() -> None:
    """Words come back with their segments, also for a speaker who talks over herself."""
    first = said("s1", 0.0, 2.0, "one two", speaker="Zoë", words=(Word("one", 0.0, 0.5), Word("two", 0.5, 2.0)))
    second = said("s2", 1.0, 3.0, "three", speaker="Zoë", words=(Word("three", 1.5, 3.0),))
    found, _ = read_textgrid(to_textgrid([first, second], 3.0))
    assert found == [first, second]


def test_praats_short_format_and_utf_16_are_read(tmp_path: Path) -> None:
    """A TextGrid that Praat has saved itself, short or long, in whichever encoding it chose."""
    source = tmp_path / "ours.TextGrid"
    source.write_text(to_textgrid(INTERVIEW[:2], 8.0), encoding="utf-8")
    grid = parselmouth.read(str(source))
    for command in ("Save as text file", "Save as short text file"):
        for encoding in ("UTF-8", "UTF-16"):
            parselmouth.praat.run(f"Text writing preferences: {encoding!r}".replace("'", '"'))
            path = tmp_path / "saved.TextGrid"
            call(grid, command, str(path))
            transcript = Transcript.read(path)
            assert [(s.start, s.end, s.text, s.speaker) for s in transcript] == [
                (0.5, 2.0, "Hello, world.", "Anna"),
                (2.5, 6.5, "And then we went home", "Ben"),
            ]
            assert transcript.duration == 8.0
    parselmouth.praat.run('Text writing preferences: "try ASCII, then UTF-16"')


def test_a_forced_alignment_is_segments_between_pauses(tmp_path: Path) -> None:
    """Of tiers with words and phones alone, words between two pauses are a segment; phones are none."""
    path = tmp_path / "aligned.TextGrid"
    path.write_text(
        'File type = "ooTextFile"\nObject class = "TextGrid"\n0\n3\n<exists>\n2\n'
        '"IntervalTier" "Anna - words" 0 3 5\n0 0.5 "we" 0.5 1 "went" 1 1.5 "" 1.5 2 "home" 2 3 ""\n'
        '"IntervalTier" "Anna - phones" 0 3 2 0 0.25 "W" 0.25 3 ""\n',
        encoding="utf-8",
    )
    transcript = Transcript.read(path)
    assert [(s.start, s.end, s.text, s.speaker) for s in transcript] == [
        (0.0, 1.0, "we went", "Anna"),
        (1.5, 2.0, "home", "Anna"),
    ]
    assert transcript.segments[0].words == (Word("we", 0.0, 0.5), Word("went", 0.5, 1.0))


@pytest.mark.parametrize("text", ["", "hello", 'File type = "ooTextFile"\nObject class = "TextGrid"\n0 3 <exists> 2\n'])
def test_what_is_no_textgrid_says_so(text: str) -> None:
    """Neither another text nor half a TextGrid is read."""
    with pytest.raises(ConfigurationError, match="not a TextGrid"):
        read_textgrid(text)


def test_subtitles_of_other_tools_are_read(tmp_path: Path) -> None:
    """What `srt` and `webvtt` write is read, with Windows line ends, a byte order mark and hours left out."""
    path = tmp_path / "talk.srt"
    path.write_bytes(b"\xef\xbb\xbf" + "7\r\n00:01:02,500 --> 01:00:03,75\r\nHé!\r\nTwo lines\r\n\r\n".encode())
    [segment] = Transcript.read(path)
    assert (segment.start, segment.end, segment.text) == (62.5, 3603.75, "Hé!\nTwo lines")
    other = srt.compose(srt.parse(path.read_text(encoding="utf-8-sig")))
    assert [s.text for s in read_srt(other)] == ["Hé!\nTwo lines"]

    captions = webvtt.WebVTT()
    captions.captions.append(webvtt.Caption("00:00:01.000", "00:00:02.000", "Hi there"))
    path = tmp_path / "talk.vtt"
    captions.save(str(path))
    assert [(s.start, s.text) for s in Transcript.read(path)] == [(1.0, "Hi there")]


def test_the_marks_of_webvtt_are_read_or_left_out() -> None:
    """Headers, notes, styles, identifiers and settings are no text; tags go; each voice is a speaker."""
    text = (
        "WEBVTT - a title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE 00:01 is early\n\n"
        "first\n00:01.000 --> 00:02.000 align:start position:0%\n<v.loud Zoë &amp; Co>Hi <i>there</i> &lt;b&gt;\n"
        "<v Ben>And me</v>\n\n00:03.000 --> 00:04.000\nno <c.x>voice</c>\n"
    )
    assert [(s.id, s.start, s.end, s.speaker, s.text) for s in read_vtt(text)] == [
        ("s1", 1.0, 2.0, "Zoë & Co", "Hi there <b>"),
        ("s2", 1.0, 2.0, "Ben", "And me"),
        ("s3", 3.0, 4.0, None, "no voice"),
    ]


WHISPER = {
    "text": " Hello world. How are you?",
    "segments": [
        {
            "id": 0, "seek": 0, "start": 0.0, "end": 2.0, "text": " Hello world.", "tokens": [50364, 2425],
            "temperature": 0.2, "avg_logprob": -0.25, "compression_ratio": 1.25, "no_speech_prob": 0.0625,
            "words": [
                {"word": " Hello", "start": 0.0, "end": 0.5, "probability": 0.75},
                {"word": " world.", "start": 0.5, "end": 2.0, "probability": 0.5},
            ],
        },
        {
            "id": 1, "seek": 3000, "start": 31.0, "end": 32.5, "text": " How are you?", "tokens": [1012],
            "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 0.5, "no_speech_prob": 0.5,
            "words": [{"word": " How are you?", "start": 31.0, "end": 32.5, "probability": 1.0}],
        },
    ],
    "language": "en",
}  # fmt: skip
"""What openai-whisper's `transcribe` returns and its JSON writer writes."""


def test_whispers_json_is_read_and_written_to_the_letter(tmp_path: Path) -> None:
    """Times, words, confidence and language are taken; `to_dict` gives it all back, less the first space."""
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(WHISPER), encoding="utf-8")
    transcript = Transcript.read(path)
    first = transcript.segments[0]
    assert (first.id, first.text, first.language) == ("s1", "Hello world.", "en")
    assert first.confidence == pytest.approx(0.7788, abs=1e-4)
    assert first.words == (Word(" Hello", 0.0, 0.5, 0.75), Word(" world.", 0.5, 2.0, 0.5))
    assert transcript.started_at is None
    written = transcript.to_dict()
    expected = json.loads(json.dumps(WHISPER))
    expected["text"] = expected["text"].lstrip()
    expected["segments"][0]["text"] = expected["segments"][0]["text"].lstrip()
    expected["segments"][0]["words"][0]["word"] = "Hello"
    assert json.loads(json.dumps(written)) == expected
    assert list(written["segments"][0]) == list(WHISPER["segments"][0])


def test_whisperx_json_is_read() -> None:
    """Speakers and scores are taken; a word without times is no word with times."""
    entry = {
        "start": 1.0, "end": 2.0, "text": " In 1999", "speaker": "SPEAKER_01",
        "words": [{"word": "In", "start": 1.0, "end": 1.5, "score": 0.5, "speaker": "SPEAKER_01"}, {"word": "1999"}],
    }  # fmt: skip
    transcript = Transcript.from_json(json.dumps({"segments": [entry], "word_segments": []}))
    [segment] = transcript
    assert (segment.id, segment.text, segment.speaker) == ("s1", "In 1999", "SPEAKER_01")
    assert segment.words == (Word("In", 1.0, 1.5, 0.5),)


def test_our_json_keeps_everything() -> None:
    """All fields of all segments, the facts and the events are the same after a round trip."""
    transcript = transcript_of(*INTERVIEW)
    transcript.meta = {"service": "local"}
    transcript._add_usage({"seconds": 3})
    transcript.mark("question 1")
    copy = Transcript.from_json(transcript.to_json())
    assert copy.segments == transcript.segments
    assert (copy.started_at, copy.meta, copy.usage) == (transcript.started_at, transcript.meta, transcript.usage)
    assert copy.events == transcript.events
    assert copy.to_json() == transcript.to_json()


def test_keys_that_we_do_not_know_survive() -> None:
    """What another version or another tool has written stays, at the top, in segments and in words."""
    words = [{"word": "Hi", "start": 0.0, "end": 1.0, "phones": ["h", "ai"]}]
    body = {
        "format": "rt_magic", "version": 7, "project": {"id": 4},
        "segments": [{"id": "x", "start": 0.0, "end": 1.0, "text": "Hi", "words": words, "reviewed": True}],
    }  # fmt: skip
    again = json.loads(Transcript.from_json(Transcript.from_json(json.dumps(body)).to_json()).to_json())
    assert again["project"] == {"id": 4}
    assert again["segments"][0]["reviewed"] is True
    assert again["segments"][0]["words"][0]["phones"] == ["h", "ai"]


def test_no_segment_is_lost_to_ids_that_repeat() -> None:
    """Two files put together by hand still give all their segments."""
    entries = [{"id": "s1", "text": "a"}, {"id": "s1", "text": "b"}, {"id": 1, "text": "c"}, {"text": "d"}]
    transcript = Transcript.from_json(json.dumps({"segments": entries}))
    assert [segment.text for segment in transcript] == ["a", "b", "c", "d"]
    assert len({segment.id for segment in transcript}) == 4


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("a.docx", b"", "cannot be read from 'a.docx'; use one of .json, .srt, .vtt, .textgrid"),
        ("a.srt", b"hello", "there are no subtitles"),
        ("a.vtt", b"hello", "begins with the line WEBVTT"),
        ("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\nH\xe9\n", "a.srt is not text in utf-8.*encoding='cp1252'"),
        ("a.json", b"[1]", "not a transcript in JSON"),
        ("a.json", b'{"segments": [{"start": "soon"}]}', "not a transcript in JSON"),
        ("a.json", b'{"segments": [], "started_at": "yesterday"}', "started_at is 'yesterday'"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, data: bytes, complaint: str) -> None:
    """A wrong file is one sentence with its name or its beginning, and what to do."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match=complaint):
        Transcript.read(path)


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    """Old subtitles are read in the encoding that is given."""
    path = tmp_path / "old.srt"
    path.write_bytes("1\n00:00:01,000 --> 00:00:02,000\nÇa va\n".encode("cp1252"))
    assert Transcript.read(path, encoding="cp1252").text == "Ça va"


@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".TextGrid", ".json"])
def test_what_is_saved_by_suffix_is_read_by_suffix(tmp_path: Path, suffix: str) -> None:
    """Start, end and text come back through a file of each format that is read."""
    transcript = transcript_of(*(said(s.id, s.start, s.end, s.text) for s in INTERVIEW[:2]))
    path = transcript.save(tmp_path / f"talk{suffix}")
    copy = Transcript.read(path)
    assert [(s.id, s.start, s.end, s.text) for s in copy] == [(s.id, s.start, s.end, s.text) for s in transcript]
    assert copy.done


def test_open_segments_are_left_out() -> None:
    """What was open when it was written has no end; numbers of the others stay."""
    entries = [{"id": "s1", "text": "said", "start": 0, "end": 1}, {"id": "s2", "text": "sa", "final": False}]
    read = Transcript.from_json(json.dumps({"format": "rt_magic", "version": 1, "segments": entries}))
    assert [(segment.id, segment.text) for segment in read] == [("s1", "said")]
