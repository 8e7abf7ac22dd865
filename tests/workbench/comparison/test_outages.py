"""A server that fails stops a run, or pauses it, and what failed for its sake is asked again and never forgotten."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from tests.workbench.toys import Rectangles, Threshold
from workbench.comparison.outages import Patience
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError, OutageError
from workbench.data.predictions import Call, Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Image
from workbench.runs.files import read_records
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.tracking.fetch import _unpack
from workbench.tracking.load import load_run
from workbench.tracking.log import _log_predictions

GONE = "model_unavailable"


class Served(Threshold):
    """Behind a server: `outcomes` of its answers in the order of asking (after that to the `warm_up`), `ok` from their
    end on; `checks` are the reasons that it gives when it is checked, none from their end on."""

    def __init__(self, outcomes: Sequence[str] = (), checks: Sequence[str] = (), warm_up: str = "ok") -> None:
        super().__init__(60, 0.0)
        self.outcomes, self.checks = [warm_up, *outcomes], list(checks)
        self.asked: list[str] = []
        self.checked = 0

    def check(self) -> None:
        self.checked += 1
        if self.checks and (reason := self.checks.pop(0)):
            raise ConfigurationError(reason)

    def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        self.asked += [sample.sample_id for sample in samples]
        outcome = self.outcomes.pop(0) if self.outcomes else "ok"
        if outcome == "ok":
            return super().predict(samples, images)
        calls = (Call("llm", 0.0, 5.0, note={"failed": "no reply", "mistake": "timed_out"}), Call("segment", 5.0, 1.0))
        return [Prediction(s.sample_id, outcome=outcome, message=f"{outcome}!", calls=calls) for s in samples]


class Slept(list[float]):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def ask(tmp_path: Path, system: Threshold, samples: int = 6, slept: Slept | None = None, **options: Any) -> list[str]:
    """Outcomes of the stored answers."""
    patience = Patience(sleep=slept if slept is not None else Slept(), **options)
    run({"served": lambda: system}, lambda: Rectangles(tmp_path / "data", samples), tmp_path / "run", patience=patience)
    return [prediction.outcome for prediction in load_run(tmp_path / "run").predictions("served")]


def stored(tmp_path: Path) -> list[dict[str, Any]]:
    return read_records(tmp_path / "run/toy/served/predictions.jsonl")


def test_a_system_that_cannot_work_stops_the_run_before_the_first_sample(tmp_path: Path) -> None:
    system = Served(checks=["the key is refused"])
    with pytest.raises(ConfigurationError, match="the key is refused"):
        ask(tmp_path, system)
    assert system.asked == [] and stored(tmp_path) == []


def test_every_system_is_checked_before_the_first_one_works(tmp_path: Path) -> None:
    first, second = Served(), Served(checks=["nobody there"])
    with pytest.raises(ConfigurationError, match="nobody there"):
        run({"a": lambda: first, "b": lambda: second}, lambda: Rectangles(tmp_path / "data", 2), tmp_path / "run")
    assert first.asked == []


def test_after_a_wrong_start_the_same_folder_takes_another_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        ask(tmp_path, Served(checks=["the model is unknown"]))
    other = Served()
    other.threshold = 61
    assert ask(tmp_path, other) == ["ok"] * 6


def test_a_finished_run_asks_no_server(tmp_path: Path) -> None:
    ask(tmp_path, Served())
    system = Served(checks=["nobody there"])
    ask(tmp_path, system)
    assert system.checked == 0


def test_failures_in_a_row_pause_longer_each_time_and_then_stop_the_run(tmp_path: Path) -> None:
    system, slept = Served([GONE] * 9), Slept()
    with pytest.raises(OutageError, match=r"served: .* 4 times in a row: model_unavailable!"):
        ask(tmp_path, system, slept=slept, stop_after=4)
    assert slept == [2, 4, 8]
    assert [record["outcome"] for record in stored(tmp_path)] == [GONE] * 4


def test_while_a_system_says_that_it_cannot_work_no_sample_is_asked(tmp_path: Path) -> None:
    system, slept = Served([GONE], checks=["", "down", "down", ""]), Slept()
    assert ask(tmp_path, system, slept=slept) == [GONE, *["ok"] * 5]
    assert slept == [2, 4, 8]


def test_a_server_that_stays_away_costs_one_sample(tmp_path: Path) -> None:
    system = Served([GONE], checks=["", *["down"] * 9])
    with pytest.raises(OutageError, match="5 times in a row: down"):
        ask(tmp_path, system)
    assert len(stored(tmp_path)) == 1


def test_a_server_that_falls_silent_at_the_warm_up_costs_no_sample(tmp_path: Path) -> None:
    system = Served(checks=["", *["down"] * 9], warm_up=GONE)
    with pytest.raises(OutageError, match="5 times in a row: down"):
        ask(tmp_path, system)
    assert stored(tmp_path) == []


def test_an_answer_in_between_begins_the_count_anew(tmp_path: Path) -> None:
    system = Served([GONE, GONE, "ok", GONE, GONE, "ok"])
    assert ask(tmp_path, system, stop_after=3) == [GONE, GONE, "ok", GONE, GONE, "ok"]


def test_a_failure_of_the_model_itself_is_an_answer(tmp_path: Path) -> None:
    slept = Slept()
    assert ask(tmp_path, Served(["malformed_call"] * 6), slept=slept, stop_after=2) == ["malformed_call"] * 6
    assert slept == []


def test_what_failed_for_a_servers_sake_is_asked_again_and_its_failure_is_kept(tmp_path: Path) -> None:
    ask(tmp_path, Served(["ok", GONE, "malformed_call", "timed_out"]))
    system = Served([GONE])
    assert ask(tmp_path, system) == ["ok", GONE, "malformed_call", "ok", "ok", "ok"]
    assert system.asked[1:] == ["s1", "s3"]
    assert ask(tmp_path, Served()) == ["ok", "ok", "malformed_call", "ok", "ok", "ok"]
    last = stored(tmp_path)[-1]
    assert [(one["outcome"], one["message"]) for one in last["earlier"]] == [(GONE, f"{GONE}!")] * 2
    assert all(one["when"].startswith("20") for one in last["earlier"])
    assert len(stored(tmp_path)) == 9
    scored = finish(tmp_path / "run")
    assert scored.results.systems["served"].asked_again == 2
    assert scored.metrics().set_index("metric").loc["asked_again", "value"] == 2
    with_its_earlier_failures_through_mlflow(tmp_path, scored)


def with_its_earlier_failures_through_mlflow(tmp_path: Path, scored: Run) -> None:
    class Copying:
        def log_artifact(self, run_id: str, path: str) -> None:
            shutil.copy(path, tmp_path)

    _log_predictions(cast(Any, Copying()), "id", scored, "served")
    _unpack(tmp_path / "predictions.parquet")
    assert read_records(tmp_path / "predictions.jsonl") == scored.records("served")


def test_what_failed_is_left_where_that_is_wanted(tmp_path: Path) -> None:
    ask(tmp_path, Served([GONE]))
    system = Served()
    assert ask(tmp_path, system, keep_failed=True)[0] == GONE
    assert system.asked == []


def test_a_second_answer_that_does_not_say_what_it_stands_in_for_is_damage(tmp_path: Path) -> None:
    ask(tmp_path, Served([GONE]))
    path = tmp_path / "run/toy/served/predictions.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for record in (lines[1], {**lines[0], "outcome": "ok"}, {**lines[0], "earlier": [{"outcome": "x", "message": ""}]}):
        record.pop("crc", None)
        path.write_text(
            "".join(json.dumps({k: v for k, v in r.items() if k != "crc"}) + "\n" for r in [*lines, record])
        )
        with pytest.raises(ConfigurationError, match=r"line 7 is damaged: sample 's\d': it repeats the sample of line"):
            ask(tmp_path, Served())


def test_a_number_of_failures_below_one_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--stop-after must be at least 1, got 0"):
        Patience(stop_after=0)
