"""InstructSAM learns from files: killed, it goes on in them; the published mix is read; a dry run trains nothing."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import e2e
from e2e.instructsam.training.train import open_feed, train
from e2e.single_pass.tabletop_task import draw
from tests.e2e.conftest import SIDE
from tests.e2e.instructsam.training.settings import config
from tests.e2e.instructsam.training.test_passes import TASK, as_drawn, triples
from tests.e2e.instructsam.training.test_resuming import Killed, assert_same_tensors, state
from tests.e2e.instructsam.training.test_train import log
from tests.workbench.foundations.training.data import written
from workbench.cli.main import main
from workbench.data.masks import encode
from workbench.foundations.training.distributed import Processes
from workbench.foundations.training.loop import Loop
from workbench.foundations.training.validation import Validation
from workbench.plugins.recipes import read_config

CONFIGS = Path(e2e.__file__).parent / "configs"


@pytest.mark.slow
def test_killed_at_a_step_of_files_it_goes_on_with_the_same_samples_whatever_the_number_of_workers(
    qwen_folder: Path, sam3_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [draw(0, n, TASK) for n in range(6)]
    files = written.inst2seg(tmp_path / "files", [(s, triples(as_drawn(s, a))) for s, a in drawn])
    held = written.inst2seg(tmp_path / "val", [(s, triples(a)) for s, a in (draw(0, n, TASK, "val") for n in range(2))])
    (tmp_path / "files" / "4.png").unlink()
    settings = config(
        qwen_folder, sam3_folder, steps=4, images=1, conversations=2, precision="float32", save_every=0.0, align=False,
        data=[{"benchmark": "inst2seg", "options": files, "negatives": 0.3}, {"benchmark": "tabletop", "pictures": 3}],
        augment="flips", validate_on=[{"benchmark": "inst2seg", "options": held, "name": "val", "limit": 1}],
        best="mAP", evaluate_steps=2,
    )  # fmt: skip
    train(settings, tmp_path / "straight")
    update = Loop.update

    def killed_in_the_third_step(loop: Loop, *arguments: Any) -> None:
        update(loop, *arguments)
        if loop.step == 2:
            raise Killed

    monkeypatch.setattr(Loop, "update", killed_in_the_third_step)
    with pytest.raises(Killed):
        train({**settings, "workers": 2}, tmp_path / "killed")
    monkeypatch.undo()
    train(settings, tmp_path / "killed")
    assert_same_tensors(state(tmp_path / "straight")["model"], state(tmp_path / "killed")["model"])
    lines = log(tmp_path / "straight")
    validated = [line for line in lines if "val val mAP" in line]
    assert [line["step"] for line in validated] == [2, 4]
    trained = [line for line in lines if "text" in line]
    assert {line["share inst2seg questions"] + line["share tabletop"] for line in trained} == {1.0}
    assert trained[-1]["epochs"] == pytest.approx(4 / 9)
    assert sorted(path.name for path in (tmp_path / "straight" / "validation").iterdir()) == [
        "0000002-val.json", "0000004-val.json",
    ]  # fmt: skip
    assert (tmp_path / "straight" / "best" / "config.json").exists()


def published_files(folder: Path, config: dict[str, Any]) -> None:
    """Tiny files in the places that a recipe of the published mix names."""
    scene, asked = draw(0, 1, TASK)
    for source in config["data"]:
        file = folder / source["options"]["annotations"]
        files = written.inst2seg(folder / "data" / file.stem, [(scene, triples(as_drawn(scene, asked)))], training=True)
        (entry,) = json.loads(Path(files["annotations"]).read_text())
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps([{**entry, "image": f"{file.stem}/0.png"}]))
    evaluation = folder / "data" / "eval"
    evaluation.mkdir()
    mask, size = encode(scene.objects[0].mask), {"height": SIDE, "width": SIDE}
    held = {"image": "refcoco/0.png", **size, "cat": ["thing"], "masks": [mask]}
    (evaluation / "grefcoco_val.json").write_text(json.dumps([held]))
    asked_for = {"id": "1", "question": "what?", "is_sentence": True, "image": "refcoco/0.png", "mask": mask}
    (evaluation / "reason_seg_val.json").write_text(json.dumps([asked_for]))


@pytest.mark.parametrize(
    ("stage", "sources", "weights"),
    [(1, 48, {1.0: 42, 10.0: 6}), (2, 10, {1.0: 2, 2.0: 7, 10.0: 1})],
)
def test_the_published_mix_is_read_where_its_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: int, sources: int, weights: dict[float, int]
) -> None:
    _, _, keys = read_config(CONFIGS / f"instructsam-2b-stage{stage}.yaml")
    published_files(tmp_path, keys)
    monkeypatch.chdir(tmp_path)
    keys.pop("start", None)
    feed = open_feed(keys, tmp_path / "out", TASK, Processes())  # type: ignore[arg-type]
    assert len(feed.sources) == sources
    assert Counter(source.options.weight for source in feed.sources) == weights
    texts = [one.text for place in range(3) for picture in feed.of(place).shown for one in picture.questions]
    assert all("segment" in text for text in texts)
    found = Validation.of(keys, tmp_path / "out", feed.sources)
    assert found is not None and found.metric == keys["best"]


@pytest.mark.slow
def test_a_dry_run_of_stage_two_trains_nothing_and_says_what_it_would(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    path = CONFIGS / "instructsam-2b-stage2.yaml"
    published_files(work, read_config(path)[2])
    monkeypatch.chdir(work)
    changes = [f"start={folder}", "device=cpu", "workers=0", "lora_rank=2", "precision=float32", "tracking_uri=none"]
    set_keys = [word for change in changes for word in ("--set", change)]
    assert main(["train", str(path), "--dry-run", "--out", "out", *set_keys]) == 0
    said = capsys.readouterr().out
    assert "data: 10 sources, 26 pictures in an epoch" in said
    assert "an epoch: 2 steps" in said and "the run: 2 steps" in said and "M train" in said
    assert sorted(path.name for path in Path("out").iterdir()) == ["data", "dry-run.png"]


def test_a_recipe_without_a_dry_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "qwen-tiny", "--dry-run", "--out", str(tmp_path / "out")]) == 2
    assert "--dry-run: recipe qwen has none" in capsys.readouterr().err
