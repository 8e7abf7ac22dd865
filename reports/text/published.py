"""Published numbers of the benchmarks, where they were read, and a table of measured results beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from workbench.data.errors import ConfigurationError, short
from workbench.data.metric_info import FRACTION
from workbench.data.numbers import NONE, shown
from workbench.data.results import Results, SystemResult, info
from workbench.data.yaml_files import read_yaml

PUBLISHED = Path(__file__).with_name("published.yaml")

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
class PublishedTable:
    """Measured rows first, then published ones; `columns` are headings."""

    columns: Sequence[str]
    rows: Sequence[ComparedRow]


def beside_published(results: Results, numbers: "Sequence[Published]") -> PublishedTable | None:
    """The measured systems beside the published numbers of the benchmark, or None where none has a measured metric.

    Only numbers of the split that was run are taken, or of all splits where the run does not say which it was; the
    same holds for the data set, where a benchmark reads several.
    Published numbers are fractions, so they stand beside no metric that is measured in another unit.
    """
    systems = results.systems
    split, data_set = (results.benchmark.identity.get(key) for key in ("split", "data_set"))
    measured = next(iter(systems.values())).metrics
    fractions = {name for name in measured if info(results, name).unit == FRACTION}
    taken = [n for n in numbers if n.metric in fractions and split in (None, n.split) and _fits(n, data_set)]
    if not taken:
        return None
    columns = sorted({(n.metric, n.kind) for n in taken}, key=lambda c: (c[1] or "", list(measured).index(c[0])))
    rows = [ComparedRow(name, _measured(result, columns), split or NONE, "", True) for name, result in systems.items()]
    for n in dict.fromkeys(replace(n, value=0.0, kind=None, metric="") for n in taken):  # one for each row
        theirs = {(m.metric, m.kind): m.value for m in taken if replace(m, value=0.0, kind=None, metric="") == n}
        remark = f"{n.source}; {_scored_by(n.protocol, results.protocol)}".removesuffix("; ")
        cells = [_percent(theirs.get(column)) for column in columns]
        its_split = f"{n.data_set} {n.split}" if n.data_set else n.split
        rows.append(ComparedRow(n.system, cells, its_split, remark, False))
    return PublishedTable([f"{kind}: {metric}" if kind else metric for metric, kind in columns], rows)


def _fits(number: "Published", data_set: str | None) -> bool:
    return data_set is None or number.data_set in (None, data_set)


def _measured(result: SystemResult, columns: Sequence[Column]) -> list[str]:
    groups = {None: result.metrics} | {kind: group.metrics for kind, group in result.by_kind.items()}
    return [_percent(groups.get(kind, {}).get(metric)) for metric, kind in columns]


def _scored_by(theirs: str | None, ours: str) -> str:
    """A remark on the protocol of a published number; empty where it is that of the run."""
    if theirs == ours:
        return ""
    return f"scored by {theirs}, not {ours}" if theirs else "protocol not stated"


def _percent(value: float | None) -> str:
    return NONE if value is None else shown(value, FRACTION)


@dataclass(frozen=True)
class Published:
    """One published number. `value` is a fraction. `kind` is the group of samples that the number is about, None for
    the whole split. `protocol` is what it was scored with, None where the source does not say. `data_set` is the one of
    several that a benchmark reads, as its identity names it.
    """

    value: float
    system: str
    benchmark: str
    split: str
    kind: str | None
    metric: str
    protocol: str | None
    source: str
    data_set: str | None = None


def published(benchmark: str, path: Path = PUBLISHED) -> list[Published]:
    """The published numbers of a benchmark, in the order of the file.

    Raises `ConfigurationError` that names the table for a file in another layout.
    """
    return [number for number in read(path) if number.benchmark == benchmark]


def read(path: Path = PUBLISHED) -> list[Published]:
    """All published numbers; the layout is described at the head of `published.yaml`."""
    tables = read_yaml(path)
    if not isinstance(tables, list):
        raise ConfigurationError(f"{path}: expected a list of tables, got {short(tables)}")
    return [number for i, table in enumerate(tables) for number in _numbers(table, f"{path}: table {i}")]


def _numbers(table: object, where: str) -> Iterator[Published]:
    if not isinstance(table, dict) or set(table) != {"source", "benchmark", "protocol", "columns", "rows"}:
        _wrong(where, "the keys source, benchmark, protocol, columns and rows", table)
    source, benchmark, protocol = _text(table, "source", where), _text(table, "benchmark", where), table["protocol"]
    if protocol is not None:
        protocol = _text(table, "protocol", where)
    columns, rows = table["columns"], table["rows"]
    if not isinstance(columns, list) or not columns or not isinstance(rows, dict):
        _wrong(where, "a list of columns and a mapping of rows", columns)
    for i, column in enumerate(columns):
        known = {"split", "kind", "metric", "unit", "data_set"}
        if not isinstance(column, dict) or not {"split", "metric"} <= set(column) <= known:
            _wrong(f"{where}: column {i}", "split and metric, and perhaps kind, unit and data_set", column)
        if column.get("unit", "percent") not in ("percent", "fraction"):
            _wrong(f"{where}: column {i}", "the unit percent or fraction", column["unit"])
    for system, values in rows.items():
        if not isinstance(values, list) or len(values) != len(columns):
            _wrong(f"{where}: {system}", f"{len(columns)} values", values)
        for i, (column, value) in enumerate(zip(columns, values, strict=True)):
            if value != "-":
                place = f"{where}: column {i}"
                kind = _text(column, "kind", place) if "kind" in column else None
                split, metric = _text(column, "split", place), _text(column, "metric", place)
                fraction = _fraction(value, column, f"{where}: {system}: {metric}")
                data_set = _text(column, "data_set", place) if "data_set" in column else None
                yield Published(fraction, str(system), benchmark, split, kind, metric, protocol, source, data_set)


def _fraction(value: object, column: Mapping[str, Any], where: str) -> float:
    top = 1 if column.get("unit") == "fraction" else 100
    if type(value) not in (int, float) or not isinstance(value, int | float) or not 0 <= value <= top:
        _wrong(where, f"a number from 0 to {top}", value)
    return value / top


def _text(mapping: Mapping[str, Any], key: str, where: str) -> str:
    value = mapping[key]
    if not isinstance(value, str) or not value:
        _wrong(f"{where}: {key}", "a text", value)
    return value


def _wrong(where: str, expected: str, given: object) -> NoReturn:
    raise ConfigurationError(f"{where}: expected {expected}, got {short(given)}")
