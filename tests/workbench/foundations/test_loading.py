"""Every loader refuses, by name, a checkpoint that does not fit its model to the last tensor."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import Qwen3VLForConditionalGeneration, Sam3Model

from agents.language_models.embedded import EmbeddedQwen
from agents.systems import CHECKPOINT
from workbench.data.errors import ConfigurationError
from workbench.foundations.loading import load_model, load_tokenizer
from workbench.foundations.sam3.segmenter import TINY, Sam3Segmenter

LAYER = "model.language_model.layers.0.mlp.up_proj.weight"
NORM = "model.language_model.norm.weight"
ANY = "vision_encoder.backbone.layers.0.attention.q_proj.weight"
LOADERS: dict[str, tuple[Path, Callable[[Path], Any]]] = {
    "language model": (CHECKPOINT, EmbeddedQwen),
    "segmenter": (TINY, Sam3Segmenter),
    "start of a language model": (CHECKPOINT, lambda f: load_model(Qwen3VLForConditionalGeneration, f, torch.float32)),
    "start of a segmenter": (TINY, lambda folder: load_model(Sam3Model, folder, torch.float32)),
}
each_loader = pytest.mark.parametrize("loader", LOADERS)


def damage(loader: str, folder: Path, change: Callable[[dict[str, Tensor], str], object]) -> tuple[str, Any]:
    """A copy of the loader's checkpoint whose tensors are changed at one name: that name, and what loads it."""
    source, load = LOADERS[loader]
    shutil.copytree(source, folder)
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = next(name for name in sorted(tensors) if name.endswith(".weight") and tensors[name].ndim == 2)
    change(tensors, name)
    save_file(tensors, path, metadata={"format": "pt"})
    return name, lambda: load(folder)


def drop(tensors: dict[str, Tensor], name: str) -> None:
    del tensors[name]


def widen(tensors: dict[str, Tensor], name: str) -> None:
    tensors[name] = torch.cat([tensors[name]] * 2).contiguous()


def add(tensors: dict[str, Tensor], name: str) -> None:
    tensors["left.over"] = torch.zeros(3)


def round_off(tensors: dict[str, Tensor], name: str) -> None:
    tensors[name] = tensors[name].to(torch.int64)


@each_loader
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop, "missing: .*{name}"),
        (widen, "misshapen: .*{name} is "),
        (add, "unexpected: left.over"),
        (round_off, "expected weights of .* got {name} is I64"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(
    loader: str, change: Callable[[dict[str, Tensor], str], object], said: str, tmp_path: Path
) -> None:
    name, load = damage(loader, tmp_path / "damaged", change)
    with pytest.raises(ConfigurationError, match=f"damaged: .*{said.format(name=name)}"):
        load()


@each_loader
@pytest.mark.parametrize("size", [0, 100_000])
def test_a_file_that_was_cut_off_is_named(loader: str, size: int, tmp_path: Path) -> None:
    source, load = LOADERS[loader]
    shutil.copytree(source, tmp_path / "cut")
    path = tmp_path / "cut/model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ConfigurationError, match=r"cut/model.safetensors is not a readable safetensors file"):
        load(tmp_path / "cut")


@each_loader
@pytest.mark.parametrize("text", ["{", "[1]", '{"model_type": "bert"}'])
def test_a_configuration_that_is_none_is_named(loader: str, text: str, tmp_path: Path) -> None:
    source, load = LOADERS[loader]
    shutil.copytree(source, tmp_path / "odd")
    (tmp_path / "odd/config.json").write_text(text)
    with pytest.raises(ConfigurationError, match="/odd"):
        load(tmp_path / "odd")


def test_a_tokenizer_that_is_none_is_named(tmp_path: Path) -> None:
    shutil.copytree(CHECKPOINT, tmp_path / "odd")
    (tmp_path / "odd/tokenizer.json").write_text("[]")
    with pytest.raises(ConfigurationError, match="/odd cannot be loaded"):
        load_tokenizer(tmp_path / "odd")


def test_tied_weights_load_with_and_without_their_copy(tmp_path: Path) -> None:
    shutil.copytree(CHECKPOINT, tmp_path / "copy")
    path = tmp_path / "copy/model.safetensors"
    tensors = load_file(path)
    embedding = tensors["model.language_model.embed_tokens.weight"]
    assert "lm_head.weight" not in tensors
    save_file({**tensors, "lm_head.weight": embedding.clone()}, path, metadata={"format": "pt"})
    for folder in (CHECKPOINT, tmp_path / "copy"):
        model = load_model(Qwen3VLForConditionalGeneration, folder, torch.float32)
        assert torch.equal(model.lm_head.weight, embedding.float())


def test_a_head_of_its_own_that_is_missing_is_named(tmp_path: Path) -> None:
    shutil.copytree(CHECKPOINT, tmp_path / "untied")
    path = tmp_path / "untied/config.json"
    config = json.loads(path.read_text())
    config["tie_word_embeddings"] = config["text_config"]["tie_word_embeddings"] = False
    path.write_text(json.dumps(config))
    with pytest.raises(ConfigurationError, match=r"missing: lm_head.weight"):
        load_model(Qwen3VLForConditionalGeneration, tmp_path / "untied", torch.float32)


def test_the_layout_of_the_published_sam3_loads(tmp_path: Path) -> None:
    # facebook/sam3 is the video model: the detector under a prefix, and a tracker beside it
    shutil.copytree(TINY, tmp_path / "video")
    path = tmp_path / "video/model.safetensors"
    tensors = load_file(path)
    video = {f"detector_model.{name}": tensor for name, tensor in tensors.items()}
    save_file({**video, "tracker_model.mask_decoder.weight": torch.zeros(2)}, path, metadata={"format": "pt"})
    model = load_model(Sam3Model, tmp_path / "video", torch.float32)
    name, tensor = next(iter(tensors.items()))
    assert torch.equal(model.state_dict()[name], tensor.float())
