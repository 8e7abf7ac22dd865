"""Images are cut into patches as the stock processor cuts them."""

import numpy as np
import torch

from workbench.foundations.qwen import model as qwen_model


def test_patches_are_those_of_the_stock_processor() -> None:
    from transformers import Qwen2VLImageProcessorPil

    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    stock = Qwen2VLImageProcessorPil(
        do_resize=False, image_mean=[0.5] * 3, image_std=[0.5] * 3, patch_size=8, merge_size=2
    )(images=image, return_tensors="pt")
    torch.testing.assert_close(qwen_model.patches(image[None]), stock.pixel_values, atol=1e-5, rtol=0)
