"""Greedy decoding, token by token with a key-value cache, of answers that name a phrase and then emit [SEG] tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from e2e.segtoken.config import SegTokenConfig
from e2e.segtoken.model import SegToken
from e2e.single_pass.decoding import Prompt, Written, decode
from e2e.single_pass.language import TEXT_LENGTH, ImageTokens


@dataclass(frozen=True)
class Emitted(Written):
    """The answer to one prompt, with the states at its [SEG] tokens `[N, D]` and the probability that each was given
    when it was emitted. `cut_off`: it did not end within its bounds of tokens and masks."""

    states: Tensor
    probabilities: list[float]


@dataclass
class _Row:
    config: SegTokenConfig
    end_token: int
    max_new_tokens: int
    max_masks: int
    length: int = 0
    tokens: list[int] = field(default_factory=list)
    phrases: list[list[int]] = field(default_factory=list)
    states: list[Tensor] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    opened: int | None = None
    emitted: bool = False
    done: bool = False
    cut_off: bool = False

    def take(self, token: int, logits: Tensor) -> list[int]:
        """Append the next token; the answer ends at its end token, at a bound, or where one [SEG] is all there is."""
        config = self.config
        self.tokens.append(token)
        self.done = token == self.end_token
        if token == config.ref_start_token_index and self.opened is None:
            self.opened = len(self.tokens) - 1
        if token == config.ref_end_token_index and self.opened is not None:
            self.phrases.append(self.tokens[self.opened :])
            self.opened = None
        self.emitted = token == config.seg_token_index
        if self.emitted:
            self.probabilities.append(float(logits.float().softmax(-1)[token]))
            self.done = config.tokens == "one"
        room = config.text_config.max_position_embeddings - self.length
        bounds = (len(self.tokens) >= self.max_new_tokens, len(self.probabilities) >= self.max_masks, room <= 1)
        if not self.done and any(bounds):
            self.done = self.cut_off = True
        # a [SEG] is fed even at the end: its mask is its own state
        return [token] if self.emitted or not self.done else []

    def read(self, states: Tensor) -> None:
        """Keep the state of a [SEG] token that was fed."""
        if self.emitted:
            self.states.append(states[-1])


def fits(model: SegToken, prompt_length: int, max_masks: int) -> bool:
    """Whether the model's context has room for a prompt, a phrase and its masks."""
    return bool(prompt_length + TEXT_LENGTH + max_masks <= model.config.text_config.max_position_embeddings)


@torch.no_grad()
def generate(
    model: SegToken,
    prompts: Sequence[Prompt],
    images: ImageTokens,
    *,
    end_token: int,
    max_new_tokens: int,
    max_masks: int,
) -> list[Emitted]:
    """Answer prompts greedily, all in one batch; one result per prompt, in order."""
    rows = [_Row(model.config, end_token, max_new_tokens, max_masks) for _ in prompts]
    decode(model, prompts, images, rows)
    empty = torch.zeros(0, model.config.text_config.hidden_size, dtype=model.dtype, device=model.device)
    return [
        Emitted(r.tokens, r.phrases, r.cut_off, torch.stack(r.states) if r.states else empty, r.probabilities)
        for r in rows
    ]
