"""Qwen3-VL's vision tower in inference."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures, Qwen3VLVisionModel

from e2e.single_pass.layers import lean, rotary, rotate_half

Grid = tuple[int, int, int]
"""Frames, rows and columns of patches."""


class Tower(Qwen3VLVisionModel):  # type: ignore[misc]
    """It takes the short way where no gradients are wanted."""

    def forward(self, hidden_states: Tensor, grid_thw: Tensor, **options: Any) -> Any:
        """As Qwen's: patches `[patches, 3 * frames * patch * patch]` of images with these grids, `[images, 3]`."""
        if not lean(self):
            return super().forward(hidden_states, grid_thw, **options)
        grids: list[Grid] = [(frames, rows, columns) for frames, rows, columns in grid_thw.tolist()]
        weight = self.patch_embed.proj.weight
        # each patch is as large as the kernel, so that the convolution is one product
        hidden = F.linear(hidden_states.to(weight.dtype), weight.flatten(1), self.patch_embed.proj.bias)
        hidden += torch.cat([self._places(grid) for grid in grids])
        tables = [table[:, None] for table in rotary(torch.cat([self._angles(grid) for grid in grids]), torch.float32)]
        deepstack = []
        for number, block in enumerate(self.blocks):
            hidden = _block(block, hidden, (tables[0], tables[1]), grids)
            if number in self.deepstack_visual_indexes:
                merger = self.deepstack_merger_list[self.deepstack_visual_indexes.index(number)]
                deepstack.append(merger(hidden))
        return BaseModelOutputWithDeepstackFeatures(
            last_hidden_state=hidden, pooler_output=self.merger(hidden), deepstack_features=deepstack
        )

    def _places(self, grid: Grid) -> Tensor:
        """The learned places of an image's patches, `[patches, D]`."""
        _, rows, columns = grid
        side, weight = self.num_grid_per_side, self.pos_embed.weight
        learned = weight.view(side, side, -1)
        if (rows, columns) != (side, side):
            square = learned.permute(2, 0, 1)[None].float()
            learned = F.interpolate(square, (rows, columns), mode="bilinear", align_corners=True)[0].permute(1, 2, 0)
        return self._by_blocks(learned.to(weight.dtype), grid)

    def _angles(self, grid: Grid) -> Tensor:
        """Rotary angles of an image's patches, those of the row before those of the column, `[patches, d / 2]`."""
        _, rows, columns = grid
        turns = self.rotary_pos_emb.inv_freq.float()
        down, across = (torch.arange(n, device=turns.device)[:, None] * turns for n in (rows, columns))
        both = [down[:, None].expand(-1, columns, -1), across[None].expand(rows, -1, -1)]
        return self._by_blocks(torch.cat(both, dim=-1), grid)

    def _by_blocks(self, by_rows: Tensor, grid: Grid) -> Tensor:
        """`[rows, columns, D]` in the order of patches, in which those that merge are neighbours, for each frame."""
        frames, rows, columns = grid
        merge = self.spatial_merge_size
        blocks = by_rows.reshape(rows // merge, merge, columns // merge, merge, -1).transpose(1, 2)
        by_blocks = blocks.reshape(rows * columns, -1)
        return by_blocks if frames == 1 else by_blocks.repeat(frames, 1)


def _block(block: Any, hidden: Tensor, tables: tuple[Tensor, Tensor], grids: Sequence[Grid]) -> Tensor:
    """One layer over the patches of all images, `[patches, D]`; a patch attends to those of its own frame."""
    attention = block.attn
    parts = attention.qkv(block.norm1(hidden)).view(len(hidden), 3, attention.num_heads, -1)
    turned = rotate_half(parts[:, :2].float(), (tables[0][:, None], tables[1][:, None])).to(parts.dtype)
    query, key, value = turned[:, 0], turned[:, 1], parts[:, 2]
    sizes = [rows * columns for frames, rows, columns in grids for _ in range(frames)]
    if len(set(sizes)) == 1:
        attended = _attend(attention, *(x.view(len(sizes), sizes[0], *x.shape[1:]) for x in (query, key, value)))
    else:
        images = zip(*(x.split(sizes) for x in (query, key, value)), strict=True)
        attended = torch.cat([_attend(attention, *(x[None] for x in image)) for image in images])
    hidden = attention.proj(attended).add_(hidden)
    result: Tensor = block.mlp(block.norm2(hidden)).add_(hidden)
    return result


def _attend(attention: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """`[N, L, heads, d]` each, to `[N * L, D]`."""
    query, key, value = (x.transpose(1, 2) for x in (query, key, value))
    attended = F.scaled_dot_product_attention(query, key, value, scale=attention.scaling)
    return attended.transpose(1, 2).reshape(-1, attention.dim)
