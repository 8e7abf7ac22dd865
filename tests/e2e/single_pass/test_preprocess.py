"""Pixels are those of the processors that transformers has for these models."""

import numpy as np
import pytest
import torch

from e2e.single_pass.preprocess import PatchSettings, patch_size, qwen_patches, sam_pixels

SIZES = [(128, 128), (100, 77), (480, 640), (50, 60), (700, 900), (30, 5), (1, 400)]


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width"), SIZES[:-1])
@pytest.mark.parametrize(("patch", "least", "most"), [(8, 1, 10**6), (16, 65536, 16777216), (16, 256, 200000)])
def test_patches_equal_the_qwen_processor(height: int, width: int, patch: int, least: int, most: int) -> None:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    half = [0.5, 0.5, 0.5]
    processor = Qwen2VLImageProcessorPil(
        patch_size=patch,
        merge_size=2,
        temporal_patch_size=2,
        size={"shortest_edge": least, "longest_edge": most},
        image_mean=half,
        image_std=half,
    )
    image = picture(height, width)
    expected = processor(images=[image], return_tensors="pt")
    patches, grid = qwen_patches(image, PatchSettings(patch, 2, 2, least, most))
    assert list(grid) == expected["image_grid_thw"][0].tolist()
    torch.testing.assert_close(patches, expected["pixel_values"], atol=1e-6, rtol=0)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_patch_grid_keeps_to_the_pixel_budget(height: int, width: int) -> None:
    settings = PatchSettings(16, 2, 2, 65536, 200000)
    rows, columns = patch_size(height, width, settings)
    assert rows % 32 == columns % 32 == 0
    assert min(rows, columns) >= 32
    assert rows * columns >= settings.min_pixels
    assert rows * columns <= settings.max_pixels


def test_sam_pixels_fill_the_square() -> None:
    image = picture(40, 70)
    pixels = sam_pixels(image, 64)
    assert pixels.shape == (3, 64, 64)
    assert -1 <= float(pixels.min()) < -0.5
    assert 0.5 < float(pixels.max()) <= 1


def test_sam_pixels_of_the_right_size_are_only_normalised() -> None:
    image = picture(64, 64)
    expected = torch.from_numpy(image).permute(2, 0, 1).float() / 127.5 - 1
    torch.testing.assert_close(sam_pixels(image, 64), expected)


def test_settings_come_from_the_checkpoint() -> None:
    from transformers import Qwen3VLConfig

    vision = Qwen3VLConfig(vision_config={"patch_size": 8}).vision_config
    record = {"size": {"shortest_edge": 4, "longest_edge": 9}, "image_mean": [0.1, 0.2, 0.3]}
    settings = PatchSettings.from_config(vision, record)
    assert (settings.patch, settings.merge, settings.min_pixels, settings.max_pixels) == (8, 2, 4, 9)
    assert settings.mean == (0.1, 0.2, 0.3)
