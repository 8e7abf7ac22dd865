"""TIDE itself, run on synthetic data, against ours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.golden_cases import golden_cases
from workbench.data import masks
from workbench.metrics.statistics import estimate
from workbench.metrics.tide import Scene, costs, find_errors

pytestmark = pytest.mark.golden

CASES = golden_cases("metrics", "tide*")
cases = pytest.mark.parametrize("folder", CASES, ids=[path.name for path in CASES])
Positions = list[list[int]]


@cases
def test_the_cost_of_every_kind_of_error_equals_the_official_one(folder: Path) -> None:
    inputs, expected = read(folder)
    scenes, *_ = in_official_order(inputs, expected)
    found = estimate(costs(find_errors(scenes)), len(scenes))
    official = {
        f"dAP_{name}": value / 100 for name, value in {**expected["main_dAP"], **expected["special_dAP"]}.items()
    }
    assert found == pytest.approx({"AP50": expected["ap50"] / 100, **official}, abs=1e-6)


@cases
def test_every_error_is_found_in_the_official_order(folder: Path) -> None:
    inputs, expected = read(folder)
    scenes, predictions, targets = in_official_order(inputs, expected)
    assert find_errors(scenes).counts == expected["counts"]
    assert named(scenes, predictions, targets) == expected["errors"]


def read(folder: Path) -> tuple[Any, Any]:
    return json.loads((folder / "inputs.json").read_text()), json.loads((folder / "expected.json").read_text())


def in_official_order(inputs: Any, expected: Any) -> tuple[list[Scene], Positions, Positions]:
    """Scenes, and the positions in the file of their predictions and targets.

    The file does not say in which order TIDE was told of its images: by number, or those with targets first.
    """
    first = list(dict.fromkeys([*(one["image"] for one in inputs["gt"]), *range(inputs["images"])]))
    by_number = arranged(inputs, list(range(inputs["images"])))
    return by_number if named(*by_number) == expected["errors"] else arranged(inputs, first)


def arranged(inputs: Any, images: list[int]) -> tuple[list[Scene], Positions, Positions]:
    predictions, targets = (
        [[i for i, one in enumerate(inputs[kind]) if one["image"] == image] for image in images]
        for kind in ("pred", "gt")
    )
    scenes = []
    for predicted, wanted in zip(predictions, targets, strict=True):
        answers, truth = [inputs["pred"][i] for i in predicted], [inputs["gt"][i] for i in wanted]
        scenes.append(
            Scene(
                scores=np.array([one["score"] for one in answers], dtype=np.float64),
                classes=[one["cls"] for one in answers],
                target_classes=[one["cls"] for one in truth],
                iou=masks.iou_matrix([mask(one) for one in answers], [mask(one) for one in truth]),
            )
        )
    return scenes, predictions, targets


def named(scenes: list[Scene], predictions: Positions, targets: Positions) -> list[list[Any]]:
    """Kind, prediction and target of every error, as positions in the file."""
    return [
        [
            error.kind,
            None if error.prediction is None else predictions[error.scene][error.prediction],
            None if error.target is None else targets[error.scene][error.target],
        ]
        for error in find_errors(scenes).found
    ]


def mask(one: Any) -> masks.Rle:
    height, width = one["mask"]["size"]
    return masks.from_annotation(one["mask"], height, width, "golden")
