"""SAM3 in two sizes beyond the tiny one, with random weights: for rehearsals and for measurements of speed."""

from pathlib import Path
from typing import Any, Literal

Shape = Literal["middle", "full"]
SHAPES: tuple[Shape, ...] = ("middle", "full")
VOCABULARY, BEGIN, END = 49408, 49406, 49407
"""Of CLIP's tokenizer, whose end marker also pads."""


def sam3_config(shape: Shape, queries: int = 200) -> Any:
    """`full` is facebook/sam3. `middle` has its picture of 1008 px, its 72 x 72 tokens, its DETR of width 256 and its
    masks of 288 x 288, with small encoders of pictures and text.
    """
    from transformers import Sam3Config

    text = {"model_type": "clip_text_model", "bos_token_id": BEGIN, "eos_token_id": END, "pad_token_id": END}
    full = {"vocab_size": VOCABULARY, "hidden_size": 1024, "intermediate_size": 4096, "projection_dim": 512}
    full |= {"num_hidden_layers": 24, "num_attention_heads": 16, "max_position_embeddings": 32}
    if shape == "full":
        return Sam3Config(
            text_config={**text, **full, "hidden_act": "gelu"}, detr_decoder_config={"num_queries": queries}
        )
    small = {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4}
    return Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model", "hidden_size": 128, "intermediate_size": 512,
                "num_hidden_layers": 4, "num_attention_heads": 2, "global_attn_indexes": [3],
            },
        },
        text_config={**text, **full, **small, "projection_dim": 64, "hidden_act": "gelu"},
        detr_decoder_config={"num_queries": queries},
    )  # fmt: skip


def write_random(shape: Shape, folder: Path, precision: str = "bfloat16", seed: int = 0) -> int:
    """Write a checkpoint as `Sam3Model.from_pretrained` reads it, with a small tokenizer in the manner of CLIP's;
    returns the bytes of its weights."""
    import torch
    from transformers import Sam3Model

    from workbench.foundations.random_weights import write_weights
    from workbench.foundations.training.tokenizer import clip_tokenizer

    config = sam3_config(shape)
    with torch.device("meta"):
        model = Sam3Model(config)
    written = write_weights(model, folder, getattr(torch, precision), seed)
    config.architectures = ["Sam3Model"]
    config.save_pretrained(folder)
    clip_tokenizer().save_pretrained(folder)
    return written
