"""Wordings that mean the same, and a target that is masked."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from workbench.data import masks
from workbench.data.samples import Sample
from workbench.plugins.perturbations import Question, declared
from workbench.stress.removal import target_masked
from workbench.stress.words import case, politeness, punctuation, typos

TEXT = "Segment the small red mugs, please."


def question(text: str = TEXT) -> Question:
    return Question(Sample("1", "1", Path("1.png"), 4, 4, text), np.zeros((4, 4, 3), np.uint8))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("change", [case, punctuation, politeness, typos])
def test_only_the_words_change_and_the_plain_level_is_as_it_was(change) -> None:  # type: ignore[no-untyped-def]
    axis = declared(change)
    assert axis is not None and axis.same_answer
    asked = {level: change(question(), level, rng()) for level in axis.levels}
    assert asked[axis.plain].sample == question().sample
    assert len({one.sample.instruction for one in asked.values()}) == len(axis.levels)
    assert all(replace(one.sample, instruction=TEXT) == question().sample for one in asked.values())


def test_case_and_punctuation_keep_the_letters() -> None:
    letters = [c for c in TEXT.lower() if c.isalpha()]
    for change, levels in ((case, ("lower", "Capitals", "UPPER", "mIxEd")), (punctuation, ("none", "dots", "quotes"))):
        for level in levels:
            said = change(question(), level, rng()).sample.instruction
            assert [c for c in said.lower() if c.isalpha()] == letters
    assert case(question(), "UPPER", rng()).sample.instruction == TEXT.upper()


def test_typing_errors_are_as_many_as_it_says_and_each_level_keeps_those_below() -> None:
    for seed in range(20):
        said = [typos(question(), level, rng(seed)).sample.instruction for level in (0, 1, 2, 3)]
        for fewer, more in pairwise(said):
            assert fewer != more
            assert edits(fewer, more) <= 2, "one letter: doubled, left out, or one beside it"
        words = list(zip(TEXT.split(), said[3].split(), strict=True))
        assert all(word[0] == mistyped[0] for word, mistyped in words), "the first letter of a word stays"


def edits(a: str, b: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def pictured(text: str, targets: int = 1) -> Question:
    """A grey ramp with a bright square as target."""
    image = np.tile(np.linspace(40, 120, 50).astype(np.uint8)[:, None, None], (1, 50, 3))
    squares = []
    for place in range(targets):
        mask = np.zeros((50, 50), bool)
        mask[10:20, 5 + 20 * place : 15 + 20 * place] = True
        image[mask] = 250
        squares.append(masks.encode(mask))
    return Question(Sample("1", "1", Path("1.png"), 50, 50, text, tuple(squares)), image)


def test_a_masked_target_is_gone_and_the_rest_of_the_picture_stays() -> None:
    plain = pictured("the bright square")
    masked = target_masked(plain, "masked", rng())
    assert masked is not None and masked.sample.targets == ()
    changed = (masked.image != plain.image).any(axis=-1)
    assert changed[10:20, 5:15].mean() > 0.95 and not changed[:8].any() and not changed[:, 18:].any()
    assert target_masked(plain, "there", rng()) is plain


@pytest.mark.parametrize(("text", "targets"), [("the bright squares", 2), ("the leftmost square", 1), ("a star", 0)])
def test_questions_that_another_object_could_answer_are_left_out(text: str, targets: int) -> None:
    assert target_masked(pictured(text, targets), "there", rng()) is None
