"""Byte-level BPE tokenizers for the tiny models, trained on what the generated world can say; they encode any text."""

import json
from collections.abc import Iterable
from typing import Any

from workbench.tabletop import phrases

COMMON_WORDS = """
the a an all both every each of in on at to from with by and or not but except without only other than if
there are is be it that which them one two three four five left right above below under over top bottom
nearest closest farthest furthest between next largest biggest smallest tiniest leftmost rightmost topmost
bottommost most least exactly please segment find mark show outline select pick could you would can me i want
need something things thing anything object objects items item piece kind use used for drink eat write cut
read time light play hold tell image picture scene table any here where what please mask output segmentation
this these those
""".split()  # noqa: SIM905 - prose reads better than a list of a hundred strings


def clip_tokenizer() -> Any:
    """Lower-casing tokenizer in the manner of CLIP's: start and end markers, padded with the end marker."""
    from tokenizers import normalizers, processors
    from transformers import PreTrainedTokenizerFast

    core = _byte_bpe(
        [*phrases.ALL_PHRASES, *(f"the {word}" for word in COMMON_WORDS)], 600, ["<|startoftext|>", "<|endoftext|>"]
    )
    core.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Strip()])
    start, end = (core.token_to_id(t) for t in ("<|startoftext|>", "<|endoftext|>"))
    core.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", start), ("<|endoftext|>", end)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<|startoftext|>",
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        model_max_length=32,
    )


CHAT_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
    "<|video_pad|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|mask_start|>", "<|mask_end|>", "[SEG]",
)  # fmt: skip
"""Special tokens of Qwen3-VL and InstructSAM by their published names."""

TAGS = ("<think>", "</think>", "<tool>", "</tool>", "<verdict>", "</verdict>")


def chat_tokenizer(texts: Iterable[str], vocabulary: int = 1536) -> Any:
    """Tokenizer of the tiny language models: digits stand alone, other words merge with the punctuation they carry."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?[0-9]| ?[^\s0-9]+|\s"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(CHAT_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    core.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in TAGS])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens=list(CHAT_TOKENS),
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )


PUBLISHED_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>",
    "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>",
    "</think>", "<|unused|>", "[SEG]", "<|mask_start|>", "<|mask_end|>",
)  # fmt: skip
"""Special tokens of the published InstructSAM, from the number `WORDS` on."""
WORDS = 151643
"""Tokens of Qwen's vocabulary before its special ones."""


def full_chat_tokenizer() -> Any:
    """A tokenizer with as many tokens as the published InstructSAM has, and its special ones under their numbers. It
    splits text as `chat_tokenizer` does; most of its words are made up, and only a model can write them."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    small = chat_tokenizer([*phrases.ALL_PHRASES, *COMMON_WORDS, "user\n", "assistant\n"])
    record = json.loads(small.backend_tokenizer.to_str())
    known = [word for word in record["model"]["vocab"] if word not in CHAT_TOKENS]
    words = [*known, *(f"\u0120word{number}" for number in range(WORDS - len(known)))]
    record["model"]["vocab"] = {word: number for number, word in enumerate(words)}
    record["added_tokens"] = []
    core = Tokenizer.from_str(json.dumps(record))
    core.add_special_tokens(list(PUBLISHED_TOKENS))
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens=list(PUBLISHED_TOKENS),
        clean_up_tokenization_spaces=False,
    )


def _byte_bpe(texts: Iterable[str], vocabulary: int, special: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return core
