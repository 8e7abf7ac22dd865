"""The official cgF1 evaluation of SA-Co, run on synthetic data, against ours."""

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as coco

from tests.golden_cases import golden_cases
from workbench.benchmarks import saco
from workbench.data import masks
from workbench.data.predictions import Instance, Prediction
from workbench.metrics.cgf1 import THRESHOLDS, PairCounts, cgf1, judge, most_favourable
from workbench.scoring.system import score

pytestmark = pytest.mark.golden

NAMES = {"positive_micro_F1": "pmF1"}


def _official_runs() -> list[tuple[str, Path, dict[str, Any], list[Path]]]:
    """Name, predictions, expected and annotation files of every run of the official code."""
    runs = []
    for folder in golden_cases("metrics", "cgf1*"):
        if (folder / "pred.json").exists():
            for path in sorted(folder.glob("metrics_*.json")):
                expected = json.loads(path.read_text())
                files = [folder / f"gt_{letter}.json" for letter in path.stem.split("_")[2]]
                runs.append((f"{folder.name}/{path.stem}", folder / "pred.json", expected, files))
        for case in sorted(path.parent for path in folder.glob("*/expected.json")):
            single = case / "gt.json"
            files = [single] if single.exists() else sorted(case.glob("gt_*.json"))
            for kind, expected in json.loads((case / "expected.json").read_text()).items():
                runs.append((f"{folder.name}/{case.name}/{kind}", case / "pred.json", expected, files))
    return runs


def _silver_runs() -> list[tuple[str, Path, dict[str, Any], list[Path]]]:
    """The same for SA-Co/Silver, whose subsets have one annotator and files of other names."""
    runs = []
    for folder in golden_cases("metrics", "saco_silver*"):
        for name, subset in json.loads((folder / "expected.json").read_text())["subsets"].items():
            for kind in ("segm", "bbox"):
                expected = {**subset[kind], "iou_type": kind, "n_gt_files": 1}
                place = (folder / subset["pred"], expected, [folder / subset["gt"]])
                runs.append((f"{folder.name}/{name}/{kind}", *place))
    return runs


SILVER = _silver_runs()
RUNS = _official_runs() + SILVER
ANSWERED = [run for run in RUNS if "metrics" in run[2]]
COUNTED = [run for run in ANSWERED if "evaluated_image_ids" in run[2]]
SEGM = [run for run in ANSWERED if run[2]["iou_type"] == "segm"]


def parametrize(runs: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("predictions", "expected", "files"), [r[1:] for r in runs], ids=[r[0] for r in runs]
    )


@parametrize(ANSWERED)
def test_cgf1_equals_the_official_one(predictions: Path, expected: Any, files: list[Path]) -> None:
    pairs = judged(predictions, expected, files)
    metrics = {name: values[0] for name, values in cgf1(list(pairs.values()), np.ones((len(pairs), 1), int)).items()}
    for key, official in expected["metrics"].items():
        assert shown(metrics[our_name(key, expected)]) == pytest.approx(official, abs=1e-6), key


@parametrize(COUNTED)
def test_every_pair_is_counted_as_officially(predictions: Path, expected: Any, files: list[Path]) -> None:
    pairs = judged(predictions, expected, files)
    assert list(pairs) == expected["evaluated_image_ids"]
    assert pytest.approx(expected["iou_thresholds"]) == THRESHOLDS
    for record, (image_id, pair) in zip(expected["per_image"], pairs.items(), strict=True):
        assert record["image_id"] == image_id
        present, answered = pair.n_targets > 0, pair.n_instances > 0
        assert (record["IL_TP"], record["IL_FP"]) == (present and answered, not present and answered)
        assert (record["IL_TN"], record["IL_FN"]) == (not present and not answered, present and not answered)
        assert record["num_dt"] == pair.n_instances
        for key, ours in {"TPs": pair.true_positives, "FPs": pair.false_positives, "FNs": pair.false_negatives}.items():
            assert record.get(key, [0] * len(THRESHOLDS)) == ours.tolist()
        if "local_F1s" in record:
            assert pair.f1 == pytest.approx(record["local_F1s"], abs=1e-9)


