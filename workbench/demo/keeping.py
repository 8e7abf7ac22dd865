"""Samples that a user keeps: an annotation file in the layout of Inst2Seg-Bench that grows, with its pictures.

annotations.json    a list of `{image, height, width, annotation: [{text, mask, from}]}`, as
                    `workbench.benchmarks.inst2seg` reads it; `from` names the system that each mask was taken from
pictures/           the pictures as they were given
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.asking.folder import PICTURES, picture_at
from workbench.data.errors import ConfigurationError
from workbench.data.masks import Rle
from workbench.runs.files import check_writable, read_json, replacing, waiting_lock

ANNOTATIONS = "annotations.json"


@dataclass(frozen=True)
class Kept:
    """What was kept: the annotation file, and how many samples and pictures it has now. `replaced`: the same
    instruction about the same picture had been kept before."""

    file: Path
    samples: int
    pictures: int
    replaced: bool


def keep(folder: Path, picture: Path, instruction: str, masks: Sequence[Rle], origin: Sequence[str] = ()) -> Kept:
    """Add a sample to the annotation file of a folder, which is made where it is missing.

    `masks`: one for each target, at the size of the upright picture; none where nothing answers the instruction.
    `origin`: the system that each was taken from. A picture that was kept before gets a further annotation; its
    annotation with the same instruction is replaced. The file is replaced in one step, so that it is whole at any
    moment. Raises `ConfigurationError` where the picture cannot be read, where the file is no such list, and where the
    folder cannot be written.
    """
    shown = picture_at(picture)
    check_writable(folder / PICTURES)
    with waiting_lock(folder / "lock"):
        file = folder / ANNOTATIONS
        entries = _entries(file)
        copied = folder / PICTURES / shown.name
        if not copied.exists():
            with replacing(copied) as target, picture.open("rb") as source:
                shutil.copyfileobj(source, target)
        name = f"{PICTURES}/{shown.name}"
        entry = next((one for one in entries if one["image"] == name), None)
        if entry is None:
            entry = {"image": name, "height": shown.height, "width": shown.width, "annotation": []}
            entries.append(entry)
        targets = {"mask": list(masks), "from": list(origin)} if masks else {}
        replaced = _put(entry["annotation"], {"text": instruction, **targets})
        lines = ",\n".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in entries)
        with replacing(file) as target:
            target.write(f"[\n{lines}\n]\n".encode())
        return Kept(file, sum(len(one["annotation"]) for one in entries), len(entries), replaced)


def count(folder: Path) -> int:
    """How many samples a folder keeps; raises `ConfigurationError` where its file is no such list."""
    return sum(len(one["annotation"]) for one in _entries(folder / ANNOTATIONS))


def _entries(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    entries = read_json(file)
    whole = isinstance(entries, list) and all(
        isinstance(one, dict) and isinstance(one.get("image"), str) and isinstance(one.get("annotation"), list)
        for one in entries
    )
    if not whole:
        raise ConfigurationError(
            f"{file}: expected a list of {{image, height, width, annotation: [...]}} to add samples to; nothing was "
            "changed: choose another --out, or mend the file"
        )
    return list(entries)


def _put(annotations: list[Any], new: dict[str, Any]) -> bool:
    """Add an annotation, or put it in the place of that with the same text; returns whether there was one."""
    for place, one in enumerate(annotations):
        if isinstance(one, dict) and one.get("text") == new["text"]:
            annotations[place] = new
            return True
    annotations.append(new)
    return False
