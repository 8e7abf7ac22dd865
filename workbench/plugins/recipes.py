"""Reads the configuration of a training run and finds its recipe.

A recipe is an entry point of group `workbench.recipes`: a function `(config, out)`. It declares its keys by annotating
`config` with a `TypedDict`, so that a misspelt or missing key is found before anything starts.
"""

import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.data.errors import ConfigurationError
from workbench.data.yaml_files import read_mapping
from workbench.plugins import registry

Recipe = Callable[[dict[str, Any], Path], None]


def read_config(path: Path, changes: Mapping[str, Any] | None = None) -> tuple[str, Recipe, dict[str, Any]]:
    """The name of the recipe, the recipe, and the keys for it, from a YAML file; `changes` take the place of its keys.

    Raises `ConfigurationError` for a file that is missing or no YAML mapping, an unknown recipe, and for keys or
    values that the recipe does not take.
    """
    config = read_mapping(path, texts=("recipe",))
    if "recipe" not in config:
        raise ConfigurationError(f"{path}: expected a mapping with a key `recipe`")
    name = config.pop("recipe")
    recipe = registry.load("recipes", name)
    config |= changes or {}
    _check_keys(recipe, config, path)
    return name, recipe, config


def _check_keys(recipe: Recipe, config: dict[str, Any], path: Path) -> None:
    declared = next(iter(typing.get_type_hints(recipe).values()), None)
    if declared is None or not typing.is_typeddict(declared):
        raise ConfigurationError(f"{path}: its recipe does not declare its keys by a TypedDict")
    types = typing.get_type_hints(declared)
    required: frozenset[str] = declared.__required_keys__
    for key, value in config.items():
        if key not in types:
            raise ConfigurationError(f"{path}: {registry.unknown('key', str(key), sorted(types))}")
        if not _fits(value, types[key]):
            raise ConfigurationError(f"{path}: {key}: expected {types[key].__name__}, got {value!r}")
    if missing := required - config.keys():
        raise ConfigurationError(f"{path}: missing: {', '.join(sorted(missing))}")


def _fits(value: object, expected: Any) -> bool:
    """Whether a YAML scalar has the declared type; other types than the four of YAML are left to the recipe."""
    if expected is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return expected not in (bool, str) or isinstance(value, expected)
