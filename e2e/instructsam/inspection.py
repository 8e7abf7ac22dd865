"""What the slots attend to: an answer together with the language model's attention from each slot."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from e2e.instructsam.predictor import Predictor
from e2e.single_pass.attention import INJECTED
from e2e.single_pass.predictor import Answer, Slot
from workbench.data.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.plugins.interfaces import Image


@dataclass(frozen=True)
class InspectedPhrase:
    """One phrase of an answer with its K slots, whatever they score.

    Attention weights are those of the language model at the step in which the slots are fed, averaged over the heads of
    each of its A layers. `to_image: [A, K, rows, columns]`, on the grid of image tokens; `to_words: [A, K, W]`, the
    words of the prompt; `to_slots: [A, K, K]`. The rest of what each slot attends to (they sum to 1) is the frame of
    the conversation and the answer so far.
    """

    phrase: str
    slots: tuple[Slot, ...]
    words: tuple[str, ...]
    to_image: Tensor
    to_words: Tensor
    to_slots: Tensor


def inspect(predictor: Predictor, image: "Image", instruction: str) -> tuple[Answer, list[InspectedPhrase]]:
    """Answer one instruction and record the attention: one `InspectedPhrase` for each phrase that the model wrote.

    Runs the language model with the eager attention of transformers, the only one that returns its weights. Raises
    `ConfigurationError` for a model without slots.
    """
    if not predictor.model.config.query_bank:
        raise ConfigurationError("expected a checkpoint with slots, got one whose query_bank is false")
    with _recorded(predictor.model.model.language_model) as layers:
        everything = replace(predictor, threshold=-1.0)  # all slots in their order
        answer = everything.segment_instructions([image], [[instruction]])[0][0]
    split = replace(
        answer,
        instances=tuple(slot for slot in answer.instances if slot.score > predictor.threshold),
        below=tuple(slot for slot in answer.instances if slot.score <= predictor.threshold),
    )
    width = predictor.model.slots + INJECTED
    # after the prompt, only slots are fed so many at a time: [A, q, L] of each such step
    steps = [torch.stack(step) for step in zip(*layers, strict=True)][1:]
    fed = [step[:, 2 : 2 + predictor.model.slots] for step in steps if step.shape[1] == width]
    _, grids = predictor.processor.qwen_images([image])
    prompt = list(predictor.prompt_for(instruction, 0, grids[0]).token_ids)
    return split, [
        _phrase(predictor, prompt, grids[0], place, phrase, answer.instances, weights)
        for place, (phrase, weights) in enumerate(zip(answer.phrases, fed, strict=True))
    ]


def _phrase(
    predictor: Predictor, prompt: list[int], grid: Tensor, place: int, phrase: str, slots: tuple[Slot, ...], x: Tensor
) -> InspectedPhrase:
    """`x: [A, K, L]`: the attention of K slots to all L tokens so far, the last of them mask_end."""
    merge = predictor.processor.patches.merge
    image_token, count = predictor.model.config.image_token_id, predictor.model.slots
    where = [i for i, token in enumerate(prompt) if token == image_token]
    rows, columns = (int(n) // merge for n in grid[1:])
    words, spans = _words(predictor, prompt, where[-1] + 2)
    return InspectedPhrase(
        phrase,
        tuple(slot for slot in slots if slot.phrase == place),
        tuple(words),
        x[:, :, where].reshape(*x.shape[:2], rows, columns),
        torch.stack([x[:, :, start:end].sum(2) for start, end in spans], dim=2),
        x[:, :, -1 - count : -1],
    )


def _words(predictor: Predictor, prompt: list[int], start: int) -> tuple[list[str], list[tuple[int, int]]]:
    """The words of the text that follows the image, and their half-open spans of tokens: a space begins a word."""
    end = prompt.index(predictor.processor.end_token, start)
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    for place in range(start, end):
        text = predictor.processor.tokenizer.decode([prompt[place]])
        if words and not text[:1].isspace():
            words[-1] += text
            spans[-1] = (spans[-1][0], place + 1)
        else:
            words.append(text.strip())
            spans.append((place, place + 1))
    return words, spans


@contextmanager
def _recorded(language_model: Any) -> Iterator[list[list[Tensor]]]:
    """Keep the attention weights, `[q, L]` averaged over heads, of each step in a list for each layer."""
    kept: list[list[Tensor]] = [[] for _ in language_model.layers]
    used = language_model.config._attn_implementation
    with ExitStack() as stack:
        stack.callback(setattr, language_model.config, "_attn_implementation", used)
        language_model.config._attn_implementation = "eager"
        for layer, steps in zip(language_model.layers, kept, strict=True):
            hook = layer.self_attn.register_forward_hook(
                lambda _module, _given, made, steps=steps: steps.append(made[1][0].float().mean(0).cpu())
            )
            stack.callback(hook.remove)
        yield kept
