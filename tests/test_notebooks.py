"""The notebooks that come along are valid, clean, and begin as the README says."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from rt_magic.wire.models import MODELS

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_clean(path: Path) -> None:
    """No output, no count and no widget state of whoever ran it last is kept."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert {cell.execution_count for cell in cells} == {None}
    assert "widgets" not in notebook.metadata


def test_the_quickstart_is_two_cells_and_a_table() -> None:
    """Two cells to the first words, a third to compute with them."""
    path = next(path for path in NOTEBOOKS if path.stem == "quickstart")
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert cells == ["%load_ext rt_magic", "%%transcribe", "transcript.to_pandas()"]


def test_the_azure_notebook_tells_of_every_model() -> None:
    """Each model that is known has its line, with what it costs or where that is said."""
    path = next(path for path in NOTEBOOKS if path.stem == "azure")
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    lines = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    assert set(lines) == set(MODELS)
    for model, abilities in MODELS.items():
        assert ("while you speak" in lines[model]) is bool(abilities.streams)
        assert ("rt_magic" in lines[model]) is not abilities.turn_detection
        assert ("prompt" in lines[model], "keywords" in lines[model]) == (abilities.prompt, abilities.keywords)


@pytest.mark.parametrize("name", ["analysis", "files"])
def test_a_notebook_runs_to_its_end(name: str) -> None:
    """Run from its folder, every cell works, nothing is written to stderr, and words are shown."""
    (path,) = (path for path in NOTEBOOKS if path.stem == name)
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [out for cell in cells for out in cell.outputs if out.get("name") == "stderr"]
    shown = "".join(str(out.get("text") or out.data["text/plain"]) for cell in cells for out in cell.outputs)
    assert "one two three four five" in shown and cells[-1].outputs
