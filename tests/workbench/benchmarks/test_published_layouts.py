"""What holds for every reader, on small files in the layout that each benchmark is published in."""

import inspect
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workbench.benchmarks.layouts import HEIGHT, OFFICIAL, PLACES, WIDTH
from workbench.data.errors import ConfigurationError
from workbench.data.samples import sample_from_json, sample_to_json
from workbench.plugins.registry import load, prepare


@pytest.mark.parametrize("name", PLACES)
def test_the_plugin_reads_samples_whose_images_are_there(name: str) -> None:
    annotations, images = (str(OFFICIAL / name / place) for place in PLACES[name])
    benchmark = prepare("benchmarks", name, {"annotations": annotations, "images": images})()
    samples = list(benchmark.samples())
    assert benchmark.name == name
    assert [sample.sample_id for sample in samples] == [str(i) for i in range(len(samples))]
    assert all(sample.load_image().shape == (HEIGHT, WIDTH, 3) for sample in samples)
    root = benchmark.image_root().resolve()
    for sample in samples:
        stored = json.loads(json.dumps(sample_to_json(sample, root)))
        assert sample_from_json(stored, root) == replace(sample, image_path=sample.image_path.resolve())
    assert prepare("benchmarks", name, {"annotations": annotations, "images": None})().identity() == (
        benchmark.identity()
    )


@pytest.mark.parametrize("name", PLACES)
def test_long_files_are_read_piece_by_piece_with_the_same_samples(name: str, in_pieces: pytest.MonkeyPatch) -> None:
    annotations, images = (str(OFFICIAL / name / place) for place in PLACES[name])
    options = [{}, {"setting": "inter"}] if name == "d3" else [{}]
    makes = [prepare("benchmarks", name, {"annotations": annotations, "images": images, **more}) for more in options]
    read = [(list(one.samples()), one.remarks()) for one in (make() for make in makes)]
    in_pieces.undo()
    assert [(list(one.samples()), one.remarks()) for one in (make() for make in makes)] == read


@pytest.mark.parametrize("name", PLACES)
def test_the_plugin_says_what_is_not_there(name: str, tmp_path: Path) -> None:
    annotations, images = (str(OFFICIAL / name / place) for place in PLACES[name])
    with pytest.raises(ConfigurationError, match="there is no annotation file"):
        prepare("benchmarks", name, {"annotations": str(tmp_path / "x.json"), "images": images})()
    with pytest.raises(ConfigurationError, match="there is no image folder"):
        prepare("benchmarks", name, {"annotations": annotations, "images": str(tmp_path / "x")})()


@pytest.mark.parametrize(
    ("name", "file", "split"),
    [
        ("grefcoco", "grefs(unc).json", None),
        ("grefcoco", "grefcoco_val.json", "val"),
        ("reasonseg", "val", "val"),
        ("reasonseg", "reason_seg_val.json", "val"),
        ("roborefit", "final_dataset/testA/roborefit_testA.json", "testA"),
        ("roborefit", "roborefit_testA_qa.json", "testA"),
        ("gseval", "GroundingSuite-Eval.jsonl", "eval"),
    ],
)
def test_the_split_is_known_from_the_published_names(name: str, file: str, split: str | None) -> None:
    options = {"annotations": str(OFFICIAL / name / file), "images": None}
    assert prepare("benchmarks", name, options)().identity()["split"] == split


@pytest.mark.parametrize("name", PLACES)
def test_the_documentation_checks_what_is_run_by_default(name: str) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "benchmarks.md").read_text()
    (command,) = (line for line in guide.splitlines() if line.startswith(f"    workbench check {name} "))
    words = shlex.split(command)
    defaults = inspect.signature(load("benchmarks", name)).parameters
    assert words[3:] == ["--annotations", defaults["annotations"].default, "--images", defaults["images"].default]
    assert f"--benchmark {name}" in guide
