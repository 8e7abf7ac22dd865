"""What differs between the systems of a comparison beyond the idea that is compared, in their own words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workbench.data.conditions import Conditions
from workbench.data.manifest import Manifest
from workbench.data.plain import plain

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Aspect:
    """What the systems say about one condition: each statement with the names of those who make it."""

    title: str
    said: Mapping[str, list[str]]

    @property
    def differs(self) -> bool:
        """Whether the systems say different things; where nothing is stated, that is not known."""
        return len(self.said) > 1


def _threshold(one: Conditions) -> str | None:
    if one.threshold is None:
        return one.threshold_chosen
    return f"{one.threshold:g}" + (f", {one.threshold_chosen}" if one.threshold_chosen else "")


ASPECTS: Mapping[str, Callable[[Conditions], str | None]] = {
    "Masks at image size": lambda one: one.resizing,
    "Score threshold": _threshold,
    "Device and precision": lambda one: one.device,
    "Detector": lambda one: one.detector,
    "Training": lambda one: one.training,
    "Batches": lambda one: one.batch,
    "Inside the clock": lambda one: one.timed,
    "Outside the clock": lambda one: one.not_timed,
}
IF_STATED = {"Batches"}
"""Conditions that are left out where no system states them: they do not concern every run."""


def asymmetries(manifest: Manifest) -> list[Aspect]:
    """Every condition of two or more systems, those that differ first; nothing where no system states any."""
    if len(manifest.systems) < 2 or not manifest.conditions:
        return []
    aspects = []
    for title, says in ASPECTS.items():
        said: dict[str, list[str]] = {}
        for name in manifest.systems:
            text = says(manifest.conditions.get(name, Conditions())) or NOT_STATED
            said.setdefault(plain(text), []).append(plain(name))
        if title not in IF_STATED or set(said) != {NOT_STATED}:
            aspects.append(Aspect(title, said))
    return sorted(aspects, key=lambda aspect: not aspect.differs)
