"""A run as tidy frames, and many runs as one."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

import workbench
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Call, Note, Prediction
from workbench.runs.frames import calls


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


def test_a_curve_has_one_row_for_each_point(runs: Path) -> None:
    found = workbench.load_run(runs / "a")
    curves = found.results.systems["wide"].curves
    assert curves is not None
    frame = found.curve("threshold").query("system == 'wide' and masks == 'answer' and metric == 'gIoU'")
    assert frame["value"].tolist() == curves.threshold.values["gIoU"]
    (operating,) = frame[frame["operating"]]["value"]
    assert operating == found.results.systems["wide"].metrics["gIoU"]
    assert len(found.curve("suppression").query("system == 'wide' and metric == 'duplicates'")) == 21
    assert found.curve("risk").query("system == 'wide'")["coverage"].tolist() == curves.risk.coverage
    assert found.curve("reliability").query("system == 'wide'")["instances"].sum() > 0
    with pytest.raises(ConfigurationError, match="threshold, reliability, risk, suppression; got 'roc'"):
        found.curve("roc")  # type: ignore[arg-type]


def test_calls_has_one_row_for_each_call(runs: Path) -> None:
    found = workbench.load_run(runs / "a")
    frame = found.calls()
    assert len(frame) == 48
    answer = found.predictions("wide")[3]
    (row,) = frame[(frame.system == "wide") & (frame.sample_id == answer.sample_id)].to_dict("records")
    assert (row["kind"], row["seconds"]) == ("segment", answer.calls[0].duration)
    assert row["processor"] == answer.calls[0].processor


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


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, workbench; print(sorted({'numpy', 'pandas', 'mlflow', 'PIL'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert workbench.load_runs is sys.modules["workbench.tracking.load"].load_runs
    with pytest.raises(AttributeError, match="no attribute 'typo'"):
        _ = workbench.typo
