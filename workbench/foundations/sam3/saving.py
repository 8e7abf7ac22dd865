"""Writes a SAM3 that was trained."""

import json
import shutil
from pathlib import Path
from typing import Any


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the checkpoint in half precision, as `Sam3Model.from_pretrained` and `AutoTokenizer` read it."""
    shutil.rmtree(folder, ignore_errors=True)
    half = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=half)
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}), encoding="utf-8"
    )
