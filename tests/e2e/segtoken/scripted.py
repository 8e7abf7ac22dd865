"""A tiny [SEG] token model whose answers a test scripts."""

from pathlib import Path
from typing import Any

import torch

from e2e.segtoken.config import Tokens
from e2e.segtoken.model import SegToken
from e2e.segtoken.predictor import Predictor
from e2e.segtoken.training.recipe import Config
from tests.e2e.conftest import SIDE, Script


def make(qwen: Path, sam3: Path, tokens: Tokens) -> Predictor:
    torch.manual_seed(2)
    model, processor = SegToken.from_parts(qwen, sam3, tokens)
    return Predictor(model.eval(), processor, max_new_tokens=12, max_masks=4, smallest=1)


def says(predictor: Predictor, *answers: tuple[str, int], end: bool = True) -> None:
    """Make the model write, for each prompt of the next batch, a phrase and so many [SEG] tokens."""
    config, processor = predictor.model.config, predictor.processor
    lines = [
        [
            config.ref_start_token_index,
            *processor.words(phrase),
            config.ref_end_token_index,
            *[config.seg_token_index] * count,
            *([processor.end_token] if end else []),
        ]
        for phrase, count in answers
    ]
    predictor.model._modules["lm_head"] = Script(lines, config.text_config.vocab_size)


def squares(*corners: tuple[int, int]) -> torch.Tensor:
    masks = torch.zeros(len(corners), SIDE, SIDE, dtype=torch.uint8)
    for mask, (row, column) in zip(masks, corners, strict=True):
        mask[row : row + 8, column : column + 8] = 1
    return masks


def config(qwen: Path, sam3: Path, tokens: Tokens, **other: Any) -> Config:
    made: dict[str, Any] = {
        "tokens": tokens,
        "language_model": str(qwen),
        "segmenter": str(sam3),
        "seed": 0,
        "image_size": SIDE,
        "images": 2,
        "conversations": 3,
        "phrase_share": 0.5,
        "minutes": 0.01,
        "rate": 3e-3,
        "mask_rate": 3e-3,
        "bce_weight": 16.0,
        "dice_weight": 4.0,
        "validation_scenes": 2,
        "tracking_uri": "none",
        **other,
    }
    return made  # type: ignore[return-value]
