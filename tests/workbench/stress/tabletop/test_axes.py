"""What every axis on tabletop must hold: one thing changes, everything else stays, and the truth is exact."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from workbench.data import masks
from workbench.plugins import registry
from workbench.plugins.perturbations import Axis, Level, Question, declared
from workbench.tabletop.vocabulary import HELD_OUT

NAMES = [
    name
    for name in registry.names("perturbations")
    if (axis := declared(registry.load("perturbations", name))) is not None and axis.generated
]
SEEDS = range(2)
SMALLER = {"picture-size": (64, 128, 256)}


def at(name: str, level: Level, seed: int, size: int = 128) -> Question | None:
    found = registry.load("perturbations", name)(size, level, np.random.default_rng([5, seed]))
    assert found is None or isinstance(found, Question)
    return found


def axis_of(name: str) -> Axis:
    axis = declared(registry.load("perturbations", name))
    assert axis is not None
    return axis


@cache
def swept(name: str) -> list[dict[Level, Question]]:
    """The questions of some seeds at all levels."""
    wanted = SMALLER.get(name, axis_of(name).levels)
    found = [{level: at(name, level, seed) for level in wanted} for seed in SEEDS]
    whole = [{level: one for level, one in levels.items() if one is not None} for levels in found]
    usable = [levels for levels in whole if len(levels) == len(wanted)]
    assert usable, f"no scene of {name} came about"
    return usable


def pooled(question: Question) -> NDArray[np.bool_]:
    shape = question.image.shape[:2]
    return np.logical_or.reduce([np.zeros(shape, bool), *map(masks.decode, question.sample.targets)])


def test_all_axes_of_tabletop_are_here() -> None:
    assert {"targets", "distractors", "look-alikes", "occlusion", "object-size", "density"} <= set(NAMES)
    assert {"instruction-length", "relation-depth", "negation", "number-words", "paraphrase"} <= set(NAMES)
    assert {"language", "absent-similar", "target-removed", "phrases", "picture-size"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_levels_are_drawn_again_in_the_same_way_and_masks_fit_the_picture(name: str) -> None:
    axis = axis_of(name)
    for levels in swept(name)[:1]:
        again = [at(name, axis.plain, seed) for seed in SEEDS]
        assert any(one and np.array_equal(one.image, levels[axis.plain].image) for one in again)
        for question in levels.values():
            sample = question.sample
            assert question.image.shape == (sample.height, sample.width, 3)
            everything = [*map(masks.decode, sample.targets), *(masks.decode(o.mask) for o in sample.others)]
            assert all(one.shape == question.image.shape[:2] and one.any() for one in everything)
            assert np.sum(everything, axis=0).max() <= 1, "visible masks do not overlap"
            assert not HELD_OUT & {tuple(o.label.split()[:0:-1]) for o in sample.others}
        if axis.same_answer:
            truths = {str(question.sample.targets) for question in levels.values()}
            pictures = {question.image.tobytes() for question in levels.values()}
            assert len(truths) == len(pictures) == 1


def test_the_number_of_targets_is_what_it_says_and_grows_by_adding() -> None:
    for levels in swept("targets"):
        assert all(len(question.sample.targets) == level for level, question in levels.items())
        assert max(levels) == 24 and len({q.sample.instruction for q in levels.values()}) == 1
        assert all(len(question.sample.others) == 3 for question in levels.values())
        few, many = set(map(str, levels[3].sample.targets)), set(map(str, levels[24].sample.targets))
        assert few <= many


def test_the_share_of_hidden_pixels_is_what_it_says() -> None:
    for levels in swept("occlusion"):
        areas = {level: int(pooled(question).sum()) for level, question in levels.items()}
        for level, area in areas.items():
            assert 1 - area / areas[0.0] == pytest.approx(level, abs=0.041), "twice the tolerance: of both areas"
        hidden = [pooled(levels[0.0]) & ~pooled(question) for question in levels.values()]
        assert all(not (pooled(question) & ~pooled(levels[0.0])).any() for question in levels.values()), "it stays"
        assert hidden[-1].sum() > hidden[1].sum()


def test_an_object_is_as_large_as_it_says_and_the_others_stay() -> None:
    for levels in swept("object-size"):
        for level, question in levels.items():
            ys, xs = np.nonzero(pooled(question))
            assert max(np.ptp(ys), np.ptp(xs)) + 1 == pytest.approx(level * 128, rel=0.35, abs=2)
        assert len({str(question.sample.others) for question in levels.values()}) == 1


def test_only_the_kind_of_the_other_objects_changes_with_look_alikes() -> None:
    for levels in swept("look-alikes"):
        wanted = levels[0].sample.phrase.split()[-1]  # type: ignore[union-attr]
        for level, question in levels.items():
            labels = [other.label.split() for other in question.sample.others]
            assert len(labels) == 12
            assert sum(words[-1] == wanted for words in labels) == level
            assert all(words[1:] != question.sample.phrase.split() for words in labels)  # type: ignore[union-attr]
        assert len({str(question.sample.targets) for question in levels.values()}) == 1


def test_distractors_are_counted_and_density_keeps_the_target_in_sight() -> None:
    for levels in swept("distractors"):
        assert all(len(question.sample.others) == level for level, question in levels.items())
    for levels in swept("density"):
        areas = [int(pooled(question).sum()) for question in levels.values()]
        assert len({len(question.sample.others) for question in levels.values()}) == 1
        assert max(areas) - min(areas) <= 0.02 * max(areas)


def test_a_target_that_is_gone_leaves_the_picture_as_it_was_elsewhere() -> None:
    for levels in swept("target-removed"):
        there, gone = levels["there"], levels["gone"]
        assert gone.sample.targets == () and len(there.sample.targets) == 1
        assert there.sample.others == gone.sample.others
        changed = (there.image != gone.image).any(axis=-1)
        assert (changed & pooled(there)).sum() > 0.9 * pooled(there).sum()
        ys, xs = np.nonzero(pooled(there))
        far = np.ones_like(changed)
        far[max(ys.min() - 8, 0) : ys.max() + 8, max(xs.min() - 8, 0) : xs.max() + 8] = False
        assert not (changed & far).any(), "its shadow lies near it"


def test_what_is_absent_is_not_there_and_gets_more_similar() -> None:
    for levels in swept("absent-similar"):
        for level, question in levels.items():
            assert question.sample.targets == ()
            colour, noun = (question.sample.phrase or "").split()
            labels = [other.label.split()[1:] for other in question.sample.others]
            assert [colour, noun] not in labels
            assert (noun in [words[1] for words in labels]) is (level >= 2)
            assert (colour in [words[0] for words in labels]) is (level == 3)


def test_a_picture_of_more_pixels_shows_the_same_scene() -> None:
    for levels in swept("picture-size"):
        shares = [pooled(question).mean() for question in levels.values()]
        assert {question.sample.width for question in levels.values()} == {64, 128, 256}
        assert max(shares) < 1.15 * min(shares)


def test_phrases_name_as_many_objects_as_there_are_targets() -> None:
    for levels in swept("phrases"):
        for level, question in levels.items():
            assert question.sample.instruction.count("the ") == len(question.sample.targets) == level
