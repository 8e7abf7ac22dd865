"""Masks as COCO run-length encodings: encode, decode, measure. pycocotools is the codec."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from workbench.data.errors import SampleError, short

MAX_OUTLINE = 2**21
"""Pixels around the polygons of one mask: pycocotools takes time and memory for each, and falls over where it gets
none. No outline of a real object comes near."""
MAX_PAIRS = 2**26
"""Pairs of masks of one sample whose overlaps are computed; a matrix of them takes half a gigabyte."""
_AT_ONCE = 255
"""Masks that pycocotools' `area` takes in one call: with numpy 2 it cannot count more."""


class Rle(TypedDict):
    """A compressed COCO run-length encoding; `size` is `[height, width]` in pixels, `counts` is ASCII text."""

    size: list[int]
    counts: str


def encode(mask: NDArray[np.bool_]) -> Rle:
    """Encode one mask `[H, W] bool`."""
    return encode_all(mask[None])[0]


def encode_all(masks: NDArray[np.bool_]) -> list[Rle]:
    """Encode masks `[N, H, W] bool`, in order."""
    if masks.ndim != 3:
        raise ValueError(f"expected masks of shape [N, H, W], got {list(masks.shape)}")
    if len(masks) == 0:
        return []
    columns = np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8))
    return [{"size": [int(n) for n in r["size"]], "counts": r["counts"].decode("ascii")} for r in coco.encode(columns)]


def decode(rle: Rle) -> NDArray[np.bool_]:
    """Decode to `[H, W] bool`."""
    return np.asarray(coco.decode(rle), dtype=bool)


def area(rle: Rle) -> int:
    """Number of foreground pixels."""
    return int(coco.area(rle))


def areas(rles: Sequence[Rle]) -> list[int]:
    """Number of foreground pixels of each mask."""
    listed = list(rles)
    return [int(n) for start in range(0, len(listed), _AT_ONCE) for n in coco.area(listed[start : start + _AT_ONCE])]


def bounding_box(rle: Rle) -> tuple[float, float, float, float]:
    """Box `x, y, width, height` in pixels; all zero for an empty mask."""
    x, y, w, h = (float(v) for v in coco.toBbox(rle))
    return x, y, w, h


def iou_matrix(predictions: Sequence[Rle], targets: Sequence[Rle], crowd: bool = False) -> NDArray[np.float64]:
    """Pairwise intersection over union, `[len(predictions), len(targets)]`; two empty masks give 0.

    `crowd`: intersection over the area of the prediction instead. Raises `SampleError` for more than `MAX_PAIRS`.
    """
    if not predictions or not targets:
        return _no_pairs(len(predictions), len(targets))
    check_pairs(len(predictions), len(targets))
    ious = np.array(coco.iou(list(predictions), list(targets), [int(crowd)] * len(targets)), dtype=np.float64)
    # pycocotools divides 0 by 0 for two empty masks and returns nan there
    return np.nan_to_num(ious, copy=False)


@lru_cache(maxsize=1000)
def _no_pairs(predictions: int, targets: int) -> NDArray[np.float64]:
    """A matrix without a cell, which 100,000 samples may share."""
    return np.zeros((predictions, targets))


def check_pairs(predictions: int, targets: int) -> None:
    """Raise `SampleError` where there are too many pairs of masks to compute their overlaps."""
    if predictions * targets > MAX_PAIRS:
        raise SampleError(
            f"{predictions} predicted masks and {targets} annotated ones make more than {MAX_PAIRS} pairs, "
            "which is too many to compare"
        )


def union(rles: Sequence[Rle]) -> Rle:
    """The union of one or more masks of one size."""
    return _merged(rles, intersect=False)


def intersection(rles: Sequence[Rle]) -> Rle:
    """The intersection of one or more masks of one size."""
    return _merged(rles, intersect=True)


def _merged(rles: Sequence[Rle], intersect: bool) -> Rle:
    """Merge the masks in groups, and then the groups: merging one after the other would take quadratic time."""
    parts = list(rles)
    while True:
        groups = [coco.merge(parts[start : start + 64], intersect=intersect) for start in range(0, len(parts), 64)]
        if len(groups) <= 1:
            break
        parts = groups
    merged = groups[0] if groups else coco.merge([], intersect=intersect)
    return {"size": [int(n) for n in merged["size"]], "counts": _text(merged["counts"])}


