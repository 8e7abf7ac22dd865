"""Polygons are filled as the official code fills them."""

import json
from pathlib import Path

from workbench.benchmarks.polygons import fill
from workbench.data import masks


def test_polygons_are_filled_as_opencv_fills_them() -> None:
    cases = json.loads((Path(__file__).parent / "opencv_polygons.json").read_text())
    assert len(cases) == 40
    for case in cases:
        height, width = case["size"]
        drawn = masks.encode(fill([(x, y) for x, y in case["points"]], height, width))
        assert drawn == masks.from_annotation({"size": case["size"], "counts": case["counts"]}, height, width, "case")
