"""The dense head is taught the words and centres of each cell."""

import numpy as np

from workbench.foundations.qwen import cell_head
from workbench.tabletop.training_scenes import draw
from workbench.tabletop.vocabulary import CATEGORIES, SIZES


def test_the_dense_head_is_told_what_each_pixel_is_and_where_its_object_is() -> None:
    scene = draw(0, 5, size=128)
    truth = cell_head.cell_truth([scene])
    (categories, colours, sizes), centres = truth.words, truth.centres
    assert len(categories) == len(colours) == len(sizes) == len(centres) == 64 * 16
    for row, column in [(0, 0), (9, 22), (30, 3), *np.argwhere(scene.index[2::4, 2::4] > 0)[::40].tolist()]:
        token, within = (row // 4) * 8 + column // 4, (row % 4) * 4 + column % 4
        number = scene.index[2 + 4 * row, 2 + 4 * column]
        place = token * 16 + within
        assert (categories[place] > 0) == (number > 0)
        if number:
            thing = scene.objects[number - 1]
            assert list(CATEGORIES)[categories[place] - 1] == thing.category
            assert list(SIZES)[sizes[place] - 1] == thing.size
            rows, columns = np.nonzero(scene.masks()[number - 1])
            seen_from = np.array([column + 0.5, row + 0.5]) / 4
            np.testing.assert_allclose(
                seen_from + centres[place].numpy(), [columns.mean() / 16, rows.mean() / 16], atol=1e-4
            )
