"""A run as tidy frames, and many runs as one."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

import workbench
from tests.workbench.toys import Rectangles, threshold
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Call, Note, Prediction
from workbench.runs.files import write_json
from workbench.runs.frames import calls
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.tracking.log import track


def made(folder: Path, near: int = 90) -> Run:
    systems = {"wide": lambda: threshold(near), "narrow": lambda: threshold(0)}
    run(systems, lambda: Rectangles(folder.parent / "data", 24), folder)
    return finish(folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished runs, `b` older than `a`, both logged beside them, and an unfinished one."""
    folder = tmp_path_factory.mktemp("frames") / "runs"
    for name, created in (("a", "2026-02-01T00:00:00+00:00"), ("b", "2026-01-01T00:00:00+00:00")):
        made(folder / name)
        manifest = json.loads((folder / name / "manifest.json").read_text())
        write_json(folder / name / "manifest.json", manifest | {"created": created})
        track(workbench.load_run(folder / name))
    made(folder / "sub" / "unfinished").path.joinpath("results.json").unlink()
    return folder


def test_metrics_has_one_row_for_each_system_and_number(runs: Path) -> None:
    found = workbench.load_run(runs / "a")
    frame = found.metrics()
    assert not frame.duplicated(["system", "metric"]).any()
    row = frame.set_index(["system", "metric"]).loc[("wide", "cIoU")]
    assert row["value"] == found.results.systems["wide"].metrics["cIoU"]
    assert (row["low"], row["high"]) == found.results.systems["wide"].intervals["cIoU"]
    assert frame[frame.unit == "fraction"].groupby("system").size().to_dict() == {"narrow": 7, "wide": 7}
    costs = frame[frame.system == "wide"].set_index("metric")
    assert costs.loc["latency.p50", "value"] == found.results.systems["wide"].latency.p50
    assert costs.loc["n_failed", "value"] == 0
    assert math.isnan(costs.loc["samples_per_second", "value"])


def test_metrics_by_group_counts_the_samples_of_the_group(runs: Path) -> None:
    found = workbench.load_run(runs / "a")
    frame = found.metrics(by="targets")
    wide = frame[(frame.system == "wide") & (frame.metric == "gIoU")].set_index("group")["samples"]
    targets = [len(sample.targets) for sample in found.samples()]
    assert wide.to_dict() == {"0": targets.count(0), "1": targets.count(1), ">=2": 0}
    assert set(found.metrics(by="kind")["group"]) == {"colour"}
    with pytest.raises(ConfigurationError, match="'kind' or 'targets', got 'colour'"):
        found.metrics(by="colour")  # type: ignore[arg-type]


def test_differences_has_one_row_for_each_pair_and_metric_or_rate(runs: Path) -> None:
    found = workbench.load_run(runs / "a")
    frame = found.differences().set_index("name")
    stored = found.results.differences[0]
    assert len(frame) == len(stored.metrics) + len(stored.rates) + len(stored.latency)
    assert frame.loc["p50", "ratio"] == stored.latency["p50"].ratio
    assert set(frame["a"]) == {"wide"} and set(frame["b"]) == {"narrow"}
    gained = frame.loc["T_acc"]
    assert (gained["family"], gained["difference"]) == ("metric", 1.0)
    assert (gained["p"], gained["p_holm"]) == (stored.metrics["T_acc"].p, stored.metrics["T_acc"].p_holm)
    declined = frame.loc["target_declined"]
    assert (declined["family"], declined["only_a"]) == ("rate", 0)
    assert declined["only_b"] == stored.rates["target_declined"].only_b > 0


def test_calls_has_one_row_for_each_call(runs: Path) -> None:
    found = workbench.load_run(runs / "a")
    frame = found.calls()
    assert len(frame) == 48
    answer = found.predictions("wide")[3]
    (row,) = frame[(frame.system == "wide") & (frame.sample_id == answer.sample_id)].to_dict("records")
    assert (row["kind"], row["seconds"]) == ("segment", answer.calls[0].duration)


def test_a_call_is_named_by_its_tool_and_says_what_failed() -> None:
    made = [
        Call("llm", 0.0, 1.0, 7, 3, Note(request="main", tool="segment_phrase")),
        Call("segment", 1.0, 0.5, note=Note(phrase="cup", failed="out of memory")),
    ]
    first, second = calls({"x": [Prediction("1", calls=tuple(made))]}).to_dict("records")
    assert (first["name"], first["tokens_in"], first["tokens_out"]) == ("segment_phrase", 7, 3)
    assert (second["call"], second["name"], second["phrase"], second["failed"]) == (
        1,
        "segment",
        "cup",
        "out of memory",
    )


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


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, workbench; print(sorted({'numpy', 'pandas', 'mlflow', 'PIL'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert workbench.load_runs is sys.modules["workbench.tracking.load"].load_runs
    with pytest.raises(AttributeError, match="no attribute 'typo'"):
        _ = workbench.typo
