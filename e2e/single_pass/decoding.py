"""Greedy decoding of a batch of prompts that share prefixes: images, and instructions about one image.

One prompt alone may be fed what it is likely to be fed next (`guess`): a token that it has not written yet, or the end
of a phrase with its slots. The same pass that reads them says whether it would have been fed them; the rest is
forgotten. The answer is that of one token at a time, up to rounding, in fewer passes. Leviathan et al., "Fast inference
from transformers via speculative decoding" (ICML 2023).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import DynamicCache

from e2e.single_pass.attention import step_mask
from e2e.single_pass.language import ImageTokens, LanguageModel
from e2e.single_pass.layers import lean
from e2e.single_pass.text_model import KeyValues


@dataclass(frozen=True)
class Prompt:
    """Token ids of one prompt, and which of the encoded images its image tokens stand for.

    `positions: [3, L]` are those of Qwen's M-RoPE (frame, row, column), from which the answer counts on; None: a plain
    count of tokens. All prompts of a batch have them, or none has.
    """

    token_ids: Sequence[int]
    image: int
    positions: Tensor | None = None


@dataclass(frozen=True)
class Written:
    """The words of an answer: its token ids and each phrase's ids with both markers.

    `cut_off` says that the length limit came before the end of the answer.
    """

    token_ids: list[int]
    phrases: list[list[int]]
    cut_off: bool


REPEATS, LONGEST_CYCLE = 8, 4
"""So often in a row, and of at most so many tokens, is what nobody writes on purpose."""


def is_repeating(tokens: Sequence[int]) -> bool:
    """Whether the tokens end in the same few, `REPEATS` times in a row: greedy decoding never leaves such a loop."""
    for cycle in range(1, LONGEST_CYCLE + 1):
        last = tokens[-cycle * REPEATS :]
        if len(last) == cycle * REPEATS and list(last) == list(last[:cycle]) * REPEATS:
            return True
    return False


class Row(Protocol):
    """One prompt of a batch while it is being answered; `length` counts the tokens fed so far."""

    length: int
    done: bool

    def take(self, token: int, logits: Tensor) -> list[int]:
        """Append the next token, the best by `logits: [vocabulary]`; returns what has to be fed for it, if anything."""
        ...

    def read(self, states: Tensor) -> None:
        """Look at the final-norm states `[n, D]` of what was fed last."""
        ...


@dataclass(frozen=True)
class _Step:
    """One forward pass of a batch. `token_ids: [B, q]`, right padded; `lengths[b]` of them are real.

    `positions: [B, q]`, or `[3, B, q]` for M-RoPE. `slots_at[b]`: the column of the end of a phrase that slots follow;
    None: the row has no slots.
    """

    token_ids: Tensor
    lengths: list[int]
    positions: Tensor
    slots_at: list[int | None]

    @property
    def width(self) -> int:
        return self.token_ids.shape[1]

    @property
    def padded(self) -> bool:
        return min(self.lengths) < self.width

    @property
    def valid(self) -> Tensor:
        columns = torch.arange(self.width, device=self.token_ids.device)
        return columns[None] < torch.tensor(self.lengths, device=columns.device)[:, None]

    def last(self, hidden: Tensor) -> Tensor:
        """The states `[B, D]` of each row's last real token, of `[B, q, D]`."""
        if not self.padded:
            return hidden[:, -1]
        rows = torch.arange(len(hidden), device=hidden.device)
        return hidden[rows, torch.tensor([max(0, n - 1) for n in self.lengths], device=hidden.device)]


