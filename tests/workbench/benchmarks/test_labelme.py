"""Every shape of labelme is drawn as labelme draws it, or refused by name.

`labelme_shapes.json` has masks that `shape_to_mask` of labelme 5.5.0 drew.
"""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from workbench.benchmarks import reasonseg
from workbench.benchmarks.labelme import drawn
from workbench.data import masks
from workbench.data.errors import SampleError

SHAPES = json.loads((Path(__file__).parent / "labelme_shapes.json").read_text())


def png(pixels: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize("shape", SHAPES, ids=[f"{s['shape_type']} {i}" for i, s in enumerate(SHAPES)])
def test_shapes_are_drawn_as_labelme_draws_them(shape: dict[str, Any]) -> None:
    height, width = shape["size"]
    expected = masks.from_annotation({"size": shape["size"], "counts": shape["counts"]}, height, width, "golden")
    assert masks.encode(drawn(shape, height, width, "shape")) == expected


def test_a_rectangle_is_filled_whatever_the_order_and_number_of_its_corners() -> None:
    for points in (
        [[3, 4], [12, 9]],
        [[12, 9], [3, 4]],
        [[3, 9], [12, 4]],
        [[3, 4], [12, 4], [12, 9], [3, 9]],
    ):
        found = drawn({"shape_type": "rectangle", "points": points}, 20, 30, "shape")
        assert found.sum() == 60
        assert found[4:10, 3:13].all()


def test_a_turned_rectangle_has_four_corners_in_order() -> None:
    shape = {"shape_type": "oriented_rectangle", "points": [[20, 5], [35, 20], [20, 35], [5, 20]]}
    found = drawn(shape, 40, 40, "shape")
    rows, columns = np.indices(found.shape)
    assert (found == (abs(rows - 20) + abs(columns - 20) <= 15)).all()
    with pytest.raises(SampleError, match="expected a rectangle of 4 points, got 2"):
        drawn({**shape, "points": [[5, 5], [9, 9]]}, 40, 40, "shape")


def test_a_circle_has_its_first_point_in_the_middle_and_its_second_on_the_rim() -> None:
    found = drawn({"shape_type": "circle", "points": [[50, 40], [50, 70]]}, 90, 100, "shape")
    assert found.sum() == pytest.approx(np.pi * 30.5**2, rel=0.01)
    rows, columns = np.nonzero(found)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 70, 20, 80)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16])
def test_a_mask_is_pasted_at_its_box_and_cut_at_the_border(dtype: type) -> None:
    pixels = np.zeros((4, 6), dtype=dtype)
    pixels[1:3, 2:5] = 1
    shape = {"shape_type": "mask", "points": [[10, 7], [15, 10]], "mask": png(pixels)}
    found = drawn(shape, 20, 30, "shape")
    assert found.sum() == 6
    assert found[8:10, 12:15].all()
    corner = drawn({**shape, "points": [[-3, -2], [2, 1]]}, 20, 30, "shape")
    assert np.argwhere(corner).tolist() == [[0, 0], [0, 1]]
    assert drawn({**shape, "points": [[27, 18], [32, 21]]}, 20, 30, "shape").sum() == 1


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        (
            {"shape_type": "points", "points": [[1, 1], [5, 5], [7, 2]]},
            "expected `shape_type` polygon, .* got 'points'",
        ),
        ({"shape_type": "star", "points": [[1, 1]] * 4}, "got 'star'"),
        ({"shape_type": 7, "points": [[1, 1]]}, "expected `shape_type`"),
        ({"shape_type": ["polygon"], "points": [[1, 1]]}, "expected `shape_type`"),
        (
            {"shape_type": "rectangle", "points": [[1, 1], [2, 2], [3, 3]]},
            "expected a rectangle of 2 or 4 points, got 3",
        ),
        (
            {"shape_type": "rectangle", "points": [[1, 1], [9, 2], [8, 9], [0, 8]]},
            "four corners of an upright rectangle",
        ),
        ({"shape_type": "circle", "points": [[1, 1]]}, "expected a circle of 2 points, got 1"),
        ({"shape_type": "line", "points": [[1, 1], [2, 2], [3, 3]]}, "expected a line of 2 points, got 3"),
        ({"shape_type": "linestrip", "points": [[1, 1]]}, "expected a linestrip of at least 2 points"),
        ({"shape_type": "point", "points": [[1, 1], [2, 2]]}, "expected a point of 1 points, got 2"),
        ({"shape_type": "mask", "points": [[1, 1], [2, 2]]}, "expected `mask` to be a PNG in base64, got None"),
        ({"shape_type": "mask", "points": [[1, 1], [2, 2]], "mask": "AAAA"}, "expected `mask` to be a PNG in base64"),
        (
            {"shape_type": "mask", "points": [[1, 1], [2, 2]], "mask": png(np.zeros((5, 4), bool))},
            "its `mask` is 4x5 but its points are corners of 2x2",
        ),
    ],
)
def test_what_labelme_would_not_draw_is_refused(shape: dict[str, Any], problem: str) -> None:
    with pytest.raises(SampleError, match=f"shape 3: .*{problem}"):
        drawn(shape, 20, 30, "shape 3")


def read(folder: Path, shapes: list[dict[str, Any]], height: int, width: int) -> Any:
    entry = {"text": ["it"], "is_sentence": False, "shapes": shapes, "imageHeight": height, "imageWidth": width}
    (folder / "a.json").write_text(json.dumps(entry))
    (asked,) = reasonseg.read(folder, None)
    return asked


def test_small_shapes_stay_visible_on_large_ones_of_any_type(tmp_path: Path) -> None:
    shapes = [
        {"label": "ignore", "shape_type": "point", "points": [[20, 20]]},
        {"label": "target", "shape_type": "rectangle", "points": [[5, 5], [40, 35]]},
    ]
    asked = read(tmp_path, shapes, 60, 60)
    assert masks.area(asked.ignore) == masks.area(masks.encode(drawn(shapes[0], 60, 60, "")))
    assert masks.area(asked.targets[0]) == 36 * 31 - masks.area(asked.ignore)


@pytest.mark.parametrize(
    ("height", "width", "shapes", "problem"),
    [
        (1, 2**27, [[[0, 0], [2**27 - 1, 0], [0, 0]]], "the outline is"),
        (11_000, 11_000, [[[i * 5, (i % 2) * 10_999] for i in range(2000)]], "the outline is"),
        (8192, 16_384, [[[0, 0], [16_383, 0], [16_383, 8191], [0, 8191]]] * 20, "cover more than"),
        (900, 900, [[[i, (i % 2) * 899] for i in range(900)]] * 9, "the outlines together are"),
        (8192, 16_384, [[[0, 0], [1, 1], [1, 0]]] * 200, "200 shapes are too many for an image of 16384x8192"),
    ],
)
def test_shapes_that_ask_for_huge_work_are_the_problem_of_their_sample(
    tmp_path: Path, height: int, width: int, shapes: list[list[list[int]]], problem: str
) -> None:
    asked = read(tmp_path, [{"label": "target", "points": points} for points in shapes], height, width)
    assert asked.problem.startswith(f"{tmp_path.name}: sample 0: a.json: ")
    assert problem in asked.problem
