"""`to_dict` is Whisper's result to the letter, and Whisper's own writers (long) make of it what we make ourselves."""

from __future__ import annotations

import importlib.util
import io
import json
import math
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import srt
import webvtt
from hypothesis import given, settings

from rt_magic.transcript.segments import Segment, Word
from rt_magic.transcript.transcript import Transcript
from rt_magic.transcript.whisper import to_whisper
from tests.transcripts import INTERVIEW, said, segment_lists, transcript_of

KEYS = [
    "id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio", "no_speech_prob",
]  # fmt: skip
"""Keys of a segment of openai-whisper 20250625, in order; `words` follow with word_timestamps=True."""


def test_every_key_is_there_and_what_is_not_known_is_none() -> None:
    """Ids are numbers, the log-probability is that of the confidence, failed segments are left out."""
    result = transcript_of(*INTERVIEW).to_dict()
    assert list(result) == ["text", "segments", "language"]
    assert result["text"] == "Hello, world. And then we went home Somewhere."
    assert result["language"] == "en"
    first = result["segments"][0]
    assert list(first) == KEYS
    text = b"Hello, world."
    assert first == {
        "id": 0, "seek": None, "start": 0.5, "end": 2.0, "text": "Hello, world.", "tokens": [], "temperature": None,
        "avg_logprob": math.log(0.9), "compression_ratio": len(text) / len(zlib.compress(text)), "no_speech_prob": None,
    }  # fmt: skip
    assert [segment["id"] for segment in result["segments"]] == [0, 1, 2]


def test_an_empty_transcript_is_whispers_too() -> None:
    """Nothing said is an empty text and an empty list."""
    assert Transcript().to_dict() == {"text": "", "segments": [], "language": None}


def test_a_segment_without_times_has_the_room_between_its_neighbours() -> None:
    """Whisper's readers need numbers: the time that is surely not exceeded is given."""
    segments = [
        said("a", None, None, "a"),
        said("b", 2.0, 3.0, "b"),
        said("c", None, None, "c"),
        said("d", 5.0, None, "d"),
    ]
    found = to_whisper(segments, duration=9.0)["segments"]
    assert [(s["start"], s["end"]) for s in found] == [(0.0, 2.0), (2.0, 3.0), (3.0, 5.0), (5.0, 9.0)]


@settings(max_examples=60)
@given(segment_lists(with_words=True))
def test_texts_joined_by_nothing_are_the_text(segments: list[Segment]) -> None:
    """Words make their segment's text and segments the whole, as in Whisper; all of it is JSON."""
    result = transcript_of(*segments).to_dict()
    assert "".join(segment["text"] for segment in result["segments"]) == result["text"]
    assert result["text"] == transcript_of(*segments).text
    assert json.loads(json.dumps(result)) == result
    for entry, segment in zip(result["segments"], segments, strict=True):
        assert list(entry) == [*KEYS, "words"]
        words = segment.words or ()
        assert [(w["start"], w["end"]) for w in entry["words"]] == [(w.start, w.end) for w in words]
        assert "".join("".join(w["word"] for w in entry["words"]).split()) == "".join(entry["text"].split())


def test_words_without_marks_get_those_of_the_text() -> None:
    """Services that say words without punctuation are written as Whisper would: with it, and a space in front."""
    words = (Word("hello", 0.0, 0.5, 0.5), Word("world", 0.5, 1.0), Word("dont", 1.0, 2.0))
    result = transcript_of(said("s1", 0.0, 2.0, "Hello, world – don’t!", words=words)).to_dict()
    assert [word["word"] for word in result["segments"][0]["words"]] == ["Hello,", " world –", " don’t!"]
    other = transcript_of(said("s1", 0.0, 2.0, "Hi, world", words=words[:2])).to_dict()
    assert [word["word"] for word in other["segments"][0]["words"]] == ["hello", " world"]


def test_words_are_there_for_all_segments_or_for_none() -> None:
    """Whisper's writers look at the first segment alone to know."""
    words = (Word("Hello", 0.0, 1.0),)
    some = [said("s1", 0.0, 1.0, "Hello", words=words), said("s2", 1.0, 2.0, "there")]
    assert all("words" not in segment for segment in transcript_of(*some).to_dict()["segments"])


