"""A system that answers side by side is given the next sample as soon as one is answered."""

import errno
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from pathlib import Path

import pytest

from tests.workbench.comparison.watched import Watched, answered, toy
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Image, KeepsSteps, Streaming
from workbench.runs.files import read_records


class Open(Watched):
    """Each sample stays open until `ends` lets it go: by default at once."""

    at_once = 3

    def __init__(self, ends: Callable[["Open", Sample], bool] = lambda system, sample: True) -> None:
        super().__init__()
        self.ends = ends
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.together: list[int] = []
        self.futures: dict[str, Future[Prediction]] = {}
        self._open: list[tuple[Sample, Image]] = []

    def start(self, sample: Sample, image: Image) -> "Future[Prediction]":
        self.begun.append(sample.sample_id)
        self.futures[sample.sample_id] = future = Future()
        self._open.append((sample, image))
        self.together.append(len(self._open))
        if len(self._open) == 1:  # from another thread, as a system that waits for a server does
            threading.Thread(target=self._let_go, daemon=True).start()
        return future

    def _let_go(self) -> None:
        while self._open:
            time.sleep(0.003)
            for one in [one for one in self._open if self.ends(self, one[0])]:
                sample, image = one
                self.ended.append(sample.sample_id)
                self.finish(self.futures[sample.sample_id], sample, image)
                self._open.remove(one)

    def finish(self, future: "Future[Prediction]", sample: Sample, image: Image) -> None:
        if not future.cancelled():
            future.set_result(self._answer(sample, image))


def ids(tmp_path: Path) -> list[str]:
    return [record["sample_id"] for record in read_records(tmp_path / "run/toy/watched/predictions.jsonl")]


def test_a_slow_sample_holds_up_no_other_and_answers_are_stored_as_they_come(tmp_path: Path) -> None:
    system = Open(lambda open_, sample: sample.sample_id != "s1" or len(open_.ended) == 11)
    predictions = answered(tmp_path, system, toy(tmp_path, 12), mode="throughput")
    assert isinstance(system, Streaming)
    assert ids(tmp_path)[-1] == "s1", "the slow one is stored last"
    assert [p.sample_id for p in predictions] == [f"s{n}" for n in range(12)]
    assert max(system.together) <= 3
    assert all(p.latency is None for p in predictions)
    seconds = [record["seconds"] for record in read_records(tmp_path / "run/toy/watched/predictions.jsonl")]
    assert all(one >= 0 for one in seconds)


def test_the_answers_are_those_of_one_sample_at_a_time(tmp_path: Path) -> None:
    streamed = answered(tmp_path, Open(), mode="throughput")
    alone = answered(tmp_path / "alone", Watched())
    assert [[i.mask for i in p.instances] for p in streamed] == [[i.mask for i in p.instances] for p in alone]


def test_in_latency_mode_it_is_asked_by_predict(tmp_path: Path) -> None:
    system = Open()
    predictions = answered(tmp_path, system, toy(tmp_path, 3))
    assert system.begun == []
    assert all(p.latency is not None for p in predictions)


def test_every_failure_is_that_of_its_own_sample(tmp_path: Path) -> None:
    class Failing(Open):
        def start(self, sample: Sample, image: Image) -> "Future[Prediction]":
            if sample.sample_id == "s0":
                raise RuntimeError("not this one")
            return super().start(sample, image)

        def finish(self, future: "Future[Prediction]", sample: Sample, image: Image) -> None:
            match sample.sample_id:
                case "s1":
                    future.set_exception(ZeroDivisionError("boom"))
                case "s2":
                    future.set_result(Prediction("s9"))
                case "s3":
                    future.cancel()
                case _:
                    super().finish(future, sample, image)

    benchmark = toy(tmp_path, 6)
    benchmark.changes["s4"] = {"problem": "no annotation"}
    predictions = answered(tmp_path, Failing(), benchmark, mode="throughput")
    assert [p.outcome for p in predictions] == ["crashed"] * 4 + ["bad_sample", "ok"]
    assert [p.message.split(" (")[0] for p in predictions[:5]] == [
        "RuntimeError: not this one",
        "ZeroDivisionError: boom",
        "unusable answer: expected the prediction of sample s2, got that of sample s9",
        "the system cancelled its answer",
        "no annotation",
    ]


def test_a_sample_over_its_limit_is_cancelled_and_the_others_go_on(tmp_path: Path) -> None:
    system = Open(lambda _, sample: sample.sample_id != "s0")
    predictions = answered(tmp_path, system, mode="throughput", time_limit=0.3)
    assert [p.outcome for p in predictions] == ["timed_out", *["ok"] * 5]
    assert predictions[0].message == "no answer within 0.3 s"
    assert system.futures["s0"].cancelled()


def test_a_full_disk_is_no_answer(tmp_path: Path) -> None:
    class Full(Open):
        def finish(self, future: "Future[Prediction]", sample: Sample, image: Image) -> None:
            with suppress(InvalidStateError):  # the run ends at the first
                future.set_exception(OSError(errno.ENOSPC, "No space left on device"))

    with pytest.raises(OSError, match="No space left"):
        answered(tmp_path, Full(), mode="throughput")
    assert ids(tmp_path) == []


def test_a_system_that_keeps_steps_is_told_what_is_stored(tmp_path: Path) -> None:
    class Keeping(Open):
        def __init__(self) -> None:
            super().__init__()
            self.told: list[str] = []

        def resume_in(self, folder: Path) -> None:
            self.folder = folder

        def stored(self, sample_ids: Sequence[str]) -> None:
            on_disk = [one["sample_id"] for one in read_records(self.folder / "predictions.jsonl")]
            assert set(sample_ids) <= set(on_disk)
            self.told += sample_ids

    system = Keeping()
    assert isinstance(system, KeepsSteps)
    answered(tmp_path, system, mode="throughput")
    assert sorted(system.told) == [f"s{n}" for n in range(6)]


def test_the_seconds_of_all_samples_add_up_to_the_time_that_passed(tmp_path: Path) -> None:
    begun = time.perf_counter()
    answered(tmp_path, Open(lambda open_, _: len(open_.begun) % 3 == 0 or len(open_.begun) == 6), mode="throughput")
    passed = time.perf_counter() - begun
    seconds = sum(record["seconds"] for record in read_records(tmp_path / "run/toy/watched/predictions.jsonl"))
    assert 0.005 < seconds <= passed  # what ends them sleeps twice for 3 ms
