"""The truth moves with the picture, and questions whose answer would change are left out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from workbench.data import masks
from workbench.data.samples import Reading, Sample, SceneObject
from workbench.plugins.perturbations import Question
from workbench.stress.framing import aspect, crop, resolution, rotation
from workbench.stress.meaning import depends_on_company, depends_on_place

RNG = np.random.default_rng(0)
HEIGHT, WIDTH = 40, 60


def box(x: int, y: int, w: int, h: int) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[y : y + h, x : x + w] = True
    return mask


TARGET, OTHER, IGNORED = box(10, 8, 12, 6), box(40, 20, 9, 10), box(0, 30, 5, 5)


def question(instruction: str = "the red mug") -> Question:
    """Every annotated area has a colour of its own, so that one sees where it is after a move."""
    image = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    image[TARGET], image[OTHER], image[IGNORED] = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    sample = Sample(
        "1",
        "1",
        Path("1.png"),
        WIDTH,
        HEIGHT,
        instruction,
        targets=(masks.encode(TARGET),),
        others=(SceneObject(masks.encode(OTHER), "green lamp"),),
        ignore=masks.encode(IGNORED),
        boxes=((10.0, 8.0, 12.0, 6.0),),
        readings=(Reading((masks.encode(TARGET),), ((10.0, 8.0, 12.0, 6.0),)),),
        facts={"crowds": [masks.encode(OTHER)], "category": "mug"},
    )
    return Question(sample, image)


def check_together(moved: Question) -> None:
    """Every mask lies where its colour is."""
    sample = moved.sample
    assert (sample.height, sample.width) == moved.image.shape[:2]
    areas = (sample.targets[0], sample.others[0].mask, sample.ignore, sample.facts["crowds"][0])
    for rle, channel in zip(areas, (0, 1, 2, 1), strict=True):
        assert rle is not None
        assert np.array_equal(masks.decode(rle), moved.image[..., channel] == 200)
    x, y, w, h = sample.boxes[0]
    inside = masks.decode(sample.targets[0])[int(y) : int(y + h), int(x) : int(x + w)]
    assert inside.all() and inside.sum() == masks.decode(sample.targets[0]).sum()
    assert sample.readings[0].targets == sample.targets and sample.readings[0].boxes == sample.boxes


@pytest.mark.parametrize("level", ["90", "180", "270"])
def test_pictures_and_masks_move_together_under_rotation(level: str) -> None:
    moved = rotation(question(), level, RNG)
    assert moved is not None
    check_together(moved)
    assert moved.image.shape[:2] == ((HEIGHT, WIDTH) if level == "180" else (WIDTH, HEIGHT))
    back = rotation(replace(moved), str(360 - int(level)), RNG)
    assert back is not None and back.sample == question().sample
    assert np.array_equal(back.image, question().image)


@pytest.mark.parametrize("level", [0.25, 0.5, 1.0])
def test_a_crop_keeps_all_objects_and_cuts_the_margin(level: float) -> None:
    moved = crop(question(), level, RNG)
    assert moved is not None
    sample = moved.sample
    for rle, before in zip((sample.targets[0], sample.others[0].mask), (TARGET, OTHER), strict=True):
        assert masks.decode(rle).sum() == before.sum()
    assert np.array_equal(masks.decode(sample.targets[0]), moved.image[..., 0] == 200)
    left, top = round(10 * level), round(8 * level)
    assert sample.width == pytest.approx(WIDTH - left - round(11 * level), abs=1)
    assert sample.height == pytest.approx(HEIGHT - top - round(10 * level), abs=1)


def test_a_crop_needs_an_annotated_object() -> None:
    bare = replace(question(), sample=replace(question().sample, targets=(), others=()))
    assert crop(bare, 0.5, RNG) is None


def test_stretching_keeps_the_share_of_the_picture_that_a_mask_covers() -> None:
    moved = aspect(question(), 2.0, RNG)
    sample = moved.sample
    assert (sample.width, sample.height) == (2 * WIDTH, HEIGHT) == moved.image.shape[1::-1]
    assert masks.decode(sample.targets[0]).mean() == pytest.approx(TARGET.mean())
    assert sample.boxes[0] == (20.0, 8.0, 24.0, 6.0)


def test_fewer_pixels_leave_everything_at_its_place() -> None:
    seen = resolution(question(), 0.25, RNG)
    assert seen.sample == question().sample and seen.image.shape == question().image.shape
    edges = [np.abs(np.diff(one.image.astype(int), axis=1)).max() for one in (question(), seen)]
    assert edges[1] < 0.7 * edges[0]


@pytest.mark.parametrize("level", ["0"])
def test_at_the_plain_level_nothing_is_changed(level: str) -> None:
    plain = question()
    assert rotation(plain, level, RNG) is plain
    assert crop(plain, 0.0, RNG) is plain and aspect(plain, 1.0, RNG) is plain and resolution(plain, 1.0, RNG) is plain


@pytest.mark.parametrize(
    ("instruction", "place", "company"),
    [
        ("the red mug", False, False),
        ("something to drink from", False, False),
        ("the mug left of the lamp", True, True),
        ("the Topmost pear", True, True),
        ("the rightmost apple", True, True),
        ("the largest ball", False, True),
        ("both mugs", False, True),
        ("all fruit except the apples", False, True),
        ("the second apple from the top", True, True),
        ("the mug nearest to the book", False, True),
    ],
)
def test_instructions_that_name_places_or_compare_are_known(instruction: str, place: bool, company: bool) -> None:
    assert depends_on_place(instruction) is place
    assert depends_on_company(instruction) is company
    moved = rotation(question(instruction), "90", RNG)
    assert (moved is None) is place
