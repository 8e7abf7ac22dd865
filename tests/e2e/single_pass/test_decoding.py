"""Prompts in one batch, and what they share, give the answers of each alone."""

from collections.abc import Callable

import pytest
import torch

from e2e.instructsam.predictor import Predictor
from e2e.single_pass.decoding import Prompt, shared_prefixes
from tests.e2e.generated import answer

Write = Callable[..., None]


def test_a_batch_gives_what_each_prompt_gets_alone(predictor: Predictor, write: Write) -> None:
    lines = ["<red mug>", "no", "well, <pear> and <mug>"]
    instructions = ["the red mug on the left", "", "pear, mug"]
    alone = []
    for line, instruction in zip(lines, instructions, strict=True):
        write(line)
        alone += answer(predictor, instruction, max_new_tokens=20)
    write(*lines)
    for together, single in zip(answer(predictor, *instructions, max_new_tokens=20), alone, strict=True):
        assert together.token_ids == single.token_ids
        assert together.phrases == single.phrases
        torch.testing.assert_close(together.slot_states, single.slot_states, atol=1e-5, rtol=1e-5)


def test_prompts_about_one_image_run_their_common_beginning_once(predictor: Predictor, write: Write) -> None:
    lengths: list[tuple[int, int]] = []
    hook = predictor.model.model.language_model.register_forward_pre_hook(
        lambda _module, _args, options: lengths.append(tuple(options["inputs_embeds"].shape[:2])), with_kwargs=True
    )
    write("<mug>", "<pear>", "no")
    answer(predictor, "the red mug", "the red pear on the left", "the red")
    hook.remove()
    prompts = [predictor.processor.prompt(text, (1, 8, 8)) for text in ("the red mug", "the red pear on the left")]
    shared = next(n for n, (a, b) in enumerate(zip(*prompts, strict=False)) if a != b)
    assert lengths[0] == (1, shared)
    assert lengths[1] == (3, max(len(prompt) for prompt in prompts) - shared)


@pytest.mark.parametrize(
    ("prompts", "shared"),
    [
        ([(0, [1, 9, 2, 3]), (0, [1, 9, 2, 4, 5])], {0: 3}),
        ([(0, [1, 9, 2]), (0, [1, 9, 2])], {0: 2}),
        ([(0, [1, 9, 2]), (1, [1, 9, 9, 3, 4]), (0, [1, 9, 3])], {0: 2, 1: 4}),
        ([(0, [1, 9, 2]), (1, [1, 9, 2])], {}),
        ([(0, [1, 9, 2]), (0, [2, 9, 2])], {}),
        ([(0, [1, 9, 9]), (0, [1, 9, 9, 4])], {}),
    ],
)
def test_the_shared_beginning_holds_the_image_and_leaves_a_token(
    prompts: list[tuple[int, list[int]]], shared: dict[int, int]
) -> None:
    assert shared_prefixes([Prompt(ids, image) for image, ids in prompts], image_token=9) == shared
