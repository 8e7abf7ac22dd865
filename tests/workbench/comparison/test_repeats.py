"""Samples are asked again in turns, so that a busy moment of the machine meets all systems."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.comparison.watched import Watched, raise_on, toy
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError, StoppedError
from workbench.data.predictions import Prediction
from workbench.data.prices import Price, Prices
from workbench.data.samples import Sample
from workbench.runs.files import read_records
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.scoring.verdict import verdict


class Named(Watched):
    """Says its name in a list that systems share, and sleeps."""

    def __init__(self, name: str, order: list[str], seconds: float = 0.0, trouble: Any = None) -> None:
        super().__init__(trouble or (lambda sample: None))
        self.name, self.order, self.seconds = name, order, seconds

    def identity(self) -> dict[str, Any]:
        return {"name": self.name}

    def predict(self, samples: Any, images: Any) -> list[Prediction]:
        self.order += [f"{self.name} {sample.sample_id}" for sample in samples]
        time.sleep(self.seconds)
        return super().predict(samples, images)


def two(tmp_path: Path, n_samples: int = 3, slow: float = 0.0, trouble: Any = None, **options: Any) -> list[str]:
    """What two systems were asked, in order."""
    order: list[str] = []
    makers = {
        "a": lambda: Named("a", order, 0.0, trouble),
        "b": lambda: Named("b", order, slow),
    }
    run(makers, lambda: toy(tmp_path, n_samples), tmp_path / "run", **options)
    return order


def repeats(tmp_path: Path, system: str) -> list[dict[str, Any]]:
    return read_records(tmp_path / "run/toy" / system / "repeats.jsonl")


def test_systems_take_turns_about_each_sample_after_a_warm_up(tmp_path: Path) -> None:
    order = two(tmp_path, 2, repeats=2)
    in_turns = ["a s0", "b s0", "a s1", "b s1"]
    assert order == ["a s0", "a s0", "a s1", "b s0", "b s0", "b s1", "a s0", "b s0", *in_turns, *in_turns]
    assert [one["sample_id"] for one in repeats(tmp_path, "a")] == ["s0", "s1", "s0", "s1"]
    assert all(one["latency"] > 0 and one["processor"] >= 0 for one in repeats(tmp_path, "b"))


def test_repeats_go_on_where_they_were_stopped_and_more_are_added(tmp_path: Path) -> None:
    two(tmp_path, 2, repeats=1)
    line = (tmp_path / "run/toy/b/repeats.jsonl").read_bytes().splitlines(keepends=True)[0]
    (tmp_path / "run/toy/b/repeats.jsonl").write_bytes(line)
    assert two(tmp_path, 2, repeats=1) == ["a s0", "b s0", "b s1"], "warm-ups, and what was missing"
    assert len(two(tmp_path, 2, repeats=3)) == 2 + 2 * 4
    assert two(tmp_path, 2, repeats=3) == []


def test_the_ratio_of_latencies_is_that_of_the_repeats_and_the_verdict_says_so(tmp_path: Path) -> None:
    two(tmp_path, 12, slow=0.02, repeats=3)
    found: Run = finish(tmp_path / "run")
    (pair,) = found.results.differences
    assert (pair.repeats, pair.timed) == (3, 12)
    by_sample: dict[str, dict[str, list[float]]] = {"a": {}, "b": {}}
    for name, times in by_sample.items():
        for one in repeats(tmp_path, name):
            times.setdefault(one["sample_id"], []).append(one["latency"])
    middle = {name: sorted(sorted(three)[1] for three in times.values()) for name, times in by_sample.items()}
    median = {name: (values[5] + values[6]) / 2 for name, values in middle.items()}
    assert pair.latency["p50"].ratio == pytest.approx(median["a"] / median["b"])
    assert "ratio of 3 repeats in turns" in verdict(found.results)


def test_a_sample_that_fails_in_a_repeat_is_left_out_of_the_ratio(tmp_path: Path) -> None:
    asked: list[str] = []

    def trouble(sample: Sample) -> None:
        asked.append(sample.sample_id)
        if sample.sample_id == "s1" and asked.count("s1") == 2:
            raise ZeroDivisionError("once")

    two(tmp_path, 3, trouble=trouble, repeats=1)
    assert [one["latency"] is None for one in repeats(tmp_path, "a")] == [False, True, False]
    (pair,) = finish(tmp_path / "run").results.differences
    assert (pair.repeats, pair.timed) == (1, 2)


def test_only_samples_that_all_were_timed_on_are_repeated(tmp_path: Path) -> None:
    order = two(tmp_path, 3, trouble=raise_on("s1"), repeats=1)
    assert order[-4:] == ["a s0", "b s0", "a s2", "b s2"]


def test_where_nothing_can_be_asked_in_turns_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two(tmp_path, 2, trouble=raise_on("s0", "s1"), repeats=1)
    assert "in turns: no sample has a time of every system" in capsys.readouterr().err
    run({"a": lambda: Named("a", [])}, lambda: toy(tmp_path, 2), tmp_path / "alone", repeats=1)
    assert "in turns: nothing is asked again, as no two systems here are timed" in capsys.readouterr().err
    assert not (tmp_path / "alone/toy/a/repeats.jsonl").exists()


def test_repeats_count_where_every_sample_of_the_run_has_them(tmp_path: Path) -> None:
    two(tmp_path, 4, repeats=1)
    two(tmp_path, 4, repeats=2, limit=2)
    (pair,) = finish(tmp_path / "run").results.differences
    assert (pair.repeats, pair.timed) == (2, 2)
    two(tmp_path, 4)
    (pair,) = finish(tmp_path / "run").results.differences
    assert (pair.repeats, pair.timed) == (1, 4)
    two(tmp_path, 6)
    (pair,) = finish(tmp_path / "run").results.differences
    assert (pair.repeats, pair.timed) == (0, 6), "two samples were asked once, so all first answers are compared"


@pytest.mark.parametrize(("options", "reason"), [({"repeats": -1}, "at least 0"), ({"mode": "throughput"}, "latency")])
def test_wrong_repeats_stop_before_any_work(tmp_path: Path, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        two(tmp_path, **{"repeats": 1, **options})
    assert not (tmp_path / "run").exists()


def test_repeats_cost_money_too(tmp_path: Path) -> None:
    prices = Prices(currency="EUR", systems={"a": Price(second=1.0), "b": Price(second=1.0)})
    two(tmp_path, 2, slow=0.02, prices=prices, budget=1000.0)
    spent = sum(
        one["seconds"] for name in "ab" for one in read_records(tmp_path / "run/toy" / name / "predictions.jsonl")
    )
    with pytest.raises(StoppedError, match=r"the budget of .* EUR is spent"):
        two(tmp_path, 2, slow=0.02, repeats=50, prices=prices, budget=spent + 0.1)
    # each repeat of b takes 0.02 s at least
    assert 0 < len(repeats(tmp_path, "b")) <= 5
