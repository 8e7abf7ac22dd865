"""The metrics of RefCOCO, and the official evaluation by LAVT, run on synthetic data, against reader and metrics."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.golden_cases import golden_cases
from tests.workbench.benchmarks.layouts import LEFT, OFFICIAL, rectangle
from workbench.benchmarks import refcoco
from workbench.data import masks
from workbench.data.predictions import Instance, Prediction
from workbench.data.samples import Sample
from workbench.metrics.overlaps import overlaps
from workbench.metrics.pooled import sample_iou
from workbench.metrics.referring import areas
from workbench.scoring.system import score


def _official() -> list[tuple[str, Path, str, Any]]:
    """Name, file of refs without its ending, split, and what is expected of data set and split."""
    found = []
    for folder in golden_cases("metrics", "refcoco*"):
        for name, expected in json.loads((folder / "expected.json").read_text()).items():
            data_set, _, by = name.partition("/")
            for split in expected.get("splits", ()):
                found.append((f"{name}/{split}", folder / data_set / f"refs({by})", split, expected))
    return found


CASES = _official()
every_split = pytest.mark.parametrize(("file", "split", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])


def answers(file: Path, samples: list[Sample]) -> list[Prediction]:
    """The answers that the official code was given, a mask each."""
    name = f"{file.parent.name}/{file.name.removeprefix('refs(').removesuffix(')')}"
    given = json.loads((file.parents[1] / "predictions.json").read_text())[name]
    by_sentence = {(one["ref_id"], one["sent_id"]): one["mask"] for one in given}
    return [
        Prediction(s.sample_id, (Instance(by_sentence[s.facts["ref_id"], s.facts["sent_id"]], 0.9),)) for s in samples
    ]


@pytest.mark.golden
@every_split
@pytest.mark.parametrize("ending", [".p", ".json"])
def test_all_numbers_of_lavt(file: Path, split: str, expected: Any, ending: str) -> None:
    official = expected["splits"][split]
    samples = list(refcoco.read(file.with_name(file.name + ending), None, split))
    given = answers(file, samples)
    found = overlaps(samples, given)
    records = official["samples"]
    assert [(s.facts["ref_id"], s.facts["sent_id"]) for s in samples] == [(r["ref_id"], r["sent_id"]) for r in records]
    assert [(o.intersection, o.union) for o in found] == [(r["I"], r["U"]) for r in records]
    assert sample_iou(*areas(found), both_empty=0.0).tolist() == [r["iou"] for r in records]
    metrics = score(samples, given, "refcoco/lavt")["metrics"]
    for name, fraction in official["fractions"].items():
        exactly = 0 if name.startswith("Pr@") else 1e-14
        assert metrics[name] == pytest.approx(fraction, rel=0, abs=exactly), name


@pytest.mark.golden
@every_split
def test_every_target_is_the_official_one(file: Path, split: str, expected: Any) -> None:
    samples = list(refcoco.read(file.with_name(file.name + ".p"), None, split))
    wholes = list(refcoco.read(file.with_name(file.name + ".p"), None, split, polygons="union"))
    for sample, whole in zip(samples, wholes, strict=True):
        official = expected["ground_truth"][str(sample.facts["ref_id"])]
        (target,) = sample.targets
        assert np.array_equal(masks.decode(target), masks.decode(official["mask"]))
        assert masks.area(whole.targets[0]) == official["pixels"] + official["pixels_in_several_parts"]
        in_all_parts = masks.area(whole.targets[0]) + official["pixels_in_several_parts"]
        assert official["getMask_area"] >= in_all_parts


@pytest.mark.golden
@every_split
def test_numbers_of_lisa_follow_from_the_same_areas(file: Path, split: str, expected: Any) -> None:
    official = expected["splits"][split]
    samples = list(refcoco.read(file.with_name(file.name + ".p"), None, split))
    metrics = score(samples, answers(file, samples), "refcoco/ciou")["metrics"]
    assert metrics["cIoU"] == pytest.approx(official["cum_I"] / (official["cum_U"] + 1e-10), abs=1e-12)
    ious = [1.0 if one["U"] == 0 else one["I"] / (one["U"] + 1e-5) for one in official["samples"]]
    assert metrics["gIoU"] == pytest.approx(sum(ious) / (len(ious) + 1e-5), abs=1e-12)


def test_the_official_numbers_do_not_see_how_many_instances_there_are() -> None:
    samples = list(refcoco.read(OFFICIAL / "refcoco" / "refs(unc).p", None, "val"))
    halves = rectangle(1, 1, 3, 2), rectangle(1, 3, 3, 2)
    whole = [Prediction(s.sample_id, (Instance(LEFT, 0.9),)) for s in samples]
    parts = [Prediction(s.sample_id, tuple(Instance(half, 0.9) for half in halves)) for s in samples]
    one, two = (score(samples, given, "refcoco/lavt") for given in (whole, parts))
    for name in ("mIoU", "oIoU", "Pr@0.9"):
        assert one["metrics"][name] == two["metrics"][name] == 1.0
    assert (one["metrics"]["mAP"], one["metrics"]["over_counted"]) == (1.0, 0.0)
    assert two["metrics"]["over_counted"] == 1.0 > two["metrics"]["mAP"]
    assert two["diagnosis"]["over_count"] == len(samples)
