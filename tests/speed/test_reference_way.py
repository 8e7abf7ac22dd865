"""The reference's way gives our answers, with transformers' own layers."""

from dataclasses import replace

import pytest
import torch

from e2e.instructsam.predictor import Predictor
from speed.instructsam import scenes
from speed.reference_way import ReferenceWay, phrases_of, stock_layers
from speed.scripted import script
from workbench.data.masks import decode


@pytest.mark.parametrize("guess", [True, False], ids=["guessed", "not guessed"])
@pytest.mark.parametrize("phrases", [1, 2])
def test_it_answers_as_ours_does(predictor: Predictor, phrases: int, guess: bool) -> None:
    predictor = replace(script(predictor, phrases), guess=guess)
    (image, texts), *_ = scenes(64, 1)
    ours = predictor.segment_instructions([image], [texts[:1]])[0][0]
    written, slots = ReferenceWay(predictor).answer(image, texts[0])
    assert len(written) == ours.answer_tokens
    assert [predictor.processor.text(phrase) for phrase in phrases_of(written, predictor.model.config)] == list(
        ours.phrases
    )
    found = sorted((*ours.instances, *ours.below), key=lambda slot: (slot.phrase, -slot.score))
    theirs = [
        slot
        for first in range(0, len(slots), predictor.model.slots)
        for slot in sorted(slots[first : first + predictor.model.slots], key=lambda one: -one[1])
    ]
    assert [slot.score for slot in found] == pytest.approx([score for _, score in theirs], abs=1e-5)
    for slot, (mask, _) in zip(found, theirs, strict=True):
        assert (decode(slot.mask) != decode(mask)).mean() < 1e-3


def test_an_answer_without_a_phrase_has_no_slots(predictor: Predictor) -> None:
    (image, texts), *_ = scenes(64, 1)
    predictor = script(predictor, 0)
    assert ReferenceWay(predictor).answer(image, texts[0])[1] == []


def test_it_runs_the_layers_of_transformers_and_keeps_no_gradients(predictor: Predictor) -> None:
    patches, grids = predictor.processor.qwen_images([scenes(64, 1)[0][0]])
    with torch.no_grad():
        short = predictor.model.encode_images(patches, grids)
    with stock_layers(predictor.model):
        stock = predictor.model.encode_images(patches, grids)
    assert not stock.embeddings[0].requires_grad
    torch.testing.assert_close(short.embeddings[0], stock.embeddings[0], atol=1e-5, rtol=1e-5)
