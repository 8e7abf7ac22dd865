"""What slots attend to: the weights are those of the run, in their place, and looking changes nothing."""

import pytest
import torch

from e2e.instructsam.inspection import inspect
from e2e.instructsam.predictor import Predictor
from tests.e2e.conftest import SLOTS
from tests.e2e.instructsam.test_predictor import Write
from tests.e2e.seen import assert_same, picture
from workbench.data.errors import ConfigurationError

ASKED = "the small mug, please"


def test_the_answer_is_the_one_without_looking(predictor: Predictor, write: Write) -> None:
    write("<mug> and <pear>")
    expected = predictor.segment_instructions([picture(0)], [[ASKED]])[0][0]
    write("<mug> and <pear>")
    answer, phrases = inspect(predictor, picture(0), ASKED)
    assert_same(answer, expected)
    assert [found.phrase for found in phrases] == ["mug", "pear"]
    assert [len(found.slots) for found in phrases] == [SLOTS, SLOTS]
    assert predictor.model.model.language_model.config._attn_implementation == "sdpa"
    assert not any(layer.self_attn._forward_hooks for layer in predictor.model.model.language_model.layers)


def test_weights_lie_on_image_words_and_slots(predictor: Predictor, write: Write) -> None:
    write("<mug>")
    _, (found,) = inspect(predictor, picture(0, 48, 80), ASKED)
    layers = len(predictor.model.model.language_model.layers)
    _, grids = predictor.processor.qwen_images([picture(0, 48, 80)])
    rows, columns = (grids[0, 1:] // predictor.processor.patches.merge).tolist()
    assert found.words == tuple(ASKED.split())
    assert found.to_image.shape == (layers, SLOTS, rows, columns)
    assert found.to_words.shape == (layers, SLOTS, len(found.words))
    total = found.to_image.sum((2, 3)) + found.to_words.sum(2) + found.to_slots.sum(2)
    assert bool((total > 0.3).all() and (total < 1).all())


@pytest.mark.parametrize("causal", [False, True])
def test_slots_see_each_other_unless_they_are_causal(predictor: Predictor, write: Write, causal: bool) -> None:
    predictor.model.config.slots_causal = causal
    write("<mug>")
    _, (found,) = inspect(predictor, picture(0), ASKED)
    later = torch.ones(SLOTS, SLOTS).triu(1).bool()
    assert bool((found.to_slots[:, later] == 0).all()) is causal
    assert bool((found.to_slots[:, ~later] > 0).all())


def test_a_model_without_slots_has_none_to_look_at(without_slots: Predictor) -> None:
    with pytest.raises(ConfigurationError, match="query_bank is false"):
        inspect(without_slots, picture(0), ASKED)


def test_without_a_phrase_there_is_nothing_to_see(predictor: Predictor, write: Write) -> None:
    write("no")
    answer, phrases = inspect(predictor, picture(0), ASKED)
    assert (answer.phrases, phrases) == ((), [])
