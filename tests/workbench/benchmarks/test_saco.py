"""SA-Co gold, on small files in the layout that is published."""

from pathlib import Path

import pytest

from tests.workbench.benchmarks.layouts import KNIFE, LEFT, OFFICIAL, RIGHT, asked, edited, rectangle
from workbench.benchmarks import saco
from workbench.data.errors import ConfigurationError


def test_saco_has_the_readings_of_all_annotators() -> None:
    folder = OFFICIAL / "saco"
    samples = list(saco.read(folder / "gold_toy_merged_a_release_test.json", folder / "images"))
    assert asked(samples) == [
        ("0", "red cup", (LEFT, RIGHT)),
        ("1", "dog", ()),
        ("2", "knife", (KNIFE,)),
        ("3", "crumbs", ()),
    ]
    assert [[reading.targets for reading in sample.readings] for sample in samples] == [
        [(LEFT, RIGHT), (LEFT,), (LEFT, RIGHT)],
        [(), (rectangle(3, 3, 3, 3),), ()],
        [(KNIFE,), (rectangle(5, 5, 6, 3),), ()],
        [(), (), ()],
    ], "crowds are left out, and an annotator without the phrase answers with nothing"
    assert [[reading.exhaustive for reading in sample.readings] for sample in samples[2:]] == [
        [True, True, True],
        [False, True, True],
    ]
    assert samples[0].boxes == samples[0].readings[0].boxes == ((1, 1, 3, 4), (8, 2, 4, 4))
    assert samples[2].facts == {"id": 1002, "coco_id": [1002, None]}


def test_saco_with_fewer_annotators(official: Path) -> None:
    path = official / "saco" / "gold_toy_merged_a_release_test.json"
    assert {len(sample.readings) for sample in saco.read(path, None, annotators=1)} == {1}
    path.with_name("gold_toy_merged_c_release_test.json").unlink()
    assert {len(sample.readings) for sample in saco.read(path, None)} == {2}
    with pytest.raises(ConfigurationError, match="3 annotators were asked for, but beside"):
        saco.saco(str(path), None, annotators=3)


def test_saco_annotators_that_were_asked_something_else(official: Path) -> None:
    folder = official / "saco"
    edited(folder / "gold_toy_merged_b_release_test.json", lambda gold: gold["images"][1].update(text_input="cat"))
    samples = list(saco.read(folder / "gold_toy_merged_a_release_test.json", None))
    assert [sample.problem is None for sample in samples] == [True, False, True, True]
    assert "gold_toy_merged_b_release_test.json: this annotator has another phrase" in str(samples[1].problem)


def test_saco_phrases_that_share_an_id(official: Path) -> None:
    path = official / "saco" / "gold_toy_merged_a_release_test.json"
    samples = list(saco.read(edited(path, lambda gold: gold["images"][1].update(id=1000)), None))
    assert [sample.problem is None for sample in samples] == [False, False, True, True]
    assert str(samples[0].problem).endswith("gold_toy_merged_a_release_test.json has several images of id 1000")


@pytest.mark.parametrize("name", ["silver_nga_art_merged_test.json", "silver_fathomnet_test.json"])
def test_silver_has_one_annotator(official: Path, name: str) -> None:
    folder = official / "saco"
    (folder / "gold_toy_merged_a_release_test.json").rename(folder / name)
    benchmark = saco.saco(str(folder / name), str(folder / "images"))
    samples = list(benchmark.samples())
    assert {len(sample.readings) for sample in samples} == {1}
    assert not any(sample.problem for sample in samples)
    assert (benchmark.facts, list(benchmark.remarks())) == ({"annotators": 1}, [])
