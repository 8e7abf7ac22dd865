"""D3: the official evaluation, run on synthetic data, against ours, in both settings and all three modes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.golden_cases import golden_cases
from workbench.benchmarks.d3 import d3, read
from workbench.benchmarks.d3_groups import read_groups
from workbench.metrics.coco_files import NAMES
from workbench.metrics.d3 import Classes, by_number, mean_of, pairs_of
from workbench.metrics.d3 import d3 as protocol
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.metrics.statistics import estimate
from workbench.scoring.prediction_file import report
from workbench.systems.prediction_files import read_predictions

pytestmark = pytest.mark.golden

CASES = [path for path in golden_cases("metrics", "d3*/*") if (path / "expected.json").exists()]
SETTINGS = [(path, name) for path in CASES for name in json.loads((path / "expected.json").read_text())["settings"]]
MODES = [(path, setting, mode) for path, setting in SETTINGS for mode in ("full", "pres", "abs")]
NUMBERS = {"one": "1", "two": "2", "three": "3", "four": "4", "four_more": "over_4", "multi": "over_1"}
settings = pytest.mark.parametrize(("folder", "setting"), SETTINGS, ids=[f"{p.name}-{name}" for p, name in SETTINGS])


@pytest.fixture(scope="module", params=MODES, ids=["-".join((p.name, *names)) for p, *names in MODES])
def case(request: pytest.FixtureRequest) -> tuple[list[SampleOverlap], dict[str, float], Any]:
    """Overlaps, our metrics and the official ones."""
    folder, setting, mode = request.param
    expected = json.loads((folder / "expected.json").read_text())
    found = answered(folder, setting, mode)
    return found, printed(estimate(protocol(found), len(found))), expected["settings"][setting][mode]


def answered(folder: Path, setting: str, mode: str = "full") -> list[SampleOverlap]:
    file = folder / "d3_json" / f"d3_{mode}_annotations.json"
    samples = list(read(file, None, read_groups(file, folder / "d3_pkl", setting == "intra", chinese=False)))
    return overlaps(samples, read_predictions(folder / f"pred_{setting}.json", samples))


def test_the_twelve_numbers_equal_the_official_ones(case: Any) -> None:
    _, metrics, expected = case
    assert {name: metrics[name] for name in NAMES} == pytest.approx(expected["stats"], abs=1e-9)


def test_average_precision_by_length_equals_the_official_one(case: Any) -> None:
    """A length without a description is undefined here, shown as -1, and divides by zero there."""
    _, metrics, expected = case
    official = expected["mAP_by_length"]
    ours = {name: metrics[f"AP_{name}"] for name in ("short", "mid", "long", "very_long")}
    if "error" in official:
        assert -1 in ours.values()
    else:
        assert ours == pytest.approx(official, abs=1e-9)


def test_average_precision_by_number_of_boxes_equals_the_official_one(case: Any) -> None:
    """Without a prediction in a part the official code stops."""
    found, metrics, expected = case
    pairs = pairs_of(found)
    parts = by_number(pairs)
    for name, official in expected["by_number_of_boxes"].items():
        if name == "no" or "error" in official:
            continue
        once = np.ones((len(pairs), 1), dtype=np.int64)
        precision = mean_of(Classes(pairs, parts[NUMBERS[name]]).curves(once))[0][:, 0]
        ours = printed({"AP": precision.mean(), "AP50": precision[0], "AP75": precision[5]})
        assert ours == pytest.approx(official, abs=1e-9), name
        assert metrics[f"AP_boxes_{NUMBERS[name]}"] == pytest.approx(official["AP"], abs=1e-9)


def test_every_description_has_the_official_average_precision(case: Any) -> None:
    found, _, expected = case
    pairs = pairs_of(found)
    curves = Classes(pairs).curves(np.ones((len(pairs), 1), dtype=np.int64))
    ours = {pair.cell.category: one[0].mean() for pair, one in zip(curves.pairs, curves.found, strict=True)}
    asked_and_there = {key: value for key, value in expected["AP_by_category"].items() if key in ours}
    assert printed(ours) == pytest.approx(asked_and_there, abs=1e-9)
    assert all(value == -1 for key, value in expected["AP_by_category"].items() if key not in ours)


@settings
def test_one_run_of_all_descriptions_has_those_of_presence_and_of_absence(folder: Path, setting: str) -> None:
    expected = json.loads((folder / "expected.json").read_text())["settings"][setting]
    whole = report(answered(folder, setting), "d3")
    for name, mode in (("presence", "pres"), ("absence", "abs")):
        official = expected[mode]["stats"]
        assert whole["metrics"][f"AP_{mode}"] == pytest.approx(official["AP"], abs=1e-9)
        part = {key: -1 if value is None else value for key, value in whole["by_kind"][name].items()}
        assert {key: part[key] for key in NAMES} == pytest.approx(official, abs=1e-9)


@pytest.mark.parametrize("folder", CASES, ids=[path.name for path in CASES])
def test_the_intra_setting_asks_what_the_official_class_asks(folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())["sent_ids_by_image"]
    benchmark = d3(str(folder / "d3_json" / "d3_full_annotations.json"), None)
    asked: dict[str, list[int]] = {image: [] for image in expected}
    for sample in benchmark.samples():
        image, description = sample.facts["coco_id"]
        asked[str(image)].append(description)
    assert asked == expected


def printed(metrics: dict[Any, float]) -> dict[Any, float]:
    """-1 where undefined, as officially."""
    return {key: -1.0 if np.isnan(value) else value for key, value in metrics.items()}


def test_numbers_that_are_not_drawn_are_undefined_in_draws_and_the_others_are_not() -> None:
    """Draws that repeat every sample change no value."""
    (folder, setting), *_ = SETTINGS
    found = answered(folder, setting)
    measure = protocol(found)
    once, twice = (measure(np.full((len(found), 1), times, dtype=np.int32)) for times in (1, 2))
    assert once.keys() == twice.keys()
    drawn = {name for name, value in twice.items() if not np.isnan(value[0])}
    assert {"AP", "AP50", "AP75", "AP_pres", "AP_abs", "AP_short", "AR@100"} <= drawn
    assert not drawn & {"AP_small", "AR@1", "AR@10", "AP_boxes_1", "AP_boxes_over_4"}
    assert {name: once[name][0] for name in drawn} == pytest.approx({name: twice[name][0] for name in drawn})
