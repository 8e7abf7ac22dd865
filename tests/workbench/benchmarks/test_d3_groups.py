"""The groups and sentences of D3: what an image is asked, in which language, and what is of absence."""

import json
import pickle
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
    samples = list(d3(str(FULL), None, language="zh").samples())
    assert [sample.instruction for sample in samples] == ["红色杯子", "没有柄的刀", "没有柄的刀", "旧刀"]


@pytest.mark.parametrize("beside", [True, False])
def test_what_is_of_absence_is_known_from_the_files_beside_or_from_the_sentences(beside: bool, official: Path) -> None:
    folder = official / "d3"
    if beside:
        (folder / "d3_pkl" / "sentences.json").unlink()
    else:
        for name in ("pres", "abs"):
            (folder / "d3_json" / f"d3_{name}_annotations.json").unlink()
    samples = list(d3(str(folder / "d3_json" / FULL.name), None).samples())
    assert [sample.kind for sample in samples] == ["presence", "absence", "absence", "presence"]


@pytest.mark.parametrize("protocol", [2, 4])
def test_the_published_pickles_are_read(protocol: int, official: Path) -> None:
    folder = official / "d3"
    file = str(folder / "d3_json" / FULL.name)
    listed = list(d3(file, None, language="zh").samples())
    for path in sorted((folder / "d3_pkl").glob("*.json")):
        by_id = {value["id"]: value for value in json.loads(path.read_text())}
        path.with_suffix(".pkl").write_bytes(pickle.dumps(by_id, protocol))
        path.unlink()
    assert list(d3(file, None, language="zh").samples()) == listed


def test_a_pickle_of_more_than_plain_data_is_refused_by_name(official: Path) -> None:
    folder = official / "d3"
    groups = folder / "d3_pkl" / "groups.json"
    groups.unlink()
    groups.with_suffix(".pkl").write_bytes(pickle.dumps({0: Path("x")}))
    with pytest.raises(ConfigurationError, match=r"groups\.pkl: byte \d+: .* is refused: only lists, dicts"):
        d3(str(folder / "d3_json" / FULL.name), None)
    groups.with_suffix(".pkl").write_bytes(pickle.dumps("cups"))
    with pytest.raises(ConfigurationError, match=r"groups\.pkl: expected a dict of groups by id, got 'cups'"):
        d3(str(folder / "d3_json" / FULL.name), None)


def test_what_is_not_there_is_named_with_the_way_to_do_without(official: Path) -> None:
    folder = official / "d3"
    for path in (folder / "d3_pkl").glob("*.json"):
        path.unlink()
    file = str(folder / "d3_json" / FULL.name)
    with pytest.raises(ConfigurationError, match=r"there is no .*groups.pkl, nor groups.json .*--set d3.setting=inter"):
        d3(file, None)
    with pytest.raises(ConfigurationError, match=r"sentences.pkl, nor .*--set d3.language=en"):
        d3(file, None, setting="inter", language="zh")
