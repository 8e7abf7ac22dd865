"""Pictures and masks at the size at which a report shows them."""

import base64
import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.data.errors import SampleError
from workbench.data.masks import Rle, decode, encode
from workbench.data.pictures import read_picture

LEVELS = ((448, 84), (320, 78), (224, 70), (160, 62), (128, 50))
"""Longest side in pixels and WebP quality; the first level at which everything fits is used."""
_PROBED = 12


def shown_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height of a picture whose longest side is at most `side`; never enlarged."""
    scale = min(1.0, side / max(width, height, 1))
    return max(1, round(width * scale)), max(1, round(height * scale))


def data_uri(path: Path, side: int, quality: int) -> str:
    """The picture, upright, as a WebP data URI, or an empty string for a file that is not a readable image."""
    buffer = io.BytesIO()
    try:
        picture = read_picture(path, draft=side)
    except SampleError:
        return ""
    shown = Image.fromarray(picture.pixels).resize(shown_size(*picture.size, side), Image.Resampling.LANCZOS)
    shown.save(buffer, "WEBP", quality=quality)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def estimated_bytes(paths: Sequence[Path], level: tuple[int, int]) -> float:
    """What the pictures would take together, judged by a few spread over them."""
    probed = paths[:: max(1, len(paths) // _PROBED)]
    return len(paths) * float(np.mean([len(data_uri(path, *level)) for path in probed]))


def embed(paths: Sequence[Path], level: tuple[int, int], budget: int) -> list[str]:
    """Data URIs of `paths` in order, empty for those that cannot be read or from which on `budget` bytes are spent."""
    embedded: list[str] = []
    for path in paths:
        uri = data_uri(path, *level) if budget > 0 else ""
        budget -= len(uri)
        embedded.append(uri if budget >= 0 else "")
    return embedded


def shrink(mask: Rle, side: int) -> str:
    """Run lengths of `mask` at the size of its picture (`shown_size`); a non-empty mask never becomes empty."""
    height, width = mask["size"]
    return _shrink(mask["counts"], width, height, side) if max(width, height) > side else mask["counts"]


@lru_cache(maxsize=4096)
def _shrink(counts: str, width: int, height: int, side: int) -> str:
    full = decode({"size": [height, width], "counts": counts})
    coverage = Image.fromarray(full.astype(np.float32)).resize(shown_size(width, height, side), Image.Resampling.BOX)
    share = np.asarray(coverage)
    return encode((share > 0) & (share >= min(0.5, share.max())))["counts"]
