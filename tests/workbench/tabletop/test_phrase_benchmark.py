"""Tabletop asked for by noun phrases: six a scene, the last two absent, targets as the words say."""

from pathlib import Path

import pytest

from workbench.data.samples import Sample
from workbench.tabletop import phrases
from workbench.tabletop.phrase_benchmark import TabletopPhrases, tabletop_phrases
from workbench.tabletop.phrases import Words


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


def test_the_same_files_give_the_same_samples(benchmark: TabletopPhrases, samples: list[Sample]) -> None:
    assert list(benchmark.samples()) == samples
