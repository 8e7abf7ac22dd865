import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.metrics.scenes import answer, random_benchmark, sample, strip
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Call, Candidate, Prediction
from workbench.data.samples import Sample
from workbench.data.vocabulary import INSTANCE_CATEGORIES, MISSED_REASONS, MISTAKES, SAMPLE_CATEGORIES
from workbench.failures.calls import call_failures
from workbench.failures.funnel import funnel
from workbench.failures.taxonomy import STAGES, diagnose
from workbench.metrics.overlaps import overlaps
from workbench.plugins.registry import plugins
from workbench.scoring.system import score, table

METRICS = ["mAP", "AP50", "AP75", "gIoU", "cIoU", "N_acc", "T_acc"]


def perfect(samples: list[Sample]) -> list[Prediction]:
    strips = {0: (0, 20), 1: (30, 50), 2: (60, 80)}
    return [answer(s.sample_id, [(strips[i], 0.9) for i in range(len(s.targets))]) for s in samples]


@pytest.fixture
def benchmark() -> tuple[list[Sample], list[Prediction]]:
    return random_benchmark(np.random.default_rng(0), n_images=20)


def test_perfect_answers_score_one_everywhere(benchmark: tuple[list[Sample], list[Prediction]]) -> None:
    samples, _ = benchmark
    result = score(samples, perfect(samples))
    assert result["metrics"] == dict.fromkeys(METRICS, 1.0)
    for name, (low, high) in result["intervals"].items():
        assert 0.6 < low < 0.9 and high == 1.0, f"{name}: 20 images do not show that it is always so"
    assert (result["n_failed"], result["failures"]) == (0, {})
    assert result["diagnosis"]["exact_set"] == len(samples)


def test_results_are_plain_json_without_nan(benchmark: tuple[list[Sample], list[Prediction]]) -> None:
    samples, answers = benchmark
    broken = [sample("broken", problem="no such mask"), *samples]
    answers = [answer("broken", outcome="bad_sample", message="no such mask"), *answers]
    for result in (
        score(broken, answers),
        table(broken, answers),
        score([], []),
    ):
        assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_order_of_samples_does_not_matter(benchmark: tuple[list[Sample], list[Prediction]]) -> None:
    samples, answers = benchmark
    forward, backward = score(samples, answers), score(samples[::-1], answers)
    assert backward["metrics"] == pytest.approx(forward["metrics"])
    assert backward["diagnosis"] == forward["diagnosis"]
    for name, (low, high) in forward["intervals"].items():
        assert low <= forward["metrics"][name] <= high
        assert backward["intervals"][name] == pytest.approx([low, high])


def test_failures_are_counted_and_score_as_empty_answers() -> None:
    samples = [sample("a", [(0, 20)]), sample("b", [(0, 20)]), sample("c", [(0, 20)])]
    good = [((0, 20), 0.9)]
    result = score(samples, [answer("a", good), answer("b", good, outcome="crashed"), answer("c", outcome="too_long")])
    assert (result["samples"], result["n_failed"]) == (3, 2)
    assert result["failures"] == {"crashed": 1, "too_long": 1}
    assert [result["metrics"][name] for name in ("gIoU", "mAP")] == pytest.approx([1 / 3, 1 / 3])
    assert result["diagnosis"]["failed"] == 2


def test_a_sample_without_usable_annotation_is_counted_but_not_scored_as_no_target() -> None:
    samples = [sample("a", [(0, 20)]), sample("b", problem="broken mask")]
    result = score(samples, [answer("a", [((0, 20), 0.9)]), answer("b", outcome="bad_sample")])
    assert (result["samples"], result["unscored"], result["failures"]) == (2, 1, {"bad_sample": 1})
    assert result["by_targets"]["0"]["samples"] == 0
    assert result["metrics"]["N_acc"] is None


def test_groups_by_targets_and_by_kind() -> None:
    samples = [
        sample("a", kind="color"),
        sample("b", [(0, 20)], kind="color"),
        sample("c", [(0, 20), (30, 50)], kind="count"),
        sample("d", [(0, 20)]),
    ]
    answers = [answer("a"), answer("b"), answer("c", [((0, 20), 0.9), ((30, 50), 0.8)]), answer("d")]
    result = score(samples, answers)
    assert {name: group["samples"] for name, group in result["by_targets"].items()} == {"0": 1, "1": 2, ">=2": 1}
    assert {name: group["metrics"]["gIoU"] for name, group in result["by_kind"].items()} == {"color": 0.5, "count": 1.0}
    assert result["by_kind"]["count"]["intervals"] == dict.fromkeys(METRICS)


