"""Runs of the same samples read as one run with the systems of all."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.workbench.toys import Rectangles, threshold
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.metrics.statistics import holm
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.scoring.joined import join


def made(folder: Path, near: dict[str, int], n_samples: int = 24) -> Run:
    systems = {name: lambda value=value: threshold(value) for name, value in near.items()}
    run(systems, lambda: Rectangles(folder.parent / "data", n_samples), folder)  # type: ignore[arg-type]
    return finish(folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    folder = tmp_path_factory.mktemp("joined")
    return made(folder / "before", {"toy": 90}), made(folder / "after", {"toy": 0, "other": 60})


def test_a_system_of_several_runs_is_labelled_by_its_run(runs: tuple[Run, Run]) -> None:
    joined = join(runs)
    assert joined.systems == ["toy (before)", "toy (after)", "other"]
    assert list(joined.results.systems) == joined.systems
    assert list(joined.members) == list(runs)
    assert joined.name == "before, after"


def test_runs_of_the_same_name_are_told_apart_by_their_place(runs: tuple[Run, Run]) -> None:
    before, after = (replace(run, manifest=run.manifest.model_copy(update={"name": "run"})) for run in runs)
    assert join([before, after]).systems == ["toy (run, run 1)", "toy (run, run 2)", "other"]


def test_scores_predictions_and_rows_are_those_of_the_runs(runs: tuple[Run, Run]) -> None:
    before, after = runs
    joined = join(runs)
    assert joined.results.systems["toy (after)"] == after.results.systems["toy"]
    assert joined.predictions("toy (before)") == before.predictions("toy")
    table = joined.table()
    assert table.groupby("system").size().to_dict() == dict.fromkeys(joined.systems, 24)
    ours = table[table.system == "toy (after)"].drop(columns="system").reset_index(drop=True)
    theirs = after.table().query("system == 'toy'").drop(columns="system").reset_index(drop=True)
    assert ours.equals(theirs)


def test_every_pair_is_compared_and_p_is_corrected_for_all_of_them(runs: tuple[Run, Run]) -> None:
    _, after = runs
    joined = join(runs)
    pairs = joined.results.differences
    assert [(pair.a, pair.b) for pair in pairs] == [
        ("toy (before)", "toy (after)"),
        ("toy (before)", "other"),
        ("toy (after)", "other"),
    ]
    (within,) = after.results.differences
    assert pairs[2].metrics["gIoU"].interval == within.metrics["gIoU"].interval
    frame = joined.differences().query("family == 'metric'").reset_index(drop=True)
    expected = holm({str(place): p for place, p in frame["p"].dropna().items()})
    assert frame["p_holm"].dropna().to_dict() == {int(place): p for place, p in expected.items()}


def test_runs_of_other_samples_are_refused(runs: tuple[Run, Run], tmp_path: Path) -> None:
    fewer = made(tmp_path / "fewer", {"toy": 90}, 20)
    with pytest.raises(ConfigurationError, match=r"fewer is not about the same samples by the same .*before"):
        join([runs[0], fewer])
    benchmark = runs[1].manifest.benchmark.model_copy(update={"protocol": "tide"})
    other = runs[1].manifest.model_copy(update={"benchmark": benchmark})
    with pytest.raises(ConfigurationError, match="by the same protocol"):
        join([runs[0], replace(runs[1], manifest=other)])


def test_an_unfinished_run_is_refused(runs: tuple[Run, Run]) -> None:
    with pytest.raises(ConfigurationError, match="after is not finished"):
        join([runs[0], replace(runs[1], scored=None)])
