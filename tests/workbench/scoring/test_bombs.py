"""Small files that ask for huge work: `score`, `check` and `compare` end in little memory and name the sample."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WIDE, HIGH = 16_384, 8192
MEMORY = 4 * 2**30
"""Bytes of addresses that the command may take; libraries alone reserve most of a gigabyte."""


def entry(masks: list[Any], height: int = HIGH, width: int = WIDE) -> dict[str, Any]:
    return {"image": "a.png", "height": height, "width": width, "annotation": [{"text": "cup", "mask": masks}]}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))\n"
    code += "import sys; from workbench.cli.main import main; sys.exit(main(sys.argv[1:]))"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def scored(
    folder: Path, entries: list[Any], answer: str, protocol: str = "inst2seg"
) -> subprocess.CompletedProcess[str]:
    (folder / "a.json").write_text(json.dumps(entries))
    (folder / "p.jsonl").write_text(answer)
    return run(folder, "score", "--protocol", protocol, "--annotations", "a.json", "--predictions", "p.jsonl")


EMPTY = '{"sample_id": "0", "instances": []}\n'
ZIGZAG = [[n for i in range(1000) for n in (i * 11, 0, i * 11, 10_999)]]
BOMBS = {
    "a polygon on a line": ([entry([[[0, 0, 2**27, 0, 0, 1]]], 1, 2**27)], EMPTY),
    "a polygon on a column": ([entry([[[0, 0, 0, 2**27, 1, 0, 1, 2**27]]], 2**27, 1)], EMPTY),
    "a zigzag": ([entry([ZIGZAG], 11_000, 11_000)], EMPTY),
    "doubled key": ([entry([])], '{"sample_id": "0", "instances": [], %s "k": 1}' % ('"k": 0,' * 60_000)),
    "runs that overflow": (
        [entry([])],
        json.dumps({"sample_id": "0", "instances": [{"score": 1, "mask": {"size": [HIGH, WIDE], "counts": "o" * 12}}]}),
    ),
    "a number of a million digits": ([entry([])], '{"sample_id": "0", "instances": %s}' % ("7" * 1_000_000)),
    "deep nesting": ([entry([])], '{"sample_id": "0", "instances": %s}' % ("[" * 200_000)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_with_its_sample(tmp_path: Path, name: str) -> None:
    entries, answer = BOMBS[name]
    done = scored(tmp_path, entries, answer)
    assert done.returncode == 2, done.stderr[-2000:]
    assert "sample '0': " in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 1000


@pytest.mark.parametrize("protocol", ["inst2seg", "coco/ap", "tide"])
def test_many_full_masks_of_a_huge_image_are_scored(tmp_path: Path, protocol: str) -> None:
    full = {"size": [HIGH, WIDE], "counts": [0, HIGH * WIDE]}
    corners = [[0, 0, WIDE, 0, WIDE, HIGH, 0, HIGH]]
    answer = {"sample_id": 0, "instances": [{"mask": full, "score": 0.5}] * 20}
    done = scored(tmp_path, [entry([full, corners] * 10)], json.dumps(answer), protocol)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "1.0000" in done.stdout


def test_the_same_bounds_hold_in_check_and_compare(tmp_path: Path) -> None:
    entries, answer = BOMBS["a polygon on a line"]
    (tmp_path / "a.json").write_text(json.dumps([*entries, entry([], 4, 4)]))
    (tmp_path / "p.jsonl").write_text(answer + EMPTY.replace('"0"', "1"))
    checked = run(tmp_path, "check", "inst2seg", "--annotations", "a.json")
    assert checked.returncode == 1
    assert "a.json: sample 0: entry 0: annotation 0: mask[0]: the outline is" in checked.stdout
    os.mkfifo(tmp_path / "a.png")
    settings = ("inst2seg.annotations=a.json", "inst2seg.images=.", "predictions.file=p.jsonl")
    options = [item for setting in settings for item in ("--set", setting)]
    compared = run(
        tmp_path, "compare", "--systems", "predictions", "--benchmark", "inst2seg", *options, "--out", "run",
        "--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db",
    )  # fmt: skip
    assert compared.returncode in (0, 3), compared.stderr[-2000:]
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["systems"]["predictions"]["failures"] == {"bad_sample": 2}
    messages = [
        json.loads(line)["message"] for line in (tmp_path / "run/inst2seg/predictions/predictions.jsonl").open()
    ]
    assert "the outline is" in messages[0]
    assert "it is a pipe, not a file" in messages[1]
