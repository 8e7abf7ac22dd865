"""Conversations about tabletop scenes, and how answers are counted."""

from collections.abc import Callable

import numpy as np

from e2e.instructsam.predictor import Predictor
from e2e.single_pass.tabletop_task import Task, conversations, draw, evaluate
from tests.e2e.conftest import SIDE

TASK = Task(SIDE, count=3, phrase_share=0.5)


def test_scenes_depend_on_seed_and_number_alone() -> None:
    (one, asked), (same, again) = draw(0, 5, TASK), draw(0, 5, TASK)
    assert np.array_equal(one.image, same.image)
    assert asked == again
    assert not np.array_equal(one.image, draw(0, 6, TASK)[0].image)
    assert not np.array_equal(one.image, draw(1, 5, TASK)[0].image)


def test_conversations_carry_the_masks_of_their_targets() -> None:
    drawn = [draw(0, number, TASK) for number in range(20)]
    images, examples = conversations(drawn, slots=2)
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


def test_evaluation_counts_right_phrases(predictor: Predictor, write: Callable[..., None]) -> None:
    drawn = [draw(0, 3, TASK)]
    write(*[f"<{question.phrase}>" for question in drawn[0][1]])
    assert evaluate(predictor, drawn)["phrase"] == 1.0
    write(*["<no such thing>" for _ in drawn[0][1]])
    assert evaluate(predictor, drawn)["phrase"] == 0.0
