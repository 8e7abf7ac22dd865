"""`workbench score`: predictions that no one here made, against annotations as they are published."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workbench.metrics.scenes import HEIGHT, WIDTH, strip
from workbench.cli.main import main
from workbench.data.samples import Sample
from workbench.plugins.registry import plugins, prepare

OFFICIAL = Path(__file__).parents[1] / "benchmarks" / "official"
PLACES = {
    "inst2seg": ("inst2seg", "inst2seg.json", "data"),
    "grefcoco/rela": ("grefcoco", "grefs(unc).json", None),
    "grefcoco/gsva": ("grefcoco", "grefs(unc).json", None),
    "grefcoco/instructsam": ("grefcoco", "grefcoco_val.json", None),
    "reasonseg/lisa": ("reasonseg", "val", "val"),
    "reasonseg/instructsam": ("reasonseg", "reason_seg_val.json", None),
    "roborefit/vlgrasp": ("roborefit", "final_dataset/testA/roborefit_testA.json", "."),
    "roborefit/instructsam": ("roborefit", "roborefit_testA_qa.json", None),
    "gseval/official": ("gseval", "GroundingSuite-Eval.jsonl", "images"),
    "gseval/strict": ("gseval", "GroundingSuite-Eval.jsonl", None),
    "refcoco/lavt": ("refcoco", "refs(unc).p", None),
    "refcoco/ciou": ("refcoco", "refs(unc).json", "images/train2014"),
    "saco/cgf1": ("saco", "gold_toy_merged_a_release_test.json", "images"),
    "omnilabel": ("omnilabel", "dataset_all_val.json", "images"),
    "d3": ("d3", "d3_json/d3_abs_annotations.json", None),
    "mmr/instances": ("mmr", "MMR_val.json", None),
    "mmr/official": ("mmr", "MMR_val.json", None),
    "coco/ap": ("inst2seg", "inst2seg.json", None),
    "tide": ("inst2seg", "inst2seg.json", None),
}
Shown = pytest.CaptureFixture[str]


def perfect(sample: Sample) -> dict[str, Any]:
    boxes = sample.boxes or [None] * len(sample.targets)
    found = [
        {"mask": mask, "score": 0.9, **({} if box is None else {"box": list(box)})}
        for mask, box in zip(sample.targets, boxes, strict=True)
    ]
    return {"sample_id": sample.sample_id, "instances": found}


def write(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def scored(shown: Shown, *arguments: object) -> dict[str, Any]:
    assert main(["score", *map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(shown.readouterr().out)
    return found


def refused(shown: Shown, *arguments: object) -> str:
    assert main(["score", *map(str, arguments)]) == 2
    shown_text = shown.readouterr()
    assert shown_text.out == ""
    assert shown_text.err.startswith("workbench: ")
    assert "Traceback" not in shown_text.err
    return shown_text.err


@pytest.fixture
def strips(tmp_path: Path) -> Callable[..., list[object]]:
    """Options that score records against three samples: no target, one, and two."""
    targets = [[], [strip((0, 20))], [strip((0, 20)), strip((40, 60))]]
    asked = [{"text": "cups", "mask": masks} if masks else {"text": "cups"} for masks in targets]
    entry = {"image": "a.jpg", "height": HEIGHT, "width": WIDTH, "annotation": asked}
    annotations = tmp_path / "annotations.json"
    annotations.write_text(json.dumps([entry]))

    def options(records: list[Any], protocol: str = "inst2seg") -> list[object]:
        file = write(tmp_path / "predictions.jsonl", records)
        return ["--protocol", protocol, "--annotations", annotations, "--predictions", file]

    return options


def record(sample_id: str, *instances: tuple[tuple[int, int], float], **more: Any) -> dict[str, Any]:
    found = [{"mask": strip(columns), "score": score} for columns, score in instances]
    return {"sample_id": sample_id, "instances": found, **more}


RECORDS = [record("1", ((0, 10), 0.8)), record("0"), record("2", ((0, 20), 0.9), ((40, 60), 0.7))]


@pytest.mark.parametrize("protocol", PLACES)
def test_perfect_answers_score_one_by_every_protocol(protocol: str, tmp_path: Path, capsys: Shown) -> None:
    name, file, images = PLACES[protocol]
    annotations, folder = OFFICIAL / name / file, None if images is None else OFFICIAL / name / images
    given = {"annotations": str(annotations), "images": None if folder is None else str(folder)}
    samples = list(prepare("benchmarks", name, given)().samples())
    predictions = write(tmp_path / "predictions.jsonl", [perfect(sample) for sample in samples])
    options = ["--protocol", protocol, "--annotations", annotations, "--predictions", predictions]
    found = scored(capsys, *options, *([] if folder is None else ["--images", folder]))
    assert (found["protocol"], found["samples"]) == (protocol, len(samples))
    assert list(found["by_targets"]) == ["0", "1", ">=2"]
    assert sum(group["samples"] for group in found["by_targets"].values()) == len(samples)
    errors = {name for name in found["metrics"] if name.startswith("dAP_")}
    errors |= {"IL_FPR", "over_counted", "duplicated"}
    limited = {name for name in found["metrics"] if name.startswith("AR@")}  # one detection cannot find two targets
    for metric, value in found["metrics"].items():
        if metric in errors:
            assert value == pytest.approx(0.0, abs=1e-3), metric
        elif metric not in limited and value is not None:
            assert value == pytest.approx(1.0, abs=1e-3), metric
    assert any(value is not None for value in found["metrics"].values())


def test_every_protocol_is_tried() -> None:
    assert {plugin.name for plugin in plugins("metrics") if plugin.source.startswith("segmentation-")} == set(PLACES)


def test_the_numbers_of_a_small_case(strips: Any, capsys: Shown) -> None:
    found = scored(capsys, *strips(RECORDS))
    assert found["metrics"] == pytest.approx(
        {"mAP": 0.6, "AP50": 1.0, "AP75": 5 / 9, "gIoU": 2.5 / 3, "cIoU": 5 / 6, "N_acc": 1.0, "T_acc": 1.0}, abs=1e-6
    )
    assert found["by_targets"]["0"] == {
        **dict.fromkeys(found["metrics"]), "samples": 1, "gIoU": 1.0, "N_acc": 1.0
    }  # fmt: skip
    assert found["by_targets"]["1"]["gIoU"] == 0.5
    assert found["by_targets"][">=2"]["mAP"] == 1.0


def test_rejection_is_read_apart_from_the_instances(strips: Any, capsys: Shown) -> None:
    records = [record("0", ((5, 9), 0.4), rejected=True), record("1", rejected=False), RECORDS[2]]
    found = scored(capsys, *strips(records, "grefcoco/rela"), "--benchmark", "inst2seg")
    assert (found["metrics"]["N_acc"], found["metrics"]["T_acc"]) == (1.0, 1.0)
    assert found["metrics"]["gIoU"] == pytest.approx(2 / 3)


def test_a_box_of_its_own_counts_in_the_box_metrics(strips: Any, capsys: Shown) -> None:
    records = [record("0"), record("1", ((0, 20), 0.9)), record("2", ((0, 60), 0.9))]
    records[1]["instances"][0]["box"] = [0, 0, 10, 2]
    found = scored(capsys, *strips(records, "roborefit/vlgrasp"), "--benchmark", "inst2seg")
    assert found["by_targets"]["1"]["accuracy_iou0.5"] == 0.0
    assert found["by_targets"]["1"]["miou"] == 0.5
    assert found["by_targets"]["1"]["seg_miou"] == 1.0
    assert found["by_targets"][">=2"]["miou"] == 1.0


def test_a_row_without_an_image_is_left_out_by_the_official_gseval_only(tmp_path: Path, capsys: Shown) -> None:
    name, file, _ = PLACES["gseval/official"]
    annotations = OFFICIAL / name / file
    samples = list(prepare("benchmarks", name, {"annotations": str(annotations), "images": None})().samples())
    predictions = write(tmp_path / "p.jsonl", [record(sample.sample_id) for sample in samples])
    options = ["--annotations", annotations, "--predictions", predictions, "--images", tmp_path]
    assert scored(capsys, "--protocol", "gseval/official", *options)["metrics"]["accuracy"] is None
    assert scored(capsys, "--protocol", "gseval/strict", *options)["metrics"]["accuracy"] == 0.0


def test_a_coco_file_has_a_sample_for_each_image_and_category(tmp_path: Path, capsys: Shown) -> None:
    shapes = {1: (1, (0, 20)), 2: (2, (40, 60)), 3: (1, (70, 80))}
    content = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "height": HEIGHT, "width": WIDTH} for i in (1, 2)],
        "categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": c, "segmentation": strip(s), "area": 40.0, "iscrowd": int(i == 3)}
            for i, (c, s) in shapes.items()
        ],
    }
    annotations = tmp_path / "instances.json"
    annotations.write_text(json.dumps(content))
    mistaken = [record("0", ((0, 20), 0.9), ((70, 74), 0.8), ((40, 60), 0.7)), record("1"), record("2"), record("3")]
    options = ["--annotations", annotations, "--predictions", write(tmp_path / "p.jsonl", mistaken)]
    found = scored(capsys, "--protocol", "coco/ap", *options)
    assert found["samples"] == 4
    assert (found["metrics"]["AP50"], found["metrics"]["AP_small"]) == pytest.approx((0.5, 0.5))
    assert found["metrics"]["AP_large"] is None
    # the dog that was called a cup costs the whole AP of dogs
    assert scored(capsys, "--protocol", "tide", *options)["metrics"]["dAP_Cls"] == pytest.approx(0.5)


def test_options_reach_the_reader(tmp_path: Path, capsys: Shown) -> None:
    annotations = OFFICIAL / "grefcoco" / "grefs(unc).json"
    given = {"annotations": str(annotations), "images": None, "split": "val"}
    samples = list(prepare("benchmarks", "grefcoco", given)().samples())
    predictions = write(tmp_path / "p.jsonl", [perfect(sample) for sample in samples])
    options = ["--protocol", "grefcoco/rela", "--annotations", annotations, "--predictions", predictions]
    assert scored(capsys, *options, "--set", "grefcoco.split=val")["samples"] == len(samples)


def test_missing_samples_are_named_or_count_as_empty(strips: Any, capsys: Shown) -> None:
    message = refused(capsys, *strips(RECORDS[:1]))
    assert "predictions.jsonl: 2 of 3 samples have no prediction: sample '0', '2'; " in message
    assert "--missing-as-empty" in message
    found = scored(capsys, *strips(RECORDS[:1]), "--missing-as-empty")
    assert (found["metrics"]["N_acc"], found["metrics"]["T_acc"]) == (1.0, 0.5)


def test_a_sample_with_two_lines_is_refused_with_both_lines(strips: Any, capsys: Shown) -> None:
    message = refused(capsys, *strips([*RECORDS, RECORDS[0]]))
    assert "predictions.jsonl: line 4: sample '1' was answered before, in line 1" in message


def test_an_unknown_sample_is_refused_with_the_known_ones(strips: Any, capsys: Shown) -> None:
    message = refused(capsys, *strips([*RECORDS, record("3")]))
    assert (
        "predictions.jsonl: line 4: sample '3': the annotations have no such sample; theirs are '0' to '2'" in message
    )


def test_a_mask_of_another_size_is_refused(strips: Any, capsys: Shown) -> None:
    records = json.loads(json.dumps(RECORDS))
    records[0]["instances"][0]["mask"]["size"] = [WIDTH, HEIGHT]
    message = refused(capsys, *strips(records))
    assert f"line 1: sample '1': instance 0: mask: mask RLE is {HEIGHT}x{WIDTH} but the image is" in message


def test_broken_annotations_are_refused_with_their_samples(strips: Any, tmp_path: Path, capsys: Shown) -> None:
    options = strips(RECORDS)
    (tmp_path / "annotations.json").write_text(
        json.dumps([{"image": "a.jpg", "height": 2, "width": 3, "annotation": [{"text": "cups", "mask": 7}] * 3}])
    )
    message = refused(capsys, *options)
    assert "3 of 3 samples cannot be scored, so nothing is: sample '0': annotations.json: sample 0" in message


def test_files_and_protocols_that_are_not_there(strips: Any, tmp_path: Path, capsys: Shown) -> None:
    options = strips(RECORDS)
    assert "unknown metric 'inst2sec'" in refused(capsys, "--protocol", "inst2sec", *options[2:])
    assert "nowhere.json" in refused(capsys, *options[:3], tmp_path / "nowhere.json", *options[4:])
    assert "cannot be read" in refused(capsys, *options[:5], tmp_path / "nowhere.jsonl")
    assert "cannot be read" in refused(capsys, *options[:5], tmp_path)


def test_the_table_has_a_column_for_every_group(strips: Any, capsys: Shown) -> None:
    assert main(["score", *map(str, strips(RECORDS))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["inst2seg", "all", "0", "targets", "1", "targets", ">=2", "targets"]
    assert lines[1].split() == ["samples", "3", "1", "1", "1"]
    assert lines[5].split() == ["gIoU", f"{2.5 / 3:.4f}", "1.0000", "0.5000", "1.0000"]


def test_empty_runs_in_a_mask_change_nothing(strips: Any, capsys: Shown) -> None:
    records = json.loads(json.dumps(RECORDS))
    plain = scored(capsys, *strips(records))
    total = HEIGHT * WIDTH
    records[0]["instances"][0]["mask"]["counts"] = [0, 8, 0, 12, 0, 0, total - 20]
    assert scored(capsys, *strips(records)) == plain
    assert np.isclose(plain["by_targets"]["1"]["cIoU"], 0.5)
