"""A model where it trains: what of it trains, in which precision, and on one device or in parts on several."""

import torch
from torch import nn

from e2e.instructsam.model import InstructSAM
from e2e.instructsam.training.recipe import Config
from workbench.data.errors import ConfigurationError
from workbench.foundations.training.distributed import Processes
from workbench.foundations.training.lora import LAYERS, is_adapter
from workbench.foundations.training.precision import hold
from workbench.foundations.training.recomputing import recompute
from workbench.foundations.training.sharding import shard

MOST_PLACES = 1024
"""Of a picture, for which attention is written out on a CPU."""


def choose(model: InstructSAM, config: Config) -> None:
    """Set `requires_grad` on all parameters. With LoRA, nothing of the language model's layers and last norm trains but
    the adapters. Raises `ConfigurationError` where nothing is left."""
    frozen = tuple(config["frozen"])
    if config.get("lora_rank", 0):
        frozen += (LAYERS, "model.language_model.norm.")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_adapter(name) or not name.startswith(frozen))
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigurationError(f"frozen: nothing is left to train, got {list(frozen)}")


def put(model: InstructSAM, config: Config, processes: Processes, device: torch.device) -> None:
    """Put a model on a device for training, in place; with `fsdp` each process keeps a part of the layers only. Raises
    `ConfigurationError` for `fsdp` with one process."""
    if config.get("fsdp", False) and processes.count == 1:
        raise ConfigurationError("fsdp: it needs several processes, started by `accelerate launch` or `torchrun`")
    choose(model, config)
    hold(model.parameters())
    if device.type == "cpu":
        _attend_eagerly(model)
    encoders, detector = _layers(model)
    if config.get("checkpointing", False):
        recompute([*encoders, *detector])
    if config.get("fsdp", False):
        # not the detector's: a pass whose pictures have no question at all leaves it out in one process
        for layer in encoders:
            layer.to(device)
        shard(encoders, device, processes.count)
    model.to(device).train()


def _attend_eagerly(model: InstructSAM) -> None:
    """Where gradients flow, fused attention takes twice as long on a CPU; but written out it keeps a number for each
    pair of places, 7 GB a layer for the 5,184 of a picture of 1008 px and 8 phrases."""
    detector = model.detector
    vision = model.config.sam3_config.vision_config
    if (vision.image_size // vision.backbone_config.patch_size) ** 2 > MOST_PLACES:
        return
    encoders = (model.model.language_model, model.model.visual, detector.vision_encoder.backbone)
    for part in (*encoders, detector.detr_encoder, detector.detr_decoder, detector.mask_decoder):
        part.config._attn_implementation = "eager"


def _layers(model: InstructSAM) -> tuple[list[nn.Module], list[nn.Module]]:
    """The layers of language model and encoders of pictures, and those of the detector."""
    own, detector = model.model, model.detector
    encoders = [*own.language_model.layers, *own.visual.blocks, *detector.vision_encoder.backbone.layers]
    return encoders, [*detector.detr_encoder.layers, *detector.detr_decoder.layers]