@parametrize(SEGM)
def test_the_protocol_gives_the_same_through_the_reader(predictions: Path, expected: Any, files: list[Path]) -> None:
    samples = list(saco.read(files[0], None, expected["n_gt_files"]))
    assert not any(sample.problem for sample in samples)
    found = predictions_of(predictions, files[0])
    answers = [
        Prediction(
            sample.sample_id,
            tuple(Instance(p["segmentation"], p["score"]) for p in found[sample.facts["id"]]),
        )
        for sample in samples
    ]
    metrics = score(samples, answers, "saco/cgf1")["metrics"]
    for key, official in expected["metrics"].items():
        assert shown(metrics[our_name(key, expected)]) == pytest.approx(official, abs=1e-6), key


@parametrize([run for run in RUNS if "metrics" not in run[2]])
def test_the_official_code_stops_only_where_a_further_annotator_was_not_asked(
    predictions: Path, expected: Any, files: list[Path]
) -> None:
    """We count that annotator as one who marked nothing, as the official code does where nothing is predicted."""
    assert "exception_type" in expected
    predicted = {p["image_id"] for p in json.loads(predictions.read_text())}
    asked = [{image["id"] for image in json.loads(file.read_text())["images"]} for file in files]
    assert any((asked[0] & predicted) - ids for ids in asked[1:])


@parametrize(SILVER)
def test_the_counts_of_silver_equal_the_official_ones(predictions: Path, expected: Any, files: list[Path]) -> None:
    pairs = list(judged(predictions, expected, files).values())
    assert len(pairs) == expected["evaluated"]
    counts = {
        "TPs": [pair.true_positives for pair in pairs],
        "FPs": [pair.false_positives for pair in pairs],
        "FNs": [pair.false_negatives for pair in pairs],
        "positive_micro_FPs": [pair.false_positives for pair in pairs if pair.n_targets],
    }
    assert {name: np.sum(values, axis=0).tolist() for name, values in counts.items()} == expected["counts"]


def judged(predictions: Path, expected: Any, files: list[Path]) -> dict[int, PairCounts]:
    """Every evaluated pair by image id, from masks or from boxes."""
    annotators = [json.loads(file.read_text()) for file in files]
    unsure = {
        image["id"] for content in annotators for image in content["images"] if not image["is_instance_exhaustive"]
    }
    found = predictions_of(predictions, files[0])
    targets: list[dict[int, list[Any]]] = [defaultdict(list) for _ in annotators]
    for content, of_image in zip(annotators, targets, strict=True):
        for annotation in content["annotations"]:
            if not annotation["iscrowd"]:
                of_image[annotation["image_id"]].append(annotation)
    pairs = {}
    for image in annotators[0]["images"]:
        if image["id"] not in unsure:
            answers = found[image["id"]]
            scores = np.array([p["score"] for p in answers], dtype=np.float64)
            matrices = [iou(answers, of_image[image["id"]], expected["iou_type"]) for of_image in targets]
            pairs[image["id"]] = most_favourable([judge(scores, matrix) for matrix in matrices])
    return pairs


def predictions_of(predictions: Path, first: Path) -> dict[int, list[Any]]:
    """Predictions by image id; the official code reads only those of a category that the annotations have."""
    known = sorted(category["id"] for category in json.loads(first.read_text())["categories"])
    found = defaultdict(list)
    for prediction in json.loads(predictions.read_text()):
        if prediction["category_id"] in known:
            found[prediction["image_id"]].append(prediction)
    return defaultdict(
        list, {i: sorted(some, key=lambda p: known.index(p["category_id"])) for i, some in found.items()}
    )


def iou(predicted: list[Any], targets: list[Any], kind: str) -> NDArray[np.float64]:
    if not predicted or not targets:
        return np.zeros((len(predicted), len(targets)))
    if kind == "segm":
        return masks.iou_matrix([p["segmentation"] for p in predicted], [t["segmentation"] for t in targets])
    boxes = [p.get("bbox") or masks.bounding_box(p["segmentation"]) for p in predicted]
    matrix = coco.iou(np.array(boxes), np.array([t["bbox"] for t in targets]), [0] * len(targets))
    return np.asarray(matrix, dtype=np.float64)


def our_name(key: str, expected: Any) -> str:
    name, at, level = key.removeprefix(f"cgF1_eval_{expected['iou_type']}_").partition("@")
    return NAMES.get(name, name) + at + level


def shown(value: float | None) -> float:
    """What the official code prints where a value is undefined."""
    return -1.0 if value is None or math.isnan(value) else float(value)
