"""The key `data` of a recipe: a list of sources, each a benchmark of the registry and how it is learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, NotRequired, TypedDict

from workbench.data.errors import ConfigurationError, short
from workbench.foundations.training.data.questions import KINDS, PLACE, Kind, Templates
from workbench.plugins.options import Above, AtLeast, PluginName, Range, arguments

TABLETOP = "tabletop"
FLIPS = "flips"
AUGMENTATIONS = ("none", FLIPS)


class DataKeys(TypedDict):
    """The keys of a recipe that learns from any pictures with questions."""

    data: NotRequired[list[dict[str, Any]]]
    """Sources: `{benchmark, options, kind, weight, templates, negatives, phrase, pictures, name}` each; without it,
    tabletop scenes that are drawn. docs/training.md says more."""
    templates: NotRequired[dict[str, Any]]
    """What the user says, by kind, for sources that do not say it: texts with {instruction} (the question alone)."""
    shuffle: NotRequired[bool]
    """Pictures of `data` in an order of the seed, else in that of the files (yes)."""
    augment: NotRequired[str]
    """`flips`: half of the pictures of `data` are mirrored, and left and right exchanged in their texts; `none`."""
    epochs: NotRequired[float]
    """Passes over `data`, in place of `minutes`; the steps follow from it."""


class ValidationKeys(TypedDict):
    """The keys of a recipe that is validated on any benchmark."""

    validate_on: NotRequired[list[dict[str, Any]]]
    """Benchmarks, `{benchmark, options, limit, name}` each, that are scored by their own protocols, in place of
    tabletop scenes."""
    best: NotRequired[str]
    """Metric of the first of them by which the checkpoint in `best` is chosen (its protocol's main metric)."""
    evaluate_steps: NotRequired[int]
    """Steps between evaluations, in place of `evaluate_every`."""


@dataclass(frozen=True)
class SourceOptions:
    """One source of a recipe's `data`."""

    benchmark: Annotated[str, PluginName("benchmarks")]
    options: dict[str, Any] = field(default_factory=dict)
    """Those of the benchmark."""
    kind: Kind | None = None
    """How its questions are asked; None: as the sample says."""
    weight: Annotated[float, Above(0)] = 1.0
    """How often each of its pictures occurs in an epoch."""
    templates: Templates = field(default_factory=dict)
    """What the user says, by kind; one of several is drawn each time."""
    negatives: Annotated[float | None, Range(0, 1)] = None
    """Share of questions that nothing in the picture answers; None: as the source has them, but none of the categories
    that COCO's layout leaves out."""
    phrase: str = "object"
    """What the answer to an instruction names where the source does not say it."""
    pictures: Annotated[int, AtLeast(1)] = 10_000
    """As how many pictures an epoch counts scenes that are drawn."""
    name: str = ""
    """What the log calls it."""

    @property
    def drawn(self) -> bool:
        """Whether its scenes are drawn as they are needed: those of tabletop without options."""
        return self.benchmark == TABLETOP and not self.options


def checked_augmentation(config: Mapping[str, Any]) -> str:
    """The key `augment` of a recipe. Raises `ConfigurationError` for any other word, and for keys of `data` where that
    is not given."""
    if not config.get("data"):
        for key in ("templates", "shuffle", "augment", "epochs"):
            if key in config:
                raise ConfigurationError(f"{key}: it is for `data`, which is not given: scenes are drawn")
    augment = str(config.get("augment", AUGMENTATIONS[0]))
    if augment not in AUGMENTATIONS:
        raise ConfigurationError(f"augment: expected one of {', '.join(AUGMENTATIONS)}, got {augment!r}")
    return augment


def sources_of(entries: Sequence[Mapping[str, Any]], templates: object = None) -> list[SourceOptions]:
    """The checked sources of a recipe, each with a name of its own; `templates` are those of the sources that have
    none.

    Raises `ConfigurationError` for an empty list, an unknown key or benchmark, and a value that does not fit.
    """
    if not entries:
        raise ConfigurationError("data: expected at least one source {benchmark: NAME}, got an empty list")
    usual_templates = _templates(templates, "templates")
    made = [_made(place, entry, usual_templates) for place, entry in enumerate(entries)]
    given = [one.name for one in made if one.name]
    if doubled := sorted({name for name in given if given.count(name) > 1}):
        raise ConfigurationError(f"data: several sources are called {', '.join(doubled)}: expected different names")
    named: list[SourceOptions] = []
    for one in made:
        usual, taken = one.name or _name(one.benchmark, one.options), {*given, *(other.name for other in named)}
        numbered = (f"{usual} {number}" for number in range(2, len(made) + 2))
        free = usual if one.name or usual not in taken else next(name for name in numbered if name not in taken)
        named.append(replace(one, name=free))
    return named


def _made(place: int, entry: Mapping[str, Any], usual: Templates) -> SourceOptions:
    where = f"data[{place}]"
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{where}: expected {{benchmark: NAME, ...}}, got {short(entry)}")
    if "benchmark" not in entry:
        raise ConfigurationError(f"{where}: expected a key `benchmark`, got {', '.join(map(str, entry)) or 'none'}")
    templates = _templates(entry.get("templates"), f"{where}.templates") or usual
    made: SourceOptions = arguments(where, _source, {**entry, "templates": templates})["source"]
    return made


def _source(source: SourceOptions) -> SourceOptions:
    return source


def _name(benchmark: str, options: Mapping[str, Any]) -> str:
    """What tells a source from others in a log: its annotation file, else its benchmark."""
    annotations = options.get("annotations")
    if not isinstance(annotations, str):
        return benchmark
    stem = annotations.rstrip("/").rpartition("/")[2]
    return f"{benchmark} {stem.partition('.')[0] or stem}"


def _templates(given: object, where: str) -> Templates:
    """Templates by kind, from one, from a list for all kinds, or from a mapping of either."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        if unknown := [key for key in given if key not in KINDS]:
            raise ConfigurationError(f"{where}: expected kinds of {', '.join(KINDS)}, got {short(unknown[0])}")
        return {kind: _listed(given[kind], f"{where}.{kind}") for kind in KINDS if kind in given}
    return dict.fromkeys(KINDS, _listed(given, where))


def _listed(given: object, where: str) -> list[str]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not listed or not all(isinstance(t, str) and PLACE in t for t in listed):
        raise ConfigurationError(f"{where}: expected texts with {PLACE} in each, got {short(given)}")
    return listed
