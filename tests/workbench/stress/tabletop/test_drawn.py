"""Places and words that axes share."""

import numpy as np

from workbench.stress.tabletop.drawn import others, pair, places, share_hidden
from workbench.tabletop.vocabulary import CATEGORIES, HELD_OUT


def test_words_are_of_training_and_fit_what_is_wanted() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        noun, colour = pair(rng, without=("mug", "red"))
        assert noun != "mug" and colour != "red" and (noun, colour) not in HELD_OUT
        assert pair(rng, category="book")[0] == "book" and pair(rng, colour="blue")[1] == "blue"
        for other, shade in others(rng, 3, noun, colour):
            assert CATEGORIES[other].kind != CATEGORIES[noun].kind and shade != colour


def test_places_lie_in_cells_of_their_own() -> None:
    found = places(np.random.default_rng(1), 6, 5)
    assert len(found) == 30
    cells = {(int(x // (128 / 6)), int(y // (128 / 5))) for x, y in found}
    assert len(cells) == 30


def test_the_hidden_share_is_of_the_whole_object() -> None:
    full, front = np.zeros((2, 10, 10), dtype=bool)
    full[2:6, 2:7], front[4:9, :] = True, True
    assert share_hidden(full, front) == 0.5
