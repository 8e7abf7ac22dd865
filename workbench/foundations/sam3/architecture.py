"""The tiny SAM3: how it is built, and its forward pass with everything that training looks at."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def build(image_size: int, vocabulary: int, pad: int, bos: int, eos: int) -> Any:
    """A randomly initialised `transformers.Sam3Model` of 2.7 million parameters: masks at half the image size.

    Its queries start on a grid over the image and look inside their boxes: with little training that replaces the long
    phase in which a DETR's queries specialise in places.
    """
    from transformers import Sam3Config, Sam3Model

    width = 64
    shape = {"hidden_size": width, "num_attention_heads": 4}
    config = Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 160, "intermediate_size": 480, "num_hidden_layers": 6, "num_attention_heads": 5,
                "image_size": image_size, "patch_size": 8, "pretrain_image_size": image_size,
                "window_size": 8, "global_attn_indexes": [1, 3, 5],
            },
            "fpn_hidden_size": width, "scale_factors": [4.0, 2.0, 1.0, 0.5],
            "backbone_feature_sizes": [[image_size // 2] * 2, [image_size // 4] * 2, [image_size // 8] * 2],
        },
        text_config={
            "model_type": "clip_text_model", "vocab_size": vocabulary, "hidden_size": 64, "intermediate_size": 192,
            "projection_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64,
            "hidden_act": "gelu", "pad_token_id": pad, "bos_token_id": bos, "eos_token_id": eos,
        },
        # reads box prompts, which are not used here: as small as possible
        geometry_encoder_config={**shape, "num_layers": 1, "intermediate_size": 128, "roi_size": 1},
        detr_encoder_config={**shape, "num_layers": 2, "intermediate_size": 256, "dropout": 0.0},
        detr_decoder_config={**shape, "num_layers": 3, "intermediate_size": 256, "dropout": 0.0, "num_queries": 16},
        mask_decoder_config=shape,
    )  # fmt: skip
    model = Sam3Model(config)
    side = int(config.detr_decoder_config.num_queries**0.5)
    centres = (torch.arange(side) + 0.5) / side
    grid = torch.stack([*torch.meshgrid(centres, centres, indexing="xy"), *[torch.full((side, side), 0.25)] * 2], -1)
    with torch.no_grad():
        model.detr_decoder.reference_points.weight.copy_(torch.logit(grid.flatten(0, 1)))
        for bias in (model.detr_decoder.box_rpb_embed_x, model.detr_decoder.box_rpb_embed_y):
            # the bias sees the signed log distances to a box's two edges: two units measure how far outside one is
            bias.layer1.weight[:2] = torch.tensor([[-1.0, 0.0], [0.0, 1.0]])
            bias.layer1.bias[:2] = 0
            bias.layer2.weight[:, :2] = -torch.tensor([12.0, 8.0, 4.0, 0.0])[:, None]
        for layer in model.detr_encoder.layers:  # image tokens attend to similar text tokens
            same = torch.eye(width)
            layer.cross_attn.q_proj.weight.copy_(2 * same)
            for part in (layer.cross_attn.k_proj, layer.cross_attn.v_proj, layer.cross_attn.o_proj):
                part.weight.copy_(same)
    return model


@dataclass
class Detections:
    """Raw outputs for P phrases and Q queries, of all decoder layers but for the masks.

    `logits [layers, P, Q]`, `boxes [layers, P, Q, 4]` cxcywh in 0..1, `masks [P, Q, h, w]` logits of the last layer,
    `presence [layers, P]` logits, `semantic [P, h, w]` logits; `hinted_boxes [layers, P, H, 4]` and
    `hinted_masks [P, H, h, w]` of queries that started from hints; `anchors [Q, 2]` are the centres x, y in 0..1 that
    the model's own queries start from.
    """

    logits: Tensor
    boxes: Tensor
    masks: Tensor
    presence: Tensor
    semantic: Tensor
    hinted_boxes: Tensor
    hinted_masks: Tensor
    anchors: Tensor


@dataclass
class Encoded:
    """What the decoder attends to: image tokens with their positions, and text with its mask."""

    vision: Tensor
    positions: Tensor
    text: Tensor
    text_mask: Tensor
    grid: tuple[Tensor, Tensor]


def decode(decoder: Any, encoded: Encoded, queries: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`Sam3DetrDecoder.forward` from any queries `[P, Q, d]` and boxes `[P, Q, 4]`: states `[layers, P, Q, d]`,
    boxes `[layers, P, Q, 4]` and presence logits `[layers, P]`."""
    from transformers.models.sam3.modeling_sam3 import inverse_sigmoid

    hidden = torch.cat([decoder.presence_token.weight[None].expand(len(queries), -1, -1), queries], 1)
    hide_padding = torch.zeros_like(encoded.text_mask, dtype=torch.float32)
    hide_padding = hide_padding.masked_fill(~encoded.text_mask, -1e9)[:, None, None]
    states, refined, presence = [], [], []
    for layer in decoder.layers:
        bias = F.pad(decoder._get_rpb_matrix(boxes, encoded.grid), (0, 0, 1, 0))
        hidden = layer(
            hidden,
            query_pos=decoder.ref_point_head(decoder.position_encoding.encode_boxes(boxes)),
            text_features=encoded.text,
            vision_features=encoded.vision,
            vision_pos_encoding=encoded.positions,
            text_cross_attn_mask=hide_padding,
            vision_cross_attn_mask=bias,
        )
        states.append(decoder.output_layer_norm(hidden[:, 1:]))
        refined.append((inverse_sigmoid(boxes) + decoder.box_head(states[-1])).sigmoid())
        presence.append(decoder.presence_head(decoder.presence_layer_norm(hidden[:, 0])).squeeze(-1))
        boxes = refined[-1].detach().float()
    return torch.stack(states), torch.stack(refined), torch.stack(presence).clamp(-10, 10)


