"""The example packages of docs/extending.md, installed and run as a plugin author would."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.forking import completed
from workbench.cli.main import main
from workbench.data.masks import encode

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "extending.md"
EXAMPLES = re.compile(r"```(?:toml|python)\n# (acme-\S+)\n(.*?)```", re.DOTALL)
COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (40, 50, 220)}
WIDTH, HEIGHT = 32, 24
Workbench = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the six packages installed in it."""
    sources, site = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("site")
    for path, text in EXAMPLES.findall(GUIDE.read_text()):
        (sources / path).parent.mkdir(exist_ok=True)
        (sources / path).write_text(text)
    packages = sorted(sources.iterdir())
    assert [package.name for package in packages] == [
        "acme-axis", "acme-benchmark", "acme-metric", "acme-reporter", "acme-segmenter", "acme-system"
    ]  # fmt: skip
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*command, "--target", site, *packages], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return site


@pytest.fixture(scope="module")
def workbench(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """Runs a command of the workbench beside the installed packages, in a folder of its own: a copy of this process,
    which has loaded what each command would load for seconds."""
    folder = tmp_path_factory.mktemp("work")
    write_boxes(folder)

    def run(*arguments: str, expected: int = 0) -> "subprocess.CompletedProcess[str]":
        def command() -> int:
            sys.path.insert(0, str(site))
            os.chdir(folder)
            return main(list(arguments))

        done = completed(command)
        assert done.returncode == expected, done.stdout + done.stderr
        return done

    return run


def write_boxes(folder: Path) -> None:
    """Twelve pictures with a red and a blue box, and a question about each; the last three ask for what is absent."""
    rows = []
    for number in range(12):
        pixels = np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
        boxes = {"red": [2 + number % 3, 4, 8, 6], "blue": [16, 10, 9, 8 - number % 2]}
        for colour, (x, y, w, h) in boxes.items():
            pixels[y : y + h, x : x + w] = COLOURS[colour]
        Image.fromarray(pixels).save(folder / f"{number}.png")
        colour = "green" if number > 8 else "red" if number % 2 else "blue"
        asked = [boxes[colour]] if colour in boxes else []
        row = {"image": f"{number}.png", "size": [WIDTH, HEIGHT], "instruction": f"the {colour} box", "boxes": asked}
        rows.append(row)
    (folder / "boxes.json").write_text(json.dumps(rows))


FILES = ("--set", "acme-boxes.annotations=boxes.json", "--set", "acme-boxes.images=.")


def compared(workbench: Workbench, out: str, systems: str, *more: str) -> dict[str, Any]:
    done = workbench(
        "compare", "--benchmark", "acme-boxes", *FILES, "--systems", systems, "--out", out, "--json",
        "--tracking-uri", "none", *more,
    )  # fmt: skip
    results: dict[str, Any] = json.loads(done.stdout)
    return results


def sizes(kind: str) -> Sequence[str]:
    return [text for path, text in EXAMPLES.findall(GUIDE.read_text()) if path == f"acme-{kind}/acme_{kind}.py"]


@pytest.mark.parametrize("kind", ["system", "benchmark", "axis"])
def test_a_system_a_benchmark_or_an_axis_takes_at_most_25_lines(kind: str) -> None:
    (text,) = sizes(kind)
    assert len([line for line in text.splitlines() if line.strip()]) <= 25


def test_all_six_are_listed_with_their_options_and_where_they_come_from(site: Path, workbench: Workbench) -> None:
    # a process of its own, as a user starts it
    command = [sys.executable, "-m", "workbench", "list", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    listed = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True).stdout)
    ours = {plugin["name"]: plugin for group in listed.values() for plugin in group if "acme" in plugin["source"]}
    assert set(ours) == {"acme-boxes", "acme-colour", "acme/edges", "acme-blobs", "acme-csv", "acme-gamma"}
    assert not any(plugin["problem"] for plugin in ours.values())
    shown = workbench("list", "acme-colour").stdout
    assert "reach" in shown and "90" in shown and "acme-system" in shown


