"""Steps and masks as HTML."""

from dataclasses import replace

import numpy as np

from tests.workbench.asking.asked import answered, boxes
from tests.workbench.demo.toys import agent
from workbench.asking.answer import Answer
from workbench.data.samples import Sample
from workbench.demo import slots
from workbench.demo.drawing import seen
from workbench.demo.side import side_of
from workbench.demo.timeline import timeline


def answer() -> Answer:
    given = agent()._answer(Sample("s", "i", None, 80, 60, "the <red> box"), boxes())  # type: ignore[arg-type]
    return replace(answered(), prediction=given)


def test_each_step_says_what_the_model_was_shown_and_wrote() -> None:
    said = timeline(answer())
    assert said.count("<li") == 3 and said.count("<img") == 2, "a picture is shown with the step that brought it"
    assert "&lt;b&gt;red box&lt;/b&gt;" in said and "<b>red box" not in said and "the &lt;red&gt; box" in said
    assert "phrase: red box · masks: 3" in said and "a reply that hit its length limit" in said
    assert "no steps" in timeline(answered())


def test_pictures_that_a_model_saw_are_drawn_again_from_their_masks() -> None:
    masks = [one.mask for one in answer().prediction.instances]
    for kind, given in (("raw", []), ("all_masks", masks), ("single_mask", masks[:1]), ("zoomed", masks[:1])):
        assert seen(boxes(), kind, given).dtype == np.uint8
    assert max(seen(boxes(), "raw", []).shape) == 320


def test_the_grid_has_every_mask_by_phrase_and_marks_those_of_the_answer() -> None:
    side = side_of(answer())
    drawn = slots.pictures(side)
    said = slots.grid(side, drawn)
    assert said.count("<img") == 4 and said.count("wb-on") == 2
    assert "“red box”" in said and "“box”" in said and "0.20 too low" in said and "unselected" in said
    assert slots.grid(side.at(0.0), drawn).count("wb-on") == 3
    assert not slots.is_single_pass(side.answer) and slots.is_single_pass(answered())