def detect(model: Any, vision: Any, text: Tensor, text_mask: Tensor, image_of: Tensor, hints: Tensor) -> Detections:
    """`Sam3Model.forward` with the outputs of every decoder layer; `image_of [P]` says which image a phrase is about.

    `hints [P, H, 4]` are boxes near the targets, from which further queries start: their targets are known without
    matching, which teaches the decoder to refine boxes and masks early (denoising as in DN-DETR, Li et al. 2022). H may
    be 0.
    """
    features = [level[image_of] for level in vision.fpn_hidden_states[:-1]]
    positions = vision.fpn_position_encoding[-2][:1].expand(len(image_of), -1, -1, -1)
    fused = model.detr_encoder(
        vision_features=[features[-1]], text_features=text, vision_pos_embeds=[positions], text_mask=text_mask
    )
    height, width = fused.spatial_shapes[0]
    encoded = Encoded(
        fused.last_hidden_state, fused.pos_embeds_flattened, fused.text_features, text_mask, (height, width)
    )
    decoder, count = model.detr_decoder, len(image_of)
    own, start = decoder.query_embed.weight, decoder.reference_points.weight.sigmoid()
    states, boxes, presence = decode(decoder, encoded, own.expand(count, -1, -1), start.expand(count, -1, -1))
    hinted_states, hinted_boxes = states[:, :, :0], boxes[:, :, :0]
    if hints.shape[1]:
        borrowed = own[torch.randint(len(own), hints.shape[:2])]
        hinted_states, hinted_boxes, _ = decode(decoder, encoded, borrowed, hints)
    logits = model.dot_product_scoring(
        decoder_hidden_states=states, text_features=fused.text_features, text_mask=text_mask
    ).squeeze(-1)
    masks = model.mask_decoder(
        decoder_queries=torch.cat([states[-1], hinted_states[-1]], 1),
        backbone_features=features,
        encoder_hidden_states=fused.last_hidden_state,
        prompt_features=text,
        prompt_mask=text_mask,
    )
    every = masks.pred_masks.float()
    return Detections(
        logits.float(), boxes.float(), every[:, : len(own)], presence.float(), masks.semantic_seg[:, 0].float(),
        hinted_boxes.float(), every[:, len(own) :], start[:, :2].detach(),
    )  # fmt: skip
