"""ReasonSeg and its masks, on small files in the layouts that are published."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden_cases import golden_cases
from tests.workbench.benchmarks.layouts import HEIGHT, OFFICIAL, WIDTH, asked, edited, rectangle
from workbench.benchmarks import reasonseg
from workbench.benchmarks.polygons import fill
from workbench.data import masks


def test_reasonseg_draws_small_shapes_over_large_ones_and_leaves_ignored_pixels_out() -> None:
    samples = list(reasonseg.read(OFFICIAL / "reasonseg" / "val", None))
    ignored, region = rectangle(4, 4, 3, 3), rectangle(2, 2, 7, 6)
    lid = masks.union([rectangle(1, 1, 3, 3), rectangle(9, 6, 4, 4)])
    triangle = masks.encode(fill([(5, 5), (7, 5), (7, 7)], HEIGHT, WIDTH))
    assert asked(samples) == [
        ("0", "Where would you put the key?", (masks.encode(masks.decode(region) & ~masks.decode(ignored)),)),
        ("1", "the lid", (lid,)),
        ("2", "the café\u2019s sign", (triangle,)),
    ]
    assert [sample.ignore for sample in samples] == [ignored, None, None]
    assert [sample.kind for sample in samples] == ["long", "short", "short"]
    assert masks.area(triangle) == 6


def test_reasonseg_reads_one_file() -> None:
    (sample,) = reasonseg.read(OFFICIAL / "reasonseg" / "val" / "200_b.json", None)
    assert (sample.sample_id, sample.instruction) == ("0", "the lid")


def test_reasonseg_without_images_has_the_size_of_its_annotation(official: Path) -> None:
    folder = official / "reasonseg" / "val"
    for image in folder.glob("*.jpg"):
        image.unlink()
    edited(folder / "100_a.json", lambda entry: entry.update(imageHeight=HEIGHT, imageWidth=WIDTH))
    first, second, _ = reasonseg.read(folder, None)
    assert first.problem is None
    assert second.problem is not None
    assert second.problem.startswith("val: sample 1: 200_b.json: the image size cannot be read")


def test_reasonseg_with_nothing_but_ignored_pixels_has_no_target(official: Path) -> None:
    def edit(entry: Any) -> None:
        entry["shapes"][0]["label"] = "ignore"

    edited(official / "reasonseg" / "val" / "100_a.json", edit)
    assert next(reasonseg.read(official / "reasonseg" / "val", None)).targets == ()


def test_reasonseg_of_instructsam() -> None:
    folder = OFFICIAL / "reasonseg"
    samples = list(reasonseg.read(folder / "reason_seg_val.json", folder))
    assert asked(samples) == [
        ("0", "Where would you put the key?", (rectangle(2, 2, 7, 6),)),
        ("1", "the lid", (rectangle(1, 1, 3, 3),)),
    ]
    assert [sample.ignore for sample in samples] == [rectangle(4, 4, 3, 3), None]
    assert [(sample.kind, sample.facts) for sample in samples] == [("long", {"id": "7"}), ("short", {"id": "8"})]


@pytest.mark.golden
@pytest.mark.parametrize("case", golden_cases("metrics", "reasonseg"), ids=str)
def test_reasonseg_masks_equal_the_official_ones(case: Path, tmp_path: Path) -> None:
    cases = json.loads((case / "inputs.json").read_text())["samples"]
    for entry in cases:
        sized = {"imageHeight": entry["height"], "imageWidth": entry["width"]} | entry["annotation"]
        (tmp_path / f"{entry['id']:03}.json").write_text(json.dumps(sized))
    for sample, entry in zip(reasonseg.read(tmp_path, None), cases, strict=True):
        target, ignore = (
            masks.from_annotation(entry[key], entry["height"], entry["width"], key)
            for key in ("gt_target", "gt_ignore")
        )
        assert sample.targets == ((target,) if masks.area(target) else ())
        assert sample.ignore == (ignore if masks.area(ignore) else None)
