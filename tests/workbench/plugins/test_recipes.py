"""Which configuration a name means."""

from pathlib import Path

import pytest

from workbench.data.errors import ConfigurationError
from workbench.plugins.recipes import configurations, find_config, read_config


def test_every_recipe_has_a_configuration_that_fits_it() -> None:
    found = configurations()
    assert {recipe for recipe, _ in found.values()} == {"sam3", "qwen", "instructsam", "segtoken", "agent-lm"}
    for recipe, file in found.values():
        assert read_config(file)[0] == recipe


def test_a_configuration_is_found_by_path_by_name_and_by_a_recipe_that_has_one(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    assert find_config(str(mine)) == mine  # what is missing is said when it is read
    assert find_config("seg-token-tiny").name == "seg-token-tiny.yaml"
    assert find_config("sam3") == find_config("sam3-tiny")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("instructsam", "several configurations: name one of instructsam-2b-stage1, .*instructsam-tiny-stage1"),
        ("segtoken", "several configurations: name one of multi-seg-tiny, seg-token-tiny"),
        ("sam4-tiny", "unknown recipe or configuration 'sam4-tiny' .did you mean 'sam3-tiny'"),
    ],
)
def test_a_name_that_means_none_or_several_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        find_config(name)
