"""Segmenters that know the truth: what a phrase names, and how often they err."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from agents.training.noisy import NoisyQuestions, NoisyTruth
from workbench.data.masks import Rle, encode
from workbench.foundations.training.data.questions import Picture, Question
from workbench.tabletop.scenes import make_scene


def test_the_true_segmenter_gives_exactly_the_objects_of_a_phrase() -> None:
    scene = make_scene(np.random.default_rng(1))
    truth = NoisyTruth(scene, np.random.default_rng(0), noise=0)
    colour = scene.objects[0].colour
    (answer,) = truth.segment(None, [f"{colour} object"])
    expected = [json.dumps(encode(o.mask)) for o in scene.objects if o.colour == colour]
    assert sorted(json.dumps(mask) for mask in answer.masks) == sorted(expected)
    assert answer.scores == sorted(answer.scores, reverse=True)
    assert truth.segment(None, ["the winged horse"])[0].masks == []


@pytest.mark.parametrize("noise", [0.1, 0.5])
def test_a_noisy_segmenter_errs_at_the_rate_it_was_given(noise: float) -> None:
    rng = np.random.default_rng(0)
    named = missed = 0
    for _ in range(60):
        scene = make_scene(rng)
        masks = NoisyTruth(scene, rng, noise=noise).segment(None, ["object"])[0].masks
        named += len(scene.objects)
        missed += len(scene.objects) - len(masks)
    assert abs(missed / named - noise) < 0.1


def squares(*places: int) -> "np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]":
    masks = np.zeros((len(places), 8, 32), dtype=bool)
    for mask, place in zip(masks, places, strict=True):
        mask[2:6, 4 * place : 4 * place + 3] = True
    return masks


def test_a_segmenter_that_knows_the_questions_gives_the_targets_of_a_phrase() -> None:
    picture = Picture(
        np.zeros((8, 32, 3), dtype=np.uint8),
        [
            Question("the left cup", "cup on the left", squares(0)),
            Question("the right cup", "cup on the right", squares(2)),
            Question("the dog", "dog", squares(4)),
            Question("the cat", "cat", squares()),
        ],
    )
    truth = NoisyQuestions(picture, np.random.default_rng(0), noise=0)

    def found(phrase: str) -> Sequence[Rle]:
        return truth.segment(None, [phrase])[0].masks

    assert found("cup on the left") == [encode(squares(0)[0])]
    assert sorted(map(str, found("Cup"))) == sorted(map(str, [encode(mask) for mask in squares(0, 2)]))
    assert found("dog") == [encode(squares(4)[0])]
    assert found("cat") == found("horse") == []
