"""Colours of objects from their pixels, with three answers: yes, no, and not clear (None).

A pixel is surely of a colour where every person would say so, and possibly of it where some would. An object has a
colour where most of its pixels surely have it, and has it not where hardly any possibly has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

MOST, HARDLY = 0.6, 0.12
MIN_PIXELS = 100
"""Fewer say nothing about a colour."""
_READ = 20_000
"""Pixels of an object that are looked at; of a larger one, every n-th."""


@dataclass(frozen=True)
class _Range:
    """Bounds of hue in degrees (from the first to the second, over 0 where the first is larger), saturation and value
    from 0 to 1."""

    hue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]

    def holds(self, hsv: NDArray[np.float64]) -> NDArray[np.bool_]:
        hue, saturation, value = hsv
        low, high = self.hue
        inside = (hue >= low) & (hue <= high) if low <= high else (hue >= low) | (hue <= high)
        within = (saturation >= self.saturation[0]) & (saturation <= self.saturation[1])
        return np.asarray(inside & within & (value >= self.value[0]) & (value <= self.value[1]))


_ALL = (0.0, 360.0)
_SURELY: Mapping[str, tuple[_Range, ...]] = {
    "red": (_Range((345, 10), (0.55, 1), (0.35, 1)),),
    "orange": (_Range((18, 36), (0.65, 1), (0.65, 1)),),
    "yellow": (_Range((44, 64), (0.45, 1), (0.55, 1)),),
    "green": (_Range((85, 165), (0.3, 1), (0.25, 1)),),
    "blue": (_Range((195, 250), (0.4, 1), (0.3, 1)),),
    "purple": (_Range((262, 300), (0.3, 1), (0.25, 1)),),
    "pink": (_Range((310, 346), (0.25, 0.75), (0.6, 1)),),
    "black": (_Range(_ALL, (0, 0.45), (0, 0.24)), _Range(_ALL, (0, 1), (0, 0.14))),
    "white": (_Range(_ALL, (0, 0.1), (0.82, 1)),),
}
_POSSIBLY: Mapping[str, _Range] = {
    "red": _Range((335, 16), (0.35, 1), (0.15, 1)),
    "orange": _Range((10, 44), (0.3, 1), (0.35, 1)),
    "yellow": _Range((38, 75), (0.1, 1), (0.4, 1)),
    "green": _Range((65, 180), (0.12, 1), (0.12, 1)),
    "blue": _Range((175, 265), (0.15, 1), (0.15, 1)),
    "purple": _Range((245, 320), (0.12, 1), (0.12, 1)),
    "pink": _Range((295, 12), (0.12, 1), (0.4, 1)),
    "black": _Range(_ALL, (0, 1), (0, 0.38)),
    "white": _Range(_ALL, (0, 0.25), (0.6, 1)),
}
NAMES = tuple(_SURELY)


def colours_of(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> dict[str, bool | None]:
    """Whether the object of a mask `[H, W]` in a picture `[H, W, 3] uint8` has each colour; its border is left out."""
    inner = np.asarray(binary_erosion(mask, iterations=max(1, round(max(mask.shape) / 300))))
    inside = pixels[inner if inner.sum() >= MIN_PIXELS else mask]
    if len(inside) < MIN_PIXELS:
        return dict.fromkeys(NAMES)
    hsv = _hsv(inside[:: max(1, len(inside) // _READ)])
    return {name: _verdict(hsv, name) for name in NAMES}


def _verdict(hsv: NDArray[np.float64], name: str) -> bool | None:
    surely = np.any([one.holds(hsv) for one in _SURELY[name]], axis=0).mean()
    if surely >= MOST:
        return True
    return False if _POSSIBLY[name].holds(hsv).mean() <= HARDLY else None


def _hsv(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Hue in degrees, saturation and value, `[3, N]`, of colours `[N, 3]`."""
    scaled = pixels.astype(np.float64) / 255
    value, low = scaled.max(axis=1), scaled.min(axis=1)
    spread = value - low
    safe = np.where(spread == 0, 1, spread)
    r, g, b = scaled.T
    hue = np.select([value == r, value == g], [(g - b) / safe % 6, (b - r) / safe + 2], (r - g) / safe + 4) * 60
    return np.stack([np.where(spread == 0, 0, hue), spread / np.where(value == 0, 1, value), value])
