"""The numbers of many runs as one frame, from folders and from MLflow."""

from pathlib import Path

import pytest

import workbench
from workbench.data.errors import ConfigurationError


def test_many_runs_are_one_frame_with_the_oldest_first(runs: Path) -> None:
    with pytest.warns(UserWarning, match="not finished: .*unfinished"):
        frame = workbench.load_runs(runs)
    assert list(frame["run"].unique()) == ["b", "a"], "not MLflow's copies of them"
    assert list(frame["source"].unique()) == [str(runs / name) for name in "ba"]
    assert frame["created"].is_monotonic_increasing
    one = frame[frame.run == "a"].reset_index(drop=True)
    assert one[["system", "metric", "value", "low", "high"]].equals(
        workbench.load_run(runs / "a").metrics()[["system", "metric", "value", "low", "high"]]
    )


def test_runs_of_an_experiment_and_runs_that_are_named(runs: Path) -> None:
    uri = f"sqlite:///{runs / 'mlflow.db'}"
    results = workbench.load_run(runs / "a").results
    from mlflow import MlflowClient

    (experiment,) = (e.name for e in MlflowClient(uri).search_experiments() if e.name.startswith("toy-"))
    frame = workbench.load_runs(experiment, uri)
    assert list(frame["run"].unique()) == ["b", "a"]
    assert set(frame["source"].str.len()) == {32}
    assert results.systems["wide"].metrics["gIoU"] in set(frame["value"])
    named = workbench.load_runs([runs / "a", frame["source"].iloc[0]], uri)
    assert list(named["source"].unique()) == [frame["source"].iloc[0], str(runs / "a")]


def test_what_is_not_there_is_refused(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unfinished is not finished"):
        workbench.load_runs([runs / "sub" / "unfinished"])
    with pytest.raises(ConfigurationError, match="no finished run in"):
        workbench.load_runs(tmp_path)
    with pytest.raises(ConfigurationError, match="no folder and no MLflow experiment 'typo'"):
        workbench.load_runs("typo", f"sqlite:///{runs / 'mlflow.db'}")
