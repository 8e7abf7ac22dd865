"""The numbers of a comparison as tables of text, for the report and for notebooks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.text.glossary import NAMES
from workbench.data.metric_info import FRACTION
from workbench.data.numbers import NONE, change, p_value, seconds, shown, times
from workbench.data.results import Difference, PairDifference, Results, SystemResult, info, ranked
from workbench.data.units import difference_unit, labelled, value_unit, with_direction

if TYPE_CHECKING:
    import pandas as pd

MINUS = "\N{MINUS SIGN}"
MACHINE = {"processor": "processor time", "waiting": "waiting for a processor"}
PRICES = {"per_thousand_samples": "price of 1,000 samples", "per_correct_instance": "price per correct instance"}
FEW = 10
"""Questions without truth of which only the median latency is shown."""
PER_CORRECT = {"seconds": "time", "calls": "calls", "tokens_in": "tokens read", "tokens_out": "tokens written"}


@dataclass(frozen=True)
class Cell:
    """A value, its interval or another remark, and whether it stands out (best of its row, or decided)."""

    text: str
    detail: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Row:
    """`name` as in `reports.text.glossary`, `unit` may be empty."""

    name: str
    unit: str
    cells: Sequence[Cell]


def headline(results: Results) -> list[Row]:
    """Metrics with 95 % intervals, latency, calls, tokens and failures: one cell for each system. No metrics of a run
    without truth."""
    systems = list(results.systems.values())
    rows = [_metric_row(results, name) for name in systems[0].metrics] if results.has_truth else []
    quantiles: tuple[str, ...] = ("p50", "p90", "p95", "p99")
    if not results.has_truth and results.benchmark.samples < FEW:
        quantiles = quantiles[:1]
    rows += _known(_latency_row(quantile, systems) for quantile in quantiles)
    if any(s.samples_per_second for s in systems):
        rows.append(Row("throughput", "samples/s", [Cell(_number(s.samples_per_second)) for s in systems]))
    rows += _known(_machine_row(name, key, systems) for key, name in MACHINE.items())
    rows.append(Row("cold start", "", [_duration(s.cold_start) for s in systems]))
    rows.append(Row("calls", "per sample", [Cell(_number(s.calls_per_sample)) for s in systems]))
    rows.append(Row("tokens read", "", [_count(s.tokens_per_sample.read) for s in systems]))
    rows.append(Row("tokens written", "", [_count(s.tokens_per_sample.written) for s in systems]))
    rows += _known(_per_correct(name, key, systems) for key, name in PER_CORRECT.items())
    rows += _known(_price_row(name, key, systems) for key, name in PRICES.items())
    rows.append(Row("failed", "samples", [Cell(str(s.n_failed), f"of {s.samples}") for s in systems]))
    if any(s.asked_again for s in systems):
        again = [Cell(str(s.asked_again), f"of {s.samples}") for s in systems]
        rows.append(Row("asked again after a server failure", "samples", again))
    return rows


def differences(results: Results, pairs: Sequence[PairDifference] | None = None) -> list[Row]:
    """Differences in the metrics' units (fractions in points) with 95 % intervals and Holm-corrected p-values, one cell
    for each pair (of all, where `pairs` are not given); strong where the corrected p-value is below 0.05."""
    pairs = results.differences if pairs is None else pairs
    rows = [_difference_row(results, name, pairs) for name in _metrics(pairs)]
    paces = [_pace(results, pair) for pair in pairs]
    return [*rows, Row("latency p50", "", paces)] if pairs else []


def rates(pairs: Sequence[PairDifference]) -> list[Row]:
    """Differences of the shares of samples with each failure, as `differences` has them: three cells for each pair, as
    `rate_columns` names them. Failures that none shows are left out."""
    if not all(pair.rates for pair in pairs):  # runs of earlier versions have none
        return []
    rows = []
    for name in pairs[0].rates if pairs else ():
        own_rates = [pair.rates[name] for pair in pairs]
        if any(rate.only_a or rate.only_b or rate.difference for rate in own_rates):
            cells = [
                [_difference(rate, FRACTION), Cell(f"{rate.only_a:,}"), Cell(f"{rate.only_b:,}")] for rate in own_rates
            ]
            rows.append(Row(NAMES.get(name, name), "", [cell for own_cells in cells for cell in own_cells]))
    return rows


def rate_columns(pairs: Sequence[PairDifference]) -> list[str]:
    """The columns of `rates`: the difference, and in how many samples only the first or only the second system shows
    the failure."""
    return [column for pair in pairs for column in (f"{pair.a} {MINUS} {pair.b}", "only first", "only second")]


def matrix(results: Results, metric: str) -> list[Row]:
    """One row and one cell for each system: the row's `metric` minus the column's, as `differences` has it."""
    known, unit = {}, info(results, metric).unit
    for pair in results.differences:
        one = pair.metrics.get(metric)
        known[pair.a, pair.b], known[pair.b, pair.a] = one, _reversed(one)
    systems = list(results.systems)
    return [
        Row(a, "", [Cell("") if a == b else _difference(known.get((a, b)), unit) for b in systems]) for a in systems
    ]


def metric_with_unit(results: Results, metric: str) -> str:
    """The name of a metric whose differences are shown, with their unit: `accuracy (points)`."""
    about = info(results, metric)
    return labelled(metric, about, difference_unit(about.unit))


def frame(rows: Sequence[Row], columns: Sequence[str]) -> "pd.DataFrame":
    """The rows as a data frame of text, for notebooks."""
    import pandas as pd

    text = [[_plain(cell) for cell in row.cells] for row in rows]
    return pd.DataFrame(text, index=[f"{row.name} {row.unit}".strip() for row in rows], columns=list(columns))


def _plain(cell: Cell) -> str:
    if not cell.detail or cell.detail[0].isalpha():  # "of 240", "faster (1.2 to 1.4)"
        return f"{cell.text} {cell.detail}".strip()
    return f"{cell.text} ({cell.detail})"


def _known(rows: Iterable[Row]) -> list[Row]:
    """The names for which any system has a number; runs of earlier versions lack some."""
    return [row for row in rows if any(cell.text != NONE for cell in row.cells)]


def _metrics(pairs: Sequence[PairDifference]) -> list[str]:
    return list(pairs[0].metrics) if pairs else []


def _metric_row(results: Results, name: str) -> Row:
    systems, metric = list(results.systems.values()), info(results, name)
    values = [system.metrics.get(name) for system in systems]
    texts = [NONE if value is None else shown(value, metric.unit) for value in values]
    best = _best(texts, results.systems[ranked(results, name)[0]].metrics.get(name), values)
    cells = []
    for text, system in zip(texts, systems, strict=True):
        interval = system.intervals.get(name)
        detail = f"{shown(interval[0], metric.unit)}{NONE}{shown(interval[1], metric.unit)}" if interval else ""
        cells.append(Cell(text, detail, text == best))
    return Row(name, with_direction(metric, value_unit(metric.unit)), cells)


def _best(texts: Sequence[str], best: float | None, values: Sequence[float | None]) -> str | None:
    """The text of the best value, or None where all texts are equal. Values with the same text are equally good."""
    return texts[values.index(best)] if best is not None and len(set(texts)) > 1 else None


def _difference_row(results: Results, name: str, pairs: Sequence[PairDifference]) -> Row:
    metric = info(results, name)
    cells = [_difference(pair.metrics.get(name), metric.unit) for pair in pairs]
    return Row(name, with_direction(metric, difference_unit(metric.unit)), cells)


def _difference(one: Difference | None, unit: str) -> Cell:
    if one is None or one.difference is None:
        return Cell(NONE)
    interval, p = one.interval, one.p_holm
    text = change(one.difference, unit)
    parts = [f"{change(interval[0], unit)} to {change(interval[1], unit)}"] if interval else []
    parts += [p_value(p)] if p is not None else []
    return Cell(text, ", ".join(parts), one.beyond_chance)


def _reversed(one: Difference | None) -> Difference | None:
    if one is None or one.difference is None:
        return None
    interval = (-one.interval[1], -one.interval[0]) if one.interval else None
    return Difference(difference=-one.difference, interval=interval, p=one.p, p_holm=one.p_holm)


def _pace(results: Results, pair: PairDifference) -> Cell:
    """How many times as fast or slow the first is, with the interval of the ratio where the run has one."""
    a, b = (results.systems[name].latency.p50 for name in (pair.a, pair.b))
    median = pair.latency.get("p50")  # runs of earlier versions have none
    ratio: float | None = median.ratio if median else a / b if a and b else None
    if not ratio:
        return Cell(NONE)
    interval = median.ratio_interval if median else None
    if interval and ratio < 1:
        interval = (1 / interval[1], 1 / interval[0])
    spread = f" ({times(interval[0])} to {times(interval[1])})" if interval else ""
    factor = max(ratio, 1 / ratio)
    text = "same" if factor < 1.05 else f"{times(factor)}\N{MULTIPLICATION SIGN}"
    direction = "" if factor < 1.05 else "faster" if ratio < 1 else "slower"
    return Cell(text, f"{direction}{spread}".strip(), interval is not None and interval[0] > 1)


def _latency_row(quantile: str, systems: Sequence[SystemResult]) -> Row:
    latencies = [getattr(system.latency, quantile) for system in systems]
    texts = [NONE if value is None else seconds(value) for value in latencies]
    best = _best(texts, min((value for value in latencies if value is not None), default=None), latencies)
    spreads = [system.latency.intervals.get(quantile) for system in systems]
    details = [f"{seconds(spread[0])}{NONE}{seconds(spread[1])}" if spread else "" for spread in spreads]
    cells = [Cell(text, detail, text == best) for text, detail in zip(texts, details, strict=True)]
    return Row(f"latency {quantile}", "", cells)


def _machine_row(name: str, key: str, systems: Sequence[SystemResult]) -> Row:
    values = [getattr(system.latency, key) for system in systems]
    write = seconds if key == "processor" else "{:.0%}".format
    return Row(name, "", [Cell(NONE if value is None else write(value)) for value in values])


def _price_row(name: str, key: str, systems: Sequence[SystemResult]) -> Row:
    """The currency is the row's unit; where runs of several currencies are shown together, each cell has its own."""
    costs = [system.cost for system in systems]
    currencies = list(dict.fromkeys(cost.currency for cost in costs if cost))
    cells = []
    for cost in costs:
        value, interval = (getattr(cost, key), cost.intervals.get(key)) if cost else (None, None)
        bounds = interval and [NONE if bound is None else f"{bound:.3g}" for bound in interval]
        own = f" {cost.currency}" if cost and len(currencies) > 1 else ""
        cells.append(Cell(NONE if value is None else f"{value:.3g}{own}", NONE.join(bounds) if bounds else ""))
    return Row(name, currencies[0] if len(currencies) == 1 else "", cells)


def _per_correct(name: str, key: str, systems: Sequence[SystemResult]) -> Row:
    cells = []
    for system in systems:
        spent = system.per_correct_instance
        value, interval = getattr(spent, key), spent.intervals.get(key)
        write = seconds if key == "seconds" else _number if key == "calls" else _whole
        detail = (
            f"{write(interval[0])}{NONE}{write(interval[1])}"
            if interval and interval[0] is not None and interval[1]
            else ""
        )
        cells.append(Cell(NONE if value is None else write(value), detail))
    return Row(name, "per correct instance", cells)


def _count(value: float | None) -> Cell:
    return Cell(NONE if value is None else _whole(value))


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _duration(value: float | None) -> Cell:
    return Cell(NONE if value is None else seconds(value))


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f}"
