"""Training losses, assignments and gradients equal those of the official implementation."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from e2e.instructsam.model import pad_phrases
from e2e.instructsam.training.forward import (
    TrainingBatch,
    TrainingOutput,
    reference_blocks,
    trained_labels,
    training_forward,
)
from e2e.instructsam.training.losses import PhraseTargets, box_loss, soft_dice
from e2e.instructsam.training.matching import Weights, matching_costs
from e2e.single_pass.attention import hybrid_mask
from e2e.single_pass.examples import reference_positions
from tests.e2e.goldens import LOGITS, Case, assert_close, case_folders, load_case
from tests.golden_cases import golden_cases

pytestmark = pytest.mark.golden


@dataclass(frozen=True)
class Step:
    """One training-style forward pass of a case: our batch and output, and the official tensors under `base`."""

    case: Case
    name: str
    base: str
    batch: TrainingBatch
    output: TrainingOutput

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.case.facts["train"][self.name]
        return facts

    def expected(self, name: str) -> Tensor | None:
        return self.case.outputs.get(f"{self.base}.{name}") if self.name == self.base else None


@pytest.fixture(scope="module", params=case_folders(), ids=lambda folder: folder.name)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder: Path = request.param
    return load_case(folder, tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def steps(case: Case) -> list[Step]:
    """All passes but those with dropout, whose random numbers are nobody else's."""
    names = [name for name in case.facts["train"] if "train_mode" not in name]
    assert names
    return [run(case, name) for name in names]


def run(case: Case, name: str) -> Step:
    base = re.findall(r"T\d+", name)[-1]
    batch = make_batch(case, base, case.facts["train"][name])
    model, inputs = case.model, case.inputs
    images = model.encode_images(inputs[f"{base}.pixel_values"], inputs[f"{base}.image_grid_thw"])
    with torch.no_grad():
        pixels = torch.stack([inputs[f"{base}.sam_images.{item}"] for item in range(len(batch.token_ids))])
        vision = model.detector.encode(pixels)
    model.config.loss_sample_points = "sample_points" in name
    if seed := re.search(r"seed(\d+)", name):
        torch.manual_seed(int(seed.group(1)))
    text_only = not case.facts["train"][name]["masks_valid"][-1]
    output = training_forward(model, batch, images, vision, text_only=text_only)
    return Step(case, name, base, batch, output)


def make_batch(case: Case, base: str, facts: dict[str, Any]) -> TrainingBatch:
    config, inputs = case.model.config, case.inputs
    ids = inputs[f"{base}.input_ids"]
    phrases, targets = [], []
    for item, sequence in enumerate(facts["phrase_ids"]):
        named = split_phrases(sequence, config.ref_start_token_index)
        for phrase, chosen in zip(named, facts["mask_ids"][item], strict=True):
            phrases.append(phrase)
            masks = inputs[f"{base}.masks.{item}"][chosen, 0]
            targets.append(PhraseTargets(item, masks, boxes=facts["mask_type"][item] == 1))
    return TrainingBatch(
        ids,
        inputs[f"{base}.attention_mask"],
        inputs[f"{base}.labels"],
        inputs[f"{base}.position_ids"],
        reference_blocks(ids, config.seg_token_index),
        list(range(len(ids))),
        phrases,
        targets,
    )


def split_phrases(sequence: Sequence[int], ref_start: int) -> list[list[int]]:
    phrases: list[list[int]] = []
    for token in sequence:
        if token == ref_start:
            phrases.append([])
        else:
            phrases[-1].append(token)
    return phrases


def test_losses_are_the_same(steps: list[Step]) -> None:
    for step in steps:
        expected, output = step.facts["losses"], step.output
        slots = output.slots
        actual = {
            "loss": output.loss.item(),
            "ce_loss": output.text.item(),
            "mask_bce_loss": slots.bce.item() if slots else 0.0,
            "mask_dice_loss": slots.dice.item() if slots else 0.0,
            "mask_loss": (slots.bce + slots.dice).item() if slots else 0.0,
            "cls_loss": slots.score.item() if slots else 0.0,
        }
        assert actual == pytest.approx(expected, abs=2e-4), step.name


def test_slots_are_assigned_the_same_targets(steps: list[Step]) -> None:
    checked = 0
    for step in steps:
        # the reference lists no assignment for a pass whose masks are all empty
        if step.output.slots is None or not step.facts["assignments"]:
            continue
        assert [row.tolist() for row in step.output.slots.assigned] == step.facts["assignments"], step.name
        checked += 1
    assert checked


