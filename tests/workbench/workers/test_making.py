"""What is to be known of a system before it is asked, and what makes two of them different."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.toys import Guess, Rectangles, Threshold, threshold
from workbench.data.conditions import Conditions
from workbench.data.errors import ConfigurationError
from workbench.plugins.interfaces import Benchmark
from workbench.workers.making import Plan, about, make, same_identity


def plan(name: str, maker: Callable[[], Any], oracle: str | None = None) -> Plan:
    return Plan(name, maker, name, lambda: Rectangles(Path("nowhere"), 2), oracle)


def test_a_system_follows_the_benchmark_before_its_identity_is_read() -> None:
    class Following(Threshold):
        def follow(self, benchmark: Benchmark) -> None:
            self.threshold = len(benchmark.name)

    assert make(plan("a", lambda: Following(60, 0.0)))[1].identity["threshold"] == len("toy")


def test_what_a_system_does_not_say_has_its_usual_value() -> None:
    system, known = make(plan("a", threshold))
    assert isinstance(system, Threshold)
    assert known.identity == {"name": "threshold", "threshold": 60}
    assert (known.batch_size, known.at_once, known.depends_on_batch, known.timed) == (4, 1, False, True)
    assert (known.conditions, known.oracles, known.answered, known.checkable) == (None, (), False, False)
    assert known.seconds >= 0 and known.device


def test_an_oracle_is_made_of_its_system() -> None:
    system, known = make(plan("g", Guess, "checker"))
    assert isinstance(system, Guess) and system.perfect == "checker"
    assert known.identity == {"name": "guess", "perfect": "checker"}
    base = Guess()
    _, shared = make(plan("g", Guess, "checker"), base)
    assert shared.seconds == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"at_once": 0, "start": lambda *_: None}, "expected `at_once` to be a whole number of at least 1, got 0"),
        ({"identity": lambda: [1]}, r"expected `identity\(\)` to give a dict"),
        ({"conditions": lambda: "fine"}, r"expected `conditions\(\)` to give a `workbench.Conditions`, got 'fine'"),
    ],
)
def test_a_system_that_says_what_cannot_be_used_is_refused(changes: dict[str, Any], message: str) -> None:
    system = threshold()
    for name, value in changes.items():
        setattr(system, name, value)
    with pytest.raises(ConfigurationError, match=message):
        about("odd", system, 0.0)


def test_a_missing_file_names_the_system() -> None:
    def missing() -> Threshold:
        raise OSError("no weights")

    with pytest.raises(ConfigurationError, match="system a cannot be made: no weights"):
        make(plan("a", missing))


def test_identities_are_compared_field_by_field() -> None:
    same_identity("a", {"x": 1, "y": {"z": (1, 2)}}, {"x": 1, "y": {"z": [1, 2]}})
    with pytest.raises(ConfigurationError, match=r"again on host 7: device was 'cuda' and is 'absent'; y\.z was 1"):
        same_identity("a", {"y": {"z": 1}, "device": "cuda"}, {"y": {"z": 2}}, " on host 7")


def test_conditions_are_read_once() -> None:
    class Stating(Threshold):
        def conditions(self) -> Conditions:
            return Conditions(device="cpu")

    assert about("a", Stating(1, 0.0), 0.0).conditions == Conditions(device="cpu")
