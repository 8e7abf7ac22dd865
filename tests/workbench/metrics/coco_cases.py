"""Cases of COCO's AP that the official code has scored, and what it calls each number."""

import json
from pathlib import Path
from typing import Any

import numpy as np


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def printed(metrics: dict[str, Any]) -> dict[str, float]:
    """What the official code prints where a value is undefined."""
    return {name: -1.0 if value is None or np.isnan(value) else value for name, value in metrics.items()}
