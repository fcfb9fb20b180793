"""The magic in a real IPython shell without a page: lines, refusals, files, the body, configuration, unloading."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import rt_magic as rt
from rt_magic.cell.status import LIVE
from rt_magic.extension import give_a_body
from rt_magic.manual import manual

DATA = Path(__file__).parent / "data"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[InteractiveShell]:
    """A real shell with the extension loaded, in a folder of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "rt_magic")
    yield shell
    shell.run_line_magic("unload_ext", "rt_magic")
    shell.reset(new_session=False)
    InteractiveShell.clear_instance()


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A second of sound in which nothing is said."""
    path = tmp_path / "my talk.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.002, 0.002, 24_000), 24_000, "PCM_16")
    return path


def run(shell: InteractiveShell, cell: str) -> Any:
    """Run a cell; return its value, or raise what it raised."""
    result = shell.run_cell(cell)
    result.raise_error()
    return result.result


def refusal(shell: InteractiveShell, cell: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a cell that is refused; return the one line that it prints."""
    capsys.readouterr()
    result = shell.run_cell(cell)
    assert not result.success
    printed = capsys.readouterr()
    said = (printed.out + printed.err).strip()
    assert "Traceback" not in said
    assert said.startswith("UsageError: ")
    return said.removeprefix("UsageError: ")


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("%transcribe --lnag fr", "did you mean --lang?"),
        ("%transcribe --silence 500", "type --silence 500ms"),
        ("%transcribe --lang Frnech", "French (fr)"),
        ("%transcribe nothing.wav", "nothing.wav"),
        ("%transcribe ~nobody_of_that_name/x.wav", "~nobody_of_that_name/x.wav"),
        ("%transcribe x.wav --keywords @~nobody_of_that_name/x.txt", "cannot be read"),
        ("%transcribe --microphone usb", "kernel:NAME"),
        ('%transcribe "my talk.wav', "is never closed"),
        ("%transcribe --from {talk}", "no variable 'talk'"),
        ("%transcribe x.wav --service azur", "azur"),
        ("%transcribe x.wav --keywords @none.txt", "none.txt"),
        ("%%transcribe", "--from"),
        ("%%transcribe --wait\n", "--from"),
        ("%%transcribe x.wav\nNew York and Paris", "--keywords"),
        ("%%transcribe x.wav\nawait something()", "--no-wait"),
        ("%%transcribe x.wav --no-wait\nprint(1)", "in a terminal the code below the line runs while the cell waits"),
        ("%transcribe --speed 2", "--from"),
    ],
)
def test_a_wrong_line_is_one_usage_error(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], cell: str, says: str
) -> None:
    """What cannot work is refused in one line that says what to type, without a traceback."""
    said = refusal(shell, cell, capsys)
    assert says in said
    assert "\n" not in said


def test_a_language_nobody_knows_here_is_refused_with_the_ways_out(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], noise: Path
) -> None:
    """French without a service that knows it ends at once, with a line to copy for each way out."""
    said = refusal(shell, f'%transcribe "{noise}" --lang fr', capsys)
    assert "French (fr)" in said and f'%transcribe "{noise}" --service openai --lang fr' in said
    assert all(way in said for way in ("AZURE_OPENAI_ENDPOINT", "%pip install", "--model /path/to/model"))


def test_a_syntax_error_in_the_body_is_one(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], noise: Path
) -> None:
    """A body that is not Python fails as any such cell does, before anything runs."""
    result = shell.run_cell(f'%%transcribe "{noise}"\nprint(segment.text')
    assert isinstance(result.error_in_exec, SyntaxError)
    assert "transcript" not in shell.user_ns
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert re.search(r"Cell In\[\d+\], line 2", shown) and "body.py" not in shown


