"""MLflow's metrics of a run: few first, and the same ones for every system."""

import math

from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun

from workbench.runs.run import Run
from workbench.scoring.verdict import verdict
from workbench.tracking.values import DETAILS, child_values, metric_values

Logged = tuple[MlflowClient, MlflowRun, dict[str, MlflowRun]]


def test_children_have_the_same_metric_keys_with_the_values_of_the_results(finished: Run, logged: Logged) -> None:
    children = logged[2]
    good, failing = (children[system].data.metrics for system in ("good", "failing"))
    assert good.keys() == failing.keys()
    assert good["gIoU"] == finished.results.systems["good"].metrics["gIoU"] == 1.0
    assert good[DETAILS + "failures.crashed"] == 0.0
    assert failing[DETAILS + "failures.crashed"] == 24.0
    assert good["latency.p50"] > 0
    assert good[DETAILS + "latency.by_targets.1.p50"] > 0
    assert good[DETAILS + "per_correct_instance.calls"] == finished.results.systems["good"].per_correct_instance.calls
    assert math.isnan(metric_values(finished)["failing"]["per_correct_instance.calls"])
    assert not [key for key in good if key.endswith("note")]
    assert math.isnan(metric_values(finished)["failing"]["latency.p50"])


def test_a_child_shows_few_metrics_first_and_the_rest_as_a_group_at_the_end(finished: Run, logged: Logged) -> None:
    keys = list(child_values(finished)["good"])
    assert set(keys) >= logged[2]["good"].data.metrics.keys(), "in the order in which they are logged"
    few = [*finished.results.metrics, "exact_sets", "latency.p50", "n_failed"]
    assert sorted(keys[: len(few)]) == sorted(few) and keys[0] == "mAP" and sorted(keys)[: len(few)] == sorted(few)
    assert all(key.startswith(DETAILS) for key in keys[len(few) :]) and len(keys) > 50


def test_the_parent_has_five_numbers_of_each_system_and_the_verdict(finished: Run, logged: Logged) -> None:
    parent = logged[1].data
    systems = finished.results.systems
    assert parent.tags["mlflow.note.content"] == verdict(finished.results)
    names = {"mAP", "gIoU", "exact_sets", "latency.p50", "n_failed"}
    assert {key for key in parent.metrics if key.endswith("/good")} == {f"{name}/good" for name in names}
    assert parent.metrics["gIoU/good"] == systems["good"].metrics["gIoU"]
    assert parent.metrics["exact_sets/good"] == 1.0 and parent.metrics["exact_sets/failing"] == 0.0
    assert parent.metrics["n_failed/failing"] == 24.0
    assert "latency.p50/failing" not in parent.metrics, "what is undefined is left out"