class _Fed:
    """What a batch of B rows has been fed so far: keys and values, and which of their columns hold real tokens.

    `real: [B, length]`; None while all of them do.
    """

    def __init__(self, model: LanguageModel, batch: int) -> None:
        self.short = lean(model.model.language_model)
        self.cache: Any = (
            KeyValues(model.config.text_config, torch.empty(0, dtype=model.dtype, device=model.device))
            if self.short
            else DynamicCache(config=model.config.text_config)
        )
        self.batch, self.length = batch, 0
        self.real: Tensor | None = None

    def columns(self, device: torch.device) -> Tensor:
        """`real`, whatever they are."""
        if self.real is None:
            return torch.ones(self.batch, self.length, dtype=torch.bool, device=device)
        return self.real

    def mask(self, step: _Step, *, causal: bool) -> Tensor | None:
        """The mask of the next step, or None where each token attends to all before it."""
        plain = self.real is None and not step.padded and all(place is None for place in step.slots_at)
        if self.short and plain and (step.width == 1 or not self.length):
            return None
        return step_mask(self.columns(step.token_ids.device), step.valid, step.slots_at, causal=causal)

    def add(self, step: _Step) -> None:
        """A step was fed."""
        if step.padded or self.real is not None:
            self.real = torch.cat([self.columns(step.token_ids.device), step.valid], dim=1)
        self.length += step.width

    def forget(self, count: int) -> None:
        """Take back the last `count` tokens that were fed."""
        self.cache.length -= count
        self.length -= count

    def select(self, rows: Tensor) -> None:
        """Have these rows, each as often as it is named, in place of all."""
        self.cache.batch_select_indices(rows)
        self.batch = len(rows)
        self.real = None if self.real is None else self.real[rows]


@torch.no_grad()
def decode(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    images: ImageTokens,
    rows: Sequence[Row],
    guess: Callable[[], list[list[int]]] | None = None,
) -> None:
    """Greedy decoding of all prompts in one batch; the `rows`, one for each, take the tokens and read the states.

    More than one token fed at once, after the prompt, are a phrase's slots with what stands around them. `guess`, for
    one prompt alone: what the row is likely to have fed after what is fed next, in order; at most the last are slots,
    and nothing follows slots.
    """
    shared = shared_prefixes(prompts, model.config.image_token_id)
    visual: tuple[Tensor, list[Tensor]] | None
    if shared:
        fed, visual = _run_prefixes(model, prompts, shared, images), None
    else:
        fed, visual = _Fed(model, len(prompts)), images.select([p.image for p in prompts])
    for row, prompt in zip(rows, prompts, strict=True):
        row.length = shared.get(prompt.image, 0)
    feeds = [list(p.token_ids[row.length :]) for row, p in zip(rows, prompts, strict=True)]
    slots_at: list[int | None] = [None] * len(rows)
    if not fed.short:  # a cache of transformers forgets nothing
        guess = None
    while any(feeds):
        guessed = guess() if guess else []
        if guessed:
            feeds = [[token for feed in (*feeds, *guessed) for token in feed]]
            slots_at = [len(feeds[0]) - len(guessed[-1]) if len(guessed[-1]) > 1 else None]
        step = _step(prompts, [row.length for row in rows], feeds, slots_at, model.device)
        ahead = sum(map(len, guessed))
        hidden = _forward(model, step, fed, visual, 1 + ahead)
        visual = None
        for row, feed, states in zip(rows, feeds, hidden, strict=True):
            real = len(feed) - ahead
            row.length += real
            if feed:
                row.read(states[:real])
        if all(row.done for row in rows):
            break
        if guessed:
            feeds = [_accept(rows[0], guessed, hidden[0, -1 - ahead :], model, fed)]
        else:
            logits = model.lm_head(step.last(hidden))
            best = zip(rows, logits.argmax(-1).tolist(), logits, strict=True)
            feeds = [[] if row.done else row.take(token, scores) for row, token, scores in best]
        slots_at = [0 if len(feed) > 1 else None for feed in feeds]


def _accept(row: Row, guessed: Sequence[list[int]], states: Tensor, model: LanguageModel, fed: _Fed) -> list[int]:
    """Have the row take the next token, and one more for each guess that it agrees with; returns what has to be fed
    next. `states: [1 + tokens guessed, D]` are those before and at the guesses; what was fed of those that the row does
    not agree with is forgotten."""
    ends = list(accumulate(map(len, guessed), initial=0))
    logits = model.lm_head(states[ends])
    best = logits.argmax(-1).tolist()
    feed = row.take(best[0], logits[0])
    for number, wanted in enumerate(guessed):
        before, after = ends[number], ends[number + 1]
        if feed != wanted:  # it wrote another, or ended
            fed.forget(ends[-1] - before)
            break
        row.length += len(wanted)
        row.read(states[before + 1 : after + 1])
        feed = [] if row.done else row.take(best[number + 1], logits[number + 1])
    return feed


