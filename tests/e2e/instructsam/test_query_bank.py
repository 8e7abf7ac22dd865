"""InstructSAM without a query bank: the language model writes the phrase, SAM3's own queries answer it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from e2e.instructsam.model import InstructSAM, keep_slots
from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.examples import collate
from e2e.instructsam.training.forward import language_states
from e2e.instructsam.training.train import save, start, train
from e2e.options import InstructSamOptions
from e2e.single_pass.examples import Example
from e2e.systems import instructsam
from tests.e2e.conftest import SIDE, SLOTS, Script
from tests.e2e.instructsam.training.settings import config
from tests.e2e.seen import picture
from workbench.data.errors import ConfigurationError

SLOT_TENSORS = ("mask_queries", "mask_hidden_fcs")


def scripted(predictor: Predictor, *line: int) -> Script:
    """The predictor's language model writes these tokens and the end."""
    script = Script([[*line, predictor.processor.end_token]], predictor.model.config.text_config.vocab_size)
    predictor.model._modules["lm_head"] = script
    return script


def phrase(predictor: Predictor, words: str) -> list[int]:
    marks = predictor.model.config
    return [marks.ref_start_token_index, *predictor.processor.words(words), marks.ref_end_token_index]


def test_the_language_model_is_fed_no_slots_and_each_phrase_is_answered_by_sam3s_queries(
    without_slots: Predictor,
) -> None:
    model = without_slots.model
    two = [*phrase(without_slots, "red mug"), *phrase(without_slots, "pear")]
    script = scripted(without_slots, *two)
    widths: list[int] = []
    language: Any = model.model.language_model
    language.register_forward_pre_hook(
        lambda _module, _given, named: widths.append(named["inputs_embeds"].shape[1]), with_kwargs=True
    )
    queries: list[torch.Tensor] = []
    model.detector.detr_decoder.register_forward_pre_hook(lambda _module, given: queries.append(given[0]))
    answer = replace(without_slots, threshold=0.0).segment_instructions([picture(0)], [["mug"]])[0][0]
    assert answer.phrases == ("red mug", "pear")
    assert [slot.phrase for slot in answer.instances] == [0] * SLOTS + [1] * SLOTS
    assert widths[1:] == [1] * len(two) and script.calls == len(two) + 1
    assert torch.equal(queries[0], model.detector.detr_decoder.query_embed.weight.expand(2, -1, -1))
    scores = [slot.score for slot in answer.instances]
    assert scores[:SLOTS] != scores[SLOTS:], "the phrase conditions them"


def test_a_phrase_at_the_length_limit_is_complete(without_slots: Predictor) -> None:
    mug = phrase(without_slots, "mug")
    scripted(without_slots, *mug)
    answer = replace(without_slots, max_new_tokens=len(mug)).segment_instructions([picture(0)], [["mug"]])[0][0]
    assert answer.cut_off and answer.phrases == ("mug",)
    assert len(answer.instances) + len(answer.below) == SLOTS


@pytest.mark.parametrize("convention", ["inference", "reference"])
def test_training_sees_what_generation_writes(without_slots: Predictor, convention: Any) -> None:
    model, processor = without_slots.model, without_slots.processor
    example = Example(0, "the mug", [("red mug", torch.zeros(1, SIDE, SIDE))])
    batch = collate(model, processor, [example], torch.tensor([[1, 8, 8]]), convention)
    prompt = processor.prompt("the mug", (1, 8, 8))
    answer = [*phrase(without_slots, "red mug"), processor.end_token]
    assert batch.token_ids[0].tolist() == [*prompt, *answer, *processor.words("\n")]
    assert batch.labels[0, len(prompt) : -1].tolist() == answer
    assert batch.blocks == [[]]
    patches, grids = processor.qwen_images([picture(0)])
    with torch.no_grad():
        assert language_states(model, batch, model.encode_images(patches, grids)).shape[:2] == batch.token_ids.shape


def test_a_checkpoint_without_slots_has_no_tensors_of_theirs(without_slots: Predictor, tmp_path: Path) -> None:
    keep_slots(without_slots.model, 2)
    save(without_slots.model, without_slots.processor, tmp_path)
    loaded = InstructSAM.from_pretrained(tmp_path)
    assert not loaded.config.query_bank and loaded.slots == 2
    tensors = load_file(tmp_path / "model.safetensors")
    assert not [name for name in tensors if any(part in name for part in SLOT_TENSORS)]
    tensors["model.mask_queries"] = torch.zeros(2, 48)
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigurationError, match=r"unexpected: model\.mask_queries"):
        InstructSAM.from_pretrained(tmp_path)


def test_it_is_part_of_the_identity_and_has_no_switches_of_slots(without_slots: Predictor, tmp_path: Path) -> None:
    save(without_slots.model, without_slots.processor, tmp_path)
    common: dict[str, Any] = {"checkpoint": str(tmp_path), "device": "cpu", "dtype": "float32"}
    assert instructsam(InstructSamOptions(**common)).identity()["query_bank"] is False
    for option, value in (("slots_causal", True), ("phrase_conditioning", False)):
        with pytest.raises(ConfigurationError, match=f"{option}: expected .* where query_bank is false"):
            instructsam(InstructSamOptions(**common, **{option: value}))


def test_it_trains_with_and_without_the_detector_and_goes_on_in_the_next_stage(
    qwen_folder: Path, sam3_folder: Path, tmp_path: Path
) -> None:
    keys = config(qwen_folder, sam3_folder, query_bank=False, more=1, steps=1, validation_scenes=1, align=False)
    before, _ = start(keys)
    train(keys, tmp_path)
    after = dict(InstructSAM.from_pretrained(tmp_path / "final").named_parameters())
    moved = {n for n, p in before.named_parameters() if not torch.equal(p.half(), after[n].half())}
    assert "model.grounding_model.model.detr_decoder.query_embed.weight" in moved
    assert "model.language_model.embed_tokens.weight" in moved
    following = {**keys, "start": str(tmp_path / "final")}
    assert not start(following)[0].config.query_bank  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"query_bank: expected false, as .* has it, got true"):
        start({**following, "query_bank": True})  # type: ignore[arg-type]


@pytest.mark.parametrize("changed", [{"place_slots": True}, {"queries": "grid"}])
def test_what_needs_slots_is_refused(qwen_folder: Path, sam3_folder: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(changed))):
        start(config(qwen_folder, sam3_folder, query_bank=False, align=False, **changed))
