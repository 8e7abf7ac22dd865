"""The two ways to bring masks to the size of an image."""

import pytest
import torch

from workbench.data.masks import encode_all
from workbench.foundations.sam3 import resizing
from workbench.foundations.sam3.resizing import LOGITS, PROBABILITIES, masks_at, rles_at


def test_a_confident_pixel_reaches_further_by_its_logit_than_by_its_probability() -> None:
    logits = torch.tensor([[[-1.0, 9.0]]])
    by_logits, by_probabilities = (masks_at(logits, (1, 16), how)[0, 0].sum() for how in (LOGITS, PROBABILITIES))
    assert int(by_logits) == 11 and int(by_probabilities) == 9


def test_at_their_own_size_both_give_the_pixels_above_zero() -> None:
    logits = torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(0))
    for how in (LOGITS, PROBABILITIES):
        assert torch.equal(masks_at(logits, (7, 5), how), logits > 0)
    assert masks_at(logits.bfloat16(), (9, 4), LOGITS).shape == (3, 9, 4)


def test_masks_made_a_few_at_a_time_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.randn(5, 7, 5, generator=torch.Generator().manual_seed(0))
    together = encode_all(masks_at(logits, (40, 31), PROBABILITIES).numpy())
    for pixels in (1, 2 * 40 * 31, 10**9):
        monkeypatch.setattr(resizing, "AT_ONCE", pixels)
        assert rles_at(logits, (40, 31), PROBABILITIES) == together
    assert rles_at(logits[:0], (40, 31), LOGITS) == []
