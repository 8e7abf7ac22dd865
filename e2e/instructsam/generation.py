"""Greedy decoding with slots: whenever a phrase closes, K mask queries are fed in one step and their states are kept.

The numbers are those of the reference implementation at batch 1 (DCDmllm/InstructSAM): causal prefill, positions that
count tokens (image tokens too, no M-RoPE), and one step of K + 3 embeddings after each phrase. In cases where the
reference fails, this code continues: a slot token or a stray marker in the output is ordinary text, only phrases whose
slots were fed count, and a phrase that is open when the length limit is reached is dropped, as is one that repeats
the same words without end. Without a query bank nothing is fed but the phrase's end.

Prompts about one image begin with the same tokens, including the image. Where several prompts share such a beginning,
it is run once for each image, and its keys and values are copied to all its prompts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from e2e.instructsam.config import InstructSamConfig
from e2e.instructsam.model import InstructSAM
from e2e.single_pass.decoding import Prompt, Written, decode, is_repeating
from e2e.single_pass.language import TEXT_LENGTH, ImageTokens


@dataclass(frozen=True)
class Generated(Written):
    """The answer to one prompt, with the states of its slots, `[P, K, D]`, or `[P, 0, D]` without any. `repeating`: it
    was ended in a phrase of the same words again and again, which is dropped."""

    slot_states: Tensor
    repeating: bool = False


@dataclass
class SlotRow:
    """A row whose phrases are each followed by slots."""

    config: InstructSamConfig
    end_token: int
    max_new_tokens: int
    length: int = 0
    tokens: list[int] = field(default_factory=list)
    phrases: list[list[int]] = field(default_factory=list)
    states: list[Tensor] = field(default_factory=list)
    opened: int | None = None
    done: bool = False
    cut_off: bool = False
    repeating: bool = False
    injects: bool = False

    def take(self, token: int, logits: Tensor) -> list[int]:
        """Append the next token. Returns what has to be fed for it: nothing, the token itself, or the slots of a
        phrase.
        """
        config = self.config
        room = config.text_config.max_position_embeddings - self.length
        self.tokens.append(token)
        self.done = token == self.end_token
        if not self.done and (len(self.tokens) >= self.max_new_tokens or room <= 1):
            self.done = self.cut_off = True
        if token == config.ref_start_token_index and self.opened is None:
            self.opened = len(self.tokens) - 1
        if token == config.ref_end_token_index and self.opened is not None:
            phrase, self.opened = self.tokens[self.opened :], None
            if not config.query_bank:
                self.phrases.append(phrase)
            elif room >= config.fed:
                self.phrases.append(phrase)
                self.injects = True
                return self._end()
            else:
                self.done = self.cut_off = True
        if not self.done and self.opened is not None and is_repeating(self.tokens[self.opened :]):
            self.done = self.repeating = True
        return [] if self.done else [token]

    def guess(self) -> list[list[int]]:
        """What is likely to be fed after what is fed next: an answer begins with a phrase, and a phrase may end after
        each of its words."""
        if not self.tokens:
            return [[self.config.ref_start_token_index]]
        if self.opened is None or self.opened == len(self.tokens) - 1 or self.injects:
            return []
        room = self.config.text_config.max_position_embeddings - self.length - 1
        return [self._end()] if room >= self.config.fed else []

    def _end(self) -> list[int]:
        """What is fed at the end of a phrase."""
        config = self.config
        if not config.query_bank:
            return [config.ref_end_token_index]
        slots = [config.seg_token_index] * config.max_seg_nums
        return [config.ref_end_token_index, config.seg_start_token_index, *slots, config.seg_end_token_index]

    def read(self, states: Tensor) -> None:
        """Keep the states of the slots, if slots were fed."""
        if self.injects:
            self.states.append(states[2 : 2 + self.config.max_seg_nums])
        self.injects = False


def fits(model: InstructSAM, prompt_length: int) -> bool:
    """Whether the model's context has room for a prompt and at least one phrase with its slots."""
    needed = prompt_length + TEXT_LENGTH + model.config.fed
    return bool(needed <= model.config.text_config.max_position_embeddings)


@torch.no_grad()
def generate(
    model: InstructSAM,
    prompts: Sequence[Prompt],
    images: ImageTokens,
    *,
    end_token: int,
    max_new_tokens: int,
    guess: bool = False,
) -> list[Generated]:
    """Answer prompts greedily, all in one batch; one result per prompt, in order.

    A prompt together with its answer never exceeds the model's `max_position_embeddings`. `guess`: one prompt alone is
    fed what it is likely to write, which takes fewer passes and changes nothing else.
    """
    rows = [SlotRow(model.config, end_token, max_new_tokens) for _ in prompts]
    return answer(model, prompts, images, rows, guess=guess)


def answer(
    model: InstructSAM, prompts: Sequence[Prompt], images: ImageTokens, rows: Sequence[SlotRow], *, guess: bool
) -> list[Generated]:
    """As `generate`, with rows of one's own, one for each prompt."""
    decode(model, prompts, images, rows, rows[0].guess if guess and len(rows) == 1 else None)
    return [Generated(row.tokens, row.phrases, row.cut_off, _states(model, row), row.repeating) for row in rows]


def _states(model: InstructSAM, row: SlotRow) -> Tensor:
    if row.states:
        return torch.stack(row.states)
    slots = model.slots if model.config.query_bank else 0
    width = model.config.text_config.hidden_size
    return torch.zeros(len(row.phrases), slots, width, dtype=model.dtype, device=model.device)