def test_a_file_with_the_embedded_engine(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """`%transcribe FILE` waits, returns the Transcriber, binds the transcript, and prints the words."""
    transcriber = run(shell, f"t = %transcribe {DATA / 'phrases.flac'}\nt")
    transcript = shell.user_ns["transcript"]
    assert isinstance(transcriber, rt.Transcriber)
    assert transcriber.transcript is transcript
    assert transcriber.state == "stopped"
    assert transcript.done
    assert len(transcript) >= 4
    assert transcript in rt.transcripts
    meta = transcript.meta
    assert (meta["service"], meta["host"], meta["languages"], meta["credential"]) == ("local", None, ["en"], None)
    assert transcript.segments[0].text in capsys.readouterr().out


def test_a_body_runs_for_each_segment_of_a_file(shell: InteractiveShell) -> None:
    """While the cell waits the body runs for each segment with text, in order, with its names bound."""
    shell.user_ns["segment"] = "mine"
    run(
        shell,
        f"%%transcribe {DATA / 'phrases.flac'} --into talk\n"
        "heard = globals().get('heard', []) + [(segment.text, transcript)]",
    )
    talk = shell.user_ns["talk"]
    assert shell.user_ns["heard"] == [(segment.text, talk) for segment in talk]
    assert shell.user_ns["segment"] == "mine"


def test_a_file_from_a_variable(shell: InteractiveShell, noise: Path) -> None:
    """`--from {name}` takes a path or bytes from a variable, and a name with a space in quotes."""
    shell.user_ns.update(talk=noise, data=noise.read_bytes())
    for line in ("--from {talk}", "{data}", f'"{noise.name}"'):
        run(shell, f"%transcribe {line}")
        assert shell.user_ns["transcript"].done
        assert shell.user_ns["transcript"].text == ""


def test_a_variable_of_the_users_is_not_overwritten(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], noise: Path
) -> None:
    """`--into` takes a new name or one of our own objects, nothing else."""
    shell.user_ns["talk"] = 3
    said = refusal(shell, f'%transcribe "{noise}" --into talk', capsys)
    assert "--into" in said
    assert shell.user_ns["talk"] == 3
    del shell.user_ns["talk"]
    first = run(shell, f'%transcribe "{noise}" --into talk')
    second = run(shell, f'%transcribe "{noise}" --into talk')
    assert shell.user_ns["talk"] is second.transcript is not first.transcript


def test_no_wait_returns_at_once(shell: InteractiveShell) -> None:
    """`--no-wait` returns while the file is being transcribed; `.wait()` gives the transcript."""
    transcriber = run(shell, f"%transcribe {DATA / 'phrases.flac'} --no-wait")
    assert not transcriber.transcript.done
    assert transcriber.wait(60) is transcriber.transcript
    assert len(transcriber.transcript) >= 4


def test_a_name_that_is_wrong_ends_nothing(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], noise: Path
) -> None:
    """A file that is not there is refused before what runs into the variable is finished for it."""
    running = run(shell, f"%transcribe {DATA / 'phrases.flac'} --speed 1 --no-wait")
    assert "there is no file" in refusal(shell, "%transcribe nowhere.flac", capsys)
    assert running.state in LIVE and shell.user_ns["transcript"] is running.transcript
    running.stop()
    running.wait(60)


def test_defaults_by_config(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, noise: Path
) -> None:
    """`%config` sets defaults, refuses wrong ones when they are set, and restricts services."""
    run(shell, '%config TranscribeMagics.language = "English"')
    assert "en" in str(run(shell, "%config TranscribeMagics.language"))
    run(shell, '%config TranscribeMagics.language = "Frnech"')
    assert "French (fr)" in caplog.text
    run(shell, '%config TranscribeMagics.service = "azur"')
    assert "azur" in caplog.text
    run(shell, "%config TranscribeMagics.idle = -5")
    assert "idle is seconds" in caplog.text
    assert run(shell, "%config TranscribeMagics.service") == ""
    run(shell, '%config TranscribeMagics.allowed_services = ["azure"]')
    assert "not among the services allowed here: azure" in refusal(shell, f'%transcribe "{noise}"', capsys)
    run(shell, '%config TranscribeMagics.language = ""')
    run(shell, "%config TranscribeMagics.allowed_services = []")


