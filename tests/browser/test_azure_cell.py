"""The cell against Azure OpenAI, played by the scripted service: where it goes, words, refusals, secrets."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from rt_magic.testing import PeerConnection, Refusal
from tests.browser.cell import click, expect_state, value
from tests.browser.conftest import Lab
from tests.browser.microphone import WavMicrophone
from tests.browser.notebook import NotebookPage
from tests.speakers import Peer

KEY = "sk-secret-of-a-test-0123456789"
LINES = ("Où est l’élève ? C'est déjà l'été.", "مرحبا بالعالم", "Bravo 👩🏽‍🔬 !")


def azure_cell(lab: Lab, address: str, secret: str = "AZURE_OPENAI_API_KEY") -> NotebookPage:
    """A notebook whose kernel has Azure's settings, and a cell that asks for French."""
    settings = f"import os\nos.environ.update(AZURE_OPENAI_ENDPOINT='http://{address}', {secret}=os.environ['RTM_KEY'])"
    notebook = lab.notebook([settings, "%load_ext rt_magic", "%%transcribe --lang fr", "import logging"])
    notebook.execute_in_kernel(f"import os; os.environ['RTM_KEY'] = {KEY!r}")
    notebook.run_cells(0, 1, 2)
    return notebook


async def french(connection: PeerConnection) -> None:
    """Say the lines, one a second."""
    update = await connection.accept()
    assert update.session["audio"]["input"]["transcription"]["language"] == "fr"
    for number, text in enumerate(LINES, 1):
        await connection.audio(seconds=number)
        await connection.turn(text, start=number - 1, end=number, deltas=[text[:4]])
    await connection.finish()


@pytest.mark.parametrize("secret", ["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"])
def test_a_cell_with_azure(lab: Lab, microphone: WavMicrophone, secret: str) -> None:
    """The cell names the host, writes French, Arabic and emoji unharmed, and the key or token is nowhere found."""
    with Peer(french) as peer:
        notebook = azure_cell(lab, peer.address, secret)
        expect_state(notebook, "ready")
        destination = notebook.page.locator(".rt-destination")
        expect(destination).to_contain_text(f"Goes to {peer.address}")
        expect(destination).to_contain_text("French")
        expect(destination).to_contain_text("AZURE_OPENAI_ENDPOINT is set")
        click(notebook, "Start")
        lines = notebook.page.locator(".rt-segment[data-final=true] .rt-text")
        expect(lines).to_have_text(list(LINES), timeout=20_000)
        click(notebook, "Stop")
        expect_state(notebook, "stopped", 30)
        (request,) = [dict(request.headers.raw_items()) for request in peer.requests]
        assert KEY in (request.get("api-key"), request.get("Authorization", "").removeprefix("Bearer "))
    assert value(notebook, "[s.text for s in transcript.segments]") == list(LINES)
    notebook.save()
    saved = json.dumps(notebook.saved_notebook(), ensure_ascii=False)
    assert all(line in saved for line in LINES)
    states = notebook.execute_in_kernel(
        "from ipywidgets.widgets.widget import _instances\nfor widget in _instances.values(): print(widget.get_state())"
    )
    folder = Path(value(notebook, "str(transcript.recording.folder)"))
    recorded = b"".join(file.read_bytes() for file in folder.iterdir())
    page = notebook.page.content()
    assert LINES[1] in states and [text for text in (saved, states, page) if KEY in text] == []
    assert KEY.encode() not in recorded and os.path.exists(folder)


def test_a_refused_key_is_explained_in_the_cell(lab: Lab, microphone: WavMicrophone) -> None:
    """A 401 is one sentence in the cell that names the likeliest cause and the request, without the key."""
    with Peer(Refusal(401, '{"error":{"code":"401","message":"Access denied"}}', {"apim-request-id": "r-42"})) as peer:
        notebook = azure_cell(lab, peer.address)
        click(notebook, "Start")
        expect_state(notebook, "error")
        alert = notebook.page.get_by_role("alert")
        expect(alert).to_contain_text("401")
        expect(alert).to_contain_text("r-42")
        assert KEY not in notebook.page.content()
