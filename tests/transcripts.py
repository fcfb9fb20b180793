"""Transcripts to test with: a small one of known words and times, and whatever Hypothesis thinks of."""

from __future__ import annotations

from hypothesis import strategies as st

from rt_magic.transcript.segments import Changes, Segment, Word
from rt_magic.transcript.transcript import Transcript

ODD = (
    "hello", "world.", " ", "  ", "\n", "\n\n", "\r\n", "-->", "a --> b", '"', '""', "'", "”", "😀", "👩‍👩‍👧", "שלום",
    "مرحبا", "\u200f", "<b>", "</b>", "<v Ann>", "&amp;", "&", "42", "00:00:01,000 --> 00:00:02,000", "你好", "。",
    "สวัสดี", ",", "!", "WEBVTT", "NOTE x", "\t", "\u2028", "…", "é", "{}", "\\", "=", "xmin = 3", "<exists>",
)  # fmt: skip
"""Pieces of text that have broken somebody's reader."""

texts = st.lists(
    st.sampled_from(ODD) | st.text(st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn")), max_size=4),
    min_size=1,
    max_size=10,
).map("".join)
spoken = texts.filter(lambda text: bool(text.strip()))
names = st.sampled_from([None, "Anna", "Anna 2", "Dr. “Bo”", 'the "boss"', "Zoë & <co>", "שרה", "words", "segments 2"])
milliseconds = st.integers(0, 5_000_000)


@st.composite
def segment_lists(draw: st.DrawFn, *, with_words: bool = False, speakers: bool = True) -> list[Segment]:
    """Draw final segments by start, times in whole milliseconds; they may overlap, and have no length."""
    starts = sorted(draw(st.lists(milliseconds, max_size=6)))
    segments = []
    for number, start in enumerate(starts, 1):
        length = draw(st.sampled_from([0, 1, 250]) | st.integers(0, 20_000))
        text = draw(spoken)
        segments.append(
            Segment(
                f"s{number}",
                start / 1000,
                (start + length) / 1000,
                text,
                final=True,
                speaker=draw(names) if speakers else None,
                words=words_of(text, start, length) if with_words else None,
            )
        )
    return segments


def words_of(text: str, start: int, length: int) -> tuple[Word, ...]:
    """Return the words of a text with times that share the milliseconds from `start` on evenly."""
    spelled = text.split()
    edges = [(start + length * number // len(spelled)) / 1000 for number in range(len(spelled) + 1)]
    return tuple(Word(word, edges[i], edges[i + 1], 0.5) for i, word in enumerate(spelled))


def transcript_of(*segments: Segment) -> Transcript:
    """Return a live transcript that has got these segments, in this order."""
    transcript = Transcript()
    ranks = {segment.id: float(number) for number, segment in enumerate(segments)}
    transcript._apply(Changes(segments, (), ranks))
    return transcript


def said(id_: str, start: float | None, end: float | None, text: str, **more: object) -> Segment:
    """Return a final segment."""
    return Segment(id_, start, end, text, **{"final": True, **more})  # type: ignore[arg-type]


INTERVIEW = (
    said(
        "s1", 0.5, 2.0, "Hello, world.", speaker="Anna", confidence=0.9, item_id="item_1", language="en",
        timing="service", words=(Word("Hello", 0.5, 1.0, 0.8), Word("world", 1.25, 2.0, 1.0)),
        latency={"received": 0.01, "sent": 0.02, "first": 0.75, "final": 0.25},
    ),
    said("s2", 2.5, 6.5, "And then we went home", speaker="Ben", latency={"final": 0.5}),
    said("s3", 7.0, 8.0, "", error="the service could not transcribe this turn"),
    said("s4", None, None, "Somewhere."),
)  # fmt: skip
"""Two speakers, one turn that failed, one without times."""
