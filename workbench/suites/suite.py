"""A suite: several benchmarks, of which those whose files are there are run one after the other, with one report.

    title: The agent's own table
    benchmarks:
      - name: reasonseg-val
        title: ReasonSeg val
        benchmark: reasonseg
        set: {annotations: "{root}/reason_seg/ReasonSeg/val", images: "{root}/reason_seg/ReasonSeg/val"}
        get: from the README of dvlab-research/LISA

`{root}` is the folder with all data. `set` has the options of the benchmark; where a path that begins with it is not
there, the benchmark is missing, and `get` says where its files are to be had. `name` is the folder of its run, letters,
digits and `.+-_`; `title` what the report calls it (the name).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.data.errors import ConfigurationError, short
from workbench.data.yaml_files import read_mapping
from workbench.plugins.names import unknown

SHIPPED = Path(__file__).parent
"""The folder of the suites that come with the package."""
ROOT = "{root}"
KEYS = ("name", "title", "benchmark", "set", "get")
NAME = re.compile(r"\w[\w.+-]*")


@dataclass(frozen=True)
class Entry:
    """A benchmark of a suite. `options` have `{root}` in them still."""

    name: str
    title: str
    benchmark: str
    options: Mapping[str, Any]
    get: str

    def placed(self, root: Path) -> dict[str, Any]:
        """Its options, with the folder of the data filled in."""
        return {
            key: value.replace(ROOT, str(root)) if isinstance(value, str) else value
            for key, value in self.options.items()
        }

    def absent(self, root: Path) -> list[str]:
        """The paths below the folder of the data that are not there."""
        placed = self.placed(root)
        given = [key for key, value in self.options.items() if isinstance(value, str) and value.startswith(ROOT)]
        return list(dict.fromkeys(placed[key] for key in given if not Path(placed[key]).exists()))


@dataclass(frozen=True)
class Suite:
    """A checked suite."""

    name: str
    title: str
    entries: Sequence[Entry]


def shipped(folder: Path = SHIPPED) -> list[str]:
    """Names of the suites that come with the package."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def read_suite(given: str) -> Suite:
    """Read a suite from a YAML file, or by the name of one that comes with the package.

    Raises `ConfigurationError` that names file, benchmark and key, what was given and what was expected.
    """
    path, content = content_of(given, SHIPPED, ("title", "benchmarks"))
    entries = [_entry(value, where) for where, value in listed_in(content, path, "benchmarks")]
    check_names(entries, path, "benchmarks")
    return Suite(path.stem, text(content.get("title", path.stem), f"{path}: title"), entries)


def content_of(given: str, folder: Path, keys: Sequence[str]) -> tuple[Path, dict[str, Any]]:
    """The path and the content of a suite that comes with the package in `folder`, or of a YAML file; raises
    `ConfigurationError` for a key that is none of `keys`."""
    known = shipped(folder)
    path = folder / f"{given}.yaml"
    if given not in known:
        path = Path(given)
        if not path.exists() and path.suffix not in (".yaml", ".yml"):
            raise ConfigurationError(f"{unknown('suite', given, known)}; or the path of a YAML file")
    content = read_mapping(path, texts=("title",))
    if strange := [key for key in content if key not in keys]:
        raise ConfigurationError(f"{path}: {unknown('key', str(strange[0]), list(keys))}")
    return path, content


def listed_in(content: Mapping[str, Any], path: Path, key: str) -> list[tuple[str, Any]]:
    """Each value of the list under a key, with where it stands, for errors."""
    listed = content.get(key)
    if not isinstance(listed, list) or not listed:
        raise ConfigurationError(f"{path}: {key}: expected a list of {key}, got {short(listed)}")
    one = {"axes": "axis"}.get(key, key.removesuffix("s"))
    return [(f"{path}: {one} {place}", value) for place, value in enumerate(listed, 1)]


def check_names(entries: Sequence[Entry], path: Path, key: str) -> None:
    """Raise `ConfigurationError` where two have one name: it names their folder."""
    names = [entry.name for entry in entries]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigurationError(f"{path}: expected {key} of different names, got {twice[0]!r} twice")


def mapping(value: object, where: str, keys: Sequence[str]) -> dict[str, Any]:
    """The value, if it is a mapping with no other keys; else raises `ConfigurationError`."""
    if not isinstance(value, dict):
        raise ConfigurationError(f"{where}: expected a mapping of {', '.join(keys)}, got {short(value)}")
    if strange := [key for key in value if key not in keys]:
        raise ConfigurationError(f"{where}: {unknown('key', str(strange[0]), list(keys))}")
    return value


def folder_name(value: object, where: str) -> str:
    """A name that can name a folder; else raises `ConfigurationError`."""
    name = text(value, where)
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"{where}: expected letters, digits and .+-_, got {name!r}")
    return name


def options_in(value: Mapping[str, Any], where: str, benchmark: str) -> dict[str, Any]:
    """The options under `set`; raises `ConfigurationError` where they are none."""
    options = value.get("set", {})
    if not isinstance(options, dict) or not all(isinstance(key, str) for key in options):
        raise ConfigurationError(f"{where}: set: expected options of {benchmark} by name, got {short(options)}")
    return options


def _entry(value: object, where: str) -> Entry:
    given = mapping(value, where, KEYS)
    benchmark = text(given.get("benchmark"), f"{where}: benchmark")
    name = folder_name(given.get("name", benchmark), f"{where}: name")
    options = options_in(given, where, benchmark)
    title, get = text(given.get("title", name), f"{where}: title"), text(given.get("get", "?"), f"{where}: get")
    return Entry(name, title, benchmark, options, "" if get == "?" else get)


def text(value: object, where: str) -> str:
    """A text that says something, without blanks around it; else raises `ConfigurationError`."""
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{where}: expected a text, got {short(value)}")
    return value.strip()
