"""The training losses of InstructSAM, with the conventions of its reference implementation (DCDmllm/InstructSAM).

Text: cross-entropy. Masks: per matched pair of slot and target, binary cross-entropy and dice. Scores: binary
cross-entropy of every slot against its soft overlap with its target, or 0 where it has none. Two more that the
reference does not have are aids for a detector that meets new things: boxes, and the union of a phrase's masks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from e2e.instructsam.detector import Detections
from e2e.instructsam.training.matching import Weights, assign, matching_costs
from e2e.single_pass.losses import dice_loss, nearest
from workbench.foundations.sam3.dense import boxes_of
from workbench.foundations.sam3.losses import generalised_iou

POINTS = 12544
OVERSAMPLE = 3
UNCERTAIN = 0.75
# the reference multiplies the configured weights onto losses that already carry weights of their own
INNER_BCE, INNER_DICE = 2.0, 0.5
LEAST_SCORE = 0.1


@dataclass(frozen=True)
class PhraseTargets:
    """What one phrase should give. `masks: [N, H, W]` in {0, 1}, one all-zero mask for a phrase without targets.

    `item` is the phrase's row in the batch. `boxes` says that the masks are filled boxes, which only bound the shape.
    """

    item: int
    masks: Tensor
    boxes: bool = False


@dataclass(frozen=True)
class Aids:
    """Weights of the losses that the reference does not have; with 0 they are not computed.

    `box`: L1 and generalised IoU of the boxes of matched slots after every layer of the decoder, as in DETR. The boxes
    say where the next layer looks, and the reference has no loss for them: they stay as SAM3 made them. `union`: binary
    cross-entropy and dice of SAM3's map of all that a phrase names, which no slot has to find first.
    """

    box: float = 0.0
    union: float = 0.0


NO_AIDS = Aids()


@dataclass(frozen=True)
class SlotLosses:
    """Weighted losses, averaged over matched pairs (`bce`, `dice`, `box`) or phrases (`score`, `union`); None for an
    aid that is not used. `assigned`: P times `[K]`."""

    bce: Tensor
    dice: Tensor
    score: Tensor
    assigned: list[Tensor]
    box: Tensor | None = None
    union: Tensor | None = None

    @property
    def parts(self) -> dict[str, Tensor]:
        """The losses by name."""
        aids = {"box": self.box, "union": self.union}
        used = {name: loss for name, loss in aids.items() if loss is not None}
        return {"bce": self.bce, "dice": self.dice, "score": self.score, **used}

    @property
    def total(self) -> Tensor:
        return torch.stack(list(self.parts.values())).sum()


def slot_losses(
    detections: Detections,
    targets: Sequence[PhraseTargets],
    weights: Weights,
    *,
    sample_points: bool = False,
    starts: Tensor | None = None,
    duplicates: float = 0.0,
    aids: Aids = NO_AIDS,
) -> SlotLosses:
    """Match the slots of each of P phrases to its targets and score them.

    A batch item whose masks are all empty has no pairs: its slots should all score 0. Beside phrases with targets, an
    empty phrase is matched to its empty mask, as in the reference. With `sample_points` the mask losses look at 12544
    points of each pair, most of them where the prediction is undecided, instead of at all pixels. With `starts: [K,
    2]`, the places x, y in 0..1 that slots begin to look at, a target is matched with the nearest one, whatever slots
    predict. With `duplicates` the score of a slot without a target counts more, the more its mask overlaps a target,
    which another slot answers: 1 + `duplicates` times the overlap.
    """
    mask_logits, logits = detections.mask_logits.float(), detections.logits.float()
    masks = [nearest(t.masks.to(mask_logits.device), mask_logits.shape[-2:]) for t in targets]
    answered = {t.item for t, mask in zip(targets, masks, strict=True) if mask.any()}
    assigned, goals, pairs = [], [], []
    counts = torch.ones_like(logits)
    for row, (target, mask) in enumerate(zip(targets, masks, strict=True)):
        goal = torch.zeros_like(logits[row])
        chosen = torch.full((len(goal),), -1, dtype=torch.long)
        if target.item in answered:
            with torch.no_grad():
                if starts is None:
                    costs = matching_costs(mask_logits[row], mask, logits[row], weights)
                else:
                    costs = torch.cdist(starts, centres(mask))[None]
                chosen = assign(costs)
                slots = (chosen >= 0).nonzero()[:, 0].to(goal.device)
                wanted = mask[chosen[chosen >= 0].to(mask.device)]
                overlap = soft_dice(mask_logits[row, slots].sigmoid(), wanted)
                goal[slots] = overlap.clamp(min=LEAST_SCORE)
                if duplicates:
                    others = (chosen < 0).to(goal.device)
                    counts[row, others] += duplicates * most_overlap(mask_logits[row, others], wanted)
            pairs.append((mask_logits[row, slots], wanted, target.boxes))
        assigned.append(chosen)
        goals.append(goal)
    score = F.binary_cross_entropy_with_logits(logits, torch.stack(goals), weight=counts)
    bce, dice = _pair_losses(pairs, sample_points, mask_logits)
    return SlotLosses(
        weights.bce * bce,
        weights.dice * dice,
        weights.score * score,
        assigned,
        aids.box * _box_losses(detections, targets, assigned) if aids.box else None,
        aids.union * _union_loss(detections, masks) if aids.union else None,
    )


def soft_dice(predicted: Tensor, wanted: Tensor) -> Tensor:
    """Overlap `[N]` in [0, 1] of masks `[N, h, w]`: twice the intersection over the sum of areas."""
    predicted, wanted = predicted.flatten(1), wanted.flatten(1)
    return (2 * (predicted * wanted).sum(1) + 1e-6) / (predicted.sum(1) + wanted.sum(1) + 1e-6)


def most_overlap(mask_logits: Tensor, wanted: Tensor) -> Tensor:
    """The most overlap `[N]` in [0, 1] of each mask, `[N, h, w]` logits, with one of the wanted ones `[M, h, w]`."""
    predicted, wanted = mask_logits.sigmoid().flatten(1), wanted.flatten(1)
    sizes = predicted.sum(1)[:, None] + wanted.sum(1)
    return ((2 * predicted @ wanted.T + 1e-6) / (sizes + 1e-6)).amax(1)


def centres(masks: Tensor) -> Tensor:
    """Mean x, y `[N, 2]` in 0..1 of the pixels of masks `[N, h, w]`; the middle of the image for an empty one."""
    height, width = masks.shape[1:]
    weights = masks.flatten(1) / masks.flatten(1).sum(1, keepdim=True).clamp(min=1)
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    places = torch.stack([columns / width, rows / height], -1).flatten(0, 1).to(masks.device)
    return torch.where(masks.flatten(1).any(1, keepdim=True), weights @ places, 0.5)


def box_loss(mask_logits: Tensor, wanted: Tensor) -> Tensor:
    """Loss `[N]` of masks `[N, h, w]` against filled boxes, exactly as the reference computes it.

    It means to compare projections onto both axes, but takes the whole mask in place of one of them, and logits in
    place of probabilities.
    """

    def loss(a: Tensor, b: Tensor) -> Tensor:
        a, b = a.flatten(1), b.flatten(1)
        return 1 - 2 * (a * b).sum(1) / ((a * a).sum(1) + (b * b).sum(1) + 1e-5)

    return loss(mask_logits, wanted) + loss(mask_logits.amax(1), wanted.amax(1))


def _pair_losses(
    pairs: Sequence[tuple[Tensor, Tensor, bool]], sample_points: bool, like: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy and dice over all matched pairs; zero, still part of the graph, where there are none."""
    bces, dices = [], []
    for predicted, wanted, boxes in pairs:
        if boxes:
            dices.append(box_loss(predicted, wanted))
            bces.append(torch.zeros_like(dices[-1]))
            continue
        if sample_points and len(predicted):
            sampled = [uncertain_points(p, w) for p, w in zip(predicted, wanted, strict=True)]
            predicted, wanted = (torch.stack(x) for x in zip(*sampled, strict=True))
        pixels = F.binary_cross_entropy_with_logits(predicted, wanted, reduction="none")
        bces.append(INNER_BCE * pixels.flatten(1).mean(1))
        dices.append(INNER_DICE * dice_loss(predicted, wanted))
    if not sum(len(b) for b in bces):
        nothing = like.sum() * 0
        return nothing, nothing
    return torch.cat(bces).mean(), torch.cat(dices).mean()


