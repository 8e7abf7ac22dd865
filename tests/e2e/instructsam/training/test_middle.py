"""Both stages at the middle size, with LoRA, from checkpoints in bfloat16 and within a stated memory."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from transformers import Sam3Config

import e2e
from e2e.instructsam.shapes import write_language_model
from workbench.foundations.checkpoints import weight_types
from workbench.foundations.sam3.shapes import write_random
from workbench.plugins.recipes import read_config

pytestmark = pytest.mark.slow
CONFIGS = Path(e2e.__file__).parent / "configs"
MEMORY = 2.6 * 2**30
"""Bytes that a process has at its peak which goes through both stages: 0.4 GiB of code, four times 0.27 GiB of weights
that train in float32, 0.1 GiB of frozen ones in bfloat16, the activations of a picture, and a copy to write."""
KEPT = 800e6
"""Bytes of a state: 72.5 M numbers that train, half of them the token embeddings, and two moments of each that has a
gradient. The whole model in float32 would be another 20 %; at 2B it is three times as much."""
SIDE = 168
TRAIN = """
import resource, sys
from workbench.cli.main import main
for recipe, out in zip(sys.argv[1::2], sys.argv[2::2]):
    if main(["train", recipe, "--out", out]):
        sys.exit(1)
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3-VL and a SAM3 of the middle size, which sees pictures at 168 px."""
    folder = tmp_path_factory.mktemp("parts")
    write_language_model("middle", folder / "qwen")
    write_random("middle", folder / "sam3")
    config = Sam3Config.from_pretrained(folder / "sam3")
    config.vision_config.image_size = SIDE
    config.vision_config.backbone_feature_sizes = [[scale * SIDE // 14] * 2 for scale in (4, 2, 1)]
    config.save_pretrained(folder / "sam3")
    return folder


def recipe(stage: int, **changes: Any) -> dict[str, Any]:
    """The published recipe of a stage, on a drawn scene."""
    _, _, keys = read_config(CONFIGS / f"instructsam-2b-stage{stage}.yaml")
    for key in ("data", "templates", "validate_on", "best", "epochs", "evaluate_steps", "augment", "start"):
        keys.pop(key, None)
    small = {"steps": 2, "accumulate": 1, "images": 1, "conversations": 1, "image_size": 128, "validation_scenes": 1}
    return {**keys, **small, "device": "cpu", "workers": 0, "tracking_uri": "none", **changes}


def from_parts(parts: Path, **changes: Any) -> dict[str, Any]:
    return recipe(1, language_model=str(parts / "qwen"), segmenter=str(parts / "sam3"), **changes)


def test_both_stages_stay_within_their_memory_and_keep_what_trains(parts: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "stage1", tmp_path / "stage2"
    settings = {first: from_parts(parts), second: recipe(2, start=str(first / "final"), checkpointing=True)}
    arguments: list[str] = []
    for out, keys in settings.items():
        out.with_suffix(".yaml").write_text(yaml.safe_dump({"recipe": "instructsam", **keys}))
        arguments += [str(out.with_suffix(".yaml")), str(out)]
    done = subprocess.run([sys.executable, "-c", TRAIN, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    peak = int(re.findall(r"peak (\d+)", done.stdout)[0])
    assert peak < MEMORY, f"{peak / 2**30:.2f} GiB"
    estimates = [float(gib) for gib in re.findall(r"together ([\d.]+) of", done.stderr)]
    assert len(estimates) == 2 and 0.5 * peak < max(estimates) * 2**30 < 1.1 * peak
    for out in (first, second):
        assert (out / "resume.pt").stat().st_size == pytest.approx(KEPT, rel=0.03)
        assert weight_types(out / "final") == {"BF16"}
        lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        assert lines[-1]["step"] == 2 and all(line["text"] > 0 for line in lines[:-1])