def test_a_comparison_of_third_party_parts_runs_reports_and_counts_a_drop_reason_of_their_own(
    workbench: Workbench, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    results = compared(
        workbench, str(out), "acme-colour,sam3-phrase-tiny", "--set", "sam3-phrase-tiny.segmenter=acme-blobs"
    )
    assert results["metrics"]["edge"]["unit"] == "pixels"
    assert results["metrics"]["edge"]["higher_is_better"] is False
    system = results["systems"]["acme-colour"]
    assert system["metrics"] == {"edge": 0.0, "exact": 1.0}
    assert system["n_failed"] == results["systems"]["sam3-phrase-tiny"]["n_failed"] == 0
    assert results["systems"]["sam3-phrase-tiny"]["metrics"] == {"edge": 0.0, "exact": 1.0}
    page = (out / "report.html").read_text()
    assert "Distance of the left edges. In pixels, less is better." in page
    assert "edge <small>pixels, less is better</small>" in page and "edge (pixels, less is better)" in page
    assert "other colour" in (out / "acme-boxes" / "acme-colour" / "predictions.jsonl").read_text()
    workbench("report", str(out), "--reporter", "acme-csv", "--out", str(tmp_path / "scores.csv"))
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"edge", "exact"} <= {row["metric"] for row in rows}
    assert "| edge pixels, less is better |" in workbench("report", str(out), "--markdown").stdout


def test_an_axis_is_swept_on_a_third_partys_benchmark(workbench: Workbench, tmp_path: Path) -> None:
    (suite,) = re.findall(r"```yaml\n(axes:.*?)```", GUIDE.read_text(), re.DOTALL)
    (tmp_path / "dark.yaml").write_text(suite)
    out = tmp_path / "dark"
    workbench(
        "stress", str(tmp_path / "dark.yaml"), "--systems", "acme-colour", "--out", str(out), "--tracking-uri", "none"
    )
    curves = json.loads((out / "acme-gamma" / "results.json").read_text())["stress"]["curves"]["acme-colour"]
    exact = curves["exact"]["values"]
    assert len(exact) == 5 and exact[0] == 1.0 and exact[-1] < 1.0 and curves["exact"]["half"] is not None
    page = (out / "stress.html").read_text()
    assert "Gamma" in page and "exponent" in page and "edge" in page


def test_a_metric_of_which_less_is_better_fails_the_gate_when_it_rises(workbench: Workbench, tmp_path: Path) -> None:
    good, bad = str(tmp_path / "good"), str(tmp_path / "bad")
    compared(workbench, good, "acme-colour")
    results = compared(workbench, bad, "acme-colour", "--set", "acme-colour.reach=1")
    assert results["systems"]["acme-colour"]["metrics"]["edge"] == 0.0, "the pictures are saved without loss"
    compared(workbench, str(tmp_path / "worse"), "acme-colour", "--set", "acme-colour.reach=900")
    rules = tmp_path / "rules.yaml"
    rules.write_text("metrics: {edge: 1}\nrates: {}\n")  # of 12 images, one rule can tell; all of them together cannot
    failed = workbench("gate", good, str(tmp_path / "worse"), "--rules", str(rules), expected=1).stdout
    assert re.search(r"acme-colour: edge changed by \+[\d.]+ pixels \(95 % interval ", failed)
    assert "points" not in failed.partition("edge changed")[2].partition("\n")[0]
    workbench("gate", str(tmp_path / "worse"), good)


def test_the_files_are_checked_and_predictions_made_elsewhere_are_scored(workbench: Workbench, tmp_path: Path) -> None:
    assert "12 samples" in workbench("check", "acme-boxes", "--annotations", "boxes.json", "--images", ".").stdout
    mask = encode(np.eye(HEIGHT, WIDTH, dtype=bool))
    lines = [{"sample_id": str(n), "instances": [{"mask": mask, "score": 0.5}] if n < 9 else []} for n in range(12)]
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = workbench(
        "score", "--protocol", "acme/edges", "--annotations", "boxes.json", "--predictions", str(predictions), "--json"
    )
    assert json.loads(done.stdout)["metrics"]["exact"] == pytest.approx(3 / 12)
    shown = workbench(
        "score", "--protocol", "acme/edges", "--annotations", "boxes.json", "--predictions", str(predictions)
    )
    assert "edge (pixels, less is better)" in shown.stdout


def test_wrong_options_of_a_third_party_are_refused_before_anything_starts(
    workbench: Workbench, tmp_path: Path
) -> None:
    done = workbench(
        "compare", "--benchmark", "acme-boxes", *FILES, "--systems", "acme-colour", "--out", str(tmp_path / "never"),
        "--set", "acme-colour.reach=far", expected=2,
    )  # fmt: skip
    assert "reach" in done.stderr and "far" in done.stderr
    assert not (tmp_path / "never").exists()
