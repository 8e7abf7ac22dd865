"""Figures of one answer: as many panels as there is to show, with its titles and numbers."""

import numpy as np

from reports.figures.one_answer import heat_panels, mask_panels, pictures, word_heat
from workbench.data.masks import encode

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def test_a_panel_for_each_mask_with_its_title() -> None:
    square = np.zeros((24, 32), bool)
    square[4:12, 6:20] = True
    figure = mask_panels(IMAGE, [(encode(square), f"slot {k}\n0.{k}") for k in range(5)], columns=3)
    assert [axes.get_title() for axes in figure.axes] == [*(f"slot {k}\n0.{k}" for k in range(5)), ""]
    assert [axes.axison for axes in figure.axes] == [True] * 5 + [False]
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert (shown != IMAGE).any(2)[square].all()
    assert (shown == IMAGE)[~square].all()


def test_heat_maps_cover_the_image_on_one_scale() -> None:
    heats = [(np.full((3, 4), value, np.float32), "") for value in (0.1, 0.4)]
    figure = heat_panels(IMAGE, heats)
    maps = [axes.images[1] for axes in figure.axes[:2]]
    assert [tuple(shown.get_extent()) for shown in maps] == [(-0.5, 31.5, 23.5, -0.5)] * 2
    assert {shown.get_clim()[1] for shown in maps} == {np.float32(0.4)}


def test_word_weights_are_in_percent() -> None:
    figure = word_heat(["the", "$mug$"], np.array([[0.25, 0.5]], np.float32), ["slot 3"], "layer 1")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["25.0", "50.0"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["the", "$mug$"]


def test_nothing_to_show_is_an_empty_figure() -> None:
    for figure in (mask_panels(IMAGE, []), heat_panels(IMAGE, []), pictures([], [])):
        assert [axes.axison for axes in figure.axes] == [False]
