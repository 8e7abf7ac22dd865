"""docs/own-data.md, from its first line to its last, on real photographs."""

import json
import re
import shlex
import shutil
from contextlib import ExitStack, redirect_stdout
from importlib import import_module
from pathlib import Path

import pytest

from tests import photos
from tests.forking import completed
from workbench.cli.main import main

PAGE = Path(__file__).parents[1] / "docs" / "own-data.md"
STEP = re.compile(
    r"`(own/\S+\.(?:csv|py))`[^`]*\n\n```\w+\n(.*?)```|^    ((?:workbench|python) [^\n]*)$", re.DOTALL | re.MULTILINE
)
MODULES = (
    *(
        "agents.systems",
        "agents.loop.graph",
        "agents.language_models.embedded",
        "e2e.instructsam.predictor",
        "e2e.systems",
    ),
    *("reports.figures.catalogue", "reports.pages.report", "transformers.conversion_mapping", "langgraph.graph"),
    *("workbench.foundations.sam3.segmenter", "transformers.models.sam3.modeling_sam3", "workbench.scoring.finish"),
    "transformers.models.qwen3_vl.modeling_qwen3_vl",
)
"""Loaded once, and not by each command."""
HAT, CAP, FRONT = 16, 17, (15, 16, 17)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the page begins with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")  # logging costs as much as all the rest
    own = tmp_path / "own"
    for photo in (photos.CANTEEN, photos.BOX):
        photos.save(photo, own / f"{photo}.jpg")
        photos.write_masks(photo, tmp_path / "all")
    names = {"hat": HAT, "cap": CAP, **{f"front-{n}": number for n, number in enumerate(FRONT)}}
    (own / "masks").mkdir()
    for name, number in names.items():
        shutil.copy(tmp_path / "all" / f"{photos.CANTEEN}-{number}.png", own / "masks" / f"{name}.png")
    shutil.copy(tmp_path / "all" / f"{photos.BOX}-5.png", own / "masks" / "scissors.png")
    outlines = [
        ("hat", 230, 65, 300, 110),
        ("cap", 410, 65, 475, 105),
        ("chair", 5, 100, 90, 200),
        ("chair", 320, 90, 385, 200),
    ]
    shapes = [
        {"label": label, "points": [[left, top], [right, bottom]], "shape_type": "rectangle", "group_id": None}
        for label, left, top, right, bottom in outlines
    ]
    (own / "canteen.json").write_text(json.dumps({"shapes": shapes, "imageHeight": 375, "imageWidth": 500}))
    exported = photos.coco({photos.CANTEEN: "canteen.jpg", photos.BOX: "box.jpg"})
    for category in exported["categories"]:
        category["name"] = {"bottle": "hat", "diningtable": "cap"}.get(category["name"], category["name"])
    (own / "instances_default.json").write_text(json.dumps(exported))
    return own


@pytest.mark.slow
def test_every_step_of_the_page_works(own: Path) -> None:
    for name in MODULES:
        import_module(name)
    ran = []
    for file, content, command in STEP.findall(PAGE.read_text()):
        if file:
            Path(file).write_text(content)
            continue
        line, _, target = command.partition(" > ")
        program, *words = shlex.split(line)

        def work(program: str = program, words: list[str] = words, target: str = target) -> int:
            if program == "python":
                exec(compile(Path(words[0]).read_text(), words[0], "exec"), {})
                return 0
            with ExitStack() as stack:
                if target:
                    stack.enter_context(redirect_stdout(stack.enter_context(Path(target).open("w"))))
                return main(words)

        done = completed(work)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        ran.append((words[0], done))
    assert [name for name, _ in ran] == [
        "check", "compare", "check", "check", "check", "compare", "samples", "own/predict.py", "score", "compare",
    ]  # fmt: skip
    assert all("Loading weights" not in done.stderr for _, done in ran)  # a bar that transformers draws
    outputs = [done.stdout for _, done in ran]
    assert "folder: 6 samples, 6 usable; 2 images; nothing is missing or broken" in outputs[0]
    assert "What instructsam-tiny and sam3-agent-tiny know: generated tabletop scenes only" in ran[1][1].stderr
    for out in ("own", "categories", "mine"):
        assert (Path("runs") / out / "report.html").exists()
    assert len(Path("samples.jsonl").read_text().splitlines()) == 6 == len(json.loads(Path("answers.json").read_text()))
    results = json.loads((Path("runs/mine/results.json")).read_text())
    assert not results["systems"]["mine"]["failures"]
