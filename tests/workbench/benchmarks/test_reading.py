"""Paths in annotation files stay inside the image folder, whatever is written there."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.benchmarks.layouts import PLACES, edited
from workbench.plugins.registry import prepare

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
    samples = list(benchmark.samples())
    assert samples[0].problem is not None and "sample 0: " in samples[0].problem
    assert samples[0].image_path == images, "nothing outside is ever named"
    assert samples[-1].problem is None
