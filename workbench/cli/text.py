"""Results as text tables for the terminal."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from workbench.data.metric_info import FRACTION, MetricInfo
from workbench.data.units import LESS_IS_BETTER, labelled
from workbench.data.vocabulary import EXACT_SETS

if TYPE_CHECKING:
    from workbench.data.results import Difference, Results
    from workbench.plugins.details import Details
    from workbench.runs.run import Run
    from workbench.scoring.tuning import Applied, Choice


def scores_table(results: "Results") -> str:
    """The scores as a text table, one row for each system; metrics that are no fractions have their unit beside them,
    and a line below names those of which less is better."""
    systems = results.systems
    metrics = list(next(iter(systems.values())).metrics)
    heads = [_with_unit(results, metric) for metric in metrics]
    priced = [result.cost for result in systems.values() if result.cost]
    price = [f"{priced[0].currency}/1,000"] if priced else []
    header = ["system", *heads, "p50 s", "p90 s", "cold s", "calls", *price, "failed"]
    rows = [header] + [
        [
            name,
            *(_number(result.metrics[metric]) for metric in metrics),
            *(_number(seconds, 3) for seconds in (result.latency.p50, result.latency.p90)),
            _number(result.cold_start, 3),
            _number(result.calls_per_sample, 3),
            *([_number(result.cost.per_thousand_samples if result.cost else None, 4)] if priced else []),
            f"{result.n_failed}/{result.samples}",
        ]
        for name, result in systems.items()
    ]
    return "\n".join([_aligned(rows), *_direction(results, metrics)])


def gains_table(results: "Results") -> str:
    """A text table of what perfect parts would gain: one row for each oracle, gains in the metrics' units."""
    from workbench.scoring.oracles import shown_metrics

    metrics = shown_metrics(results)
    heads = [f"{_with_unit(results, metric)} (95 %, p)" for metric in metrics]
    rows = [["gain of a perfect ...", *heads, "changed", "failed"]]
    notes = []
    for row in results.oracles:
        name = f"{row.system}: {row.oracle}"
        if row.gains is None:
            notes.append(f"{name}: {row.note}")
            continue
        cells = [_gain(row.gains[metric]) for metric in metrics]
        samples = results.systems[row.system].samples
        rows.append([name, *cells, f"{row.changed}/{samples}", f"{row.n_failed}/{samples}"])
    return "\n".join([_aligned(rows), *_direction(results, metrics), *notes])


def frontier_table(results: "Results") -> str:
    """A text table of a frontier, a row for each variant."""
    from workbench.scoring.frontier import heads, rows

    return _aligned([["variant", *heads(results)], *([row.name, *row.cells] for row in rows(results))])


def _about(results: "Results", metric: str) -> MetricInfo:
    return results.metrics.get(metric, MetricInfo())


def _with_unit(results: "Results", metric: str) -> str:
    """The head of a metric's column: the unit of fractions is left out."""
    unit = _about(results, metric).unit
    return metric if unit == FRACTION else f"{metric} {unit}".rstrip()


def _direction(results: "Results", metrics: Sequence[str]) -> list[str]:
    """A line that names the metrics of which less is better, where there are any."""
    falling = [metric for metric in metrics if not _about(results, metric).higher_is_better]
    return [f"{LESS_IS_BETTER}: {', '.join(falling)}"] if falling else []


def plugin_card(plugin: "Details") -> str:
    """What one plugin is, its options in columns, and where it comes from."""
    lines = [f"{plugin.name} ({plugin.group})", plugin.summary, "", plugin.description, ""]
    if plugin.problem:
        lines += [f"BROKEN: {plugin.problem}", ""]
    for title, listed in (("options", plugin.options), ("options of `workbench generate`", plugin.generates or [])):
        if listed:
            lines += [f"{title}:", *_option_lines(listed), ""]
    lines.append(f"from {plugin.distribution} {plugin.version}, {plugin.definition}")
    return "\n".join(line for n, line in enumerate(lines) if line or (n and lines[n - 1]))


