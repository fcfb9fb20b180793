"""Exports: whatever is said, in whatever script, every format still says it and nothing else."""

from __future__ import annotations

import csv
import html
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rt_magic.exceptions import ConfigurationError
from rt_magic.transcript import export
from rt_magic.transcript.segments import Changes, Segment
from rt_magic.transcript.transcript import Transcript

NASTY = [
    "plain",
    "two\nlines",
    "empty\n\nline",
    "a\r\nb\rc",
    "1\n00:00:01,000 --> 00:00:02,000\nforged",
    "a --> b",
    "WEBVTT",
    "NOTE hidden",
    "\"quoted\", and, commas; 'single'",
    "<b>bold</b> & <script>alert(1)</script>",
    "&lt;already&gt; &amp;",
    "=1+1",
    "emoji 👩‍👩‍👧 🇫🇷",
    "שלום עולם",
    "\u202eright to left\u202c",
    "\u2028line separator\u2029",
    "\x0b\x0c\x1c\x85",
    "nul\x00byte",
    "\x1b[31mred\x1b[0m\x07",
    "trailing space ",
    " ",
    "漢字かな",
]
TEXT = st.sampled_from(NASTY) | st.text(max_size=15)
SEGMENT = st.builds(
    Segment,
    id=st.just("s"),
    start=st.none() | st.floats(0, 400_000),
    end=st.none() | st.floats(0, 400_000),
    text=TEXT,
    final=st.just(True),
    speaker=st.none() | TEXT,
    error=st.none() | TEXT,
)
SEGMENTS = st.lists(SEGMENT, max_size=4)


def transcript(segments: list[Segment]) -> Transcript:
    """Make a transcript of segments, each with an id of its own."""
    made = Transcript()
    for number, segment in enumerate(segments):
        fields = {name: getattr(segment, name) for name in Segment.__dataclass_fields__}
        named = Segment(**{**fields, "id": f"s{number}"})
        made._apply(Changes((named,), (), {named.id: float(number)}))
    return made


def heard(made: Transcript) -> list[Segment]:
    """Return the segments that a subtitle can be made of."""
    return [s for s in made if s.text.strip(WHITE) and s.error is None and s.start is not None]


WHITE = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
)
WHITE += "\u2028\u2029\u202f\u205f\u3000"


def squeezed(text: str) -> str:
    """Return a text without white space and without what no format can hold, to compare what is said."""
    return "".join(text.replace("\x00", "\ufffd").split())


# ── subtitles, read back by readers of our own ──

TIME = r"(\d\d+):([0-5]\d):([0-5]\d)[.,](\d{3})"


def seconds(found: re.Match[str], group: int) -> float:
    """Return the seconds of a time in a match, from that group on."""
    hours, minutes, rest, thousandths = (int(found[group + n]) for n in range(4))
    return hours * 3600 + minutes * 60 + rest + thousandths / 1000


def read_srt(text: str) -> list[tuple[float, float, str]]:
    """Read SubRip as players do: blocks between empty lines, a number, the times, the text."""
    cues = []
    for number, block in enumerate(filter(None, text.split("\n\n")), 1):
        first, times, *lines = block.strip("\n").split("\n")
        found = re.fullmatch(f"{TIME} --> {TIME}", times)
        assert first == str(number) and found and lines and all(line.strip(WHITE) for line in lines)
        assert not any(re.match(rf"\s*{TIME}\s*-->", line) for line in lines)
        cues.append((seconds(found, 1), seconds(found, 5), "\n".join(lines)))
    return cues


def read_vtt(text: str) -> list[tuple[float, float, str | None, str]]:
    """Read WebVTT as browsers do: the header, then cues, in which nothing but a voice is marked up."""
    header, *blocks = filter(None, text.split("\n\n"))
    assert header.strip("\n") == "WEBVTT"
    cues = []
    for block in blocks:
        times, *lines = block.strip("\n").split("\n")
        found = re.fullmatch(f"{TIME} --> {TIME}", times)
        payload = "\n".join(lines)
        assert found and lines and "-->" not in payload and all(line.strip(WHITE) for line in lines)
        voice = re.match(r"<v ([^<>\n]*)>", payload)
        payload = payload[voice.end() :] if voice else payload
        assert "<" not in payload and ">" not in payload
        speaker = html.unescape(voice[1]) if voice else None
        cues.append((seconds(found, 1), seconds(found, 5), speaker, html.unescape(payload)))
    return cues


