"""The groups and sentences of D3: what an image is asked, in which language, and what is of absence."""

from pathlib import Path

import pytest

from tests.workbench.benchmarks.layouts import OFFICIAL, edited
from workbench.benchmarks.d3 import d3
from workbench.benchmarks.d3_groups import read_groups
from workbench.data.errors import ConfigurationError

FOLDER = OFFICIAL / "d3"
FULL = FOLDER / "d3_json" / "d3_full_annotations.json"


def test_an_image_of_two_groups_is_asked_both(official: Path) -> None:
    folder = official / "d3" / "d3_pkl"
    edited(folder / "groups.json", lambda groups: groups[1]["img_id"].append(0))
    groups = read_groups(FULL, folder, grouped=True, chinese=False)
    assert groups.asked == {0: {1, 2, 3}, 1: {2, 3}}
    assert [groups.kind(key) for key in (1, 2, 9)] == ["presence", "absence", None]


def test_the_files_that_were_read_are_part_of_the_identity(official: Path) -> None:
    benchmark = d3(str(official / "d3" / "d3_json" / FULL.name), None)
    before = benchmark.identity()
    edited(official / "d3" / "d3_pkl" / "groups.json", lambda groups: groups[1]["inner_sent_id"].append(1))
    assert benchmark.identity()["digest"] != before["digest"]


def test_chinese_descriptions() -> None:
    samples = d3(str(FULL), None, language="zh").samples()
    assert [sample.instruction for sample in samples] == ["红色杯子", "没有柄的刀", "没有柄的刀", "旧刀"]


def test_presence_and_absence_are_known_from_the_files_beside_it_too(official: Path) -> None:
    folder = official / "d3"
    (folder / "d3_pkl" / "sentences.json").unlink()
    benchmark = d3(str(folder / "d3_json" / FULL.name), None)
    assert [sample.kind for sample in benchmark.samples()] == ["presence", "absence", "absence", "presence"]
    (folder / "d3_json" / "d3_pres_annotations.json").unlink()
    assert [sample.kind for sample in benchmark.samples()][:2] == ["presence", "absence"], "what was read stays"


def test_pickles_are_refused_by_name_and_what_to_do_is_said(official: Path) -> None:
    folder = official / "d3"
    groups = folder / "d3_pkl" / "groups.json"
    groups.rename(groups.with_suffix(".pkl"))
    with pytest.raises(ConfigurationError, match=r"groups.pkl is a pickle, .* --set d3.setting=inter"):
        d3(str(folder / "d3_json" / FULL.name), None)
    (folder / "d3_pkl" / "sentences.json").unlink()
    with pytest.raises(ConfigurationError, match=r"sentences.json.* it is not there.* --set d3.language=en"):
        d3(str(folder / "d3_json" / FULL.name), None, setting="inter", language="zh")
