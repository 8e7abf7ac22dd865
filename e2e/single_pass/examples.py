"""One training conversation, and the positions that Qwen3-VL gives to its tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from e2e.single_pass.language import LanguageModel


@dataclass(frozen=True)
class Example:
    """One conversation. `answer` lists the noun phrases with their masks `[N, H, W]`, an all-zero one for no target.
    `boxes`: the masks are filled boxes."""

    image: int
    instruction: str
    answer: Sequence[tuple[str, Tensor]]
    boxes: bool = False


def reference_positions(model: LanguageModel, token_ids: Tensor, valid: Tensor, grids: Tensor) -> Tensor:
    """M-RoPE positions `[3, B, L]` (frame, row, column), with one image per conversation."""
    kinds = (token_ids == model.config.image_token_id).int()
    positions: Tensor = model.model.get_rope_index(
        token_ids, kinds, image_grid_thw=grids.to(token_ids.device), attention_mask=valid
    )[0]
    return positions