def _box_losses(detections: Detections, targets: Sequence[PhraseTargets], assigned: Sequence[Tensor]) -> Tensor:
    """Mean over matched pairs with a mask that is not empty of twice the L1 distance of boxes and 1 - generalised IoU,
    summed over the decoder's layers; zero, still part of the graph, where there are none."""
    corners = detections.boxes
    last = torch.cat([(corners[..., :2] + corners[..., 2:]) / 2, corners[..., 2:] - corners[..., :2]], -1)
    predicted = torch.stack([*detections.steered, last]).float()
    pairs, wanted = [], []
    for row, (target, chosen) in enumerate(zip(targets, assigned, strict=True)):
        filled = target.masks.cpu().bool().flatten(1).any(1)
        boxes = torch.zeros(len(filled), 4)
        boxes[filled] = torch.from_numpy(boxes_of(target.masks.cpu().bool()[filled].numpy()))
        found = [(row, slot) for slot, number in enumerate(chosen.tolist()) if number >= 0 and filled[number]]
        pairs += found
        wanted += [boxes[chosen[slot]] for _, slot in found]
    if not pairs:
        return predicted.sum() * 0
    rows, slots = torch.tensor(pairs, device=predicted.device).unbind(1)
    found_boxes, true_boxes = predicted[:, rows, slots], torch.stack(wanted).to(predicted)
    distance = (found_boxes - true_boxes).abs().sum(-1)
    return (2 * distance + 1 - generalised_iou(found_boxes, true_boxes)).sum(0).mean()


