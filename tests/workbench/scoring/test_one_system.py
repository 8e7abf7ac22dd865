"""Systems of a large run are scored in processes of their own, with the results of a small one."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.workbench.toys import Rectangles, threshold
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.runs import answers
from workbench.scoring import one_system
from workbench.scoring.finish import finish
from workbench.tracking.load import load_run


@pytest.fixture
def answered(tmp_path: Path) -> Path:
    systems = {"near": lambda: threshold(90), "blind": lambda: threshold(0)}
    run(systems, lambda: Rectangles(tmp_path / "data", 12), tmp_path / "run")
    return tmp_path / "run"


def results(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "results.json").read_text())
    return found


def test_results_and_table_are_those_of_answers_that_are_kept(answered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(answered)
    expected, table = results(answered), pd.read_parquet(answered / "samples.parquet")
    monkeypatch.setattr(answers, "KEPT", 0)
    monkeypatch.setattr(one_system, "_in_a_process", one_system.score_system)  # the other process would not know it
    large = finish(answered)
    assert results(answered) == expected
    pd.testing.assert_frame_equal(pd.read_parquet(answered / "samples.parquet"), table)
    assert not large.contents.overlaps and large.stored("near").large


def test_a_system_is_scored_in_another_process_as_in_this_one(answered: Path) -> None:
    found = one_system._in_a_process(load_run(answered), "near")
    here = one_system.score_system(load_run(answered), "near")
    assert found.result == here.result
    pd.testing.assert_frame_equal(found.table, here.table)
    assert (found.side.shown == here.side.shown).all() and found.side.latencies == here.side.latencies


def test_what_is_wrong_in_the_other_process_is_said_in_this_one(answered: Path) -> None:
    path = load_run(answered).store("blind") / "predictions.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(ConfigurationError, match="blind has no prediction for 1 of 12 samples"):
        one_system._in_a_process(load_run(answered), "blind")
