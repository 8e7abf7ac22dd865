"""OmniLabel: the official evaluation, run on synthetic data, against ours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.golden_cases import golden_cases
from workbench.benchmarks import omnilabel
from workbench.metrics.coco import cell_of, class_curve
from workbench.metrics.omnilabel import groups
from workbench.metrics.omnilabel import omnilabel as protocol
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.metrics.statistics import estimate
from workbench.systems.prediction_files import read_predictions

pytestmark = pytest.mark.golden

CASES = [path for path in golden_cases("metrics", "omnilabel*/*") if (path / "expected.json").exists()]
ONCE = {"descr": "descr", "categ": "categ", "descr-pos": "descr_pos", "hm(descr,categ)": ""}
ONCE |= {f"descr-{length}": f"descr_{length.upper()}" for length in "sml"}
LEVELS = {"0.50:0.95": "", "0.50": "50", "0.75": "75"}


@pytest.fixture(scope="module", params=CASES, ids=[path.name for path in CASES])
def case(request: pytest.FixtureRequest) -> tuple[list[SampleOverlap], Any]:
    folder: Path = request.param
    truth = folder / "gt.json" if (folder / "gt.json").exists() else folder.parent / "main" / "gt.json"
    samples = list(omnilabel.read(truth, None))
    answers = read_predictions(folder / "pred.json", samples)
    return overlaps(samples, answers), json.loads((folder / "expected.json").read_text())


def test_all_numbers_equal_the_official_ones(case: Any) -> None:
    found, expected = case
    metrics = estimate(protocol(found), len(found))
    official = {name(line): line["value"] for line in expected["summary"]}
    assert len(official) == 13
    assert printed(metrics) == pytest.approx(official, abs=1e-9)


def test_the_harmonic_mean_comes_first(case: Any) -> None:
    found, expected = case
    assert next(iter(estimate(protocol(found), len(found)))) == name(expected["summary"][0]) == "AP"


def test_every_group_has_the_official_pairs_and_curves(case: Any) -> None:
    found, expected = case
    members = groups(found)
    for theirs, official in expected["groups"].items():
        rows = [overlap for overlap, is_in in zip(found, members[ONCE[theirs]], strict=True) if is_in]
        assert len(rows) == official["pairs"], theirs
        precision, recall = class_curve([cell_of(row) for row in rows])(np.ones((len(rows), 1), dtype=np.int64))
        for ours, key in ((precision, "AP_by_iou"), (recall, "recall_by_iou")):
            values = printed({k: float(value) for k, value in enumerate(ours[:, 0])})
            assert list(values.values()) == pytest.approx(flat(official[key]), abs=1e-9), (theirs, key)


def name(line: dict[str, Any]) -> str:
    group = ONCE[line["description"]]
    return f"{line['metric']}{LEVELS[line['iou']]}{'_' if group else ''}{group}"


def printed(metrics: dict[Any, float]) -> dict[Any, float]:
    """-1 where undefined, as officially."""
    return {key: -1.0 if value != value else value for key, value in metrics.items()}


def flat(values: Any) -> list[float]:
    return values if isinstance(values, list) else [values] * 10
