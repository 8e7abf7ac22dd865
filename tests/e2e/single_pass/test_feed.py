"""What the passes of a run see: drawn scenes, or the stream of its data, in any number of processes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from e2e.single_pass.feed import MORE, Feed, conversations
from e2e.single_pass.tabletop_task import Task, draw, picture_of
from tests.workbench.foundations.training.data import written
from workbench.data.errors import ConfigurationError
from workbench.foundations.training.data.index import Limits
from workbench.foundations.training.data.questions import Picture, Question
from workbench.foundations.training.distributed import Processes
from workbench.tabletop.scenes import Scene, make_scene

TASK = Task(64, 3, 0.5)
KEYS: dict[str, Any] = {"seed": 2, "images": 2, "more": 1, "conversations": 3}


def feed(out: Path, **keys: Any) -> Feed:
    return Feed({**KEYS, **keys}, out, TASK, Limits(4, boxes=True), Processes())


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [make_scene(np.random.default_rng(n), 64) for n in range(5)]


@pytest.fixture
def data(tmp_path: Path, scenes: list[Scene]) -> list[dict[str, Any]]:
    return [{"benchmark": "coco", "options": written.coco(tmp_path / "coco", scenes), "kind": "category"}]


def test_without_data_each_pass_draws_scenes_of_its_own(tmp_path: Path) -> None:
    made = feed(tmp_path).of(3)
    assert [np.array_equal(p.image, draw(2, n, TASK)[0].image) for p, n in zip(made.shown, (6, 7), strict=True)] == [
        True
    ] * 2
    assert np.array_equal(made.told[0].image, draw(2, MORE + 3, TASK)[0].image)
    assert made.report.sources == [] and made.report.questions > 0
    assert feed(tmp_path).epochs(5, 1) is None
    assert feed(tmp_path, steps=9).steps({"steps": 9}, 1) == 9


def test_with_data_the_passes_are_parts_of_one_stream(tmp_path: Path, data: list[dict[str, Any]]) -> None:
    one = feed(tmp_path, data=data)
    seen = [p.name for place in range(5) for fed in [one.of(place)] for p in [*fed.shown, *fed.told]]
    assert seen[:5] != sorted(seen[:5]) or seen[5:10] != sorted(seen[5:10])
    assert all(sorted(seen[start : start + 5]) == [f"{n}.png" for n in range(5)] for start in (0, 5, 10))
    other = feed(tmp_path, data=data)
    assert [p.name for p in other.of(4).shown] == seen[12:14]
    assert one.epochs(10, 1) == pytest.approx(6.0)
    assert one.steps({"epochs": 1}, 1) == 2
    assert one.steps({"epochs": 2}, 2) == 2


def test_the_phrases_are_those_of_the_files(tmp_path: Path, data: list[dict[str, Any]], scenes: list[Scene]) -> None:
    made = feed(tmp_path, data=[*data, {"benchmark": "tabletop"}])
    assert set(made.phrases()) == {thing.category for scene in scenes for thing in scene.objects}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"epochs": 1}, "epochs: it is for `data`"),
        ({"augment": "flips"}, "augment: it is for `data`"),
        ({"data": []}, None),
    ],
)
def test_keys_that_need_data_are_refused_without_it(tmp_path: Path, keys: dict[str, Any], said: str | None) -> None:
    if said is None:
        assert feed(tmp_path, **keys).stream is None
        return
    with pytest.raises(ConfigurationError, match=said):
        feed(tmp_path, **keys)


def test_an_unknown_augmentation_is_refused(tmp_path: Path, data: list[dict[str, Any]]) -> None:
    with pytest.raises(ConfigurationError, match="augment: expected one of none, flips, got 'rotate'"):
        feed(tmp_path, data=data, augment="rotate")


def test_epochs_and_steps_are_not_both_given(tmp_path: Path, data: list[dict[str, Any]]) -> None:
    with pytest.raises(ConfigurationError, match="epochs: expected a number above 0, and no steps"):
        feed(tmp_path, data=data).steps({"epochs": 1, "steps": 3}, 1)


def test_conversations_keep_masks_and_boxes_and_leave_out_what_is_too_much(scenes: list[Scene]) -> None:
    masks = np.zeros((3, 64, 64), dtype=bool)
    masks[:, :4] = True
    asked = [
        Question("all", "thing", masks),
        Question("two", "thing", masks[:2], boxes=True),
        Question("none", "thing", masks[:0]),
    ]
    picture = Picture(scenes[0].image, asked)
    images, examples = conversations([picture, picture_of(*draw(0, 0, TASK))], 2)
    assert len(images) == 2
    assert [example.instruction for example in examples[:2]] == ["two", "none"]
    assert [example.boxes for example in examples[:2]] == [True, False]
    assert torch.equal(examples[0].answer[0][1], torch.from_numpy(masks[:2].astype(np.uint8)))
    assert examples[1].answer[0][1].shape == (1, 64, 64) and not examples[1].answer[0][1].any()
    assert {example.image for example in examples[2:]} == {1}
