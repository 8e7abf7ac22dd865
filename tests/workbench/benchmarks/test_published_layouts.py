"""The readers on small files in the layout that each benchmark is published in."""

import inspect
import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.golden_cases import golden_cases
from workbench.benchmarks import grefcoco, gseval, inst2seg, reasonseg, roborefit, saco
from workbench.benchmarks.polygons import fill
from workbench.data import masks
from workbench.data.errors import ConfigurationError
from workbench.data.masks import Rle
from workbench.data.samples import Sample, sample_from_json, sample_to_json
from workbench.plugins.registry import load, prepare

OFFICIAL = Path(__file__).parent / "official"
HEIGHT, WIDTH = 12, 16
Edit = Callable[[Any], None]


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A copy of the example files, to change."""
    return Path(shutil.copytree(OFFICIAL, tmp_path / "official"))


def rectangle(x: int, y: int, width: int, height: int) -> Rle:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[y : y + height, x : x + width] = True
    return masks.encode(mask)


LEFT, RIGHT, KNIFE = rectangle(1, 1, 3, 4), rectangle(8, 2, 4, 4), rectangle(5, 5, 6, 2)


def edited(path: Path, edit: Edit) -> Path:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    return path


def asked(samples: list[Sample]) -> list[tuple[str, str, tuple[Rle, ...]]]:
    """Id, instruction and targets; no sample has a problem, and all have the size of the example images."""
    for sample in samples:
        assert sample.problem is None
        assert (sample.height, sample.width) == (HEIGHT, WIDTH)
    return [(sample.sample_id, sample.instruction, sample.targets) for sample in samples]


PLACES: dict[str, tuple[str, str]] = {
    "inst2seg": ("inst2seg.json", "data"),
    "grefcoco": ("grefs(unc).json", "images/train2014"),
    "reasonseg": ("val", "val"),
    "roborefit": ("final_dataset/testA/roborefit_testA.json", "."),
    "gseval": ("GroundingSuite-Eval.jsonl", "images"),
    "saco": ("gold_toy_merged_a_release_test.json", "images"),
}


@pytest.mark.parametrize("name", PLACES)
def test_the_plugin_reads_samples_whose_images_are_there(name: str) -> None:
    annotations, images = (str(OFFICIAL / name / place) for place in PLACES[name])
    benchmark = prepare("benchmarks", name, {"annotations": annotations, "images": images})()
    samples = benchmark.samples()
    assert benchmark.name == name
    assert [sample.sample_id for sample in samples] == [str(i) for i in range(len(samples))]
    assert all(sample.load_image().shape == (HEIGHT, WIDTH, 3) for sample in samples)
    root = benchmark.image_root().resolve()
    for sample in samples:
        stored = json.loads(json.dumps(sample_to_json(sample, root)))
        assert sample_from_json(stored, root) == replace(sample, image_path=sample.image_path.resolve())
    assert prepare("benchmarks", name, {"annotations": annotations, "images": None})().identity() == (
        benchmark.identity()
    )


@pytest.mark.parametrize("name", PLACES)
def test_the_plugin_says_what_is_not_there(name: str, tmp_path: Path) -> None:
    annotations, images = (str(OFFICIAL / name / place) for place in PLACES[name])
    with pytest.raises(ConfigurationError, match="there is no annotation file"):
        prepare("benchmarks", name, {"annotations": str(tmp_path / "x.json"), "images": images})()
    with pytest.raises(ConfigurationError, match="there is no image folder"):
        prepare("benchmarks", name, {"annotations": annotations, "images": str(tmp_path / "x")})()


@pytest.mark.parametrize(
    ("name", "file", "split"),
    [
        ("grefcoco", "grefs(unc).json", None),
        ("grefcoco", "grefcoco_val.json", "val"),
        ("reasonseg", "val", "val"),
        ("reasonseg", "reason_seg_val.json", "val"),
        ("roborefit", "final_dataset/testA/roborefit_testA.json", "testA"),
        ("roborefit", "roborefit_testA_qa.json", "testA"),
        ("gseval", "GroundingSuite-Eval.jsonl", "eval"),
    ],
)
def test_the_split_is_known_from_the_published_names(name: str, file: str, split: str | None) -> None:
    options = {"annotations": str(OFFICIAL / name / file), "images": None}
    assert prepare("benchmarks", name, options)().identity()["split"] == split


@pytest.mark.parametrize("name", PLACES)
def test_the_documentation_checks_what_is_run_by_default(name: str) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "benchmarks.md").read_text()
    (command,) = (line for line in guide.splitlines() if line.startswith(f"    workbench check {name} "))
    words = shlex.split(command)
    defaults = inspect.signature(load("benchmarks", name)).parameters
    assert words[3:] == ["--annotations", defaults["annotations"].default, "--images", defaults["images"].default]
    assert f"--benchmark {name}" in guide


def test_inst2seg() -> None:
    folder = OFFICIAL / "inst2seg"
    assert asked(inst2seg.read(folder / "inst2seg.json", folder / "data")) == [
        ("0", "the two cups", (LEFT, RIGHT)),
        ("1", "the zebra", ()),
        ("2", "what cuts bread", (KNIFE,)),
        ("3", "any dog", ()),
    ]


def test_inst2seg_training_files_have_their_masks_as_json_text() -> None:
    samples = inst2seg.read(OFFICIAL / "inst2seg" / "train.json", None)
    assert asked(samples) == [("0", "the knife", (KNIFE,)), ("1", "dog", ())]


def test_inst2seg_annotations_by_box_are_no_masks(official: Path) -> None:
    def edit(entries: Any) -> None:
        entries[0]["annotation"][0] |= {"ann_type": "bbox", "ann": [[1, 2, 3, 4]]}

    box, none = inst2seg.read(edited(official / "inst2seg" / "train.json", edit), None)
    assert box.problem == "train.json: sample 0: entry 0: annotation 0: expected masks, got annotations of type 'bbox'"
    assert none.problem is None


def test_grefcoco() -> None:
    folder = OFFICIAL / "grefcoco"
    samples = grefcoco.read(folder / "grefs(unc).json", folder / "images/train2014")
    assert asked(samples) == [
        ("0", "Both people.", (LEFT, RIGHT)),
        ("1", "two persons", (LEFT, RIGHT)),
        ("2", "right person", (RIGHT,)),
        ("3", "the man in red", ()),
        ("4", "car", (KNIFE,)),
    ]
    assert [[(other.label, other.mask) for other in s.others] for s in samples[2:4]] == [
        [("person", LEFT)],
        [("car", KNIFE)],
    ], "crowds are no one's instance"
    assert samples[1].facts == {"ref_id": 1, "image_id": 1, "split": "val", "sent_id": 2}


def test_grefcoco_samples_keep_their_number_in_a_split() -> None:
    folder = OFFICIAL / "grefcoco"
    benchmark = grefcoco.grefcoco(str(folder / "grefs(unc).json"), None, split="val")
    assert [sample.sample_id for sample in benchmark.samples()] == ["0", "1", "3"]
    with pytest.raises(ConfigurationError, match="has no split 'vall'; it has testA, train, val"):
        grefcoco.grefcoco(str(folder / "grefs(unc).json"), None, split="vall")


@pytest.mark.parametrize(
    ("ann_id", "problem"),
    [
        ([13], "all of its 1 objects are crowds; no target would be [-1]"),
        ([], "`ann_id` is empty; no target would be [-1]"),
        ([-1, 11], "instances.json has no annotation of id -1"),
        ([21], "annotation 21 is of another image than 1"),
        ([99], "instances.json has no annotation of id 99"),
        (None, "instances.json has no annotation of id None"),
        ([[11]], "instances.json has no annotation of id [11]"),
    ],
)
def test_grefcoco_objects_that_are_no_answer(official: Path, ann_id: Any, problem: str) -> None:
    path = edited(official / "grefcoco" / "grefs(unc).json", lambda refs: refs[0].update(ann_id=ann_id))
    samples = grefcoco.read(path, None)
    assert [sample.problem for sample in samples] == [
        f"grefs(unc).json: sample 0: ref 0: {problem}",
        f"grefs(unc).json: sample 1: ref 0: {problem}",
        None,
        None,
        None,
    ]


def test_grefcoco_expressions_without_the_written_text_have_the_cleaned_one(official: Path) -> None:
    def edit(refs: Any) -> None:
        refs[0]["sentences"][0]["raw"] = " "
        del refs[0]["sentences"][1]["raw"]

    samples = grefcoco.read(edited(official / "grefcoco" / "grefs(unc).json", edit), None)
    assert [sample.instruction for sample in samples[:2]] == ["both people", "two persons"]


def test_grefcoco_needs_its_instances(official: Path) -> None:
    (official / "grefcoco" / "instances.json").unlink()
    with pytest.raises(ConfigurationError, match=r"needs the file .*instances\.json of gRefCOCO"):
        grefcoco.grefcoco(str(official / "grefcoco" / "grefs(unc).json"), None)


@pytest.mark.parametrize("name", ["grefs(unc).p", "grefs.pkl", "renamed.json"])
def test_a_pickle_is_refused_by_name_and_never_loaded(tmp_path: Path, name: str) -> None:
    opened = tmp_path / "opened"
    (tmp_path / name).write_bytes(b"\x80\x04cbuiltins\nopen\n(V" + str(opened).encode() + b"\nVw\ntR.")
    with pytest.raises(ConfigurationError, match="pickle") as refused:
        grefcoco.grefcoco(str(tmp_path / name), None)
    assert name in str(refused.value)
    assert not opened.exists()


def test_grefcoco_of_instructsam() -> None:
    folder = OFFICIAL / "grefcoco"
    assert asked(grefcoco.read(folder / "grefcoco_val.json", folder / "images/train2014")) == [
        ("0", "Both people", (LEFT, RIGHT)),
        ("1", "the zebra", ()),
        ("2", "right person", (RIGHT,)),
        ("3", "the man in red", ()),
    ]
    with pytest.raises(ConfigurationError, match="has no splits"):
        grefcoco.grefcoco(str(folder / "grefcoco_val.json"), None, split="val")


def test_grefcoco_of_instructsam_with_a_text_too_many(official: Path) -> None:
    path = edited(official / "grefcoco" / "grefcoco_val.json", lambda entries: entries[0]["masks"].pop())
    samples = grefcoco.read(path, None)
    assert [sample.problem is None for sample in samples] == [False, False, False, True]
    assert samples[1].problem == (
        "grefcoco_val.json: sample 1: entry 0: expected `masks` with an entry for each of 3 texts, got 2"
    )


def test_reasonseg_draws_small_shapes_over_large_ones_and_leaves_ignored_pixels_out() -> None:
    samples = reasonseg.read(OFFICIAL / "reasonseg" / "val", None)
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
    assert reasonseg.read(official / "reasonseg" / "val", None)[0].targets == ()


def test_reasonseg_of_instructsam() -> None:
    folder = OFFICIAL / "reasonseg"
    samples = reasonseg.read(folder / "reason_seg_val.json", folder)
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


def test_polygons_are_filled_as_opencv_fills_them() -> None:
    cases = json.loads((Path(__file__).parent / "opencv_polygons.json").read_text())
    assert len(cases) == 40
    for case in cases:
        height, width = case["size"]
        drawn = masks.encode(fill([(x, y) for x, y in case["points"]], height, width))
        assert drawn == masks.from_annotation({"size": case["size"], "counts": case["counts"]}, height, width, "case")


def test_roborefit_has_masks_from_files_and_boxes_in_whole_pixels() -> None:
    folder = OFFICIAL / "roborefit"
    samples = roborefit.read(folder / "final_dataset/testA/roborefit_testA.json", folder)
    assert asked(samples) == [
        ("0", "the black mug on the left", (LEFT,)),
        ("1", "give me the box", (RIGHT,)),
        ("2", "the knife", (KNIFE,)),
    ]
    assert [sample.boxes for sample in samples] == [((1, 1, 3, 4),), ((8, 2, 4, 4),), ((5, 5, 12, 2),)]
    assert samples[2].facts == {"num": 2, "scene": "drawer"}
    assert samples[0].image_path == folder / "final_dataset/testA/image/0000000.png"
    assert samples[0].image_id == samples[1].image_id == "final_dataset/testA/image/0000000.png"


def test_roborefit_finds_its_masks_where_no_image_folder_is_given() -> None:
    assert len(asked(roborefit.read(OFFICIAL / "roborefit/final_dataset/testA/roborefit_testA.json", None))) == 3


def test_roborefit_without_a_mask_file(official: Path) -> None:
    (official / "roborefit/final_dataset/testA/mask/0000000/02.png").unlink()
    found = roborefit.read(official / "roborefit/final_dataset/testA/roborefit_testA.json", official / "roborefit")
    assert [sample.problem is None for sample in found] == [True, False, True]
    assert found[1].problem is not None
    assert found[1].problem.startswith("roborefit_testA.json: sample 1: entry 1: there is no mask ")


def test_roborefit_of_instructsam() -> None:
    folder = OFFICIAL / "roborefit"
    samples = roborefit.read(folder / "roborefit_testA_qa.json", folder)
    assert asked(samples) == [("0", "The black mug on the left.", (LEFT,)), ("1", "the knife", (KNIFE,))]
    assert samples[0].boxes == ()


def test_gseval_has_one_mask_a_row() -> None:
    folder = OFFICIAL / "gseval"
    samples = gseval.read(folder / "GroundingSuite-Eval.jsonl", folder / "images")
    assert asked(samples) == [
        ("0", "the clear sky", (rectangle(0, 0, 16, 3),)),
        ("1", "two people who wait", (masks.union([LEFT, RIGHT]),)),
        ("2", "the handle of the knife", (rectangle(5, 5, 3, 2),)),
        ("3", "the knife", (KNIFE,)),
    ]
    assert [sample.kind for sample in samples] == ["stuff", "multi", "part", "single"]
    assert samples[1].boxes == ((1, 1, 11, 5),)
    assert samples[1].facts == {"idx": 41, "class_id": 3, "label": "person"}


def test_gseval_rows_that_are_cut_off_or_in_another_encoding_are_their_own_problem(official: Path) -> None:
    path = official / "gseval" / "GroundingSuite-Eval.jsonl"
    first, second, *_ = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first[:50], b"", second, first.replace(b"clear sky", b"caf\xe9")]))
    cut, good, encoded = gseval.read(path, None)
    assert cut.problem is not None and cut.problem.startswith("GroundingSuite-Eval.jsonl: sample 0: row 0: expected")
    assert (good.sample_id, good.problem) == ("1", None)
    assert encoded.problem is not None


def test_saco_has_the_readings_of_all_annotators() -> None:
    folder = OFFICIAL / "saco"
    samples = saco.read(folder / "gold_toy_merged_a_release_test.json", folder / "images")
    assert asked(samples) == [
        ("0", "red cup", (LEFT, RIGHT)),
        ("1", "dog", ()),
        ("2", "knife", (KNIFE,)),
        ("3", "crumbs", ()),
    ]
    assert [[reading.targets for reading in sample.readings] for sample in samples] == [
        [(LEFT, RIGHT), (LEFT,), (LEFT, RIGHT)],
        [(), (rectangle(3, 3, 3, 3),), ()],
        [(KNIFE,), (rectangle(5, 5, 6, 3),), ()],
        [(), (), ()],
    ], "crowds are left out, and an annotator without the phrase answers with nothing"
    assert [[reading.exhaustive for reading in sample.readings] for sample in samples[2:]] == [
        [True, True, True],
        [False, True, True],
    ]
    assert samples[0].boxes == samples[0].readings[0].boxes == ((1, 1, 3, 4), (8, 2, 4, 4))
    assert samples[2].facts == {"id": 1002}


def test_saco_with_fewer_annotators(official: Path) -> None:
    path = official / "saco" / "gold_toy_merged_a_release_test.json"
    assert {len(sample.readings) for sample in saco.read(path, None, annotators=1)} == {1}
    path.with_name("gold_toy_merged_c_release_test.json").unlink()
    assert {len(sample.readings) for sample in saco.read(path, None)} == {2}
    with pytest.raises(ConfigurationError, match="3 annotators were asked for, but beside"):
        saco.saco(str(path), None, annotators=3)


def test_saco_annotators_that_were_asked_something_else(official: Path) -> None:
    folder = official / "saco"
    edited(folder / "gold_toy_merged_b_release_test.json", lambda gold: gold["images"][1].update(text_input="cat"))
    samples = saco.read(folder / "gold_toy_merged_a_release_test.json", None)
    assert [sample.problem is None for sample in samples] == [True, False, True, True]
    assert "gold_toy_merged_b_release_test.json: this annotator has another phrase" in str(samples[1].problem)


def test_saco_phrases_that_share_an_id(official: Path) -> None:
    path = official / "saco" / "gold_toy_merged_a_release_test.json"
    samples = saco.read(edited(path, lambda gold: gold["images"][1].update(id=1000)), None)
    assert [sample.problem is None for sample in samples] == [False, False, True, True]
    assert str(samples[0].problem).endswith("gold_toy_merged_a_release_test.json has several images of id 1000")


IMAGE_KEYS: dict[str, tuple[str, str, Callable[[Any], list[Any]]]] = {
    "inst2seg": ("inst2seg.json", "image", lambda content: content),
    "grefcoco": ("instances.json", "file_name", lambda content: content["images"]),
    "roborefit": ("final_dataset/testA/roborefit_testA.json", "rgb_path", lambda content: content),
    "saco": ("gold_toy_merged_a_release_test.json", "file_name", lambda content: content["images"]),
}
ESCAPES = ["../secret.png", "/etc/passwd", "a/../../secret.png", "..\\secret.png", "C:\\secret.png", "", 7, "a\0b"]


@pytest.mark.parametrize("name", IMAGE_KEYS)
@pytest.mark.parametrize("escape", [*ESCAPES, "\ud800.png", "link.png", "folder/secret.png"])
def test_no_image_leads_out_of_the_image_folder(official: Path, name: str, escape: Any) -> None:
    file, key, entries = IMAGE_KEYS[name]
    annotations, images = (official / name / place for place in PLACES[name])
    secret = official / "secrets" / "secret.png"
    secret.parent.mkdir()
    shutil.copy(next((official / "roborefit").rglob("*.png")), secret)
    (images / "link.png").symlink_to(secret)
    (images / "folder").symlink_to(secret.parent)
    edited(official / name / file, lambda content: entries(content)[0].update({key: escape}))
    benchmark = prepare("benchmarks", name, {"annotations": str(annotations), "images": str(images)})()
    samples = benchmark.samples()
    assert samples[0].problem is not None and "sample 0: " in samples[0].problem
    assert samples[0].image_path == images, "nothing outside is ever named"
    assert samples[-1].problem is None
