"""The runner asks every sample once, times honestly, and turns what goes wrong into outcomes."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workbench.comparison.watched import Watched, answered, raise_on, toy
from tests.workbench.toys import threshold
from workbench.comparison.runner import run
from workbench.data.conditions import Conditions
from workbench.data.errors import ConfigurationError
from workbench.data.samples import Sample
from workbench.plugins.registry import prepare
from workbench.runs.files import read_records
from workbench.tracking.load import load_run
from workbench.workers import worker


def test_every_sample_is_answered_in_order(tmp_path: Path) -> None:
    benchmark = toy(tmp_path)
    predictions = answered(tmp_path, Watched(), benchmark)
    samples = list(benchmark.samples())
    assert [p.sample_id for p in predictions] == [s.sample_id for s in samples]
    assert [[i.mask for i in p.instances] for p in predictions] == [list(s.targets) for s in samples]


def test_latency_mode_asks_one_at_a_time_after_a_warm_up_that_is_kept_apart(tmp_path: Path) -> None:
    system = Watched()
    predictions = answered(tmp_path, system, toy(tmp_path, 3))
    assert system.asked == [["s0"], ["s0"], ["s1"], ["s2"]]
    assert np.array_equal(system.images[0], system.images[1][:, ::-1])
    assert all(p.latency is not None and p.latency > 0 for p in predictions)
    (session,) = read_records(tmp_path / "run/toy/watched/sessions.jsonl")
    assert session["warm_up"] > 0
    assert session["load"] >= 0


def test_throughput_mode_asks_in_batches_and_reports_no_latency(tmp_path: Path) -> None:
    system = Watched()
    predictions = answered(tmp_path, system, mode="throughput")
    assert system.asked == [["s0"], ["s0", "s1", "s2", "s3"], ["s4", "s5"]]
    assert all(p.latency is None for p in predictions)


def test_a_system_that_never_answers_is_given_up_in_its_warm_up_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def hang(_: Sample) -> None:
        while True:
            pass

    monkeypatch.setattr(worker, "WARM_UP_LIMITS", 1)
    predictions = answered(tmp_path, Watched(hang), toy(tmp_path, 2), time_limit=0.1)
    assert [p.outcome for p in predictions] == ["timed_out", "timed_out"]
    assert "warm-up failed: no answer within 0.1 s" in capsys.readouterr().err


def test_an_interrupted_run_is_continued_and_repeats_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        answered(tmp_path, Watched(raise_on("s3", error=KeyboardInterrupt())))
    stored = tmp_path / "run/toy/watched/predictions.jsonl"
    assert [r["sample_id"] for r in read_records(stored)] == ["s0", "s1", "s2"]
    system = Watched()
    answered(tmp_path, system)
    assert system.asked == [["s0"], ["s3"], ["s4"], ["s5"]]  # the first is the warm-up
    system = Watched()
    answered(tmp_path, system)
    assert system.asked == []
    assert [r["sample_id"] for r in read_records(stored)] == [f"s{n}" for n in range(6)]


def test_a_continued_run_draws_the_same_random_numbers(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        answered(tmp_path, Watched(raise_on("s3", error=KeyboardInterrupt())), seed=5)
    continued = answered(tmp_path, Watched(), seed=5)
    whole = answered(tmp_path / "whole", Watched(), seed=5)
    other = answered(tmp_path / "other", Watched(), seed=6)
    assert [p.instances for p in continued] == [p.instances for p in whole]
    assert [p.instances for p in other] != [p.instances for p in whole]


def test_the_limit_takes_the_first_samples_and_can_be_raised(tmp_path: Path) -> None:
    assert [p.sample_id for p in answered(tmp_path, Watched(), limit=2)] == ["s0", "s1"]
    system = Watched()
    assert len(answered(tmp_path, system, limit=4)) == 4
    assert system.asked == [["s0"], ["s2"], ["s3"]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 61}, "system.threshold was 60 and is now 61"),
        ({"mode": "throughput"}, "mode was 'latency' and is now 'throughput'"),
        ({"seed": 1}, "seed was 0 and is now 1"),
        ({"sample": "random", "limit": 6}, "sample was 'absent' and is now 'random'"),
    ],
)
def test_what_was_made_under_other_conditions_stops_a_run_before_any_system_works(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    run({"a": threshold}, lambda: toy(tmp_path), tmp_path / "run")
    before = (tmp_path / "run/manifest.json").read_bytes()
    first = Watched()
    options = {key: value for key, value in change.items() if key != "threshold"}
    systems = {"first": lambda: first, "a": partial(threshold, change.get("threshold", 60))}
    with pytest.raises(ConfigurationError, match=message):
        run(systems, lambda: toy(tmp_path), tmp_path / "run", **options)
    assert first.asked == []
    assert (tmp_path / "run/manifest.json").read_bytes() == before


def test_a_changed_image_stops_a_run_that_is_continued(tmp_path: Path) -> None:
    answered(tmp_path, Watched())
    path = tmp_path / "data" / "1.png"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ConfigurationError, match="sample s2: the image file changed since it was predicted"):
        answered(tmp_path, Watched())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "limit must be a whole number of at least 1, got 0"),
        ({"limit": 1.5}, "limit must be a whole number of at least 1, got 1.5"),
        ({"repeats": 1.5}, "repeats must be a whole number of at least 0, got 1.5"),
        ({"seed": "0"}, "seed must be a whole number, got '0'"),
        ({"time_limit": "10"}, "time limit must be above 0 seconds, got '10'"),
        ({"mode": "fast"}, "mode must be one of latency, throughput, got 'fast'"),
        ({"time_limit": 0}, "time limit must be above 0"),
        ({"sample": "last"}, "sample must be one of first, random, got 'last'"),
        ({"sample": "random"}, "random samples need to know how many: expected a limit beside sample random"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        answered(tmp_path, Watched(), **options)


def test_perfect_parts_need_a_truth(tmp_path: Path) -> None:
    benchmark, asked = toy(tmp_path), Watched()
    samples = [replace(sample, has_truth=False) for sample in benchmark.samples()]
    setattr(benchmark, "samples", lambda: samples)  # noqa: B010
    with pytest.raises(
        ConfigurationError, match=r"oracles: toy says nothing about what is right.* leave --oracles out"
    ):
        answered(tmp_path, asked, benchmark, oracles=True)
    assert asked.asked == []


def test_two_samples_of_one_id_are_refused(tmp_path: Path) -> None:
    benchmark = replace(toy(tmp_path), changes={"s1": {"sample_id": "s0"}})
    with pytest.raises(ConfigurationError, match="two samples of id 's0'"):
        answered(tmp_path, Watched(), benchmark)


def test_a_benchmark_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="toy has no samples"):
        answered(tmp_path, Watched(), toy(tmp_path, 0))


def test_a_benchmark_without_its_files_stops_before_any_model_is_loaded(tmp_path: Path) -> None:
    def never() -> Watched:
        raise AssertionError("the system was made")

    missing = prepare("benchmarks", "grefcoco", {"annotations": "nowhere.json"})
    with pytest.raises(ConfigurationError, match=r"nowhere\.json"):
        run({"watched": never}, missing, tmp_path / "run")


def test_an_unknown_protocol_is_refused_before_any_system_works(tmp_path: Path) -> None:
    system = Watched()
    with pytest.raises(ConfigurationError, match="unknown metric 'inst2sag'"):
        answered(tmp_path, system, replace(toy(tmp_path), protocol="inst2sag"))
    assert not system.images


def test_progress_tells_what_is_done_and_what_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answered(tmp_path, Watched(raise_on("s0", "s4")))
    assert "watched: 6/6 samples, " in (lines := capsys.readouterr().err)
    assert lines.rstrip().endswith("2 failed")


def test_every_stored_line_is_a_prediction_with_its_provenance(tmp_path: Path) -> None:
    answered(tmp_path, Watched(), toy(tmp_path, 4))
    lines = (tmp_path / "run/toy/watched/predictions.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    images = [record["image"] for record in records]
    assert images[0] == images[1] != images[2] == images[3]
    asked = {sample.instruction for sample in toy(tmp_path, 4).samples()}
    assert len({record["instruction"] for record in records}) == len(asked)
    assert [record["seconds"] for record in records] == [record["latency"] for record in records]


def test_what_a_system_says_about_itself_is_kept_with_the_run(tmp_path: Path) -> None:
    class Stating(Watched):
        says: Any = Conditions(threshold=0.5, detector="none")

        def conditions(self) -> Conditions:
            return self.says  # type: ignore[no-any-return]

    run({"stating": Stating, "silent": Watched}, lambda: toy(tmp_path, 2), tmp_path / "run")
    assert load_run(tmp_path / "run").manifest.conditions == {"stating": Stating.says}
    Stating.says = "by colour"
    with pytest.raises(
        ConfigurationError, match=r"stating: expected `conditions.*` to give.*Conditions`, got 'by colour'"
    ):
        run({"stating": Stating}, lambda: toy(tmp_path, 2), tmp_path / "other")
