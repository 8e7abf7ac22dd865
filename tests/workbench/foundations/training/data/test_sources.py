"""Pictures of a source: their questions, templates, and negatives that are made."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workbench.foundations.training.data import written
from workbench.data.errors import ConfigurationError, SampleError
from workbench.foundations.training.data.index import Limits
from workbench.foundations.training.data.sources import Ask, Source, open_sources
from workbench.tabletop.scenes import Scene, make_scene

LIMITS = Limits(most=10, boxes=True)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [make_scene(np.random.default_rng(n), 64) for n in range(6)]


def opened(folder: Path, options: dict[str, Any], benchmark: str = "coco", **more: Any) -> Source:
    entry = {"benchmark": benchmark, "options": options, **more}
    (source,) = open_sources([entry], folder / "data", LIMITS)
    return source


def test_a_picture_has_its_pixels_and_the_masks_of_its_questions(tmp_path: Path, scenes: list[Scene]) -> None:
    source = opened(tmp_path, written.coco(tmp_path, scenes), kind="category")
    assert source.pictures == len(scenes)
    for number, scene in enumerate(scenes):
        picture = source.picture(number, np.random.default_rng(0), Ask())
        assert np.array_equal(picture.image, scene.image)
        assert [question.text for question in picture.questions] == [name for name, _, _ in written.by_category(scene)]
        for question, (_, _, targets) in zip(picture.questions, written.by_category(scene), strict=True):
            assert np.array_equal(question.masks, np.stack([scene.objects[i].mask for i in targets]))


def test_at_most_so_many_questions_are_drawn_and_stay_in_order(tmp_path: Path, scenes: list[Scene]) -> None:
    source = opened(tmp_path, written.coco(tmp_path, scenes), kind="category")
    whole = [one.text for one in source.picture(0, np.random.default_rng(0), Ask()).questions]
    drawn = set()
    for seed in range(20):
        some = [one.text for one in source.picture(0, np.random.default_rng(seed), Ask(2)).questions]
        assert some == [text for text in whole if text in some] and len(some) == 2
        drawn.add(tuple(some))
    assert len(drawn) > 1
    first = source.picture(0, np.random.default_rng(9), Ask(2, first=True)).questions
    assert [one.text for one in first] == whole[:2]


def test_the_words_are_those_of_the_templates(tmp_path: Path, scenes: list[Scene]) -> None:
    templates = {"category": ["find {instruction}", "{instruction}, please"], "phrase": ["never {instruction}"]}
    source = opened(tmp_path, written.coco(tmp_path, scenes), kind="category", templates=templates)
    texts = [one.text for n in range(6) for one in source.picture(n, np.random.default_rng(n), Ask()).questions]
    forms = Counter("find" if text.startswith("find ") else text.rpartition(", ")[2] for text in texts)
    assert set(forms) == {"find", "please"} and min(forms.values()) > 3
    names = {one.phrase for n in range(6) for one in source.picture(n, np.random.default_rng(n), Ask()).questions}
    assert names == {thing.category for scene in scenes for thing in scene.objects}


def test_negatives_of_categories_are_those_that_a_picture_does_not_have(tmp_path: Path, scenes: list[Scene]) -> None:
    source = opened(tmp_path, written.coco(tmp_path, scenes), kind="category", negatives=0.4)
    asked = []
    for seed in range(40):
        for number, scene in enumerate(scenes):
            for question in source.picture(number, np.random.default_rng(seed), Ask(4)).questions:
                assert (len(question.masks) > 0) == (question.text in {thing.category for thing in scene.objects})
                asked.append(len(question.masks) == 0)
    assert np.mean(asked) == pytest.approx(0.4, abs=0.06)


def test_negatives_are_made_of_what_other_pictures_are_asked(tmp_path: Path, scenes: list[Scene]) -> None:
    """RefCOCO has none of its own: a phrase of another picture that shares no word with this one's is asked."""
    names = [[f"{thing.colour} {thing.category}" for thing in scene.objects] for scene in scenes]
    drawn = [
        (scene, [(name, name, [i]) for i, name in enumerate(own)]) for scene, own in zip(scenes, names, strict=True)
    ]
    source = opened(tmp_path, written.refcoco(tmp_path, drawn), "refcoco", kind="phrase", negatives=0.5)
    made = 0
    for seed in range(10):
        for number, own in enumerate(names):
            words = {word.rstrip("s") for name in own for word in name.split()}
            for question in source.picture(number, np.random.default_rng(seed), Ask(4)).questions:
                if not len(question.masks):
                    made += 1
                    assert not {word.rstrip("s") for word in question.text.split()} & words
                    assert question.text in {name for other in names for name in other}
    assert made > 20


def test_all_sources_that_cannot_be_read_are_named_at_once(tmp_path: Path) -> None:
    lost = [{"benchmark": name, "options": {"annotations": f"{name}.json"}} for name in ("inst2seg", "coco")]
    with pytest.raises(ConfigurationError, match=r"(?s)data\[0\]: .*inst2seg\.json.*\ndata\[2\]: .*coco\.json"):
        open_sources(
            [lost[0], {"benchmark": "tabletop", "options": {"scenes": 1, "root": str(tmp_path / "t")}}, lost[1]],
            tmp_path,
            LIMITS,
        )


def test_a_picture_that_is_not_there_is_the_fault_of_its_sample(tmp_path: Path, scenes: list[Scene]) -> None:
    source = opened(tmp_path, written.coco(tmp_path, scenes), kind="category")
    (tmp_path / "2.png").unlink()
    with pytest.raises(SampleError, match=r"2\.png"):
        source.picture(2, np.random.default_rng(0), Ask())
