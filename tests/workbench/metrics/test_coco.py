"""COCO's AP with areas relative to the image, as SAM3's online evaluation runs it, against ours."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.golden_cases import golden_cases
from tests.workbench.metrics.coco_cases import printed, read
from workbench.metrics.coco import average_precision
from workbench.metrics.coco_files import cells
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
@pytest.mark.parametrize("classes", ["useCats", "no_cats"])
def test_ap_with_areas_relative_to_the_image_equals_the_official_one(folder: Path, classes: str) -> None:
    expected = read(folder, "metrics_online_segm.json")[classes]
    truth = read(folder, "gt_normalised_area.json")
    detections = [{k: v for k, v in one.items() if k != "bbox"} for one in read(folder, "pred.json")]
    if classes == "no_cats":
        truth["annotations"], detections = in_one_class(truth["annotations"]), in_one_class(detections)
        truth["categories"] = [{"id": 1, "name": "object"}]
    pixels = {image["id"]: image["height"] * image["width"] for image in truth["images"]}
    owners = [image for image in sorted(pixels) for _ in truth["categories"]]
    relative = [
        replace(cell, areas=cell.areas / pixels[image])
        for image, cell in zip(owners, cells(truth, detections), strict=True)
    ]
    metrics = estimate(average_precision(relative, RELATIVE_AREAS), len(relative))
    names = {key: key.removeprefix("coco_eval_masks_") for key in expected}
    official = {ONLINE_NAMES.get(name, name): expected[key] for key, name in names.items()}
    assert printed(metrics) == pytest.approx(official, abs=1e-6)


def in_one_class(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**entry, "category_id": 1} for entry in sorted(entries, key=lambda entry: entry["category_id"])]
