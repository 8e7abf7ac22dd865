"""The system `predictions`: answers from a file beside systems that run here."""

import json
from pathlib import Path
from typing import Any

import pytest

import workbench
from tests.conftest import Install
from tests.workbench.benchmarks.layouts import OFFICIAL
from tests.workbench.cli.installed import TOYS
from tests.workbench.toys import rectangles
from workbench.data.errors import ConfigurationError

SAMPLES = 24


@pytest.fixture(autouse=True)
def workplace(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install("toys", TOYS)
    folder = tmp_path / "workplace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(records: list[Any]) -> Path:
    path = Path("answers.jsonl")
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def perfect() -> list[dict[str, Any]]:
    samples = list(rectangles(n_samples=SAMPLES).samples())
    return [
        {"sample_id": s.sample_id, "instances": [{"mask": mask, "score": 0.9} for mask in s.targets]} for s in samples
    ]


def compared(file: Path, out: str = "run", **options: Any) -> workbench.Run:
    given = {"predictions": {"file": file, **options}, "toy": {"n_samples": SAMPLES}}
    return workbench.compare(["toy-a", "predictions"], "toy", out, options=given)


def test_answers_from_a_file_are_scored_beside_a_system_and_have_no_latency() -> None:
    run = compared(write(perfect()))
    theirs = run.results.systems["predictions"]
    assert theirs.metrics["mAP"] == 1
    assert theirs.n_failed == 0
    assert (theirs.latency.p50, theirs.cold_start) == (None, None)
    assert run.results.systems["toy-a"].latency.p50 > 0
    differences = run.differences().set_index("name")
    assert differences.loc["gIoU", ["low", "high"]].notna().all()
    row = workbench.load_run("run").metrics().set_index(["system", "metric"]).loc[("predictions", "latency.p50")]
    assert row.isna()["value"]


def test_a_missing_and_a_broken_answer_are_failures_of_their_samples() -> None:
    records = perfect()
    records[0]["instances"] = [{"mask": {"size": [2, 2], "counts": "04"}, "score": 0.5}]
    run = compared(write(records[:-1]))
    found = {answer.sample_id: answer for answer in run.predictions("predictions")}
    assert [name for name, answer in found.items() if answer.outcome == "crashed"] == ["s0", f"s{SAMPLES - 1}"]
    assert "answers.jsonl: line 1: sample 's0'" in found["s0"].message
    assert "has no answer to this sample" in found[f"s{SAMPLES - 1}"].message


def test_missing_answers_count_as_empty_where_that_is_asked_for() -> None:
    run = compared(write(perfect()[:4]), missing_as_empty=True)
    assert run.results.systems["predictions"].n_failed == 0
    assert sum(bool(answer.instances) for answer in run.predictions("predictions")) <= 4


def test_a_changed_file_does_not_continue_an_earlier_run() -> None:
    records = perfect()
    compared(write(records))
    records[0]["instances"] = []
    with pytest.raises(ConfigurationError):
        compared(write(records))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "answers.jsonl cannot be read"),
        ('{"sample_id": "s0", "instances": []}\n' * 2, "line 2: sample 's0' was answered before, in line 1"),
        ("[]\n{}", "expected a JSON list"),
        ('{"sample_id": 3.5}\n', "line 1: expected `sample_id` to be a text"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_before_any_work(workplace: Path, text: str | None, message: str) -> None:
    path = workplace / "answers.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        compared(path)
    assert not (workplace / "run" / "manifest.json").exists()


def test_a_file_is_needed() -> None:
    with pytest.raises(ConfigurationError, match=r"--set predictions\.file=FILE"):
        workbench.compare(["predictions"], "toy", "run")


def test_boxes_without_masks_are_compared_on_a_benchmark_of_boxes_and_the_run_says_so() -> None:
    folder = OFFICIAL / "omnilabel"
    truth = json.loads((folder / "dataset_all_val.json").read_text())["annotations"]
    found = [
        {key: one[key] for key in ("image_id", "bbox", "description_ids")}
        | {"scores": [0.9] * len(one["description_ids"])}
        for one in truth
        if not one["iscrowd"]
    ]
    Path("boxes.json").write_text(json.dumps(found))
    options = {"annotations": str(folder / "dataset_all_val.json"), "images": str(folder / "images")}
    given = {"predictions": {"file": "boxes.json"}, "omnilabel": options}
    run = workbench.compare(["toy-a", "predictions"], "omnilabel", "run", options=given)
    assert run.results.benchmark.only_boxes
    theirs = run.results.systems["predictions"]
    assert (theirs.metrics["AP_descr"], theirs.metrics["AP_categ"]) == pytest.approx((1.0, 1.0))
    assert theirs.funnel["precise"] == theirs.funnel["targets"] == 4
    assert theirs.diagnosis["background"] == 0


def test_an_answer_to_no_sample_is_refused_where_all_are_asked() -> None:
    file = write([*perfect(), {"sample_id": "elsewhere", "instances": []}])
    with pytest.raises(ConfigurationError, match=r"line 25: sample 'elsewhere': the annotations have no such sample"):
        compared(file)
    file.write_text('[{"image_id": 99, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 5]], "score": 0.5}]')
    with pytest.raises(ConfigurationError, match="entry 0: the annotations have no `image_id` 99"):
        compared(file)
    given = {"predictions": {"file": file}, "toy": {"n_samples": SAMPLES}}
    assert workbench.compare(["predictions"], "toy", "part", options=given, limit=2).results.benchmark.samples == 2
