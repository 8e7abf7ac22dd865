"""The two ways to bring masks to the size of an image."""

import torch

from workbench.foundations.sam3.resizing import LOGITS, PROBABILITIES, masks_at


def test_a_confident_pixel_reaches_further_by_its_logit_than_by_its_probability() -> None:
    logits = torch.tensor([[[-1.0, 9.0]]])
    by_logits, by_probabilities = (masks_at(logits, (1, 16), how)[0, 0].sum() for how in (LOGITS, PROBABILITIES))
    assert int(by_logits) == 11 and int(by_probabilities) == 9


def test_at_their_own_size_both_give_the_pixels_above_zero() -> None:
    logits = torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(0))
    for how in (LOGITS, PROBABILITIES):
        assert torch.equal(masks_at(logits, (7, 5), how), logits > 0)
    assert masks_at(logits.bfloat16(), (9, 4), LOGITS).shape == (3, 9, 4)
