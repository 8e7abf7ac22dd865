"""The special tokens of the single-pass models, and the folder of a checkpoint that they are saved in."""

from pathlib import Path
from typing import Any

from e2e.single_pass.preprocess import PatchSettings
from workbench.runs.files import read_json

TOKENS = {
    "ref_start_token_index": "<|object_ref_start|>",
    "ref_end_token_index": "<|object_ref_end|>",
    "seg_token_index": "[SEG]",
    "seg_start_token_index": "<|mask_start|>",
    "seg_end_token_index": "<|mask_end|>",
}


def add_tokens(tokenizer: Any, language_model: Any) -> None:
    """Give a tokenizer the special tokens that it lacks, and the language model rows for them where it has too few."""
    known = tokenizer.get_vocab()
    missing = [token for token in TOKENS.values() if token not in known]
    if not missing:
        return
    tokenizer.add_tokens(missing, special_tokens=True)
    if len(tokenizer) > language_model.get_input_embeddings().num_embeddings:
        language_model.resize_token_embeddings(len(tokenizer))


def token_ids(tokenizer: Any) -> dict[str, int]:
    """The configuration's fields for the special tokens."""
    return {name: int(tokenizer.convert_tokens_to_ids(token)) for name, token in TOKENS.items()}


def preprocessor(folder: Path) -> dict[str, Any]:
    """Pixel budget of the language model's image processor; a checkpoint without one takes any size as it is."""
    path = folder / "preprocessor_config.json"
    if path.exists():
        record: dict[str, Any] = read_json(path)
        return record
    return {"min_pixels": 1, "max_pixels": PatchSettings.max_pixels}
