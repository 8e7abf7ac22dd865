"""A tiny Qwen3-VL: its configuration, its forward pass over conversations, and its checkpoint."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from workbench.foundations.training.lora import merged_state

PATCH, MERGE = 8, 2


def build(tokenizer: Any, image_size: int) -> Any:
    """A randomly initialised Qwen3-VL of 3.4 million parameters: 64 image tokens at 128 px."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    ids = tokenizer.convert_tokens_to_ids
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 192, "intermediate_size": 384, "num_hidden_layers": 5,
            "num_attention_heads": 6, "num_key_value_heads": 3, "head_dim": 32, "max_position_embeddings": 2048,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [6, 5, 5], "mrope_interleaved": True,
            },
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "depth": 4, "hidden_size": 128, "intermediate_size": 384, "num_heads": 4, "patch_size": PATCH,
            "spatial_merge_size": MERGE, "temporal_patch_size": 2, "out_hidden_size": 192,
            "num_position_embeddings": (image_size // PATCH) ** 2, "deepstack_visual_indexes": [1],
        },
        image_token_id=ids("<|image_pad|>"), video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"), vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen3VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def patches(images: NDArray[np.uint8]) -> Tensor:
    """Images `[B, H, W, 3] uint8` as Qwen3-VL's `pixel_values [B * patches, 3 * 2 * p * p]`: patches of one merged
    token stand together, a still image counts as two equal frames, mean and standard deviation are 0.5."""
    count, height, width, _ = images.shape
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    block = PATCH * MERGE
    x = x.reshape(count, 3, height // block, MERGE, PATCH, width // block, MERGE, PATCH)
    x = x.permute(0, 2, 5, 3, 6, 1, 4, 7).reshape(-1, 3, 1, PATCH, PATCH)
    return x.expand(-1, -1, 2, -1, -1).reshape(len(x), -1)


def forward(model: Any, pixels: Tensor, ids: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Last hidden states `[B, L, D]` of conversations about the first B images, and the image tokens `[N * 64, D]` of
    all N images, with `pixels` as `patches` gives them."""
    grid = torch.tensor([[1, side, side]], device=pixels.device).expand(len(pixels) // side**2, -1)
    kinds = (ids == model.config.image_token_id).int()
    vision = model.model.visual(pixels, grid_thw=grid, return_dict=True)
    embeds = model.get_input_embeddings()(ids)
    tokens = vision.pooler_output
    where = kinds.bool()
    shown = int(where.sum())
    embeds = embeds.masked_scatter(where[..., None], tokens[:shown].to(embeds.dtype))
    positions, _ = model.model.get_rope_index(ids, kinds, image_grid_thw=grid[: len(ids)])
    states = model.model.language_model(
        inputs_embeds=embeds,
        position_ids=positions,
        visual_pos_masks=where,
        deepstack_visual_embeds=[level[:shown] for level in vision.deepstack_features],
        use_cache=False,
    ).last_hidden_state
    return states, tokens


def answer_loss(model: Any, states: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over the labelled tokens; the head runs on those alone."""
    wanted = labels[:, 1:]
    chosen = wanted != -100
    logits = model.lm_head(states[:, :-1][chosen]).float()
    return F.cross_entropy(logits, wanted[chosen])


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the checkpoint, as `Qwen3VLForConditionalGeneration.from_pretrained` reads it; adapters are merged. It is
    in bfloat16 where weights are held in it, else in half precision."""
    held = any(parameter.dtype == torch.bfloat16 for parameter in model.parameters())
    tensors = merged_state(model, torch.bfloat16 if held else torch.float16)
    shutil.rmtree(folder, ignore_errors=True)
    if model.config.tie_word_embeddings:
        del tensors["lm_head.weight"]
    model.save_pretrained(folder, state_dict=tensors)
    tokenizer.save_pretrained(folder)
