"""Inference equals the official implementation, step by step and tensor by tensor."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from e2e.instructsam.detector import Detections
from e2e.instructsam.generation import Generated, generate
from e2e.instructsam.model import InstructSAM, pad_phrases
from e2e.single_pass.decoding import Prompt, shared_prefixes
from e2e.single_pass.predictor import mask_rles
from tests.e2e.goldens import LOGITS, Case, assert_close, case_folders, load_case
from workbench.data.masks import area, union

pytestmark = pytest.mark.golden
MAX_NEW_TOKENS = 24


@dataclass(frozen=True)
class Run:
    """What one prompt of a case made of our model; `steps` are the language model's calls and their hidden states."""

    case: Case
    name: str
    written: Generated
    steps: list[tuple[dict[str, Any], Tensor]]
    logits: list[Tensor]

    def input(self, name: str) -> Tensor:
        return self.case.inputs[f"{self.name}.{name}"]

    def output(self, name: str) -> Tensor:
        return self.case.outputs[f"{self.name}.{name}"]


@pytest.fixture(scope="module", params=case_folders(), ids=lambda folder: folder.name)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder: Path = request.param
    return load_case(folder, tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def runs(case: Case) -> list[Run]:
    names = list(case.facts["infer"])
    assert names
    return [answer(case, name) for name in names]


@pytest.fixture(scope="module")
def answered(runs: list[Run]) -> list[Run]:
    """The runs whose answer has phrases."""
    return [run for run in runs if not case_has_no_masks(run)]


def case_has_no_masks(run: Run) -> bool:
    return bool(run.case.facts["infer"][run.name]["pred_masks_is_none"])


def answer(case: Case, name: str) -> Run:
    steps: list[tuple[dict[str, Any], Tensor]] = []
    logits: list[Tensor] = []
    model = case.model
    hooks = [
        model.model.language_model.register_forward_hook(
            lambda _module, _args, options, out: steps.append((options, out.last_hidden_state)), with_kwargs=True
        ),
        model.lm_head.register_forward_hook(lambda _module, _args, out: logits.append(out)),
    ]
    with torch.no_grad():
        images = model.encode_images(case.inputs[f"{name}.pixel_values"], case.inputs[f"{name}.image_grid_thw"])
    prompt = Prompt(case.inputs[f"{name}.input_ids"][0].tolist(), 0)
    written = generate(
        model,
        [prompt],
        images,
        end_token=model.config.text_config.eos_token_id,
        max_new_tokens=MAX_NEW_TOKENS,
    )[0]
    for hook in hooks:
        hook.remove()
    return Run(case, name, written, steps, logits)


@torch.no_grad()
def detect(run: Run) -> Detections:
    model = run.case.model
    vision = model.detector.encode(run.input("sam_image")[None])
    ids, mask = pad_phrases(run.written.phrases)
    return model.detect(vision, torch.zeros(len(ids), dtype=torch.long), ids, mask, run.written.slot_states)


def test_the_same_tokens_are_generated(runs: list[Run]) -> None:
    for run in runs:
        assert run.written.token_ids == run.output("output_ids")[0].tolist()
        assert len(run.steps) == len(run.case.facts["infer"][run.name]["steps"])
        assert not run.written.cut_off


def test_every_step_has_the_same_mask_and_positions(runs: list[Run]) -> None:
    for run in runs:
        for number, (options, _) in enumerate(run.steps):
            assert torch.equal(options["attention_mask"], run.output(f"step{number}.attention_mask"))
            assert torch.equal(options["position_ids"], run.output(f"step{number}.position_ids"))


def test_every_step_has_the_same_states_and_logits(runs: list[Run]) -> None:
    for run in runs:
        for number, ((options, states), logits) in enumerate(zip(run.steps, run.logits, strict=True)):
            assert_close(states, run.output(f"step{number}.last_hidden_state"))
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


def test_masks_scores_and_boxes_are_the_same(answered: list[Run]) -> None:
    for run in answered:
        found = detect(run)
        assert_close(found.mask_logits, run.output("pred_masks"), LOGITS)
        assert_close(found.semantic_logits, run.output("semantic_seg"), LOGITS)
        assert_close(found.logits, run.output("pred_logits_raw"))
        assert_close(found.logits.sigmoid(), run.output("pred_logits_sigmoid"))
        assert_close(found.boxes, run.output("pred_boxes_xyxy"))


def test_the_detector_goes_the_same_way_inside(answered: list[Run]) -> None:
    for run in answered:
        with recorded(run.case.model) as inside:
            detect(run)
        assert_close(inside["vision"][0], run.output("vision_last_hidden_state"))
        assert_close(inside["encoder"][0], run.output("detr_encoder_last_hidden_state"))
        assert_close(torch.stack(inside["queries"]), run.output("detr_decoder_intermediate_hidden_states"))
        assert_close(torch.stack(inside["boxes"]), run.output("detr_decoder_reference_boxes"))


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
        assert_close(vision.positions[-1], run.output(f"fpn_position_encoding.{len(vision.positions) - 1}"))
    assert checked


def test_masks_after_post_processing_are_the_same(answered: list[Run]) -> None:
    for run in answered:
        found = detect(run)
        scores = found.logits.sigmoid().flatten()
        masks = found.mask_logits.flatten(0, 1)
        for expected in run.case.facts["infer"][run.name]["eval_post"]:
            kept = scores > expected["threshold"]
            rles = mask_rles(masks[kept], *expected["size"])
            assert rles == expected["pred_rles"]
            assert scores[kept].tolist() == pytest.approx(expected["pred_scores"], abs=2e-4)
            assert (area(union(rles)) if rles else 0) == expected["union_area"]


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


@torch.no_grad()
def test_phrases_of_several_images_in_one_batch_get_their_own_masks(answered: list[Run]) -> None:
    model = answered[0].case.model
    vision = model.detector.encode(torch.stack([run.input("sam_image") for run in answered]))
    ids, mask = pad_phrases([phrase for run in answered for phrase in run.written.phrases])
    owner = torch.tensor([number for number, run in enumerate(answered) for _ in run.written.phrases])
    states = torch.cat([run.written.slot_states for run in answered])
    together = model.detect(vision, owner, ids, mask, states)
    for number, run in enumerate(answered):
        assert_close(together.mask_logits[owner == number], run.output("pred_masks"), LOGITS)
        assert_close(together.logits[owner == number], run.output("pred_logits_raw"))


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


@contextmanager
def recorded(model: InstructSAM) -> Iterator[dict[str, list[Tensor]]]:
    """What the parts of the detector put out while the block runs."""
    inside: dict[str, list[Tensor]] = {"vision": [], "encoder": [], "queries": [], "boxes": []}
    detector = model.detector
    watched: list[tuple[str, nn.Module]] = [
        ("vision", detector.vision_encoder),
        ("encoder", detector.detr_encoder),
        ("queries", detector.detr_decoder.output_layer_norm),
    ]
    hooks = [
        module.register_forward_hook(
            lambda _module, _args, out, name=name: inside[name].append(getattr(out, "last_hidden_state", out))
        )
        for name, module in watched
    ]
    bias = detector.detr_decoder._get_rpb_matrix
    detector.detr_decoder._get_rpb_matrix = lambda boxes, grid: (inside["boxes"].append(boxes), bias(boxes, grid))[1]
    try:
        yield inside
    finally:
        del detector.detr_decoder._get_rpb_matrix
        for hook in hooks:
            hook.remove()
