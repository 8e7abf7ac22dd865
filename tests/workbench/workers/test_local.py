"""In one process, the models of only one system are in memory."""

import gc
import weakref
from pathlib import Path

import pytest

from tests.workbench.comparison.watched import Watched, toy
from tests.workbench.toys import Guess
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Prediction
from workbench.runs.files import read_records
from workbench.workers import making

ALIVE: "weakref.WeakSet[Heavy]" = weakref.WeakSet()


class Heavy(Watched):
    """Knows how many of its kind are in memory while it works."""

    most = 0
    made = 0

    def __init__(self) -> None:
        super().__init__()
        self.itself = self  # as models do
        ALIVE.add(self)
        Heavy.made += 1

    def predict(self, samples, images) -> list[Prediction]:  # type: ignore[no-untyped-def]
        Heavy.most = max(Heavy.most, len(ALIVE))
        return super().predict(samples, images)


def test_models_of_systems_that_are_not_running_are_not_loaded(tmp_path: Path) -> None:
    gc.collect()
    Heavy.most = Heavy.made = 0
    run(dict.fromkeys("abc", Heavy), lambda: toy(tmp_path, 2), tmp_path / "run")
    assert Heavy.most == 1
    assert Heavy.made == 5, "each is looked at before any work, and the first is kept"
    run(dict.fromkeys("abc", Heavy), lambda: toy(tmp_path, 2), tmp_path / "run")
    assert Heavy.made == 8, "what has all its answers is looked at only"


def test_a_system_that_is_another_one_when_it_is_made_again_does_not_work(tmp_path: Path) -> None:
    class Changing(Watched):
        made = 0

        def __init__(self) -> None:
            super().__init__()
            Changing.made += 1
            self.threshold = Changing.made

    with pytest.raises(ConfigurationError, match=r"system b became another one .*: threshold was 1 and is 2"):
        run({"a": Watched, "b": Changing}, lambda: toy(tmp_path, 2), tmp_path / "run")


def test_an_oracle_shares_the_models_of_its_system(tmp_path: Path) -> None:
    made = []

    def guess() -> Guess:
        made.append(Guess())
        return made[-1]

    run({"g": guess}, lambda: toy(tmp_path, 2), tmp_path / "run", oracles=["checker"])
    assert len(made) == 1
    assert len(read_records(tmp_path / "run/toy/g+checker/predictions.jsonl")) == 2


def test_sessions_name_the_machine_and_the_device(tmp_path: Path) -> None:
    run({"a": Watched}, lambda: toy(tmp_path, 2), tmp_path / "run")
    (session,) = read_records(tmp_path / "run/toy/a/sessions.jsonl")
    assert session["node"] and session["device"]


def test_latencies_of_two_devices_are_never_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run({"a": Watched}, lambda: toy(tmp_path, 2), tmp_path / "run")
    monkeypatch.setattr(making, "device", lambda: "another processor")
    run({"a": Watched}, lambda: toy(tmp_path, 2), tmp_path / "run")  # nothing is left to be asked
    with pytest.raises(ConfigurationError, match=r"holds latencies of .*, and a is now on another processor"):
        run({"a": Watched}, lambda: toy(tmp_path, 4), tmp_path / "run")
    run({"a": Watched}, lambda: toy(tmp_path, 2), tmp_path / "fast", mode="throughput")
    monkeypatch.undo()
    run({"a": Watched}, lambda: toy(tmp_path, 4), tmp_path / "fast", mode="throughput")
