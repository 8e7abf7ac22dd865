"""Byte-level BPE tokenizers for the tiny models, trained on what the generated world can say; they encode any text."""

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
