"""Heads and losses of the first two phases: what every pixel is, and which words fit which place."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.foundations.sam3.losses import dice_loss
from workbench.tabletop.training_scenes import TrainingScene
from workbench.tabletop.vocabulary import CATEGORIES, CATEGORY_INDEX, COLOUR_INDEX, COLOURS


class DenseHead(nn.Module):
    """What every pixel is (category, colour) and where its object's box is, from the features at both ends of the
    pyramid; thrown away after training."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        classes = len(CATEGORIES) + 1 + len(COLOURS) + 1 + 4
        self.coarse = nn.Conv2d(hidden, classes * 4, 1)
        self.fine = nn.Conv2d(width, classes, 1)

    def forward(self, vision: Any) -> Tensor:
        """Logits of categories and colours and four box numbers, `[B, classes + 4, h, w]` at the finest level."""
        fine = vision.fpn_hidden_states[0]
        logits: Tensor = self.fine(fine)
        coarse = self.at_half(vision.last_hidden_state)
        return logits + F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)

    def at_half(self, tokens: Tensor) -> Tensor:
        """The same at twice the resolution of the tokens `[B, side * side, hidden]`, from them alone."""
        return F.pixel_shuffle(self.coarse(on_grid(tokens)), 2)


def on_grid(tokens: Tensor) -> Tensor:
    """Tokens `[B, side * side, hidden]` as a map `[B, hidden, side, side]`."""
    side = int(tokens.shape[1] ** 0.5)
    return tokens.transpose(1, 2).reshape(len(tokens), -1, side, side)


class MatchHead(nn.Module):
    """A dot product of image and text features; thrown away after training."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor(-2.0))

    def forward(self, level: Tensor, text: Tensor, ends: Tensor, image_of: Tensor) -> Tensor:
        """How well each place `[P, side * side]` fits a phrase: logits from the place's feature and the feature of the
        phrase's end marker.

        `level [B, width, side, side]`: a level of the pyramid; training uses the third. `text [P, T, width]`. `ends
        [P]`: the position of the end marker in each phrase.
        """
        places = level.flatten(2).transpose(1, 2)
        places = F.layer_norm(places, places.shape[-1:])[image_of]
        phrase = text[torch.arange(len(text)), ends]
        return torch.einsum("ptc,pc->pt", places, phrase).float() / 8 + self.bias


def match_loss(logits: Tensor, targets: list[Tensor]) -> Tensor:
    """Cross entropy and dice of the logits `[P, places]` against the union of each phrase's masks `[T, h, w]`."""
    side = int(logits.shape[1] ** 0.5)
    union = torch.stack([t.amax(0) if len(t) else t.new_zeros(t.shape[1:]) for t in targets])
    wanted = F.adaptive_avg_pool2d(union[:, None], side)[:, 0]
    maps = logits.reshape(-1, side, side)
    return 4 * F.binary_cross_entropy_with_logits(maps, wanted) + dice_loss(maps, wanted).mean()


def dense_loss(logits: Tensor, categories: Tensor, colours: Tensor, boxes: Tensor) -> Tensor:
    """Cross entropy over categories and colours, and L1 of the boxes at object pixels.

    `categories`, `colours` `[B, h, w] int64`, 0 is background; `boxes [B, 4, h, w]` as `dense_targets` gives them.
    """
    split = len(CATEGORIES) + 1
    foreground = 1 + 2.0 * (categories > 0)
    loss = F.cross_entropy(logits[:, :split].float(), categories, reduction="none")
    loss = loss + 0.5 * F.cross_entropy(logits[:, split:-4].float(), colours, reduction="none")
    off = (logits[:, -4:].float() - boxes).abs().mean(1)
    return (loss * foreground).mean() + (off * (categories > 0)).mean()


def category_accuracy(logits: Tensor, categories: Tensor) -> float:
    """Share of the object pixels of `categories [B, h, w]` whose category has the highest logit."""
    guess = logits[:, : len(CATEGORIES) + 1].argmax(1)
    return float((guess == categories)[categories > 0].float().mean())


def dense_targets(scenes: list[TrainingScene], stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Category and colour index `[B, H / stride, W / stride]` of the object at each sampled pixel, and its box `[B, 4,
    ...]`: from the pixel to the box's centre (x, y), and its extent (width, height), in eighths of the image."""
    categories, colours, boxes = [], [], []
    for scene in scenes:
        index = scene.index[stride // 2 :: stride, stride // 2 :: stride]
        categories.append(np.array([0, *(CATEGORY_INDEX[o.category] for o in scene.objects)])[index])
        colours.append(np.array([0, *(COLOUR_INDEX[o.colour] for o in scene.objects)])[index])
        around = np.concatenate([np.zeros((1, 4), np.float32), boxes_of(scene.masks())])[index].transpose(2, 0, 1)
        height, width = index.shape
        around[0] -= (np.arange(width, dtype=np.float32) + 0.5) / width
        around[1] -= (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
        boxes.append(8 * around)
    kinds, shades, places = (torch.from_numpy(np.stack(each)) for each in (categories, colours, boxes))
    return kinds, shades, places


def boxes_of(masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Boxes `[N, 4]` cxcywh in 0..1 of masks `[N, H, W]`, none of them empty."""
    _, height, width = masks.shape
    columns, rows = np.any(masks, axis=1), np.any(masks, axis=2)
    x0, x1 = columns.argmax(1), width - columns[:, ::-1].argmax(1)
    y0, y1 = rows.argmax(1), height - rows[:, ::-1].argmax(1)
    corners = [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height]
    return np.stack(corners, 1).astype(np.float32)
