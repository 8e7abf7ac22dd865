"""Image features of SAM3's vision encoder, computed once for an image."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Sam3VisionModel
from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

from e2e.single_pass.layers import heads, lean, mlp, rotate_pairs, split
from e2e.single_pass.products import lay_together, project, readers, together

UNUSED = 1
"""Levels of the pyramid, from the coarsest on, that SAM3's detector leaves out."""


@dataclass(frozen=True)
class VisionFeatures:
    """The feature pyramid of B images, finest first: `features[i]` is `[B, C, h_i, w_i]`. `positions` encodes the
    places of the coarsest, `[B, C, h, w]`."""

    features: tuple[Tensor, ...]
    positions: Tensor

    def select(self, image_index: Tensor) -> "VisionFeatures":
        """The features of the image of each phrase; `image_index: [P]`."""
        return VisionFeatures(tuple(of(x, image_index) for x in self.features), of(self.positions, image_index))


def of(images: Tensor, image_index: Tensor) -> Tensor:
    """`images[image_index]`, without a copy where all are of one image."""
    if len(images) == 1:
        return images.expand(len(image_index), *images.shape[1:])
    return images[image_index]


def see(vision_encoder: Sam3VisionModel, pixels: Tensor) -> VisionFeatures:
    """The features that the vision encoder computes from `pixels: [B, 3, S, S]`, without its coarsest level."""
    out = vision_encoder(pixels)
    levels = len(vision_encoder.config.scale_factors) - UNUSED
    return VisionFeatures(tuple(out.fpn_hidden_states[:levels]), out.fpn_position_encoding[levels - 1])


class VisionEncoder(Sam3VisionModel):  # type: ignore[misc]
    """It takes the short way where no gradients are wanted, and then leaves out the level that no detector reads."""

    def lay_together(self) -> None:
        """Have products of a layer that read the same states run as one."""
        for layer in self.backbone.layers:
            lay_together(readers(layer.attention))

    def forward(self, pixel_values: Tensor, **options: Any) -> Any:
        """As SAM3's."""
        if not lean(self):
            return super().forward(pixel_values, **options)
        hidden = _patches(self.backbone, pixel_values)
        levels = tuple(_level(layer, hidden) for layer in list(self.neck.fpn_layers)[:-UNUSED])
        place = self.neck.position_encoding(levels[-1].shape, hidden.device, hidden.dtype)
        return Sam3VisionEncoderOutput(
            last_hidden_state=hidden.flatten(1, 2),
            fpn_hidden_states=levels,
            fpn_position_encoding=(None,) * (len(levels) - 1) + (place,),
        )


def _patches(backbone: Any, pixels: Tensor) -> Tensor:
    """States `[B, rows, columns, D]` of SAM3's ViT."""
    side, embeddings = backbone.config.patch_size, backbone.embeddings
    rows, columns = pixels.shape[-2] // side, pixels.shape[-1] // side
    weight = embeddings.patch_embeddings.projection.weight
    patches = split(split(pixels.to(weight.dtype), -1, columns, side), -3, rows, side)
    # each patch is as large as the kernel, so that the convolution is one product
    hidden = F.linear(patches.permute(0, 2, 4, 1, 3, 5).flatten(3), weight.flatten(1))
    places = embeddings._tile_position_embeddings(embeddings.position_embeddings, rows, columns)
    hidden = backbone.layer_norm(hidden + places.view(1, rows, columns, -1))
    turns: dict[int, Tensor] = {}
    window = 0
    for layer in backbone.layers:
        size = (
            layer.window_size
            if layer.window_size and not (rows % layer.window_size or columns % layer.window_size)
            else 0
        )
        if layer.window_size and not size:
            hidden, window = layer(_whole(hidden, window, rows, columns)), 0  # its windows are padded
            continue
        if size != window:
            hidden, window = _windows(_whole(hidden, window, rows, columns), size), size
        if size not in turns:
            cosines, sines = layer.rotary_emb(hidden, layer.position_ids)
            turns[size] = torch.complex(cosines[0, :, ::2], sines[0, :, ::2])[:, None]
        hidden = _layer(layer, hidden, turns[size])
    return _whole(hidden, window, rows, columns)


def _windows(hidden: Tensor, size: int) -> Tensor:
    """`[B, rows, columns, D]` as `[B * windows, size, size, D]`; a size of 0 is the whole image."""
    if not size:
        return hidden
    windows = split(split(hidden, 2, -1, size), 1, -1, size)
    return windows.transpose(2, 3).reshape(-1, size, size, hidden.shape[-1])


def _whole(windows: Tensor, size: int, rows: int, columns: int) -> Tensor:
    """The inverse of `_windows`."""
    if not size:
        return windows
    apart = windows.view(-1, rows // size, columns // size, size, size, windows.shape[-1])
    return apart.transpose(2, 3).reshape(-1, rows, columns, windows.shape[-1])


def _layer(layer: Any, hidden: Tensor, turns: Tensor) -> Tensor:
    """One layer over windows or whole images, `[N, rows, columns, D]`."""
    attention, qkv = layer.attention, readers(layer.attention)
    normed, count = layer.layer_norm1(hidden).flatten(1, 2), attention.num_attention_heads
    *turning, value = project(qkv, together(qkv), normed)
    turned = [rotate_pairs(split(x, -1, -1, attention.head_dim), turns).transpose(1, 2) for x in turning]
    query, key = (part for x in turned for part in x.chunk(x.shape[1] // count, 1))
    value = heads(value, count)
    attended = F.scaled_dot_product_attention(query, key, value, scale=attention.scaling)
    hidden = attention.o_proj(attended.transpose(1, 2).flatten(2)).view_as(hidden).add_(hidden)
    result: Tensor = mlp(layer.mlp, layer.layer_norm2(hidden)).add_(hidden)
    return result


def _level(layer: Any, hidden: Tensor) -> Tensor:
    """A level of the pyramid, `[B, C, h, w]` with channels last in memory, of `[B, rows, columns, D]`.

    A transposed convolution whose kernel is as large as its stride turns each place into 2 x 2 on its own, and what
    follows it looks at single places too: they are put in order once, at the end.
    """
    batch, rows, columns, _ = hidden.shape
    doubled = 0
    for step in layer.scale_layers:
        if isinstance(step, nn.ConvTranspose2d) and step.bias is not None:
            weight = step.weight.permute(2, 3, 1, 0).flatten(0, 2)
            hidden = split(F.linear(hidden, weight, step.bias.repeat(4)), -1, 2, 2, -1)
            doubled += 1
        else:
            hidden = step(hidden)
    hidden = F.linear(hidden, layer.proj1.weight.flatten(1), layer.proj1.bias)
    if doubled:
        # [B, rows, columns, (row, column) of each doubling, C]
        order = [0, 1, *range(3, 3 + 2 * doubled, 2), 2, *range(4, 4 + 2 * doubled, 2), 3 + 2 * doubled]
        scale = 2**doubled
        hidden = hidden.permute(order).reshape(batch, rows * scale, columns * scale, -1)
    result: Tensor = layer.proj2(hidden.permute(0, 3, 1, 2))
    return result