def test_only_allowed_services(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, noise: Path
) -> None:
    """A hub's list of services holds for names and for hosts; what is on it works."""
    run(shell, '%config TranscribeMagics.allowed_services = ["local", "contoso.openai.azure.com"]')
    run(shell, f'%transcribe "{noise}"')
    refused = refusal(shell, f'%transcribe "{noise}" --service ws://127.0.0.1:9', capsys)
    assert "not among the services allowed here: local, contoso.openai.azure.com" in refused
    shell.user_ns["contoso"] = rt.AzureOpenAI("https://contoso.openai.azure.com", api_key="k")
    assert "not among" not in refusal(shell, "%transcribe nothing.wav --service contoso", capsys)
    for use in (
        rt.use,
        lambda service: rt.Transcriber(service=service),
        lambda service: rt.transcribe(noise, service=service),
    ):
        with pytest.raises(rt.ConfigurationError, match="not among the services allowed here: local"):
            use("ws://127.0.0.1:9")
    shell.run_line_magic("unload_ext", "rt_magic")  # what is configured holds without the extension too
    shell.config.TranscribeMagics.allowed_services = ["local"]  # as in a hub's ipython_config.py
    with pytest.raises(rt.ConfigurationError, match="not among the services allowed here: local"):
        rt.use("ws://127.0.0.1:9")
    shell.run_line_magic("load_ext", "rt_magic")
    for wider in ([], ["azure"], ["local", "azure"]):  # a notebook does not take back what a hub has set
        run(shell, f"%config TranscribeMagics.allowed_services = {wider}")
        assert "not among" in refusal(shell, f'%transcribe "{noise}" --service ws://127.0.0.1:9', capsys)
    assert "only local may be used here" in caplog.text
    shell.run_line_magic("unload_ext", "rt_magic")
    del shell.config.TranscribeMagics


@pytest.mark.parametrize(
    ("typed", "offers"),
    [
        ("%transcribe --dur", "--duration"),
        ("%%transcribe --lang fr --pri", "--private"),
        ("t = %transcribe --no-", "--no-wait"),
        ("%transcribe --service az", "azure"),
        ("%transcribe --service=azur", "azure"),
        ("%transcribe --service my_", "my_server"),
        ("%transcribe --lang Fre", "French"),
        ("%transcribe -l f", "fr"),
        ("%transcribe --lang fr,e", "fr,en"),
        ("%transcribe --vad sem", "semantic"),
        ("%transcribe --noise ", "near"),
        ("%transcribe --model ", "gpt-realtime-whisper"),
        ("%transcribe --model sm", "small"),
        ("%transcribe --duration ", "10m"),
        ("%transcribe --mic k", "kernel"),
        ("%transcribe in", "interview.flac"),
        ("%transcribe --from in", "interview.flac"),
        ("%transcribe my", '"my talk.wav"'),
        ('%transcribe "my t', '"my talk.wav"'),
        ("%transcribe --from=tal", f"talks{os.sep}"),
        (f"%transcribe talks{os.sep}", f"talks{os.sep}one.mp3"),
        ("%transcribe --keywords @wo", "@words.txt"),
    ],
)
def test_tab_completes(shell: InteractiveShell, noise: Path, typed: str, offers: str) -> None:
    """Tab offers options, and for each its values: languages, services and variables that hold one, files."""
    Path("interview.flac").touch()
    Path("words.txt").touch()
    Path("notes.md").touch()
    Path("talks").mkdir()
    Path("talks", "one.mp3").touch()
    shell.user_ns["my_server"] = rt.Compatible("ws://127.0.0.1:9")
    offered = completed(shell, typed)
    assert offers in offered
    assert "notes.md" not in offered


def completed(shell: InteractiveShell, typed: str) -> list[str]:
    """What the word under the cursor becomes by each completion, in the way of a notebook."""
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        found = list(shell.Completer.completions(typed, len(typed)))
    begin = max(typed.rfind(sign) + 1 for sign in " =") if '"' not in typed else typed.index('"')
    return [typed[begin : completion.start] + completion.text for completion in found]


def test_tab_elsewhere_is_left_alone(shell: InteractiveShell) -> None:
    """Other lines, and lines after the extension is unloaded, are completed by IPython alone."""
    shell.user_ns["private_talk"] = 1
    assert "private_talk" in completed(shell, "print(private_t").pop()
    assert "--private" in completed(shell, "%transcribe --pri")
    shell.run_line_magic("unload_ext", "rt_magic")
    assert "--private" not in completed(shell, "%transcribe --pri")


