"""Stage 1 from a Qwen3-VL and a SAM3 as the published model was trained: new tokens, zero slots, LoRA."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from e2e.instructsam.model import InstructSAM
from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.assembly import from_parts
from e2e.instructsam.training.placing import put
from e2e.instructsam.training.train import optimizer, save, start
from e2e.single_pass import tokens
from tests.e2e.conftest import SLOTS
from tests.e2e.instructsam.training.settings import FROZEN, config
from workbench.data.errors import ConfigurationError
from workbench.foundations.checkpoints import weight_types
from workbench.foundations.training.distributed import Processes
from workbench.foundations.training.lora import add_lora, merged_state

PUBLISHED: dict[str, Any] = {"queries": "first", "zero_slots": True, "align": False, "lora_rank": 2}


def test_slots_start_from_zero_and_queries_are_cut_to_the_first(qwen_folder: Path, sam3_folder: Path) -> None:
    from transformers import Sam3Model

    model, _ = from_parts(qwen_folder, sam3_folder, slots=SLOTS, queries="first", zero_slots=True)
    sam: Any = Sam3Model.from_pretrained(sam3_folder)
    assert not model.model.mask_queries.any()
    for name in ("reference_points", "query_embed"):
        kept = getattr(model.detector.detr_decoder, name).weight
        assert torch.equal(kept, getattr(sam.detr_decoder, name).weight[:SLOTS])
    ours, theirs = model.detector.vision_encoder.state_dict(), sam.vision_encoder.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("slots", [1, 5, 20])
def test_a_grid_has_any_number_of_slots_all_over_the_image(qwen_folder: Path, sam3_folder: Path, slots: int) -> None:
    model, _ = from_parts(qwen_folder, sam3_folder, slots=slots, queries="grid")
    starts = model.starts()
    assert starts.shape == (slots, 2)
    assert len({tuple(place) for place in starts.tolist()}) == slots
    torch.testing.assert_close(starts.mean(0), torch.tensor([0.5, 0.5]), atol=0.06, rtol=0)
    assert float((starts[:, 1] < 0.5).float().mean()) == pytest.approx(0.5, abs=0.5 if slots == 1 else 0.11)


def test_a_spread_of_slots_begins_with_that_of_fewer(qwen_folder: Path, sam3_folder: Path) -> None:
    few, more = (from_parts(qwen_folder, sam3_folder, slots=n, queries="spread")[0].starts().detach() for n in (4, 24))
    torch.testing.assert_close(few, more[:4])
    assert more[0].tolist() == pytest.approx([0.5, 0.5]) and torch.pdist(more).min().item() > 0.1
    torch.testing.assert_close(more.mean(0), torch.tensor([0.5, 0.5]), atol=0.03, rtol=0)


@pytest.mark.parametrize("slots", [0, 7])
def test_more_slots_than_the_segmenter_has_queries_are_refused(
    qwen_folder: Path, sam3_folder: Path, slots: int
) -> None:
    with pytest.raises(ConfigurationError, match=f"has 6 queries, expected 1 to 6, got {slots}"):
        from_parts(qwen_folder, sam3_folder, slots=slots)


def test_a_special_token_that_the_language_model_lacks_is_added(
    qwen_folder: Path, sam3_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before, _ = from_parts(qwen_folder, sam3_folder, slots=SLOTS)
    monkeypatch.setitem(tokens.TOKENS, "seg_token_index", "[SLOT]")
    model, processor = from_parts(qwen_folder, sam3_folder, slots=SLOTS)
    rows = before.config.text_config.vocab_size
    assert model.config.seg_token_index == rows
    assert model.config.text_config.vocab_size == rows + 1
    assert torch.equal(model.embed(torch.arange(rows)), before.embed(torch.arange(rows)))
    save(model, processor, tmp_path)
    again = Predictor.from_pretrained(tmp_path)
    assert again.processor.words("[SLOT]") != [rows]  # in an instruction it stays text
    assert again.processor.tokenizer.convert_tokens_to_ids("[SLOT]") == rows


def test_with_lora_the_language_models_layers_train_by_adapters_alone(qwen_folder: Path, sam3_folder: Path) -> None:
    settings = config(qwen_folder, sam3_folder, **PUBLISHED)
    model, _ = start(settings)
    optimizer(model, settings)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    layers = {name for name in trained if name.startswith("model.language_model.layers.")}
    assert len(layers) == 2 * 4 * 2  # layers, projections, A and B
    assert all(".lora_" in name and ".self_attn." in name for name in layers)
    others = trained - layers
    assert {"model.language_model.embed_tokens.weight", "model.mask_queries", "model.text_hidden_fcs.0.0.weight"} <= (
        others
    )
    assert not [name for name in others if name.startswith(("model.language_model.norm", *FROZEN))]


def test_adapters_start_as_nothing_and_a_checkpoint_holds_them_merged(predictor: Predictor, tmp_path: Path) -> None:
    model = predictor.model
    names = set(model.state_dict())
    ids = torch.arange(9)[None]

    def states(of: InstructSAM) -> torch.Tensor:
        with torch.no_grad():
            states: torch.Tensor = of.model.language_model(inputs_embeds=of.embed(ids)).last_hidden_state
        return states

    plain = states(model)
    add_lora(model, rank=2, alpha=16, dropout=0.05)
    model.eval()
    assert torch.equal(states(model), plain)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    adapted = states(model)
    assert not torch.allclose(adapted, plain, atol=1e-2)
    assert set(merged_state(model, torch.float16)) == names
    save(model, predictor.processor, tmp_path)
    loaded = InstructSAM.from_pretrained(tmp_path)
    assert set(loaded.state_dict()) == names
    torch.testing.assert_close(states(loaded), adapted, atol=2e-2, rtol=0)  # stored in half precision
    assert np.abs((states(loaded) - plain).numpy()).max() > 0.1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lora_rank": -1}, "lora_rank"),
        ({"lora_rank": 2, "lora_dropout": 1.0}, "lora_dropout"),
        ({"queries": "last"}, "queries: expected spaced, first, grid or spread, got 'last'"),
    ],
)
def test_a_wrong_starting_point_is_named(
    qwen_folder: Path, sam3_folder: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        start(config(qwen_folder, sam3_folder, align=False, **change))


def in_bfloat16(folder: Path, to: Path) -> Path:
    """A copy of a checkpoint with its weights in bfloat16."""
    shutil.copytree(folder, to)
    tensors = load_file(folder / "model.safetensors")
    save_file({name: one.bfloat16() for name, one in tensors.items()}, to / "model.safetensors", {"format": "pt"})
    return to


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_what_trains_is_in_float32_and_what_does_not_stays_in_bfloat16(
    qwen_folder: Path, sam3_folder: Path, tmp_path: Path, precision: str
) -> None:
    parts = in_bfloat16(qwen_folder, tmp_path / "qwen"), in_bfloat16(sam3_folder, tmp_path / "sam3")
    settings = config(*parts, **PUBLISHED, precision=precision)
    model, processor = start(settings)
    put(model, settings, Processes(), torch.device("cpu"))
    held = {name: (p.dtype, p.requires_grad, p.dim()) for name, p in model.named_parameters()}
    assert all(dtype == torch.float32 for dtype, trains, dims in held.values() if trains or dims < 2)
    frozen = {name for name, (dtype, _, _) in held.items() if dtype == torch.bfloat16}
    assert not [name for name in frozen if held[name][1]]
    if precision == "float32":
        assert not frozen
        return
    assert any(".vision_encoder." in name for name in frozen) and any(".q_proj.base_layer." in name for name in frozen)
    save(model, processor, tmp_path / "final")
    assert weight_types(tmp_path / "final") == {"BF16"}
    again = InstructSAM.from_pretrained(tmp_path / "final", dtype=torch.bfloat16)
    kept = "model.grounding_model.model.vision_encoder.backbone.layers.0.mlp.fc1.weight"
    assert torch.equal(again.state_dict()[kept], model.state_dict()[kept])


def test_what_is_in_the_checkpoints_is_in_the_model_bit_by_bit(qwen_folder: Path, sam3_folder: Path) -> None:
    model, _ = from_parts(qwen_folder, sam3_folder, slots=SLOTS)
    own, known = model.state_dict(), load_file(qwen_folder / "model.safetensors")
    assert all(torch.equal(own[name], tensor) for name, tensor in known.items())
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    assert not [name for name, tensor in own.items() if tensor.is_meta]
    assert float(model.model.text_hidden_fcs[0][0].weight.detach().std()) == pytest.approx(0.02, rel=0.2)