def from_annotation(value: object, height: int, width: int, where: str = "mask") -> Rle:
    """Read one mask from an annotation file: compressed or uncompressed RLE, one polygon or a list of polygons.

    `where` names the place in the file for error messages. Raises `SampleError` for anything that is not a mask of
    exactly `height` x `width` pixels.
    """
    if isinstance(value, dict):
        return _from_rle(value, height, width, where)
    if isinstance(value, list) and value:
        polygons = value if isinstance(value[0], list) else [value]
        if all(_is_polygon(p) for p in polygons):
            _check_near(polygons, height, width, where)
            return union(
                [{"size": r["size"], "counts": _text(r["counts"])} for r in coco.frPyObjects(polygons, height, width)]
            )
    raise SampleError(f"{where}: expected a COCO RLE or polygons of at least 3 points, got {short(value)}")


def check(value: object, height: int, width: int) -> None:
    """Raise `SampleError` where this is not a compressed RLE, as `encode` makes it, of `height` x `width` pixels.

    Nothing is decoded: pycocotools reads past its buffer on a broken string, and can loop without end.
    """
    if not isinstance(value, dict):
        raise SampleError(f"expected a mask RLE, got {short(value)}")
    size, counts = value.get("size"), value.get("counts")
    if size != [height, width]:
        raise SampleError(f"expected a mask of size [{height}, {width}] (height, width), got {short(size)}")
    if not isinstance(counts, str) or not _is_whole(counts, height * width):
        raise SampleError(f"the RLE counts of a mask do not describe its {height * width} pixels: {short(counts)}")


def check_all(values: Sequence[object], height: int, width: int) -> None:
    """`check` of each of these, of which usually none fails: at once, in a fifth of the time."""
    counts = [v["counts"] for v in values if isinstance(v, dict) and isinstance(v.get("counts"), str)]
    sized = all(isinstance(v, dict) and v.get("size") == [height, width] for v in values)
    if not (sized and len(counts) == len(values) and _are_whole(counts, height * width)):
        for value in values:
            check(value, height, width)


def _are_whole(counts: Sequence[str], pixels: int) -> bool:
    """Whether all of these are surely whole; see `_is_whole`."""
    if not all(counts):
        return False
    text = "".join(counts)
    if not text.isascii():
        return False
    characters = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64) - 48
    last = np.cumsum([len(one) for one in counts]) - 1
    goes_on = (characters & 0x20) != 0
    if not len(characters) or characters.min() < 0 or characters.max() > 63 or goes_on[last].any():
        return False
    ends = np.flatnonzero(~goes_on)
    starts = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - starts + 1
    if sizes.max() > 7:
        return False
    place = 5 * (np.arange(len(characters)) - np.repeat(starts, sizes))
    runs = np.add.reduceat((characters & 0x1F) << place, starts)
    runs -= np.where(characters[ends] & 0x10, 1 << (5 * sizes), 0)
    upto = np.searchsorted(ends, last) + 1  # runs of this mask and those before it
    first = upto - np.diff(upto, prepend=0)
    number = np.arange(len(runs)) - np.repeat(first, upto - first)
    # from the fourth run on, a run is the difference to the one two before: each chain is summed from its own start
    for chain in (np.flatnonzero(number % 2 == 1), np.flatnonzero((number % 2 == 0) & (number > 0))):
        if len(chain):
            totals = np.cumsum(runs[chain])
            begins = np.flatnonzero(number[chain] <= 2)
            before = np.where(begins > 0, totals[begins - 1], 0)
            runs[chain] = totals - np.repeat(before, np.diff(np.append(begins, len(chain))))
    whole = np.add.reduceat(runs, first) == pixels
    return bool(whole.all() and (runs >= (number > 0)).all())


LONG = 400
"""Characters from which numpy checks counts faster than a loop does (27,000 take it 2 ms, 80 take the loop 40 us)."""


def _is_whole(counts: str, pixels: int) -> bool:
    """Whether the run lengths are canonical (all above 0, except the first) and add up to the number of pixels."""
    if len(counts) > LONG:
        lengths = _runs(counts)
        return lengths is not None and bool((lengths[1:] > 0).all()) and int(lengths.sum()) == pixels
    runs: list[int] = []
    value = bits = 0
    for character in counts:
        code = ord(character) - 48
        if not 0 <= code < 64 or bits > 30:
            return False
        value |= (code & 0x1F) << bits
        bits += 5
        if code & 0x20:
            continue
        value -= (code & 0x10) << (bits - 4)
        if len(runs) > 2:
            value += runs[-2]
        if value < bool(runs):
            return False
        runs.append(value)
        value = bits = 0
    return not bits and sum(runs) == pixels


