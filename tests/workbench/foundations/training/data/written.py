"""Scenes of tabletop as files of several published layouts, with the questions that each layout can hold."""

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workbench.data import masks
from workbench.tabletop.scenes import Scene

Asked = tuple[str, str, Sequence[int]]
"""text, phrase and the targets' places in the scene"""
Drawn = Sequence[tuple[Scene, Sequence[Asked]]]


def inst2seg(folder: Path, drawn: Drawn, *, training: bool = False) -> dict[str, Any]:
    """The layout of Inst2Seg-Bench, or of Inst2Seg's training files; the options of the benchmark."""
    entries = []
    for number, (scene, asked) in enumerate(drawn):
        annotation = []
        for text, phrase, targets in asked:
            rles = [masks.encode(scene.objects[i].mask) for i in targets]
            if training:
                ann = [json.dumps(rle) for rle in rles] or None
                annotation.append(
                    {"type": "sentence", "text": text, "ann_type": "mask", "ann": ann, "category": phrase, "answer": ""}
                )
            else:
                annotation.append({"text": text, "phrase": phrase, **({"mask": rles} if rles else {})})
        entries.append({**_picture(folder, number, scene, "image"), "annotation": annotation})
    return _options(folder, "questions.json", entries)


def refcoco(folder: Path, drawn: Drawn) -> dict[str, Any]:
    """The layout of RefCOCO, with its pickle: each question has one target, and is its own phrase."""
    refs, images, annotations = [], [], []
    for number, (scene, asked) in enumerate(drawn):
        images.append({"id": number, **_picture(folder, number, scene, "file_name")})
        for i, thing in enumerate(scene.objects):
            annotations.append(_annotation(number, i, thing.mask, 1))
        for text, _, (target,) in asked:
            sentence = {"sent_id": len(refs), "raw": text, "sent": text, "tokens": text.split()}
            key = annotations[-1]["id"] - len(scene.objects) + 1 + target
            ref = {"ref_id": len(refs), "ann_id": key, "image_id": number, "split": "train", "category_id": 1}
            refs.append({**ref, "sentences": [sentence], "sent_ids": [len(refs)]})
    (folder / "instances.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]})
    )
    (folder / "refs(unc).p").write_bytes(pickle.dumps(refs, protocol=2))
    return {"annotations": str(folder / "refs(unc).p"), "images": str(folder)}


def coco(folder: Path, drawn: Sequence[Scene]) -> dict[str, Any]:
    """The layout of COCO: all instances of the categories."""
    names = sorted({thing.category for scene in drawn for thing in scene.objects})
    annotations = [
        _annotation(number, i, thing.mask, names.index(thing.category))
        for number, scene in enumerate(drawn)
        for i, thing in enumerate(scene.objects)
    ]
    images = [{"id": n, **_picture(folder, n, scene, "file_name")} for n, scene in enumerate(drawn)]
    categories = [{"id": i, "name": name} for i, name in enumerate(names)]
    return _options(folder, "instances.json", {"images": images, "annotations": annotations, "categories": categories})


def by_category(scene: Scene) -> list[Asked]:
    """What COCO's layout asks about a scene: each category that it has, in the order of their names."""
    names = sorted({thing.category for thing in scene.objects})
    return [(name, name, [i for i, thing in enumerate(scene.objects) if thing.category == name]) for name in names]


def _picture(folder: Path, number: int, scene: Scene, key: str) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{number}.png"
    Image.fromarray(scene.image).save(folder / name)
    height, width = scene.image.shape[:2]
    return {key: name, "height": height, "width": width}


def _annotation(image: int, place: int, mask: np.ndarray, category: int) -> dict[str, Any]:
    segmentation = masks.encode(mask)
    return {
        "id": 100 * image + place, "image_id": image, "category_id": category, "iscrowd": 0,
        "segmentation": segmentation, "area": int(mask.sum()), "bbox": list(masks.bounding_box(segmentation)),
    }  # fmt: skip


def _options(folder: Path, name: str, content: Any) -> dict[str, Any]:
    (folder / name).write_text(json.dumps(content))
    return {"annotations": str(folder / name), "images": str(folder)}
