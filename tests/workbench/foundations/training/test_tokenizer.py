"""Tokenizers that are made from a corpus."""

import pytest

from workbench.foundations.training.tokenizer import chat_tokenizer


@pytest.mark.parametrize("text", ["large red mug", "Segment the 2 dice!", "чашка ☕ <think>", '{"a": [1, 12]}'])
def test_any_text_survives_the_tokenizer(text: str) -> None:
    tokenizer = chat_tokenizer(["the large red mug", "segment the dice"], 400)
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text
