"""InstructSAM with random weights in two sizes: for rehearsals, for tests between tiny and full, and to measure speed.

Its masks are noise, but it behaves: it writes one phrase, feeds its slots and ends. Rows of the token embeddings make
each token of that line the likeliest after the one before it, and what the layers add to it is small.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from e2e.instructsam.config import InstructSamConfig, published_config, save_config
from e2e.instructsam.model import InstructSAM
from e2e.single_pass.preprocess import PatchSettings
from e2e.single_pass.processor import Processor
from workbench.foundations.random_weights import write_weights
from workbench.foundations.sam3.shapes import Shape, sam3_config
from workbench.foundations.training.tokenizer import full_chat_tokenizer

SLOTS = 10
WORDS = "red mug"
"""The phrase that it writes."""
QUIET = 1e-4
"""Standard deviation of what closes a layer of the language model, so that its rows of tokens decide."""
IMAGES = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
"""Fields of Qwen3-VL's configuration for special tokens, and the tokens."""
STEP = 3.0
"""How much longer each row of the line is than the one before; above 2, the next token wins over the same again."""


def config_of(shape: Shape) -> InstructSamConfig:
    """`full` is the published 2B model. `middle` has its vocabulary, slots and detector (`sam3_config`), with a
    language model of width 256 and small encoders of pictures."""
    if shape == "full":
        return published_config()
    return InstructSamConfig(
        text_config={
            "vocab_size": 151936, "hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 4,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 5000000.0, "mrope_section": [12, 10, 10],
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": 4, "hidden_size": 128, "intermediate_size": 512, "num_heads": 4, "out_hidden_size": 256,
            "deepstack_visual_indexes": [0, 1, 2],
        },
        sam3_config=sam3_config(shape, SLOTS),
        tie_word_embeddings=True,
    )  # fmt: skip


def write_random(shape: Shape, folder: Path, precision: str = "bfloat16", seed: int = 0) -> int:
    """Write a checkpoint as `InstructSAM.from_pretrained` reads it, with a generated tokenizer of the published size;
    returns the bytes of its weights."""
    config = config_of(shape)
    tokenizer = full_chat_tokenizer()
    config.architectures = ["InstructSAM"]
    config.text_config.eos_token_id = tokenizer.eos_token_id
    with torch.device("meta"):
        model = InstructSAM(config)
    processor = Processor(tokenizer, config, PatchSettings.from_config(config.vision_config, {}))
    written = write_weights(model, folder, getattr(torch, precision), seed, _speaking(config, processor))
    save_config(config, folder)
    processor.save_pretrained(folder)
    return written


def write_language_model(shape: Shape, folder: Path, precision: str = "bfloat16", seed: int = 0) -> int:
    """Write the Qwen3-VL that an InstructSAM of a size starts from in stage 1, with a generated tokenizer of the
    published size; returns the bytes of its weights."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    tokenizer, whole = full_chat_tokenizer(), config_of(shape).to_dict()
    parts = {name: whole[name] for name in Qwen3VLConfig.sub_configs}
    known = tokenizer.convert_tokens_to_ids
    ids = {f"{name}_token_id": known(f"<|{token}|>") for name, token in IMAGES.items()}
    config = Qwen3VLConfig(**parts, **ids, tie_word_embeddings=True, architectures=["Qwen3VLForConditionalGeneration"])
    config.text_config.eos_token_id = tokenizer.eos_token_id
    with torch.device("meta"):
        model = Qwen3VLForConditionalGeneration(config)
    written = write_weights(model, folder, getattr(torch, precision), seed)
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return written


def _speaking(config: InstructSamConfig, processor: Processor) -> Any:
    """An edit of the weights after which the model writes one phrase, its slots, and the end."""
    first = processor.words("assistant\n")[-1]
    line = [first, config.ref_start_token_index, *processor.words(WORDS), config.ref_end_token_index]
    ending = [config.seg_end_token_index, processor.end_token]

    def edit(name: str, tensor: Tensor) -> None:
        language = ".language_model." in name
        if language and name.endswith(("o_proj.weight", "down_proj.weight")):
            tensor.mul_(QUIET / 0.02)
        elif language and name.endswith("embed_tokens.weight"):
            width = tensor.shape[1]
            generator = torch.Generator().manual_seed(0)
            apart, _ = torch.linalg.qr(torch.randn(width, len(line) + len(ending), generator=generator))
            directions = iter(apart.T * width**0.5)
            for chain in (line, ending):
                before = None
                for place, token in enumerate(chain):
                    own = next(directions)
                    row = own if before is None else own + before
                    tensor[token] = (STEP**place * row).to(tensor.dtype)
                    before = own

    return edit
