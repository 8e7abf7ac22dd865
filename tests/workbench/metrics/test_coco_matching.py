"""All cells matched at once are matched as one after the other, as COCO's code goes through them."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from workbench.metrics import coco_matching
from workbench.metrics.coco_matching import THRESHOLDS, Cell, Detections

AREAS = {"all": (0.0, 1e10), "small": (0.0, 1024.0), "large": (9216.0, 1e10)}


def one_by_one(cell: Cell, low: float, high: float, most: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which detections of a cell are matched and which are ignored, `[N, K]`, written down as `evaluateImg` has it."""
    order = np.argsort(-cell.scores, kind="stable")[:most]
    ignored_target = cell.crowd | (cell.target_areas < low) | (cell.target_areas > high)
    targets = np.argsort(ignored_target, kind="stable")
    matched, ignored = (np.zeros((len(order), len(THRESHOLDS)), dtype=bool) for _ in range(2))
    for k, threshold in enumerate(THRESHOLDS):
        taken: set[int] = set()
        for n, detection in enumerate(order):
            best, match = min(threshold, 1 - 1e-10), -1
            for t in targets:
                if t in taken and not cell.crowd[t]:
                    continue
                if match >= 0 and ignored_target[t] and not ignored_target[match]:
                    break
                if cell.iou[detection, t] < best:
                    continue
                best, match = cell.iou[detection, t], int(t)
            if match >= 0:
                taken.add(match)
                matched[n, k] = match not in cell.unmatchable
                ignored[n, k] = ignored_target[match]
            if not matched[n, k] and not low <= cell.areas[detection] <= high:
                ignored[n, k] = True
    return matched, ignored


def random_cell(chance: np.random.Generator) -> Cell:
    n, t = chance.integers(0, 8), chance.integers(0, 6)
    overlaps = chance.choice([0.0, 0.3, 0.5, 0.5, 0.6, 0.75, 0.95, 1.0], size=(n, t))
    return Cell(
        category=1,
        scores=chance.choice([0.1, 0.5, 0.9], size=n) if n % 2 else chance.random(n),
        areas=chance.choice([100.0, 1024.0, 2000.0, 9216.0], size=n),
        iou=overlaps if t % 2 else np.where(overlaps > 0.4, chance.random((n, t)), 0.0),
        target_areas=chance.choice([100.0, 1024.0, 2000.0, 9216.0], size=t),
        crowd=chance.random(t) < 0.2,
        unmatchable=(int(chance.integers(0, t)),) if t and chance.random() < 0.2 else (),
    )


@pytest.mark.parametrize("at_once", [1, 2**19])
def test_cells_together_are_judged_as_each_alone(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco_matching, "AT_ONCE", at_once)
    chance = np.random.default_rng(at_once)
    for most in (100, 3, 1) * 8:
        cells: Sequence[Cell] = [random_cell(chance) for _ in range(9)]
        detections = Detections(cells, most)
        judged = detections.judge(AREAS)
        for name, (low, high) in AREAS.items():
            expected = [one_by_one(cell, low, high, most) for cell in cells]
            assert np.array_equal(judged[name].matched, np.concatenate([matched for matched, _ in expected]))
            assert np.array_equal(judged[name].ignored, np.concatenate([ignored for _, ignored in expected]))
            counted = [(~cell.crowd & (cell.target_areas >= low) & (cell.target_areas <= high)).sum() for cell in cells]
            assert judged[name].targets.tolist() == counted


def test_detections_stand_cell_after_cell_by_falling_score() -> None:
    scores = [np.array([0.2, 0.9, 0.2]), np.zeros(0), np.array([0.5, 0.7])]
    cells = [
        Cell(1, s, np.arange(len(s), dtype=float), np.zeros((len(s), 0)), np.zeros(0), np.zeros(0, dtype=bool))
        for s in scores
    ]
    found = Detections(cells, 2)
    assert found.cell.tolist() == [0, 0, 2, 2]
    assert found.rank.tolist() == [0, 1, 0, 1]
    assert found.scores.tolist() == [0.9, 0.2, 0.7, 0.5]
    assert Detections([], 2).judge(AREAS)["all"].matched.shape == (0, len(THRESHOLDS))
