"""Pixels for the two vision encoders, without torchvision: patches for Qwen3-VL's tower, a square for SAM3's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image as Pillow
from torch import Tensor

if TYPE_CHECKING:
    from workbench.plugins.interfaces import Image


@dataclass(frozen=True)
class PatchSettings:
    """How Qwen's tower wants its images: patch side, merge, frames (pixels, tokens, frames), and the pixel budget."""

    patch: int = 16
    merge: int = 2
    frames: int = 2
    min_pixels: int = 65536
    max_pixels: int = 16777216
    mean: Sequence[float] = (0.5, 0.5, 0.5)
    std: Sequence[float] = (0.5, 0.5, 0.5)

    @classmethod
    def from_config(cls, vision: Any, record: dict[str, Any]) -> "PatchSettings":
        """From a vision configuration and the record of a `preprocessor_config.json`."""
        size = record.get("size") or {}
        return cls(
            patch=vision.patch_size,
            merge=vision.spatial_merge_size,
            frames=vision.temporal_patch_size,
            min_pixels=int(record.get("min_pixels") or size.get("shortest_edge", cls.min_pixels)),
            max_pixels=int(record.get("max_pixels") or size.get("longest_edge", cls.max_pixels)),
            mean=tuple(record.get("image_mean", cls.mean)),
            std=tuple(record.get("image_std", cls.std)),
        )


def patch_size(height: int, width: int, settings: PatchSettings) -> tuple[int, int]:
    """Height and width in pixels at which the tower sees an image: multiples of patch * merge within the pixel budget,
    with the aspect ratio kept as well as that allows."""
    factor = settings.patch * settings.merge
    rows, columns = round(height / factor) * factor, round(width / factor) * factor
    if rows * columns > settings.max_pixels:
        shrink = math.sqrt(height * width / settings.max_pixels)
        rows, columns = (math.floor(n / shrink / factor) * factor for n in (height, width))
    elif rows * columns < settings.min_pixels:
        grow = math.sqrt(settings.min_pixels / (height * width))
        rows, columns = (math.ceil(n * grow / factor) * factor for n in (height, width))
    return max(factor, rows), max(factor, columns)


def qwen_patches(image: "Image", settings: PatchSettings) -> tuple[Tensor, tuple[int, int, int]]:
    """Patches `[rows * columns, 3 * frames * patch * patch]` of an image and their grid (1, rows, columns).

    Patches that merge into one token are neighbours in the list; a still image is repeated as `frames` frames.
    """
    height, width = patch_size(image.shape[0], image.shape[1], settings)
    if (height, width) != image.shape[:2]:
        resized = Pillow.fromarray(image).resize((width, height), Pillow.Resampling.BICUBIC)
        image = np.asarray(resized)
    mean, std = (np.asarray(x, dtype=np.float32) for x in (settings.mean, settings.std))
    pixels: NDArray[np.float32] = (image.astype(np.float32) / np.float32(255) - mean) / std
    patch, merge = settings.patch, settings.merge
    rows, columns = height // patch, width // patch
    split = pixels.reshape(rows // merge, merge, patch, columns // merge, merge, patch, 3)
    still = split.transpose(0, 3, 1, 4, 6, 2, 5).reshape(rows * columns, 3, 1, patch * patch)
    patches = np.repeat(still, settings.frames, axis=2).reshape(rows * columns, -1)
    return torch.from_numpy(patches), (1, rows, columns)


def sam_pixels(image: "Image", size: int) -> Tensor:
    """`[3, size, size]` in [-1, 1]: resized to the square (bilinear, antialiased), mean and standard deviation 0.5."""
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()
    if pixels.shape[-2:] != (size, size):
        pixels = F.interpolate(pixels, (size, size), mode="bilinear", antialias=True).round().clamp(0, 255)
    return (pixels / 127.5 - 1)[0]
