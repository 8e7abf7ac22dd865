"""Inference equals the official implementation, step by step and tensor by tensor."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from e2e.instructsam.generation import generate
from e2e.instructsam.model import pad_phrases
from e2e.single_pass.decoding import Prompt, shared_prefixes
from tests.e2e.goldens import LOGITS, assert_close
from tests.e2e.instructsam.reference import MAX_NEW_TOKENS, Run, detect, mask_of

pytestmark = pytest.mark.golden


def test_the_same_tokens_are_generated(runs: list[Run]) -> None:
    for run in runs:
        assert run.written.token_ids == run.output("output_ids")[0].tolist()
        assert len(run.steps) == len(run.case.facts["infer"][run.name]["steps"])
        assert not run.written.cut_off


def test_every_step_has_the_same_mask_and_positions(runs: list[Run]) -> None:
    for run in runs:
        for number, (options, _) in enumerate(run.steps):
            assert torch.equal(mask_of(options), run.output(f"step{number}.attention_mask"))
            assert torch.equal(options["position_ids"], run.output(f"step{number}.position_ids"))


def test_every_step_has_the_same_states_and_logits(runs: list[Run]) -> None:
    for run in runs:
        for number, ((options, states), logits) in enumerate(zip(run.steps, run.logits, strict=True)):
            assert_close(states, run.output(f"step{number}.last_hidden_state")[:, -states.shape[1] :])
            assert_close(logits[0], run.output(f"step{number}.logits_last"))
            if f"{run.name}.step{number}.inputs_embeds" in run.case.outputs:
                assert_close(options["inputs_embeds"], run.output(f"step{number}.inputs_embeds"))


def test_slots_have_the_same_states_and_queries(answered: list[Run]) -> None:
    assert answered
    for run in answered:
        assert_close(run.written.slot_states, run.output("seg_output_embeddings"))
        assert_close(run.case.model.read_slots(run.written.slot_states), run.output("pred_embeddings"))


def test_phrases_have_the_same_ids_and_features(answered: list[Run]) -> None:
    for run in answered:
        ids, mask = pad_phrases(run.written.phrases)
        assert torch.equal(ids, run.output("phrase_ids"))
        assert torch.equal(mask, run.output("text_attn_mask").bool())
        assert_close(run.case.model.read_text(ids), run.output("text_embeds"))


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_masks_scores_and_boxes_are_the_same(answered: list[Run], training: bool) -> None:
    """In inference the layers take a shorter way than those of transformers, which training keeps."""
    for run in answered:
        found = detect(run, gradients=training)
        if found.semantic_logits is not None:
            assert_close(found.semantic_logits, run.output("semantic_seg"), LOGITS)
        assert training == (found.semantic_logits is not None)
        assert_close(found.mask_logits, run.output("pred_masks"), LOGITS)
        assert_close(found.logits, run.output("pred_logits_raw"))
        assert_close(found.logits.sigmoid(), run.output("pred_logits_sigmoid"))
        assert_close(found.boxes, run.output("pred_boxes_xyxy"))


def test_image_features_are_the_same(runs: list[Run]) -> None:
    """Features that the case stores for some of its prompts."""
    checked = 0
    for run in runs:
        if f"{run.name}.qwen_image_embeds" not in run.case.outputs:
            continue
        checked += 1
        with torch.no_grad():
            tokens = run.case.model.encode_images(run.input("pixel_values"), run.input("image_grid_thw"))
            vision = run.case.model.detector.encode(run.input("sam_image")[None])
        assert_close(torch.cat(list(tokens.embeddings)), run.output("qwen_image_embeds"))
        for number, layer in enumerate(tokens.deepstack):
            assert_close(torch.cat(list(layer)), run.output(f"qwen_deepstack.{number}"))
        for number, level in enumerate(vision.features):
            assert_close(level, run.output(f"fpn_hidden_states.{number}"))
        assert_close(vision.positions, run.output(f"fpn_position_encoding.{len(vision.features) - 1}"))
    assert checked


def test_a_batch_of_prompts_gives_each_its_own_answer(runs: list[Run]) -> None:
    """Prompts of different lengths, whose phrases close at different steps."""
    model = runs[0].case.model
    with torch.no_grad():
        images = model.encode_images(
            torch.cat([run.input("pixel_values") for run in runs]),
            torch.cat([run.input("image_grid_thw") for run in runs]),
        )
    prompts = [Prompt(run.input("input_ids")[0].tolist(), number) for number, run in enumerate(runs)]
    end = model.config.text_config.eos_token_id
    for run, written in zip(
        runs, generate(model, prompts, images, end_token=end, max_new_tokens=MAX_NEW_TOKENS), strict=True
    ):
        assert written.token_ids == run.written.token_ids
        assert written.phrases == run.written.phrases
        assert_close(written.slot_states, run.written.slot_states, 1e-5)


def test_prompts_of_one_image_that_share_their_beginning_get_their_own_answers(runs: list[Run]) -> None:
    """Every prompt twice in one batch, so that the part of it that both have is run once."""
    model = runs[0].case.model
    for run in runs:
        with torch.no_grad():
            images = model.encode_images(run.input("pixel_values"), run.input("image_grid_thw"))
        prompt = Prompt(run.input("input_ids")[0].tolist(), 0)
        assert shared_prefixes([prompt, prompt], model.config.image_token_id) == {0: len(prompt.token_ids) - 1}
        end = model.config.text_config.eos_token_id
        for written in generate(model, [prompt, prompt], images, end_token=end, max_new_tokens=MAX_NEW_TOKENS):
            assert written.token_ids == run.written.token_ids
            assert_close(written.slot_states, run.written.slot_states, 1e-5)


Feeds = list[list[int]]
"""What is fed at once: a token, or the end of a phrase with its slots."""


def coming(row: Any, tokens: list[int]) -> Feeds:
    """What the row will be fed after what is fed next, up to the first slots, given all tokens that it writes."""
    feeds: Feeds = []
    for token in tokens[len(row.tokens) :]:
        closes = token == row.config.ref_end_token_index and row.opened is not None
        feeds.append(row._end() if closes else [token])
        if closes:
            break
    return feeds


def other(row: Any, feeds: Feeds) -> Feeds:
    """None of these."""
    return [[2 if feed == [1] else 1] for feed in feeds]


GUESSES: dict[str, Callable[[Any, Feeds], Feeds]] = {
    "right": lambda row, feeds: feeds,
    "wrong": lambda row, feeds: other(row, feeds[:2]),
    "right, then wrong": lambda row, feeds: [*feeds[:2], *other(row, feeds[2:])],
    "the phrase ends too early": lambda row, feeds: [*feeds[:1], row._end()] if len(feeds) > 2 else [],
    "the phrase ends too late": lambda row, feeds: [*feeds[:-1], [1], row._end()] if len(feeds) > 1 else [],
}
"""Of what is coming, what is guessed."""


@pytest.mark.parametrize("guessed", GUESSES.values(), ids=GUESSES)
def test_whatever_is_guessed_the_answer_is_the_same(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch, guessed: Callable[[Any, Feeds], Feeds]
) -> None:
    passes: list[int] = []
    for run in runs:
        model, expected = run.case.model, run.written

        def guess(row: Any, tokens: list[int] = expected.token_ids) -> Feeds:
            return [] if row.injects else guessed(row, coming(row, tokens))

        monkeypatch.setattr("e2e.instructsam.generation.SlotRow.guess", guess)
        with torch.no_grad():
            images = model.encode_images(run.input("pixel_values"), run.input("image_grid_thw"))
        prompt = Prompt(run.input("input_ids")[0].tolist(), 0)
        hook = model.model.language_model.register_forward_hook(lambda *_: passes.append(1))
        end = model.config.text_config.eos_token_id
        (written,) = generate(model, [prompt], images, end_token=end, max_new_tokens=MAX_NEW_TOKENS, guess=True)
        hook.remove()
        assert (written.token_ids, written.phrases) == (expected.token_ids, expected.phrases)
        assert_close(written.slot_states, expected.slot_states, 1e-5)
    assert (len(passes) < sum(len(run.steps) for run in runs)) == (guessed is not GUESSES["wrong"])
