"""Filling polygons as OpenCV's `polylines` (thickness 1) and `fillPoly` do, the convention of ReasonSeg's masks.

A filled polygon is its outline, drawn with Bresenham's lines, and the pixels between crossings of each row; crossings
move in steps of 1/65536 pixel. Golden masks of the official code and OpenCV itself agree bit by bit.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]
ONE = 1 << 16
"""A pixel in the fixed-point numbers of OpenCV's `drawing.cpp`"""


def fill(points: Sequence[Point], height: int, width: int) -> NDArray[np.bool_]:
    """The mask `[height, width] bool` of one closed polygon of at least one point `(x, y)` in whole pixels.

    Points may lie outside the image; crossings of the outline with itself are holes by the even-odd rule.
    """
    mask = np.zeros((height, width), dtype=bool)
    crossings: dict[int, list[int]] = {}
    for start, end in zip([points[-1], *points[:-1]], points, strict=True):
        visible = _clipped(start, end, height, width)
        if visible:
            x, y = _line(*visible)
            mask[y, x] = True
        for y_at, x_at in _crossings(start, end, *(visible or (start, end)), height):
            crossings.setdefault(y_at, []).append(x_at)
    for y_at, crossed in crossings.items():
        crossed.sort()
        for left, right in zip(crossed[::2], crossed[1::2], strict=True):
            mask[y_at, max(-(-left // ONE), 0) : max(right // ONE + 1, 0)] = True
    return mask


def _crossings(start: Point, end: Point, seen_start: Point, seen_end: Point, height: int) -> Iterator[tuple[int, int]]:
    """Row and fixed-point column where an edge meets each row of the image, its lower end left out; the slope is that
    of the part of the edge that lies in the image."""
    if start[1] == end[1]:
        return
    rise = seen_end[1] - seen_start[1]
    run = (seen_end[0] - seen_start[0]) * ONE
    slope = (abs(run) // abs(rise)) * (1 if (run < 0) == (rise < 0) else -1) if rise else 0
    (top, bottom), through = ((start, end), seen_start) if start[1] < end[1] else ((end, start), seen_end)
    for y in range(max(top[1], 0), min(bottom[1], height)):
        yield y, through[0] * ONE + (y - through[1]) * slope


def _line(start: Point, end: Point) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns and rows of the pixels of a line, both ends included; drawn from left to right."""
    (x1, y1), (x2, y2) = (start, end) if start[0] <= end[0] else (end, start)
    dx, dy, down = x2 - x1, abs(y2 - y1), 1 if y2 >= y1 else -1
    long, small = max(dx, dy), min(dx, dy)
    steps = np.arange(long + 1)
    # the error starts at long - 2 * small and a minor step is made where it is below 0 before the step
    minor = (2 * small * steps + long - 1) // (2 * long) if long else steps
    return (x1 + minor, y1 + down * steps) if dy > dx else (x1 + steps, y1 + down * minor)


def _clipped(start: Point, end: Point, height: int, width: int) -> tuple[Point, Point] | None:
    """The part of an edge inside the image, rounded as OpenCV's `clipLine` does; None where there is none."""
    (x1, y1), (x2, y2) = start, end
    right, bottom = width - 1, height - 1

    def side(x: int, y: int) -> int:
        return (x < 0) + (x > right) * 2 + (y < 0) * 4 + (y > bottom) * 8

    c1, c2 = side(x1, y1), side(x2, y2)
    if c1 & c2 == 0 and c1 | c2:
        if c1 & 12:
            edge = 0 if c1 < 8 else bottom
            x1, y1 = x1 + int((edge - y1) * (x2 - x1) / (y2 - y1)), edge
            c1 = side(x1, y1) & 3
        if c2 & 12:
            edge = 0 if c2 < 8 else bottom
            x2, y2 = x2 + int((edge - y2) * (x2 - x1) / (y2 - y1)), edge
            c2 = side(x2, y2) & 3
        if c1 & c2 == 0 and c1 | c2:
            if c1:
                edge = 0 if c1 == 1 else right
                x1, y1, c1 = edge, y1 + int((edge - x1) * (y2 - y1) / (x2 - x1)), 0
            if c2:
                edge = 0 if c2 == 1 else right
                x2, y2, c2 = edge, y2 + int((edge - x2) * (y2 - y1) / (x2 - x1)), 0
    return None if c1 | c2 else ((x1, y1), (x2, y2))
