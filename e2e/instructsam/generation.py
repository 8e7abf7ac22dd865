"""Greedy decoding with slots: whenever a phrase closes, K mask queries are fed in one step and their states kept.

The numbers are those of the reference implementation at batch 1 (DCDmllm/InstructSAM): causal prefill, positions that
count tokens (image tokens too, no M-RoPE), and one step of K + 3 embeddings after each phrase. Where the reference
fails, this goes on: a slot token or a stray marker in the output is ordinary text, only phrases whose slots were fed
count, and a phrase that is open when the length limit is reached is dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import DynamicCache

from e2e.instructsam.attention import INJECTED, step_mask
from e2e.instructsam.config import InstructSamConfig
from e2e.instructsam.model import TEXT_LENGTH, ImageTokens, InstructSam


@dataclass(frozen=True)
class Prompt:
    """Token ids of one prompt, and which of the encoded images its image tokens stand for."""

    token_ids: Sequence[int]
    image: int


@dataclass(frozen=True)
class Generated:
    """The answer to one prompt: its token ids, each phrase's ids with both markers, and `slot_states: [P, K, D]`.

    `cut_off` says that the length limit came before the end of the answer.
    """

    token_ids: list[int]
    phrases: list[list[int]]
    slot_states: Tensor
    cut_off: bool


@dataclass(frozen=True)
class _Step:
    """One forward pass of a batch. `token_ids: [B, q]`, right padded; `lengths[b]` of them are real, 0 to K + 3."""

    token_ids: Tensor
    lengths: list[int]
    positions: Tensor
    injected: list[bool]

    @property
    def valid(self) -> Tensor:
        columns = torch.arange(self.token_ids.shape[1], device=self.token_ids.device)
        return columns[None] < torch.tensor(self.lengths, device=columns.device)[:, None]


@dataclass
class _Row:
    """One prompt of a batch while it is being answered; `length` counts the tokens fed so far."""

    config: InstructSamConfig
    end_token: int
    max_new_tokens: int
    length: int
    tokens: list[int] = field(default_factory=list)
    phrases: list[list[int]] = field(default_factory=list)
    states: list[Tensor] = field(default_factory=list)
    opened: int | None = None
    done: bool = False
    cut_off: bool = False

    def take(self, token: int) -> list[int]:
        """Append the next token; returns what has to be fed for it: nothing, itself, or the slots of a phrase."""
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
            if room >= config.max_seg_nums + INJECTED:
                self.phrases.append(phrase)
                slots = [config.seg_token_index] * config.max_seg_nums
                return [token, config.seg_start_token_index, *slots, config.seg_end_token_index]
            self.done = self.cut_off = True
        return [] if self.done else [token]


def fits(model: InstructSam, prompt_length: int) -> bool:
    """Whether the model's context has room for a prompt and at least one phrase with its slots."""
    needed = prompt_length + TEXT_LENGTH + model.slots + INJECTED
    return bool(needed <= model.config.text_config.max_position_embeddings)


@torch.no_grad()
def generate(
    model: InstructSam, prompts: Sequence[Prompt], images: ImageTokens, *, end_token: int, max_new_tokens: int
) -> list[Generated]:
    """Answer prompts greedily, all in one batch; one result per prompt, in order.

    A prompt together with its answer never exceeds the model's `max_position_embeddings`.
    """
    rows = [_Row(model.config, end_token, max_new_tokens, 0) for _ in prompts]
    cache = DynamicCache(config=model.config.text_config)
    cached = torch.zeros(len(rows), 0, dtype=torch.bool, device=model.device)
    step: _Step | None = _step(rows, [list(p.token_ids) for p in prompts], [False] * len(rows), model.device)
    visual: tuple[Tensor, list[Tensor]] | None = images.select([p.image for p in prompts])
    while step is not None:
        hidden = _forward(model, step, cached, cache, visual)
        visual = None
        cached = torch.cat([cached, step.valid], dim=1)
        for row, injected, states in zip(rows, step.injected, hidden, strict=True):
            if injected:
                row.states.append(states[2 : 2 + model.slots])
        if all(row.done for row in rows):
            break
        last = torch.tensor([max(0, n - 1) for n in step.lengths], device=model.device)
        logits = model.lm_head(hidden[torch.arange(len(rows), device=model.device), last])
        feeds = [[] if row.done else row.take(t) for row, t in zip(rows, logits.argmax(-1).tolist(), strict=True)]
        step = _step(rows, feeds, [len(feed) > 1 for feed in feeds], model.device)
    width = model.config.text_config.hidden_size
    empty = torch.zeros(0, model.slots, width, dtype=model.dtype, device=model.device)
    return [
        Generated(row.tokens, row.phrases, torch.stack(row.states) if row.states else empty, row.cut_off)
        for row in rows
    ]


def _step(rows: Sequence[_Row], feeds: Sequence[list[int]], injected: list[bool], device: torch.device) -> _Step | None:
    """The next forward pass, or None where no row feeds anything; advances the rows' lengths."""
    widest = max((len(feed) for feed in feeds), default=0)
    if widest == 0:
        return None
    ids = torch.tensor([feed + [0] * (widest - len(feed)) for feed in feeds], device=device)
    # the reference counts the injected step from one further on, and its last position once more
    starts = torch.tensor([row.length + injects for row, injects in zip(rows, injected, strict=True)], device=device)
    for row, feed in zip(rows, feeds, strict=True):
        row.length += len(feed)
    return _Step(ids, [len(f) for f in feeds], starts[:, None] + torch.arange(widest, device=device), injected)


def _forward(
    model: InstructSam, step: _Step, cached: Tensor, cache: DynamicCache, visual: tuple[Tensor, list[Tensor]] | None
) -> Tensor:
    """Final-norm hidden states `[B, q, D]` of one step; `visual` fills the image tokens of the prefill."""
    embeddings = model.embed(step.token_ids)
    deepstack: dict[str, object] = {}
    if visual is not None:
        pixels, layers = visual
        where = step.token_ids == model.config.image_token_id
        embeddings[where] = pixels.to(embeddings.dtype)
        deepstack = {"visual_pos_masks": where, "deepstack_visual_embeds": layers}
    for row, injects in enumerate(step.injected):
        if injects:
            embeddings[row, 2 : 2 + model.slots] = model.model.mask_queries
    out = model.model.language_model(
        inputs_embeds=embeddings,
        attention_mask=model.language_mask(step_mask(cached, step.valid, step.injected)),
        position_ids=step.positions,
        past_key_values=cache,
        use_cache=True,
        **deepstack,
    )
    hidden: Tensor = out.last_hidden_state
    return hidden
