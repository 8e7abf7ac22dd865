"""Wordings: what is said at each level, about the same scene."""

import numpy as np
import pytest

from workbench.plugins.perturbations import Question
from workbench.stress.tabletop.sayings import (
    FILLERS,
    WORDS_EACH,
    instruction_length,
    negation,
    number_words,
    paraphrase,
)
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS, KINDS
from workbench.tabletop.wording import NUMBERS


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_fillers_have_six_words_each_and_name_nothing() -> None:
    assert all(len(filler.split()) == WORDS_EACH for filler in FILLERS)
    names = {*CATEGORIES, *KINDS, *COLOURS, *(c.plural for c in CATEGORIES.values())}
    said = {word.strip(".").lower() for filler in FILLERS for word in filler.split()}
    assert not said & names


@pytest.mark.parametrize("added", [0, 6, 24, 72])
def test_as_many_words_are_added_as_it_says(added: int) -> None:
    shortest, longer = (instruction_length(128, level, rng(3)) for level in (0, added))
    words = [len(question.sample.instruction.split()) for question in (shortest, longer)]
    assert words[1] - words[0] == added
    assert longer.sample.instruction.endswith(shortest.sample.instruction)


def test_paraphrases_have_equal_truth_and_name_the_same_thing() -> None:
    asked = [paraphrase(128, level, rng(4)) for level in ("name", "request", "clause", "question", "description")]
    assert len({question.sample.instruction for question in asked}) == 5
    assert len({(question.sample.targets, question.sample.phrase) for question in map(_frozen, asked)}) == 1
    colour, noun = (asked[0].sample.phrase or "").split()
    assert all(colour in q.sample.instruction and noun in q.sample.instruction for q in asked)


def test_a_negation_never_names_the_colour_that_is_asked_for() -> None:
    levels = ("affirmed", "not", "except", "but not", "neither", "all but")
    asked = {level: negation(128, level, rng(8)).sample for level in levels}
    colour = (asked["affirmed"].phrase or "").split()[0]
    assert colour in asked["affirmed"].instruction.split()
    for level in levels[1:]:
        assert colour not in asked[level].instruction.split()
        assert asked[level].targets == asked["affirmed"].targets and len(asked[level].targets) == 2
    labels = [other.label.split() for other in asked["not"].others]
    noun = (asked["not"].phrase or "").split()[1]
    out = {words[1] for words in labels if words[2] == noun}
    assert len(out) == 1 and out <= set(asked["not"].instruction.split()), "all others of its category are left out"


def test_number_words_say_how_many_there_are_and_the_last_one_more() -> None:
    for seed in range(4):
        asked = {
            level: number_words(128, level, rng(seed)).sample
            for level in ("none", "word", "digit", "exactly", "not so many")
        }
        count = len(asked["none"].targets)
        assert 2 <= count <= 5
        assert f"the {NUMBERS[count]} " in asked["word"].instruction
        assert f"the {count} " in asked["digit"].instruction
        assert f"exactly {NUMBERS[count]} of" in asked["exactly"].instruction
        assert f"exactly {NUMBERS[count + 1]} of" in asked["not so many"].instruction
        assert asked["not so many"].targets == ()


def _frozen(question: Question) -> Question:
    from dataclasses import replace

    return replace(question, sample=replace(question.sample, targets=tuple(map(str, question.sample.targets))))  # type: ignore[arg-type]
