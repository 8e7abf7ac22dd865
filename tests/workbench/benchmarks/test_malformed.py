"""Thousands of malformed annotation files: each is refused by name, or its samples carry the problem, or are sound."""

import copy
import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.benchmarks.layouts import piecewise
from workbench.benchmarks import (
    d3,
    d3_groups,
    grefcoco,
    gseval,
    inst2seg,
    mmr,
    omnilabel,
    reasonseg,
    refcoco,
    roborefit,
    saco,
)
from workbench.data import masks
from workbench.data.errors import ConfigurationError
from workbench.data.samples import Sample

OFFICIAL = Path(__file__).parent / "official"
NAN, INFINITY = float("nan"), float("inf")
DEEP: Any = json.loads("[" * 60 + "]" * 60)

NOT_TEXT = [None, 7, 1.5, True, [], {}, ["a", 7], "", " \n", "\ud800", NAN, DEEP]
NOT_PATH = [None, 7, True, [], {}, "", " ", ".", "..", "../x.png", "/x.png", "a/../../x.png", "a\0b", "\udfff", "a:/x"]
NOT_SIZE = [None, 0, -3, 1.5, 12.0, "12", True, [], {}, NAN, INFINITY, 10**12, 10**400, [12], DEEP]
NOT_LIST = [None, 7, 1.5, True, "text", {}, NAN]
NOT_ID = [None, 1.5, "1.0", "one", True, [], {}, 99, -5, NAN, 10**400, DEEP]
NOT_FLAG = [None, 2, -1, 0.5, "yes", [], {}, NAN]
NOT_SENTENCE = [None, 0, 1, "true", [], {}, NAN]
NOT_CORNERS = [7, "x", [], [1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, "4"], [1, 2, NAN, 4], [9, 9, 1, 1], [1, 2, 3, True],
               [1, 2, 1e300, 4], [1, 2, 10**400, 4], {}, [[1, 2, 3, 4]], [None] * 4]  # fmt: skip
NOT_COUNTS = [None, "", 7, True, {}, [], [1, 2], [-1, 193], [192.0], [NAN, 192], ["192"], [10**30], [192, 1],
              [True] * 192, "@@@", "\u00e9", "0", "o" * 40, "\ud800", DEEP]  # fmt: skip
NOT_RLE = [
    *({"size": [12, 16], "counts": counts} for counts in NOT_COUNTS),
    *(
        {"size": size, "counts": [192]}
        for size in (None, [], [12], [16, 12], [12, 16, 1], ["12", "16"], [12.0, 16.0], [-12, -16], [0, 0], "12x16", {})
    ),
    *({"size": [12, NAN], "counts": [192]}, {"size": [10**9, 10**9], "counts": [10**18]}, {"counts": [192]}, {}),
    *(7, 1.5, True, "x", NAN, "\ud800"),
]
NOT_POLYGONS = [
    *([[1, 2, 3]], [[1, 2, 3, 4, 5, 6, 7]], [[1, 2, 3, 4, 5, NAN]], [[1, 2, 3, 4, 5, INFINITY]], [["a"] * 6]),
    *([[1, 2, 3, 4, 5, 1e300]], [[1, 2, 3, 4, 5, 10**400]], [[1, 2, 3, 4, 5, -1e9]], [[None] * 6], [[True] * 6]),
    *([[[1, 2], [3, 4], [5, 6]]], [1, 2, 3, 4, 5], [{}], [None], [[1, 2, 3, 4, 5, 6], "x"], DEEP),
]
NOT_POINTS = [None, 7, "x", [], {}, [[1]], [[1, 2, 3]], [["1", "2"]], [[NAN, 1]], [[1e300, 1]], [[10**400, 1]],
              [1, 2, 3], [[1, None]], [[True, 1]], [[-17, 0], [5, 5], [9, 2]], [[0, 25], [5, 5]], DEEP]  # fmt: skip
