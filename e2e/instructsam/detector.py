"""SAM3's detector as InstructSAM uses it: text features and queries come from outside, without a presence token."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Sam3Config, Sam3DETRDecoderConfig
from transformers.masking_utils import create_bidirectional_mask
from transformers.models.sam3.modeling_sam3 import (
    Sam3DetrDecoder,
    Sam3DetrDecoderLayer,
    Sam3DotProductScoring,
    Sam3GeometryEncoder,
    box_cxcywh_to_xyxy,
    inverse_sigmoid,
)

from e2e.instructsam.short_detector import ImageEncoder, MaskDecoder, encode_boxes, for_heads
from e2e.single_pass.layers import attend, lean
from e2e.single_pass.vision import VisionEncoder, VisionFeatures, of, see


@dataclass(frozen=True)
class Detections:
    """What the detector finds for P phrases with K slots each.

    `mask_logits: [P, K, h, w]`, `logits: [P, K]` (a slot's score is their sigmoid), `boxes: [P, K, 4]` xyxy in [0, 1],
    `semantic_logits: [P, 1, h, w]` in training; nothing reads them in inference. `steered`: the boxes, cxcywh in [0,
    1], after each decoder layer but the last, which say where the next one looks.
    """

    mask_logits: Tensor
    logits: Tensor
    boxes: Tensor
    semantic_logits: Tensor | None
    steered: tuple[Tensor, ...] = ()


class SlotDecoderLayer(Sam3DetrDecoderLayer):  # type: ignore[misc]
    """SAM3's decoder layer without the presence token at position 0."""

    def forward(
        self,
        queries: Tensor,
        query_positions: Tensor,
        text: Tensor,
        text_mask: Tensor | None,
        vision: Tensor,
        placed: Tensor,
        box_bias: Tensor,
    ) -> Tensor:
        """One layer over `queries: [P, K, C]`; `placed` is vision with its positions, and `box_bias: [P, heads, K,
        h * w]` is added to the attention to it."""
        positioned = queries + query_positions
        attended, _ = self.self_attn(query=positioned, key=positioned, value=queries, attention_mask=None)
        queries = self.self_attn_layer_norm(queries + self.self_attn_dropout(attended))
        attended, _ = self.text_cross_attn(
            query=queries + query_positions, key=text, value=text, attention_mask=text_mask
        )
        queries = self.text_cross_attn_layer_norm(queries + self.text_cross_attn_dropout(attended))
        attended, _ = self.vision_cross_attn(
            query=queries + query_positions, key=placed, value=vision, attention_mask=box_bias
        )
        queries = self.vision_cross_attn_layer_norm(queries + self.vision_cross_attn_dropout(attended))
        result: Tensor = self.mlp_layer_norm(queries + self.mlp_dropout(self.mlp(queries)))
        return result

    def infer(
        self,
        queries: Tensor,
        query_positions: Tensor,
        text: Tensor,
        text_mask: Tensor | None,
        vision: Tensor,
        placed: Tensor,
        box_bias: Tensor,
    ) -> Tensor:
        """The same without gradients and dropout."""
        positioned = queries + query_positions
        queries = self.self_attn_layer_norm(queries + attend(self.self_attn, positioned, positioned, queries))
        found = attend(self.text_cross_attn, queries + query_positions, text, text, text_mask)
        queries = self.text_cross_attn_layer_norm(queries + found)
        found = attend(self.vision_cross_attn, queries + query_positions, placed, vision, box_bias)
        queries = self.vision_cross_attn_layer_norm(queries + found)
        result: Tensor = self.mlp_layer_norm(queries + self.mlp(queries))
        return result


class SlotDecoder(Sam3DetrDecoder):  # type: ignore[misc]
    """SAM3's decoder for queries that come from outside, one per slot, without the presence token.

    `query_embed` is part of the published checkpoint, but only a model without a query bank reads it.
    """

    def __init__(self, config: Sam3DETRDecoderConfig) -> None:
        super().__init__(config)
        del self.presence_token, self.presence_head, self.presence_layer_norm
        self.layers = nn.ModuleList([SlotDecoderLayer(config) for _ in range(config.num_layers)])
        self.post_init()

    def forward(
        self,
        queries: Tensor,
        text: Tensor,
        text_mask: Tensor | None,
        vision: Tensor,
        vision_positions: Tensor,
        grid: tuple[int, int],
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Final queries `[P, K, C]`, their boxes before the last layer `[P, K, 4]` (cx, cy, w, h in [0, 1]), and the
        boxes after each layer but the last, through which gradients flow."""
        boxes = self.reference_points.weight.sigmoid().expand(len(queries), -1, -1)
        short = lean(self)
        placed, attention_mask = vision + vision_positions, for_heads(text_mask)
        if not short:
            attention_mask = create_bidirectional_mask(
                config=self.config, inputs_embeds=queries, attention_mask=text_mask, encoder_hidden_states=text
            )
        normed, steered = queries, list[Tensor]()
        for index, layer in enumerate(self.layers):
            if index:
                # gradients stop here, as in SAM3: the boxes only steer the next layer's attention
                steered.append((self.box_head(normed) + inverse_sigmoid(boxes)).sigmoid())
                boxes = steered[-1].detach()
            positions = self.ref_point_head(encode_boxes(self.position_encoding, boxes))
            bias = self._get_rpb_matrix(boxes, grid)
            run: Any = layer.infer if short else layer
            queries = run(queries, positions, text, attention_mask, vision, placed, bias)
            normed = self.output_layer_norm(queries)
        return normed, boxes, tuple(steered)

    def _get_rpb_matrix(self, boxes: Tensor, grid: tuple[int, int]) -> Tensor:
        """What is added to the attention of `boxes: [P, K, 4]` to each place of a grid, `[P, heads, K, h * w]`: learned
        of the distances between the place and the sides of the box, on a logarithmic scale."""
        x1, y1, x2, y2 = box_cxcywh_to_xyxy(boxes).unbind(-1)
        embedded = []
        sides = ((grid[0], (y1, y2), self.box_rpb_embed_y), (grid[1], (x1, x2), self.box_rpb_embed_x))
        for count, ends, embed in sides:
            places = torch.arange(count, device=boxes.device, dtype=boxes.dtype) / count
            distances = (places[:, None] - torch.stack(ends, dim=-1)[:, :, None]) * 8
            scaled = distances.sign() * torch.log2(distances.abs() + 1.0) / math.log2(8)
            embedded.append(embed(scaled).permute(0, 3, 1, 2).contiguous())
        bias: Tensor = (embedded[0][..., None] + embedded[1][..., None, :]).flatten(-2)
        return bias


class SlotDetector(nn.Module):
    """SAM3's image model between its vision encoder and its masks; tensors are named as in `Sam3Model`.

    `text_projection` and `geometry_encoder` belong to the published checkpoint but nothing here reads them.
    """

    def __init__(self, config: Sam3Config) -> None:
        super().__init__()
        for part in (
            config.geometry_encoder_config,
            config.detr_encoder_config,
            config.detr_decoder_config,
            config.mask_decoder_config,
        ):
            part._attn_implementation = config._attn_implementation
        self.vision_encoder = VisionEncoder(config.vision_config)
        self.text_projection = nn.Linear(config.text_config.hidden_size, config.detr_encoder_config.hidden_size)
        self.geometry_encoder = Sam3GeometryEncoder(config.geometry_encoder_config)
        self.detr_encoder = ImageEncoder(config.detr_encoder_config)
        self.detr_decoder = SlotDecoder(config.detr_decoder_config)
        self.mask_decoder = MaskDecoder(config.mask_decoder_config)
        self.dot_product_scoring = Sam3DotProductScoring(config)

    def encode(self, pixels: Tensor) -> VisionFeatures:
        """Vision features of `pixels: [B, 3, S, S]`; the coarsest level is left out, as in SAM3's detector."""
        return see(self.vision_encoder, pixels)

    def forward(
        self, vision: VisionFeatures, image_index: Tensor, text: Tensor, text_mask: Tensor | None, queries: Tensor
    ) -> Detections:
        """Detect P phrases in the images that `image_index: [P]` names: `text: [P, T, C]`, `queries: [P, K, C]`.

        `text_mask: [P, T] bool`; None: all of the text is real.
        """
        encoded = self.detr_encoder(vision, image_index, text, text_mask)
        positions = of(vision.positions, image_index).flatten(2).transpose(1, 2)
        height, width = vision.features[-1].shape[-2:]
        decoded, before, steered = self.detr_decoder(queries, text, text_mask, encoded, positions, (height, width))
        boxes = (self.detr_decoder.box_head(decoded) + inverse_sigmoid(before)).sigmoid()
        logits = self.dot_product_scoring(decoded[None], text, text_mask)[0].squeeze(-1)
        masks, semantic = self.mask_decoder(decoded, vision, image_index, encoded, text, text_mask)
        return Detections(masks, logits, box_cxcywh_to_xyxy(boxes), semantic, steered)
