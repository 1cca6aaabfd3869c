"""The notebooks run from top to bottom, and are stored without outputs."""

import shutil
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_without_outputs(notebook: Path) -> None:
    cells = [
        cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"
    ]
    assert cells
    assert [cell.source for cell in cells if cell.outputs or cell.execution_count] == []


@pytest.mark.model
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(notebook: Path, tmp_path: Path, seeds_index: Path) -> None:
    """In a copy, so that the index of the project stays as it is; what is embedded is given."""
    from nbclient import NotebookClient

    shutil.copytree(ROOT / "seeds", tmp_path / "seeds")
    shutil.copytree(ROOT / "benchmarks" / "results", tmp_path / "benchmarks" / "results")
    shutil.copytree(seeds_index / "cache", tmp_path / "index" / "cache")
    (tmp_path / "notebooks").mkdir()
    book = nbformat.read(notebook, as_version=4)
    NotebookClient(
        book, timeout=240, resources={"metadata": {"path": str(tmp_path / "notebooks")}}
    ).execute()
    shown = [output for cell in book.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", ()) for output in shown)