NOT_SIDES = [None, *(value for value in NOT_CORNERS if value != [9, 9, 1, 1]), [1, 2, -1, 4], [1, 2, 3, -4]]
NOT_IDS = [None, 7, 1.5, True, "text", {}, [None], [1.5], ["x"], [True], [[11]], NAN]
JUNK = [*NOT_TEXT, *NOT_PATH, *NOT_SIZE, *NOT_CORNERS, *NOT_RLE, *NOT_POLYGONS, 1e308, -(2**63), "x" * 5000, [[]], [{}]]


@dataclass(frozen=True)
class Layout:
    """One annotation file of the examples. `fields` are places in it, values that are wrong there, and the samples
    that may not be used then."""

    folder: str
    file: str
    read: Callable[[Path], list[Sample]]
    fields: tuple[tuple[tuple[str | int, ...], list[Any], set[int]], ...]
    lines: bool = False


def read_d3(folder: Path, chinese: bool = False) -> list[Sample]:
    file = folder / "d3_json" / "d3_full_annotations.json"
    groups = d3_groups.read_groups(file, folder / "d3_pkl", grouped=True, chinese=chinese)
    return list(d3.read(file, folder / "d3_images", groups))


LAYOUTS = {
    "inst2seg": Layout(
        "inst2seg",
        "inst2seg.json",
        lambda folder: inst2seg.read(folder / "inst2seg.json", folder / "data"),
        (
            ((0, "image"), NOT_PATH, {0, 1}),
            ((0, "height"), [*NOT_SIZE, 13], {0}),
            ((0, "width"), NOT_SIZE, {0, 1}),
            ((0,), [*NOT_LIST, []], {0}),
            ((0, "annotation"), NOT_LIST, {0}),
            ((0, "annotation", 0), NOT_LIST, {0}),
            ((0, "annotation", 0, "text"), NOT_TEXT, {0}),
            ((0, "annotation", 0, "mask", 1), [*NOT_RLE, *NOT_POLYGONS], {0}),
            ((1, "annotation", 0, "mask"), [*NOT_RLE, *NOT_POLYGONS], {2}),
            ((1, "annotation", 0, "mask", 0, "counts"), NOT_COUNTS, {2}),
        ),
    ),
    "inst2seg training": Layout(
        "inst2seg",
        "train.json",
        lambda folder: inst2seg.read(folder / "train.json", None),
        (
            ((0, "annotation", 0, "ann", 0), [*NOT_RLE, "{", "[1]", "7", "[" * 2000], {0}),
            ((0, "annotation", 0, "ann_type"), ["bbox", "point", None, 7, []], {0}),
        ),
    ),
    "grefcoco refs": Layout(
        "grefcoco",
        "grefs(unc).json",
        lambda folder: grefcoco.read(folder / "grefs(unc).json", folder / "images/train2014"),
        (
            ((0,), NOT_LIST, {0}),
            ((0, "image_id"), NOT_ID, {0, 1}),
            ((0, "ann_id"), [*NOT_ID, [], [None], [99], [-1, 11], ["1.1"], [11.5], [11, 21]], {0, 1}),
            ((2, "ann_id"), [[], [-1, -1], [-1.5], ["-1."], 0, None], {3}),
            ((0, "split"), [None, 7, [], {}, NAN], {0, 1}),
            ((0, "sentences"), NOT_LIST, {0}),
            ((0, "sentences", 0), NOT_LIST, {0}),
            ((0, "sentences", 0, "raw"), [v for v in NOT_TEXT if not isinstance(v, str) or v.strip()], {0}),
        ),
    ),
    "grefcoco instances": Layout(
        "grefcoco",
        "instances.json",
        lambda folder: grefcoco.read(folder / "grefs(unc).json", folder / "images/train2014"),
        (
            (("images",), NOT_LIST, {0, 1, 2, 3, 4}),
            (("annotations",), NOT_LIST, {0, 1, 2, 3, 4}),
            (("images", 0), NOT_LIST, {0, 1, 2}),
            (("images", 0, "id"), [*NOT_ID, 2], {0, 1, 2}),
            (("images", 0, "file_name"), NOT_PATH, {0, 1, 2}),
            (("images", 0, "height"), [*NOT_SIZE], {0, 1, 2}),
            (("annotations", 0), NOT_LIST, {0, 1}),
            (("annotations", 0, "id"), [*NOT_ID, 12], {0, 1}),
            (("annotations", 0, "image_id"), [*NOT_ID, 2], {0, 1}),
            (("annotations", 0, "iscrowd"), NOT_FLAG, {0, 1}),
            (("annotations", 0, "segmentation"), [None, [], *NOT_RLE, *NOT_POLYGONS], {0, 1}),
            (("annotations", 3, "segmentation", "counts"), NOT_COUNTS, {4}),
        ),
    ),
    "grefcoco of InstructSAM": Layout(
        "grefcoco",
        "grefcoco_val.json",
        lambda folder: grefcoco.read(folder / "grefcoco_val.json", folder / "images/train2014"),
        (
            ((0,), NOT_LIST, {0}),
            ((0, "image"), NOT_PATH, {0, 1, 2}),
            ((0, "width"), NOT_SIZE, {0, 1, 2}),
            ((0, "cat"), NOT_LIST, {0}),
            ((0, "cat", 1), NOT_TEXT, {1}),
            ((0, "masks"), [*NOT_LIST, [], [None]], {0, 1, 2}),
            ((0, "masks", 0), [7, 1.5, True, "x", NAN, {}], {0}),
            ((0, "masks", 0, 1), [*NOT_RLE, *NOT_POLYGONS], {0}),
            ((0, "masks", 2), NOT_RLE, {2}),
        ),
    ),
    "refcoco refs": Layout(
        "refcoco",
        "refs(unc).json",
        lambda folder: refcoco.read(folder / "refs(unc).json", folder / "images/train2014"),
        (
            ((0,), NOT_LIST, {0}),
            ((0, "image_id"), NOT_ID, {0, 1}),
            ((0, "ann_id"), [*NOT_ID, [11], [-1], -1, 21], {0, 1}),
            ((0, "split"), [None, 7, [], {}, NAN], {0, 1}),
            ((0, "sentences"), NOT_LIST, {0}),
            ((0, "sentences", 1), NOT_LIST, {1}),
        ),
    ),
    "refcoco instances": Layout(
        "refcoco",
        "instances.json",
        lambda folder: refcoco.read(folder / "refs(unc).json", folder / "images/train2014"),
        (
            (("images", 0, "height"), [*NOT_SIZE], {0, 1, 2}),
            (("annotations", 0, "image_id"), [*NOT_ID, 2], {0, 1}),
            (("annotations", 0, "segmentation"), [None, [], *NOT_RLE, *NOT_POLYGONS], {0, 1}),
            (("annotations", 1, "segmentation", 1), [*NOT_RLE, [1, 2, 3, 4], [1, 2, 3, 4, 5, NAN], [None] * 6], {2}),
            (("annotations", 3, "segmentation", 0), [*NOT_RLE, [1, 2, 3, 4]], {3, 4}),
        ),
    ),
    "reasonseg": Layout(
        "reasonseg",
        "val/100_a.json",
        lambda folder: reasonseg.read(folder / "val", folder / "val"),
        (
            ((), NOT_LIST, {0}),
            (
                ("text",),
                [*(value for value in NOT_TEXT if not isinstance(value, list)), [None], [7], [""], [["a"]]],
                {0},
            ),
            (("is_sentence",), NOT_SENTENCE, {0}),
            (("shapes",), NOT_LIST, {0}),
            (("shapes", 0), NOT_LIST, {0}),
            (("shapes", 0, "label"), [None, 7, [], {}, NAN], {0}),
            (("shapes", 0, "points"), NOT_POINTS, {0}),
            (("shapes", 1, "points"), NOT_POINTS, {0}),
            (("imageHeight",), NOT_SIZE, {0}),
        ),
    ),
    "reasonseg of InstructSAM": Layout(
        "reasonseg",
        "reason_seg_val.json",
        lambda folder: reasonseg.read(folder / "reason_seg_val.json", folder),
        (
            ((0,), NOT_LIST, {0}),
            ((0, "image"), NOT_PATH, {0}),
            ((0, "question"), NOT_TEXT, {0}),
            ((0, "is_sentence"), NOT_SENTENCE, {0}),
            ((0, "mask", "counts"), NOT_COUNTS, {0}),
            ((0, "mask", "size", 0), NOT_SIZE, {0}),
            ((0, "ignore_mask"), [*NOT_RLE, *NOT_POLYGONS, []], {0}),
        ),
    ),
    "roborefit": Layout(
        "roborefit",
        "final_dataset/testA/roborefit_testA.json",
        lambda folder: roborefit.read(folder / "final_dataset/testA/roborefit_testA.json", folder),
        (
            ((0,), NOT_LIST, {0}),
            ((0, "rgb_path"), NOT_PATH, {0}),
            ((0, "mask_path"), [*NOT_PATH, "final_dataset", "final_dataset/testA/roborefit_testA.json"], {0}),
            ((0, "text"), NOT_TEXT, {0}),
            ((0, "bbox"), [None, *NOT_CORNERS], {0}),
        ),
    ),
    "roborefit of InstructSAM": Layout(
        "roborefit",
        "roborefit_testA_qa.json",
        lambda folder: roborefit.read(folder / "roborefit_testA_qa.json", folder),
        (
            ((0,), NOT_LIST, {0}),
            ((0, "image"), NOT_PATH, {0}),
            ((0, "question"), NOT_TEXT, {0}),
            ((0, "masks", "counts"), NOT_COUNTS, {0}),
            ((1, "masks", "size"), [None, [], [16], "x", [12, -16], [12, NAN], [10**9, 10**9], {}], {1}),
        ),
    ),
    "gseval": Layout(
        "gseval",
        "GroundingSuite-Eval.jsonl",
        lambda folder: gseval.read(folder / "GroundingSuite-Eval.jsonl", folder / "images"),
        (
            ((1,), NOT_LIST, {1}),
            ((1, "image_path"), NOT_PATH, {1}),
            ((1, "caption"), NOT_TEXT, {1}),
            ((1, "class_id"), [None, "1.0", 1.5, True, [], {}, NAN], {1}),
            ((1, "box"), NOT_CORNERS, {1}),
            ((1, "segmentation", "counts"), NOT_COUNTS, {1}),
            ((1, "segmentation"), [None, [], *NOT_POLYGONS, 7, "x", {}], {1}),
        ),
        lines=True,
    ),
    "saco": Layout(
        "saco",
        "gold_toy_merged_a_release_test.json",
        lambda folder: saco.read(folder / "gold_toy_merged_a_release_test.json", folder / "images"),
        (
            (("images",), NOT_LIST, {0, 1, 2, 3}),
            (("annotations",), NOT_LIST, {0, 1, 2, 3}),
            (("images", 0), NOT_LIST, {0}),
            (("images", 0, "id"), [None, 1.5, "x", True, [], {}, NAN, 1001], {0}),
            (("images", 0, "file_name"), NOT_PATH, {0}),
            (("images", 0, "text_input"), NOT_TEXT, {0}),
            (("images", 0, "height"), [*NOT_SIZE, 13], {0}),
            (("images", 1, "is_instance_exhaustive"), NOT_FLAG, {1}),
            (("annotations", 0, "segmentation"), [None, [], *NOT_RLE, *NOT_POLYGONS], {0}),
            (("annotations", 0, "bbox"), [7, "x", [], [0, 0, 1], [0, 0, -1, 1], [0, 0, NAN, 1], [0, 0, "1", 1]], {0}),
            (("annotations", 0, "iscrowd"), NOT_FLAG, {0}),
        ),
    ),
    "saco, another annotator": Layout(
        "saco",
        "gold_toy_merged_b_release_test.json",
        lambda folder: saco.read(folder / "gold_toy_merged_a_release_test.json", folder / "images"),
        (
            (("images",), NOT_LIST, {0, 1, 2, 3}),
            (("images", 0, "text_input"), NOT_TEXT, {0}),
            (("images", 0, "width"), [*NOT_SIZE, 17], {0}),
            (("images", 0, "is_instance_exhaustive"), NOT_FLAG, {0}),
            (("annotations", 1, "segmentation", "counts"), NOT_COUNTS, {2}),
        ),
    ),
    "omnilabel": Layout(
        "omnilabel",
        "dataset_all_val.json",
        lambda folder: omnilabel.read(folder / "dataset_all_val.json", folder / "images"),
        (
            (("images",), NOT_LIST, {0, 1, 2, 3, 4}),
            (("descriptions",), NOT_LIST, {0, 1, 2, 3, 4}),
            (("annotations",), NOT_LIST, {0, 1, 2, 3, 4}),
            (("images", 0), NOT_LIST, set()),
            (("images", 0, "id"), [3], {0, 1, 2, 3}),
            (("images", 0, "id"), NOT_ID, set()),
            (("images", 0, "file_name"), [*NOT_PATH, "coco/no.jpg"], {0, 1, 2}),
            (("descriptions", 0), NOT_LIST, set()),
            (("descriptions", 0, "id"), [None, 1.5, "x", True, [], {}, NAN], {0, 3}),
            (("descriptions", 0, "id"), [12], {0, 1, 3, 4}),
            (("descriptions", 0, "text"), NOT_TEXT, {0, 3}),
            (("descriptions", 0, "image_ids"), NOT_LIST, set()),
            (("descriptions", 0, "anno_info"), [*NOT_LIST, [], {"type": None}, {"type": 7}], {0, 3}),
            (("annotations", 0, "bbox"), NOT_SIDES, {0, 1, 2}),
            (("annotations", 0, "description_ids"), NOT_IDS, {0, 1, 2}),
            (("annotations", 0, "iscrowd"), NOT_FLAG, {0, 1, 2}),
        ),
    ),
    "d3": Layout(
        "d3",
        "d3_json/d3_full_annotations.json",
        read_d3,
        (
            (("images",), NOT_LIST, {0, 1, 2, 3}),
            (("annotations",), NOT_LIST, {0, 1, 2, 3}),
            (("categories",), [*NOT_LIST, []], {0, 1, 2, 3}),
            (("categories", 0, "id"), [None, 1.5, "x", True, [], {}, NAN, 2], {0, 1, 2, 3}),
            (("categories", 0, "name"), [value for value in NOT_TEXT if not isinstance(value, str)], {0, 1, 2, 3}),
            (("categories", 0, "name"), ["", " ", "\ud800"], {0}),
            (("images", 0, "id"), [1], {0, 1, 2, 3}),
            (("images", 0, "file_name"), NOT_PATH, {0, 1}),
            (("images", 0, "height"), [v for v in NOT_SIZE if v is not None], {0, 1}),
            (("annotations", 0, "bbox"), NOT_SIDES, {0, 1}),
            (("annotations", 0, "category_id"), NOT_ID, {0, 1}),
            (("annotations", 0, "area"), [None, -1, "12", True, [], {}, NAN, 10**400], {0, 1}),
            (("annotations", 0, "iscrowd"), NOT_FLAG, {0, 1}),
        ),
    ),
    "d3 groups": Layout(
        "d3",
        "d3_pkl/groups.json",
        read_d3,
        (
            ((0,), NOT_LIST, {0, 1, 2, 3}),
            ((0, "img_id"), NOT_IDS, {0, 1, 2, 3}),
            ((0, "inner_sent_id"), NOT_IDS, {0, 1, 2, 3}),
        ),
    ),
    "d3 sentences": Layout(
        "d3",
        "d3_pkl/sentences.json",
        lambda folder: read_d3(folder, chinese=True),
        (
            ((0,), NOT_LIST, {0, 1, 2, 3}),
            ((0, "id"), [None, 1.5, "x", True, [], {}, NAN, 2], {0, 1, 2, 3}),
            ((0, "is_negative"), [None, 0, 1, "true", [], {}, NAN], {0, 1, 2, 3}),
            ((0, "raw_sent_zh"), [7, 1.5, True, [], {}, "\ud800", NAN], {0, 1, 2, 3}),
        ),
    ),
    "mmr": Layout(
        "mmr",
        "MMR_val.json",
        lambda folder: mmr.read(folder / "MMR_val.json", folder / "images"),
        (
            ((0,), NOT_LIST, {0}),
            ((0, "questions"), NOT_LIST, {0}),
            ((0, "questions", 1), NOT_TEXT, {0, 1, 2}),
            ((0, "file_name"), NOT_PATH, {0, 1, 2}),
            ((0, "height"), [*NOT_SIZE, 13], {0, 1, 2}),
            ((0, "answers"), [*NOT_LIST, [], [[], []]], {0, 1, 2}),
            ((0, "answers", 0), NOT_LIST, {0, 1, 2}),
            ((0, "answers", 0, 1), [*NOT_LIST, []], {0, 1, 2}),
            ((0, "answers", 0, 1, "category_name"), [None, 7, True, [], {}, "\ud800", NAN], {0, 1, 2}),
            ((0, "answers", 0, 1, "segmentation"), [None, [], *NOT_RLE, *NOT_POLYGONS], {0, 1, 2}),
        ),
    ),
}


