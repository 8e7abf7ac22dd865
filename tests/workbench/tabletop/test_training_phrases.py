"""Phrases that training asks for."""

import numpy as np

from workbench.tabletop.phrases import parse
from workbench.tabletop.training_phrases import any_phrase, held_out
from workbench.tabletop.training_scenes import draw
from workbench.tabletop.vocabulary import CATEGORIES


def test_training_asks_for_every_form_of_phrase_absent_too_and_for_no_held_out_combination() -> None:
    rng = np.random.default_rng(0)
    asked: dict[tuple[bool, bool, bool], list[bool]] = {}
    for number in range(400):
        objects = draw(0, number % 40, size=64).objects
        phrase = any_phrase(objects, rng)
        assert not held_out(phrase)
        form = (phrase.noun in CATEGORIES, phrase.colour is not None, phrase.size is not None)
        asked.setdefault(form, []).append(any(map(phrase.matches, objects)))
    assert len(asked) == 8
    assert all(any(present) and not all(present) for present in asked.values())
    for number in range(60):
        scene = draw(0, number, size=64, asked=4)
        assert not any(held_out(parse(instruction.phrase)) for instruction in scene.instructions)
