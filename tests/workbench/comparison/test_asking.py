"""How the samples of a system are handed out, and that nothing that was answered is lost when it is stopped."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.workbench.comparison.watched import Watched, answered, toy
from workbench.comparison.runner import run
from workbench.data.errors import StoppedError
from workbench.data.predictions import Prediction
from workbench.data.prices import Price, Prices
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Image
from workbench.runs.files import read_json, read_records


class Whole(Watched):
    depends_on_batch = True


def test_a_system_that_depends_on_its_batch_is_asked_the_same_batches_when_it_goes_on(tmp_path: Path) -> None:
    whole = answered(tmp_path / "whole", Whole(), toy(tmp_path, 6), mode="throughput")
    answered(tmp_path, Whole(), toy(tmp_path, 6), mode="throughput")
    stored = tmp_path / "run/toy/watched/predictions.jsonl"
    stored.write_text("".join(stored.read_text().splitlines(keepends=True)[:2]))  # killed while it was storing
    system = Whole()
    predictions = answered(tmp_path, system, toy(tmp_path, 6), mode="throughput")
    assert system.asked[1:] == [["s0", "s1", "s2", "s3"], ["s4", "s5"]]
    assert [p.instances for p in predictions] == [p.instances for p in whole], "scores are drawn for a batch"
    assert [record["sample_id"] for record in read_records(stored)] == [f"s{n}" for n in range(6)]
    manifest = read_json(tmp_path / "run/manifest.json")
    assert manifest["conditions"]["watched"]["batch"] == "in batches of 4, on which its answers depend"


def test_one_that_does_not_is_asked_full_batches_of_what_is_left(tmp_path: Path) -> None:
    answered(tmp_path, Watched(), toy(tmp_path, 8), mode="throughput")
    stored = tmp_path / "run/toy/watched/predictions.jsonl"
    stored.write_text("".join(stored.read_text().splitlines(keepends=True)[:2]))
    system = Watched()
    answered(tmp_path, system, toy(tmp_path, 8), mode="throughput")
    assert system.asked[1:] == [["s2", "s3", "s4", "s5"], ["s6", "s7"]]
    assert "conditions" not in read_json(tmp_path / "run/manifest.json")


class Priced(Watched):
    """Ends all open samples at once, when three are open."""

    at_once = 3

    def __init__(self) -> None:
        super().__init__()
        self._open: list[tuple[Future[Prediction], Sample, Image]] = []

    def start(self, sample: Sample, image: Image) -> "Future[Prediction]":
        future: Future[Prediction] = Future()
        self._open.append((future, sample, image))
        if len(self._open) == 3:
            threading.Timer(0.01, self._end).start()
        return future

    def _end(self) -> None:
        for future, sample, image in self._open:
            future.set_result(self._answer(sample, image))
        self._open = []


def test_what_was_handed_out_when_the_budget_is_spent_is_stored(tmp_path: Path) -> None:
    prices = Prices(currency="EUR", default=Price(second=1.0))
    with pytest.raises(StoppedError, match="is spent"):
        run(
            {"watched": Priced},
            lambda: toy(tmp_path, 12),
            tmp_path / "run",
            mode="throughput",
            prices=prices,
            budget=1e-6,
        )
    stored = read_records(tmp_path / "run/toy/watched/predictions.jsonl")
    assert 3 <= len(stored) < 12
    assert len(stored) % 3 == 0, "none of those that were open is lost"


def test_progress_of_a_run_is_on_disk(tmp_path: Path) -> None:
    class Looking(Watched):
        seen: str = ""

        def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
            path = tmp_path / "run/progress.json"
            if path.exists():
                self.seen = path.read_text()
            return super().predict(samples, images)

    system = Looking()
    answered(tmp_path, system, toy(tmp_path, 3))
    assert '"state": "runs"' in system.seen
    ended = read_json(tmp_path / "run/progress.json")
    assert ended["state"] == "answered"
    (one,) = ended["systems"]
    assert (one["name"], one["done"], one["total"], one["failed"]) == ("watched", 3, 3, 0)
