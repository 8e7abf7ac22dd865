"""COCO's files as a benchmark score exactly as pycocotools scores them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.benchmarks.coco import read
from workbench.data import masks
from workbench.metrics.coco_files import evaluate_files
from workbench.scoring.prediction_file import score_file

SIDE = 24


def square(x: int, y: int, size: int) -> dict[str, Any]:
    pixels = np.zeros((SIDE, SIDE), dtype=bool)
    pixels[y : y + size, x : x + size] = True
    flat = pixels.T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat])))
    return {"size": [SIDE, SIDE], "counts": np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()}


def files(folder: Path, seed: int, scores: list[float]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Instance and prediction files with few different scores and images in any order, and the latter as COCO's."""
    chance = np.random.default_rng(seed)
    ids = [int(i) for i in chance.permutation(200)[:12]]
    categories = [{"id": 7, "name": "cup"}, {"id": 3, "name": "bowl"}]
    annotations, answers, found = [], [], []
    for image in ids:
        for category in categories:
            instances = []
            for _ in range(chance.integers(0, 4)):
                x, y, size = (int(n) for n in chance.integers([0, 0, 3], [16, 16, 8]))
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": image, "category_id": category["id"], "iscrowd": 0,
                     "area": size * size, "segmentation": square(x, y, size)}
                )  # fmt: skip
                if chance.random() < 0.8:
                    near = square(x + int(chance.integers(0, 3)), y, size)
                    instances.append({"mask": near, "score": float(chance.choice(scores))})
            answers.append({"sample_id": len(answers), "instances": instances})
            found += [
                {"image_id": image, "category_id": category["id"], "segmentation": one["mask"], "score": one["score"]}
                for one in instances
            ]
    images = [{"id": image, "file_name": f"{image}.png", "height": SIDE, "width": SIDE} for image in ids]
    truth = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "a.json").write_text(json.dumps(truth))
    (folder / "p.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    return truth, found


@pytest.mark.parametrize("scores", [[1.0], [0.5, 0.9]], ids=["all tied", "many tied"])
@pytest.mark.parametrize("seed", range(6))
def test_tied_scores_rank_by_image_id_whatever_the_order_of_images(
    tmp_path: Path, seed: int, scores: list[float]
) -> None:
    truth, found = files(tmp_path, seed, scores)
    ours = score_file("coco/ap", tmp_path / "a.json", tmp_path / "p.jsonl")["metrics"]
    for one in found:
        one["segmentation"] = masks.from_annotation(one["segmentation"], SIDE, SIDE, "detection")
    official = evaluate_files(truth, found, engine="pycocotools")
    assert ours == pytest.approx(official, abs=1e-12)


def test_categories_that_lvis_did_not_annotate_completely_say_so(tmp_path: Path) -> None:
    one = {"id": 1, "image_id": 1, "segmentation": square(2, 2, 8)}
    told = {"neg_category_ids": [3], "not_exhaustive_category_ids": [2]}
    content = {
        "images": [{"id": 1, "file_name": "1.png", "height": SIDE, "width": SIDE, **told}],
        "annotations": [{**one, "category_id": 1}, {**one, "id": 2, "category_id": 2}],
        "categories": [{"id": n, "name": name} for n, name in enumerate(("cup", "bowl", "fork", "knife"), 1)],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    doubted = [
        sample.instruction for sample in read(tmp_path / "a.json", None) if not sample.facts.get("exhaustive", 1)
    ]
    assert doubted == ["bowl", "knife"]
    del content["images"][0]["neg_category_ids"], content["images"][0]["not_exhaustive_category_ids"]
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert not any("exhaustive" in sample.facts for sample in read(tmp_path / "a.json", None))
