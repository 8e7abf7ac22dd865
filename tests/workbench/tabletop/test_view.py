"""A scene as the instructions see it: its noun phrases, and those that nearly fit."""

import numpy as np
import pytest

from workbench.tabletop.scenes import Scene, make_scene
from workbench.tabletop.view import View, fits_form, length


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [make_scene(np.random.default_rng([3, number]), 96, "test") for number in range(12)]


def test_every_phrase_names_exactly_the_objects_that_it_matches(scenes: list[Scene]) -> None:
    for scene in scenes:
        for phrase, indices in View(scene).phrases.items():
            assert indices == tuple(i for i, thing in enumerate(scene.objects) if phrase.matches(thing))
            assert indices


def test_a_near_miss_names_nothing_and_is_one_word_from_a_true_phrase(scenes: list[Scene]) -> None:
    for scene in scenes:
        view = View(scene)
        missed = view.near_miss(np.random.default_rng(0), lambda phrase: True)
        assert missed is not None
        assert not any(missed.matches(thing) for thing in scene.objects)
        parts = (missed.noun, missed.colour, missed.size)
        apart = [sum(a != b for a, b in zip(parts, (p.noun, p.colour, p.size), strict=True)) for p in view.phrases]
        assert min(apart) == 1


def test_a_reference_is_a_shortest_phrase_for_one_object_alone(scenes: list[Scene]) -> None:
    named = 0
    for scene in scenes:
        view = View(scene)
        for index in range(len(scene.objects)):
            phrase = view.reference(np.random.default_rng(0), index)
            if phrase is not None:
                named += 1
                assert view.phrases[phrase] == (index,)
                alone = [p for p, indices in view.phrases.items() if indices == (index,) and p.noun == phrase.noun]
                assert length(phrase) == min(map(length, alone))
    assert named > 12


@pytest.mark.parametrize(("count", "form"), [(0, "none"), (1, "single"), (2, "multi"), (10, "multi"), (11, None)])
def test_the_number_of_targets_decides_the_form(count: int, form: str | None) -> None:
    fits = {name: fits_form(tuple(range(count)), name) for name in ("none", "single", "multi")}  # type: ignore[arg-type]
    assert fits == {name: name == form for name in fits}
