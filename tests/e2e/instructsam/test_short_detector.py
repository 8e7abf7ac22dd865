"""The detector finds, the short way, what transformers' own layers find."""

import torch

from e2e.instructsam.model import pad_phrases, words_of
from e2e.instructsam.predictor import Predictor

CLOSE = {"atol": 2e-4, "rtol": 1e-4}


def test_phrases_of_several_images_are_found_the_same(predictor: Predictor) -> None:
    torch.manual_seed(0)
    model = predictor.model
    pixels = torch.randn(2, 3, 64, 64)
    phrases, owners = [[3, 4, 5], [6, 7], [3, 4, 5]], torch.tensor([0, 1, 1])
    states = torch.randn(3, model.slots, 48)
    stock = model.detect(model.detector.encode(pixels), owners, *pad_phrases(phrases), states)
    with torch.no_grad():
        short = model.detect(model.detector.encode(pixels), owners, *words_of(phrases), states)
    torch.testing.assert_close(short.mask_logits, stock.mask_logits, **CLOSE)
    torch.testing.assert_close(short.logits, stock.logits, **CLOSE)
    torch.testing.assert_close(short.boxes, stock.boxes, **CLOSE)


def test_words_are_padded_to_the_longest_phrase_and_masked_where_some_are_shorter() -> None:
    ids, mask = words_of([[1, 2, 3], [4]])
    assert ids.tolist() == [[1, 2, 3], [4, 0, 0]]
    assert mask is not None and mask.tolist() == [[True] * 3, [True, False, False]]
    assert words_of([[1, 2], [3, 4]])[1] is None
    assert words_of([list(range(40))])[0].shape == (1, 32)