@given(SEGMENTS)
@example([Segment("s", 1.0, 2.0, text, final=True, speaker=text) for text in NASTY])
def test_subrip_says_what_was_said(segments: list[Segment]) -> None:
    """Every timed segment is one subtitle that a reader takes for one, whatever its words and its speaker look like."""
    made = transcript(segments)
    cues = read_srt(made.to_srt())
    assert len(cues) == len(heard(made))
    for (start, end, text), segment in zip(cues, heard(made), strict=True):
        assert segment.start is not None
        assert start == pytest.approx(segment.start, abs=0.0006) and end >= start
        if segment.end is not None and segment.end >= segment.start:
            assert end == pytest.approx(segment.end, abs=0.0006)
        said = f"{segment.speaker}: {segment.text}" if (segment.speaker or "").strip(WHITE) else segment.text
        assert squeezed(text).replace("-->", "->") == squeezed(said).replace("-->", "->")


@given(SEGMENTS)
@example([Segment("s", 1.0, 2.0, text, final=True, speaker=text) for text in NASTY])
def test_webvtt_says_what_was_said(segments: list[Segment]) -> None:
    """Every timed segment is one cue, speakers are voices, and no text is taken for markup."""
    made = transcript(segments)
    cues = read_vtt(made.to_vtt())
    assert len(cues) == len(heard(made))
    for (start, end, speaker, text), segment in zip(cues, heard(made), strict=True):
        assert segment.start is not None and start == pytest.approx(segment.start, abs=0.0006) and end > start
        assert squeezed(text) == squeezed(segment.text)
        assert squeezed(speaker or "") == squeezed(segment.speaker or "")


def test_subtitles_have_the_usual_form() -> None:
    """Hours are always written, milliseconds rounded; a comma in SubRip, a point in WebVTT."""
    made = transcript([Segment("s", 0.0, 1.2345, "one", True), Segment("s", 3661.5, 3662, "two", True, speaker="Ana")])
    assert made.to_srt() == ("1\n00:00:00,000 --> 00:00:01,234\none\n\n2\n01:01:01,500 --> 01:01:02,000\nAna: two\n")
    assert made.to_vtt() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.234\none\n\n01:01:01.500 --> 01:01:02.000\n<v Ana>two\n"
    )
    assert export.clock(59.9996) == "00:01:00.000" and export.clock(400_000) == "111:06:40.000"


# ── tables and text ──


@given(SEGMENTS)
@example([Segment("s", 1.0, 2.0, text, final=True, speaker=text, error=text) for text in NASTY])
def test_csv_rows_are_read_back(segments: list[Segment]) -> None:
    """Each segment is one row with its exact text, whatever line ends, quotes and commas are in it."""
    made = transcript(segments)
    rows = list(csv.DictReader(io.StringIO(export.to_csv(made), newline="")))
    assert [row["text"] for row in rows] == [segment.text for segment in made]
    assert [row["speaker"] for row in rows] == [segment.speaker or "" for segment in made]
    assert [row["start"] for row in rows] == ["" if s.start is None else str(s.start) for s in made]
    assert not rows or tuple(rows[0]) == export.COLUMNS


@given(SEGMENTS)
@example([Segment("s", 1.0, 2.0, text, final=True, speaker=text) for text in NASTY])
def test_text_has_a_line_for_each_segment(segments: list[Segment]) -> None:
    """A text file has one line for each segment that did not fail, its speaker before it."""
    made = transcript(segments)
    said = [segment for segment in made if segment.text.strip(WHITE) and segment.error is None]
    lines = export.to_text(made).splitlines()
    assert len(lines) == len(said)
    for line, segment in zip(lines, said, strict=True):
        speaker = f"{segment.speaker}: " if (segment.speaker or "").strip(WHITE) else ""
        assert squeezed(line) == squeezed(speaker + segment.text)


@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".json", ".txt", ".csv", ".SRT"])
def test_files_are_written_by_their_suffix(tmp_path: Path, suffix: str) -> None:
    """A file is UTF-8, with the line ends of its format, on every system."""
    made = transcript([Segment("s", 1.0, 2.0, "é 漢 👩‍👧", final=True, speaker="Zoë")])
    path = made.save(tmp_path / f"talk{suffix}")
    content = path.read_bytes().decode("utf-8")
    assert path == tmp_path / f"talk{suffix}" and "é 漢 👩‍👧" in content and "Zoë" in content
    assert ("\r\n" in content) is (suffix == ".csv")


