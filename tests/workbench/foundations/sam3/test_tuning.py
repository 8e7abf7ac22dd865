"""Fine-tuning SAM3 on the phrases of any source."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.foundations.training.data import written
from workbench.data.errors import ConfigurationError
from workbench.foundations.sam3 import tuning
from workbench.foundations.sam3.saving import save
from workbench.foundations.sam3.segmenter import Sam3Segmenter
from workbench.foundations.sam3.training import train
from workbench.tabletop.scenes import Scene, make_scene

SIDE = 64


@pytest.fixture(scope="module")
def start(detector: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sam3") / "start"
    save(*detector, folder)
    return folder


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [make_scene(np.random.default_rng(n), SIDE) for n in range(4)]


def config(start: Path, data: list[dict[str, Any]], **more: Any) -> Any:
    keys = {"seed": 0, "image_size": SIDE, "minutes": 0, "images": 2, "phrases": 2, "rate": 1e-3, "known_rate": 1e-4}
    return {**keys, "start": str(start), "data": data, "precision": "float32", "tracking_uri": "none", **more}


def coco(folder: Path, scenes: list[Scene], **more: Any) -> dict[str, Any]:
    return {"benchmark": "coco", "options": written.coco(folder, scenes), "kind": "category", **more}


def test_a_batch_has_phrases_with_masks_and_boxes(
    start: Path, scenes: list[Scene], tmp_path: Path, detector: tuple[Any, Any]
) -> None:
    keys = config(start, [coco(tmp_path / "files", scenes, templates="find {instruction}")], shuffle=False)
    stream = tuning.open_stream(keys, tmp_path / "data")
    model, tokenizer = detector
    seen = tuning.batch(stream, 0, 2, model, tokenizer)
    small = tuning.mask_side(model)
    assert seen.pixels.shape == (2, 3, SIDE, SIDE) and seen.image_of.tolist() == [0, 0, 1, 1]
    assert torch.equal(seen.pixels[0], torch.from_numpy(scenes[0].image.copy()).permute(2, 0, 1) / 127.5 - 1)
    for number, (name, _, targets) in enumerate(written.by_category(scenes[0])[:2]):
        assert tokenizer.decode(seen.ids[number], skip_special_tokens=True).split() == name.split()
        mask = scenes[0].objects[targets[0]].mask
        assert seen.targets[number].shape == (len(targets), small, small)
        assert float(seen.targets[number][0].mean()) == pytest.approx(mask.mean(), abs=1e-4)
        rows, columns = np.nonzero(mask)
        centre = [(columns.min() + columns.max() + 1) / 2 / SIDE, (rows.min() + rows.max() + 1) / 2 / SIDE]
        assert seen.boxes[number][0, :2].tolist() == pytest.approx(centre)
    for by_cost in (False, True):
        terms = tuning.losses(model, seen, torch.float32, by_cost=by_cost)
        assert "hinted" not in terms and all(torch.isfinite(value) for value in terms.values())


def test_instructions_are_no_phrases(start: Path, scenes: list[Scene], tmp_path: Path) -> None:
    source = coco(tmp_path / "files", scenes)
    del source["kind"]
    with pytest.raises(ConfigurationError, match="of a kind that this model cannot learn from; `kind` says another"):
        tuning.open_stream(config(start, [source]), tmp_path / "data")


@pytest.mark.slow
def test_a_dry_run_says_what_a_step_needs(
    start: Path, scenes: list[Scene], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tuning.dry_run(config(start, [coco(tmp_path / "files", scenes)], epochs=2), tmp_path / "out")
    said = capsys.readouterr()
    assert "4 pictures in an epoch" in said.out and "the run: 4 steps" in said.out and "memory on cpu" in said.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["data", "dry-run.png"]


@pytest.mark.slow
def test_it_tunes_what_is_not_frozen_and_keeps_the_best(start: Path, scenes: list[Scene], tmp_path: Path) -> None:
    data = [coco(tmp_path / "files", scenes[:3], negatives=0.3), {"benchmark": "tabletop", "pictures": 3}]
    held = {"benchmark": "coco", "options": written.coco(tmp_path / "held", scenes[3:]), "limit": 2}
    keys = config(start, data, steps=2, frozen=["vision_encoder."], validate_on=[held])
    train(keys, tmp_path / "out")
    before, after = (Sam3Segmenter(folder).model.state_dict() for folder in (start, tmp_path / "out" / "final"))
    changed = {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert "vision_encoder" not in changed and {"detr_decoder", "mask_decoder"} <= changed
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert "val coco AP" in lines[-1] and lines[-1]["step"] == 2
    assert (tmp_path / "out" / "best" / "config.json").exists()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"data": [{"benchmark": "tabletop"}]}, "`start` names the checkpoint"),
        ({}, "missing: more, dense_minutes, dense_rate, match_minutes, match_rate"),
        ({"start": "x"}, "missing: more"),
        ({"more": 1, "start": "x", "epochs": 1}, "epochs: it is for `data`"),
    ],
)
def test_keys_that_lack_are_named(tmp_path: Path, keys: dict[str, Any], said: str) -> None:
    made = config(Path("x"), [])
    del made["start"], made["data"]
    with pytest.raises(ConfigurationError, match=said):
        train({**made, **keys}, tmp_path)
