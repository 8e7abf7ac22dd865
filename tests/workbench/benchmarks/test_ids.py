"""Ids that pandas or another tool wrote as floats or text are read as the ids they are, by every reader."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.benchmarks.layouts import OFFICIAL
from workbench.benchmarks.coco import coco
from workbench.benchmarks.grefcoco import grefcoco
from workbench.benchmarks.gseval import gseval
from workbench.benchmarks.saco import saco
from workbench.cli.main import main

IDS = {"id", "image_id", "category_id", "ann_id", "ref_id", "class_id", "idx", "iscrowd", "is_instance_exhaustive"}
READERS: dict[str, tuple[Callable[..., Any], str, tuple[str, ...]]] = {
    "coco": (coco, "instances.json", ("instances.json",)),
    "grefcoco": (grefcoco, "grefs(unc).json", ("grefs(unc).json", "instances.json")),
    "gseval": (gseval, "GroundingSuite-Eval.jsonl", ("GroundingSuite-Eval.jsonl",)),
    "saco": (
        saco,
        "gold_toy_merged_a_release_test.json",
        tuple(f"gold_toy_merged_{letter}_release_test.json" for letter in "abc"),
    ),
}


def rewritten(value: Any, write: Callable[[int], Any], is_id: bool = False) -> Any:
    if isinstance(value, dict):
        return {key: rewritten(item, write, key in IDS) for key, item in value.items()}
    if isinstance(value, list):
        return [rewritten(item, write, is_id) for item in value]
    return write(value) if is_id and type(value) is int else value


@pytest.mark.parametrize("write", [float, str], ids=["floats", "text"])
@pytest.mark.parametrize(("place", "name"), [(name, name) for name in READERS], indirect=["place"])
def test_samples_are_the_same_and_it_is_remarked(
    place: Path, name: str, write: Callable[[int], Any], in_pieces: pytest.MonkeyPatch
) -> None:
    make, annotations, files = READERS[name]
    before = list(make(place / annotations, None).samples())
    assert len(before) > 2
    assert not any(remark.mended for remark in make(place / annotations, None).remarks())
    for file in files:
        text = (place / file).read_text()
        lines = text.splitlines() if file.endswith("l") else [text]
        (place / file).write_text("\n".join(json.dumps(rewritten(json.loads(line), write)) for line in lines))
    made = make(place / annotations, None)
    assert list(made.samples()) == before
    with_remarks = made.remarks()
    in_pieces.undo()
    assert (list(made.samples()), made.remarks()) == (before, with_remarks)
    mended = [remark for remark in made.remarks() if remark.mended]
    assert {remark.file.name for remark in mended} == set(files)
    assert all("read as a whole number" in remark.text for remark in mended)


def test_remarks_are_kept_with_a_run_and_shown_in_its_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Path(shutil.copytree(OFFICIAL / "gseval", tmp_path / "files"))
    file = place / "GroundingSuite-Eval.jsonl"
    rows = [rewritten(json.loads(line), float) for line in file.read_text().splitlines()]
    file.write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "p.jsonl").write_text("".join(json.dumps({"sample_id": i, "instances": []}) + "\n" for i in range(4)))
    settings = {"gseval.annotations": file, "gseval.images": place / "images", "predictions.file": tmp_path / "p.jsonl"}
    arguments = [item for key, value in settings.items() for item in ("--set", f"{key}={value}")]
    out = tmp_path / "run"
    command = ["compare", "--systems", "predictions", "--benchmark", "gseval", *arguments, "--out", str(out)]
    assert main(command) == 0
    text = "`class_id` is written as a float and read as a whole number, 4 times"
    assert f"gseval: GroundingSuite-Eval.jsonl: {text}" in capsys.readouterr().err
    assert text in " ".join(json.loads((out / "results.json").read_text())["benchmark"]["remarks"])
    assert text.replace("`", "&#96;") in (out / "report.html").read_text() or text in (out / "report.html").read_text()
    assert main(["report", str(out), "--markdown"]) == 0
    assert "is written as a float and read as a whole number, 4 times" in capsys.readouterr().out
