"""Starts InstructSAM's two projections from the segmenter instead of at random. At the tiny scale this replaces hours
of stage 1, in which the detector would have to learn to read again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from e2e.instructsam.model import InstructSAM

STEPS = 400


def align(model: InstructSAM, tokenizer: Any, segmenter: Path, words: Mapping[str, str]) -> float:
    """Fit the projections to the segmenter's own text features and queries; returns the mean squared error left.

    `words` maps each word of the language model's phrases to the shortest phrase that means it alone ("red": "red
    object"). The text projection of a word becomes the segmenter's feature at that phrase's end, which is what its
    image features were trained to match; both phrase markers become its start marker. Slots start from the mean of the
    segmenter's learned queries: the places that they begin at tell them apart.
    """
    from transformers import Sam3Model

    from workbench.foundations.loading import load_model, load_tokenizer

    sam = load_model(Sam3Model, segmenter, torch.float32)
    targets, start = _features(sam, load_tokenizer(segmenter), list(words.values()))
    ids: list[int] = [model.config.ref_start_token_index, model.config.ref_end_token_index]
    wanted = [start, start]
    for word, target in zip(words, targets, strict=True):
        pieces = [i for text in (word, f" {word}") for i in tokenizer(text, add_special_tokens=False).input_ids]
        ids += pieces
        wanted += [target] * len(pieces)
    with torch.no_grad():
        if model.config.query_bank:
            last: torch.nn.Linear = model.model.mask_hidden_fcs[0][-1]  # type: ignore[index]
            last.bias.copy_(sam.detr_decoder.query_embed.weight.mean(0))
        known = model.embed(torch.tensor(ids))
    return _fit(model.model.text_hidden_fcs[0], known, torch.stack(wanted))


@torch.no_grad()
def _features(sam: Any, tokenizer: Any, phrases: list[str]) -> tuple[Tensor, Tensor]:
    """Text features at the end marker of each phrase `[P, d]`, and at the start marker `[d]`."""
    tokens = tokenizer(phrases, padding=True, return_tensors="pt")
    features: Tensor = sam.get_text_features(tokens.input_ids, tokens.attention_mask).pooler_output
    ends = tokens.attention_mask.sum(1) - 1
    return features[torch.arange(len(phrases)), ends], features[0, 0]


def _fit(projection: torch.nn.Module, known: Tensor, wanted: Tensor) -> float:
    optimizer = torch.optim.Adam(projection.parameters(), lr=3e-3)
    loss = torch.zeros(())
    for _ in range(STEPS):
        loss = F.mse_loss(projection(known), wanted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    optimizer.zero_grad()  # or the first step of training would add what is left here
    return float(loss.detach())
