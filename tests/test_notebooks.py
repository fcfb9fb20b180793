"""The notebooks that come along are valid, clean, and begin as the README says."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

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
