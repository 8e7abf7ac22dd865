"""What holds for every reader, on small files in the layout that each benchmark is published in."""

import inspect
import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.benchmarks.layouts import HEIGHT, OFFICIAL, WIDTH, edited
from workbench.data.errors import ConfigurationError
from workbench.data.samples import sample_from_json, sample_to_json
from workbench.plugins.registry import load, prepare

PLACES: dict[str, tuple[str, str]] = {
    "inst2seg": ("inst2seg.json", "data"),
    "grefcoco": ("grefs(unc).json", "images/train2014"),
    "reasonseg": ("val", "val"),
    "roborefit": ("final_dataset/testA/roborefit_testA.json", "."),
    "gseval": ("GroundingSuite-Eval.jsonl", "images"),
    "saco": ("gold_toy_merged_a_release_test.json", "images"),
}


@pytest.mark.parametrize("name", PLACES)
def test_the_plugin_reads_samples_whose_images_are_there(name: str) -> None:
    annotations, images = (str(OFFICIAL / name / place) for place in PLACES[name])
    benchmark = prepare("benchmarks", name, {"annotations": annotations, "images": images})()
    samples = benchmark.samples()
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


IMAGE_KEYS: dict[str, tuple[str, str, Callable[[Any], list[Any]]]] = {
    "inst2seg": ("inst2seg.json", "image", lambda content: content),
    "grefcoco": ("instances.json", "file_name", lambda content: content["images"]),
    "roborefit": ("final_dataset/testA/roborefit_testA.json", "rgb_path", lambda content: content),
    "saco": ("gold_toy_merged_a_release_test.json", "file_name", lambda content: content["images"]),
}
ESCAPES = ["../secret.png", "/etc/passwd", "a/../../secret.png", "..\\secret.png", "C:\\secret.png", "", 7, "a\0b"]


@pytest.mark.parametrize("name", IMAGE_KEYS)
@pytest.mark.parametrize("escape", [*ESCAPES, "\ud800.png", "link.png", "folder/secret.png"])
def test_no_image_leads_out_of_the_image_folder(official: Path, name: str, escape: Any) -> None:
    file, key, entries = IMAGE_KEYS[name]
    annotations, images = (official / name / place for place in PLACES[name])
    secret = official / "secrets" / "secret.png"
    secret.parent.mkdir()
    shutil.copy(next((official / "roborefit").rglob("*.png")), secret)
    (images / "link.png").symlink_to(secret)
    (images / "folder").symlink_to(secret.parent)
    edited(official / name / file, lambda content: entries(content)[0].update({key: escape}))
    benchmark = prepare("benchmarks", name, {"annotations": str(annotations), "images": str(images)})()
    samples = benchmark.samples()
    assert samples[0].problem is not None and "sample 0: " in samples[0].problem
    assert samples[0].image_path == images, "nothing outside is ever named"
    assert samples[-1].problem is None