def test_undefined_values_are_none() -> None:
    metrics = score([sample("a")], [answer("a")])["metrics"]
    assert metrics == dict.fromkeys(METRICS) | {"gIoU": 1.0, "N_acc": 1.0}


def test_the_table_agrees_with_the_scores(benchmark: tuple[list[Sample], list[Prediction]]) -> None:
    samples, answers = benchmark
    rows, result = table(samples, answers), score(samples, answers)
    assert [row["sample_id"] for row in rows] == [s.sample_id for s in samples]
    assert np.mean([row["iou"] for row in rows]) == pytest.approx(result["metrics"]["gIoU"])
    pooled = sum(row["intersection"] for row in rows) / sum(row["union"] for row in rows)
    assert pooled == pytest.approx(result["metrics"]["cIoU"])
    for category, count in result["diagnosis"].items():
        assert sum(row[category] for row in rows) == count
    for category, count in result["call_failures"].items():
        assert sum(row[f"calls_{category}"] for row in rows) == count
    for stage, count in funnel(overlaps(samples, answers)).items():
        assert sum(row["n_targets" if stage == "targets" else f"funnel_{stage}"] for row in rows) == count


def test_the_table_has_every_category_of_every_sample(benchmark: tuple[list[Sample], list[Prediction]]) -> None:
    samples, answers = benchmark
    dropped = (Candidate(strip((30, 50)), 0.4, "unselected"),)
    answers = [replace(given, candidates=dropped) for given in answers[:-1]] + [answers[-1]]
    rows = table(samples, answers)
    found = overlaps(samples, answers)
    assert sum(row["missed_unselected"] for row in rows) > 0
    for row, overlap, given in zip(rows, found, answers, strict=True):
        diagnosis = diagnose(overlap)
        assert [name for name in SAMPLE_CATEGORIES if row[name]] == [diagnosis.sample], "one category a sample"
        assert sum(row[name] for name in INSTANCE_CATEGORIES) == len(diagnosis.instances), "one category an instance"
        assert row["matched"] + row["missed"] == row["n_targets"]
        assert sum(row[f"missed_{reason}"] for reason in MISSED_REASONS) == row["missed"]
        assert {name: row[f"calls_{name}"] for name in MISTAKES} == call_failures(given)
        assert [row[f"funnel_{stage}"] for stage in STAGES] == list(funnel([overlap]).values())[1:]


def test_table_rows_carry_what_a_sample_cost() -> None:
    calls = (Call("llm", 0.0, 2.0, 100, 10), Call("segment", 2.0, 0.5), Call("llm", 3.0, 1.0, 50, 5))
    (row,) = table([sample("a", kind="color")], [answer("a", calls=calls, latency=4.0, outcome="crashed", message="m")])
    assert (row["calls"], row["calls_llm"], row["calls_segment"]) == (3, 2, 1)
    assert (row["seconds_llm"], row["seconds_segment"], row["seconds_render"]) == (3.0, 0.5, 0.0)
    assert (row["tokens_in"], row["tokens_out"], row["latency"]) == (150, 15, 4.0)
    assert (row["kind"], row["outcome"], row["message"], row["failed"]) == ("color", "crashed", "m", True)


def test_every_row_has_the_same_columns() -> None:
    rows = table([sample("a"), sample("b", problem="broken")], [answer("a"), answer("b", outcome="bad_sample")])
    assert list(rows[0]) == list(rows[1])
    assert rows[1]["iou"] is None
    assert not any(isinstance(value, float) and math.isnan(value) for row in rows for value in row.values())


def test_an_unknown_protocol_lists_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="inst2seg"):
        score([], [], protocol="inst2sag")


def test_the_protocol_is_a_plugin_and_importing_it_loads_no_model_code() -> None:
    assert "inst2seg" in {plugin.name for plugin in plugins("metrics") if plugin.problem is None}
    heavy = "import workbench.scoring.system, sys; print({'torch', 'scipy', 'pandas', 'mlflow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True).stdout.strip() == "set()"
