"""The training recipe of SAM3 learns, and goes on from a checkpoint."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.foundations.descent import descend
from workbench.foundations.sam3 import training as sam3
from workbench.foundations.sam3.segmenter import TINY, Sam3Segmenter
from workbench.tabletop.training_scenes import draw


@pytest.mark.slow
def test_sam3_learns(detector: tuple[Any, Any]) -> None:
    model, tokenizer = detector
    heads = {"head": sam3.DenseHead(160, 64), "match": sam3.MatchHead()}
    both = torch.nn.ModuleDict({"model": model.train(), **heads})
    scenes = [draw(0, number, size=64) for number in range(2)]

    def loss(precision: torch.dtype = torch.float32) -> torch.Tensor:
        torch.manual_seed(0)
        terms, _ = sam3.concept_terms(both, tokenizer, scenes, np.random.default_rng(0), 1, 3, precision)
        return torch.stack([sam3.WEIGHTS[name] * value for name, value in terms.items()]).sum()

    shipped = loss(torch.bfloat16).item()
    assert shipped == pytest.approx(loss().item(), rel=0.05)
    assert shipped != loss().item()
    assert descend(both, loss) < 0.8


@pytest.mark.slow
def test_sam3_goes_on_from_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third phase alone, from a checkpoint; the dense head, which no checkpoint holds, is fitted first."""
    monkeypatch.setattr(sam3, "READ_OUT_STEPS", 2)
    monkeypatch.setattr(sam3, "READ_OUT_SCENES", 2)
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: None)
    recipe: Any = {
        "seed": 3, "image_size": 128, "minutes": 0.02, "rate": 1e-4, "known_rate": 1e-4, "images": 1, "phrases": 2,
        "more": 1, "start": str(TINY), "tracking_uri": "none",
    }  # fmt: skip
    sam3.train(recipe, tmp_path)
    before, after = (Sam3Segmenter(folder).model.state_dict() for folder in (TINY, tmp_path / "final"))
    assert not (tmp_path / "dense").exists()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed
    assert all(torch.allclose(before[name].float(), after[name].float(), atol=1e-2) for name in changed)
