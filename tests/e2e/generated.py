"""Answers of a model to some instructions about one image."""

from collections.abc import Sequence

import numpy as np
import torch

from e2e.instructsam.generation import Generated, generate
from e2e.instructsam.predictor import Predictor
from e2e.single_pass.decoding import Prompt
from tests.e2e.conftest import SIDE


def answer(predictor: Predictor, *instructions: str, max_new_tokens: int = 12) -> Sequence[Generated]:
    image = np.full((SIDE, SIDE, 3), 90, dtype=np.uint8)
    patches, grids = predictor.processor.qwen_images([image])
    with torch.no_grad():
        tokens = predictor.model.encode_images(patches, grids)
    prompts = [Prompt(predictor.processor.prompt(text, (1, 8, 8)), 0) for text in instructions]
    end = predictor.processor.end_token
    return generate(predictor.model, prompts, tokens, end_token=end, max_new_tokens=max_new_tokens)
