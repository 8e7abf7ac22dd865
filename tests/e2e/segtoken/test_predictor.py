"""How the answers of the [SEG] token models become instances."""

import numpy as np
import pytest
import torch

from e2e.segtoken.model import SegToken
from e2e.segtoken.predictor import Predictor, connected_parts
from tests.e2e.conftest import SIDE
from tests.e2e.segtoken.scripted import says
from workbench.data.masks import area, decode

IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def test_each_token_is_an_instance_with_its_own_probability_as_score(many: Predictor) -> None:
    says(many, ("mug", 3))
    (answer,) = many.segment_instructions([IMAGE], [["mugs"]])[0]
    assert answer.phrases == ("mug",)
    assert len(answer.instances) == 3
    assert answer.answer_tokens == len(many.processor.words("mug")) + 2 + 3 + 1
    # the script gives its token a logit of 1 and all others 0
    expected = np.e / (np.e + many.model.config.text_config.vocab_size - 1)
    assert [slot.score for slot in answer.instances] == pytest.approx([expected] * 3)


def test_a_batch_of_prompts_gives_each_its_own_answer(many: Predictor) -> None:
    says(many, ("mug", 1), ("red mug", 3), ("pear", 0))
    images = [IMAGE, IMAGE[::-1].copy()]
    (first, second), (third,) = many.segment_instructions(images, [["a", "much longer than the others"], ["c"]])
    assert [len(answer.instances) for answer in (first, second, third)] == [1, 3, 0]
    says(many, ("red mug", 3))
    alone = many.segment_instructions([IMAGE], [["much longer than the others"]])[0][0]
    for one, other in zip(alone.instances, second.instances, strict=True):
        assert (decode(one.mask) != decode(other.mask)).mean() < 0.01


def test_one_token_ends_the_answer_and_its_parts_are_the_instances(
    one: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(one, ("mug", 3))
    logits = torch.full((1, 32, 32), -5.0)
    logits[0, 2:8, 2:8], logits[0, 20:30, 20:30] = 1.0, 5.0
    monkeypatch.setattr(SegToken, "masks", lambda *_: logits)
    (answer,) = one.segment_instructions([IMAGE], [["mugs"]])[0]
    assert not answer.cut_off
    assert len(answer.instances) == 2
    upper, lower = answer.instances
    assert 0.5 < upper.score < lower.score < 1
    assert decode(upper.mask)[10, 10]
    assert decode(lower.mask)[50, 50]


def test_parts_touch_by_sides_or_corners_and_small_ones_are_left_out() -> None:
    logits = torch.full((6, 6), -9.0)
    logits[0, 0] = logits[1, 1] = 9.0
    logits[4, 4] = 9.0
    assert [area(rle) for rle, _ in connected_parts(logits, (6, 6))] == [2, 1]
    assert [area(rle) for rle, _ in connected_parts(logits, (6, 6), smallest=2)] == [2]
    assert connected_parts(torch.full((6, 6), -9.0), (6, 6)) == []
