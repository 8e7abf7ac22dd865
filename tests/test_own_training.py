"""docs/training.md, "Your own data": from files to a compared checkpoint, in a small share of its minutes."""

import json
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
import torch

from tests.forking import completed
from workbench.cli.main import main

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "training.md"
STEP = re.compile(r"`(\w+\.yaml)` [^`]*```yaml\n(.*?)```|^    (workbench [^\n]*)$", re.DOTALL | re.MULTILINE)
LESS = {
    "generate": ["--scenes", "2", "--per-scene", "2"],
    "train": ["--share", "0.0005", "--set", "precision=float32", "--set", "tracking_uri=none"],
    "compare": ["--limit", "2", "--tracking-uri", "none"],
}
LOADED_ONCE = (
    "e2e.instructsam.training.train",
    "e2e.systems",
    "transformers.models.qwen3_vl.modeling_qwen3_vl",
    "transformers.models.sam3.modeling_sam3",
    "reports.pages.report",
    "workbench.scoring.finish",
)


@pytest.mark.slow
def test_every_step_of_the_section_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("agents", "e2e"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for name in LOADED_ONCE:
        import_module(name)
    section = PAGE.read_text().partition("## Your own data")[2].partition("\n## ")[0]
    ran = []
    for file, content, command in STEP.findall(section):
        if file:
            Path(file).write_text(content)
            continue
        _, *words = shlex.split(command)
        words += LESS[words[0]]
        done = completed(lambda words=words: main(words))  # type: ignore[misc]
        assert done.returncode == 0, (command, done.stderr)
        ran.append(words[0] + (" --dry-run" if "--dry-run" in words else ""))
        if ran[-1] == "train --dry-run":
            assert "inst2seg train (weight 3, " in done.stdout and "M train" in done.stdout
            assert sorted(path.name for path in Path("runs/own").iterdir()) == ["data", "dry-run.png"]
    assert ran == ["generate", "train --dry-run", "train", "compare", "compare", "train"]
    assert json.loads(Path("runs/corrected/log.jsonl").read_text().splitlines()[-1])
    log = [json.loads(line) for line in Path("runs/own/log.jsonl").read_text().splitlines()]
    assert log[0]["share inst2seg train"] + log[0]["share tabletop"] == pytest.approx(1)
    assert "val inst2seg mAP" in log[-1]
    manifest = json.loads(Path("runs/own-compared/manifest.json").read_text())
    assert {"before", "after"} <= set(json.dumps(manifest).replace('"', " ").split())
    assert torch.load("runs/own/resume.pt", weights_only=True)["step"] > 0
