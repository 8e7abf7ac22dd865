import numpy as np

from workbench.data import painting


def test_a_number_stays_inside_the_image_and_off_other_numbers() -> None:
    for place in [(0.0, 0.0), (99.0, 49.0), (50.0, 0.0)]:
        x0, y0, x1, y1 = painting._free_place(place, (20, 12), (100, 50), [])
        assert 0 <= x0 < x1 <= 100 and 0 <= y0 < y1 <= 50
    first = painting._free_place((50, 25), (20, 12), (100, 50), [])
    second = painting._free_place((52, 25), (20, 12), (100, 50), [first])
    assert second[3] <= first[1] or second[1] >= first[3] or second[2] <= first[0] or second[0] >= first[2]


def test_the_anchor_is_inside_the_mask_far_from_its_border() -> None:
    ring = np.zeros((100, 100), dtype=bool)
    ring[10:90, 10:90] = True
    ring[20:80, 20:90] = False
    ring[40:60, 60:62] = True
    x, y = painting.anchor(ring)
    assert ring[y, x] and ring[y - 3 : y + 4, x - 3 : x + 4].all()


def test_a_thin_mask_in_a_large_picture_is_not_lost() -> None:
    line = np.zeros((2000, 2000), dtype=bool)
    line[:, 1] = True
    assert painting.anchor(line)[0] == 1


def test_labels_are_numbers_unless_texts_are_given() -> None:
    canvas = np.full((60, 200, 3), 120, np.uint8)
    colours = np.array([[255, 0, 0]], np.uint8)
    numbered = painting.write_labels(canvas, [(100, 30)], colours)
    named = painting.write_labels(canvas, [(100, 30)], colours, ["1  0.93"])
    assert (canvas == 120).all()
    changed = [(one != 120).any(axis=(0, 2)).sum() for one in (numbered, named)]
    assert changed[0] < changed[1]
