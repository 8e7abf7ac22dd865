"""Tiny random models: the two checkpoints that InstructSAM starts from, and one put together from them."""

import copy
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.assembly import from_parts
from workbench.foundations.training.tokenizer import chat_tokenizer
from workbench.tabletop.phrases import ALL_PHRASES

SIDE = 64
SLOTS = 4


@pytest.fixture(scope="session")
def qwen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Qwen3-VL that reads a 64 px image as 16 tokens."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    torch.manual_seed(0)
    tokenizer = chat_tokenizer([*ALL_PHRASES, "user\n", "assistant\n"], vocabulary=400)
    ids = tokenizer.convert_tokens_to_ids
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 48,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 16,
            "max_position_embeddings": 256,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [4, 2, 2],
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 2,
            "patch_size": 8,
            "out_hidden_size": 48,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    folder = tmp_path_factory.mktemp("qwen")
    Qwen3VLForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sam3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random SAM3 at 64 px with 6 queries."""
    from transformers import Sam3Config, Sam3Model

    torch.manual_seed(1)
    part = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 48, "num_layers": 2, "dropout": 0.0}
    config = Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 32,
                "intermediate_size": 48,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": SIDE,
                "patch_size": 8,
                "pretrain_image_size": SIDE,
                "window_size": 4,
                "global_attn_indexes": [1],
            },
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        },
        text_config={
            "model_type": "clip_text_model",
            "vocab_size": 64,
            "hidden_size": 24,
            "intermediate_size": 32,
            "projection_dim": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "max_position_embeddings": 32,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
        geometry_encoder_config={**part, "num_layers": 1},
        detr_encoder_config=part,
        detr_decoder_config={**part, "num_queries": 6},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 2},
    )
    folder = tmp_path_factory.mktemp("sam3")
    Sam3Model(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def made(qwen_folder: Path, sam3_folder: Path) -> Predictor:
    torch.manual_seed(2)
    model, processor = from_parts(qwen_folder, sam3_folder, slots=SLOTS)
    return Predictor(model.eval(), processor, threshold=0.3, max_new_tokens=12, guess=False)


@pytest.fixture
def predictor(made: Predictor) -> Predictor:
    """A random InstructSAM with 4 slots, in evaluation mode; each test has its own copy."""
    return copy.deepcopy(made)


@pytest.fixture(scope="session")
def made_without_slots(qwen_folder: Path, sam3_folder: Path) -> Predictor:
    torch.manual_seed(2)
    model, processor = from_parts(qwen_folder, sam3_folder, slots=SLOTS, query_bank=False)
    return Predictor(model.eval(), processor, threshold=0.3, max_new_tokens=12, guess=False)


@pytest.fixture
def without_slots(made_without_slots: Predictor) -> Predictor:
    """A random InstructSAM without a query bank, with 4 of SAM3's queries; each test has its own copy."""
    return copy.deepcopy(made_without_slots)


class Script(nn.Module):
    """Stands in for the output layer: each prompt of a batch writes the tokens it is given, one per call."""

    def __init__(self, lines: Sequence[Sequence[int]], vocabulary: int) -> None:
        super().__init__()
        self.lines, self.vocabulary, self.calls = lines, vocabulary, 0

    def forward(self, hidden: Tensor) -> Tensor:
        logits = torch.zeros(len(hidden), self.vocabulary)
        for row, line in enumerate(self.lines):
            logits[row, line[min(self.calls, len(line) - 1)]] = 1
        self.calls += 1
        return logits


@pytest.fixture
def write(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the model write these lines, one per prompt of the next batch. A line is a list of token ids, or text in
    which `<` and `>` open and close a phrase; it ends with the end token unless `end` is false."""
    config, processor = predictor.model.config, predictor.processor

    def ids(line: str) -> list[int]:
        found: list[int] = []
        for part in re.split("([<>])", line):
            special = {"<": config.ref_start_token_index, ">": config.ref_end_token_index}.get(part)
            found += [special] if special is not None else processor.words(part) if part else []
        return found

    def script(*lines: str | list[int], end: bool = True) -> None:
        tokens = [
            [*(ids(line) if isinstance(line, str) else line), *([processor.end_token] if end else [])] for line in lines
        ]
        monkeypatch.setitem(predictor.model._modules, "lm_head", Script(tokens, config.text_config.vocab_size))

    return script


@pytest.fixture(scope="session")
def middle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """InstructSAM of the middle size with random weights."""
    from e2e.instructsam.shapes import write_random

    folder = tmp_path_factory.mktemp("checkpoints") / "middle"
    write_random("middle", folder)
    return folder
