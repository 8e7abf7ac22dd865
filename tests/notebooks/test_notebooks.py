"""Every notebook is committed without outputs and runs from top to bottom."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.reports import made_run

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_committed(path: Path) -> None:
    for cell in code_cells(nbformat.read(path, as_version=4)):
        assert cell.outputs == [] and cell.execution_count is None


@pytest.mark.slow
@pytest.mark.parametrize("systems", [(made_run.SINGLE, made_run.AGENT), (made_run.SINGLE,)], ids=len)
def test_compare_two_systems(systems: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made_run.make_run(tmp_path, samples=36, systems=systems)
    monkeypatch.setenv("WORKBENCH_RUN", str(run.path))
    notebook = nbformat.read(FOLDER / "compare_two_systems.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(FOLDER)}}).execute()
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == (8 if len(systems) == 2 else 5), (
        "five figures, and three samples where there are two systems"
    )
    headline = next(output.data["text/html"] for output in outputs if "text/html" in output.get("data", {}))
    for name in systems:
        assert name in headline
        assert f"{100 * run.results['systems'][name]['metrics']['mAP']:.1f}" in headline
