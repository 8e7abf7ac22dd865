"""COCO's AP from files as SAM3's evaluations run it, on synthetic data, against ours."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from tests.golden_cases import golden_cases
from tests.workbench.metrics.coco_cases import printed, read
from workbench.data import masks
from workbench.data.errors import ConfigurationError
from workbench.metrics.coco_files import Engine, evaluate_files

pytestmark = pytest.mark.golden
CASES = [path for path in golden_cases("metrics", "coco_ap*") if (path / "pred.json").exists()]
cases = pytest.mark.parametrize("folder", CASES, ids=[path.name for path in CASES])
NAMES = {"AP_50": "AP50", "AP_75": "AP75"}


@cases
@pytest.mark.parametrize("kind", ["segm", "bbox"])
@pytest.mark.parametrize("split", ["", "_positive_split"])
@pytest.mark.parametrize("engine", get_args(Engine))
def test_ap_from_files_equals_the_official_one(folder: Path, kind: Any, split: str, engine: Any) -> None:
    expected = read(folder, f"metrics_offline_{kind}{split}.json")
    truth, found = read(folder, "gt.json"), read(folder, "pred.json")
    if split:
        asked = {(a["image_id"], a["category_id"]) for a in truth["annotations"]}
        found = [p for p in found if (p["image_id"], p["category_id"]) in asked]
    official = {our_name(key): value for key, value in expected.items()}
    assert printed(evaluate_files(truth, found, kind, engine)) == pytest.approx(official, abs=1e-6)


@pytest.mark.parametrize("engine", ["pycocotools", "hotcoco"])
@pytest.mark.parametrize("seed", range(4))
def test_ours_equals_the_engine_on_ties_crowds_and_empty_images(engine: Any, seed: int) -> None:
    truth, detections = random_files(np.random.default_rng(seed))
    ours = evaluate_files(truth, detections, engine="workbench")
    assert printed(ours) == pytest.approx(printed(evaluate_files(truth, detections, engine=engine)), abs=1e-9)
    nothing = evaluate_files(truth, [], engine="pycocotools")
    assert evaluate_files(truth, [], engine=engine) == evaluate_files(truth, [], engine="workbench") == nothing


@pytest.mark.parametrize("kind", ["segm", "bbox"])
def test_files_in_no_order_with_any_ids_are_evaluated_as_the_official_code_does(kind: Any) -> None:
    """Also with an annotation of id 0, which can be taken but not found: the official code reads it as no match."""
    for seed in range(6):
        chance = np.random.default_rng(seed)
        truth, detections = random_files(chance)
        numbers = dict(zip(range(1, 13), (int(one) for one in chance.choice(10**6, 12, replace=False)), strict=True))
        for entry in truth["images"]:
            entry["id"] = numbers[entry["id"]]
        for entry in (*truth["annotations"], *detections):
            entry["image_id"] = numbers[entry["image_id"]]
        for number, entry in enumerate(truth["annotations"]):
            entry["id"] = number + seed % 2
        shuffled = [[entries[i] for i in chance.permutation(len(entries))] for entries in (detections, *truth.values())]
        detections, truth = shuffled[0], dict(zip(truth, shuffled[1:], strict=True))
        assert evaluate_files(truth, detections, kind) == pytest.approx(
            evaluate_files(truth, detections, kind, "pycocotools"), abs=1e-9
        )


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected an engine among workbench, pycocotools, hotcoco, got 'c'"):
        evaluate_files({}, [], engine="c")  # type: ignore[arg-type]


def random_files(chance: np.random.Generator) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Rectangles on a coarse grid, so that IoUs are equal often, with scores of one digit."""

    def rectangle() -> Any:
        mask = np.zeros((120, 160), dtype=bool)
        x, y = 10 * chance.integers(0, 8), 10 * chance.integers(0, 6)
        mask[y : y + 20 * chance.integers(1, 6), x : x + 20 * chance.integers(1, 6)] = True
        return masks.encode(mask)

    images = [{"id": i, "file_name": f"{i}.jpg", "height": 120, "width": 160} for i in range(1, 13)]
    annotations: list[dict[str, Any]] = []
    detections: list[dict[str, Any]] = []
    for image in range(1, 11):
        for category in (1, 2):
            for _ in range(chance.integers(0, 4)):
                mask = rectangle()
                key = {"image_id": image, "category_id": category, "segmentation": mask}
                box = list(masks.bounding_box(mask))
                crowd = int(chance.random() < 0.2)
                number = len(annotations) + 1
                annotations.append({"id": number, **key, "bbox": box, "area": masks.area(mask), "iscrowd": crowd})
                detections += [
                    {**key, "score": float(chance.integers(1, 6)) / 10} for _ in range(chance.integers(0, 3))
                ]
            for _ in range(chance.integers(0, 3)):
                score = float(chance.integers(1, 6)) / 10
                detections.append(
                    {"image_id": image, "category_id": category, "segmentation": rectangle(), "score": score}
                )
    categories = [{"id": 1, "name": "cup"}, {"id": 2, "name": "dog"}, {"id": 3, "name": "never there"}]
    return {"images": images, "annotations": annotations, "categories": categories}, detections


def our_name(key: str) -> str:
    name = key.split("_", 3)[3].replace("AR_maxDets@", "AR@")
    return NAMES.get(name, name)
