"""Thresholds are chosen on one run and judged on another."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workbench.metrics.scenes import random_benchmark
from workbench.cli.main import main
from workbench.data.conditions import Conditions
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Candidate, Prediction
from workbench.data.samples import Sample
from workbench.metrics.inst2seg import inst2seg
from workbench.metrics.overlaps import overlaps
from workbench.metrics.statistics import values
from workbench.runs.inputs import write_inputs
from workbench.runs.run import Run
from workbench.runs.store import Store
from workbench.scoring.curves import exact_share
from workbench.scoring.tuning import apply, check_apart, choose, split_of
from workbench.tracking.load import load_run

STATED = {"whole": Conditions(threshold=0.2, threshold_option="cut"), "part": Conditions(threshold=0.4)}


@dataclass(frozen=True)
class Strips:
    asked: Sequence[Sample]
    facts: dict[str, Any]
    name = "strips"
    protocol = "inst2seg"

    def identity(self) -> dict[str, Any]:
        return self.facts

    def samples(self) -> Sequence[Sample]:
        return self.asked

    def image_root(self) -> Path:
        return Path()


def cut(answer: Prediction, threshold: float, stores: bool) -> Prediction:
    low = [one for one in answer.instances if one.score <= threshold]
    return replace(
        answer,
        instances=tuple(one for one in answer.instances if one.score > threshold),
        candidates=tuple(Candidate(one.mask, one.score, "low_score") for one in low) if stores else (),
    )


def made(folder: Path, seed: int, **facts: Any) -> Run:
    """Two systems with the same answers: `whole` stores what scores too low, `part` does not."""
    samples, answers = random_benchmark(np.random.default_rng(seed), 20)
    benchmark = Strips(samples, facts)
    identities = {name: {"name": name} for name in STATED}
    folder.mkdir()
    (folder / "strips").mkdir()
    write_inputs(folder, benchmark, samples, identities, {"mode": "latency"}, conditions=STATED)
    for name, identity in identities.items():
        with Store(folder / "strips" / name, identity) as store:
            for sample, answer in zip(samples, answers, strict=True):
                kept = cut(answer, STATED[name].threshold or 0, name == "whole")
                store.append(kept, f"{seed}: {sample.image_id}", "instruction", 0.0)
    return load_run(folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("tuned")
    return {
        "val": made(folder / "val", 1, split="val"),
        "test": made(folder / "test", 2, split="testA"),
        "other": made(folder / "other", 3),
    }


def test_the_best_threshold_is_chosen_and_said_as_an_option(runs: dict[str, Run]) -> None:
    whole, part = choose(runs["val"])
    column = whole.curve.values["exact sets"]
    assert whole.at(whole.threshold)["exact sets"] == max(value for value in column if value is not None)
    assert whole.setting == f"whole.cut={whole.threshold:g}" and whole.curve.operating == 0.2
    assert part.curve.known_from == 0.4 and part.threshold >= 0.4 and part.setting is None
    assert "known from 0.40 up" in part.remarks[0]


def test_of_equally_good_thresholds_the_nearest_to_that_of_the_run_is_chosen(runs: dict[str, Run]) -> None:
    whole, _ = choose(runs["val"])
    best = max(value for value in whole.curve.values["exact sets"] if value is not None)
    pairs = zip(whole.curve.thresholds, whole.curve.values["exact sets"], strict=True)
    as_good = [threshold for threshold, value in pairs if value == best]
    assert abs(whole.threshold - 0.2) == min(abs(threshold - 0.2) for threshold in as_good)


def test_a_bound_on_another_metric_is_kept(runs: dict[str, Run]) -> None:
    free, bound = choose(runs["val"], "mAP")[0], choose(runs["val"], "mAP", {"N_acc": 0.9})[0]
    assert free.at(free.threshold)["N_acc"] < 0.9 <= bound.at(bound.threshold)["N_acc"]  # type: ignore[operator]
    impossible = choose(runs["val"], "mAP", {"N_acc": 1.0, "T_acc": 1.0})[0]
    assert not impossible.changes and impossible.setting is None
    assert impossible.remarks[0] == "no threshold from 0.00 up has N_acc of at least 1 and T_acc of at least 1"


def test_an_unknown_metric_is_named(runs: dict[str, Run]) -> None:
    with pytest.raises(ConfigurationError, match="unknown metric 'mAPP'"):
        choose(runs["val"], "mAPP")
    with pytest.raises(ConfigurationError, match="unknown metric 'n_acc'"):
        choose(runs["val"], at_least={"n_acc": 1})


def test_what_is_applied_is_what_the_system_would_have_had(runs: dict[str, Run]) -> None:
    whole, _ = choose(runs["val"])
    done = {one.system: one for one in apply([whole], runs["test"])}
    samples, answers = random_benchmark(np.random.default_rng(2), 20)
    anew = overlaps(samples, [cut(answer, whole.threshold, True) for answer in answers])
    assert done["whole"].after["exact sets"] == exact_share(anew)
    assert done["whole"].before["mAP"] == values(inst2seg(runs["test"].overlaps("whole")), 40)["mAP"]
    difference = done["whole"].difference
    assert difference is not None and difference.metrics["mAP"].interval is not None
    gain = done["whole"].after["exact sets"] - done["whole"].before["exact sets"]  # type: ignore[operator]
    assert difference.rates["exact_set"].difference == pytest.approx(gain)


def test_what_cannot_be_applied_says_why(runs: dict[str, Run]) -> None:
    whole, part = choose(runs["val"])
    low = replace(part, threshold=0.1)
    (unknown,) = apply([low], runs["test"])
    assert unknown.remark == "its answers below 0.40 are not known there" and unknown.difference is None
    (same,) = apply([replace(whole, threshold=0.2)], runs["test"])
    assert same.remark == "as it ran"
    (missing,) = apply([replace(whole, system="third")], runs["test"])
    assert missing.remark.endswith("has no such system")


def test_thresholds_are_not_chosen_on_test(runs: dict[str, Run]) -> None:
    assert [split_of(run) for run in runs.values()] == ["val", "testA", None]
    with pytest.raises(ConfigurationError, match=r"made on the split 'testA' of strips.*never on test"):
        check_apart(runs["test"], None)
    check_apart(runs["test"], runs["other"])
    check_apart(runs["other"], None)
    check_apart(runs["val"], runs["test"])
    with pytest.raises(ConfigurationError, match="share 20 images"):
        check_apart(runs["val"], load_run(runs["val"].path))


def test_nothing_is_chosen_or_judged_without_truth(runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    bare = load_run(runs["other"].path)
    asked = [replace(sample, has_truth=False, targets=()) for sample in bare.samples()]
    really = Run.samples
    monkeypatch.setattr(Run, "samples", lambda run: asked if run is bare else really(run))
    for pair in ((bare, None), (bare, runs["val"]), (runs["val"], bare)):
        with pytest.raises(ConfigurationError, match="other has no truth"):
            check_apart(*pair)


def test_the_command_prints_settings_and_what_they_do(runs: dict[str, Run], capsys: pytest.CaptureFixture[str]) -> None:
    val, test = str(runs["val"].path), str(runs["test"].path)
    assert main(["tune", val, "--apply", test]) == 0
    shown = capsys.readouterr().out
    whole, part = choose(runs["val"])
    assert "best exact sets, chosen on val (strips, split val)" in shown
    assert f"use them: --set {whole.setting}" in shown
    assert f"0.20 -> {whole.threshold:.2f}" in shown
    assert "applied to the stored answers of test (strips)" in shown and "corrected p" in shown
    assert main(["tune", test]) == 2
    assert main(["tune", val, "--at-least", "N_acc=nan"]) == 2
    assert main(["tune", val, "--at-least", "N_acc"]) == 2
    assert "--at-least expects METRIC=VALUE, as N_acc=0.85; got 'N_acc'" in capsys.readouterr().err
    assert main(["tune", val, "--metric", "mAP", "--at-least", "N_acc=0.9", "--apply", test, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["split"] == "val" and found["at_least"] == {"N_acc": 0.9}
    assert [one["system"] for one in found["systems"]] == ["whole", "part"]
    assert found["systems"][0]["set"].startswith("whole.cut=")
    assert {"thresholds", "values"} <= set(found["systems"][0]["curve"])
    assert found["applied"]["systems"][0]["difference"]["metrics"]["mAP"]["interval"]
    assert part.system == "part"
