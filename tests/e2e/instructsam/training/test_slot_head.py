"""What slots are told of the place where they start."""

import numpy as np
import pytest
import torch

from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.losses import PhraseTargets
from e2e.instructsam.training.passes import prepare_told, tell
from e2e.instructsam.training.slot_head import (
    SlotHead,
    SlotTruth,
    place_slots,
    slot_truth,
    wanted_slots,
    what_stands,
)
from e2e.single_pass.tabletop_task import Task, draw, picture_of
from tests.e2e.conftest import SIDE
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS

TASK = Task(SIDE, count=3, phrase_share=0.5)


@pytest.mark.slow
def test_slots_learn_without_the_detector_which_of_them_have_a_target(predictor: Predictor) -> None:
    scenes = [picture_of(*draw(0, number, TASK)) for number in (1, 2)]
    model, head = predictor.model.train(), SlotHead(predictor.model.config.text_config.hidden_size)
    adam = torch.optim.AdamW([*model.parameters(), *head.parameters()], lr=3e-3)
    seen = prepare_told(model, predictor.processor, scenes, "inference")
    losses = []
    for _ in range(60):
        text, slot, named = tell(model, head, seen, torch.float32)
        (text + slot + named).backward()
        adam.step()
        adam.zero_grad()
        losses.append([slot.item(), named.item()])
    assert (np.array(losses[-1]) < 0.3 * np.array(losses[0])).all()
    assert all(p.grad is None for p in model.detector.parameters())


def test_slots_are_told_what_stands_where_they_start() -> None:
    scene = draw(0, 4, TASK)[0]
    thing = scene.objects[-1]
    starts = torch.tensor([[thing.centre[0] / SIDE, thing.centre[1] / SIDE], [9.0, 9.0]])
    categories, colours = what_stands(starts, scene)
    assert list(CATEGORIES)[categories[0] - 1] == thing.category
    assert list(COLOURS)[colours[0] - 1] == thing.colour
    assert (categories[1], colours[1]) == (0, 0)


def test_of_pictures_that_are_no_scenes_only_the_targets_are_learned() -> None:
    scene = draw(0, 4, TASK)[0]
    starts = torch.tensor([[0.2, 0.2], [0.8, 0.8]])
    masks = torch.from_numpy(np.stack([scene.objects[0].mask]).astype(np.uint8))
    targets = [PhraseTargets(0, masks), PhraseTargets(1, masks)]
    known, half, unknown = (slot_truth(starts, targets, about) for about in ([scene] * 2, [scene, None], [None] * 2))
    head, states = SlotHead(4), torch.randn(2, 2, 4)
    assert head(states, known)[0] == head(states, half)[0] == head(states, unknown)[0]
    assert head(states, unknown)[1] == 0
    first = SlotTruth(known.wanted[:1], known.categories[:1], known.colours[:1])
    torch.testing.assert_close(head(states, half)[1], head(states[:1], first)[1])


def test_placed_slots_differ_by_their_places(predictor: Predictor) -> None:
    images = [draw(0, number, TASK)[0].image for number in range(3)]
    place_slots(predictor.model, predictor.processor, images)
    queries = predictor.model.model.mask_queries.detach()
    words = predictor.model.model.language_model.embed_tokens.weight.detach()
    assert float(queries.square().mean()) == pytest.approx(4 * float(words.square().mean()), rel=1e-3)
    starts = predictor.model.starts().detach()
    cells = (starts * 4).long()  # 4 x 4 image tokens at this size
    apart = (cells[0] != cells).any(1)
    assert apart.any()
    assert torch.equal((queries[0] != queries).any(1), apart)


def test_the_wanted_slots_are_those_that_start_nearest_to_a_target() -> None:
    mask = torch.zeros(2, 8, 8)
    mask[0, :4, :4] = mask[1, 4:, 4:] = 1
    starts = torch.tensor([[0.2, 0.2], [0.8, 0.2], [0.9, 0.9]])
    targets = [PhraseTargets(0, mask), PhraseTargets(1, mask[1:]), PhraseTargets(2, 0 * mask[:1])]
    assert wanted_slots(starts, targets).tolist() == [[1, 0, 1], [0, 0, 1], [0, 0, 0]]