def test_an_unknown_suffix_writes_nothing(tmp_path: Path) -> None:
    """What no format is known for is an error that names those there are, and no file is left."""
    with pytest.raises(ConfigurationError, match=r"'\.docx'.*\.srt.*\.vtt.*\.json"):
        transcript([]).save(tmp_path / "talk.docx")
    assert list(tmp_path.iterdir()) == []


# ── what is shown ──


class Page(HTMLParser):
    """Read HTML as a browser would; note the elements, their attributes, and the text of each line."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.lines: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)
        if dict(attrs).get("class") == "rt-line":
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.lines[-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl!r}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data!r}")


@given(SEGMENTS, st.sampled_from(["", "rt-static-ab12cd", "x' onload='alert(1)"]))
@example([Segment("s", 1.0, 2.0, text, final=True, speaker=text, error=text) for text in NASTY], "")
def test_html_escapes_everything(segments: list[Segment], classes: str) -> None:
    """Text, speakers, errors and class names make no element, attribute or comment; all of it can be read."""
    made = transcript(segments)
    page = Page(export.to_html(made, classes=classes))
    assert page.open == []
    assert {tag for tag, _ in page.tags} <= {"div", "span", "strong", "em"}
    assert all(set(attributes) <= {"class", "dir"} for _, attributes in page.tags)
    assert page.tags[0][1]["class"] == f"rt-static {classes}".strip()
    shown = [segment for segment in made if segment.text or segment.error is not None]
    assert len(page.lines) == max(1, len(shown))
    for line, segment in zip(page.lines, shown, strict=False):
        for part in (segment.text, segment.speaker or "", segment.error or ""):
            assert squeezed(part) in squeezed(line)


def test_each_line_has_a_direction_of_its_own() -> None:
    """Hebrew and English stand side by side, each read in its own direction."""
    page = Page(export.to_html([Segment("s1", text="שלום"), Segment("s2", 65.0, 66.0, "hello", True)]))
    lines = [attributes for _, attributes in page.tags if attributes.get("class") == "rt-line"]
    assert [attributes["dir"] for attributes in lines] == ["auto", "auto"]
    assert page.lines == ["שלום …", "1:05 hello"]
    assert Page(export.to_html([])).lines == ["(no words yet)"]


@given(SEGMENTS)
@example([Segment("s", 1.0, 2.0, text, final=True, speaker=text, error=text) for text in NASTY])
def test_a_terminal_is_given_no_orders(segments: list[Segment]) -> None:
    """The plain form holds no control characters, however the words came by them."""
    shown = export.to_plain(transcript(segments))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)


def test_the_plain_form() -> None:
    """Times, speakers, what failed and what is still open, one line each."""
    shown = export.to_plain(
        [
            Segment("s1", 1.0, 2.0, "one", final=True, speaker="Ana"),
            Segment("s2", 3700.0, None, "half", final=True, error="no answer"),
            Segment("s3", None, None, "", final=True, error="nothing"),
            Segment("s4", None, None, "open"),
            Segment("s5", None, None, ""),
        ]
    )
    assert shown.splitlines() == ["0:01  Ana: one", "1:01:40  half [no answer]", "[nothing]", "open …"]
    assert export.to_plain([]) == "(no words yet)"


def test_files_and_folders_that_are_not_there_are_said(tmp_path: Path) -> None:
    """In one sentence, with the place that was looked at."""
    with pytest.raises(ConfigurationError, match=r"there is no file '.*nowhere\.json'; it is looked for in"):
        Transcript.read(tmp_path / "nowhere.json")
    with pytest.raises(ConfigurationError, match=r"cannot be written: there is no folder '.*nodir'"):
        Transcript().save(tmp_path / "nodir" / "talk.srt")


def test_without_words_it_is_said_whether_any_may_come() -> None:
    """Of what is done there are none, not none yet."""
    transcript = Transcript()
    assert transcript._repr_mimebundle_()["text/plain"] == "(no words yet)"
    transcript._finish()
    shown = transcript._repr_mimebundle_()
    assert shown["text/plain"] == "(no words)" and "(no words)" in shown["text/html"]


def test_a_limit_that_is_no_number_is_refused() -> None:
    """As one sentence."""
    with pytest.raises(ConfigurationError, match="max_line_width='a' is not possible"):
        Transcript().to_srt(max_line_width="a")  # type: ignore[arg-type]
