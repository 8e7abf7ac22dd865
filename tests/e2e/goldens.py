"""Reads the golden cases of InstructSAM: a tiny random model, its inputs and what the official code made of them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from e2e.instructsam.model import InstructSAM
from tests.golden_cases import golden_cases

LOGITS = 1e-3
"""Absolute tolerance of mask logits."""
TOLERANCE = 2e-4
"""Absolute tolerance of everything else."""


@dataclass(frozen=True)
class Case:
    """One golden case; `facts` is its outputs.json."""

    model: InstructSAM
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    facts: dict[str, Any]


def case_folders() -> list[Path]:
    return golden_cases("instructsam", "case_*")


def load_case(folder: Path, checkpoint: Path) -> Case:
    """Load a case; `checkpoint` is an empty folder in which its files get the names that checkpoints have."""
    (checkpoint / "model.safetensors").symlink_to((folder / "weights.safetensors").resolve())
    for name in ("config.json", "mask_decoder_model"):
        (checkpoint / name).symlink_to((folder / name).resolve())
    return Case(
        InstructSAM.from_pretrained(checkpoint),
        load_file(folder / "inputs.safetensors"),
        load_file(folder / "outputs.safetensors"),
        json.loads((folder / "outputs.json").read_text()),
    )


def assert_close(actual: Tensor, expected: Tensor, tolerance: float = TOLERANCE) -> None:
    torch.testing.assert_close(actual, expected, atol=tolerance, rtol=0)
