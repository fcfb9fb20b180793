"""Append-only interim text out of changing hypotheses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_magic.local.deltas import StablePrefix, space_between


def push_all(agreement: int, hypotheses: list[str]) -> list[str]:
    """Push hypotheses one after the other and return what passes."""
    stable = StablePrefix(agreement)
    return [stable.push(hypothesis) for hypothesis in hypotheses]


def test_a_word_passes_once_it_stood_long_enough() -> None:
    """A word passes with the second equal hypothesis, but not while it is the last word."""
    assert push_all(2, ["one", "one", "one two", "one two", "one two three"]) == ["", "", "one", "", " two"]


def test_a_word_that_changes_does_not_pass() -> None:
    """Until the hypotheses agree again nothing is added."""
    assert push_all(2, ["a b c", "x b c", "a b c", "a b c d"]) == ["", "", "", "a b c"]


def test_what_was_sent_is_never_contradicted() -> None:
    """Where the beginning changes after it was shown, nothing is added until it is back."""
    assert push_all(2, ["a b", "a b c", "x y z", "x y z q", "a b c d", "a b c d e"])[1:] == [
        "a b", "", "", "", " c d",
    ]  # fmt: skip


def test_scripts_without_spaces_pass_by_character() -> None:
    """Chinese and kana need no space to be added bit by bit."""
    assert push_all(2, ["你好世", "你好世界", "你好世界吧"]) == ["", "你好世", "界"]


@pytest.mark.parametrize(
    ("before", "after", "space"),
    [("a", "b", " "), ("", "b", ""), ("a", "", ""), ("a", " b", ""), ("好", "世", ""), ("好", "b", " ")],
)
def test_space_between_pieces(before: str, after: str, space: str) -> None:
    """Pieces of text are separated by one space where there is none and the script uses it."""
    assert space_between(before, after) == space


@given(st.integers(1, 4), st.lists(st.text(alphabet="ab ", max_size=12), max_size=20))
def test_additions_are_a_prefix_that_was_agreed_on(agreement: int, hypotheses: list[str]) -> None:
    """All that passed together is, at the moment it passed, the beginning of the last hypotheses."""
    stable, shown = StablePrefix(agreement), ""
    for index, hypothesis in enumerate(hypotheses):
        added = stable.push(hypothesis)
        shown += added
        if added:
            recent = [" ".join(text.split()) for text in hypotheses[max(0, index - agreement + 1) : index + 1]]
            assert all(text.startswith(" ".join(shown.split())) for text in recent)
