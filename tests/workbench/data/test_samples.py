"""Samples: their bins, and that they read back from JSON as they were."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.data import masks
from workbench.data.samples import Reading, Sample, SceneObject, most_masks, sample_from_json, sample_to_json

MASK = masks.encode(np.eye(4, 6, dtype=bool))


def full(folder: Path) -> Sample:
    return Sample(
        "7",
        "a",
        folder / "images" / "a.png",
        6,
        4,
        "the mugs",
        (MASK, MASK),
        others=(SceneObject("bowl", MASK),),
        ignore=MASK,
        kind="count",
        boxes=((0.0, 0.0, 4.0, 4.0), (1.0, 1.0, 2.0, 2.0)),
        readings=(Reading((MASK,), ((0.0, 0.0, 4.0, 4.0),), True), Reading((MASK, MASK, MASK), (), False)),
        facts={"ref_id": 3},
        phrase="mug",
    )


def test_a_sample_with_every_field_reads_back_equal(tmp_path: Path) -> None:
    stored = json.loads(json.dumps(sample_to_json(full(tmp_path), tmp_path)))
    assert stored["image_path"] == "images/a.png"
    assert sample_from_json(stored, tmp_path) == full(tmp_path)


def test_an_image_outside_the_folder_keeps_its_whole_path(tmp_path: Path) -> None:
    stored = sample_to_json(full(tmp_path), tmp_path / "elsewhere")
    assert stored["image_path"] == str(tmp_path / "images" / "a.png")


@pytest.mark.parametrize(("count", "name"), [(0, "0"), (1, "1"), (2, ">=2"), (9, ">=2")])
def test_the_bin_follows_the_number_of_targets(count: int, name: str) -> None:
    assert Sample("s", "i", Path("x"), 6, 4, "", (MASK,) * count).target_count == name


def test_the_longest_list_of_masks_counts(tmp_path: Path) -> None:
    assert most_masks(full(tmp_path)) == 3
    assert most_masks(Sample("s", "i", Path("x"), 6, 4, "")) == 0


def test_whether_there_is_a_truth_is_stored_only_where_there_is_none(tmp_path: Path) -> None:
    untold = replace(full(tmp_path), targets=(), boxes=(), readings=(), has_truth=False)
    stored = json.loads(json.dumps(sample_to_json(untold, tmp_path)))
    assert stored["has_truth"] is False and sample_from_json(stored, tmp_path) == untold
    assert "has_truth" not in sample_to_json(full(tmp_path), tmp_path)
    assert repr(untold).endswith("6x4, no truth)")
