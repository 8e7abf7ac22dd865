"""How a system is given its samples in a process, and its first answer."""

from pathlib import Path

import pytest

from tests.workbench.comparison.watched import Watched, raise_on, toy
from tests.workbench.workers.test_stream import Open
from workbench.workers.answers import Options
from workbench.workers.making import about
from workbench.workers.worker import Worker, at_once, streams

LATENCY, THROUGHPUT = Options(), Options(mode="throughput")


@pytest.mark.parametrize(
    ("system", "options", "expected"),
    [(Watched(), LATENCY, 1), (Watched(), THROUGHPUT, 4), (Open(), LATENCY, 1), (Open(), THROUGHPUT, 3)],
)
def test_how_many_samples_a_system_has_at_once(system: Watched, options: Options, expected: int) -> None:
    known = about("a", system, 0.0)
    assert at_once(known, options) == expected
    assert streams(known, options) == (isinstance(system, Open) and options is THROUGHPUT)


def test_batches_are_answered_in_the_order_in_which_they_were_given(tmp_path: Path) -> None:
    samples = list(toy(tmp_path, 5).samples())
    system = Watched()
    worker = Worker("a", system, about("a", system, 0.0), THROUGHPUT)
    worker.give(samples[:2])
    worker.give(samples[2:])
    assert [one.prediction.sample_id for one in worker.take()] == ["s0", "s1"]
    assert [one.prediction.sample_id for one in worker.take()] == ["s2", "s3", "s4"]
    assert worker.take() == []


def test_a_stream_takes_more_while_samples_are_open(tmp_path: Path) -> None:
    samples = list(toy(tmp_path, 5).samples())
    system = Open()
    worker = Worker("a", system, about("a", system, 0.0), THROUGHPUT)
    worker.give(samples[:3])
    worker.give(samples[3:])
    got: list[str] = []
    while len(got) < 5:
        got += [one.prediction.sample_id for one in worker.take()]
    assert sorted(got) == [sample.sample_id for sample in samples]
    assert max(system.together) <= 3


def test_the_warm_up_takes_the_first_image_that_can_be_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark = toy(tmp_path, 3)
    benchmark.changes["s0"] = {"problem": "no annotation"}
    system = Watched(raise_on("s1"))
    warm_up = Worker("a", system, about("a", system, 0.0), LATENCY).warm_up(list(benchmark.samples()))
    assert system.asked == [["s1"]]
    assert warm_up.seconds is not None and warm_up.outage == []
    assert "a: warm-up failed: ZeroDivisionError: boom" in capsys.readouterr().err


def test_without_any_image_there_is_no_warm_up(tmp_path: Path) -> None:
    benchmark = toy(tmp_path, 1)
    benchmark.changes["s0"] = {"problem": "no annotation"}
    system = Watched()
    assert Worker("a", system, about("a", system, 0.0), LATENCY).warm_up(list(benchmark.samples())).seconds is None
