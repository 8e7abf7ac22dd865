"""COCO's AP as SAM3's evaluations run it, on synthetic data, against ours."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco

from tests.golden_cases import golden_cases
from workbench.metrics.coco import Cell, average_precision
from workbench.metrics.statistics import estimate

pytestmark = pytest.mark.golden

CASES = [path for path in golden_cases("metrics", "coco_ap*") if (path / "pred.json").exists()]
cases = pytest.mark.parametrize("folder", CASES, ids=[path.name for path in CASES])
RELATIVE_AREAS = {
    "all": (0.0, 1e5),
    "tiny": (0.0, 0.001),
    "small": (0.001, 0.01),
    "medium": (0.01, 0.1),
    "large": (0.1, 0.5),
    "huge": (0.5, 0.95),
    "whole_image": (0.95, 1e5),
}
NAMES = {"AP_50": "AP50", "AP_75": "AP75"}
ONLINE_NAMES = {**NAMES, "AR": "AR@1", "AR_50": "AR@10", "AR_75": "AR@100"}
"""SAM3's online evaluation gives the recalls at 1, 10 and 100 detections the names of IoU thresholds."""


@cases
@pytest.mark.parametrize("kind", ["segm", "bbox"])
@pytest.mark.parametrize("split", ["", "_positive_split"])
def test_ap_from_files_equals_the_official_one(folder: Path, kind: str, split: str) -> None:
    expected = json.loads((folder / f"metrics_offline_{kind}{split}.json").read_text())
    truth, found = read(folder, "gt.json"), read(folder, "pred.json")
    if split:
        asked = {(a["image_id"], a["category_id"]) for a in truth["annotations"]}
        found = [p for p in found if (p["image_id"], p["category_id"]) in asked]
    # as `COCO.loadRes` does: boxes where the first prediction has one, else masks
    boxed = bool(found) and "bbox" in found[0]
    found = found if boxed else [{**p, "bbox": list(coco.toBbox(p["segmentation"]))} for p in found]
    areas = [p["bbox"][2] * p["bbox"][3] if boxed else float(coco.area(p["segmentation"])) for p in found]
    metrics = evaluate(cells(truth, found, areas, kind))
    assert metrics == pytest.approx({our_name(key): value for key, value in expected.items()}, abs=1e-6)


@cases
@pytest.mark.parametrize("classes", ["useCats", "no_cats"])
def test_ap_with_areas_relative_to_the_image_equals_the_official_one(folder: Path, classes: str) -> None:
    expected = json.loads((folder / "metrics_online_segm.json").read_text())[classes]
    truth, found = read(folder, "gt_normalised_area.json"), read(folder, "pred.json")
    areas = [coco.area(p["segmentation"]) / np.prod(p["segmentation"]["size"]) for p in found]
    metrics = evaluate(cells(truth, found, areas, "segm", classes == "useCats"), RELATIVE_AREAS)
    names = {key: key.removeprefix("coco_eval_masks_") for key in expected}
    official = {ONLINE_NAMES.get(name, name): expected[key] for key, name in names.items()}
    assert metrics == pytest.approx(official, abs=1e-6)


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def cells(truth: Any, found: list[Any], areas: Sequence[float], kind: str, by_class: bool = True) -> list[Cell]:
    """Every class in every image, in the order of their ids, as pycocotools goes through them."""
    key = {"segm": "segmentation", "bbox": "bbox"}[kind]
    classes = sorted(category["id"] for category in truth["categories"])
    result = []
    for image in sorted(image["id"] for image in truth["images"]):
        for chosen in [[c] for c in classes] if by_class else [classes]:
            wanted = [
                a for c in chosen for a in truth["annotations"] if (a["image_id"], a["category_id"]) == (image, c)
            ]
            answers = [
                i for c in chosen for i, p in enumerate(found) if (p["image_id"], p["category_id"]) == (image, c)
            ]
            crowd = [a["iscrowd"] for a in wanted]
            iou = np.zeros((len(answers), len(wanted)))
            if answers and wanted:
                iou = np.asarray(coco.iou([found[i][key] for i in answers], [a[key] for a in wanted], crowd))
            result.append(
                Cell(
                    category=chosen[0],
                    scores=np.array([found[i]["score"] for i in answers], dtype=np.float64),
                    areas=np.array([areas[i] for i in answers], dtype=np.float64),
                    iou=iou,
                    target_areas=np.array([a["area"] for a in wanted], dtype=np.float64),
                    crowd=np.array(crowd, dtype=bool),
                )
            )
    return result


def evaluate(found: list[Cell], areas: Any = None) -> dict[str, float]:
    measure = average_precision(found, areas) if areas else average_precision(found)
    return {name: -1.0 if np.isnan(value) else value for name, value in estimate(measure, len(found)).items()}


def our_name(key: str) -> str:
    name = key.split("_", 3)[3].replace("AR_maxDets@", "AR@")
    return NAMES.get(name, name)