def parsed(layout: Layout, path: Path) -> Any:
    text = path.read_text()
    return [json.loads(line) for line in text.splitlines()] if layout.lines else json.loads(text)


def write(layout: Layout, path: Path, content: Any) -> None:
    lines = layout.lines and isinstance(content, list)
    path.write_text("".join(json.dumps(row) + "\n" for row in content) if lines else json.dumps(content))


def changed(content: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """A copy with another value in one place."""
    if not place:
        return value
    content = copy.deepcopy(content)
    node = content
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    return content


def outcome(layout: Layout, folder: Path, shown: str) -> list[Sample]:
    """The samples, each checked: a problem that names file and sample, or nothing wrong with it. Where the file was
    refused by its name, there are none."""
    named = {"val", Path(layout.file).name, *(path.name for path in folder.rglob("*.json"))}
    try:
        samples = list(layout.read(folder))
    except ConfigurationError as error:
        assert any(name in str(error) for name in named), f"{shown}: {error}"
        return []
    for position, sample in enumerate(samples):
        assert sample.sample_id == str(position), shown
        if sample.problem is None:
            check_sound(sample, folder, shown)
        else:
            assert any(sample.problem.startswith(f"{name}: sample {position}: ") for name in named), sample.problem
            assert len(sample.problem) < 700, shown
        json.dumps(asdict(sample), default=str, allow_nan=False).encode()
    return samples


def check_sound(sample: Sample, folder: Path, shown: str) -> None:
    assert sample.instruction.strip() and sample.instruction.encode(), shown
    assert sample.height > 0 and sample.width > 0, shown
    assert sample.image_path.resolve().is_relative_to(folder.resolve()), shown
    readings = [reading.targets for reading in sample.readings]
    for mask in [*sample.targets, *(m for found in readings for m in found), *(o.mask for o in sample.others)]:
        assert masks.decode(mask).shape == (sample.height, sample.width), shown
    assert len(sample.boxes) in (0, len(sample.targets)), shown
    assert all(w >= 0 and h >= 0 for _, _, w, h in sample.boxes), shown


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_wrong_value_is_the_problem_of_the_samples_that_need_it(name: str, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    folder = Path(shutil.copytree(OFFICIAL / layout.folder, tmp_path / "case"))
    content = parsed(layout, folder / layout.file)
    sound = list(layout.read(folder))
    for place, values, lost in layout.fields:
        for value in values:
            shown = f"{name} {place} {repr(value)[:200]}"
            write(layout, folder / layout.file, changed(content, place, value))
            samples = outcome(layout, folder, shown)
            for position, sample in enumerate(samples):
                if position in lost:
                    assert sample.problem is not None, shown
                elif len(samples) == len(sound) and sample.problem is None:
                    assert without_scene(sample) == without_scene(sound[position]), shown


def without_scene(sample: Sample) -> dict[str, Any]:
    """All that is asked of a sample; other objects of its image may be lost without harm to it."""
    return {key: value for key, value in asdict(sample).items() if key not in ("others", "height", "facts")}


@pytest.mark.parametrize("name", LAYOUTS)
def test_random_damage(name: str, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    folder = Path(shutil.copytree(OFFICIAL / layout.folder, tmp_path / "case"))
    path = folder / layout.file
    content, raw = parsed(layout, path), path.read_bytes()
    rng = random.Random(name)
    for number in range(160):
        damaged = list(damage_values(content, rng)) if number % 2 else None
        if damaged:
            write(layout, path, damaged[-1])
        else:
            path.write_bytes(damage_bytes(raw, rng))
        shown = f"{name} damage {number}: {path.read_bytes()[:2000]!r}"
        outcome(layout, folder, shown)
        with pytest.MonkeyPatch.context() as patch:
            piecewise(patch)
            in_pieces = result(layout, folder)
        expected = result(layout, folder)
        if not (isinstance(expected, str) and "codec can't decode" in expected):  # else another mistake may come first
            assert in_pieces == expected, shown


def result(layout: Layout, folder: Path) -> list[Sample] | str:
    try:
        return list(layout.read(folder))
    except ConfigurationError as error:
        return re.sub("value has [0-9]+ digits", "value has many digits", str(error))  # of those read so far


def damage_values(content: Any, rng: random.Random) -> Iterator[Any]:
    """One to three places of the file changed, dropped, doubled or swapped."""
    for _ in range(rng.randint(1, 3)):
        content = copy.deepcopy(content)
        places = list(containers(content))
        if not places:
            return
        node = rng.choice(places)
        key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        way = rng.randrange(5)
        if way == 0:
            del node[key]
        elif way == 1 and isinstance(node, list):
            node.append(copy.deepcopy(node[key]))
        elif way == 2:
            other = rng.choice(places)
            node[key] = copy.deepcopy(rng.choice(list(other.values()) if isinstance(other, dict) else other))
        else:
            node[key] = copy.deepcopy(rng.choice(JUNK))
        yield content


def containers(node: Any) -> Iterator[Any]:
    """All lists and objects with something in them."""
    if isinstance(node, dict | list) and node:
        yield node
        for child in node.values() if isinstance(node, dict) else node:
            yield from containers(child)


def damage_bytes(raw: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(raw))
    end = min(len(raw), start + rng.randint(1, 30))
    return rng.choice(
        [
            raw[:start],
            raw[start:],
            raw[:start] + rng.randbytes(end - start) + raw[end:],
            raw[:start] + b"\xff\xfe\xc3" + raw[start:],
            raw[:start] + raw[end:],
            raw[:start] + b"[" * 5000 + raw[start:],
            raw[:start] + b'{"a":' * 5000 + raw[start:],
            raw[:start] + b"9" * 5000 + raw[start:],
            raw.decode().encode("utf-16"),
            b"\x80\x04" + raw,
            raw.replace(b"1", b"-1"),
            raw.replace(b"12", b"NaN"),
            raw.replace(b"16", b"1e999"),
            raw.replace(b"[", b"{"),
            b"",
            b"null",
        ]
    )


def test_there_are_enough_of_them() -> None:
    wrong = sum(len(values) for layout in LAYOUTS.values() for _, values, _ in layout.fields)
    assert wrong + 160 * len(LAYOUTS) >= 2500
