"""Taught replies of a few episodes."""

from pathlib import Path
from typing import Any

import numpy as np

from agents.prompts.texts import load
from agents.training.episodes import collect
from agents.training.noisy import NoisyTruth
from agents.training.recipe import Config
from agents.training.teacher import Taught
from agents.training.told import of_scene
from workbench.plugins import recipes
from workbench.tabletop.grammar import instructions
from workbench.tabletop.scenes import make_scene

CONFIG = Path(__file__).parents[3] / "agents" / "configs" / "agent-lm-tiny.yaml"


def turns(seed: int, **options: float) -> list[Taught]:
    rng = np.random.default_rng(seed)
    scene = make_scene(rng)
    asked = instructions(scene, rng, 1)[0]
    return collect(of_scene(scene, asked), rng, NoisyTruth(scene, rng, noise=0.2), load("tiny-v1"), **options)


def config(base: Path, **changes: Any) -> Config:
    _, _, made = recipes.read_config(CONFIG)
    return {**made, "base": str(base), "real": 0.0, "workers": 0, **changes}  # type: ignore[typeddict-item,return-value]
