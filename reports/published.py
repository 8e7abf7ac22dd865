"""Measured results beside what others published for the same benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.words import NONE, percent
from workbench.published import Published

Results = Mapping[str, Any]
Column = tuple[str, str | None]
"""Metric and kind of sample, None for all samples"""


@dataclass(frozen=True)
class ComparedRow:
    """One system: percentages by column, the split that they are of, and what a reader has to know of them."""

    system: str
    cells: Sequence[str]
    split: str
    remark: str
    measured: bool


@dataclass(frozen=True)
class Comparison:
    """Measured rows first, then published ones; `columns` are headings."""

    columns: Sequence[str]
    rows: Sequence[ComparedRow]


def compare(results: Results, numbers: Sequence[Published]) -> Comparison | None:
    """The measured systems beside the published numbers of the benchmark, or None where none has a measured metric.

    Only numbers of the split that was run are taken, or of all splits where the run does not say which it was.
    """
    systems = results["systems"]
    split = results["benchmark"].get("identity", {}).get("split")
    measured = next(iter(systems.values()))["metrics"]
    taken = [n for n in numbers if n.metric in measured and split in (None, n.split)]
    if not taken:
        return None
    columns = sorted({(n.metric, n.kind) for n in taken}, key=lambda c: (c[1] or "", list(measured).index(c[0])))
    rows = [ComparedRow(name, _measured(result, columns), split or NONE, "", True) for name, result in systems.items()]
    keys = dict.fromkeys((n.system, n.split, n.protocol, n.source) for n in taken)
    for system, its_split, protocol, source in keys:
        found = {
            (n.metric, n.kind): n.value
            for n in taken
            if (n.system, n.split, n.protocol, n.source) == (system, its_split, protocol, source)
        }
        remark = f"{source}; {_scored_by(protocol, results['protocol'])}".removesuffix("; ")
        cells = [_percent(found.get(column)) for column in columns]
        rows.append(ComparedRow(system, cells, its_split, remark, False))
    return Comparison([f"{kind}: {metric}" if kind else metric for metric, kind in columns], rows)


def _measured(result: Mapping[str, Any], columns: Sequence[Column]) -> list[str]:
    groups = result["by_kind"]
    return [
        _percent((result if kind is None else groups.get(kind, {"metrics": {}}))["metrics"].get(metric))
        for metric, kind in columns
    ]


def _scored_by(theirs: str | None, ours: str) -> str:
    """What to say of the protocol of a published number; nothing where it is that of the run."""
    if theirs == ours:
        return ""
    return f"scored by {theirs}, not {ours}" if theirs else "protocol not stated"


def _percent(value: float | None) -> str:
    return NONE if value is None else percent(value)
