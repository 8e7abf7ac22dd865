"""Inst2Seg: every layout of masks, broken entries, and the published files."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workbench.benchmarks.layouts import KNIFE, LEFT, OFFICIAL, RIGHT, asked, edited, rectangle
from workbench.benchmarks.inst2seg import inst2seg, read
from workbench.data import masks
from workbench.data.errors import ConfigurationError
from workbench.data.samples import Sample

HEIGHT, WIDTH = 6, 8


def square(x: int, y: int, side: int = 3) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[y : y + side, x : x + side] = True
    return mask


def polygon(x: int, y: int, side: int = 3) -> list[int]:
    return [x, y, x + side, y, x + side, y + side, x, y + side]


def uncompressed(mask: np.ndarray) -> dict[str, Any]:
    flat = mask.ravel(order="F").astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat]))).tolist()
    return {"size": [HEIGHT, WIDTH], "counts": np.diff([0, *edges, flat.size]).tolist()}


A, B = square(0, 1), square(5, 2)
RLE_A, RLE_B = masks.encode(A), masks.encode(B)


def entry(*annotations: Any, **changes: Any) -> dict[str, Any]:
    return {"image": "a/b.png", "height": HEIGHT, "width": WIDTH, "annotation": list(annotations), **changes}


def read_back(tmp_path: Path, entries: Any) -> list[Sample]:
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(entries))
    return list(read(path, tmp_path / "images"))


def one(tmp_path: Path, mask: Any) -> Sample:
    (sample,) = read_back(tmp_path, [entry({"text": "the mug", "mask": mask})])
    return sample


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ([RLE_A, RLE_B], [A, B]),
        (RLE_A, [A]),
        ([RLE_A], [A]),
        ([uncompressed(A), uncompressed(B)], [A, B]),
        (uncompressed(B), [B]),
        (polygon(0, 1), [A]),
        ([polygon(0, 1), polygon(5, 2)], [A | B]),
        ([[polygon(0, 1)], [polygon(5, 2)]], [A, B]),
        ([[polygon(0, 1), polygon(5, 2)]], [A | B]),
        ([RLE_A, [polygon(5, 2)]], [A, B]),
        (None, []),
        ([], []),
    ],
    ids=[
        "list of RLE",
        "one RLE",
        "list of one RLE",
        "uncompressed",
        "one uncompressed",
        "one polygon",
        "polygons of one instance",
        "polygons per instance",
        "one instance of two polygons",
        "mixed",
        "null",
        "empty",
    ],
)
def test_every_mask_layout_is_read(tmp_path: Path, mask: Any, expected: list[np.ndarray]) -> None:
    sample = one(tmp_path, mask)
    assert sample.problem is None
    assert [masks.decode(rle).tolist() for rle in sample.targets] == [mask.tolist() for mask in expected]


def test_no_mask_key_means_no_target(tmp_path: Path) -> None:
    (sample,) = read_back(tmp_path, [entry({"text": "the mug"})])
    assert sample.targets == () and sample.problem is None and sample.target_count == "0"


def test_samples_are_numbered_through_the_file_and_share_their_image(tmp_path: Path) -> None:
    first = entry(
        {"text": " the mug \n"}, {"text": "both mugs", "mask": [RLE_A, RLE_B], "kind": "counting", "phrase": "mug"}
    )
    samples = read_back(tmp_path, [first, entry({"text": "it"}, image="c.png")])
    assert [s.sample_id for s in samples] == ["0", "1", "2"]
    assert [s.image_id for s in samples] == ["a/b.png", "a/b.png", "c.png"]
    assert samples[0].instruction == "the mug" and samples[0].kind is None
    assert [sample.phrase for sample in samples[:2]] == [None, "mug"]
    assert samples[1].kind == "counting" and samples[1].image_path == tmp_path / "images" / "a" / "b.png"
    assert (samples[0].height, samples[0].width) == (HEIGHT, WIDTH)


def test_objects_of_the_scene_that_are_no_targets_become_others(tmp_path: Path) -> None:
    objects = [
        {"mask": RLE_A, "category": "mug", "colour": "red", "size": "small"},
        {"mask": RLE_B, "category": "book"},
    ]
    samples = read_back(tmp_path, [entry({"text": "the mug", "mask": [RLE_A]}, {"text": "the pear"}, objects=objects)])
    assert [other.label for other in samples[0].others] == ["book"]
    assert [other.label for other in samples[1].others] == ["small red mug", "book"]


def test_another_use_of_the_key_objects_is_left_alone(tmp_path: Path) -> None:
    (sample,) = read_back(tmp_path, [entry({"text": "the mug"}, objects=["mug", 3])])
    assert sample.others == () and sample.problem is None


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([RLE_A, masks.encode(A.T)], r"annotation 0: mask\[1\]: mask RLE is 6x8 but the image is 8x6"),
        ([RLE_A, None], r"mask\[1\]: expected a COCO RLE"),
        ([{"size": [HEIGHT, WIDTH], "counts": "@@@"}], "counts do not describe 48 pixels"),
        ([{"size": [HEIGHT, WIDTH], "counts": [1, 2]}], "must be non-negative and sum to 48"),
        ([1, 2, 3, 4], "polygons of at least 3 points"),
        ("RLE", "expected a COCO RLE or polygons"),
        (0, "expected a COCO RLE or polygons"),
        ([[]], "expected a COCO RLE or polygons"),
    ],
)
def test_a_broken_mask_is_the_problem_of_its_sample_alone(tmp_path: Path, mask: Any, message: str) -> None:
    good = {"text": "both", "mask": [RLE_A, RLE_B]}
    broken, sound = read_back(tmp_path, [entry({"text": "the mug", "mask": mask}, good)])
    assert broken.problem is not None and broken.problem.startswith("bench.json: sample 0: entry 0: annotation 0: ")
    assert re.search(message, broken.problem)
    assert broken.targets == () and broken.instruction == "the mug"
    assert sound.problem is None and len(sound.targets) == 2


@pytest.mark.parametrize(
    "image", ["../secret.png", "/etc/passwd", "a/../../secret.png", "..", ".", "", 7, None, "a\0b"]
)
def test_an_image_outside_the_folder_is_a_problem(tmp_path: Path, image: Any) -> None:
    (sample,) = read_back(tmp_path, [entry({"text": "the mug"}, image=image)])
    assert sample.problem is not None and sample.problem.startswith("bench.json: sample 0: entry 0: ")
    assert sample.image_path == tmp_path / "images"


def test_dots_that_stay_inside_are_fine(tmp_path: Path) -> None:
    (sample,) = read_back(tmp_path, [entry({"text": "the mug"}, image="./a/../b.png")])
    assert sample.problem is None and sample.image_path == tmp_path / "images" / "b.png"


@pytest.mark.parametrize(
    "broken",
    [
        7,
        None,
        {"image": "b.png"},
        entry({"mask": None}),
        entry({"text": "  "}),
        entry("the mug"),
        entry({"text": "x"}, height=0),
        entry({"text": "x"}, width="8"),
        entry({"text": "x"}, height=True),
        entry({"text": "x"}, objects=[{"mask": None, "category": "mug"}]),
    ],
)
def test_a_broken_entry_does_not_hide_the_next_one(tmp_path: Path, broken: Any) -> None:
    bad, good = read_back(tmp_path, [broken, entry({"text": "the mug", "mask": [RLE_A]})])
    assert bad.problem is not None and "entry 0" in bad.problem
    assert good.problem is None and good.sample_id == "1"


@pytest.mark.parametrize("content", ["{", '{"image": 1}', "[" * 100_000, "\xff"])
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bench.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"bench\.json: expected a JSON list"):
        read(path, tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(tmp_path / "none.json", tmp_path)


def test_the_plugin_says_what_to_set_where_files_are_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set `annotations` and `images`"):
        inst2seg(str(tmp_path / "none.json"), str(tmp_path))


def test_the_plugin_reads_any_file_in_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    path.write_text(json.dumps([entry({"text": "the mug", "mask": [RLE_A]})]))
    benchmark = inst2seg(str(path), str(tmp_path))
    assert [s.instruction for s in benchmark.samples()] == ["the mug"]
    before = benchmark.identity()
    path.write_text(json.dumps([entry({"text": "the cup", "mask": [RLE_A]})]))
    assert before["digest"] != benchmark.identity()["digest"]


def test_inst2seg() -> None:
    folder = OFFICIAL / "inst2seg"
    assert asked(list(read(folder / "inst2seg.json", folder / "data"))) == [
        ("0", "the two cups", (LEFT, RIGHT)),
        ("1", "the zebra", ()),
        ("2", "what cuts bread", (KNIFE,)),
        ("3", "any dog", ()),
    ]


def test_inst2seg_training_files_have_their_masks_as_json_text() -> None:
    samples = list(read(OFFICIAL / "inst2seg" / "train.json", None))
    assert asked(samples) == [("0", "the knife", (KNIFE,)), ("1", "dog", ())]
    assert [(sample.kind, sample.phrase) for sample in samples] == [("sentence", "knife"), ("phrase", "dog")]


@pytest.mark.parametrize("ann", [[[1, 2, 4, 6], [0, 0, 2, 2]], ["[1, 2, 4, 6]", "[0, 0, 2, 2]"]])
def test_inst2seg_annotations_by_box_are_boxes(official: Path, ann: Any) -> None:
    def edit(entries: Any) -> None:
        entries[0]["annotation"][0] |= {"ann_type": "bbox", "ann": ann}

    box, none = read(edited(official / "inst2seg" / "train.json", edit), None)
    assert box.problem is None and none.problem is None
    assert box.only_boxes and not none.only_boxes
    assert box.boxes == ((1.0, 2.0, 3.0, 4.0), (0.0, 0.0, 2.0, 2.0))
    assert box.targets == (rectangle(1, 2, 3, 4), rectangle(0, 0, 2, 2))


@pytest.mark.parametrize(
    ("kind", "ann", "problem"),
    [
        ("point", [[1, 2]], "expected masks or boxes, got annotations of type 'point'"),
        ("bbox", [[4, 2, 1, 6]], "ann[0]: expected corners [x1, y1, x2, y2], got [4, 2, 1, 6]"),
        ("bbox", {"a": 1}, "expected a list of boxes, got {'a': 1}"),
    ],
)
def test_inst2seg_annotations_that_give_no_extent_are_said(official: Path, kind: str, ann: Any, problem: str) -> None:
    def edit(entries: Any) -> None:
        entries[0]["annotation"][0] |= {"ann_type": kind, "ann": ann}

    sample, none = read(edited(official / "inst2seg" / "train.json", edit), None)
    assert sample.problem is not None and sample.problem.endswith(problem)
    assert none.problem is None