def shared_prefixes(prompts: Sequence[Prompt], image_token: int) -> dict[int, int]:
    """For each image, how many tokens all its prompts begin with, the whole image among them; at least one token of
    every prompt is left over. Empty where nothing can be shared: no image has two prompts, or they differ before it."""
    asked: dict[int, list[Sequence[int]]] = {}
    for prompt in prompts:
        asked.setdefault(prompt.image, []).append(prompt.token_ids)
    if len(asked) == len(prompts):
        return {}
    shared = {}
    for image, rows in asked.items():
        same = [len(set(tokens)) == 1 for tokens in zip(*(row[:-1] for row in rows), strict=False)]
        length = same.index(False) if False in same else len(same)
        if not length or any(image_token in row[length:] for row in rows):
            return {}
        shared[image] = length
    return shared


def _run_prefixes(
    model: LanguageModel, prompts: Sequence[Prompt], shared: Mapping[int, int], images: ImageTokens
) -> _Fed:
    """Feed each image's shared tokens once; the rows are then those of the prompts."""
    first = {prompt.image: prompt for prompt in prompts}
    feeds = [list(prompt.token_ids[: shared[image]]) for image, prompt in first.items()]
    step = _step(list(first.values()), [0] * len(first), feeds, [None] * len(first), model.device)
    fed = _Fed(model, len(first))
    _forward(model, step, fed, images.select(list(first)))
    order = {image: row for row, image in enumerate(first)}
    fed.select(torch.tensor([order[prompt.image] for prompt in prompts], device=model.device))
    return fed


def _step(
    prompts: Sequence[Prompt],
    lengths: Sequence[int],
    feeds: Sequence[list[int]],
    slots_at: list[int | None],
    device: torch.device,
) -> _Step:
    """The next forward pass of rows that have seen `lengths` tokens so far."""
    widest = max(len(feed) for feed in feeds)
    ids = torch.tensor([feed + [0] * (widest - len(feed)) for feed in feeds], device=device)
    columns = torch.arange(widest, device=device)
    starts = torch.tensor(lengths, device=device)[:, None]
    # the reference counts the end of a phrase and its slots from one further on, and the last position once more
    ends = torch.tensor([widest if place is None else place for place in slots_at], device=device)[:, None]
    positions = starts + columns + (columns >= ends)
    known = [prompt.positions for prompt in prompts if prompt.positions is not None]
    if known:
        positions = torch.stack([_place(*row) for row in zip(known, positions, strict=True)], dim=1)
    return _Step(ids, [len(feed) for feed in feeds], positions, slots_at)


def _place(known: Tensor, wanted: Tensor) -> Tensor:
    """Positions `[3, q]` of the tokens number `wanted: [q]`: a prompt's own, `known: [3, L]`, or a count from there."""
    known = known.to(wanted.device)
    length = known.shape[1]
    after = wanted - length + known.max() + 1
    return torch.where(wanted < length, known[:, wanted.clamp(max=length - 1)], after)


def _forward(
    model: LanguageModel, step: _Step, fed: _Fed, visual: tuple[Tensor, list[Tensor]] | None, last: int = 1
) -> Tensor:
    """Final-norm hidden states `[B, q, D]` of one step, or at least the `last` of them; `visual` fills the image tokens
    of the prefill."""
    embeddings = model.embed(step.token_ids)
    options: dict[str, object] = {}
    causal = True
    if visual is not None:
        pixels, layers = visual
        where = step.token_ids == model.config.image_token_id
        embeddings[where] = pixels.to(embeddings.dtype)
        options = {"visual_pos_masks": where, "deepstack_visual_embeds": layers}
    for row, place in enumerate(step.slots_at):
        if place is not None:
            embeddings[row, place + 2 : place + 2 + model.config.max_seg_nums] = model.model.mask_queries
            causal = model.config.slots_causal
    mask = fed.mask(step, causal=causal)
    if fed.short and visual is not None and not step.padded:
        options["last"] = last  # of a prompt, only what follows its last token is asked for
    out = model.model.language_model(
        inputs_embeds=embeddings,
        attention_mask=None if mask is None else model.language_mask(mask),
        position_ids=step.positions,
        past_key_values=fed.cache,
        use_cache=True,
        **options,
    )
    fed.add(step)
    hidden: Tensor = out.last_hidden_state
    return hidden
