"""MMR: questions whose answers are several objects and parts of objects (layout: jdg900/MMR).

`MMR_{train,val,test_mixed,test_obj_only,test_part_only}.json` is a list of images `{file_name, height, width,
image_id, questions: [text], answers: [[answer, ...] for each question]}`; an answer is `{segmentation: {size, counts},
category_name}`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.reading import (
    ImageFolder,
    checked_size,
    existing,
    is_text,
    numbered,
    read_list,
    text_of,
    unusable,
)
from workbench.data.errors import SampleError, short
from workbench.data.masks import Rle, from_annotation
from workbench.data.samples import Sample, SceneObject
from workbench.plugins.interfaces import reads_files

SPLITS = ("train", "val", "test_mixed", "test_obj_only", "test_part_only")
PART = ":"
"""What a `category_name` has between the object and its part"""


@reads_files("mmr/instances", "mmr/official")
def mmr(
    annotations: Annotations = "data/mmr/MMR_val.json",
    images: Images = "data/coco",
    protocol: Protocol = "mmr/instances",
) -> Annotated:
    """MMR from its published files; `images` holds COCO's folders `train2017` and `val2017`."""
    path, root = existing("mmr", annotations, images)
    facts = {"split": next((split for split in SPLITS if path.stem.endswith(split)), None)}
    return Annotated("mmr", protocol, (path,), root or path.parent, lambda: read(path, root), facts)


def read(annotations: Path, images: Path | None) -> Iterator[Sample]:
    """Read a published file; samples are numbered image by image and within it question by question.

    `targets` has a mask for each answer of the question, none where it has no answer; `others` are the answers to the
    image's other questions. `kind` is `object`, `part` or `mixed`, by what the answers are, None without an answer.
    `facts` has `entry`, the position of the image in the file. Raises `ConfigurationError` for a file that is not such
    a list.
    """
    entries = read_list(annotations, "{file_name, height, width, questions, answers}")
    folder = ImageFolder(images, annotations.parent)
    samples = (sample for i, entry in enumerate(entries) for sample in _entry(entry, i, folder))
    return numbered(samples, annotations.name)


def _entry(entry: object, position: int, images: ImageFolder) -> list[Sample]:
    """The samples of one image, still without ids. An error in the image or in any of its answers is the problem of all
    of them: the official score of the others would depend on it.
    """
    where = f"entry {position}"
    questions = entry.get("questions") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(questions, list):
        expected = "{file_name, height, width, questions, answers}"
        return [unusable(f"{where}: expected {expected}, got {short(entry)}", images)]
    try:
        path = images.place(entry.get("file_name"), f"{where}: file_name")
        height, width = checked_size(entry.get("height"), entry.get("width"), where)
        answers = entry.get("answers")
        if not isinstance(answers, list) or len(answers) != len(questions):
            raise SampleError(f"{where}: expected a list of answers for each question, got {short(answers)}")
        masks = [_answers(one, height, width, f"{where}: answers {i}") for i, one in enumerate(answers)]
        texts = [text_of(one, f"{where}: question {i}") for i, one in enumerate(questions)]
    except SampleError as error:
        return [unusable(str(error), images) for _ in questions]
    return [
        Sample(
            "",
            entry["file_name"],
            path,
            width,
            height,
            text,
            targets=tuple(one.mask for one in asked),
            others=_others(asked, masks),
            kind=_kind([one.label for one in asked]),
            facts={"entry": position},
        )
        for text, asked in zip(texts, masks, strict=True)
    ]


def _answers(value: object, height: int, width: int, where: str) -> list[SceneObject]:
    if not isinstance(value, list):
        raise SampleError(f"{where}: expected a list of {{segmentation, category_name}}, got {short(value)}")
    found = []
    for i, one in enumerate(value):
        answer: dict[str, Any] = one if isinstance(one, dict) else {}
        name = answer.get("category_name")
        if not isinstance(name, str) or not is_text(name):
            raise SampleError(f"{where}: answer {i}: expected {{segmentation, category_name}}, got {short(one)}")
        mask = from_annotation(answer.get("segmentation"), height, width, f"{where}: answer {i}: segmentation")
        found.append(SceneObject(mask, name))
    return found


def _others(asked: list[SceneObject], masks: list[list[SceneObject]]) -> tuple[SceneObject, ...]:
    """What other questions of the image ask for, each mask once."""
    taken: list[Rle] = [one.mask for one in asked]
    others = []
    for one in (one for answers in masks for one in answers):
        if one.mask not in taken:
            taken.append(one.mask)
            others.append(one)
    return tuple(others)


def _kind(names: list[str]) -> str | None:
    parts = {PART in name for name in names}
    return None if not parts else "mixed" if len(parts) > 1 else "part" if True in parts else "object"
