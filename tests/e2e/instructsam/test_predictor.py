"""From images and instructions to instances; a batch gives what each instruction gets alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from e2e.instructsam.predictor import Predictor
from tests.e2e.conftest import SLOTS
from tests.e2e.seen import picture
from workbench.data.predictions import Trace

Write = Callable[..., None]


def test_slots_are_split_at_the_threshold(predictor: Predictor, write: Write) -> None:
    write("<mug>")
    every = replace(predictor, threshold=0.0).segment_instructions([picture(0)], [["mug"]])[0][0]
    scores = sorted(slot.score for slot in every.instances)
    assert len(scores) == SLOTS
    threshold = (scores[1] + scores[2]) / 2
    write("<mug>")
    split = replace(predictor, threshold=threshold).segment_instructions([picture(0)], [["mug"]])[0][0]
    assert sorted(slot.score for slot in split.instances) == pytest.approx(scores[2:])
    assert sorted(slot.score for slot in split.below) == pytest.approx(scores[:2])


def test_an_empty_instruction_is_answered(predictor: Predictor) -> None:
    answer = predictor.segment_instructions([picture(0)], [[""]])[0][0]
    assert not answer.too_long
    assert answer.answer_tokens > 0


def test_braces_in_an_instruction_are_its_own(predictor: Predictor) -> None:
    asking = replace(predictor, prompt="Find {instruction}!")
    prompt = asking.prompt_for("{x} {instruction}", 0, torch.tensor([1, 8, 8]))
    assert "Find {x} {instruction}!" in predictor.processor.text(prompt.token_ids)


def test_without_a_phrase_the_detector_does_not_run(predictor: Predictor, write: Write) -> None:
    write("no")
    trace = Trace()
    predictor.segment_instructions([picture(0)], [["mug"]], trace)
    assert [call.kind for call in trace.calls] == ["encode", "llm"]
