"""Instructions with their answers, from scenes and from pictures of any source."""

import numpy as np
import pytest

from agents.training.told import AgentScenes, of_question, of_scene, shorter
from workbench.foundations.training.data.options import SourceOptions
from workbench.foundations.training.data.questions import Picture, Question
from workbench.foundations.training.data.sources import Ask
from workbench.tabletop.grammar import instructions
from workbench.tabletop.scenes import make_scene


@pytest.mark.parametrize(
    ("phrase", "forms"),
    [
        ("the small cup on the left", ["the small cup on the left", "small cup", "cup"]),
        ("man in red", ["man in red", "man"]),
        ("traffic light", ["traffic light", "light"]),
        ("dog", ["dog"]),
    ],
)
def test_a_phrase_is_shortened_to_its_noun(phrase: str, forms: list[str]) -> None:
    assert shorter(phrase) == forms


def test_a_question_about_a_drawn_scene_is_told_as_the_scene_is() -> None:
    rng = np.random.default_rng(3)
    scene = make_scene(rng)
    source = SourceOptions("tabletop", name="drawn")
    for asked in instructions(scene, rng, 4):
        told = of_scene(scene, asked)
        masks = np.stack([thing.mask for thing in scene.objects])[list(asked.targets)]
        picture = Picture(scene.image, [Question(asked.text, asked.phrase, masks)], scene=scene)
        again = of_question(picture, picture.questions[0])
        assert (again.text, again.targets, again.phrases) == (told.text, told.targets, told.phrases)
    drawn = AgentScenes(0, 64, 3, source)
    one, other = (drawn.picture(5, np.random.default_rng(0), Ask()) for _ in range(2))
    assert np.array_equal(one.image, other.image) and one.scene is not None
    assert [q.text for q in one.questions] == [q.text for q in other.questions]
    assert not np.array_equal(one.image, drawn.picture(6, np.random.default_rng(0), Ask()).image)
