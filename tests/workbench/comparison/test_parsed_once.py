"""A comparison parses its samples and predictions once: scoring, report, figures and MLflow share them."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench
from tests.conftest import Install
from tests.workbench.cli.installed import TOYS
from workbench.tracking.load import load_run

OPENED: Counter[str] = Counter()
COUNTING: list[Path] = []


def _count(event: str, arguments: tuple[object, ...]) -> None:
    """Counts the files below the folders in `COUNTING` that are opened for reading, by whoever opens them."""
    if event != "open" or not COUNTING:
        return
    path, mode = arguments[:2]
    reads = isinstance(mode, str) and "r" in mode and "+" not in mode
    if reads and isinstance(path, str) and Path(path).is_relative_to(COUNTING[0]):
        OPENED[str(Path(path).relative_to(COUNTING[0]))] += 1


@pytest.fixture(scope="module", autouse=True)
def hook() -> None:
    sys.addaudithook(_count)  # there is no way to take one off again


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Counter[str]]:
    """How often each file below `tmp_path` was read since the test began."""
    OPENED.clear()
    COUNTING.append(tmp_path)
    yield OPENED
    COUNTING.clear()


@pytest.fixture(autouse=True)
def workplace(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install("toys", TOYS)
    monkeypatch.chdir(tmp_path)


def test_five_systems_with_report_and_mlflow(opened: Counter[str], tmp_path: Path) -> None:
    systems = {f"toy-{number}": "toy-a" for number in range(5)}
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    run = workbench.compare(systems, "toy", tmp_path / "run", limit=8, tracking_uri=uri)
    assert run.results.mlflow and run.results.report
    assert opened["run/toy/samples.jsonl"] == 2, "parsed once, and copied once as an artifact of MLflow"
    assert [opened[f"run/toy/{name}/predictions.jsonl"] for name in systems] == [1] * 5


def test_everything_that_a_loaded_run_is_asked_for_needs_one_reading(opened: Counter[str], tmp_path: Path) -> None:
    workbench.compare(["toy-a", "toy-b"], "toy", tmp_path / "run", limit=6)
    opened.clear()
    run = load_run(tmp_path / "run")
    for _ in range(2):
        run.calls(), run.samples(), run.records("toy-a"), run.predictions("toy-b"), run.overlaps("toy-b")
    assert opened["run/toy/samples.jsonl"] == 1
    assert opened["run/toy/toy-a/predictions.jsonl"] == opened["run/toy/toy-b/predictions.jsonl"] == 1


def test_what_is_given_out_can_be_changed_without_changing_the_run(tmp_path: Path) -> None:
    run = workbench.compare(["toy-a"], "toy", tmp_path / "run", limit=4)
    run.samples().clear()
    run.predictions("toy-a").clear()
    run.records("toy-a")[0]["outcome"] = "changed"
    assert len(run.samples()) == len(run.predictions("toy-a")) == 4
    assert run.records("toy-a")[0]["outcome"] == "ok"
