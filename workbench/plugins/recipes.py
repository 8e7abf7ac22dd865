"""Reads the configuration of a training run and finds its recipe.

A recipe is an entry point of group `workbench.recipes`: a function `(config, out)`. It declares its keys by annotating
`config` with a `TypedDict`, so that a misspelt or missing key is found before anything starts.
"""

import typing
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workbench.data.errors import ConfigurationError
from workbench.data.yaml_files import read_mapping
from workbench.plugins import registry
from workbench.plugins.names import unknown
from workbench.plugins.options import Option, of_keys

Recipe = Callable[[dict[str, Any], Path], None]


def read_config(path: Path, changes: Mapping[str, Any] | None = None) -> tuple[str, Recipe, dict[str, Any]]:
    """The name of the recipe, the recipe, and its keys, from a YAML file. `changes` override keys of the file.

    Raises `ConfigurationError` for a file that is missing or not a YAML mapping, an unknown recipe, and for keys or
    values that the recipe does not take.
    """
    config = read_mapping(path, texts=("recipe",))
    name = config.get("recipe")
    if not isinstance(name, str):
        raise ConfigurationError(f"{path}: expected a mapping with a key `recipe`")
    recipe = registry.load("recipes", name)
    keys = next(iter(typing.get_type_hints(recipe).values()), None)
    if keys is None or not typing.is_typeddict(keys):
        raise ConfigurationError(f"{path}: its recipe does not declare its keys by a TypedDict")
    known = {option.name: option for option in of_keys(keys)}
    config = read_mapping(path, texts=("recipe", *(option.name for option in known.values() if option.type is str)))
    del config["recipe"]
    return name, recipe, _checked({**config, **(changes or {})}, known, path)


def find_config(given: str) -> Path:
    """The file that is meant by a path, by the name of a file that comes with a recipe (`sam3-tiny`), or by the name
    of a recipe with a single such file (`sam3`).

    Raises `ConfigurationError` where there is none, with the names of all.
    """
    if Path(given).exists() or given.endswith((".yaml", ".yml")):
        return Path(given)
    shipped = configurations()
    if given in shipped:
        return shipped[given][1]
    of_recipe = [name for name, (recipe, _) in shipped.items() if recipe == given]
    if len(of_recipe) == 1:
        return shipped[of_recipe[0]][1]
    if of_recipe:
        raise ConfigurationError(f"recipe {given} has several configurations: name one of {', '.join(of_recipe)}")
    raise ConfigurationError(unknown("recipe or configuration", given, sorted({*shipped, *registry.names("recipes")})))


def configurations() -> dict[str, tuple[str, Path]]:
    """The files that come with recipes: recipe and file by the file's name without its ending. They lie in folders
    `configs` of the packages that the recipes are in."""
    found = {}
    for point in registry.entry_points("recipes"):
        package = find_spec(point.module.partition(".")[0])
        for place in package.submodule_search_locations or () if package else ():
            for file in sorted(Path(place).rglob("configs/*.yaml")):
                if (recipe := _recipe(file)) == point.name:
                    found[file.stem] = (recipe, file)
    return found


def _recipe(file: Path) -> str | None:
    try:
        name = read_mapping(file, texts=("recipe",)).get("recipe")
    except ConfigurationError:
        return None
    return name if isinstance(name, str) else None


def _checked(config: Mapping[str, Any], known: Mapping[str, Option], path: Path) -> dict[str, Any]:
    checked = {}
    for key, value in config.items():
        if key not in known:
            raise ConfigurationError(f"{path}: {unknown('key', key, sorted(known))}")
        try:
            checked[key] = known[key].value(value)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from None
    if missing := {name for name, option in known.items() if option.required} - config.keys():
        raise ConfigurationError(f"{path}: missing: {', '.join(sorted(missing))}")
    return checked
