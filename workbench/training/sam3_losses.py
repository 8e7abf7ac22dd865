"""Losses of concept segmentation, after DETR (Carion et al. 2020) and DN-DETR (Li et al. 2022)."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from workbench.training.sam3_model import Detections


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of boxes cxcywh `[..., 4]`, broadcast over the leading dimensions (Rezatofighi et al. 2019)."""
    a0, a1 = a[..., :2] - a[..., 2:] / 2, a[..., :2] + a[..., 2:] / 2
    b0, b1 = b[..., :2] - b[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2
    overlap = (torch.minimum(a1, b1) - torch.maximum(a0, b0)).clamp(min=0).prod(-1)
    both = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - overlap
    hull = (torch.maximum(a1, b1) - torch.minimum(a0, b0)).prod(-1)
    return overlap / both.clamp(min=1e-6) - (hull - both) / hull.clamp(min=1e-6)


@torch.no_grad()
def assign(logits: Tensor, boxes: Tensor, target_boxes: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hungarian matching of queries `[Q]` with targets `[T]` by score, box distance and generalised IoU."""
    cost = (
        5 * torch.cdist(boxes, target_boxes, p=1)
        - 2 * generalised_iou(boxes[:, None], target_boxes[None])
        - logits.sigmoid()[:, None]
    )
    return linear_sum_assignment(cost.numpy())


def focal(logits: Tensor, targets: Tensor) -> Tensor:
    """Focal loss with soft targets: cross entropy weighted by the squared distance from the target."""
    weight = (logits.detach().sigmoid() - targets).abs() ** 2
    return weight * F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """1 - soft dice `[N]` of mask logits and masks `[N, h, w]`."""
    p = logits.sigmoid()
    return 1 - (2 * (p * targets).sum((1, 2)) + 1) / (p.sum((1, 2)) + targets.sum((1, 2)) + 1)


def concept_losses(out: Detections, targets: list[Tensor], target_boxes: list[Tensor]) -> dict[str, Tensor]:
    """Losses of concept segmentation; `targets[p] [T, h, w]` float masks at the resolution of the predicted masks."""
    layers = len(out.logits)
    present = torch.tensor([len(t) > 0 for t in targets], dtype=torch.float32)
    total = max(1, sum(len(t) for t in targets))
    terms = {name: torch.zeros(()) for name in ("score", "box", "giou", "mask", "dice")}
    positives = [p for p, t in enumerate(targets) if len(t)]
    for layer in range(layers):
        goal = torch.zeros_like(out.logits[layer])
        chosen_boxes, chosen_targets, chosen_masks, mask_targets = [], [], [], []
        for p in positives:
            rows, columns = assign(out.logits[layer, p], out.boxes[layer, p], target_boxes[p])
            picked = torch.as_tensor(columns)
            boxes, wanted = out.boxes[layer, p, torch.as_tensor(rows)], target_boxes[p][picked]
            goal[p, torch.as_tensor(rows)] = 1
            chosen_boxes.append(boxes)
            chosen_targets.append(wanted)
            if layer == layers - 1:
                chosen_masks.append(out.masks[p, torch.as_tensor(rows)])
                mask_targets.append(targets[p][picked])
        if positives:
            terms["score"] = terms["score"] + focal(out.logits[layer, positives], goal[positives]).sum() / total
            boxes, wanted = torch.cat(chosen_boxes), torch.cat(chosen_targets)
            terms["box"] = terms["box"] + (boxes - wanted).abs().sum() / total
            terms["giou"] = terms["giou"] + (1 - generalised_iou(boxes, wanted)).sum() / total
        if chosen_masks:
            masks, wanted_masks = torch.cat(chosen_masks), torch.cat(mask_targets)
            pixels = F.binary_cross_entropy_with_logits(masks, wanted_masks, reduction="none").mean((1, 2))
            terms["mask"], terms["dice"] = pixels.sum() / total, dice_loss(masks, wanted_masks).sum() / total
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
    loss = torch.zeros(())
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
