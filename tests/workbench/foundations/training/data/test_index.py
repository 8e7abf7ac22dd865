"""The index of a source: every benchmark's questions by picture, what is left out and why, and that it is made once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workbench.benchmarks.layouts import KNIFE, LEFT, OFFICIAL, PLACES, RIGHT, edited
from tests.workbench.foundations.training.data import written
from workbench.data.errors import ConfigurationError
from workbench.foundations.training.data.index import Index, Limits, counts_text, opened
from workbench.foundations.training.data.options import sources_of
from workbench.tabletop.scenes import make_scene

LIMITS = Limits(most=10, boxes=True)


def index(folder: Path, benchmark: str, options: dict[str, Any], limits: Limits = LIMITS, **more: Any) -> Index:
    (source,) = sources_of([{"benchmark": benchmark, "options": options, **more}])
    return opened(source, folder / "index", limits)


def training_file(folder: Path, *annotations: dict[str, Any]) -> dict[str, Any]:
    """A file in the layout of Inst2Seg's training with these annotations of its first picture."""
    entry = {"image": "1.jpg", "height": 12, "width": 16, "type": "phrase", "annotation": list(annotations)}
    (folder / "train.json").write_text(json.dumps([entry]))
    return {"annotations": str(folder / "train.json"), "images": str(folder)}


def marked(text: str, masks: Any, kind: str = "phrase", ann_type: str = "mask") -> dict[str, Any]:
    ann = [json.dumps(mask) for mask in masks] if isinstance(masks, list) else masks
    return {"type": kind, "text": text, "ann_type": ann_type, "ann": ann, "category": "mug", "answer": "x"}


@pytest.mark.parametrize("name", PLACES)
def test_every_benchmark_is_a_source(name: str, tmp_path: Path) -> None:
    annotations, images = (str(OFFICIAL / name / place) for place in PLACES[name])
    found = index(tmp_path, name, {"annotations": annotations, "images": images})
    lines = [line for number in range(len(found)) for line in found.lines(number)]
    assert len(lines) == sum(found.summary["kinds"].values()) > 0
    assert any(line.targets for line in lines)
    assert all(line.text and line.phrase for line in lines)
    assert all(found.entry(number).path.exists() for number in range(len(found)))
    unsure = {"perhaps not every instance is annotated": 1}
    assert found.summary["left_out"] == (unsure if name in ("saco", "omnilabel") else {})


def test_questions_of_a_picture_are_together_wherever_the_file_has_them(tmp_path: Path) -> None:
    def apart(entries: list[Any]) -> None:
        first = entries[0]
        entries[:] = [{**first, "annotation": [asked]} for asked in first["annotation"]] + entries[1:]
        entries.append(entries.pop(0))

    path = tmp_path / "inst2seg.json"
    path.write_text((OFFICIAL / "inst2seg" / "inst2seg.json").read_text())
    found = index(
        tmp_path, "inst2seg", {"annotations": str(edited(path, apart)), "images": str(OFFICIAL / "inst2seg/data")}
    )
    by_picture = {found.entry(n).name: [line.text for line in found.lines(n)] for n in range(len(found))}
    assert by_picture == {"coco/1.jpg": ["the zebra", "the two cups"], "ego/2.jpg": ["what cuts bread", "any dog"]}


def test_the_training_layout_has_kinds_no_targets_and_boxes(tmp_path: Path) -> None:
    files = training_file(
        tmp_path,
        marked("the left mug.", [LEFT]),
        marked("what holds coffee?", [LEFT, RIGHT], "sentence"),
        marked("the word on it", [KNIFE], "OCR"),
        marked("the dog", None),
        marked("a box", [[1, 2, 4, 6]], "phrase", "bbox"),
        marked("a point", [[1, 2]], "phrase", "point"),
    )
    found = index(tmp_path, "inst2seg", files)
    lines = found.lines(0)
    assert [(line.kind, line.phrase, len(line.targets), line.boxes) for line in lines] == [
        ("phrase", "the left mug", 1, False),
        ("instruction", "mug", 2, False),
        ("instruction", "mug", 1, False),
        ("phrase", "the dog", 0, False),
        ("phrase", "a box", 1, True),
    ]
    assert lines[2].label == "OCR"
    said = counts_text(found.summary)
    assert "1 pictures, 5 questions, instruction 2, phrase 3, no target 1, one target 3, several targets 1" in said
    assert "left out 1: their annotation cannot be used" in said
    assert "annotations of type 'point'" in (tmp_path / "index" / "left_out.txt").read_text()