def test_what_whisper_said_is_kept_until_the_text_is_changed() -> None:
    """Tokens and the like come back as they were read, but not for a text that is not Whisper's any more."""
    entry = {"id": 0, "start": 0.0, "end": 1.0, "text": " helo", "tokens": [1, 2], "no_speech_prob": 0.5, "seek": 0}
    transcript = Transcript.from_json(json.dumps({"segments": [entry]}))
    transcript.rename_speakers({None: "Anna"})
    assert transcript.to_dict()["segments"][0]["tokens"] == [1, 2]
    transcript.replace("helo", "hello")
    assert transcript.to_dict()["segments"][0]["tokens"] == []
    assert transcript.to_dict()["segments"][0]["no_speech_prob"] is None


@pytest.fixture(scope="module")
def utils(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Return `whisper/utils.py` of openai-whisper, out of its source package and by itself: the rest needs torch."""
    folder = tmp_path_factory.mktemp("whisper")
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*download, "--dest", str(folder), "openai-whisper>=20250625"], check=True)
    [package] = folder.glob("*.tar.gz")
    with tarfile.open(package) as archive:
        [name] = [name for name in archive.getnames() if name.endswith("/whisper/utils.py")]
        source = archive.extractfile(name)
        assert source is not None
        (folder / "utils.py").write_bytes(source.read())
    spec = importlib.util.spec_from_file_location("whisper_utils", folder / "utils.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(utils: ModuleType, folder: Path, transcript: Transcript, **options: Any) -> dict[str, str]:
    """Return what Whisper's writers make of a transcript, by suffix."""
    for kind in ("txt", "vtt", "srt", "tsv", "json"):
        utils.get_writer(kind, str(folder))(transcript.to_dict(), "talk.wav", options)
    return {path.suffix: path.read_text(encoding="utf-8") for path in folder.glob("talk.*")}


@pytest.mark.long
@pytest.mark.parametrize("with_words", [False, True])
def test_whispers_writers_take_what_we_give(utils: ModuleType, tmp_path: Path, with_words: bool) -> None:
    """Every writer of openai-whisper writes all segments; its subtitles have our times and texts."""
    words = {"words": (Word("And", 2.5, 3.0), Word("then", 3.0, 6.5))} if with_words else {}
    first = INTERVIEW[0] if with_words else said("s1", 0.5, 2.0, "Hello, world.")
    transcript = transcript_of(first, said("s2", 2.5, 6.5, "And then!", **words), INTERVIEW[2])
    files = written(utils, tmp_path, transcript)
    assert files[".txt"].splitlines() == ["Hello, world.", "And then!"]
    ours = [(cue.start, cue.end, cue.content) for cue in srt.parse(transcript_of(
        said("s1", 0.5, 2.0, "Hello, world."), said("s2", 2.5, 6.5, "And then!")).to_srt())]  # fmt: skip
    assert [(cue.start, cue.end, cue.content) for cue in srt.parse(files[".srt"])] == ours
    captions = webvtt.from_buffer(io.StringIO(files[".vtt"])).captions
    assert [caption.text for caption in captions] == ["Hello, world.", "And then!"]
    assert files[".tsv"].splitlines()[1:] == ["500\t2000\tHello, world.", "2500\t6500\tAnd then!"]
    assert json.loads(files[".json"]) == transcript.to_dict()


@pytest.mark.long
@settings(max_examples=200)
@given(segments=segment_lists(with_words=True))
def test_whispers_writers_take_anything(
    utils: ModuleType, tmp_path_factory: pytest.TempPathFactory, segments: list[Segment]
) -> None:
    """Whatever is said, whole or cut by Whisper's own limits, each writer ends with every word written."""
    folder = tmp_path_factory.mktemp("talk")
    transcript = transcript_of(*segments)

    def letters(text: str) -> str:
        return "".join(text.replace("-->", "->").split())

    texts = letters("".join(segment.text for segment in segments))
    assert letters(written(utils, folder, transcript)[".txt"]) == texts
    limits = {"max_line_width": 20, "max_line_count": 2, "highlight_words": False}
    cut = written(utils, folder, transcript, **limits)
    assert letters("".join(cue.content for cue in srt.parse(cut[".srt"]))) == texts
