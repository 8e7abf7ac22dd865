"""Tabletop asked for by noun phrases: six a scene, the last two absent, targets as the words say."""

from pathlib import Path

import pytest

from workbench.data.samples import Sample
from workbench.tabletop import phrases
from workbench.tabletop.phrase_benchmark import TabletopPhrases, tabletop_phrases
from workbench.tabletop.phrases import Words
from workbench.tabletop.worlds import WORLDS


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> TabletopPhrases:
    folder: Path = tmp_path_factory.mktemp("tabletop") / "files"
    return tabletop_phrases(scenes=6, per_scene=1, root=str(folder))


@pytest.fixture(scope="module")
def samples(benchmark: TabletopPhrases) -> list[Sample]:
    return list(benchmark.samples())


def test_six_phrases_a_scene_of_which_the_last_two_are_absent(samples: list[Sample]) -> None:
    assert len(samples) == 36
    assert [bool(sample.targets) for sample in samples] == [True, True, True, True, False, False] * 6


def test_other_objects_are_those_the_phrase_does_not_name(samples: list[Sample]) -> None:
    for sample in samples:
        for other in sample.others:
            size, colour, category = other.label.split()
            assert not phrases.matches(sample.instruction, Words(category, colour, size))


def test_another_world_is_asked_for_in_its_own_words(tmp_path: Path) -> None:
    second = WORLDS["second"]
    made = tabletop_phrases(scenes=4, per_scene=1, size=64, root=str(tmp_path / "files"), world="second")
    samples = list(made.samples())
    assert [bool(sample.targets) for sample in samples] == [True, True, True, True, False, False] * 4
    assert {phrases.parse(sample.instruction, second).noun for sample in samples} <= {*second.categories, "object"}


def test_the_same_files_give_the_same_samples(benchmark: TabletopPhrases, samples: list[Sample]) -> None:
    assert list(benchmark.samples()) == samples
