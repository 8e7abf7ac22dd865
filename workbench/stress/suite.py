"""A stress suite: axes that are swept one after the other, with one page.

    title: Where my models break
    questions: 40
    benchmark: reasonseg
    set: {annotations: "{root}/reason_seg/ReasonSeg/val", images: "{root}/reason_seg/ReasonSeg/val"}
    axes:
      - axis: targets
      - axis: blur
        levels: [0, 1, 3, 5]
      - name: blur-refcoco
        axis: blur
        benchmark: refcoco
        set: {annotations: "{root}/refcoco/refs(unc).p", images: "{root}/images", split: val}

`axis` is a plugin of group `workbench.perturbations`. An axis that draws its own scenes takes `size`, the side of its
pictures; any other changes the questions of `benchmark` with the options `set`, here or for all axes. `questions` is
how many there are at each level: the first of the benchmark, or with `sample: random` random ones by the seed. `name`,
`title`, `get` and `{root}` are those of `workbench.suites.suite`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.data.choices import Choice
from workbench.data.errors import ConfigurationError, short
from workbench.plugins import registry
from workbench.plugins.perturbations import Axis, declared
from workbench.stress import FOLDER
from workbench.stress.writing import Perturb
from workbench.suites import suite as suites
from workbench.suites.suite import Entry, Suite

SHARED = ("questions", "benchmark", "set", "sample", "size")
KEYS = ("name", "title", "axis", "levels", *SHARED, "get")
QUESTIONS, SIZE, SIZES = 24, 128, (64, 1024)


@dataclass(frozen=True)
class AxisOfSuite(Entry):
    """An axis of a suite. `benchmark` is empty where it draws its own scenes."""

    plugin: str
    axis: Axis
    perturb: Perturb
    questions: int
    size: int
    sample: Choice


def read_suite(given: str) -> Suite:
    """Read a stress suite from a YAML file, or by the name of one that comes with the package.

    Raises `ConfigurationError` that names file, axis and key, what was given and what was expected.
    """
    path, content = suites.content_of(given, FOLDER, ("title", "axes", *SHARED))
    entries = [_entry(value, content, where) for where, value in suites.listed_in(content, path, "axes")]
    suites.check_names(entries, path, "axes")
    return Suite(path.stem, suites.text(content.get("title", path.stem), f"{path}: title"), entries)


def _entry(value: object, shared: Mapping[str, Any], where: str) -> AxisOfSuite:
    own = suites.mapping(value, where, KEYS)
    plugin = suites.text(own.get("axis"), f"{where}: axis")
    try:
        perturb = registry.load("perturbations", plugin)
        axis = declared(perturb)
        assert axis is not None  # the registry refuses a function without
        if "levels" in own:
            axis = axis.with_levels(own["levels"])
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from error
    given = {**{key: shared[key] for key in SHARED if key in shared}, **own}
    if "benchmark" in own and "set" not in own:
        given.pop("set", None)  # that of all axes is of another benchmark
    if axis.generated and {"benchmark", "set"} & set(own):
        raise ConfigurationError(f"{where}: {plugin} draws its own scenes: expected neither benchmark nor set")
    name = suites.folder_name(own.get("name", plugin), f"{where}: name")
    benchmark = "" if axis.generated else suites.text(given.get("benchmark", "tabletop"), f"{where}: benchmark")
    return AxisOfSuite(
        name=name,
        title=suites.text(own.get("title", axis.title), f"{where}: title"),
        benchmark=benchmark,
        options={} if axis.generated else suites.options_in(given, where, benchmark),
        get=suites.text(own["get"], f"{where}: get") if "get" in own else "",
        plugin=plugin,
        axis=axis,
        perturb=perturb,
        questions=_whole(given.get("questions", QUESTIONS), f"{where}: questions", (1, 100_000)),
        size=_whole(given.get("size", SIZE), f"{where}: size", SIZES),
        sample=_choice(given.get("sample", "first"), f"{where}: sample"),
    )


def _choice(value: object, where: str) -> Choice:
    if value == "first" or value == "random":
        return value
    raise ConfigurationError(f"{where}: expected first or random, got {short(value)}")


def _whole(value: object, where: str, bounds: tuple[int, int]) -> int:
    low, high = bounds
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigurationError(f"{where}: expected a whole number from {low} to {high}, got {short(value)}")
    return value
