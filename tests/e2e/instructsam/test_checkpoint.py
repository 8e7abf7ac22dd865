"""Checkpoints: the published layout, and refusal of everything that does not fit it."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from e2e.instructsam.model import InstructSAM
from e2e.instructsam.predictor import Predictor
from workbench.data.errors import ConfigurationError

Edit = Callable[[dict[str, Tensor]], object]


def edit(folder: Path, change: Edit) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def test_a_saved_model_loads_with_the_same_tensors(predictor: Predictor, folder: Path) -> None:
    loaded = InstructSAM.from_pretrained(folder)
    assert not loaded.training
    for name, tensor in predictor.model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


def test_half_precision_storage_loads_in_the_precision_asked_for(predictor: Predictor, tmp_path: Path) -> None:
    predictor.model.to(torch.bfloat16).save_pretrained(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    assert InstructSAM.from_pretrained(tmp_path).dtype == torch.float32
    assert InstructSAM.from_pretrained(tmp_path, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_the_layout_is_the_published_one(folder: Path) -> None:
    record = json.loads((folder / "config.json").read_text())
    assert record["model_type"] == "qwen3_vl"
    assert record["max_seg_nums"] == 4
    assert "sam3_config" not in record
    detector = json.loads((folder / record["mask_decoder_model"] / "config.json").read_text())
    assert detector["model_type"] == "sam3_video"
    assert detector["detector_config"]["detr_decoder_config"]["num_queries"] == 4
    names = load_file(folder / "model.safetensors")
    assert "model.grounding_model.model.detr_decoder.reference_points.weight" in names
    assert not [name for name in names if "presence" in name or "text_encoder" in name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("model.mask_queries"), ["missing", "model.mask_queries"]),
        (lambda t: t.update({"model.extra": torch.zeros(1)}), ["unexpected", "model.extra"]),
        (
            lambda t: t.update({"model.mask_query": t.pop("model.mask_queries")}),
            ["missing: model.mask_queries", "unexpected: model.mask_query"],
        ),
        (
            lambda t: t.update({"model.mask_queries": torch.zeros(3, 48)}),
            ["misshapen", "model.mask_queries", "[3, 48]", "[4, 48]"],
        ),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(folder: Path, change: Edit, words: list[str]) -> None:
    edit(folder, change)
    with pytest.raises(ConfigurationError) as error:
        InstructSAM.from_pretrained(folder)
    for word in [*words, str(folder)]:
        assert word in str(error.value)


def test_a_pickle_is_refused_by_name(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    with pytest.raises(ConfigurationError, match=r"pytorch_model\.bin is a pickle"):
        InstructSAM.from_pretrained(folder)


def test_a_folder_without_weights_is_named(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigurationError, match=f"no weights .* {folder}"):
        InstructSAM.from_pretrained(folder)


def test_a_broken_weights_file_is_named(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"not a safetensors file")
    with pytest.raises(ConfigurationError, match=r"model\.safetensors is not a readable"):
        InstructSAM.from_pretrained(folder)


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ConfigurationError, match="model-00002-of-00002"):
        InstructSAM.from_pretrained(folder)


def test_sharded_weights_load(predictor: Predictor, tmp_path: Path) -> None:
    predictor.model.save_pretrained(tmp_path, max_shard_size="200KB")
    assert (tmp_path / "model.safetensors.index.json").exists()
    loaded = InstructSAM.from_pretrained(tmp_path)
    assert torch.equal(loaded.model.mask_queries, predictor.model.model.mask_queries)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "nowhere"])
def test_a_folder_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        InstructSAM.from_pretrained(name)


def test_a_folder_without_a_tokenizer_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ConfigurationError, match=r"no tokenizer\.json"):
        Predictor.from_pretrained(folder)
