"""Settings of a short training run."""

from pathlib import Path
from typing import Any

from e2e.instructsam.training.recipe import Config
from tests.e2e.conftest import SIDE, SLOTS

FROZEN = ["model.visual.", "model.grounding_model.model.vision_encoder."]


def config(qwen: Path, sam3: Path, **other: Any) -> Config:
    made: dict[str, Any] = {
        "seed": 0,
        "image_size": SIDE,
        "images": 2,
        "conversations": 3,
        "phrase_share": 1.0,
        "minutes": 0.01,
        "rate": 3e-3,
        "detector_rate": 3e-3,
        "frozen": FROZEN,
        "slots": SLOTS,
        "validation_scenes": 2,
        "tracking_uri": "none",
        "language_model": str(qwen),
        "segmenter": str(sam3),
        **other,
    }
    return made  # type: ignore[return-value]
