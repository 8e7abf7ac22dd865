"""What a reader should know beside the verdict."""

import json
from pathlib import Path
from typing import Any

from reports.text.caveats import caveats, mixed
from tests.reports.made_results import made_results
from workbench.data.manifest import read_manifest
from workbench.data.results import read_results

OLD = Path(__file__).parents[2] / "workbench" / "runs" / "an_old_run" / "manifest.json"


def noted(found: dict[str, Any], dirty: bool) -> list[str]:
    manifest = read_manifest(json.loads(OLD.read_text()), "manifest.json")
    git = manifest.git.model_copy(update={"dirty": dirty})
    return caveats(read_results(found, "results.json"), manifest.model_copy(update={"git": git}))


def test_caveats_name_failures_and_uncommitted_code() -> None:
    found = made_results({"one": 0.5, "agent": 0.4}, None, {})
    found["systems"]["agent"] |= {"n_failed": 3, "failures": {"timed_out": 2, "malformed_call": 1}}
    found["systems"]["one"]["latency"]["samples"] = 98
    assert noted(found, dirty=True) == [
        "The latency of one rests on the 98 of 100 samples that were timed.",
        "agent failed on 3 of 100 samples (timed out 2, malformed call 1).",
        "The code had uncommitted changes.",
    ]
    assert noted(made_results({"one": 0.5}, None, {}), dirty=False) == []


def test_a_benchmark_of_boxes_is_said_to_be_one() -> None:
    found = made_results({"one": 0.5}, None, {})
    found["benchmark"]["only_boxes"] = True
    (note,) = noted(found, dirty=False)
    assert note.startswith("The benchmark annotates boxes: metrics, failures and the recall funnel compare")


def test_fewer_draws_of_many_images_are_said() -> None:
    found = made_results({"one": 0.5}, None, {}) | {"draws": 500, "latency_draws": 1000}
    (note,) = noted(found, dirty=False)
    assert "rest on 500 bootstrap draws in place of 2,000" in note and "latencies and costs on 1,000" in note


def test_one_sample_is_not_called_samples() -> None:
    found = made_results({"one": 0.5}, None, {})
    found["systems"]["one"] |= {"samples": 1, "unscored": 1, "n_failed": 1, "failures": {"timed_out": 1}}
    found["systems"]["one"]["latency"]["samples"] = 1
    assert noted(found, dirty=False) == [
        "one failed on 1 of 1 sample (timed out 1).",
        "Not scored, as the annotation is unusable: 1 sample.",
    ]


def test_runs_with_repeats_say_that_only_first_answers_are_compared() -> None:
    manifest = read_manifest(json.loads(OLD.read_text()), "manifest.json")
    turns = manifest.model_copy(update={"options": manifest.options.model_copy(update={"repeats": 3})})
    assert mixed([manifest, manifest]) == []
    assert mixed([manifest, turns]) == [
        "Times of different runs are those of first answers: repeats in turns are of one run's systems."
    ]


def test_the_report_of_a_shard_says_that_it_is_one() -> None:
    manifest = read_manifest(json.loads(OLD.read_text()), "manifest.json")
    part = manifest.model_copy(update={"options": manifest.options.model_copy(update={"shard": "3/8"})})
    results = read_results(made_results({"one": 0.5}, None, {}), "results.json")
    (note,) = set(caveats(results, part)) - set(caveats(results, manifest))
    assert note.startswith("This is shard 3/8 of a comparison: the numbers are of its part")
