"""The same lines where no page is: a terminal, and notebooks that a program runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

PHRASES = Path(__file__).parent / "data" / "phrases.flac"


def notebook(*cells: str) -> NotebookClient:
    """A notebook of these cells, to be run by a program."""
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    return NotebookClient(document, kernel_name="python3", timeout=120)


def test_a_notebook_run_by_a_program_takes_a_file() -> None:
    """A file cell blocks, and what is saved has the words as text, also without widgets."""
    client = notebook("%load_ext rt_magic", f"%transcribe {PHRASES}", "print(transcript.text)")
    document = client.execute()
    text = document.cells[2].outputs[0]["text"].strip()
    assert len(text.split()) > 20
    saved = [output["data"]["text/plain"] for output in document.cells[1].outputs if "data" in output]
    assert any(text[:20] in plain for plain in saved)


def test_a_notebook_run_by_a_program_refuses_a_microphone() -> None:
    """A live cell ends at once with one line that names --from."""
    client = notebook("%load_ext rt_magic", "%%transcribe")
    with pytest.raises(CellExecutionError, match=r"no page can record for this run.*--from"):
        client.execute()


PROGRAMS = {
    "papermill": (sys.executable, "-m", "papermill", "talk.ipynb", "done.ipynb", "-k", "python3", "--no-progress-bar"),
    "jupyter execute": (
        sys.executable,
        "-m",
        "jupyter",
        "execute",
        "--output=done.ipynb",
        "--allow-errors",
        "talk.ipynb",
    ),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_papermill_and_jupyter_execute(program: str, tmp_path: Path) -> None:
    """A file gives its words; the live cell after it is refused in one line, and the words before it are saved."""
    document = notebook("%load_ext rt_magic", f"%transcribe {PHRASES}", "print(transcript.text)", "%%transcribe").nb
    nbformat.write(document, tmp_path / "talk.ipynb")
    ran = subprocess.run(PROGRAMS[program], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    cells = nbformat.read(tmp_path / "done.ipynb", as_version=4).cells
    file, printed, live = [cell for cell in cells if cell.cell_type == "code"][-3:]
    words = printed.outputs[0]["text"].strip()
    assert len(words.split()) > 20, ran.stderr
    assert any(words[:20] in output["data"]["text/plain"] for output in file.outputs if "data" in output)
    (refused,) = live.outputs
    assert refused["name"] == "stderr" and refused["text"].startswith("UsageError: no page can record for this run")
    assert "--from" in refused["text"] and refused["text"].count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a pseudo-terminal, which Windows has not")
def test_ipython_in_a_terminal(tmp_path: Path) -> None:
    """A terminal transcribes a file and shows its words; without the mic extra a live cell says what to type."""
    import pexpect

    env = {**os.environ, "TERM": "dumb", "XDG_STATE_HOME": str(tmp_path), "COLUMNS": "200"}
    arguments = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    child = pexpect.spawn(sys.executable, arguments, env=env, timeout=60, encoding="utf-8")
    prompt = r"In \[\d+\]: "
    child.expect(prompt)

    def run(line: str) -> str:
        child.sendline(line)
        child.expect(prompt)
        return str(child.before)

    assert "Error" not in run("%load_ext rt_magic")
    run("import sys; sys.modules['sounddevice'] = None")  # as if it were not installed
    refused = run("%transcribe")
    assert "UsageError: this machine's microphone needs the mic extra" in refused
    assert '%pip install "rt-magic[mic]"' in refused and "; or give a file: %transcribe --from talk.wav" in refused
    assert "Traceback" not in refused
    shown = run(f"%transcribe {PHRASES}")
    text = run("print(transcript.segments[0].text)").splitlines()[1].strip()
    assert len(text.split()) > 2
    assert text in shown
    child.sendline("exit")
    child.expect(pexpect.EOF)
    assert list(tmp_path.rglob("audio.pcm")) == []
