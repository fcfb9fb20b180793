"""Languages by code and by name."""

from __future__ import annotations

from typing import Any

import pytest

from rt_magic.exceptions import ConfigurationError
from rt_magic.languages import language, language_codes, language_name, languages


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("fr", "fr"),
        ("FR", "fr"),
        ("fr-CA", "fr-CA"),
        ("fr_ca", "fr-CA"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("French", "fr"),
        ("french", "fr"),
        ("Haitian Creole", "ht"),
        ("norwegian bokmål", "nb"),
        ("Mandarin", "zh"),
        ("yue", "yue"),
        (" de ", "de"),
        ("es-419", "es-419"),
    ],
)
def test_language(text: str, code: str) -> None:
    """A language is a two-letter code, a BCP 47 tag or its English name."""
    assert language(text) == code


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Frnech", r"French \(fr\)"),
        ("germn", r"German \(de\)"),
        ("xx", "such as fr"),
        ("", "such as fr"),
        ("fr CA", "unknown language"),
    ],
)
def test_unknown_language(text: str, hint: str) -> None:
    """An unknown language names the nearest known one."""
    with pytest.raises(ConfigurationError, match=hint):
        language(text)


@pytest.mark.parametrize("value", [["en", "fr"], 5])
def test_what_is_no_text_is_no_language(value: Any) -> None:
    """A list is told how several languages are written."""
    with pytest.raises(ConfigurationError, match="is no text: give one such as 'fr', or 'fr,en' for several"):
        languages(value)


def test_every_iso_639_1_code_is_known() -> None:
    """The table holds all two-letter codes and each has a name that leads back to it."""
    two = [code for code in language_codes() if len(code) == 2]
    assert len(two) == 184
    assert all(language(language_name(code)) == code for code in language_codes())


def test_several_languages() -> None:
    """Languages are separated by commas and repeats are dropped."""
    assert languages("fr, English,fr") == ("fr", "en")
    assert language_name("fr-CA") == "French (CA)"
