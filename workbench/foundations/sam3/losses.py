"""Losses of concept segmentation, after DETR (Carion et al. 2020) and DN-DETR (Li et al. 2022)."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from workbench.foundations.sam3.architecture import Detections


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of boxes cxcywh `[..., 4]`, broadcast over the leading dimensions (Rezatofighi et al. 2019)."""
    a0, a1 = a[..., :2] - a[..., 2:] / 2, a[..., :2] + a[..., 2:] / 2
    b0, b1 = b[..., :2] - b[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2
    overlap = (torch.minimum(a1, b1) - torch.maximum(a0, b0)).clamp(min=0).prod(-1)
    both = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - overlap
    hull = (torch.maximum(a1, b1) - torch.minimum(a0, b0)).prod(-1)
    return overlap / both.clamp(min=1e-6) - (hull - both) / hull.clamp(min=1e-6)


@torch.no_grad()
def assign(anchors: Tensor, target_boxes: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hungarian matching of queries that start at `anchors [Q, 2]` with targets `[T, 4]`, by the distance of their
    centres.

    The place where a query starts then decides which object it answers for. From the first step on, a query can tell by
    itself that another one starts nearer to an object. With the usual cost, scores and overlaps, two queries that see
    the same object take turns, and both learn to answer; unlearning this takes longer than the whole training here.
    """
    return linear_sum_assignment(torch.cdist(anchors.cpu(), target_boxes[:, :2].cpu()).numpy())


@torch.no_grad()
def assign_by_cost(logits: Tensor, boxes: Tensor, target_boxes: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hungarian matching of queries with `logits [Q]` and `boxes [Q, 4]` with targets `[T, 4]`, by score and boxes
    with DETR's weights: what a checkpoint was trained by whose queries have no places of their own."""
    distance = torch.cdist(boxes, target_boxes, p=1)
    overlap = generalised_iou(boxes[:, None], target_boxes[None])
    cost = 5 * distance - 2 * overlap - 2 * logits.sigmoid()[:, None]
    return linear_sum_assignment(cost.cpu().numpy())


def focal(logits: Tensor, targets: Tensor) -> Tensor:
    """Focal loss with soft targets: cross entropy weighted by the squared distance from the target."""
    weight = (logits.detach().sigmoid() - targets).abs() ** 2
    return weight * F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """1 - soft dice `[N]` of mask logits and masks `[N, h, w]`."""
    p = logits.sigmoid()
    return 1 - (2 * (p * targets).sum((1, 2)) + 1) / (p.sum((1, 2)) + targets.sum((1, 2)) + 1)


def concept_losses(
    out: Detections, targets: list[Tensor], target_boxes: list[Tensor], *, by_cost: bool = False
) -> dict[str, Tensor]:
    """Losses of concept segmentation; `targets[p] [T, h, w]` float masks at the resolution of the predicted masks.
    Queries are matched with targets by where they start, or by `assign_by_cost`."""
    layers, device = len(out.logits), out.logits.device
    present = torch.tensor([len(t) > 0 for t in targets], dtype=torch.float32, device=device)
    total = max(1, sum(len(t) for t in targets))
    terms = {name: torch.zeros((), device=device) for name in ("score", "box", "giou", "mask", "dice")}
    rows, columns = [], []
    positives = [p for p, t in enumerate(targets) if len(t)]
    for p in positives:
        if by_cost:
            queries, chosen = assign_by_cost(out.logits[-1, p], out.boxes[-1, p], target_boxes[p])
        else:
            queries, chosen = assign(out.anchors, target_boxes[p])
        rows += [(p, int(q)) for q in queries]
        columns += [(p, int(t)) for t in chosen]
    if positives:
        phrases_of, slots = torch.tensor(rows).unbind(1)
        goal = torch.zeros_like(out.logits[0])
        goal[phrases_of, slots] = 1
        wanted = torch.stack([target_boxes[p][t] for p, t in columns])
        for logits, boxes in zip(out.logits, out.boxes[:, phrases_of, slots], strict=True):
            terms["score"] = terms["score"] + focal(logits, goal).sum() / total
            terms["box"] = terms["box"] + (boxes - wanted).abs().sum() / total
            terms["giou"] = terms["giou"] + (1 - generalised_iou(boxes, wanted)).sum() / total
        masks, shapes = out.masks[phrases_of, slots], torch.stack([targets[p][t] for p, t in columns])
        pixels = F.binary_cross_entropy_with_logits(masks, shapes, reduction="none").mean((1, 2))
        terms["mask"], terms["dice"] = pixels.sum() / total, dice_loss(masks, shapes).sum() / total
    terms["presence"] = F.binary_cross_entropy_with_logits(out.presence, present.expand(layers, -1))
    terms |= _hinted_losses(out, targets, target_boxes, total)
    union = torch.stack([t.amax(0) if len(t) else torch.zeros_like(out.semantic[0]) for t in targets])
    terms["semantic"] = F.binary_cross_entropy_with_logits(out.semantic, union) + dice_loss(out.semantic, union).mean()
    return terms


def _hinted_losses(out: Detections, targets: list[Tensor], target_boxes: list[Tensor], total: int) -> dict[str, Tensor]:
    slots = out.hinted_boxes.shape[2]
    rows = [(p, k) for p, t in enumerate(targets) for k in range(min(len(t), slots))]
    if not rows:
        return {}
    phrases_of, slot_of = torch.tensor(rows).unbind(1)
    wanted = torch.stack([target_boxes[p][k] for p, k in rows])
    loss = torch.zeros((), device=out.logits.device)
    for boxes in out.hinted_boxes[:, phrases_of, slot_of]:
        loss = loss + 2 * (boxes - wanted).abs().sum() + (1 - generalised_iou(boxes, wanted)).sum()
    masks, shapes = out.hinted_masks[phrases_of, slot_of], torch.stack([targets[p][k] for p, k in rows])
    pixels = F.binary_cross_entropy_with_logits(masks, shapes, reduction="none").mean((1, 2))
    return {"hinted": (loss + 8 * pixels.sum() + 2 * dice_loss(masks, shapes).sum()) / total}


WEIGHTS = {
    "hinted": 1.0,
    "score": 4.0,
    "box": 2.0,
    "giou": 1.0,
    "mask": 8.0,
    "dice": 2.0,
    "presence": 1.0,
    "semantic": 1.0,
    "dense": 0.5,
    "match": 1.0,
}
