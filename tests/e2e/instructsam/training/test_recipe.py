"""The shipped recipes have only keys that the recipe has, and those that it needs."""

from pathlib import Path

import pytest

import e2e
from e2e.instructsam.training.recipe import Config
from workbench.plugins.recipes import read_config

RECIPES = sorted((Path(e2e.__file__).parent / "configs").glob("instructsam-*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_has_known_keys_and_all_that_are_needed(path: Path) -> None:
    _, _, keys = read_config(path)
    assert set(keys) <= Config.__required_keys__ | Config.__optional_keys__
    assert set(keys) >= Config.__required_keys__
