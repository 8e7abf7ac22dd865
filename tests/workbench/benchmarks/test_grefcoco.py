"""gRefCOCO, on small files in the layouts that are published."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.benchmarks.layouts import KNIFE, LEFT, OFFICIAL, RIGHT, asked, edited
from workbench.benchmarks import grefcoco
from workbench.data.errors import ConfigurationError


@pytest.mark.parametrize("odd", [["val"], {"val": 1}, [], 7, None])
def test_a_split_that_is_no_text_spoils_its_ref_alone(tmp_path: Path, odd: Any) -> None:
    place = Path(shutil.copytree(OFFICIAL / "grefcoco", tmp_path / "files"))
    file = place / "grefs(unc).json"
    refs = json.loads(file.read_text())
    refs[0]["split"] = odd
    file.write_text(json.dumps(refs))
    samples = list(grefcoco.grefcoco(str(file), None).samples())
    lost = [sample for sample in samples if sample.problem]
    assert {sample.facts["ref_id"] for sample in lost} == {refs[0]["ref_id"]}
    assert all("expected a `split`, got" in str(sample.problem) for sample in lost)
    assert all(sample.facts["split"] == "val" for sample in grefcoco.grefcoco(str(file), None, split="val").samples())
    with pytest.raises(ConfigurationError, match=r"has no split 'test'; it has .*val"):
        grefcoco.grefcoco(str(file), None, split="test")


def test_grefcoco() -> None:
    folder = OFFICIAL / "grefcoco"
    samples = list(grefcoco.read(folder / "grefs(unc).json", folder / "images/train2014"))
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
    samples = list(grefcoco.read(path, None))
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

    samples = list(grefcoco.read(edited(official / "grefcoco" / "grefs(unc).json", edit), None))
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
    assert asked(list(grefcoco.read(folder / "grefcoco_val.json", folder / "images/train2014"))) == [
        ("0", "Both people", (LEFT, RIGHT)),
        ("1", "the zebra", ()),
        ("2", "right person", (RIGHT,)),
        ("3", "the man in red", ()),
    ]
    with pytest.raises(ConfigurationError, match="has no splits"):
        grefcoco.grefcoco(str(folder / "grefcoco_val.json"), None, split="val")


def test_grefcoco_of_instructsam_with_a_text_too_many(official: Path) -> None:
    path = edited(official / "grefcoco" / "grefcoco_val.json", lambda entries: entries[0]["masks"].pop())
    samples = list(grefcoco.read(path, None))
    assert [sample.problem is None for sample in samples] == [False, False, False, True]
    assert samples[1].problem == (
        "grefcoco_val.json: sample 1: entry 0: expected `masks` with an entry for each of 3 texts, got 2"
    )
