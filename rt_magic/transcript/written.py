"""What can be made of a transcript's words alone: the formats of others, and numbers about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rt_magic.transcript import export, measures
from rt_magic.transcript.annotations import to_ctm, to_rttm, to_textgrid
from rt_magic.transcript.segments import Segment
from rt_magic.transcript.subtitles import Limits, to_srt, to_vtt
from rt_magic.transcript.word_errors import Normalize, WordErrorRate, word_error_rate

if TYPE_CHECKING:
    from rt_magic.transcript.transcript import Transcript


class Written:
    """A transcript as far as its final segments and its length go."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Final and failed segments by start."""
        raise NotImplementedError

    @property
    def duration(self) -> float:
        """Length of the recording in seconds."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """All final text joined by a space, or by nothing in scripts without one; failed segments are left out."""
        return export.joined_text(self.segments)

    def speaking_time(self) -> dict[str | None, float]:
        """Return seconds of speech by speaker, the longest first; None stands for who is not known."""
        return measures.speaking_time(self.segments)

    def words_per_minute(self) -> dict[str | None, float]:
        """Return words per minute of speech by speaker, pauses left out."""
        return measures.words_per_minute(self.segments)

    def wer(self, reference: str | Transcript, *, normalize: Normalize = "default") -> WordErrorRate:
        """Return the word error rate against what was said; displayed, it shows every difference. Needs jiwer.

        `normalize` is done to both texts: a function from text to text, None for nothing; else case, punctuation and
        kinds of spaces do not count.
        """
        return word_error_rate(reference, self.text, normalize)

    def to_srt(
        self,
        *,
        max_line_width: int | None = None,
        max_line_count: int | None = None,
        max_duration: float | None = None,
        estimate: bool = False,
    ) -> str:
        """Return SubRip subtitles of at most so many characters a line, lines and seconds.

        They are cut between words with known times; where there are none only with `estimate=True`, by the length of
        the text, and marked.
        """
        return to_srt(self.segments, Limits(max_line_width, max_line_count, max_duration, estimate))

    def to_vtt(
        self,
        *,
        max_line_width: int | None = None,
        max_line_count: int | None = None,
        max_duration: float | None = None,
        estimate: bool = False,
    ) -> str:
        """Return WebVTT subtitles, with the limits of `to_srt`; speakers are voice tags."""
        return to_vtt(self.segments, Limits(max_line_width, max_line_count, max_duration, estimate))

    def to_textgrid(self) -> str:
        """Return a TextGrid for Praat: a gap-free tier per speaker, with one for the words that have times."""
        return to_textgrid(self.segments, self.duration)

    def to_ctm(self, *, name: str = "recording", channel: str = "1") -> str:
        """Return the words as NIST's CTM; ConfigurationError where no word has times."""
        return to_ctm(self.segments, name=name, channel=channel)

    def to_rttm(self, *, name: str = "recording", channel: str = "1") -> str:
        """Return who speaks when as RTTM; ConfigurationError where no speaker is known."""
        return to_rttm(self.segments, name=name, channel=channel)