def _is_polygon(value: object) -> bool:
    """Whether this is `[x, y, x, y, ...]` of at least 3 points."""
    if not isinstance(value, list) or len(value) < 6 or len(value) % 2 or not set(map(type, value)) <= {int, float}:
        return False
    try:
        return all(map(math.isfinite, value))
    except OverflowError:  # a whole number beyond all floats
        return False


def _check_near(polygons: list[list[float]], height: int, width: int, where: str) -> None:
    """Refuse points further outside than one image size, and outlines of more than `MAX_OUTLINE` pixels: pycocotools
    allocates memory for every pixel of an outline.
    """
    length = 0.0
    for polygon in polygons:
        for side, numbers in ((width, polygon[::2]), (height, polygon[1::2])):
            if min(numbers) < -side or max(numbers) > 2 * side:
                raise SampleError(
                    f"{where}: a polygon lies far outside the image of {width}x{height}: {short(polygon)}"
                )
        points = np.array(polygon, dtype=np.float64).reshape(-1, 2)
        length += outline(points)
    if length > MAX_OUTLINE:
        raise SampleError(
            f"{where}: the outline is {length:.0f} pixels long, more than the {MAX_OUTLINE} that are drawn; "
            "give the mask as an RLE"
        )


def outline(points: NDArray[np.float64]) -> float:
    """Pixels along a closed line through points `[N, 2]`, as a line is drawn: the longer side of each edge."""
    return float(np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum()) if len(points) else 0.0


def _from_rle(value: dict[str, object], height: int, width: int, where: str) -> Rle:
    size, counts = value.get("size"), value.get("counts")
    if not (isinstance(size, list) and len(size) == 2 and all(type(n) is int and n > 0 for n in size)):
        raise SampleError(f"{where}: expected mask `size` [height, width], got {short(size)}")
    if size != [height, width]:
        raise SampleError(
            f"{where}: mask RLE is {size[1]}x{size[0]} but the image is {width}x{height} (width x height)"
        )
    if isinstance(counts, list):
        if not all(type(n) is int and n >= 0 for n in counts) or sum(counts) != height * width:
            raise SampleError(f"{where}: uncompressed RLE counts must be non-negative and sum to {height * width}")
        packed = coco.frPyObjects({"size": size, "counts": counts}, height, width)
        return _canonical({"size": size, "counts": _text(packed["counts"])}, np.array(counts, dtype=np.int64))
    if isinstance(counts, str):
        runs = _runs(counts)
        if runs is not None and runs.sum() == height * width:
            return _canonical({"size": size, "counts": counts}, runs)
    raise SampleError(f"{where}: mask RLE counts do not describe {height * width} pixels: {short(counts)}")


def _canonical(rle: Rle, runs: NDArray[np.int64]) -> Rle:
    """The same mask without empty runs, except the first: pycocotools miscounts where two masks have an empty run."""
    if (runs[1:] > 0).all():
        return rle
    # runs of the same colour around empty ones are one run; background comes first even where it is empty
    colours = np.arange(len(runs)) % 2
    kept = np.flatnonzero(runs > 0)
    starts = kept[np.flatnonzero(np.diff(colours[kept], prepend=-1))]
    lengths = np.add.reduceat(runs, starts) if len(starts) else np.zeros(0, dtype=np.int64)
    if len(starts) and colours[starts[0]]:
        lengths = np.concatenate([[0], lengths])
    packed = coco.frPyObjects({"size": rle["size"], "counts": lengths.tolist()}, *rle["size"])
    return {"size": rle["size"], "counts": _text(packed["counts"])}


def _runs(counts: str) -> NDArray[np.int64] | None:
    """Run lengths in a compressed counts string, background first, or None where it is not one.

    pycocotools reads past its buffer on a broken string, so the string is checked first (format: pycocotools
    `rleFrString`: 5 bits a character from `0`, bit 6 continues, runs from the fourth on are differences to the run two
    before).
    """
    if not counts or not counts.isascii():
        return None
    characters = np.frombuffer(counts.encode("ascii"), dtype=np.uint8).astype(np.int64) - 48
    if characters.min() < 0 or characters.max() > 63 or characters[-1] & 0x20:
        return None
    ends = np.flatnonzero((characters & 0x20) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (ends - starts).max() > 6:  # 35 bits, more than an image has pixels
        return None
    place = 5 * (np.arange(len(characters)) - np.repeat(starts, ends - starts + 1))
    runs = np.add.reduceat((characters & 0x1F) << place, starts)
    runs -= np.where(characters[ends] & 0x10, 1 << (5 * (ends - starts + 1)), 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs if runs.min() >= 0 else None


def _text(counts: bytes | str) -> str:
    return counts.decode("ascii") if isinstance(counts, bytes) else counts
