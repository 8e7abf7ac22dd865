"""Every notebook is committed without outputs and runs from top to bottom.

All run in one kernel, one after the other, each with no name but its own: loading torch for each of them takes more
time than what they do. Reports that they write hold one figure; tests/reports draw every one.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

import workbench
from tests.reports import made_run
from tests.workbench.toys import threshold
from workbench.runs.run import Run

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


KERNEL = NotebookClient(nbformat.v4.new_notebook()).create_kernel_manager()
"""Started by the first notebook that runs."""
FEW_FIGURES = """
from itertools import islice
from reports.figures import catalogue
if catalogue.drawn.__module__ == catalogue.__name__:
    catalogue.drawn = (lambda every, some: lambda results: some(every(results), 1))(catalogue.drawn, islice)
%reset -f
"""
SETTINGS = ("WORKBENCH_RUN", "WORKBENCH_STRESS", "MLFLOW_TRACKING_URI")
"""Variables that a test sets for its notebook."""


def beginning(folder: Path) -> str:
    """Code that leaves the kernel as a new one in a folder, with the variables of this process."""
    here = {name: os.environ[name] for name in SETTINGS if name in os.environ}
    return f"""
import os
os.chdir({str(folder)!r})
for name in {SETTINGS}:
    os.environ.pop(name, None)
