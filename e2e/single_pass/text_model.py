"""Qwen3-VL's language model in inference, with keys and values that are written where they stay."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextModel

from e2e.single_pass.layers import heads, rms_norm, rotary, rotate_half, split
from e2e.single_pass.products import Whole, lay_together, project, readers, together

ROOM = 64
"""Tokens for which room is made beyond a prompt, and whenever there is none left."""


@dataclass(frozen=True)
class _Joined:
    """What a layer does at once: the products that make queries, keys and values, those that make the gate and what it
    lets through, and the norms of queries and keys, as weights `[heads of both, d]`."""

    attention: Whole | None
    mlp: Whole | None
    norms: Tensor

    @classmethod
    def of(cls, layer: Any) -> "_Joined":
        """As the layer's parameters are now."""
        own = layer.self_attn
        query, key = own.q_norm.weight, own.k_norm.weight
        key_heads = own.k_proj.out_features // own.head_dim
        norms = torch.cat([query.expand(key_heads * own.num_key_value_groups, -1), key.expand(key_heads, -1)])
        return cls(together(readers(own)), together(_gated(layer.mlp)), norms)


def _gated(mlp: Any) -> list[Any]:
    """The layers that make the gate and what it lets through, both of the same states."""
    return [mlp.gate_proj, mlp.up_proj]


