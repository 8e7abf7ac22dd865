"""Variants, each answered apart, as one run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Install
from tests.workbench.toys import COLOURS
from workbench.comparison.comparison import Comparison
from workbench.data.errors import ConfigurationError, OutageError, StoppedError
from workbench.frontier.running import answer_variant, run_frontier

VARIANTS = {"wide": {"threshold": 90}, "blind": {"threshold": 0}, "same": {"threshold": 91}}
LIMIT = 24


@pytest.fixture(autouse=True)
def site(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with the toy system."""
    points = {
        "systems": {"toy": "tests.workbench.toys:threshold"},
        "benchmarks": {"toy-boxes": "tests.workbench.toys:rectangles"},
    }
    install("toys", points)
    monkeypatch.chdir(tmp_path)


def comparison(**more: object) -> Comparison:
    settings = {**VARIANTS, "toy-boxes": {"n_samples": LIMIT}}
    return Comparison(dict.fromkeys(VARIANTS, "toy"), "toy-boxes", settings=settings, **more)  # type: ignore[arg-type]


def here(out: Path, asked: list[str]) -> Callable[[str], int]:
    """Answers in this process, to save the start of others."""

    def ask(name: str) -> int:
        asked.append(name)
        answer_variant(comparison(), name, out)
        return 0

    return ask


def test_each_is_compared_with_the_first_and_says_what_it_took(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = run_frontier(comparison(), "toy", out, here(out, []), ["workbench", "frontier"])
    results = run.results
    assert results.frontier == "toy"
    assert list(results.systems) == list(run.manifest.systems) == list(VARIANTS)
    assert [(pair.a, pair.b) for pair in results.differences] == [("blind", "wide"), ("same", "wide")]
    blind, same = results.differences
    present = sum(any(word in sample.instruction for word in COLOURS) for sample in run.samples())
    assert blind.changed == sum(bool(one.instances) for one in run.predictions("wide")) <= present
    assert same.changed == 0
    difference = blind.metrics["T_acc"].difference
    assert difference is not None
    assert difference < -0.5
    assert all((one.peak_memory or 0) > 2**20 for one in results.systems.values())
    assert all(one.load is not None for one in results.systems.values())

    options = run.manifest.options
    assert options.commands == ["workbench frontier"]
    assert options.makers == dict.fromkeys(VARIANTS, "toy")
    assert "blind.threshold=0" in options.set
    assert run.manifest.systems["same"]["threshold"] == 91


def test_it_goes_on_where_a_variant_stopped_it(tmp_path: Path) -> None:
    out, asked = tmp_path / "run", []  # type: ignore[var-annotated]
    good = here(out, asked)
    with pytest.raises(StoppedError, match="blind: its process ended with exit code 1; the answers so far are in"):
        run_frontier(comparison(), "toy", out, lambda name: 1 if name == "blind" else good(name), [])
    with pytest.raises(OutageError):
        run_frontier(comparison(), "toy", out, lambda name: 5 if name == "blind" else good(name), [])
    stored = (out / "toy" / "wide" / "predictions.jsonl").read_bytes()
    run_frontier(comparison(), "toy", out, good, [])
    assert (out / "toy" / "wide" / "predictions.jsonl").read_bytes() == stored
    assert asked == ["wide", "wide", *VARIANTS]


def test_a_wrong_option_of_one_stops_it_before_any_work(tmp_path: Path) -> None:
    wrong = Comparison({"a": "toy", "b": "toy"}, "toy-boxes", settings={"b": {"treshold": 1}})
    with pytest.raises(ConfigurationError, match="unknown option of b 'treshold'"):
        run_frontier(wrong, "toy", tmp_path / "run", lambda name: 1 / 0, [])  # type: ignore[arg-type,return-value]
    assert not (tmp_path / "run").exists()
