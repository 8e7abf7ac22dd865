"""Draws shapes as labelme does (`labelme.utils.shape_to_mask`), except polygons, which LISA fills with OpenCV.

Circles, lines and points have no extent of their own: labelme draws lines 10 pixels wide and points with a radius of 5,
and so does this module.
"""

import base64
import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from workbench.benchmarks.polygons import fill
from workbench.benchmarks.reading import numbers_of
from workbench.data.errors import SampleError, short
from workbench.data.masks import MAX_OUTLINE, outline
from workbench.data.pictures import MAX_PIXELS

MAX_WORK = 2**32
"""Shapes times pixels of the image: each shape is drawn on a canvas of its own."""
LINE_WIDTH, POINT_RADIUS = 10, 5
"""Pixels, labelme's own."""
_COUNTS = {"circle": (2,), "rectangle": (2, 4), "oriented_rectangle": (4,), "line": (2,), "point": (1,), "mask": (2,)}
"""How many points a shape has, where not any number will do."""
SHAPE_TYPES = ("polygon", "rectangle", "oriented_rectangle", "circle", "line", "linestrip", "point", "mask")

XY = tuple[float, float]


def shapes_of(value: object, height: int, width: int, where: str) -> list[Any]:
    """The list of shapes in a file about an image of this size; raises `SampleError` for what is none, or too long."""
    if not isinstance(value, list):
        raise SampleError(f"{where}: expected a list of shapes, got {short(value)}")
    if len(value) * height * width > MAX_WORK:
        raise SampleError(f"{where}: {len(value)} shapes are too many for an image of {width}x{height}")
    return value


def drawn(shape: dict[str, Any], height: int, width: int, where: str) -> NDArray[np.bool_]:
    """The mask `[height, width] bool` of one entry of labelme's `shapes`; without a `shape_type` it is a polygon.

    Raises `SampleError` that starts with `where` for a shape of another type, and for points that do not fit it.
    """
    kind = shape.get("shape_type") or "polygon"
    if kind not in SHAPE_TYPES:
        raise SampleError(f"{where}: expected `shape_type` {', '.join(SHAPE_TYPES)}, got {short(kind)}")
    points = _points(shape.get("points"), height, width, where)
    if kind in _COUNTS and len(points) not in _COUNTS[kind]:
        expected = " or ".join(map(str, _COUNTS[kind]))
        raise SampleError(
            f"{where}: expected a {kind.removeprefix('oriented_')} of {expected} points, got {len(points)}"
        )
    length = outline(np.array(points)) * (math.tau if kind == "circle" else 1)
    if length > MAX_OUTLINE:
        raise SampleError(
            f"{where}: the outline is {length:.0f} pixels long, more than the {MAX_OUTLINE} that are drawn"
        )
    if kind == "polygon":
        return fill([(int(x), int(y)) for x, y in points], height, width)  # cut off as `astype(int32)` does
    if kind == "mask":
        return _pasted(shape.get("mask"), points, height, width, where)
    canvas = Image.new("L", (width, height))
    _draw(ImageDraw.Draw(canvas), kind, points, where)
    return np.asarray(canvas) > 0


def _draw(draw: ImageDraw.ImageDraw, kind: str, points: list[XY], where: str) -> None:
    (x, y), (x_end, y_end) = points[0], points[-1]
    if kind == "rectangle":
        draw.rectangle(_corners(points, where), fill=1, outline=1)
    elif kind == "oriented_rectangle":
        draw.polygon(points, fill=1, outline=1)
    elif kind in ("circle", "point"):
        radius = math.hypot(x - x_end, y - y_end) if kind == "circle" else POINT_RADIUS
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1, outline=1)
    elif len(points) > 1:
        draw.line(points, fill=1, width=LINE_WIDTH)
    else:
        raise SampleError(f"{where}: expected a {kind} of at least 2 points, got 1")


def _corners(points: list[XY], where: str) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a rectangle that is given by two opposite corners in any order, or by four
    corners.
    """
    xs, ys = sorted({x for x, _ in points}), sorted({y for _, y in points})
    if len(points) == 4 and not (len(xs) == len(ys) == len(set(points)) / 2 == 2):
        raise SampleError(f"{where}: expected the four corners of an upright rectangle, got {short(points)}")
    return xs[0], ys[0], xs[-1], ys[-1]


def _pasted(value: object, points: list[XY], height: int, width: int, where: str) -> NDArray[np.bool_]:
    """A mask that is given as a picture in base64, pasted at the place of its box. The box's corners are the first and
    the last pixel of the picture.
    """
    (left, right), (top, bottom) = (
        (math.floor(low), math.floor(high)) for low, high in map(sorted, zip(*points, strict=True))
    )
    size = (right - left + 1, bottom - top + 1)
    if size[0] * size[1] > MAX_PIXELS:
        raise SampleError(f"{where}: expected a mask of at most {MAX_PIXELS} pixels, got {size[0]}x{size[1]}")
    try:
        content = base64.b64decode(value if isinstance(value, str) else "", validate=True)
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            if picture.size != size:
                got = f"{picture.size[0]}x{picture.size[1]}"
                raise SampleError(f"its `mask` is {got} but its points are corners of {size[0]}x{size[1]}")
            marked = np.asarray(np.asarray(picture.convert("L") if picture.mode == "P" else picture) > 0)
    except SampleError as error:
        raise SampleError(f"{where}: {error}") from error
    except Exception as error:  # whatever the decoder says of a broken picture
        raise SampleError(f"{where}: expected `mask` to be a PNG in base64, got {short(value)}: {error}") from error
    pasted = np.zeros((height, width), dtype=bool)
    rows, columns = slice(max(top, 0), max(bottom + 1, 0)), slice(max(left, 0), max(right + 1, 0))
    seen = pasted[rows, columns]
    flat = np.asarray(marked.any(axis=2)) if marked.ndim == 3 else marked
    seen[:] = flat[max(-top, 0) :, max(-left, 0) :][: seen.shape[0], : seen.shape[1]]
    return pasted


def _points(value: object, height: int, width: int, where: str) -> list[XY]:
    """Points in pixels, at most one image size outside the image."""
    if not isinstance(value, list) or not value:
        raise SampleError(f"{where}: expected a list of points [x, y], got {short(value)}")
    points = []
    for point in value:
        x, y = numbers_of(point, 2, f"{where}: point")
        if not (-width <= x <= 2 * width and -height <= y <= 2 * height):
            raise SampleError(f"{where}: point {short(point)} is far outside the image of {width}x{height}")
        points.append((x, y))
    return points
