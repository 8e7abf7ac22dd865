"""A comparison of shipped systems that is killed at random moments, and given again, ends like an undisturbed one.

`WORKBENCH_KILLS=50 pytest -s tests/test_shipped_killed.py` kills the whole command, in its report and in MLflow too.
Without it few kills hit answers and scores only, as the rest takes long.
"""

import importlib
import random
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.killing import killed, kills, moment, scores, stored, without_times
from workbench.cli.main import main
from workbench.comparison.api import make_benchmark, make_system
from workbench.comparison.runner import run
from workbench.plugins import registry
from workbench.runs.files import read_json
from workbench.scoring.finish import finish

FEW = 3
KILLS = kills(FEW)
EACH = 6
"""Kills of one comparison at most: after that it may end, and the next one is killed among its answers too."""
N_SAMPLES = 2 if KILLS <= FEW else 4
SYSTEMS = ("instructsam-tiny", "sam3-agent-tiny")
AHEAD = ("mlflow", "mlflow.store.tracking.sqlalchemy_store", "matplotlib.pyplot")
"""Imported before the first kill, so that kills hit the work and not the imports."""


def answers_and_scores(root: Path, out: Path) -> None:
    systems = {name: lambda name=name: make_system(name) for name in SYSTEMS}  # type: ignore[misc]
    run(systems, lambda: make_benchmark("tabletop", root=str(root / "scenes"), scenes=3), out, limit=N_SAMPLES)
    finish(out)


def command(root: Path, out: Path) -> int:
    asked = ["--systems", ",".join(SYSTEMS), "--benchmark", "tabletop", "--limit", str(N_SAMPLES)]
    scenes = ["--set", f"tabletop.root={root / 'scenes'}", "--set", "tabletop.scenes=3"]
    store = ["--tracking-uri", f"sqlite:///{root / 'mlflow.db'}"]
    return main(["compare", *asked, *scenes, "--out", str(out), *store])


def phase(out: Path, answers: dict[str, list[dict[str, Any]]]) -> str:
    """What a comparison was at when it was killed."""
    if not (out / "results.json").exists():
        complete = all(len(records) == N_SAMPLES for records in answers.values())
        return "scores, or before them with all answers" if complete else "answers"
    return "report" if read_json(out / "results.json")["report"] is None else "MLflow"


def logged(store: Path, name: str) -> list[str]:
    """State of each run that MLflow shows under this name."""
    shown = "select status from runs where name = ? and lifecycle_stage = 'active'"
    with closing(sqlite3.connect(store)) as connection:
        return [status for (status,) in connection.execute(shown, [name])]


@pytest.mark.slow
def test_shipped_systems_killed_at_random_moments_end_like_undisturbed_ones(tmp_path: Path) -> None:
    delivered = KILLS > FEW
    work = command if delivered else answers_and_scores
    for module in AHEAD if delivered else ():
        importlib.import_module(module)
    for name in ("html", "figures"):
        registry.load("reporters", name)
    for name in SYSTEMS:
        make_system(name)
    undisturbed = tmp_path / "undisturbed"
    begun = time.monotonic()
    assert not killed(lambda: answers_and_scores(tmp_path, undisturbed), 600), "it ends by itself"
    longest = (2.5 if delivered else 1) * (time.monotonic() - begun)  # report and MLflow take longer than few answers
    whole = without_times(stored(undisturbed, "tabletop", SYSTEMS))
    assert {len(records) for records in whole.values()} == {N_SAMPLES}
    draw, found, place = random.Random(92), Counter[str](), 0
    while found.total() < KILLS:
        out = tmp_path / f"run{place}"
        place += 1
        before: dict[str, list[dict[str, Any]]] = {name: [] for name in SYSTEMS}
        begun, last = time.monotonic(), min(KILLS, found.total() + EACH)
        while killed(
            lambda out=out: work(tmp_path, out),  # type: ignore[misc]
            moment(draw, longest) if found.total() < last else 600,
        ):
            after = stored(out, "tabletop", SYSTEMS)
            assert all(after[name][: len(before[name])] == before[name] for name in SYSTEMS), "nothing is lost"
            found[phase(out, after)] += 1
            before = after
            begun = time.monotonic()
        longest = min(longest, time.monotonic() - begun)  # the machine may be less busy than it was
        assert without_times(stored(out, "tabletop", SYSTEMS)) == whole
        assert scores(out) == scores(undisturbed)
        if delivered:
            assert (out / "report.html").exists()
            assert logged(tmp_path / "mlflow.db", out.name) == ["FINISHED"]
    print(f"{found.total()} kills, {place} comparisons, killed in: {dict(found)}")
