"""Every benchmark of the registry is a source to learn from; here are those whose files a test has to make.

`test_index.py` has the ones with example files in their published layouts.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.workbench.benchmarks.layouts import HEIGHT, KNIFE, LEFT, PLACES, RIGHT, WIDTH
from tests.workbench.benchmarks.parquet_cases import M_ROWS, ONE, REASON_ROWS, TWO, picture, write
from tests.workbench.foundations.training.data import written
from workbench.data import masks
from workbench.data.masks import Rle
from workbench.foundations.training.data.index import Limits
from workbench.foundations.training.data.sources import Ask, open_sources
from workbench.plugins import registry
from workbench.tabletop import writer
from workbench.tabletop.scenes import make_scene

Asked = tuple[str, str, tuple[Rle, ...]]
"""What a source asks: text, kind and targets."""
Made = tuple[dict[str, Any], list[Asked]]
"""An entry of `data` about small files, and what they ask."""
CUPS = [("the cups", "instruction", (LEFT, RIGHT)), ("any dog", "instruction", ())]


def refcoco_m(folder: Path) -> Made:
    asked = [("left cup", LEFT), ("The red cup.", LEFT), ("bowl", RIGHT), ("the knife", KNIFE)]
    return {**_rows(folder, M_ROWS), "kind": "phrase"}, [(text, "phrase", (mask,)) for text, mask in asked]


def reasonseg_of_a_mirror(folder: Path) -> Made:
    return _rows(folder, REASON_ROWS), [("What cuts?", "instruction", (KNIFE,)), ("cup", "instruction", (LEFT,))]


def parquet(folder: Path) -> Made:
    cups = [dict(LEFT), dict(RIGHT)]
    rows = [{"image": ONE, "text": "the cups", "mask": cups}, {"image": TWO, "text": "any dog", "mask": None}]
    return _rows(folder, rows), CUPS


def own_folder(folder: Path) -> Made:
    (folder / "1.png").write_bytes(picture(90, "PNG"))
    for name, mask in (("left", LEFT), ("right", RIGHT)):
        Image.fromarray(masks.decode(mask).astype(np.uint8) * 255).save(folder / f"{name}.png")
    (folder / "instructions.csv").write_text(
        "image,instruction,masks\n1.png,the cups,left.png; right.png\n1.png,any dog,\n"
    )
    return {"options": {"annotations": str(folder)}}, CUPS


def coco(folder: Path) -> Made:
    scene = make_scene(np.random.default_rng(1), 64)
    asked = [
        (text, "category", tuple(masks.encode(scene.objects[i].mask) for i in targets))
        for text, _, targets in written.by_category(scene)
    ]
    return {"options": written.coco(folder, [scene]), "kind": "category"}, asked


def tabletop(folder: Path) -> Made:
    options = {"split": "train", "scenes": 2, "per_scene": 2, "size": 64, "root": str(folder / "made")}
    path = writer.write(folder / "made", "train", 2, 2, 0, 64) / "train.json"
    entries = json.loads(path.read_text())
    asked = [
        (one["text"], "instruction", tuple(one.get("mask", ()))) for entry in entries for one in entry["annotation"]
    ]
    return {"options": options}, asked


def tabletop_phrases(folder: Path) -> Made:
    entry, _ = tabletop(folder)
    samples = registry.prepare("benchmarks", "tabletop-phrases", entry["options"], "")().samples()
    return {**entry, "kind": "phrase"}, [(sample.instruction, "phrase", sample.targets) for sample in samples]


def _rows(folder: Path, rows: list[Any]) -> dict[str, Any]:
    path = write(folder / "data" / "train-00000-of-00001.parquet", rows)
    return {"options": {"annotations": str(path), "images": str(folder / "images")}}


MADE: dict[str, Callable[[Path], Made]] = {
    "refcoco-m": refcoco_m,
    "reasonseg": reasonseg_of_a_mirror,
    "parquet": parquet,
    "folder": own_folder,
    "coco": coco,
    "tabletop": tabletop,
    "tabletop-phrases": tabletop_phrases,
}


@pytest.mark.parametrize("name", MADE)
def test_a_source_asks_what_its_files_ask_with_their_pixels_and_masks(name: str, tmp_path: Path) -> None:
    entry, asked = MADE[name](tmp_path)
    (source,) = open_sources([{"benchmark": name, **entry}], tmp_path / "index", Limits(most=10, boxes=True))
    seen: list[Asked] = []
    for number in range(source.pictures):
        shown = source.picture(number, np.random.default_rng(0), Ask())
        assert shown.image.shape[:2] == ((64, 64) if name.startswith(("tabletop", "coco")) else (HEIGHT, WIDTH))
        for one in shown.questions:
            assert one.masks.shape[1:] == shown.image.shape[:2]
            assert one.phrase
            seen.append((one.text, one.kind, tuple(masks.encode(mask) for mask in one.masks)))
    assert seen == asked


def test_no_benchmark_of_ours_lacks_a_test_as_a_source() -> None:
    ours = {point.name for point in registry.entry_points("benchmarks") if point.value.startswith("workbench.")}
    assert ours == PLACES.keys() | MADE.keys()
