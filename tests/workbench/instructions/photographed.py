"""The two photographs with their instances as COCO, in files whose bytes are the same everywhere."""

import json
from pathlib import Path

from tests import photos

NAMES = {photo: f"{photo}.bmp" for photo in (photos.CANTEEN, photos.BOX)}


def write(folder: Path) -> list[str]:
    """Write both, with `instances.json`; returns the arguments that name them to `workbench instructions`."""
    for photo, name in NAMES.items():
        photos.save(photo, folder / name)
    (folder / "instances.json").write_text(json.dumps(photos.coco(NAMES)))
    return ["coco", "--set", f"coco.annotations={folder / 'instances.json'}", "--set", f"coco.images={folder}"]
