"""Losses and matching on cases small enough to see the answer."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from e2e.instructsam.detector import Detections
from e2e.instructsam.training.losses import Aids, PhraseTargets, centres, slot_losses, soft_dice, uncertain_points
from e2e.instructsam.training.matching import Weights, assign, matching_costs
from e2e.single_pass.losses import dice_loss

SURE = 20.0


def squares() -> Tensor:
    """Three masks `[3, 8, 8]` that do not overlap."""
    masks = torch.zeros(3, 8, 8)
    masks[0, :3, :3] = masks[1, 4:, 4:] = masks[2, :3, 5:] = 1
    return masks


def detections(masks: Tensor, logits: Tensor) -> Detections:
    """Slots `[P, K]` that are certain of these masks `[P, K, 8, 8]`."""
    found = (masks * 2 - 1) * SURE
    return Detections(found.requires_grad_(), logits.requires_grad_(), torch.zeros(0), torch.zeros(0))


def test_slots_get_the_targets_that_they_cover() -> None:
    masks = squares()
    found = detections(masks[None, [2, 0, 1, 1]], torch.zeros(1, 4))
    losses = slot_losses(found, [PhraseTargets(0, masks[[0, 2]])], Weights())
    assert losses.assigned[0].tolist() == [1, 0, -1, -1]
    assert losses.bce.item() == pytest.approx(0, abs=1e-5)
    assert losses.dice.item() == pytest.approx(0, abs=1e-5)
    # all logits are 0: every slot's score costs ln 2 whatever its goal
    assert losses.score.item() == pytest.approx(math.log(2), abs=1e-5)


def test_with_starts_a_target_goes_to_the_slot_that_starts_nearest_whatever_it_predicts() -> None:
    masks = squares()
    found = detections(masks[None, [2, 0, 1]], torch.zeros(1, 3))
    starts = torch.tensor([[0.2, 0.2], [0.8, 0.2], [0.8, 0.8]])
    losses = slot_losses(found, [PhraseTargets(0, masks[[1, 0]])], Weights(), starts=starts)
    assert losses.assigned[0].tolist() == [1, -1, 0]


def test_against_duplicates_the_score_of_a_slot_on_a_target_that_another_answers_counts_more() -> None:
    masks = squares()
    targets = [PhraseTargets(0, masks[[0, 2]])]

    def pulls(duplicates: float) -> Tensor:
        found = detections(masks[None, [0, 0, 1, 2]], torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
        slot_losses(found, targets, Weights(), duplicates=duplicates).score.backward()  # type: ignore[no-untyped-call]
        assert found.logits.grad is not None
        return found.logits.grad[0]

    assert (pulls(4) / pulls(0)).tolist() == pytest.approx([1, 5, 1, 1], abs=1e-4)


def test_boxes_are_learned_after_every_layer_of_the_decoder() -> None:
    """The first slot answers the first mask, whose box the last layer has; the layer before is a tenth to the right."""
    masks = squares()
    corners = torch.tensor([[[0, 0, 3 / 8, 3 / 8], [0.1, 0.2, 0.3, 0.4]]])
    before = torch.tensor([[[1.5 / 8 + 0.1, 1.5 / 8, 3 / 8, 3 / 8], [0.5, 0.5, 0.1, 0.1]]], requires_grad=True)
    found = replace(detections(masks[None, :2], torch.zeros(1, 2)), boxes=corners, steered=(before,))
    targets = [PhraseTargets(0, masks[:1].to(torch.uint8))]
    losses = slot_losses(found, targets, Weights(), aids=Aids(box=0.5))
    shared, each, hull = (3 / 8 - 0.1) * 3 / 8, (3 / 8) ** 2, (3 / 8 + 0.1) * 3 / 8
    both = 2 * each - shared
    overlap = shared / both - (hull - both) / hull
    assert losses.box is not None and losses.union is None
    assert losses.box.item() == pytest.approx(0.5 * (2 * 0.1 + 1 - overlap), abs=1e-5)
    losses.total.backward()
    assert before.grad is not None
    assert before.grad[0, 0, 0] > 0 and not before.grad[0, 1].any(), "only the matched slot's box moves"


def test_the_map_of_all_that_a_phrase_names_is_learned_of_phrases_without_targets_too() -> None:
    masks = squares()
    sure = (masks[[0, 2]].amax(0) * 2 - 1) * SURE
    maps = torch.stack([sure, sure])[:, None].requires_grad_()
    found = replace(detections(masks[None, [0, 2]].repeat(2, 1, 1, 1), torch.zeros(2, 2)), semantic_logits=maps)
    targets = [PhraseTargets(0, masks[[0, 2]]), PhraseTargets(1, torch.zeros(1, 16, 16))]
    assert slot_losses(found, targets, Weights()).union is None
    union = slot_losses(found, targets, Weights(), aids=Aids(union=2.0)).union
    assert union is not None
    wrong = 18 / 64
    assert union.item() == pytest.approx(2 * (wrong * SURE / 2 + (1 - 1 / 19) / 2), abs=1e-3)


def test_centres_are_those_of_the_pixels() -> None:
    masks = torch.cat([squares(), torch.zeros(1, 8, 8)])
    expected = [[1.5 / 8] * 2, [6 / 8] * 2, [6.5 / 8, 1.5 / 8], [0.5, 0.5]]
    torch.testing.assert_close(centres(masks), torch.tensor(expected))


def test_of_two_equal_slots_the_surer_one_is_taken() -> None:
    masks = squares()
    costs = matching_costs((masks[[0, 0]] * 2 - 1) * SURE, masks[:1], torch.tensor([-1.0, 1.0]), Weights())
    assert assign(costs).tolist() == [-1, 0]


def test_costs_are_weighted_dice_cross_entropy_and_score() -> None:
    masks = squares()
    costs = matching_costs(torch.zeros(1, 8, 8), masks[:1], torch.zeros(1), Weights())
    dice = 1 - (2 * 4.5 + 1e-3) / (32 + 9 + 1e-3)
    assert costs.flatten().tolist() == pytest.approx([0.5 * dice, 2 * math.log(2), math.log(2)], abs=1e-6)


def test_an_empty_phrase_alone_only_lowers_scores() -> None:
    found = detections(squares()[None], torch.zeros(1, 3))
    losses = slot_losses(found, [PhraseTargets(0, torch.zeros(1, 16, 16))], Weights())
    assert losses.assigned[0].tolist() == [-1, -1, -1]
    losses.total.backward()
    assert losses.bce.item() == losses.dice.item() == 0
    assert bool((found.logits.grad > 0).all())
    assert float(found.mask_logits.grad.abs().sum()) == 0


def test_an_empty_phrase_beside_others_is_matched_to_its_empty_mask() -> None:
    masks = squares()
    found = detections(masks[None].repeat(2, 1, 1, 1), torch.zeros(2, 3))
    losses = slot_losses(found, [PhraseTargets(0, masks[:1]), PhraseTargets(0, torch.zeros(1, 8, 8))], Weights())
    assert sorted(losses.assigned[1].tolist()) == [-1, -1, 0]
    assert losses.bce.item() > 0


def test_targets_are_resized_to_the_prediction() -> None:
    masks = squares()
    large = torch.nn.functional.interpolate(masks[None], (80, 56), mode="nearest")[0].to(torch.uint8)
    found = detections(masks[None], torch.zeros(1, 3))
    losses = slot_losses(found, [PhraseTargets(0, large)], Weights())
    assert losses.assigned[0].tolist() == [0, 1, 2]
    assert losses.bce.item() == pytest.approx(0, abs=1e-5)


def test_more_slots_score_their_overlap_with_the_target() -> None:
    """A slot that covers half of its target should score its soft dice."""
    masks = squares()
    half = masks[1].clone()
    half[6:] = 0
    logits = torch.logit(torch.tensor([[2 / 3]]))
    found = detections(half[None, None], logits)
    slot_losses(found, [PhraseTargets(0, masks[1:2])], Weights()).score.backward()
    assert float(found.logits.grad.abs().max()) == pytest.approx(0, abs=1e-4)


def test_soft_dice_of_equal_and_of_disjoint_masks() -> None:
    masks = squares()
    assert soft_dice(masks[:2], masks[[0, 2]]).tolist() == pytest.approx([1, 0], abs=1e-6)


def test_dice_loss_of_an_empty_pair_is_nothing() -> None:
    assert float(dice_loss(torch.full((1, 8, 8), -SURE), torch.zeros(1, 8, 8))) == pytest.approx(0, abs=1e-5)


def test_points_are_drawn_where_the_prediction_is_undecided() -> None:
    torch.manual_seed(0)
    logits = torch.full((64, 64), SURE)
    logits[:, :16] = 0.1
    values, wanted = uncertain_points(logits, torch.ones(64, 64))
    assert len(values) == len(wanted) == 12544
    assert float((values < 1).float().mean()) > 0.7
