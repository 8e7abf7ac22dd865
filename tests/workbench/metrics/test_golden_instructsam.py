"""The official evaluation scripts of InstructSAM, run on synthetic data, against ours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.golden_cases import golden_cases
from workbench.data import masks
from workbench.data.predictions import Instance, Prediction
from workbench.data.samples import Sample
from workbench.metrics.ap import Ranking, average_precision, rank
from workbench.metrics.overlaps import IOU_THRESHOLDS, SampleOverlap, overlaps, pooled_areas
from workbench.metrics.pooled import ciou, giou, sample_iou
from workbench.scoring.system import score, table

pytestmark = pytest.mark.golden

CASES = golden_cases("metrics", "instructsam_s*")
AP_KEYS = [f"AP@{threshold:.2f}" for threshold in IOU_THRESHOLDS]
OURS = {"mAP": "mAP", "AP50": "AP50", "AP75": "AP75", "gIoU": "giou", "cIoU": "ciou"}


@pytest.fixture(scope="module", params=CASES, ids=[path.name for path in CASES])
def folder(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture(scope="module")
def expected(folder: Path) -> Any:
    return read(folder, "expected.json")


@pytest.fixture(scope="module")
def inst2seg(folder: Path) -> tuple[list[Sample], list[Prediction]]:
    questions = [(e, a.get("mask")) for e in read(folder, "inst2seg_questions.json") for a in e["annotation"]]
    samples = [sample(i, entry, instance_masks(mask)) for i, (entry, mask) in enumerate(questions)]
    return samples, predictions(folder, "inst2seg", samples, threshold=0.3)


@pytest.fixture(scope="module")
def grefcoco(folder: Path) -> tuple[list[Sample], list[Prediction]]:
    questions = [(e, m) for e in read(folder, "grefcoco_questions.json") for m in e["masks"]]
    samples = [sample(i, entry, instance_masks(mask)) for i, (entry, mask) in enumerate(questions)]
    return samples, predictions(folder, "grefcoco", samples, threshold=0.3)


def test_inst2seg_headline_and_bins_equal_the_official_ones(inst2seg: Any, expected: Any) -> None:
    result = score(*inst2seg)
    official = expected["inst2seg"]
    assert result["samples"] == official["num_samples"]
    for ours, theirs in OURS.items():
        assert result["metrics"][ours] == pytest.approx(official[theirs], abs=1e-6)
    for name, group in result["by_targets"].items():
        theirs = official["by_num_objects"][name]
        assert group["samples"] == theirs["num_samples"]
        for metric, key in OURS.items():
            assert printed(group["metrics"][metric]) == pytest.approx(theirs[key], abs=1e-6), (name, metric)


def test_ap_without_targets_is_undefined_where_the_official_script_prints_zero(inst2seg: Any, expected: Any) -> None:
    group = score(*inst2seg)["by_targets"]["0"]["metrics"]
    assert [group[name] for name in ("mAP", "AP50", "AP75", "T_acc")] == [None] * 4
    assert expected["inst2seg"]["by_num_objects"]["0"]["mAP"] == 0.0


@pytest.mark.parametrize("name", ["inst2seg", "grefcoco"])
def test_ap_at_every_threshold_and_instance_counts(name: str, request: Any, expected: Any) -> None:
    found = overlaps(*request.getfixturevalue(name))
    assert official_ap(found) == pytest.approx({key: expected[name][key] for key in AP_KEYS}, abs=1e-6)
    assert sum(o.n_targets for o in found) == expected[name]["num_gt_instances"]
    assert sum(o.n_instances for o in found) == expected[name]["num_pred_instances"]


def test_grefcoco_giou_and_ciou_equal_the_official_ones(grefcoco: Any, expected: Any) -> None:
    metrics = score(*grefcoco, "grefcoco/instructsam")["metrics"]
    for ours, theirs in OURS.items():
        assert metrics[ours] == pytest.approx(expected["grefcoco"][theirs], abs=1e-6)


def test_post_processing_gives_the_recorded_masks_and_each_sample_the_recorded_areas(
    inst2seg: Any, folder: Path
) -> None:
    rows = table(*inst2seg)
    records = read(folder, "records.json")
    assert len(rows) == len(records)
    for row, answer, record in zip(rows, inst2seg[1], records, strict=True):
        assert [i.mask for i in answer.instances] == record["pred_rles"]
        assert [i.score for i in answer.instances] == pytest.approx(record["pred_scores"])
        assert (row["intersection"], row["union"]) == (record["inter"], record["union"])
        assert row["iou"] == pytest.approx(record["iou"], abs=1e-6)
        assert row["n_targets"] == len(record["gt_rles"])


def test_targets_read_from_every_annotation_form_equal_the_recorded_ones(inst2seg: Any, folder: Path) -> None:
    for one, record in zip(inst2seg[0], read(folder, "records.json"), strict=True):
        assert [masks.decode(m).tolist() for m in one.targets] == [masks.decode(m).tolist() for m in record["gt_rles"]]


def test_reversed_order(folder: Path, expected: Any) -> None:
    found = from_records(read(folder, "records.json")[::-1])
    theirs = expected["inst2seg_records_reversed_order"]
    assert official_ap(found) == pytest.approx({key: theirs[key] for key in AP_KEYS}, abs=1e-6)


def test_duplicated_records(folder: Path, expected: Any) -> None:
    records = read(folder, "records.json")
    (key,) = (name for name in expected if name.startswith("inst2seg_with_first_"))
    theirs, again = expected[key], records[: int(key.split("_")[3])]
    assert ap_with_repeated_ids(records + again) == pytest.approx({key: theirs[key] for key in AP_KEYS}, abs=1e-6)
    areas = np.array([(r["inter"], r["union"]) for r in records + again])
    assert giou(sample_iou(*areas.T))[0] == pytest.approx(theirs["giou"], abs=1e-6)
    assert ciou(*areas.T)[0] == pytest.approx(theirs["ciou"], abs=1e-6)


def test_custom_thresholds(folder: Path, expected: Any) -> None:
    ranking = rank(from_records(read(folder, "records.json")), np.array([0.5, 0.6]))
    theirs = expected["ap_records_thr_0.5_0.6"]
    ap = average_precision(ranking)[:, 0]
    assert ap.tolist() == pytest.approx([theirs["AP@0.50"], theirs["AP@0.60"]], abs=1e-9)
    assert ap.mean() == pytest.approx(theirs["mAP"], abs=1e-9)


def test_no_records_are_undefined_where_the_official_script_prints_zero(expected: Any) -> None:
    result = score([], [])
    theirs = expected["inst2seg_empty_records"]
    assert result["samples"] == theirs["num_samples"] == 0
    assert set(result["metrics"].values()) == {None}
    assert theirs["giou"] == theirs["mAP"] == 0.0


def test_hand_made_ap_cases(folder: Path) -> None:
    cases = read(folder, "micro_cases.json")
    assert len(cases) >= 10
    for name, case in cases.items():
        found = ap_with_repeated_ids(case["records"])
        assert found == pytest.approx({k: case["expected"][k] for k in AP_KEYS}, abs=1e-12), name
        n_instances = sum(overlap.n_instances for overlap in from_records(case["records"]))
        assert n_instances == case["expected"]["num_pred_instances"], name


def test_equal_scores_of_a_repeated_id_keep_their_places() -> None:
    """Of two predictions with one score, the wrong one of the first record ranks before the right one of the third."""
    near, far = (masks.encode(block(slice(start, start + 10))) for start in (0, 20))
    records = [
        {"query_id": query, "gt_rles": [near], "pred_rles": rles, "pred_scores": [0.5] * len(rles)}
        for query, rles in ((1, []), (2, [far]), (1, [near]))
    ]
    found = ap_with_repeated_ids(records)
    assert found["AP@0.50"] == pytest.approx(1 / 2 * 1 / 3), "precision 1/2 at the one hit of three targets"
    moved_only = official_ap(from_records(shared_query_ids(records)))
    assert moved_only["AP@0.50"] == pytest.approx(1 / 3), "which is why the places are kept"


def test_reasonseg_giou_and_ciou_by_question_form(folder: Path, expected: Any) -> None:
    questions = read(folder, "reasonseg_questions.json")
    samples = [
        sample(i, q, [q["mask"]], q.get("ignore_mask"), kind="long" if q["is_sentence"] else "short")
        for i, q in enumerate(questions)
    ]
    answers = predictions(folder, "reasonseg", samples, threshold=0.3)
    records = read(folder, "reasonseg_official_output.json")[1:]
    assert [(o.intersection, o.union) for o in overlaps(samples, answers)] == [
        (r["inter"], r["union"]) for r in records
    ]
    result = score(samples, answers, "reasonseg/instructsam")
    for name, ours in {"overall": result, **result["by_kind"]}.items():
        theirs = expected["reasonseg"][name]
        assert ours["samples"] == theirs["count"]
        assert ours["metrics"]["gIoU"] == pytest.approx(theirs["giou"], abs=1e-6)
        assert printed(ours["metrics"]["cIoU"]) == pytest.approx(theirs["ciou"], abs=1e-6)


def test_roborefit_mean_iou(folder: Path, expected: Any) -> None:
    questions = read(folder, "roborefit_questions.json")
    samples = [sample(i, q, [q["masks"]]) for i, q in enumerate(questions)]
    answers = predictions(folder, "roborefit", samples, threshold=0.5)
    metrics = score(samples, answers, "roborefit/instructsam")["metrics"]
    assert metrics["mean_iou"] == pytest.approx(expected["roborefit"]["mean_iou"], abs=1e-6)


def test_conventions_for_empty_masks_and_ignored_pixels(expected: Any) -> None:
    blocks = {"none": slice(0, 0), "left": slice(0, 25), "right": slice(15, 40)}
    rle = {name: masks.encode(block(columns)) for name, columns in blocks.items()}
    official = expected["compute_mask_IoU"]
    for name, empty_score in {"inst2seg": 1.0, "reasonseg": 0.0, "roborefit": 0.0}.items():
        cases = {"both_empty": ("none", "none"), "overlap": ("left", "right")}
        if name == "inst2seg":
            cases |= {"pred_only": ("left", "none"), "gt_only": ("none", "left")}
        for case, (predicted, target) in cases.items():
            areas = pooled_areas([rle[predicted]], [rle[target]])
            iou = sample_iou(np.array([areas[0]]), np.array([areas[1]]), both_empty=empty_score)
            assert [*areas[:2], iou[0]] == official[name][case], (name, case)


def block(columns: slice) -> np.ndarray[Any, Any]:
    """A 1 x 40 mask; the golden cases have areas 25, 25 and an overlap of 10."""
    mask = np.zeros((1, 40), dtype=bool)
    mask[:, columns] = True
    return mask


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def printed(value: float | None) -> float:
    """What the official scripts print where a value is undefined."""
    return 0.0 if value is None else value


def official_ap(found: list[SampleOverlap]) -> dict[str, float]:
    ap = np.nan_to_num(average_precision(rank(found))[:, 0])
    return dict(zip(AP_KEYS, ap.tolist(), strict=True))


def instance_masks(value: Any) -> list[Any]:
    """One entry per instance, from the forms that the annotation files use."""
    if not value:
        return []
    flat_polygons = isinstance(value, list) and isinstance(value[0], list) and not isinstance(value[0][0], list)
    return [value] if isinstance(value, dict) or flat_polygons else value


def sample(index: int, entry: Any, targets: list[Any], ignore: Any = None, kind: str | None = None) -> Sample:
    """`entry` of a question file says the size of its image, or its mask does."""
    height, width = (entry["height"], entry["width"]) if "height" in entry else targets[0]["size"]
    return Sample(
        sample_id=str(index),
        image_id=entry["image"],
        image_path=Path(entry["image"]),
        width=width,
        height=height,
        instruction="",
        targets=tuple(masks.from_annotation(t, height, width, f"sample {index}") for t in targets),
        ignore=None if ignore is None else masks.from_annotation(ignore, height, width, f"sample {index}"),
        kind=kind,
    )


def predictions(folder: Path, name: str, samples: list[Sample], threshold: float) -> list[Prediction]:
    """Post-process raw logits as the reference does: threshold the score, pool phrases, resize logits, cut at 0."""
    from safetensors.torch import load_file
    from torch.nn.functional import interpolate

    raw = load_file(folder / "raw_predictions.safetensors")
    answers = []
    for index, asked in enumerate(samples):
        instances: list[Instance] = []
        if f"{name}.{index}.scores" in raw:
            scores = raw[f"{name}.{index}.scores"].flatten()
            logits = raw[f"{name}.{index}.masks"].float().flatten(0, 1)[scores > threshold]
            if len(logits):
                size = (asked.height, asked.width)
                full = interpolate(logits[None], size, mode="bilinear", align_corners=False)[0]
                rles = masks.encode_all((full > 0).numpy())
                instances = [Instance(m, s) for m, s in zip(rles, scores[scores > threshold].tolist(), strict=True)]
        answers.append(Prediction(str(index), tuple(instances)))
    return answers


def ap_with_repeated_ids(records: list[Any]) -> dict[str, float]:
    """The AP of records of which several can have one query id.

    The official AP keeps targets by query id: predictions of a repeated id compete for one set of targets, while the
    targets are counted again. We refuse repeated sample ids. Moving the predictions to the first record of their id
    has the same arithmetic, as long as equal scores stay in the order of the records as they were given.
    """
    numbered = [
        {**record, "places": [(place, n) for n in range(len(record["pred_rles"]))]}
        for place, record in enumerate(records)
    ]
    moved = shared_query_ids(numbered)
    found = from_records(moved)
    places = np.array(
        [place for record in moved for place, mask in zip(record["places"], record["pred_rles"], strict=True) if mask],
        dtype=np.int64,
    ).reshape(-1, 2)
    scores = np.concatenate([overlap.scores for overlap in found])
    hits = np.concatenate([overlap.matches for overlap in found]) >= 0
    order = np.lexsort((places[:, 1], places[:, 0], -scores))
    sample = np.zeros(len(order), np.int64)
    ranking = Ranking(sample, hits[order], np.array([sum(overlap.n_targets for overlap in found)]))
    return dict(zip(AP_KEYS, np.nan_to_num(average_precision(ranking)[:, 0]).tolist(), strict=True))


def shared_query_ids(records: list[Any]) -> list[Any]:
    """Move the predictions of a repeated query id to the first record of that id."""
    first: dict[int, Any] = {}
    result = []
    for record in records:
        moved = dict(record)
        if record["query_id"] in first:
            for key in moved.keys() & {"pred_rles", "pred_scores", "places"}:
                first[record["query_id"]][key] = first[record["query_id"]][key] + record[key]
                moved[key] = []
        else:
            first[record["query_id"]] = moved
        result.append(moved)
    return result


def from_records(records: list[Any]) -> list[SampleOverlap]:
    """Records with masks and scores as samples and answers; a prediction without a mask is skipped."""
    samples, answers = [], []
    for index, record in enumerate(records):
        pairs = zip(record["pred_rles"], record["pred_scores"], strict=True)
        instances = tuple(Instance(mask, score) for mask, score in pairs if mask is not None)
        sizes = [mask["size"] for mask in (*record["gt_rles"], *(instance.mask for instance in instances))]
        height, width = (sizes or [[1, 1]])[0]
        targets = tuple(record["gt_rles"])
        samples.append(Sample(str(index), str(index), Path("x"), width, height, "", targets))
        answers.append(Prediction(str(index), instances))
    return overlaps(samples, answers)
