"""What a worker answers to its driver, here without a process of its own."""

import errno
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.workbench.comparison.watched import toy
from tests.workbench.toys import Threshold, threshold
from workbench.data.errors import ConfigurationError, StoppedError
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Image
from workbench.workers.answers import Options
from workbench.workers.making import Plan
from workbench.workers.seat import Made, Refusal, Seat, Warm

THROUGHPUT = Options(mode="throughput")


class Loud(Threshold):
    def __init__(self) -> None:
        print("loading", file=sys.stderr)
        super().__init__(60, 0.0)

    def check(self) -> None:
        raise ConfigurationError("nobody there")

    def check_samples(self, samples: Sequence[Sample]) -> None:
        raise ConfigurationError(f"{len(samples)} strange samples")


class Full(Threshold):
    def __init__(self) -> None:
        super().__init__(60, 0.0)

    def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        raise OSError(errno.ENOSPC, "No space left on device")


def ready(maker: object, options: Options = THROUGHPUT) -> tuple[Seat, Made]:
    seat = Seat()
    made = seat.make(pickle.dumps(Plan("a", maker, "a", Path)), options)  # type: ignore[arg-type]
    assert isinstance(made, Made)
    return seat, made


def test_it_makes_warms_up_and_answers_batch_by_batch(tmp_path: Path) -> None:
    samples = list(toy(tmp_path, 4).samples())
    seat, made = ready(threshold)
    assert made.about.identity == {"name": "threshold", "threshold": 60}
    warm = seat.warm_up(samples)
    assert isinstance(warm, Warm) and warm.warm_up.seconds is not None and "load" in warm.machine
    first, second = seat.ask(samples[:3]), seat.ask(samples[3:])
    assert isinstance(first, list) and isinstance(second, list)
    assert [one.prediction.sample_id for one in (*first, *second)] == ["s0", "s1", "s2", "s3"]
    assert seat.ask([]) == []


def test_what_it_prints_comes_back_and_nothing_else_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    _, made = ready(Loud)
    assert made.printed == "loading\n"
    assert capsys.readouterr().err == ""


def test_refusals_are_errors_of_the_driver(tmp_path: Path) -> None:
    samples = list(toy(tmp_path, 2).samples())
    seat, _ = ready(Loud)
    checked, strange = seat.check(), seat.check_samples(samples)
    assert isinstance(checked, Refusal) and isinstance(strange, Refusal)
    with pytest.raises(ConfigurationError, match="nobody there"):
        raise checked.raised("a")
    with pytest.raises(ConfigurationError, match="2 strange samples"):
        raise strange.raised("a")


def test_a_full_disk_of_a_worker_stops_the_run(tmp_path: Path) -> None:
    seat, _ = ready(Full)
    refusal = seat.ask(list(toy(tmp_path, 2).samples()))
    assert isinstance(refusal, Refusal)
    with pytest.raises(StoppedError, match=r"a: a worker's disk: No space left on device"):
        raise refusal.raised("a")


def test_a_system_that_cannot_be_made_says_why() -> None:
    refusal = Seat().make(pickle.dumps(Plan("a", Path, "a", Path)), THROUGHPUT)  # type: ignore[arg-type]
    assert isinstance(refusal, Refusal) and refusal.kind == "other"
    assert "AttributeError" in str(refusal.raised("a"))