def _union_loss(detections: Detections, masks: Sequence[Tensor]) -> Tensor:
    """Binary cross-entropy and dice of the map `[P, 1, h, w]` against the union of each phrase's masks `[N, h, w]`."""
    assert detections.semantic_logits is not None
    logits = detections.semantic_logits[:, 0].float()
    union = torch.stack([mask.amax(0) for mask in masks])
    return F.binary_cross_entropy_with_logits(logits, union) + dice_loss(logits, union).mean()


def uncertain_points(mask_logits: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Values of a mask pair `[h, w]` at 12544 random points, three quarters of them the least decided of a larger draw.

    Point selection of PointRend (arXiv 1912.08193); the order of the random draws is the reference's.
    """
    drawn = torch.rand(1, POINTS * OVERSAMPLE, 2, device=mask_logits.device)
    kept = int(UNCERTAIN * POINTS)
    with torch.no_grad():
        undecided = (-_sample(mask_logits, drawn).abs()).topk(kept).indices
    points = torch.cat([drawn[:, undecided], torch.rand(1, POINTS - kept, 2, device=mask_logits.device)], dim=1)
    return _sample(mask_logits, points), _sample(wanted, points)


def _sample(image: Tensor, points: Tensor) -> Tensor:
    """Bilinear values `[n]` of `image: [h, w]` at `points: [1, n, 2]`, x and y in [0, 1]."""
    grid = (2 * points - 1)[:, None].to(image.dtype)
    return F.grid_sample(image[None, None], grid, align_corners=False)[0, 0, 0]
