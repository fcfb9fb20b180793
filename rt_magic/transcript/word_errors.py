"""How far a transcript is from a reference: word error rate by jiwer, and every difference where it stands."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from rt_magic.exceptions import ConfigurationError
from rt_magic.optional import library
from rt_magic.transcript.measures import NORMALIZATION, normalized

Normalize: TypeAlias = Callable[[str], str] | Literal["default"] | None

LONGEST_EQUAL = 30
"""Words without a difference that are shown whole; of more, only the ends."""

_FILE = re.compile(r"(\S+|[^\n]*[/\\][^\n]*)\.(txt|json|srt|vtt|textgrid|csv|md|docx)", re.IGNORECASE)
"""What can only be meant as a file's name: one word, or with a slash, and a suffix of texts."""

_COLOURS = {"delete": "rgba(220, 50, 47, .28)", "insert": "rgba(38, 139, 210, .28)"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that were said and words that were heard in their place: the same, or one of the two is empty, or both."""

    kind: Literal["equal", "substitute", "delete", "insert"]
    said: tuple[str, ...]
    heard: tuple[str, ...]


class WordErrorRate(float):
    """Errors per word of the reference: 0.0 where there are none, above 1 where more was added than said.

    A number, which shows the two texts word by word when displayed. `substitutions`, `deletions`, `insertions` and
    `hits` count words, `pieces` are the texts aligned, and `normalization` says what was done to both texts before.
    """

    substitutions: int
    deletions: int
    insertions: int
    hits: int
    pieces: tuple[Piece, ...]
    normalization: str

    @classmethod
    def of(cls, reference: str, heard: str, normalize: Normalize = "default") -> Self:
        """Compare what was heard with what was said."""
        jiwer = library("jiwer")
        change, normalization = _normalization(normalize)
        result = jiwer.process_words(change(reference), change(heard))
        rate = cls(result.wer)
        for name in ("substitutions", "deletions", "insertions", "hits"):
            setattr(rate, name, getattr(result, name))
        said, heard_words = result.references[0], result.hypotheses[0]
        rate.pieces = tuple(
            Piece(
                chunk.type,
                tuple(said[chunk.ref_start_idx : chunk.ref_end_idx]),
                tuple(heard_words[chunk.hyp_start_idx : chunk.hyp_end_idx]),
            )
            for chunk in result.alignments[0]
        )
        rate.normalization = normalization
        return rate

    @property
    def words(self) -> int:
        """Words of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def summary(self) -> str:
        """The rate and what it is made of, in one line."""
        return (
            f"WER {float(self):.1%}: {self.substitutions} substituted, {self.deletions} missing, "
            f"{self.insertions} added, of {self.words} words"
        )

    def __repr__(self) -> str:
        return f"<{self.summary}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.to_text(), "text/html": self.to_html()}

    def to_text(self) -> str:
        """Return the summary and the aligned texts, `[-said-]` and `{+heard+}` where they differ."""
        parts = []
        for piece in self.pieces:
            if piece.kind == "equal":
                parts.append(" ".join(_shortened(piece.said)))
                continue
            said = f"[-{' '.join(piece.said)}-]" if piece.said else ""
            heard = f"{{+{' '.join(piece.heard)}+}}" if piece.heard else ""
            parts.append(said + heard)
        return f"{self.summary}\n{' '.join(parts)}\n(compared after: {self.normalization})"

    def to_html(self) -> str:
        """Return the same as HTML without scripts; what was said is struck out, what was heard instead underlined."""
        parts = []
        for piece in self.pieces:
            if piece.kind == "equal":
                parts.append(html.escape(" ".join(_shortened(piece.said))))
                continue
            parts += [_marked("del", "delete", piece.said), _marked("ins", "insert", piece.heard)]
        body = " ".join(filter(None, parts))
        return (
            f"<div class='rt-wer'><p><strong>{html.escape(self.summary)}</strong></p>"
            f"<p dir='auto' style='line-height:1.7'>{body}</p>"
            f"<p><small>{_marked('del', 'delete', ('said',))} {_marked('ins', 'insert', ('heard',))} "
            f"compared after: {html.escape(self.normalization)}</small></p></div>"
        )


def _normalization(normalize: Normalize) -> tuple[Callable[[str], str], str]:
    if normalize == "default":
        return normalized, NORMALIZATION
    if normalize is None:
        return (lambda text: " ".join(text.split())), "nothing but the spaces between words"
    if not callable(normalize):
        raise ConfigurationError(
            f"normalize={normalize!r} is not possible; give a function from text to text, or None to compare as it is"
        )
    return normalize, getattr(normalize, "__name__", type(normalize).__name__)


def _shortened(words: Sequence[str]) -> Iterable[str]:
    if len(words) <= LONGEST_EQUAL:
        return words
    end = LONGEST_EQUAL // 3
    return (*words[:end], f"… {len(words) - 2 * end} words …", *words[-end:])


def _marked(tag: str, kind: str, words: Sequence[str]) -> str:
    if not words:
        return ""
    return f"<{tag} style='background:{_COLOURS[kind]}'>{html.escape(' '.join(words))}</{tag}>"


def word_error_rate(reference: Any, heard: str, normalize: Normalize) -> WordErrorRate:
    """Compare with a text, or with another transcript's."""
    if isinstance(reference, Path) or (isinstance(reference, str) and _FILE.fullmatch(reference)):
        read = "rt.Transcript.read(path)" if Path(reference).suffix in (".json", ".srt", ".vtt") else "path.read_text()"
        raise ConfigurationError(f"{str(reference)!r} is the name of a file, not what was said; give {read}")
    text = reference if isinstance(reference, str) else getattr(reference, "text", None)
    if not isinstance(text, str):
        raise ConfigurationError(f"reference={reference!r} is no text; give what was said, as str or as a Transcript")
    if not text.strip():
        raise ConfigurationError(f"reference={reference!r} has no words to count errors by; give what was said")
    return WordErrorRate.of(text, heard, normalize)
