"""A system of another package may use words of its own: they are kept, counted and shown, or refused by name."""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.workbench.toys import HEIGHT, WIDTH, Rectangles, Threshold
from workbench.cli.main import main
from workbench.comparison.runner import run
from workbench.data.masks import encode
from workbench.data.predictions import Call, Candidate, Note, Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Image
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.tracking.load import load_run
from workbench.tracking.log import track

EMPTY = encode(np.zeros((HEIGHT, WIDTH), bool))


@pytest.fixture(scope="module", autouse=True)
def figures_are_few() -> None:
    """Here they are all drawn: the words stand in most of them."""


class Suppressing(Threshold):
    """Finds what is asked for, and drops it for a reason of its own on every image but the first few."""

    def __init__(self, kept: int = 8, **changes: Any) -> None:
        super().__init__(90, 0.0)
        self.kept, self.changes = kept, changes

    def identity(self) -> dict[str, Any]:
        return {"name": "suppressing", "kept": self.kept}

    def _answer(self, sample: Sample, image: Image) -> Prediction:
        made = super()._answer(sample, image)
        calls = (*made.calls, Call("rerank", 0.5, 0.25, note=Note(mistake="bad_crop", extra={"crop": [1, 2]})))
        if int(sample.sample_id[1:]) >= self.kept:
            dropped = tuple(Candidate(i.mask, i.score, "nms", "box") for i in made.instances)
            made = replace(made, instances=(), candidates=dropped)
        return replace(made, **{"calls": calls, **self.changes})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    root = tmp_path_factory.mktemp("own-words")
    for name, kept in (("first", 40), ("second", 16)):
        run({"own": lambda kept=kept: Suppressing(kept)}, lambda: Rectangles(root / "data", 48), root / name)
    finish(root / "first")
    yield finish(root / "second")


def result(run: Run) -> Any:
    return json.loads((run.path / "results.json").read_text())["systems"]["own"]


def test_a_finished_run_counts_them_by_name(finished: Run) -> None:
    own = result(finished)
    assert own["failures"] == {}
    assert own["missed_targets"]["other: nms"] == own["diagnosis"]["missed"] > 0
    assert own["call_failures"]["other: bad_crop"] == 48
    assert own["latency"]["by_call"]["other: rerank"]["seconds_per_call"] == pytest.approx(0.25)
    assert own["funnel"]["surfaced"] == own["funnel"]["targets"] > own["funnel"]["survived_suppression"]


def test_every_table_of_samples_has_the_same_columns(finished: Run) -> None:
    table = finished.table()
    assert table["missed_other"].sum() == result(finished)["missed_targets"]["other: nms"]
    assert (table["calls_other"] == 1).all() and (table["seconds_other"] == 0.25).all()
    assert not [column for column in table.columns if "nms" in column or "rerank" in column]


def test_what_was_written_comes_back(finished: Run) -> None:
    answer = finished.predictions("own")[-1]
    assert {candidate.dropped for candidate in answer.candidates} <= {"nms"}
    assert answer.calls[-1].note == Note(mistake="bad_crop", extra={"crop": [1, 2]})
    frame = finished.calls()
    assert set(frame["kind"]) == {"segment", "rerank"} and "bad_crop" in set(frame["mistake"])


def test_the_report_shows_them(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(finished.path)]) == 0
    page = (finished.path / "report.html").read_text()
    assert "other: nms" in page and "other: bad_crop" in page and "other calls" in page
    packed = max(re.findall(r"[A-Za-z0-9+/=]{200,}", page), key=lambda text: text.startswith("H4sI"))
    gallery = json.loads(gzip.decompress(base64.b64decode(packed)))
    answers = [sample["answers"]["own"] for sample in gallery["samples"]]
    assert {call[0] for answer in answers for call in answer["calls"]} == {"segment", "rerank"}
    assert {mask[2] for answer in answers for mask in answer["dropped"]} == {"nms"}


def test_the_gate_compares_two_such_runs(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", str(finished.path.parent / "first"), str(finished.path)]) == 1
    assert "is target_declined" in capsys.readouterr().out
    assert main(["gate", str(finished.path), str(finished.path)]) == 0


def test_mlflow_has_them_and_gives_the_run_back(finished: Run, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    tracked = track(finished, uri)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(tracked["experiment"])
    assert experiment is not None
    (child,) = [r for r in client.search_runs([experiment.experiment_id]) if "gIoU" in r.data.metrics]
    assert child.data.metrics["missed_targets.other: nms"] == result(finished)["missed_targets"]["other: nms"]
    assert child.data.metrics["latency.by_call.other: rerank.seconds_per_call"] == pytest.approx(0.25)
    back = load_run(tracked["run_id"], uri)
    assert back.predictions("own") == finished.predictions("own")
    pd.testing.assert_frame_equal(back.table(), finished.table())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"candidates": (Candidate(EMPTY, 0.5, "n/m\ns"),)},
            "dropped: expected suppressed",
        ),
        ({"calls": (Call("", 0.0),)}, "call 0: kind: expected llm, segment, encode, decode, render, or a name"),
        ({"calls": (Call("llm", 0.0, note=Note(mistake="x" * 41)),)}, "call 0: mistake: expected malformed_call"),
        ({"calls": ({"kind": "llm"},)}, "call 0: expected Call, got dict"),
        ({"calls": (Call("llm", "0"),)}, "prediction.calls[0].start: expected a number, got '0'"),  # type: ignore[arg-type]
        ({"message": None}, "prediction.message: expected text, got None"),
        ({"phrases": ("cup", 3)}, "prediction.phrases[1]: expected text, got 3"),
        ({"calls": (Call("llm", 0.0, note=Note(extra={"at": Path("x")})),)}, "cannot be written as JSON"),
        ({"outcome": "gave_up"}, "expected one of the outcomes ok, bad_sample, crashed"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_what_is_known(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    run({"own": lambda: Suppressing(24, **changes)}, lambda: Rectangles(tmp_path / "data", 2), tmp_path / "run")
    answer = finish(tmp_path / "run").predictions("own")[0]
    assert answer.outcome == "crashed" and message in answer.message