class KeyValues:
    """Keys and values of all layers for the `length` tokens so far; there is room for more of them.

    `keys` and `values` are `[layers, B, heads, room, d]`. `joined` is looked up when the first tokens are fed.
    """

    def __init__(self, config: Any, like: Tensor) -> None:
        """None yet, in the precision and on the device of `like`, for a language model of this configuration."""
        self.shape = (config.num_hidden_layers, config.num_key_value_heads, config.head_dim)
        self.like, self.length = like, 0
        self.keys = self.values = like.new_empty(0)
        self.joined: list[_Joined] = []

    def make_room(self, batch: int, count: int) -> None:
        """For `count` more tokens of each of `batch` rows; what is there moves only when the room is used up."""
        layers, key_heads, width = self.shape
        if self.length and self.keys.shape[3] >= self.length + count:
            return
        before = (self.keys, self.values)
        self.keys, self.values = (
            self.like.new_empty(layers, batch, key_heads, self.length + count + ROOM, width) for _ in range(2)
        )
        if self.length:
            for new, old in zip((self.keys, self.values), before, strict=True):
                new[:, :, :, : self.length] = old[:, :, :, : self.length]

    def put(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write a layer's new ones, `[B, heads, q, d]`; returns those of all tokens. `length` stays as it was."""
        before, count = self.length, keys.shape[2]
        own_keys, own_values = self.keys[layer], self.values[layer]
        own_keys.narrow(2, before, count).copy_(keys)
        own_values.narrow(2, before, count).copy_(values)
        return own_keys.narrow(2, 0, before + count), own_values.narrow(2, 0, before + count)

    def batch_select_indices(self, rows: Tensor) -> None:
        """Put these rows, each as often as it is named, in place of all."""
        self.keys, self.values = self.keys.index_select(1, rows), self.values.index_select(1, rows)


class TextModel(Qwen3VLTextModel):  # type: ignore[misc]
    """With `KeyValues` in place of a cache of transformers it takes the short way, and `attention_mask` is None where
    every token attends to itself and to all before it."""

    def lay_together(self) -> None:
        """Have products of a layer that read the same states run as one."""
        for layer in self.layers:
            lay_together(readers(layer.self_attn))
            lay_together(_gated(layer.mlp))

    def forward(self, *given: Any, past_key_values: Any = None, **options: Any) -> Any:
        """As Qwen's."""
        if not isinstance(past_key_values, KeyValues):
            return super().forward(*given, past_key_values=past_key_values, **options)
        return BaseModelOutputWithPast(last_hidden_state=self._infer(past_key_values, **options))

    def _infer(
        self,
        cache: KeyValues,
        inputs_embeds: Tensor,
        position_ids: Tensor,
        attention_mask: Tensor | None = None,
        visual_pos_masks: Tensor | None = None,
        deepstack_visual_embeds: list[Tensor] | tuple[Tensor, ...] = (),
        last: int = 0,
        use_cache: bool = True,
    ) -> Tensor:
        """Final-norm states of the next tokens, `[B, q, D]`, or of the `last` of them where that is not 0;
        `position_ids: [B, q]`, or `[3, B, q]` for M-RoPE."""
        del use_cache
        hidden = inputs_embeds
        batch, count, _ = hidden.shape
        cache.make_room(batch, count)
        cache.joined = cache.joined or [_Joined.of(layer) for layer in self.layers]
        tables = self._tables(position_ids, hidden)
        if visual_pos_masks is not None:
            seen = visual_pos_masks.flatten().nonzero().squeeze(1)
        for number, layer in enumerate(self.layers):
            pictured = number < len(deepstack_visual_embeds)
            wanted = 0 if pictured or number < len(self.layers) - 1 else last
            hidden = _layer(layer, hidden, tables, attention_mask, cache, number, wanted)
            if pictured:
                extra = deepstack_visual_embeds[number].to(hidden.dtype)
                hidden.view(batch * count, -1).index_add_(0, seen, extra)
        cache.length += count
        return rms_norm(self.norm, hidden[:, -last:])

    def _tables(self, positions: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Rotary tables `[B, 1, q, d]`."""
        rotation = self.rotary_emb
        if positions.ndim == 2:
            frequencies = positions[:, None, :, None].float() * rotation.inv_freq
            return rotary(frequencies, hidden.dtype, rotation.attention_scaling)
        cosines, sines = (table[:, None] for table in rotation(hidden, positions))
        first, second = sines.chunk(2, -1)
        return cosines, torch.cat([-first, second], -1)


def _layer(
    layer: Any,
    hidden: Tensor,
    tables: tuple[Tensor, Tensor],
    mask: Tensor | None,
    cache: KeyValues,
    number: int,
    last: int,
) -> Tensor:
    """One layer over `hidden: [B, q, D]`; the keys and values of all, and the states of the `last`, 0 being all."""
    attention, mlp = layer.self_attn, layer.mlp
    normed = rms_norm(layer.input_layernorm, hidden)
    joined, groups, key_heads = cache.joined[number], attention.num_key_value_groups, cache.shape[1]
    *turning, value = project(readers(attention), joined.attention, normed)
    both = split(turning[0] if len(turning) == 1 else torch.cat(turning, -1), -1, *joined.norms.shape)
    turned = rotate_half(rms_norm(attention.q_norm, both, joined.norms).transpose(1, 2), tables)
    query = turned[:, : key_heads * groups]
    keys, values = cache.put(number, turned[:, key_heads * groups :], heads(value, key_heads))
    if last:
        hidden, query = hidden[:, -last:], query[:, :, -last:]
    if mask is None and 1 < last < keys.shape[2]:
        mask = torch.ones(last, keys.shape[2], dtype=torch.bool, device=keys.device).tril(keys.shape[2] - last)
    causal = mask is None and hidden.shape[1] > 1
    shared = mask is None or mask.device.type == "cpu"
    if not shared:
        # with a mask, a GPU has no quick kernel for keys that several heads share
        keys, values = keys.repeat_interleave(groups, 1), values.repeat_interleave(groups, 1)
    attended = F.scaled_dot_product_attention(
        query, keys, values, mask, is_causal=causal, scale=attention.scaling, enable_gqa=shared
    )
    hidden = attention.o_proj(attended.transpose(1, 2).flatten(2)).add_(hidden)
    normed = rms_norm(layer.post_attention_layernorm, hidden)
    gate, through = project(_gated(mlp), joined.mlp, normed)
    result: Tensor = mlp.down_proj(mlp.act_fn(gate).mul_(through)).add_(hidden)
    return result
