"""How a system is asked: in time, in batches, and what becomes of its failures."""

import errno
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workbench.comparison.watched import Watched, answered, raise_on, toy
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Image
from workbench.workers import machine


def test_latency_holds_the_answer_and_not_the_loading_of_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def work(seconds: float) -> None:
        nonlocal now
        now += seconds

    load_image = Sample.load_image
    monkeypatch.setattr(machine.time, "perf_counter", lambda: now)
    monkeypatch.setattr(Sample, "load_image", lambda sample: (work(100.0), load_image(sample))[1])
    predictions = answered(tmp_path, Watched(lambda sample: work(2.0)), toy(tmp_path, 3))
    assert [p.latency for p in predictions] == [2.0, 2.0, 2.0]


def test_a_batch_that_raises_is_asked_again_one_by_one(tmp_path: Path) -> None:
    system = Watched(raise_on("s1"))
    predictions = answered(tmp_path, system, toy(tmp_path, 4), mode="throughput")
    assert system.asked[1:] == [["s0", "s1", "s2", "s3"], ["s0"], ["s1"], ["s2"], ["s3"]]
    assert [p.outcome for p in predictions] == ["ok", "crashed", "ok", "ok"]


def test_a_crash_is_recorded_with_its_message_and_the_run_goes_on(tmp_path: Path) -> None:
    crashed, *others = answered(tmp_path, Watched(raise_on("s0")))
    assert crashed.outcome == "crashed"
    assert crashed.message.startswith("ZeroDivisionError: boom (watched.py:")
    assert crashed.latency is None
    assert [p.outcome for p in others] == ["ok"] * 5


def wrapped(error: Exception) -> Exception:
    caused = RuntimeError("the features cannot be kept")
    caused.__cause__ = error
    return caused


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        sqlite3.OperationalError("database or disk is full"),
        wrapped(OSError(errno.ENOSPC, "No space left on device")),
    ],
)
@pytest.mark.parametrize("mode", ["latency", "throughput"])
def test_a_full_disk_is_no_answer_and_its_sample_is_asked_again(tmp_path: Path, error: Exception, mode: str) -> None:
    with pytest.raises(type(error)):
        answered(tmp_path, Watched(raise_on("s4", error=error)), mode=mode)
    later = Watched()
    assert [p.outcome for p in answered(tmp_path, later, mode=mode)] == ["ok"] * 6
    assert later.asked[1:] == ([["s4"], ["s5"]] if mode == "latency" else [["s4", "s5"]])


def test_a_permission_that_a_system_lacks_is_its_own_failure(tmp_path: Path) -> None:
    predictions = answered(tmp_path, Watched(raise_on("s1", error=PermissionError(errno.EACCES, "Permission denied"))))
    assert [p.outcome for p in predictions] == ["ok", "crashed", *["ok"] * 4]


def test_a_sample_that_runs_out_of_time_is_recorded_and_the_run_goes_on(tmp_path: Path) -> None:
    def hang(sample: Sample) -> None:
        while sample.sample_id == "s1":
            try:
                sum(range(100))
            except Exception:  # a system that catches everything does not escape its limit
                continue

    predictions = answered(tmp_path, Watched(hang), toy(tmp_path, 3), time_limit=0.2)
    assert [p.outcome for p in predictions] == ["ok", "timed_out", "ok"]
    assert predictions[1].message == "no answer within 0.2 s"
    assert predictions[1].latency == pytest.approx(0.2, abs=0.15)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda found: [], "expected a list of 1 predictions, got 0 of them"),
        (lambda found: None, "expected a list of 1 predictions, got NoneType"),
        (
            lambda found: [replace(found[0], sample_id="s9")],
            "expected the prediction of sample s0, got that of sample s9",
        ),
        (lambda found: [replace(found[0], outcome="fine")], "got 'fine'"),
        (lambda found: [replace(found[0], instances=(3,))], "instance 0: expected Instance, got int"),
        (
            lambda found: [replace(found[0], instances=(replace(found[0].instances[0], score=1.5),))],
            "expected a score in [0, 1], got 1.5",
        ),
        (lambda found: [replace(found[0], phrases=(np.float32(1),))], "cannot be written as JSON"),
    ],
)
def test_an_answer_that_breaks_the_contract_is_a_crash_of_the_system(
    tmp_path: Path, change: Callable[[list[Prediction]], Any], reason: str
) -> None:
    class Wrong(Watched):
        def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
            return change(super().predict(samples, images))  # type: ignore[no-any-return]

    (prediction,) = answered(tmp_path, Wrong(), toy(tmp_path, 1))
    assert prediction.outcome == "crashed"
    assert prediction.message.startswith("unusable answer: ")
    assert reason in prediction.message
