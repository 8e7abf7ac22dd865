"""The recipe of docs/training.md, "A new world": two steps of it, from the shipped checkpoint, on files of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

import e2e
from e2e.instructsam.training.train import train
from workbench.plugins.recipes import read_config
from workbench.tabletop.benchmark import generate

HERE = Path(e2e.__file__).parent


def test_two_steps_of_the_recipe_learn_from_the_files_that_its_comment_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = HERE / "configs" / "instructsam-tiny-new-world.yaml"
    _, _, keys = read_config(path)
    settings: Any = {**keys, "start": str(HERE.parent / keys["start"]), "tracking_uri": "none", "steps": 2}
    phrases = keys["data"][1]["options"]
    command = f"generate tabletop --world second --scenes {phrases['scenes']} --per-scene {phrases['per_scene']}"
    assert f"workbench {command} --out runs/second" in path.read_text()
    small = {"scenes": 6, "per_scene": 2, "size": 64}
    generate(Path("runs/second"), world="second", **small)
    settings["data"] = [keys["data"][0], {**keys["data"][1], "options": {**phrases, **small}}]
    settings |= {"images": 1, "more": 1, "conversations": 2, "validate_on": [{**keys["validate_on"][0], "limit": 1}]}
    train(settings, Path("out"))
    lines = [json.loads(line) for line in Path("out/log.jsonl").read_text().splitlines()]
    assert max(line["step"] for line in lines) == 2
    assert any(line.get("text", 0) > 0 and line["epochs"] == pytest.approx(0.25) for line in lines)
    assert any(line.get("box", 0) > 0 and line.get("union", 0) > 0 for line in lines)
    assert any("val inst2seg mAP" in line for line in lines)
    assert Path("out/final/model.safetensors").exists()
