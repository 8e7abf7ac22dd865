"""Small files in the layout that each benchmark is published in, and changes to them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.benchmarks import json_stream, reading
from workbench.data import masks
from workbench.data.masks import Rle
from workbench.data.samples import Sample

OFFICIAL = Path(__file__).parent / "official"
HEIGHT, WIDTH = 12, 16
Edit = Callable[[Any], None]


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


def piecewise(patch: pytest.MonkeyPatch) -> None:
    """Have all JSON files read piece by piece, as long ones are read."""
    patch.setattr(reading, "LONG", 0)
    patch.setattr(json_stream, "SHORT", 0)
    patch.setattr(json_stream, "PIECE", 100)


PLACES: dict[str, tuple[str, str]] = {
    "inst2seg": ("inst2seg.json", "data"),
    "grefcoco": ("grefs(unc).json", "images/train2014"),
    "reasonseg": ("val", "val"),
    "refcoco": ("refs(unc).p", "images/train2014"),
    "roborefit": ("final_dataset/testA/roborefit_testA.json", "."),
    "gseval": ("GroundingSuite-Eval.jsonl", "images"),
    "omnilabel": ("dataset_all_val.json", "images"),
    "d3": ("d3_json/d3_full_annotations.json", "d3_images"),
    "mmr": ("MMR_val.json", "images"),
    "saco": ("gold_toy_merged_a_release_test.json", "images"),
}