def test_what_a_model_cannot_answer_with_is_left_out_and_counted(tmp_path: Path) -> None:
    files = training_file(
        tmp_path,
        marked("all", [LEFT, RIGHT, KNIFE]),
        marked("two", [LEFT, RIGHT]),
        marked("box", [[1, 2, 4, 6]], ann_type="bbox"),
    )
    found = index(tmp_path, "inst2seg", files, Limits(most=2, boxes=False))
    assert [line.text for line in found.lines(0)] == ["two"]
    assert found.summary["left_out"] == {
        "they have more instances than the model can answer with": 1,
        "they have boxes, which this model cannot learn from": 1,
    }


@pytest.fixture(scope="module")
def instances(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """COCO's layout of three scenes."""
    folder = tmp_path_factory.mktemp("coco")
    return written.coco(folder, [make_scene(np.random.default_rng(n), 64) for n in range(3)])


def absent(found: Index) -> int:
    count: int = found.summary["counts"].get("no target", 0)
    return count


def test_absent_categories_count_only_where_negatives_are_asked_for(tmp_path: Path, instances: dict[str, Any]) -> None:
    without = index(tmp_path / "a", "coco", instances, kind="category")
    with_them = index(tmp_path / "b", "coco", instances, kind="category", negatives=0.5)
    assert absent(without) == 0
    assert absent(with_them) == without.summary["left_out"]["nothing answers them"] > 3
    assert any(line.around for n in range(len(with_them)) for line in with_them.lines(n))


def test_what_may_be_there_is_no_negative(tmp_path: Path, instances: dict[str, Any]) -> None:
    def unsure(content: Any) -> None:
        seen = {one["category_id"] for one in content["annotations"] if one["image_id"] == 0}
        content["images"][0]["neg_category_ids"] = []  # as LVIS says that nothing is known
        gone = next(one["id"] for one in content["categories"] if one["id"] not in seen)
        crowd = {**content["annotations"][-1], "id": 999, "category_id": gone, "iscrowd": 1}
        content["annotations"].append(crowd)

    path = Path(instances["annotations"]).with_name("unsure.json")
    path.write_text(Path(instances["annotations"]).read_text())
    known = index(tmp_path / "a", "coco", instances, kind="category", negatives=0.5)
    files = {**instances, "annotations": str(edited(path, unsure))}
    found = index(tmp_path / "b", "coco", files, kind="category", negatives=0.5)
    left_out = found.summary["left_out"]["perhaps not every instance is annotated"]
    first = sum(not line.targets for line in known.lines(0))
    assert first <= left_out <= first + 1
    assert absent(found) == absent(known) - left_out


def test_an_index_is_made_once_and_refused_where_its_source_has_changed(tmp_path: Path) -> None:
    files = training_file(tmp_path, marked("the mug", [LEFT]))
    first = index(tmp_path, "inst2seg", files)
    written = (tmp_path / "index" / "questions.jsonl").stat().st_mtime_ns
    assert index(tmp_path, "inst2seg", files).lines(0) == first.lines(0)
    assert (tmp_path / "index" / "questions.jsonl").stat().st_mtime_ns == written
    training_file(tmp_path, marked("another mug", [LEFT]))
    with pytest.raises(ConfigurationError, match="no longer what this training has learned from"):
        index(tmp_path, "inst2seg", files)


def test_a_source_without_any_usable_question_is_refused_with_the_reasons(tmp_path: Path) -> None:
    files = training_file(tmp_path, marked("a point", [[1, 2]], ann_type="point"))
    with pytest.raises(ConfigurationError, match="nothing to learn from: 1 as their annotation cannot be used"):
        index(tmp_path, "inst2seg", files)
    assert not list(tmp_path.glob("*index*"))