os.environ.update({json.dumps(here)})
{FEW_FIGURES}"""


class Shown:
    """What a notebook shows when it is run in a folder: its printed text, its tables as HTML, and how many pictures."""

    def __init__(self, name: str, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(beginning(folder)))
        NotebookClient(notebook, km=KERNEL, timeout=600).execute()
        outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
        self.errors = [output for output in outputs if output.output_type == "error"]
        self.text = "".join(output.text for output in outputs if output.output_type == "stream")
        data = [output.get("data", {}) for output in outputs]
        self.tables = [found["text/html"] for found in data if "text/html" in found]
        self.pictures = sum("image/png" in found for found in data)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    made = made_run.make_run(tmp_path, samples=36)
    monkeypatch.setenv("WORKBENCH_RUN", str(made.path))
    return made


@pytest.fixture(scope="module", autouse=True)
def kernel() -> Iterator[None]:
    """The kernel is given the code that is tested, wherever it is installed from, and one core. No notebook reads what
    is logged to MLflow, which would take longer than what it shows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "none")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    if KERNEL.has_kernel:
        run_sync(KERNEL.shutdown_kernel)(now=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_committed(path: Path) -> None:
    for cell in code_cells(nbformat.read(path, as_version=4)):
        assert cell.outputs == [] and cell.execution_count is None


@pytest.mark.slow
@pytest.mark.parametrize("systems", [(made_run.SINGLE, made_run.AGENT), (made_run.SINGLE,)], ids=len)
def test_compare_two_systems(systems: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made_run.make_run(tmp_path, samples=36, systems=systems)
    monkeypatch.setenv("WORKBENCH_RUN", str(run.path))
    shown = Shown("compare_two_systems", tmp_path / "here")
    assert not shown.errors
    assert shown.pictures == (8 if len(systems) == 2 else 5), (
        "five figures, and three samples where there are two systems"
    )
    headline = shown.tables[0]
    for name in systems:
        assert name in headline
        assert f"{100 * run.results.systems[name].metrics['mAP']:.1f}" in headline


@pytest.mark.slow
def test_where_does_each_side_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short.yaml").write_text(
        "questions: 10\naxes: [{axis: targets, levels: [0, 1, 4]}, {axis: language, levels: [English, German]}]"
    )
    systems = {"near": lambda: threshold(60), "far": lambda: threshold(120)}
    swept = workbench.sweep(str(tmp_path / "short.yaml"), tmp_path / "out", systems)
    monkeypatch.setenv("WORKBENCH_STRESS", str(tmp_path / "out"))
    shown = Shown("where_does_each_side_break", tmp_path / "here")
    assert not shown.errors
    assert "swept language and targets" in shown.text and "workbench stress stress --axes occlusion" in shown.text
    assert shown.pictures == 5, "targets by accuracy twice, by duplicates and by time; languages"
    assert "near at" in shown.text or "near has none to lose" in shown.text
    area = 100 * swept["targets"].results.stress.curves["near"]["gIoU"].area
    assert f"{area:.1f}" in shown.tables[-1] and "Language" in shown.tables[-1]


@pytest.mark.slow
def test_where_are_targets_lost(run: Run, tmp_path: Path) -> None:
    shown = Shown("where_are_targets_lost", tmp_path / "here")
    assert not shown.errors
    assert shown.pictures == 4 + 2, "four figures; of a sample the agent's answer and the masks that it dropped"
    assert "single-pass dropped no target that it had seen" in shown.text
    losses, by_kind, rates = shown.tables
    funnel = run.results.systems[made_run.AGENT].funnel
    assert f"{100 * (funnel['survived_checking'] - funnel['selected']) / funnel['targets']:.1f}" in losses
    assert "counting" in by_kind and "p_holm" in rates
    assert "workbench compare ... --oracles" in shown.text


@pytest.mark.slow
def test_latency_and_cost(run: Run, tmp_path: Path) -> None:
    shown = Shown("latency_and_cost", tmp_path / "here")
    assert not shown.errors
    assert shown.pictures == 5, "Pareto, time by call, by targets, by rounds, by slots"
    percentiles, *_, by_slots, costs = shown.tables
    assert f"{1000 * run.results.systems[made_run.AGENT].latency.p50:.4g} (" in percentiles
    assert "K = 16" in by_slots
    assert f"{run.results.systems[made_run.AGENT].per_correct_instance.calls:.4g} (" in costs


@pytest.mark.slow
def test_thresholds_and_confidence(run: Run, tmp_path: Path) -> None:
    shown = Shown("thresholds_and_confidence", tmp_path / "here")
    assert not shown.errors
    assert shown.pictures == 4, "thresholds, reliability, risk, suppression"
    best, errors, wrong = shown.tables
    curves = run.results.systems[made_run.AGENT].curves
    assert curves is not None and curves.reliability.error is not None
    assert f"{curves.threshold.operating:.2f}" in best
    assert f"{100 * curves.reliability.error:.1f}" in errors
    assert "surest 25%" in wrong


@pytest.mark.slow
def test_one_sample_taken_apart(tmp_path: Path) -> None:
    shown = Shown("one_sample_taken_apart", tmp_path / "here")
    assert not shown.errors
    assert "slots are above" in shown.text
    assert "[picture 1: raw]" in shown.text and "segment_phrase" in shown.text
    assert shown.pictures >= 5, "both answers, slots, attention to image and to words, what the agent saw"
    assert "select_masks_and_return" in shown.tables[-1] or "report_no_mask" in shown.tables[-1]


@pytest.mark.slow
def test_bring_your_own_system(tmp_path: Path) -> None:
    shown = Shown("bring_your_own_system", tmp_path / "here")
    assert not shown.errors
    headline, failed = shown.tables
    assert "by-colour-strict" in headline and "sam3-phrase-tiny" in headline
    assert "RuntimeError: no blue, please" in failed
    assert shown.pictures == 2
    assert len(list(tmp_path.glob("here/runs/*/report.html"))) == 2


@pytest.mark.slow
def test_bring_your_own_predictions(tmp_path: Path) -> None:
    shown = Shown("bring_your_own_predictions", tmp_path / "here")
    assert not shown.errors
    assert "mine leads in mAP" in shown.text
    assert "wrong.jsonl: line 1: sample '0': instance 0: mask: mask RLE is 2x2" in shown.text
    assert "wrong.jsonl has no answer to this sample" in shown.text
    assert "expected one JSON object" in shown.text
    assert shown.pictures == 3
