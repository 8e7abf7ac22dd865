"""What an ablation changes: the number of slots, whom they see, and what the detector reads."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from e2e.instructsam.generation import generate
from e2e.instructsam.model import InstructSAM, keep_slots
from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.examples import collate
from e2e.instructsam.training.forward import language_states
from e2e.instructsam.training.train import save
from e2e.options import InstructSamOptions
from e2e.single_pass.decoding import Prompt
from e2e.single_pass.examples import Example
from e2e.systems import instructsam
from tests.e2e.conftest import SIDE, SLOTS
from workbench.data.errors import ConfigurationError

Write = Callable[..., None]
IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture
def folder(predictor: Predictor, tmp_path: Path) -> Path:
    save(predictor.model, predictor.processor, tmp_path / "tiny")
    return tmp_path / "tiny"


def masks(predictor: Predictor) -> list[dict[str, Any]]:
    answer = replace(predictor, threshold=0.0).segment_instructions([IMAGE], [["mug"]])[0][0]
    return [slot.mask for slot in answer.instances]


def test_fewer_slots_are_the_first_ones(predictor: Predictor, write: Write, tmp_path: Path) -> None:
    whole = predictor.model.model.mask_queries.clone()
    keep_slots(predictor.model, 2)
    assert predictor.model.slots == 2
    assert torch.equal(predictor.model.model.mask_queries, whole[:2])
    write("<mug>")
    assert len(masks(predictor)) == 2


def test_a_model_with_fewer_slots_is_a_checkpoint_of_its_own(predictor: Predictor, tmp_path: Path) -> None:
    keep_slots(predictor.model, 2)
    save(predictor.model, predictor.processor, tmp_path)
    assert InstructSAM.from_pretrained(tmp_path).slots == 2


@pytest.mark.parametrize("count", [0, SLOTS + 1])
def test_slots_that_a_checkpoint_does_not_have_are_refused(predictor: Predictor, count: int) -> None:
    with pytest.raises(ConfigurationError, match=f"has {SLOTS}, expected 1 to {SLOTS}, got {count}"):
        keep_slots(predictor.model, count)


def test_causal_slots_see_only_those_before_them(predictor: Predictor, write: Write) -> None:
    model, processor = predictor.model, predictor.processor

    def states() -> torch.Tensor:
        patches, grids = processor.qwen_images([IMAGE])
        with torch.no_grad():
            tokens = model.encode_images(patches, grids)
        write("<mug>")
        prompt = Prompt(processor.prompt("mug", (1, 8, 8)), 0)
        return generate(model, [prompt], tokens, end_token=processor.end_token, max_new_tokens=12)[0].slot_states

    for causal in (True, False):
        model.config.slots_causal = causal
        before = states()
        kept = model.model.mask_queries[-1].detach().clone()
        with torch.no_grad():
            model.model.mask_queries[-1] += 1
        moved = (states() - before)[0].abs().amax(-1) > 1e-6
        with torch.no_grad():
            model.model.mask_queries[-1] = kept
        assert moved.tolist() == [not causal] * (SLOTS - 1) + [True]


@pytest.mark.parametrize("convention", ["inference", "reference"])
def test_causal_slots_are_trained_as_they_are_used(predictor: Predictor, convention: Any) -> None:
    model, processor = predictor.model, predictor.processor
    model.config.slots_causal = True
    example = Example(0, "the mug", [("mug", torch.zeros(1, SIDE, SIDE))])
    batch = collate(model, processor, [example], torch.tensor([[1, 8, 8]]), convention)
    assert batch.blocks == [[]]


def test_causal_training_sees_what_causal_generation_sees(predictor: Predictor, write: Write) -> None:
    model, processor = predictor.model, predictor.processor
    model.config.slots_causal = True
    patches, grids = processor.qwen_images([IMAGE])
    with torch.no_grad():
        tokens = model.encode_images(patches, grids)
    write("<mug>")
    prompt = Prompt(processor.prompt("the mug", (1, 8, 8)), 0)
    (written,) = generate(model, [prompt], tokens, end_token=processor.end_token, max_new_tokens=12)
    example = Example(0, "the mug", [("mug", torch.zeros(1, SIDE, SIDE))])
    batch = collate(model, processor, [example], grids, "inference")
    with torch.no_grad():
        hidden = language_states(model, batch, tokens)[0]
    slots = hidden[batch.token_ids[0] == model.config.seg_token_index]
    torch.testing.assert_close(slots, written.slot_states[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("convention", ["inference", "reference"])
def test_without_phrase_conditioning_every_phrase_reads_the_same(
    predictor: Predictor, write: Write, convention: Any
) -> None:
    model, processor = predictor.model, predictor.processor
    markers = [model.config.ref_start_token_index, model.config.ref_end_token_index]
    model.config.phrase_conditioning = False
    example = Example(0, "mug", [("red mug", torch.zeros(1, SIDE, SIDE)), ("pear", torch.zeros(1, SIDE, SIDE))])
    assert collate(model, processor, [example], torch.tensor([[1, 8, 8]]), convention).phrases == [markers, markers]
    read: list[torch.Tensor] = []
    hook = model.model.text_hidden_fcs[0].register_forward_hook(lambda _module, _args, out: read.append(out))
    write("<red mug>, <pear>")
    answer = replace(predictor, max_new_tokens=20).segment_instructions([IMAGE], [["mug"]])[0][0]
    hook.remove()
    assert answer.phrases == ("red mug", "pear")
    assert torch.equal(read[0][0], read[0][1])


def test_each_ablation_is_an_option_of_the_system_and_part_of_its_identity(folder: Path) -> None:
    common: dict[str, Any] = {"device": "cpu", "dtype": "float32"}
    plain = instructsam(InstructSamOptions(str(folder), **common)).identity()
    changes: list[dict[str, Any]] = [
        {"slots": 2},
        {"slots_causal": True},
        {"phrase_conditioning": False},
        {"threshold": 0.5},
    ]
    for change in changes:
        assert instructsam(InstructSamOptions(str(folder), **common, **change)).identity() == {**plain, **change}


@pytest.mark.parametrize("option", ["slots_causal", "phrase_conditioning"])
def test_a_switch_that_is_no_truth_value_is_named(folder: Path, option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{option}: expected true or false, or none, got 'no'"):
        instructsam(InstructSamOptions(str(folder), device="cpu", dtype="float32", **{option: "no"}))  # type: ignore[arg-type]


def test_an_ablation_is_kept_in_the_checkpoint(predictor: Predictor, tmp_path: Path) -> None:
    predictor.model.config.slots_causal, predictor.model.config.phrase_conditioning = True, False
    save(predictor.model, predictor.processor, tmp_path)
    loaded = InstructSAM.from_pretrained(tmp_path).config
    assert (loaded.slots_causal, loaded.phrase_conditioning) == (True, False)
