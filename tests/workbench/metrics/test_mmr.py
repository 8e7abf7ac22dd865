"""MMR: the official evaluation, run on synthetic data, against ours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.golden_cases import golden_cases
from workbench.benchmarks import mmr
from workbench.data.predictions import Instance, Prediction
from workbench.metrics.mmr import _by_image, mmr_official
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.metrics.statistics import estimate

pytestmark = pytest.mark.golden


def files() -> list[tuple[Path, str]]:
    folders = [path for path in golden_cases("metrics", "mmr*") if (path / "expected.json").exists()]
    listed = [(folder, json.loads((folder / "predictions.json").read_text())) for folder in folders]
    return [(folder, name) for folder, answers in listed for name in answers if (folder / name).is_file()]


@pytest.fixture(scope="module", params=files(), ids=[f"{folder.name}-{name}" for folder, name in files()])
def case(request: pytest.FixtureRequest) -> tuple[list[SampleOverlap], Any]:
    folder, name = request.param
    images = json.loads((folder / "predictions.json").read_text())[name]
    found = [masks for image in images for masks in image["masks"]]
    samples = list(mmr.read(folder / name, None))
    answers = [
        Prediction(sample.sample_id, tuple(Instance(mask, 0.5) for mask in masks))
        for sample, masks in zip(samples, found, strict=True)
    ]
    return overlaps(samples, answers), json.loads((folder / "expected.json").read_text())[name]


def test_giou_and_ciou_equal_the_official_ones(case: Any) -> None:
    found, expected = case
    metrics = estimate(mmr_official(found), len(found))
    assert metrics == pytest.approx({name: expected[name] for name in ("gIoU", "cIoU")}, abs=1e-6)


def test_every_image_has_the_official_pairs(case: Any) -> None:
    found, expected = case
    images = [[found[i] for i in members] for members in _by_image(found)]
    assert len(images) == len(expected["per_image"])
    for questions, official in zip(images, expected["per_image"], strict=True):
        metrics = estimate(mmr_official(questions), len(questions))
        common, union = np.array(official["pairs_I_U"], dtype=np.float64).reshape(-1, 2).sum(axis=0)
        assert sum(question.n_targets for question in questions) == official["targets"]
        assert sum(question.n_instances for question in questions) == official["predicted"]
        if union:
            assert metrics["cIoU"] == pytest.approx(common / (union + 1e-10))
        else:  # nothing was predicted, or both are empty
            assert np.isnan(metrics["cIoU"])
