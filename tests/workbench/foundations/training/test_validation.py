"""Validation while a model trains: the protocol's own numbers, the best step, and nothing of it in the training."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.foundations.training.data import written
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Instance, Prediction
from workbench.data.samples import Sample
from workbench.foundations.training.data.index import Limits
from workbench.foundations.training.data.sources import open_sources
from workbench.foundations.training.validation import Validation, kept_random
from workbench.tabletop.scenes import make_scene

PICTURES = 12


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    scenes = [make_scene(np.random.default_rng(n), 64) for n in range(PICTURES)]
    drawn = [(scene, [("the first", "first", [0]), ("the dog", "dog", [])]) for scene in scenes]
    return written.inst2seg(tmp_path_factory.mktemp("val"), drawn)


class Knowing:
    """Answers a share of the samples exactly, and the others with nothing; draws random numbers."""

    batch_size = 4

    def __init__(self, share: float) -> None:
        self.share = share

    def identity(self) -> dict[str, Any]:
        return {}

    def predict(self, samples: Sequence[Sample], images: Sequence[Any]) -> list[Prediction]:
        torch.rand(3)
        return [
            Prediction(
                sample.sample_id, tuple(Instance(mask, 0.9) for mask in sample.targets) if self.knows(sample) else ()
            )
            for sample in samples
        ]

    def knows(self, sample: Sample) -> bool:
        return int(sample.image_id.partition(".")[0]) < self.share * PICTURES


def validation(files: dict[str, Any], out: Path, **keys: Any) -> Validation:
    entry = {"benchmark": "inst2seg", "options": files, "name": "held"}
    made = Validation.of({"validate_on": [entry], **keys}, out, [])
    assert made is not None
    return made


def test_the_numbers_are_those_of_the_protocol_with_intervals(files: dict[str, Any], tmp_path: Path) -> None:
    result = validation(files, tmp_path).run(lambda prompt: Knowing(0.5), step=7)
    assert result.numbers["val held T_acc"] == pytest.approx(0.5)
    assert result.numbers["val held N_acc"] == 1.0
    low, high = result.numbers["val held mAP low"], result.numbers["val held mAP high"]
    assert low < result.numbers["val held mAP"] < high
    kept = json.loads((tmp_path / "validation" / "0000007-held.json").read_text())
    assert (kept["protocol"], kept["samples"], kept["step"]) == ("inst2seg", 24, 7)
    assert kept["intervals"]["mAP"] == [low, high]


def test_the_best_step_by_the_named_metric_is_remembered(files: dict[str, Any], tmp_path: Path) -> None:
    by_targets = validation(files, tmp_path, best="T_acc")
    outcomes = [
        by_targets.run(lambda prompt, share=share: Knowing(share), step).best  # type: ignore[misc]
        for step, share in enumerate([0.25, 0.75, 0.5, 0.75, 1.0])
    ]
    assert outcomes == [True, True, False, False, True]
    best = json.loads((tmp_path / "best.json").read_text())
    assert (best["step"], best["metric"], best["value"]) == (4, "T_acc", 1.0)
    assert not validation(files, tmp_path, best="T_acc").run(lambda prompt: Knowing(0.9), 5).best
    assert validation(files, tmp_path, best="gIoU").run(lambda prompt: Knowing(0.1), 5).best


def test_training_draws_the_same_numbers_with_a_validation_and_without(files: dict[str, Any], tmp_path: Path) -> None:
    made = validation(files, tmp_path)
    torch.manual_seed(3)
    np.random.seed(3)
    wanted = torch.rand(2), np.random.rand()
    torch.manual_seed(3)
    np.random.seed(3)
    made.run(lambda prompt: Knowing(0.5), step=1)
    assert torch.equal(torch.rand(2), wanted[0]) and np.random.rand() == wanted[1]
    with pytest.raises(RuntimeError), kept_random():
        torch.rand(5)
        raise RuntimeError
    torch.manual_seed(3)
    assert torch.equal(torch.rand(2), wanted[0])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"best": "mapp"}, "unknown metric 'mapp'"),
        ({"validate_on": []}, None),
        ({"validate_on": [], "best": "mAP"}, "best: it needs `validate_on`"),
        ({"validate_on": [{"options": {}}]}, r"validate_on\[0\]: expected {benchmark: NAME, ...}"),
        ({"validate_on": [{"benchmark": "inst2seg", "limit": 0}]}, r"validate_on\[0\].limit: expected a whole number"),
        (
            {"validate_on": [{"benchmark": "inst2seg", "options": {"annotations": "no.json"}}]},
            "no annotation file no.json",
        ),
    ],
)
def test_what_does_not_fit_is_said_before_the_training(
    files: dict[str, Any], tmp_path: Path, keys: dict[str, Any], said: str | None
) -> None:
    config = {"validate_on": [{"benchmark": "inst2seg", "options": files}], **keys}
    if said is None:
        assert Validation.of(config, tmp_path, []) is None
        return
    with pytest.raises(ConfigurationError, match=said):
        Validation.of(config, tmp_path, [])


def test_what_is_learned_cannot_choose_the_checkpoint(
    files: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"benchmark": "inst2seg", "options": files}
    trained = open_sources([entry], tmp_path, Limits(10, boxes=True))
    with pytest.raises(ConfigurationError, match="is the source inst2seg questions of `data`"):
        Validation.of({"validate_on": [entry]}, tmp_path, trained)
    content = json.loads(Path(files["annotations"]).read_text())
    other = Path(files["annotations"]).with_name("other.json")
    other.write_text(json.dumps(content[:3]))
    held = {"benchmark": "inst2seg", "options": {**files, "annotations": str(other)}}
    Validation.of({"validate_on": [held]}, tmp_path, trained)
    assert "3 of 3 pictures of inst2seg are in inst2seg questions too" in capsys.readouterr().err
