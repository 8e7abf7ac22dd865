"""A training aid of the tiny model: its slots learn to look at places, and are told directly, without the detector,
what is there.

Each slot starts to look at one place of the image, but nothing tells the language model which. Its slots would have to
find out through the masks alone which place belongs to which slot; until then they could not say which of several
objects is meant.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from e2e.instructsam.model import InstructSAM
from e2e.instructsam.training.losses import PhraseTargets, centres
from e2e.instructsam.training.matching import assign
from e2e.single_pass.processor import Processor
from workbench.tabletop.scenes import Scene
from workbench.tabletop.vocabulary import CATEGORY_INDEX, COLOUR_INDEX

REACH = 0.17
"""How far from its start, in image sides, an object's centre may be for a slot to name it."""
NOTHING = 0
UNKNOWN = -100
"""What stands at a slot in a picture whose objects are not in tabletop's words."""


@dataclass(frozen=True)
class SlotTruth:
    """The truth about each slot of P phrases, `[P, K]`: whether it has a target (1 or 0), and the category and colour
    of the object where it starts, counted from 1; 0 for no object, -100 where that is not known.
    """

    wanted: Tensor
    categories: Tensor
    colours: Tensor

    def to(self, device: torch.device) -> "SlotTruth":
        """The truth on a device."""
        return SlotTruth(*(part.to(device) for part in (self.wanted, self.categories, self.colours)))


class SlotHead(nn.Module):
    """Predicts a slot's truth from the language model's state at the slot. It is discarded after training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sizes = (1, len(CATEGORY_INDEX) + 1, len(COLOUR_INDEX) + 1)
        self.linear = nn.Linear(width, sum(self.sizes))

    def forward(self, states: Tensor, truth: SlotTruth) -> tuple[Tensor, Tensor]:
        """From `states: [P, K, D]` the mean binary cross-entropy of targets, and cross-entropy of what stands there."""
        wanted, categories, colours = self.linear(states.float()).flatten(0, 1).split(self.sizes, 1)
        named = _naming(categories, truth.categories) + 0.5 * _naming(colours, truth.colours)
        return F.binary_cross_entropy_with_logits(wanted[:, 0], truth.wanted.flatten()), named


def _naming(logits: Tensor, wanted: Tensor) -> Tensor:
    """Mean cross-entropy where the truth is known; 0, still part of the graph, where it is nowhere."""
    if bool((wanted == UNKNOWN).all()):
        return logits.sum() * 0
    return F.cross_entropy(logits, wanted.flatten(), ignore_index=UNKNOWN)


def slot_truth(starts: Tensor, targets: Sequence[PhraseTargets], scenes: Sequence[Scene | None]) -> SlotTruth:
    """The truth about slots that start at `starts: [K, 2]` (x, y in 0..1); `scenes[p]` is what phrase p is about, None
    for a picture whose objects are not known."""
    nothing = torch.full((len(starts),), UNKNOWN)
    seen = {id(scene): what_stands(starts, scene) if scene else (nothing, nothing) for scene in scenes}
    categories, colours = (torch.stack([seen[id(scene)][i] for scene in scenes]) for i in (0, 1))
    return SlotTruth(wanted_slots(starts, targets), categories.to(starts.device), colours.to(starts.device))


def wanted_slots(starts: Tensor, targets: Sequence[PhraseTargets]) -> Tensor:
    """1 for each slot `[P, K]` that starts nearest to a target of its phrase, `starts: [K, 2]`."""
    wanted = torch.zeros(len(targets), len(starts))
    for row, target in zip(wanted, targets, strict=True):
        if target.masks.any():
            distances = torch.cdist(starts.float().cpu(), centres(target.masks.float().cpu()))
            row[assign(distances[None]) >= 0] = 1
    return wanted.to(starts.device)


def what_stands(starts: Tensor, scene: Scene) -> tuple[Tensor, Tensor]:
    """Category and colour `[K]`, counted from 1, of the object nearest to each start; 0 where none is within reach."""
    height, width = scene.image.shape[:2]
    middles = torch.tensor([[o.centre[0] / width, o.centre[1] / height] for o in scene.objects])
    distances, nearest = torch.cdist(starts.float().cpu(), middles).min(1)
    categories = torch.tensor([CATEGORY_INDEX[o.category] for o in scene.objects])[nearest]
    colours = torch.tensor([COLOUR_INDEX[o.colour] for o in scene.objects])[nearest]
    far = distances > REACH
    return categories.masked_fill(far, NOTHING), colours.masked_fill(far, NOTHING)


@torch.no_grad()
def place_slots(model: InstructSAM, processor: Processor, images: Sequence[NDArray[np.uint8]]) -> None:
    """Start each slot from the mean image token at the place where it starts, scaled to twice the length of a word's
    embedding. What images have in common at a place is the code of that place, which the language model knows.
    """
    patches, grids = processor.qwen_images(images)
    tokens = model.encode_images(patches.to(model.device), grids.to(model.device)).embeddings
    mean = torch.stack(list(tokens)).mean(0)
    side = int(len(mean) ** 0.5)
    cells = (model.starts() * side).long().clamp(0, side - 1)
    places = (mean - mean.mean(0))[cells[:, 1] * side + cells[:, 0]]
    words = model.model.language_model.embed_tokens.weight
    model.model.mask_queries.copy_(2 * places * (words.square().mean() / places.square().mean()).sqrt())
