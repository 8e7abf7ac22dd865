"""A conversation drawn again from a trace is the one that the model had, pixel for pixel."""

import numpy as np

from agents.language_models.interface import Picture
from agents.loop import graph
from agents.pictures.replay import conversation, dropped
from tests.agents.scripted import ACCEPT, EXAMINE, REJECT, ScriptedModel, call, segment, select, workspace
from workbench.data.predictions import Prediction


def test_texts_and_pictures_are_those_of_the_requests() -> None:
    script = [segment("thing"), call("zoom_in"), EXAMINE, ACCEPT, REJECT, ACCEPT, select(1)]
    work = workspace(script, describe_masks=True, min_side=128)
    assert graph.run(work)["ending"] is None
    said = conversation(work.image, Prediction("0", calls=tuple(work.trace.calls)), work.options)

    assert isinstance(work.model, ScriptedModel)
    sent = [part for request in work.model.requests for message in request for part in message.parts]
    drawn = [part.pixels for part in sent if isinstance(part, Picture)]
    shown = [one.what for one in said if not isinstance(one.what, str)]
    assert len(shown) == 1 + 1 + 3 * 2 + 1  # image, masks, two for each check, accepted masks
    for pixels in shown:
        assert any(pixels.shape == other.shape and np.array_equal(pixels, other) for other in drawn)
    texts = [part for part in sent if isinstance(part, str)]
    for one in said:
        if one.who == "user" and isinstance(one.what, str):
            assert any(one.what in text for text in texts)
    assert [one.what for one in said if one.who == "model" and one.check is None] == [
        script[0], script[1], script[2], script[-1]
    ]  # fmt: skip
    assert [one.check for one in said if one.who == "model"].count(None) == 4
    assert {one.check for one in said} == {None, 1, 2, 3}


def test_what_was_dropped_says_why() -> None:
    work = workspace([segment("thing"), select(1)])
    graph.run(work)
    answer = Prediction("0", candidates=tuple(work.trace.candidates))
    assert [title for _, title in dropped(answer)] == ["unselected 0.80\nthing", "unselected 0.70\nthing"]
    assert [mask for mask, _ in dropped(answer)] == [candidate.mask for candidate in answer.candidates]
