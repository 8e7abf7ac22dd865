"""gRefCOCO, ReasonSeg, RoboRefIt and GSEval: the official evaluations, run on synthetic data, against ours."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.golden_cases import golden_cases
from workbench.benchmarks.reading import box_of_corners
from workbench.data import masks
from workbench.data.masks import Rle
from workbench.data.predictions import OK, Instance, Prediction
from workbench.data.samples import Box, Sample
from workbench.metrics import referring
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.metrics.statistics import estimate
from workbench.scoring.system import score

pytestmark = pytest.mark.golden

CLASSES = {"1": "stuff", "2": "part", "3": "multi", "4": "single"}


def cases(pattern: str) -> pytest.MarkDecorator:
    found = [path for path in golden_cases("metrics", pattern) if (path / "inputs.json").exists()]
    return pytest.mark.parametrize("folder", found, ids=[path.name for path in found])


@cases("grefcoco*")
def test_grefcoco_as_rela_scores_it(folder: Path) -> None:
    samples, answers, expected = grefcoco(folder)
    (official,) = expected["rela"].values()
    metrics = score(samples, answers, "grefcoco/rela")["metrics"]
    shares = {name: value if name in ("T_acc", "N_acc") else value / 100 for name, value in official.items()}
    assert metrics == pytest.approx(shares, abs=1e-6)


@cases("grefcoco*")
def test_every_sample_of_grefcoco_as_rela_scores_it(folder: Path) -> None:
    samples, answers, expected = grefcoco(folder)
    for overlap, record in zip(overlaps(samples, answers), expected["rela_per_sample"], strict=True):
        metrics = alone(referring.grefcoco_rela, overlap)
        assert metrics["gIoU"] == pytest.approx(record["cIoU"], abs=1e-6)
        assert (overlap.n_targets == 0, overlap.rejected) == (record["gt_nt"], record["pred_nt"])
        if record["U"]:
            assert metrics["cIoU"] == pytest.approx(record["I"] / record["U"], abs=1e-12)
        else:
            assert math.isnan(metrics["cIoU"])


@cases("grefcoco*")
def test_grefcoco_as_gsva_scores_it(folder: Path) -> None:
    samples, answers, expected = grefcoco(folder)
    assert_equal(score(samples, answers, "grefcoco/gsva")["metrics"], expected["gsva"])


@cases("reasonseg*")
def test_reasonseg_as_lisa_scores_it(folder: Path) -> None:
    inputs, expected = read(folder)
    pairs = [reasonseg(one) for one in inputs["samples"]]
    samples, answers = [s for s, _ in pairs], [a for _, a in pairs]
    for overlap, record in zip(overlaps(samples, answers), expected["per_sample"], strict=True):
        assert (overlap.intersection, overlap.union) == (record["I"], record["U"])
        assert alone(referring.reasonseg_lisa, overlap)["gIoU"] == pytest.approx(record["iou"] / (1 + 1e-5), abs=1e-6)
    official = {name: expected[name] for name in ("gIoU", "cIoU")}
    assert_equal(score(samples, answers, "reasonseg/lisa")["metrics"], official)


@cases("roborefit*")
def test_roborefit_as_vl_grasp_scores_it(folder: Path) -> None:
    inputs, expected = read(folder)
    samples, answers = [], []
    for index, one in enumerate(inputs["samples"]):
        boxes = {name: box_of_corners(one[f"{name}_box_xyxy"], name) for name in ("gt", "pred")}
        samples.append(sample(index, [compressed(one["gt"])], one["gt"]["size"], boxes=(boxes["gt"],)))
        answers.append(answer(index, compressed(one["pred"]), boxes["pred"]))
    for overlap, record in zip(overlaps(samples, answers), expected["per_sample"], strict=True):
        metrics = alone(referring.roborefit_vlgrasp, overlap)
        assert_equal({"mask_iou": metrics["seg_miou"], "box_iou": metrics["miou"]}, record)
    assert_equal(score(samples, answers, "roborefit/vlgrasp")["metrics"], expected["stats"])
    assert expected["empty_vs_empty_mask_iou"] == "nan"


def test_two_empty_masks_leave_the_mean_of_vl_grasp_undefined() -> None:
    empty = masks.encode(np.zeros((4, 5), bool))
    metrics = score([sample(0, [empty], [4, 5])], [answer(0, empty, None)], "roborefit/vlgrasp")["metrics"]
    assert metrics["seg_miou"] is None


@cases("gseval*")
def test_gseval_masks_as_its_authors_score_them(folder: Path) -> None:
    inputs, expected = read(folder)
    rows = {row["idx"]: row["segmentation"] for row in inputs["pred_mask"]}
    answers = []
    for row in inputs["gt"]:
        seen = row["idx"] not in inputs["images_missing"] and rows.get(row["idx"]) is not None
        answers.append(answer(row["idx"], compressed(rows[row["idx"]])) if seen else Prediction(str(row["idx"])))
    samples = [gseval(row) for row in inputs["gt"]]
    official = expected["mask"]
    metrics = score(samples, answers, "gseval/official")["metrics"]
    ours = {name: metrics.get(f"gIoU_{CLASSES[name]}") or 0.0 for name in official["class_gious"]}
    assert (metrics["gIoU"] or 0.0) == pytest.approx(official["overall_giou"], abs=1e-6)
    assert ours == pytest.approx(official["class_gious"], abs=1e-6)
    found = {o.sample_id: o for o in overlaps(samples, answers)}
    assert sum(o.n_instances for o in found.values()) == official["n_results"]
    for index, iou in official["per_sample"]:
        assert alone(referring.gseval_official, found[str(index)])["gIoU"] == pytest.approx(iou, abs=1e-6)


@cases("gseval*")
def test_gseval_boxes_as_its_authors_score_them(folder: Path) -> None:
    inputs, expected = read(folder)
    rows = {row["idx"]: row["predicted_box"] for row in inputs["pred_box"]}
    empty = masks.encode(np.zeros(inputs["image_size"], bool))
    answers = []
    for row in inputs["gt"]:
        index = row["idx"]
        if index not in rows or index in inputs["images_missing"]:
            answers.append(Prediction(str(index), outcome="bad_sample"))
        elif rows[index] is None:
            answers.append(Prediction(str(index)))
        else:
            answers.append(answer(index, empty, box_of_corners(rows[index], "")))
    metrics = score([gseval(row) for row in inputs["gt"]], answers, "gseval/official")["metrics"]
    official = expected["box"]
    ours = {name: metrics.get(f"accuracy_{CLASSES[name]}") or 0.0 for name in official["class_accuracies"]}
    assert (metrics["accuracy"] or 0.0) == pytest.approx(official["overall_accuracy"], abs=1e-6)
    assert ours == pytest.approx(official["class_accuracies"], abs=1e-6)
    assert sum(a.outcome == OK for a in answers) == official["n_results"]


@cases("gseval*")
def test_strict_gseval_counts_every_row(folder: Path) -> None:
    inputs, expected = read(folder)
    found = dict(expected["mask"]["per_sample"])
    rows = {row["idx"]: row["segmentation"] for row in inputs["pred_mask"] if row["idx"] in found}
    answers = [
        answer(row["idx"], compressed(rows[row["idx"]])) if row["idx"] in rows else Prediction(str(row["idx"]))
        for row in inputs["gt"]
    ]
    metrics = score([gseval(row) for row in inputs["gt"]], answers, "gseval/strict")["metrics"]
    assert metrics["gIoU"] == pytest.approx(sum(found.values()) / len(inputs["gt"]), abs=1e-6)


def read(folder: Path) -> tuple[Any, Any]:
    return json.loads((folder / "inputs.json").read_text()), json.loads((folder / "expected.json").read_text())


def compressed(value: Any) -> Rle:
    height, width = value["size"]
    return masks.from_annotation(value, height, width, "golden")


def sample(index: int, targets: list[Rle], size: list[int], **more: Any) -> Sample:
    return Sample(str(index), str(index), Path("x"), size[1], size[0], "", tuple(targets), **more)


def answer(index: int, mask: Rle, box: Box | None = None, rejected: bool | None = None) -> Prediction:
    return Prediction(str(index), (Instance(mask, 1.0, box),), rejected=rejected)


def grefcoco(folder: Path) -> tuple[list[Sample], list[Prediction], Any]:
    inputs, expected = read(folder)
    samples = [
        sample(i, [] if one["gt_no_target"] else [compressed(one["gt"])], one["gt"]["size"])
        for i, one in enumerate(inputs["samples"])
    ]
    answers = [
        answer(i, compressed(one["pred"]), rejected=one["pred_no_target"]) for i, one in enumerate(inputs["samples"])
    ]
    return samples, answers, expected


def reasonseg(one: Any) -> tuple[Sample, Prediction]:
    targets = [compressed(one["gt_target"])]
    asked = sample(one["id"], targets, [one["height"], one["width"]], ignore=compressed(one["gt_ignore"]))
    return asked, answer(one["id"], compressed(one["pred"]))


def gseval(row: Any) -> Sample:
    kind = CLASSES[str(row["class_id"])]
    boxes = (box_of_corners(row["box"], "box"),)
    mask = compressed(row["segmentation"])
    return sample(row["idx"], [mask], row["segmentation"]["size"], boxes=boxes, kind=kind)


def alone(protocol: Any, overlap: SampleOverlap) -> dict[str, float]:
    return estimate(protocol([overlap]), 1)


def assert_equal(ours: Any, official: Any) -> None:
    """Equal up to 1e-6; what is undefined is None or nan here and nan there."""
    assert ours.keys() == official.keys()
    for name, theirs in official.items():
        if isinstance(theirs, str) or (isinstance(theirs, float) and math.isnan(theirs)):
            assert ours[name] is None or math.isnan(ours[name]), name
        else:
            assert ours[name] == pytest.approx(theirs, abs=1e-6), name
