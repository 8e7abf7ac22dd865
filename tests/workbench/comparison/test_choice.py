"""Which samples a comparison asks: all, the first so many, or a random part that the seed decides."""

from pathlib import Path

import pytest

from tests.workbench.comparison.watched import Watched, answered, toy
from workbench.cli.parser import parse
from workbench.comparison.choice import chosen
from workbench.data.errors import ConfigurationError
from workbench.runs.files import read_json


def ids(folder: Path, limit: int | None, choice: str = "random", seed: int = 0, n: int = 60) -> list[str]:
    return [sample.sample_id for sample in chosen(toy(folder, n), limit, choice, seed)]  # type: ignore[arg-type]


def test_a_random_part_is_in_order_grows_with_the_limit_and_depends_on_the_seed(tmp_path: Path) -> None:
    every = ids(tmp_path, None, "first")
    part = ids(tmp_path, 12)
    assert part == sorted(part, key=every.index) == ids(tmp_path, 12)
    assert part != every[:12]
    assert set(part) < set(ids(tmp_path, 30))
    assert ids(tmp_path, 12, seed=1) != part
    assert ids(tmp_path, 100) == ids(tmp_path, None, "first") == every


def test_every_sample_has_about_the_same_chance(tmp_path: Path) -> None:
    drawn = [name for seed in range(100) for name in ids(tmp_path, 5, seed=seed, n=20)]
    counts = [drawn.count(f"s{i}") for i in range(20)]
    assert sum(counts) == 500
    assert 8 <= min(counts) <= max(counts) <= 45


def test_first_reads_no_further_than_it_must(tmp_path: Path) -> None:
    benchmark, read = toy(tmp_path, 60), []
    samples = list(benchmark.samples())
    benchmark = type("Counted", (), {"name": "toy", "samples": lambda self: (read.append(s) or s for s in samples)})()
    assert len(chosen(benchmark, 3)) == len(read) == 3


def test_a_run_of_random_samples_is_recorded_and_continued_with_more_of_them_only(tmp_path: Path) -> None:
    asked = [p.sample_id for p in answered(tmp_path, Watched(), toy(tmp_path, 30), limit=4, sample="random")]
    assert asked == ids(tmp_path, 4, n=30)
    recorded = read_json(tmp_path / "run/manifest.json")["options"]
    assert (recorded["sample"], recorded["limit"], recorded["seed"]) == ("random", 4, 0)
    system = Watched()
    answered(tmp_path, system, toy(tmp_path, 30), limit=7, sample="random")
    assert {name for batch in system.asked[1:] for name in batch} == set(ids(tmp_path, 7, n=30)) - set(asked)
    with pytest.raises(ConfigurationError, match="sample was 'random' and is now 'absent'"):
        answered(tmp_path, Watched(), toy(tmp_path, 30), limit=7)
    with pytest.raises(ConfigurationError, match="seed was 0 and is now 1"):
        answered(tmp_path, Watched(), toy(tmp_path, 30), limit=7, sample="random", seed=1)


def test_the_command_takes_the_first_unless_told() -> None:
    command = ["compare", "--systems", "a", "--benchmark", "b", "--limit", "3"]
    assert parse(command).sample == "first"
    assert parse([*command, "--sample", "random"]).sample == "random"
