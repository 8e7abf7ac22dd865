"""Conversations about tabletop scenes, and how answers are counted."""

from collections.abc import Callable

import numpy as np

from e2e.instructsam.predictor import Predictor
from e2e.single_pass.feed import conversations
from e2e.single_pass.tabletop_task import TabletopScenes, Task, draw, evaluate, picture_of
from tests.e2e.conftest import SIDE
from workbench.foundations.training.data.options import SourceOptions
from workbench.foundations.training.data.sources import Ask

TASK = Task(SIDE, count=3, phrase_share=0.5)


def test_scenes_depend_on_seed_and_number_alone() -> None:
    (one, asked), (same, again) = draw(0, 5, TASK), draw(0, 5, TASK)
    assert np.array_equal(one.image, same.image)
    assert asked == again
    assert not np.array_equal(one.image, draw(0, 6, TASK)[0].image)
    assert not np.array_equal(one.image, draw(1, 5, TASK)[0].image)


def test_conversations_carry_the_masks_of_their_targets() -> None:
    drawn = [draw(0, number, TASK) for number in range(20)]
    images, examples = conversations([picture_of(*one) for one in drawn], most=2)
    assert len(images) == 20
    asked = [(i, question) for i, (_, questions) in enumerate(drawn) for question in questions]
    kept = [(i, question) for i, question in asked if len(question.targets) <= 2]
    assert 0 < len(kept) < len(asked)
    assert [example.image for example in examples] == [i for i, _ in kept]
    for example, (i, question) in zip(examples, kept, strict=True):
        ((phrase, masks),) = example.answer
        assert phrase == question.phrase
        if question.targets:
            expected = np.stack([drawn[i][0].objects[k].mask for k in question.targets])
            assert np.array_equal(masks.numpy().astype(bool), expected)
        else:
            assert masks.shape == (1, SIDE, SIDE)
            assert not masks.any()


def test_scenes_as_a_source_have_the_words_of_its_templates() -> None:
    options = SourceOptions("tabletop", templates={"phrase": ["find {instruction}"]}, name="drawn")
    picture = TabletopScenes(TASK, 0, options).picture(4, np.random.default_rng(0), Ask())
    scene, asked = draw(0, 4, TASK)
    assert np.array_equal(picture.image, scene.image) and picture.source == "drawn"
    said = [f"find {one.text}" if one.text == one.phrase else one.text for one in asked]
    assert [question.text for question in picture.questions] == said
    assert any(text.startswith("find ") for text in said) and not all(text.startswith("find ") for text in said)


def test_evaluation_counts_right_phrases(predictor: Predictor, write: Callable[..., None]) -> None:
    drawn = [draw(0, 3, TASK)]
    write(*[f"<{question.phrase}>" for question in drawn[0][1]])
    assert evaluate(predictor, drawn)["phrase"] == 1.0
    write(*["<no such thing>" for _ in drawn[0][1]])
    assert evaluate(predictor, drawn)["phrase"] == 0.0
