"""SAM3's DETR encoder and mask decoder in inference: what all phrases of an image share is computed once for it."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.models.sam3.modeling_sam3 import Sam3DetrEncoder, Sam3MaskDecoder

from e2e.single_pass.layers import attend, lean, mlp, split
from e2e.single_pass.vision import VisionFeatures, of


class ImageEncoder(Sam3DetrEncoder):  # type: ignore[misc]
    """Mixes the image with each phrase."""

    def forward(self, vision: VisionFeatures, image_index: Tensor, text: Tensor, text_mask: Tensor | None) -> Tensor:
        """States `[P, h * w, C]` of P phrases, `text: [P, T, C]`, in the images that `image_index: [P]` names.

        `text_mask: [P, T] bool`; None: all of the text is real.
        """
        if not lean(self):
            own = vision.select(image_index)
            mixed: Tensor = (
                super()
                .forward(
                    vision_features=[own.features[-1]],
                    text_features=text,
                    vision_pos_embeds=[own.positions],
                    text_mask=text_mask,
                )
                .last_hidden_state
            )
            return mixed
        mask = for_heads(text_mask)
        hidden, places = (x.flatten(2).transpose(1, 2) for x in (vision.features[-1], vision.positions))
        for number, layer in enumerate(self.layers):
            normed = layer.layer_norm1(hidden)
            placed = normed + places
            hidden = attend(layer.self_attn, placed, placed, normed).add_(hidden)
            if not number:  # the phrase comes in here
                hidden, places = of(hidden, image_index), of(places, image_index)
            hidden = attend(layer.cross_attn, layer.layer_norm2(hidden), text, text, mask).add_(hidden)
            hidden = mlp(layer.mlp, layer.layer_norm3(hidden)).add_(hidden)
        return hidden


class MaskDecoder(Sam3MaskDecoder):  # type: ignore[misc]
    """Draws a mask for each query."""

    def forward(
        self,
        queries: Tensor,
        vision: VisionFeatures,
        image_index: Tensor,
        encoded: Tensor,
        text: Tensor,
        text_mask: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Mask logits `[P, K, h, w]` of `queries: [P, K, C]`, and in training semantic logits `[P, 1, h, w]`; `encoded`
        is what `ImageEncoder` made of the rest."""
        if not lean(self):
            out = super().forward(
                decoder_queries=queries,
                backbone_features=list(vision.select(image_index).features),
                encoder_hidden_states=encoded,
                prompt_features=text,
                prompt_mask=text_mask,
            )
            return out.pred_masks, out.semantic_seg
        normed = self.prompt_cross_attn_norm(encoded)
        encoded = attend(self.prompt_cross_attn, normed, text, text, for_heads(text_mask)).add_(encoded)
        *finer, coarsest = vision.features
        pixels = split(encoded, 1, *coarsest.shape[-2:])
        stages = zip(reversed(finer), self.pixel_decoder.conv_layers, self.pixel_decoder.norms, strict=False)
        for features, convolution, norm in stages:
            added = _enlarged_onto(pixels, of(features, image_index).permute(0, 2, 3, 1))
            pixels = norm(convolution(added.permute(0, 3, 1, 2))).relu_().permute(0, 2, 3, 1)
        # to project all pixels and multiply them with each query is to multiply them with projected queries
        drawn, projection = self.mask_embedder(queries), self.instance_projection
        weights, shift = drawn @ projection.weight.flatten(1), (drawn @ projection.bias)[..., None]
        masks = torch.baddbmm(shift, weights, pixels.flatten(1, 2).transpose(1, 2))
        return split(masks, -1, *pixels.shape[1:3]), None


def for_heads(text_mask: Tensor | None) -> Tensor | None:
    """A mask `[P, T]` of text as attention takes it, `[P, 1, 1, T]`."""
    return None if text_mask is None else text_mask[:, None, None]


def _enlarged_onto(pixels: Tensor, features: Tensor) -> Tensor:
    """`pixels: [P, h, w, C]` enlarged to the size of `features: [P, H, W, C]` (nearest), and added to them."""
    height, width = features.shape[1:3]
    down, across = height // pixels.shape[1], width // pixels.shape[2]
    if (down * pixels.shape[1], across * pixels.shape[2]) != (height, width):
        large = F.interpolate(pixels.permute(0, 3, 1, 2), (height, width), mode="nearest")
        return large.permute(0, 2, 3, 1) + features
    apart = split(split(features, 2, -1, across), 1, -1, down)
    return (apart + pixels[:, :, None, :, None]).reshape(features.shape)


def encode_boxes(encoding: Any, boxes: Tensor) -> Tensor:
    """SAM3's sine embedding of `boxes: [P, K, 4]` (cx, cy, w, h), `[P, K, 4 * features]`, y before x."""
    count = encoding.num_position_features
    steps = torch.arange(count, device=boxes.device).to(boxes.dtype)
    steps = encoding.temperature ** (2 * torch.div(steps, 2, rounding_mode="floor") / count)
    x, y, width, height = (boxes * encoding.scale).unbind(-1)
    angles = torch.stack([y, x, width, height], dim=-1)[..., None] / steps
    embedded: Tensor = torch.stack([angles[..., 0::2].sin(), angles[..., 1::2].cos()], dim=-1).flatten(-3)
    return embedded