def test_matching_costs_are_the_same(steps: list[Step]) -> None:
    checked = 0
    for step in steps:
        for row, target in enumerate(step.batch.targets):
            expected = step.expected(f"match_cost{row}")
            if expected is None or step.output.detections is None:
                continue
            detections = step.output.detections
            size = detections.mask_logits.shape[-2:]
            masks = torch.nn.functional.interpolate(target.masks[None].float(), size, mode="nearest")[0]
            costs = matching_costs(detections.mask_logits[row], masks, detections.logits[row], Weights())
            assert_close(costs.detach(), expected)
            checked += 1
    assert checked


def test_masks_labels_and_positions_are_the_same(steps: list[Step]) -> None:
    checked = 0
    for step in steps:
        mask = step.expected("attention_mask_4d")
        if mask is None:
            continue
        batch, model = step.batch, step.case.model
        assert torch.equal(hybrid_mask(batch.valid, batch.blocks), mask)
        slot = model.config.seg_token_index
        assert torch.equal(trained_labels(batch.token_ids, batch.labels, slot), step.expected("labels_after"))
        grids = step.case.inputs[f"{step.base}.image_grid_thw"]
        positions = reference_positions(model, batch.token_ids, batch.valid, grids)
        assert torch.equal(positions[:, batch.valid], batch.positions[:, batch.valid])
        assert torch.equal(batch.positions, step.expected("position_ids_used"))
        checked += 1
    assert checked


def test_states_and_detections_are_the_same(steps: list[Step]) -> None:
    checked = 0
    for step in steps:
        states = step.expected("last_hidden_state")
        if states is None or step.output.detections is None:
            continue
        model, batch, detections = step.case.model, step.batch, step.output.detections
        assert_close(step.output.hidden, states)
        assert_close(model.lm_head(step.output.hidden), step.expected("logits"))
        slots = step.output.hidden[batch.token_ids == model.config.seg_token_index].view(
            -1, model.slots, states.shape[-1]
        )
        assert_close(slots, step.expected("seg_hidden"))
        assert_close(model.read_slots(slots), step.expected("pred_embeddings"))
        ids, mask = pad_phrases(batch.phrases)
        assert torch.equal(mask, step.expected("text_mask").bool())
        assert_close(model.read_text(ids)[mask], step.expected("text_embeds")[mask])
        assert_close(detections.mask_logits, step.expected("pred_masks"), LOGITS)
        assert_close(detections.logits, step.expected("pred_logits"))
        assert_close(detections.boxes, step.expected("pred_boxes"))
        checked += 1
    assert checked


def test_gradients_are_the_same(case: Case) -> None:
    names = [name for name, facts in case.facts["train"].items() if "grad_norms" in facts]
    assert names
    for name in names:
        case.model.zero_grad(set_to_none=True)
        step = run(case, name)
        step.output.loss.backward()
        for parameter_name, parameter in case.model.named_parameters():
            norm = step.facts["grad_norms"][parameter_name]
            if norm is None:
                assert parameter.grad is None, parameter_name
                continue
            assert float(parameter.grad.norm()) == pytest.approx(norm, rel=2e-4, abs=2e-4), parameter_name
            if (expected := step.expected(f"grad.{parameter_name}")) is not None:
                assert_close(parameter.grad, expected)


@pytest.mark.parametrize("path", golden_cases("instructsam", "token_and_mask_utils.json"), ids=lambda path: path.stem)
class TestUtilities:
    """Small functions of the reference, with inputs and outputs."""

    def test_box_loss(self, path: Path) -> None:
        for record in listed(json.loads(path.read_text())["projection_loss"]):
            predicted, wanted = (torch.tensor(record[name])[:, 0] for name in ("pred", "gt"))
            assert float(box_loss(predicted, wanted).mean()) == pytest.approx(record["value"], abs=1e-5)

    def test_soft_dice(self, path: Path) -> None:
        facts = json.loads(path.read_text())
        record = listed(facts["projection_loss"])[0]
        predicted, wanted = (torch.tensor(record[name])[:, 0] for name in ("pred", "gt"))
        assert float(soft_dice(predicted.sigmoid(), wanted)) == pytest.approx(facts["dice_score(sigmoid)"], abs=1e-6)

    def test_training_mask(self, path: Path) -> None:
        expected = json.loads(path.read_text())["omni_attn_mask_naive(L=8, pad last 1, span 3..6)"]
        valid = torch.ones(1, 8, dtype=torch.bool)
        valid[0, 7] = False
        assert hybrid_mask(valid, [[(3, 6)]])[0, 0].int().tolist() == expected


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
