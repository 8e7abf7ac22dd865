"""How far slots collapse: what they mask, how far apart their states are, and which of them double another."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from e2e.instructsam.collapse import NONE, Collapse, SlotsOfPhrase, distances, doubles, look, main, masked, measure
from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.train import save
from e2e.single_pass.tabletop_task import Task, draw
from tests.e2e.conftest import SIDE, SLOTS
from tests.e2e.instructsam.test_predictor import Write

SLOTS_OF_ONE = SlotsOfPhrase(
    states=torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]),
    scores=torch.tensor([0.6, 0.9, 0.5, 0.1]),
    objects=torch.tensor([0, 0, 1, NONE]),
)


def test_a_slot_masks_the_object_that_it_covers_by_half_or_more() -> None:
    objects = torch.zeros(2, 4, 4)
    objects[0, :2], objects[1, 2:] = 1, 1
    found = torch.full((3, 4, 4), -1.0)
    found[0, :2, :3] = found[1] = found[2, 2, 2] = 1
    assert masked(found, objects).tolist() == [0, 0, NONE], "6 of 8 pixels; 8 of 16; 1 of 8"


def test_states_are_as_far_apart_as_their_directions() -> None:
    every, one, two = distances(SLOTS_OF_ONE)
    assert every.tolist() == pytest.approx([0, 1, 2, 1, 2, 1])
    assert every[one].tolist() == pytest.approx([0])
    assert every[two].tolist() == pytest.approx([1, 1])


def test_of_two_slots_on_an_object_the_worse_one_doubles_it() -> None:
    assert doubles(SLOTS_OF_ONE, 0.4) == [False, True, False]
    assert doubles(SLOTS_OF_ONE, 0.7) == [False]


def test_what_is_measured_is_the_mean_over_phrases() -> None:
    alone = SlotsOfPhrase(torch.eye(4), torch.zeros(4), torch.tensor([2, NONE, NONE, NONE]))
    assert measure([SLOTS_OF_ONE, alone], 0.4) == Collapse(
        phrases=2, slots=4, on_object=pytest.approx(4 / 3), apart=pytest.approx(13 / 12),
        apart_on_one=0.0, apart_on_two=1.0, doubled=pytest.approx(1 / 3),
    )  # fmt: skip
    nothing = measure([SlotsOfPhrase(torch.eye(2), torch.ones(2), torch.tensor([NONE, NONE]))], 0.4)
    assert (nothing.on_object, nothing.apart_on_one, nothing.doubled) == (None, None, None)


def test_slots_are_those_of_the_answer(predictor: Predictor, write: Write) -> None:
    scene, questions = draw(0, 0, Task(SIDE, 2, 1.0))
    write("<mug>", "no")
    (slots,) = look(predictor, scene, questions)
    write("<mug>", "no")
    answer = predictor.segment_instructions([scene.image], [[one.text for one in questions]])[0][0]
    scores = [slot.score for slot in (*answer.instances, *answer.below)]
    np.testing.assert_allclose(sorted(slots.scores.tolist()), sorted(scores), atol=1e-5)
    assert slots.states.shape == (SLOTS, 48) and slots.objects.shape == (SLOTS,)


def test_the_command_says_what_it_cannot_measure(
    predictor: Predictor, without_slots: Predictor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, one in (("bank", predictor), ("none", without_slots)):
        save(one.model, one.processor, tmp_path / name / "final")
    for wrong, said in (
        ([f"{tmp_path}/none/final"], "expected a checkpoint with slots"),
        ([f"{tmp_path}/bank/final", "--scenes", "0"], "--scenes: expected 1 or more, got 0"),
        ([f"{tmp_path}/bank/final", "--scenes", "1"], "it wrote no phrase about 1 scenes"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(wrong)
        assert said in capsys.readouterr().err


def test_the_shipped_checkpoint_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    from e2e.options import TINY

    main([str(TINY), "--scenes", "1", "--json"])
    ((name, figures),) = json.loads(capsys.readouterr().out).items()
    assert (name, figures["slots"]) == ("instructsam-tiny", 16)
    assert 1 <= figures["on_object"] <= 16 and figures["apart_on_one"] < figures["apart_on_two"]
