"""Files of COCO results are scored as they are, by any protocol."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import photos
from tests.workbench.benchmarks import test_coco as coco
from tests.workbench.benchmarks.layouts import OFFICIAL
from workbench.benchmarks.folder import folder
from workbench.data import masks
from workbench.data.errors import ConfigurationError
from workbench.metrics.coco_files import evaluate_files
from workbench.scoring.prediction_file import score_file
from workbench.systems.recorded import RecordedAnswers


@pytest.mark.parametrize("boxed", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_coco_results_score_as_pycocotools_scores_them(tmp_path: Path, seed: int, boxed: bool) -> None:
    truth, found = coco.files(tmp_path, seed, [0.2, 0.5, 0.9])
    for place, one in enumerate(found):
        one["segmentation"] = masks.from_annotation(one["segmentation"], coco.SIDE, coco.SIDE, "detection")
        if boxed:  # a little larger than the mask: the area by which detections are large or small is the box's
            x, y, width, height = masks.bounding_box(one["segmentation"])
            one["bbox"] = [x, y, width * 3, height * 3]
        one["id"] = place
    (tmp_path / "results.json").write_text(json.dumps(found))
    ours = score_file("coco/ap", tmp_path / "a.json", tmp_path / "results.json")
    assert ours["metrics"] == pytest.approx(evaluate_files(truth, found, engine="pycocotools"), abs=1e-12)


def results(tmp_path: Path) -> tuple[Path, list[dict[str, Any]]]:
    """A folder of photographs, and results that are right."""
    own = photos.write(tmp_path / "own")
    found = [
        {"image_id": place, "category_id": 1, "segmentation": mask, "score": 0.9}
        for place, sample in enumerate(folder(str(own)).samples())
        for mask in sample.targets
    ]
    return own, found


def test_elsewhere_the_image_is_the_sample_and_no_entry_is_no_instance(tmp_path: Path) -> None:
    own, found = results(tmp_path)
    for place, one in enumerate(found):
        one["image_id"] = [one["image_id"], str(one["image_id"]), float(one["image_id"])][place % 3]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(found))
    scores = score_file("inst2seg", own, path, benchmark="folder")
    assert scores["metrics"] == dict.fromkeys(scores["metrics"], 1.0)
    path.write_text(json.dumps(found[1:]))
    assert score_file("inst2seg", own, path, benchmark="folder")["metrics"]["T_acc"] == pytest.approx(34 / 35)


def test_the_system_predictions_answers_from_them_too(tmp_path: Path) -> None:
    own, found = results(tmp_path)
    found[0]["score"] = 2
    (tmp_path / "results.json").write_text(json.dumps(found))
    samples = list(folder(str(own)).samples())
    answers = RecordedAnswers(tmp_path / "results.json").predict(samples, [])
    assert [len(one.instances) for one in answers[1:]] == [len(sample.targets) for sample in samples[1:]]
    assert (answers[0].outcome, "entry 0 (sample '0'): expected `score`" in answers[0].message) == ("crashed", True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 99}, r"entry 3: the annotations have no `image_id` 99: theirs are '0' to '43'"),
        ({"image_id": None}, "entry 3: expected"),
        ({"score": "high"}, r"entry 3 \(sample '2'\): expected `score`"),
        ({"segmentation": None}, r"entry 3 \(sample '2'\): expected a mask"),
        ({"segmentation": {"size": [3, 3], "counts": "9"}}, r"entry 3 \(sample '2'\): segmentation"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_entry(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    own, found = results(tmp_path)
    found[3].update(change)
    (tmp_path / "results.json").write_text(json.dumps(found))
    with pytest.raises(ConfigurationError, match=message):
        score_file("inst2seg", own, tmp_path / "results.json", benchmark="folder")


def test_a_category_that_is_not_there_is_refused(tmp_path: Path) -> None:
    _, found = coco.files(tmp_path, 1, [0.5])
    found[2]["category_id"] = 4
    (tmp_path / "results.json").write_text(json.dumps(found))
    with pytest.raises(ConfigurationError, match=r"entry \d+: the annotations have no `category_id` 4"):
        score_file("coco/ap", tmp_path / "a.json", tmp_path / "results.json")


def test_a_table_that_does_not_say_what_is_right_is_not_scored_against(tmp_path: Path) -> None:
    photos.save(photos.BOX, tmp_path / "box.jpg")
    (tmp_path / "instructions.csv").write_text("image,instruction\nbox.jpg,the soap\n")
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(ConfigurationError, match="does not say what is right, so there is nothing to score against"):
        score_file("inst2seg", tmp_path, tmp_path / "results.json")


def boxed(tmp_path: Path, entries: list[dict[str, Any]], protocol: str = "omnilabel") -> dict[str, Any]:
    """The metrics of entries about the small files of OmniLabel or D3, without images."""
    places = {"omnilabel": "dataset_all_val.json", "d3": "d3_json/d3_abs_annotations.json"}
    path = tmp_path / "results.json"
    path.write_text(json.dumps(entries))
    found: dict[str, Any] = score_file(protocol, OFFICIAL / protocol / places[protocol], path)["metrics"]
    return found


CUP, OTHER = [1, 1, 3, 4], [8, 2, 4, 4]


def test_boxes_alone_are_scored_where_the_benchmark_has_no_masks(tmp_path: Path) -> None:
    found = boxed(
        tmp_path,
        [
            {"image_id": 7, "category_id": 11, "bbox": CUP, "score": 0.9},
            {"image_id": 7, "category_id": 12, "bbox": CUP, "score": 0.9},
        ],
    )
    assert (found["AP50_descr"], found["AP50_categ"]) == pytest.approx((51 / 101, 51 / 101))
    assert boxed(tmp_path, [{"image_id": 1, "category_id": 2, "bbox": CUP, "score": 0.9}], "d3")["AP50"] == (
        pytest.approx(51 / 101)
    )


def test_a_mask_is_taken_for_its_box_where_the_benchmark_has_no_masks(tmp_path: Path) -> None:
    mask = masks.encode(np.pad(np.ones((4, 3), bool), ((1, 2), (1, 8))))  # on the canvas of the annotated boxes
    found = boxed(tmp_path, [{"image_id": 7, "category_id": 11, "segmentation": mask, "score": 0.9}])
    assert found["AP75_descr"] == pytest.approx(51 / 101)
    larger = masks.encode(np.ones((12, 16), bool))
    with pytest.raises(ConfigurationError, match="no image size: give the images, or boxes in place of masks"):
        boxed(tmp_path, [{"image_id": 7, "category_id": 11, "segmentation": larger, "score": 0.9}])


def test_results_in_omnilabel_s_layout_are_read(tmp_path: Path) -> None:
    entries = [
        {"image_id": 7, "bbox": CUP, "description_ids": [11, 12], "scores": [0.9, 0.9]},
        {"image_id": 7, "bbox": OTHER, "description_ids": [12], "scores": [0.8]},
        {"image_id": 7, "bbox": [5.25, 5.5, 6, 1.5], "description_ids": [13, 99], "scores": [0.8, 0.9]},
        {"image_id": 99, "bbox": CUP, "description_ids": [11], "scores": [1.0]},
        {"image_id": 3, "bbox": [1, 1, 2, 2], "description_ids": [12, 13], "scores": [1.0, 1.0]},
    ]
    found = boxed(tmp_path, entries)
    assert {name: found[name] for name in ("AP_descr", "AP_categ", "AR_categ")} == pytest.approx(
        {"AP_descr": 1.0, "AP_categ": 1.0, "AR_categ": 1.0}
    ), "what is not asked is left out, and a crowd absorbs"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": [0.9]}, "entry 0: expected `scores` with one for each of `description_ids`"),
        ({"scores": [0.9, 2]}, r"entry 0 \(sample '1'\): expected `score` to be a number from 0 to 1, got 2"),
        ({"bbox": None}, r"entry 0 \(sample '0'\): expected a box in `bbox`"),
        ({"bbox": [1, 1, -3, 4]}, "sides of at least 0"),
        ({"image_id": 99}, "no entry is about an image and a description that the annotations ask for"),
    ],
)
def test_boxes_that_do_not_fit_are_refused_with_their_entry(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    entry = {"image_id": 7, "bbox": CUP, "description_ids": [11, 12], "scores": [0.9, 0.8], **change}
    with pytest.raises(ConfigurationError, match=message):
        boxed(tmp_path, [entry, {"image_id": 55, "category_id": 1, "bbox": CUP, "score": 0.4}])


def test_lines_of_boxes_without_masks(tmp_path: Path) -> None:
    answers = [[CUP], [CUP, OTHER], [], [], []]
    path = tmp_path / "answers.jsonl"
    lines = [
        {"sample_id": place, "instances": [{"box": box, "score": 0.9} for box in boxes]}
        for place, boxes in enumerate(answers)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    annotations = OFFICIAL / "omnilabel" / "dataset_all_val.json"
    assert score_file("omnilabel", annotations, path)["metrics"]["AP_categ"] == pytest.approx(1.0)
    path.write_text(json.dumps({"sample_id": 0, "instances": [{"score": 0.9}]}) + "\n")
    with pytest.raises(ConfigurationError, match="expected the key `mask`"):
        score_file("omnilabel", annotations, path)
