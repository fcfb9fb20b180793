"""The line after the magic: how it is split, read and refused."""

from __future__ import annotations

import pytest

from rt_magic.arguments import Arguments, look_up, parse, split
from rt_magic.exceptions import ConfigurationError


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("   ", []),
        ('--from "my talk.wav"', ["--from", "my talk.wav"]),
        ('--keywords="New York,Paris"', ["--keywords=New York,Paris"]),
        ("--keywords='New York',Paris", ["--keywords=New York,Paris"]),
        ("--prompt l'école", ["--prompt", "l'école"]),
        ("--prompt 'l'école est là'", ["--prompt", "l'école est là"]),
        ('--prompt "l\'école" x', ["--prompt", "l'école", "x"]),
        (r'--from "C:\a b\x.wav"', ["--from", r"C:\a b\x.wav"]),
        (r'--save "C:\talks\"', ["--save", "C:\\talks\\"]),
        (r"--from C:\a\x.wav", ["--from", r"C:\a\x.wav"]),
        ("--lang fr # note", ["--lang", "fr"]),
        ("# note", []),
        ("--keywords C#,F#", ["--keywords", "C#,F#"]),
        ("--prompt '# not a note'", ["--prompt", "# not a note"]),
        ("--prompt {names}", ["--prompt", "{names}"]),
        ("--prompt costs $5", ["--prompt", "costs", "$5"]),
        ('--prompt ""', ["--prompt", ""]),
        ("--lang\tfr\u00a0--wait", ["--lang", "fr", "--wait"]),
        ("--prompt 'He said \"no\"'", ["--prompt", 'He said "no"']),
        ('a"b c"d', ["ab cd"]),
    ],
)
def test_split(line: str, words: list[str]) -> None:
    """Quotes group and go, apostrophes in words stay, backslashes are literal, a # may end the line."""
    assert split(line) == words


@pytest.mark.parametrize("line", ['--from "my talk.wav', "--prompt 'tis", '--prompt 5"', "--prompt 'l'école"])
def test_unbalanced_quote(line: str) -> None:
    """A quote that is never closed is refused with the quote to add."""
    with pytest.raises(ConfigurationError, match=r"is never closed: add ['\"]"):
        split(line)


def test_look_up_of_names() -> None:
    """{name} is the variable's text inside other text, and the variable itself when it stands alone."""
    names = ["Ada", "Grace"]
    assert look_up("{names}", {"names": names}, "--keywords") is names
    assert look_up("with {names} in {town}", {"names": names, "town": "Oslo"}, "--prompt") == "with Ada,Grace in Oslo"
    assert look_up("{{x}} $5 %d", {}, "--prompt") == "{x} $5 %d"


def test_look_up_of_an_unknown_name() -> None:
    """An unknown {name} names the nearest variable."""
    with pytest.raises(ConfigurationError, match=r"no variable 'nmaes'; did you mean \{names\}"):
        look_up("{nmaes}", {"names": 1}, "--keywords")


def test_parse_everything() -> None:
    """Each option fills its field, in both spellings."""
    line = (
        '-l fr,en --service=azure --model whisper-1 --into talk --save "out 1.wav" '
        '--prompt="Hello {x}" --keywords a,b --vad semantic --silence 300ms --noise near --duration 10m '
        "--idle=1m --no-wait --new --private"
    )
    assert parse(line) == Arguments(
        languages=("fr", "en"), service="azure", model="whisper-1", into="talk",
        save="out 1.wav", prompt="Hello {x}", keywords="a,b", turn_detection="semantic", silence_ms=300,
        noise_reduction="near", duration=600.0, idle=60.0, wait=False, new=True, private=True,
    )  # fmt: skip
    assert parse("--status") == Arguments(status=True)
    assert parse("--stop --wait") == Arguments(stop=True, wait=True)
    assert parse("--from x.wav --speed max").speed == "max"
    assert parse("talk.wav --speed 1") == Arguments(source="talk.wav", speed=1.0)
    assert parse("--lang auto") == Arguments()
    assert parse("") == Arguments()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--lnag fr", "unknown option --lnag: did you mean --lang?"),
        ("--Lang fr", "did you mean --lang?"),
        ("--turn-detection off", "did you mean --vad?"),
        ("--output x", "did you mean --into?"),
        ("--recover", "unknown option --recover: %transcribe\\? lists them all"),
        ("--zzzzzz", "%transcribe\\? lists them all"),
        ("--lang", "--lang needs a value"),
        ("--lang --wait", "--lang needs a value"),
        ("--lang=", "--lang needs a value"),
        ('""', "the file's name is empty"),
        ("--wait=yes", "--wait takes no value"),
        ("--lang fr --language en", "contradict each other"),
        ("--wait --no-wait", "--wait and --no-wait contradict each other"),
        ("--new --new", "--new is given twice"),
        ("my talk.wav", "'talk.wav' is a second one: put a name with spaces in quotes"),
        ("a.wav --from b.wav", "contradict each other"),
        ("--from b.wav a.wav", "only one file can be given"),
        ("--vad semantics", "did you mean semantic?"),
        ("--noise loud", "none of near, far, off"),
        ("--speed fast", "type max"),
        ("--speed 0", "type max"),
        ("--into 2x", "not a variable name"),
        ("--into class", "not a variable name"),
        ("--into print", "would hide Python's own print"),
        ("--status --lang fr", "--status stands alone: .* without --lang"),
        ("--stop talk", "--stop stands alone: .* without a file"),
        ("talk.wav --save out.wav", "--save is for a microphone: leave it out with a file"),
        ("--duration 10m --from talk.wav", "--duration is for a microphone"),
        ("talk.wav --mic kernel", "--mic is for a microphone"),
        ("talk.wav --channels split", "unknown option --channels: in Python rt_magic.transcribe has channels="),
        ("--silence 11", "out of range: 50ms to 10s"),
        ("--save talk.mp3", r".wav or .flac"),
        ("--silence 500", "type --silence 500ms"),
        ("--duration soon", "--duration 'soon' is not a duration"),
    ],
)
def test_parse_refuses(line: str, says: str) -> None:
    """A wrong line is refused in one sentence that says what to type."""
    with pytest.raises(ConfigurationError, match=says.replace("?", r"\?").replace("\\\\?", r"\?")) as caught:
        parse(line)
    assert "\n" not in str(caught.value)