def _option_lines(options: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each option with its type, range and default, and its sentence below."""
    widest = max(len(option["name"]) for option in options)
    lines = []
    for option in options:
        kind = f"{option['type']} {option['range']}".strip() + (", or none" if option["optional"] else "")
        default = "has to be given" if option["required"] else f"default {_default(option)}"
        lines.append(f"  {option['name']:<{widest}}  {kind}; {default}")
        lines += wrap(option["sentence"], 100, initial_indent=" " * (widest + 4), subsequent_indent=" " * (widest + 4))
    return lines


def _default(option: Mapping[str, Any]) -> str:
    if option["default"] is None:
        return "none"
    return option["default"] or "empty"


def tuning_text(
    run: "Run",
    metric: str,
    at_least: Mapping[str, float],
    choices: Sequence["Choice"],
    other: "Run | None",
    applied: Sequence["Applied"],
) -> str:
    """What `workbench tune` says: the chosen thresholds, how to use them, and what they do to another run."""
    from workbench.scoring.tuning import split_of

    split = split_of(run)
    where = f"split {split}" if split else "which names no split: do not test on it"
    such_that = "".join(f", {name} of at least {bound:g}" for name, bound in at_least.items())
    lines = [f"thresholds with the best {metric}{such_that}, chosen on {run.name} ({run.benchmark}, {where})"]
    lines.append(_choices_table(choices))
    if settings := [f"--set {one.setting}" for one in choices if one.setting]:
        lines.append(f"use them: {' '.join(settings)}")
    lines += [f"{one.system}: {remark}" for one in choices for remark in one.remarks]
    if other:
        lines += ["", f"applied to the stored answers of {other.name} ({other.benchmark})"]
        lines += [table] if (table := _applied_table(applied)) else []
        lines += [f"{one.system}: {one.remark}" for one in applied if one.remark]
    return "\n".join(lines)


def _choices_table(choices: Sequence["Choice"]) -> str:
    """Threshold and metrics of each system, as the run was made and as chosen, a row each."""
    metrics = list(choices[0].curve.values)
    rows = [["system", "threshold", *metrics]]
    for one in choices:
        before, after = one.at(one.curve.operating), one.at(one.threshold)
        columns = [_changed(one.curve.operating, one.threshold, 2)]
        columns += [_changed(before[name], after[name] if one.changes else before[name], 3) for name in metrics]
        rows.append([one.system, *columns])
    return _aligned(rows)


def _applied_table(applied: Sequence["Applied"]) -> str:
    """What chosen thresholds do to another run: a row for each system and metric that changes."""
    rows = [["system", "metric", "as it ran", "chosen", "difference (95 %, corrected p)"]]
    for one in applied:
        pair = one.difference
        gains = {**pair.metrics, EXACT_SETS: pair.rates["exact_set"]} if pair else {}
        rows += [
            [one.system, name, _number(one.before[name]), _number(one.after[name]), _gain(gain)]
            for name, gain in gains.items()
        ]
    return _aligned(rows) if len(rows) > 1 else ""


def _changed(before: float | None, after: float | None, digits: int) -> str:
    texts = ["-" if value is None else f"{value:.{digits}f}" for value in (before, after)]
    return texts[0] if texts[0] == texts[1] else " -> ".join(texts)


def _gain(gain: "Difference") -> str:
    if gain.difference is None or gain.interval is None:
        return "-" if gain.difference is None else f"{gain.difference:+.3f}"
    low, high = gain.interval
    return f"{gain.difference:+.3f} ({low:+.3f} to {high:+.3f}, {_number(gain.p_holm)})"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns two spaces apart, the first one to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def _number(value: float | None, digits: int | None = None) -> str:
    """Three decimals, or this many significant digits; a dash for an undefined number."""
    if value is None:
        return "-"
    return f"{value:.3f}" if digits is None else f"{value:.{digits}g}"


def file_scores_table(scores: Mapping[str, Any], infos: Mapping[str, MetricInfo]) -> str:
    """The scores as a table: a row for each metric, with its unit where that is no fraction and its direction where
    less is better, and a column for all samples and for each group."""
    columns = {"all": {"samples": scores["samples"], **scores["metrics"]}}
    columns |= {f"{name} targets": group for name, group in scores["by_targets"].items()} | scores["by_kind"]
    rows = [[scores["protocol"], *columns]]
    rows += [
        [_row_name(name, infos), *(_cell(column.get(name)) for column in columns.values())] for name in columns["all"]
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    )


def _row_name(name: str, infos: Mapping[str, MetricInfo]) -> str:
    known = infos.get(name, MetricInfo())
    return labelled(name, known, "" if known.unit == FRACTION else known.unit)


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