def test_what_can_be_recovered_is_announced(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A recording of a process that died is announced in one line at `%load_ext`; without one nothing is said."""
    shell.run_line_magic("unload_ext", "rt_magic")
    capsys.readouterr()
    shell.run_line_magic("load_ext", "rt_magic")
    assert capsys.readouterr().out == ""
    shell.run_line_magic("unload_ext", "rt_magic")
    record = "from rt_magic.audio.recording import Recording; r = Recording.create(); r.append(bytes(96_000))"
    code = f"{record}; import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code], check=False)
    shell.run_line_magic("load_ext", "rt_magic")
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "rt_magic.recover()" in said
    (leftover,) = rt.recover()
    assert leftover.duration == 2.0
    leftover.delete()


def test_status_and_stop(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """`--status` tells what runs and `--stop` ends it, with the text there is."""
    run(shell, "%transcribe --status")
    assert "nothing is being transcribed" in capsys.readouterr().out
    transcriber = run(shell, f"%transcribe {DATA / 'phrases.flac'} --speed 1 --no-wait --into talk")
    run(shell, "%transcribe --status")
    assert "talk: transcribing phrases.flac" in capsys.readouterr().out
    run(shell, "%transcribe --stop")
    assert "stopping talk" in capsys.readouterr().out
    transcriber.wait(20)
    assert transcriber.status == "stopped before the end"


def test_stop_of_a_file_writes_the_last_words(shell: InteractiveShell) -> None:
    """Stop in the middle of a phrase sends no more, and what was said of it becomes final text."""
    transcriber = run(shell, f"%transcribe {DATA / 'phrases.flac'} --speed 1 --no-wait")
    transcript = transcriber.transcript
    deadline = time.monotonic() + 60
    while not (transcript.interim and transcript.interim[-1].text):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    transcriber.stop()
    assert transcriber.wait(60) is transcript
    assert (transcriber.state, transcriber.status, transcript.done) == ("stopped", "stopped before the end", True)
    assert transcript.segments[-1].text
    assert transcript.segments[-1].error is None
    assert transcript.events[-1]["received"] < 16 * 24_000


def test_the_manual_begins_with_an_example(shell: InteractiveShell) -> None:
    """`%transcribe?` is the manual: an example first, every option once."""
    text = manual()
    assert shell.magics_manager.magics["line"]["transcribe"].__doc__ == text
    assert text.index("%%transcribe") < text.index("Options")
    assert max(map(len, text.splitlines())) < 78
    assert all(text.count(f"    {name}") == 1 for name in ("--service", "--into", "--private", "--no-wait", "--doctor"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["%%transcribe\n"], ["%%transcribe\n", "\n", "\n"]),
        (["%%transcribe --lang fr"], ["%%transcribe --lang fr\n", "\n", "\n"]),
        (["%%transcribe\n", "  \n"], ["%%transcribe\n", "\n", "\n"]),
        (["%%transcribe\n", "print(1)\n"], ["%%transcribe\n", "print(1)\n"]),
        (["%%transcribe?\n"], ["%%transcribe?\n"]),
        (["%%transcriber\n"], ["%%transcriber\n"]),
        (["x = 1\n"], ["x = 1\n"]),
        ([], []),
    ],
)
def test_an_empty_body_is_given(before: list[str], after: list[str]) -> None:
    """Only `%%transcribe` with nothing below gets a body."""
    assert give_a_body(before) == after


def test_unloading_leaves_nothing(shell: InteractiveShell, noise: Path) -> None:
    """After `%unload_ext` no thread of ours, no server process, no transformer and no magic is left."""
    from rt_magic.session.embedded import process_ids

    run(shell, f'%transcribe "{noise}"')
    shell.run_line_magic("unload_ext", "rt_magic")
    assert give_a_body not in shell.input_transformers_cleanup
    assert "transcribe" not in shell.magics_manager.magics["line"]
    assert "transcribe" not in shell.magics_manager.magics["cell"]
    assert process_ids() == []
    assert [thread.name for thread in threading.enumerate() if "portal" in thread.name] == []
    shell.run_line_magic("load_ext", "rt_magic")
    assert "transcribe" in shell.magics_manager.magics["line"]
