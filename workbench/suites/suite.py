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


def shipped() -> list[str]:
    """Names of the suites that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def read_suite(given: str) -> Suite:
    """Read a suite from a YAML file, or by the name of one that comes with the package.

    Raises `ConfigurationError` that names file, benchmark and key, what was given and what was expected.
    """
    path = SHIPPED / f"{given}.yaml"
    if given not in shipped():
        path = Path(given)
        if not path.exists() and path.suffix not in (".yaml", ".yml"):
            raise ConfigurationError(f"{unknown('suite', given, shipped())}; or the path of a YAML file")
    content = read_mapping(path, texts=("title",))
    if strange := [key for key in content if key not in ("title", "benchmarks")]:
        raise ConfigurationError(f"{path}: {unknown('key', str(strange[0]), ['title', 'benchmarks'])}")
    listed = content.get("benchmarks")
    if not isinstance(listed, list) or not listed:
        raise ConfigurationError(f"{path}: benchmarks: expected a list of benchmarks, got {short(listed)}")
    entries = [_entry(value, f"{path}: benchmark {place}") for place, value in enumerate(listed, 1)]
    names = [entry.name for entry in entries]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigurationError(f"{path}: expected benchmarks of different names, got {twice[0]!r} twice")
    return Suite(path.stem, _text(content.get("title", path.stem), f"{path}: title"), entries)


def _entry(value: object, where: str) -> Entry:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{where}: expected a mapping of {', '.join(KEYS)}, got {short(value)}")
    if strange := [key for key in value if key not in KEYS]:
        raise ConfigurationError(f"{where}: {unknown('key', str(strange[0]), list(KEYS))}")
    benchmark = _text(value.get("benchmark"), f"{where}: benchmark")
    name = _text(value.get("name", benchmark), f"{where}: name")
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"{where}: name: expected letters, digits and .+-_, got {name!r}")
    options = value.get("set", {})
    if not isinstance(options, dict) or not all(isinstance(key, str) for key in options):
        raise ConfigurationError(f"{where}: set: expected options of {benchmark} by name, got {short(options)}")
    title, get = _text(value.get("title", name), f"{where}: title"), _text(value.get("get", "?"), f"{where}: get")
    return Entry(name, title, benchmark, options, "" if get == "?" else get)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{where}: expected a text, got {short(value)}")
    return value.strip()
