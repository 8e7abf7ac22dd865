"""What answers cost is counted, and a comparison stops when its budget is spent."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Install
from tests.workbench.comparison.watched import Watched, toy
from workbench.cli.main import main
from workbench.comparison.runner import run
from workbench.data.errors import StoppedError
from workbench.data.predictions import Call, Prediction
from workbench.data.prices import Price, Prices
from workbench.scoring.finish import finish

READ, WRITTEN = 2_000, 500
PRICES = Prices(currency="EUR", systems={"talks": Price(million_tokens_in=1.0, million_tokens_out=4.0)})
EACH = READ / 1e6 + 4 * WRITTEN / 1e6
"""What a sample of `talks` costs."""


class Talks(Watched):
    """Each answer takes a call of a language model."""

    def predict(self, samples: Sequence[Any], images: Sequence[Any]) -> list[Prediction]:
        call = Call("llm", 0.0, 0.1, READ, WRITTEN)
        return [
            Prediction(one.sample_id, one.instances, calls=(*one.calls, call))
            for one in super().predict(samples, images)
        ]


def talk(tmp_path: Path, n_samples: int = 6, **options: Any) -> Talks:
    system = Talks()
    run({"talks": lambda: system}, lambda: toy(tmp_path, n_samples), tmp_path / "run", prices=PRICES, **options)
    return system


def answered(tmp_path: Path) -> int:
    return len((tmp_path / "run/toy/talks/predictions.jsonl").read_text().splitlines())


@pytest.mark.parametrize(("samples", "mode"), [(3, "latency"), (4, "throughput")])
def test_the_answer_that_spends_the_budget_is_the_last_and_a_larger_one_goes_on(
    tmp_path: Path, samples: int, mode: str
) -> None:
    with pytest.raises(StoppedError, match=rf"talks has answered {samples} of 6 samples\)\. All answers are kept"):
        talk(tmp_path, mode=mode, budget=2.5 * EACH)
    assert answered(tmp_path) == samples
    with pytest.raises(StoppedError, match="is spent"):
        talk(tmp_path, mode=mode, budget=2.5 * EACH)
    assert answered(tmp_path) == samples, "nothing was asked"
    talk(tmp_path, mode=mode, budget=6.5 * EACH)
    assert answered(tmp_path) == 6


def test_a_budget_that_is_spent_by_the_last_answer_ends_nothing(tmp_path: Path) -> None:
    talk(tmp_path, budget=5.5 * EACH)
    assert answered(tmp_path) == 6


def test_costs_are_per_thousand_samples_and_per_correct_instance(tmp_path: Path) -> None:
    talk(tmp_path, n_samples=40)
    result = finish(tmp_path / "run").results.systems["talks"]
    assert result.cost and result.per_correct_instance.correct
    assert result.cost.total == pytest.approx(40 * EACH)
    assert result.cost.per_thousand_samples == pytest.approx(1000 * EACH)
    assert result.cost.per_correct_instance == pytest.approx(40 * EACH / result.per_correct_instance.correct)
    low, high = result.cost.intervals["per_correct_instance"] or (0, 0)
    assert low and high and low <= result.cost.per_correct_instance <= high


def test_without_prices_there_is_no_cost(tmp_path: Path) -> None:
    run({"talks": Talks}, lambda: toy(tmp_path), tmp_path / "run")
    assert finish(tmp_path / "run").results.systems["talks"].cost is None


POINTS = {
    "systems": {"toy-a": "tests.workbench.toys:threshold"},
    "benchmarks": {"toy": "tests.workbench.toys:rectangles"},
}
COMMAND = ["compare", "--systems", "toy-a", "--benchmark", "toy", "--limit", "12", "--tracking-uri", "none", "--out"]


@pytest.fixture
def command(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    install("toys", POINTS)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.yaml").write_text("currency: EUR\ndefault: {second: 2}\nsystems:\n  toy-a: {second: 3.6}\n")
    return [*COMMAND, "run"]


def test_a_finished_run_is_priced_by_the_same_command(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    assert "EUR" not in capsys.readouterr().out
    assert main([*command, "--prices", "prices.yaml", "--json"]) == 0
    out, err = capsys.readouterr()
    cost = json.loads(out)["systems"]["toy-a"]["cost"]
    lines = map(json.loads, Path("run/toy/toy-a/predictions.jsonl").read_text().splitlines())
    assert cost["total"] == pytest.approx(3.6 * sum(line["seconds"] for line in lines))
    assert "EUR/1,000" in err and "all 12 predictions are there" in err
    page = Path("run/report.html").read_text()
    assert "price of 1,000 samples" in page and re.search(r"EUR", page)


@pytest.mark.parametrize(
    ("prices", "more", "reason"),
    [
        ("", ["--budget", "1"], "a budget needs prices: expected --prices FILE beside --budget"),
        ("currency: EUR", ["--budget", "0"], "budget must be above 0, got 0"),
        ("currency: EUR", ["--budget", "nan"], "budget must be above 0, got nan"),
        ("default: {second: 1}", [], "currency: field required"),
        ("currency: EUR\ndefault: {hour: 1}", [], "default.hour"),
        ("currency: EUR\ndefault: {second: -1}", [], "default.second"),
        ("currency: EUR\ndefault: {second: much}", [], "default.second"),
        ("currency: EUR\ndefault: {second: 1e308}", [], "default.second"),
        ("currency: ' '", [], "currency: expected a name or code to be shown"),
        ('currency: "\\e[31m"', [], "currency: expected a name or code to be shown"),
        ("currency: EUR\nsystems: {toy-b: {second: 1}}", [], "expected names out of toy-a, got 'toy-b'"),
        ("[1]", [], "expected keys with values"),
    ],
)
def test_wrong_prices_stop_before_any_work(
    command: list[str], capsys: pytest.CaptureFixture[str], prices: str, more: list[str], reason: str
) -> None:
    if prices:
        Path("prices.yaml").write_text(prices)
        more = [*more, "--prices", "prices.yaml"]
    assert main([*command, *more]) == 2
    assert reason in capsys.readouterr().err
    assert not Path("run/toy").exists()


def test_a_spent_budget_ends_the_command_with_5(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--prices", "prices.yaml", "--budget", "1e-9"]) == 5
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "budget" in line]
    assert line.startswith("workbench: the budget of 1e-09 EUR is spent")
