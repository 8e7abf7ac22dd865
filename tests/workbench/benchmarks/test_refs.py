"""What the readers of refs share: objects of `instances.json`, and whole ids."""

import json
from pathlib import Path

import pytest

from tests.workbench.benchmarks.layouts import HEIGHT, LEFT, OFFICIAL, WIDTH
from workbench.benchmarks.coco_file import CocoFile
from workbench.benchmarks.refs import Objects, instances_beside, splits_of, with_whole_ids
from workbench.data.errors import ConfigurationError, SampleError
from workbench.data.masks import Rle

FOLDER = OFFICIAL / "grefcoco"


def test_each_object_is_read_once_and_what_no_sample_asks_for_may_be_broken() -> None:
    asked: list[str] = []

    def read(value: object, height: int, width: int, where: str) -> Rle:
        asked.append(where)
        if where.endswith(" 12"):
            raise SampleError(f"{where}: broken")
        return LEFT

    objects = Objects(CocoFile(FOLDER / "instances.json"), read)
    for _ in range(2):
        assert [(other.label, other.mask) for other in objects.others(1, set(), HEIGHT, WIDTH)] == [("person", LEFT)]
        with pytest.raises(SampleError, match=r"ref 7: instances\.json: annotation 12: broken"):
            objects.mask(objects.of_image(12, 1, "ref 7"), HEIGHT, WIDTH, "ref 7")
    assert asked == ["instances.json: annotation 11", "instances.json: annotation 12"], "crowds are no one's instance"
    with pytest.raises(SampleError, match="ref 7: annotation 12 is of another image than 2"):
        objects.of_image(12, 2, "ref 7")


def test_instances_have_to_be_beside_the_refs(tmp_path: Path) -> None:
    assert instances_beside("mine", FOLDER / "refs.json", "Mine") == FOLDER / "instances.json"
    with pytest.raises(ConfigurationError, match=r"mine: .*refs\.json needs the file .*instances\.json of Mine"):
        instances_beside("mine", tmp_path / "refs.json", "Mine")


def test_ids_and_splits_of_refs() -> None:
    refs = json.loads((FOLDER / "grefs(unc).json").read_text())
    refs[0] |= {"image_id": 1.0, "ann_id": ["11", 12]}
    refs += [7, {"split": 5}]
    refs, remarks = with_whole_ids(Path("refs.json"), refs)
    assert (refs[0]["image_id"], refs[0]["ann_id"]) == (1, [11, 12])
    assert len(remarks) == 2
    assert splits_of(refs) == ["testA", "train", "val"]
