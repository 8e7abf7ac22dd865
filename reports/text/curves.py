"""What has to be said about each curve: what it shows, what is known of it, and what is not."""

from collections.abc import Callable, Mapping, Sequence

from reports.text.tables import Cell, Row
from workbench.data.curves import Curves
from workbench.data.numbers import NONE
from workbench.data.results import Results, main_metric

FEW = 10
"""Instances of a tenth of the scores below which its mark is hollow."""


def notes(results: Results) -> dict[str, str]:
    """The note of each figure, by the name that `workbench.runs.run.Run.curve` has for it."""
    known = {name: system.curves for name, system in results.systems.items() if system.curves}
    return {
        "threshold": f"{_range(known)} Marks: as the systems ran.{_selection(known)}{_part(known)}",
        "reliability": "Share of right instances by their score, in tenths; on the line a score says how often it is "
        f"right. Hollow: fewer than {FEW} instances. Expected calibration error, 95 % interval: {_errors(known)}.",
        "risk": "If only answers are given whose confidence, the lowest score of their instances, is above a bound. "
        "Marks: as the systems ran. Answers without an instance have no score and are not counted.",
        "suppression": f"Duplicates, {main_metric(results)} and exact sets if one of two instances that overlap too "
        f"much is dropped afterwards. At 1 as the systems ran.{_suppressed(known)}{_part(known)}",
    }


def score_rows(results: Results) -> list[Row]:
    """Threshold, calibration error and mean risk of the systems, one cell for each; empty for a run without curves."""
    known = [system.curves for system in results.systems.values()]
    if not any(known):
        return []
    return [
        Row("score threshold", "", [_cell(one, _threshold) for one in known]),
        Row("expected calibration error", "%", [_cell(one, _error) for one in known]),
        Row("wrong answers, mean over coverage", "%", [_cell(one, _risk) for one in known]),
    ]


def _cell(curves: Curves | None, says: Callable[[Curves], Cell]) -> Cell:
    return says(curves) if curves else Cell(NONE)


def _threshold(curves: Curves) -> Cell:
    one = curves.threshold
    return Cell(f"{one.operating:.2f}", f"known from {one.known_from:.2f} up" if one.known_from else "all known")


def _error(curves: Curves) -> Cell:
    one = curves.reliability
    if one.error is None:
        return Cell(NONE)
    return Cell(
        f"{100 * one.error:.1f}", f"{100 * one.interval[0]:.1f} to {100 * one.interval[1]:.1f}" if one.interval else ""
    )


def _risk(curves: Curves) -> Cell:
    return Cell(NONE if curves.risk.area is None else f"{100 * curves.risk.area:.1f}")


def _range(known: Mapping[str, Curves]) -> str:
    """From which threshold on the answers of each system are known."""
    whole = [name for name, one in known.items() if not one.threshold.known_from]
    partly = [name for name in known if name not in whole]
    said = []
    if whole:
        said.append(f"{_listed(whole)} stored what scored too low, so all thresholds are known.")
    for lowest in dict.fromkeys(f"{known[name].threshold.known_from:.2f}" for name in partly):
        names = [name for name in partly if f"{known[name].threshold.known_from:.2f}" == lowest]
        whose = "it stored no such mask" if len(names) == 1 else "they stored no such masks"
        said.append(f"Below {lowest} nothing is known of {_listed(names)}: {whose}.")
    return f"If instances had to score above another threshold. {' '.join(said)}".strip()


def _part(known: Mapping[str, Curves]) -> str:
    """Of how many samples a curve is, where not of all."""
    counts = {one.samples for one in known.values() if one.samples}
    return f" Of {max(counts):,} of the samples, evenly spaced." if counts else ""


def _selection(known: Mapping[str, Curves]) -> str:
    names = [name for name, one in known.items() if one.unselected]
    if not names:
        return ""
    return f" Dashed: what a threshold alone would do in place of the selection by {_listed(names)}."


def _errors(known: Mapping[str, Curves]) -> str:
    said = []
    for name, one in known.items():
        error, interval = one.reliability.error, one.reliability.interval
        if error is not None:
            bounds = f" ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})" if interval else ""
            said.append(f"{name} {100 * error:.1f}{bounds}")
    return ", ".join(said) or "none has instances"


def _suppressed(known: Mapping[str, Curves]) -> str:
    counts = [f"{one.suppression.suppressed:,} by {name}" for name, one in known.items() if one.suppression.suppressed]
    if not counts:
        return ""
    return (
        f" Masks that were suppressed during the run ({', '.join(counts)}) stay so: whether they would have been "
        "answered is not known."
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
