"""Masks: the codec at sizes at which its types overflow, and inputs that ask for huge work."""

import numpy as np
import pytest

from workbench.data import masks
from workbench.data.errors import SampleError


def _squares(count: int, side: int = 8) -> list[masks.Rle]:
    """Masks of `1 + i % side` columns, so that neighbours differ."""
    drawn = np.zeros((side, side, side), dtype=bool)
    for i in range(side):
        drawn[i, :, : i + 1] = True
    made = masks.encode_all(drawn)
    return [made[i % side] for i in range(count)]


@pytest.mark.parametrize("count", [255, 256, 257, 1000, 70_000])
def test_any_number_of_masks_is_measured(count: int) -> None:
    rles = _squares(count)
    assert masks.areas(rles) == [8 * (1 + i % 8) for i in range(count)]
    assert masks.area(masks.union(rles)) == 64
    assert masks.area(masks.intersection(rles)) == 8
    overlap = masks.iou_matrix(rles, rles[:2])
    assert overlap.shape == (count, 2)
    assert overlap[-1, 0] == pytest.approx(1 / (1 + (count - 1) % 8))
    assert masks.iou_matrix(rles[:2], rles).shape == (2, count)


@pytest.mark.parametrize("count", [256, 1000, 70_000])
def test_any_number_of_masks_is_encoded_and_decoded(count: int) -> None:
    drawn = np.zeros((count, 3, 5), dtype=bool)
    drawn[np.arange(count), np.arange(count) % 3, np.arange(count) % 5] = True
    rles = masks.encode_all(drawn)
    assert len(rles) == count
    assert (masks.decode(rles[-1]) == drawn[-1]).all()
    assert masks.bounding_box(rles[-1]) == ((count - 1) % 5, (count - 1) % 3, 1, 1)


def test_the_union_of_many_masks_is_what_their_pixels_say() -> None:
    drawn = np.random.default_rng(5).random((300, 11, 13)) > 0.97
    rles = masks.encode_all(drawn)
    assert masks.union(rles) == masks.encode(drawn.any(axis=0))
    assert masks.intersection([*rles, rles[0]]) == masks.encode(drawn.all(axis=0))


def test_more_pairs_than_fit_into_memory_are_refused_before_any_work() -> None:
    one = _squares(1)
    with pytest.raises(SampleError, match="20000 predicted masks and 20000 annotated ones"):
        masks.iou_matrix(one * 20_000, one * 20_000)


@pytest.mark.parametrize(
    "runs", [[0, 0, 12], [0, 12], [3, 0, 9], [2, 3, 0, 0, 0, 2, 5], [0, 0, 0, 4, 8], [5, 7, 0], [12]]
)
def test_empty_runs_change_nothing(runs: list[int]) -> None:
    flat = np.concatenate([np.full(run, i % 2, dtype=bool) for i, run in enumerate(runs)])
    expected = masks.encode(flat.reshape(4, 3).T)
    assert masks.from_annotation({"size": [3, 4], "counts": runs}, 3, 4, "mask") == expected


def test_empty_runs_of_a_huge_mask_take_no_pixels() -> None:
    size = 2**27
    found = masks.from_annotation({"size": [1, size], "counts": [0, 5, 0, size - 5, 0]}, 1, size, "mask")
    assert masks.area(found) == size


@pytest.mark.parametrize(
    ("height", "width", "polygon"),
    [
        (1, 2**27, [-(2**27), 0, 2**28, 1, -(2**27), 1]),
        (2**27, 1, [0, 0, 1, 2**27, 0, 2**27 - 1]),
        (11_000, 11_000, [n for i in range(1000) for n in (i * 11, 0, i * 11, 10_999)]),
    ],
)
def test_a_polygon_whose_outline_is_endless_is_refused(height: int, width: int, polygon: list[float]) -> None:
    with pytest.raises(SampleError, match=r"entry 3: the outline is .* pixels long"):
        masks.from_annotation(polygon, height, width, "entry 3")


def test_a_long_outline_of_a_real_object_is_drawn() -> None:
    comb = [n for i in range(500) for n in (i * 8, 0, i * 8, 3000, i * 8 + 4, 3000, i * 8 + 4, 0)]
    with pytest.raises(SampleError, match="outline"):
        masks.from_annotation(comb, 4000, 4000, "comb")
    shorter = [min(n, 900) if i % 2 else n for i, n in enumerate(comb)]
    assert masks.area(masks.from_annotation(shorter, 4000, 4000, "comb")) > 1_500_000


def test_masks_checked_together_are_refused_where_one_alone_is() -> None:
    chance = np.random.default_rng(0)
    drawn = chance.random((40, 12, 17)) > 0.5
    drawn[0], drawn[1] = False, True
    good = masks.encode_all(drawn)
    masks.check_all(good, 12, 17)
    masks.check_all([], 12, 17)
    for _ in range(400):
        broken = [dict(one) for one in good[: int(chance.integers(1, 6))]]
        one = broken[int(chance.integers(len(broken)))]
        place = int(chance.integers(len(one["counts"])))
        one["counts"] = one["counts"][:place] + chr(int(chance.integers(40, 125))) + one["counts"][place + 1 :]
        alone = [_refused(mask) for mask in broken]
        if any(alone):
            with pytest.raises(SampleError):
                masks.check_all(broken, 12, 17)
        else:
            masks.check_all(broken, 12, 17)
            assert masks._are_whole([mask["counts"] for mask in broken], 12 * 17)
    with pytest.raises(SampleError, match="expected a mask of size"):
        masks.check_all([*good, {"size": [17, 12], "counts": good[0]["counts"]}], 12, 17)


def _refused(mask: object) -> bool:
    try:
        masks.check(mask, 12, 17)
    except SampleError:
        return True
    return False
