"""Both encoders of images give, the short way, the features that transformers' own layers give."""

import copy

import pytest
import torch

from e2e.instructsam.detector import SlotDetector
from e2e.instructsam.model import resize_detector
from e2e.instructsam.predictor import Predictor
from e2e.single_pass.layers import adopt
from e2e.single_pass.text_model import TextModel
from e2e.single_pass.vision import VisionEncoder, see


@pytest.mark.parametrize("side", [64, 80], ids=["whole windows", "padded windows"])
def test_the_pyramid_is_that_of_sam3(predictor: Predictor, side: int) -> None:
    config = copy.deepcopy(predictor.model.config)
    resize_detector(config, side)
    encoder = SlotDetector(config.sam3_config).eval().vision_encoder
    pixels = torch.randn(2, 3, side, side)
    stock = see(encoder, pixels)
    with torch.no_grad():
        short = see(encoder, pixels)
    assert len(short.features) == len(stock.features) == 3
    for one, other in zip(short.features, stock.features, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-5)
    assert torch.equal(short.positions, stock.positions)


def test_images_of_several_sizes_are_seen_as_qwen_sees_them(predictor: Predictor) -> None:
    grids = torch.tensor([[1, 8, 8], [1, 4, 6], [2, 6, 4]])
    patches = torch.randn(int(grids.prod(1).sum()), 3 * 2 * 8 * 8)
    stock = predictor.model.encode_images(patches, grids)
    with torch.no_grad():
        short = predictor.model.encode_images(patches, grids)
        alone = predictor.model.encode_images(patches[:64], grids[:1])
    for one, other in zip(short.embeddings, stock.embeddings, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-5)
    for one, other in zip(short.deepstack[0], stock.deepstack[0], strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(alone.embeddings[0], short.embeddings[0], atol=2e-5, rtol=1e-5)


def test_a_module_takes_no_forward_of_another_kind(predictor: Predictor) -> None:
    assert isinstance(predictor.model.detector.vision_encoder, VisionEncoder)
    with pytest.raises(TypeError, match="expected a subclass of VisionEncoder, got TextModel"):
        adopt(predictor.model.detector.vision_encoder, TextModel)
