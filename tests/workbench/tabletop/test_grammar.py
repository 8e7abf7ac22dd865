"""Answers are derived again here from the finished text, by simple means and without the margins of the grammar."""

from collections import Counter

import numpy as np

from tests.workbench.tabletop.understood import Asked
from workbench.tabletop.grammar import KINDS as INSTRUCTION_KINDS
from workbench.tabletop.grammar import instructions
from workbench.tabletop.phrases import matches
from workbench.tabletop.scenes import make_scene


def test_every_kind_occurs_with_one_with_several_and_with_no_target(asked: Asked) -> None:
    cells = Counter((instruction.kind, min(len(instruction.targets), 2)) for _, instruction in asked)
    assert set(cells) == {(kind, form) for kind in INSTRUCTION_KINDS for form in (0, 1, 2)}
    assert min(cells.values()) > 0.015 * len(asked)


def test_kinds_and_forms_are_balanced(asked: Asked) -> None:
    kinds = Counter(instruction.kind for _, instruction in asked)
    assert max(kinds.values()) < 1.5 * min(kinds.values())
    forms = Counter(min(len(instruction.targets), 2) for _, instruction in asked)
    shares = np.array([forms[i] for i in (1, 2, 0)]) / len(asked)
    assert np.abs(shares - (0.40, 0.35, 0.25)).max() < 0.05


def test_the_phrase_names_every_target(asked: Asked) -> None:
    for scene, instruction in asked:
        assert all(matches(instruction.phrase, scene.objects[i]) for i in instruction.targets), instruction


def test_at_most_ten_different_targets_in_order(asked: Asked) -> None:
    assert all(list(i.targets) == sorted(set(i.targets)) and len(i.targets) <= 10 for _, i in asked)


def test_instructions_of_a_scene_differ_and_depend_on_the_generator_alone() -> None:
    scene = make_scene(np.random.default_rng(0))
    first, again = (instructions(scene, np.random.default_rng(1), 8) for _ in range(2))
    assert first == again
    assert len({instruction.text for instruction in first}) == 8
