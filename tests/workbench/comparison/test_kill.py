"""A comparison that is killed at random moments, and continued, ends with what an undisturbed one ends with.

`WORKBENCH_KILLS=500 pytest tests/workbench/comparison/test_kill.py` kills more often.
"""

import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.killing import killed, kills, moment, scores, stored, without_times
from tests.workbench.toys import Rectangles, threshold
from workbench.comparison.runner import run
from workbench.scoring.finish import finish

KILLS = kills(20)
N_SAMPLES = 12
SYSTEMS = ("toy-a", "toy-b")


def compare(root: Path, out: Path, delay: float) -> None:
    systems = {name: lambda: threshold(delay=delay) for name in SYSTEMS}
    run(systems, lambda: Rectangles(root / "data", N_SAMPLES), out)
    finish(out)


@pytest.mark.slow
def test_a_comparison_killed_at_random_moments_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    compare(tmp_path, tmp_path / "whole", 0.0)
    begun = time.monotonic()
    assert not killed(lambda: compare(tmp_path, tmp_path / "timed", 0.01), 120), "it ends by itself"
    longest = 1.5 * (time.monotonic() - begun)
    whole = without_times(stored(tmp_path / "whole", "toy", SYSTEMS))
    draw = random.Random(3)
    count = place = 0
    interrupted_at: set[tuple[int, ...]] = set()
    while count < KILLS:
        out = tmp_path / f"run{place}"
        place += 1
        before: dict[str, list[dict[str, Any]]] = {name: [] for name in SYSTEMS}
        while killed(
            lambda out=out: compare(tmp_path, out, 0.01),  # type: ignore[misc]
            moment(draw, longest) if count < KILLS else 120,
        ):
            count += 1
            after = stored(out, "toy", SYSTEMS)
            assert all(after[name][: len(before[name])] == before[name] for name in SYSTEMS), "nothing is lost"
            interrupted_at.add(tuple(map(len, after.values())))
            before = after
        assert without_times(stored(out, "toy", SYSTEMS)) == whole
        assert scores(out) == scores(tmp_path / "whole")
    assert len(interrupted_at) > min(KILLS, 60) // 12, "the kills came at different moments"
    print(f"{count} kills, {place} comparisons, {len(interrupted_at)} different moments")
