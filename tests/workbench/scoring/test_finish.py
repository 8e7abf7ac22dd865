"""A run whose predictions are complete is scored; one that lacks some is refused."""

from pathlib import Path

import pandas as pd
import pytest

from tests.workbench.toys import Rectangles, threshold
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.scoring.finish import finish
from workbench.tracking.load import load_run


@pytest.fixture
def answered(tmp_path: Path) -> Path:
    """A run of two systems that is not scored yet."""
    systems = {"near": lambda: threshold(90), "blind": lambda: threshold(0)}
    run(systems, lambda: Rectangles(tmp_path / "data", 12), tmp_path / "run")
    return tmp_path / "run"


def test_results_and_the_table_of_samples_are_written_and_returned(answered: Path) -> None:
    scored = finish(answered)
    assert scored.results == load_run(answered).results
    assert list(scored.results.systems) == ["near", "blind"]
    assert scored.results.systems["near"].metrics["gIoU"] == 1.0
    assert scored.results.systems["near"].cold_start is not None
    table = pd.read_parquet(answered / "samples.parquet")
    assert table.groupby("system").size().to_dict() == {"near": 12, "blind": 12}


def test_without_its_sessions_a_system_has_no_cold_start(answered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (load_run(answered).store("blind") / "sessions.jsonl").unlink()
    scored = finish(answered)
    assert scored.results.systems["blind"].cold_start is None
    assert "cold start and throughput are not known" in capsys.readouterr().err


def test_missing_predictions_are_named_and_nothing_is_written(answered: Path) -> None:
    path = load_run(answered).store("blind") / "predictions.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(ConfigurationError, match="blind"):
        finish(answered)
    assert not (answered / "results.json").exists()
