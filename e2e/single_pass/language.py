"""The language model of a single-pass model: Qwen3-VL with its image tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLModel, Qwen3VLPreTrainedModel

from e2e.single_pass.layers import adopt
from e2e.single_pass.text_model import TextModel
from e2e.single_pass.tower import Tower
from e2e.single_pass.vision import VisionEncoder

TEXT_LENGTH = 32
"""Tokens of a phrase that the detector reads; the rest is cut."""


@dataclass(frozen=True)
class ImageTokens:
    """Images as the language model reads them: per image `[tokens, D]`, and per deepstack layer the same again."""

    embeddings: Sequence[Tensor]
    deepstack: Sequence[Sequence[Tensor]]

    def select(self, image_index: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """Embeddings and deepstack features of one image per prompt, concatenated in the prompts' order."""
        return (
            torch.cat([self.embeddings[i] for i in image_index]),
            [torch.cat([layer[i] for i in image_index]) for layer in self.deepstack],
        )


class LanguageModel(Qwen3VLPreTrainedModel):  # type: ignore[misc]
    """What every model here that answers in words and masks has of Qwen3-VL: `model` and `lm_head`."""

    def lay_together(self) -> None:
        """Have products of a layer that read the same states run as one, on the device where the model now is."""
        for module in self.modules():
            if isinstance(module, (TextModel, VisionEncoder)):
                module.lay_together()

    def embed(self, token_ids: Tensor) -> Tensor:
        """Token embeddings, `[...]` ids to `[..., D]`."""
        embeddings: Tensor = self.model.language_model.embed_tokens(token_ids)
        return embeddings

    def language_mask(self, mask: Tensor) -> Tensor:
        """A boolean mask (True: may attend) as the language model's attention takes it: the eager one adds its mask."""
        if self.model.language_model.config._attn_implementation != "eager":
            return mask
        return torch.zeros(mask.shape, dtype=self.dtype, device=mask.device).masked_fill(
            ~mask, torch.finfo(self.dtype).min
        )

    def encode_images(self, patches: Tensor, grids: Tensor) -> ImageTokens:
        """Run Qwen's vision tower on the patches of all images, `grids: [images, 3]` (frames, rows, columns)."""
        out = self.model.get_image_features(patches, grids)
        return ImageTokens(out.pooler_output, out.deepstack_features)


def take_short_ways(model: Qwen3VLModel) -> None:
    """Have both parts of a Qwen3-VL run with fewer kernels where no gradients are wanted."""
    adopt(model.language_model, TextModel)
    adopt(model.visual, Tower)


def projection(width: int, out: int) -> nn.Sequential:
    """Two layers from the language model's states to the segmenter's width, as LISA and InstructSAM have them."""
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, out))
