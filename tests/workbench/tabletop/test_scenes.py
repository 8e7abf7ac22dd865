import numpy as np
import pytest

from workbench.tabletop.scenes import MIN_VISIBLE_FRACTION, Scene, make_scene
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS, HELD_OUT, SIZES


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [make_scene(np.random.default_rng([1, i]), 128, "test") for i in range(120)]


def test_a_scene_depends_on_its_generator_alone() -> None:
    first, again = (make_scene(np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first.objects, again.objects, strict=True))


def test_visible_masks_are_disjoint_and_large_enough(scenes: list[Scene]) -> None:
    for scene in scenes:
        masks = np.stack([obj.mask for obj in scene.objects])
        assert masks.sum(axis=0).max() == 1
        assert masks.sum(axis=(1, 2)).min() >= 40
        assert min(obj.visible_fraction for obj in scene.objects) >= MIN_VISIBLE_FRACTION


def test_a_visible_mask_is_the_object_less_what_lies_in_front(scenes: list[Scene]) -> None:
    hidden = [(obj.full_area, int(obj.mask.sum()), obj.visible_fraction) for s in scenes for obj in s.objects]
    assert all(seen <= full and share == seen / full for full, seen, share in hidden)
    assert sum(seen < full for full, seen, _ in hidden) > 50
    assert all(scene.objects[-1].visible_fraction == 1 for scene in scenes)


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_an_object_shows_more_of_its_colour_than_of_any_other(scenes: list[Scene], category: str) -> None:
    names, palette = [*COLOURS, "cream"], np.array([*COLOURS.values(), (248, 243, 228)], dtype=float)
    shown = []
    for scene in scenes:
        for obj in scene.objects:
            if obj.category == category and obj.visible_fraction > 0.9:
                distance = np.abs(scene.image[obj.mask][:, None].astype(float) - palette).sum(axis=2)
                counts = np.bincount(distance.argmin(axis=1), minlength=len(names))
                shown.append(names[int(counts[:-1].argmax())] == obj.colour)
    assert len(shown) > 10 and np.mean(shown) > 0.9


def test_three_to_nine_objects_that_repeat_categories_and_colours(scenes: list[Scene]) -> None:
    counts = [len(scene.objects) for scene in scenes]
    assert min(counts) >= 3 and max(counts) == 9
    for word in ("category", "colour"):
        repeats = sum(len({getattr(o, word) for o in s.objects}) < len(s.objects) for s in scenes)
        assert repeats > len(scenes) / 2


def test_every_category_colour_and_size_occurs(scenes: list[Scene]) -> None:
    objects = [obj for scene in scenes for obj in scene.objects]
    assert {o.category for o in objects} == set(CATEGORIES)
    assert {o.colour for o in objects} == set(COLOURS)
    assert {o.size for o in objects} == set(SIZES)


def test_held_out_combinations_occur_in_the_test_split_only(scenes: list[Scene]) -> None:
    held_out = [(o.category, o.colour) in HELD_OUT for s in scenes for o in s.objects]
    assert 0.15 < np.mean(held_out) < 0.35
    for split in ("train", "val"):
        for i in range(60):
            scene = make_scene(np.random.default_rng([2, i]), 64, split)  # type: ignore[arg-type]
            assert not {(o.category, o.colour) for o in scene.objects} & HELD_OUT


def test_objects_grow_with_the_image() -> None:
    small, large = (make_scene(np.random.default_rng(3), side) for side in (128, 256))
    assert large.image.shape == (256, 256, 3)
    ratio = np.mean([o.full_area for o in large.objects]) / np.mean([o.full_area for o in small.objects])
    assert 2.5 < ratio < 6


def test_size_words_order_objects_of_one_category(scenes: list[Scene]) -> None:
    area = {
        size: [o.full_area for s in scenes for o in s.objects if (o.category, o.size) == ("ball", size)]
        for size in SIZES
    }
    assert max(area["small"]) < min(area["medium"]) and max(area["medium"]) < min(area["large"])
