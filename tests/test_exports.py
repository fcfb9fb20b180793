"""The public names, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import rt_magic

DOCUMENTED = {
    "AudioError", "AuthenticationError", "AzureOpenAI", "Compatible", "ConfigurationError", "Local",
    "LocalProtocolError", "Microphone", "MicrophoneError", "OpenAI", "ProtocolError", "RealtimeSession",
    "RemoteProtocolError", "RtMagicError", "Segment", "ServiceConnectionError", "ServiceError", "Transcriber",
    "Transcript", "TranscriptView", "VoiceLive", "Word", "doctor", "recover", "testing", "transcribe",
    "transcribe_files", "transcripts", "use",
}  # fmt: skip
LATER: set[str] = set()  # in the plan, not in the package
PUBLIC = DOCUMENTED - LATER


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after this code."""
    script = f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_public_names_are_the_documented_ones() -> None:
    """`__all__` holds every documented name that is built, sorted, and no other."""
    assert rt_magic.__all__ == sorted(PUBLIC)


def test_what_is_not_built_is_not_there() -> None:
    """A name of the plan appears when it works, never as a stub."""
    assert [name for name in LATER if hasattr(rt_magic, name)] == []


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    """Each public name can be had from the package, is listed by `dir`, and has a docstring."""
    assert getattr(rt_magic, name).__doc__
    assert name in dir(rt_magic)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """Lazy names do not swallow a misspelt one."""
    with pytest.raises(AttributeError, match="transcripe"):
        rt_magic.transcripe  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import rt_magic` in a fresh interpreter loads our own modules and the standard library alone."""
    loaded = modules_after("import rt_magic") - set(sys.stdlib_module_names)
    assert loaded - modules_after("pass") == {"rt_magic"}


def test_exceptions_are_at_hand_without_a_library() -> None:
    """A script can name our errors without loading what raises them."""
    assert "websockets" not in modules_after("import rt_magic; rt_magic.RtMagicError; rt_magic.AudioError")
