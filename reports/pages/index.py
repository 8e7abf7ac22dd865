"""The index page of a schedule: its comparisons over time, and a Markdown summary of the last one."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from reports.figures import trends
from reports.figures.style import system_style
from reports.figures.svg import COLOURS, inline_svg, variable
from reports.pages.markdown import escaped, markdown
from reports.pages.rendering import TEMPLATE, rendered, replaced
from reports.text.glossary import NAMES
from workbench.data.metric_info import FRACTION
from workbench.data.numbers import NONE, change, many, seconds, shown
from workbench.data.units import difference_unit, labelled, with_direction
from workbench.data.upgrades import leading_of_0_1
from workbench.regression.history import FAILED, RATES, REGRESSION, metric_info, sentence, started
from workbench.regression.schedule import FIRST, PREVIOUS, Schedule
from workbench.tracking.load import load_run

SHOWN = 180
"""Comparisons on the page; the history holds all."""

Record = Mapping[str, Any]


def write_index(schedule: Schedule, history: Sequence[Record], folder: Path) -> Path:
    """Write `index.html` and `summary.md` of a history, oldest comparison first; returns the path of the page."""
    page = rendered("index.html.j2", _page(schedule, history[-SHOWN:], len(history), folder))
    replaced(folder / "summary.md", summary(schedule, history[-1], folder / history[-1]["name"]))
    return replaced(folder / "index.html", page)


def summary(schedule: Schedule, record: Record, folder: Path) -> str:
    """The last comparison in Markdown: the verdict, what got worse, and the numbers, where there are any."""
    parts = [f"## {escaped(schedule.name)}: {escaped(_first_line(sentence(dict(record))))}"]
    if record["gate"]:
        lines = [*map(_worse, record["gate"]["failed"]), *record["gate"]["notes"]]
        lines.append(f"{many(record['gate']['changed'], 'sample')} in another category than before")
        parts.append("\n".join(f"* {escaped(line)}" for line in lines))
    if record["systems"] and (folder / "results.json").exists():
        parts.append(markdown(load_run(folder)))
    return "\n\n".join(parts).rstrip() + "\n"


def _page(schedule: Schedule, history: Sequence[Record], total: int, folder: Path) -> dict[str, Any]:
    names, metrics = trends.systems(history), main_metrics(history)
    shown_metric = (metrics[0], metric_info(history, metrics[0]).unit) if metrics else ("", FRACTION)
    style = system_style(names)
    due = schedule.trigger().get_next_fire_time(None, datetime.now(schedule.timezone))
    return {
        "title": schedule.name,
        "eyebrow": f"{schedule.comparison.benchmark} · {schedule.cron} {schedule.timezone.key}",
        "headline": headline(history[-1], schedule),
        "caveats": caveats(history, total),
        "due": due and f"{due:%-d %B %Y, %H:%M %Z}",
        "written": f"{datetime.now(schedule.timezone):%-d %B %Y, %H:%M %Z}",
        "systems": [{"name": name, "colour": variable(style[name][0])} for name in names],
        "metric": _named(history, metrics[0]) if metrics else None,
        "rows": [_row(record, names, shown_metric, schedule, folder) for record in reversed(history)],
        "figures": _figures(history, metrics, schedule),
        "baseline": BASELINES.get(schedule.baseline, f"the run {schedule.baseline}"),
        "colours": COLOURS,
        "css": Markup((TEMPLATE / "report.css").read_text(encoding="utf-8")),
    }


BASELINES = {
    PREVIOUS: "the last comparison of the same samples that passed",
    FIRST: "the first comparison of the same samples that passed",
}


def headline(record: Record, schedule: Schedule) -> str:
    """The outcome of the last comparison in one sentence."""
    when = f"the comparison of {_local(record['name'], schedule):%-d %B %Y}"
    if record["state"] == FAILED:
        return f"{_capital(when)} failed: {_first_line(record['reason'])}"
    if not record["baseline"]:
        return f"{_capital(when)} is the first of these samples; there is nothing to judge it against yet."
    fixed = schedule.baseline not in BASELINES
    since = record["baseline"] if fixed else f"that of {_local(record['baseline'], schedule):%-d %B %Y}"
    if record["state"] == REGRESSION:
        failed = record["gate"]["failed"]
        more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
        return f"{_capital(when)} is worse than {since}: {'; '.join(map(_worse, failed[:3]))}{more}."
    return f"Nothing got worse: {when} passed against {since}."


def caveats(history: Sequence[Record], total: int) -> list[str]:
    """What a reader should know beside the headline."""
    notes = []
    failed = [record for record in history if record["state"] == FAILED]
    worse = [record for record in history if record["state"] == REGRESSION]
    if len(history) > 1:
        shown = f"Of the last {len(history)} comparisons" if total > len(history) else f"Of {total} comparisons"
        notes.append(f"{shown}: {len(worse)} worse than the baseline, {len(failed)} failed.")
    last = history[-1]
    if last["gate"]:
        notes += [f"The gate: {note}." for note in last["gate"]["notes"]]
    if last["git"]["dirty"]:
        notes.append("The code of the last comparison had uncommitted changes.")
    for name, system in last["systems"].items():
        if system["n_failed"]:
            how = ", ".join(f"{outcome.replace('_', ' ')} {count}" for outcome, count in system["failures"].items())
            notes.append(f"{name} failed on {system['n_failed']} of {many(last['samples'], 'sample')} ({how}).")
    machines = {record["machine"] for record in history if record["machine"]}
    if len(machines) > 1:
        notes.append(f"They ran on {len(machines)} kinds of processors, so latencies differ for that alone.")
    return notes


def main_metrics(history: Sequence[Record]) -> list[str]:
    """Up to four metrics for which any system has a value: first those that lead, then the others in the order of the
    last comparison that has them.
    """
    leading = {
        name: metric_info(history, name)
        for record in reversed(history)
        for name in _in_order(record)
        if any(system["metrics"].get(name) is not None for system in record["systems"].values())
    }
    return sorted(leading, key=lambda name: not leading[name].leads)[:4]


def _in_order(record: Record) -> list[str]:
    """The metrics of a record, the leading ones in the order of their importance."""
    measured = [name for system in record["systems"].values() for name in system["metrics"]]
    described = record.get("metrics") or leading_of_0_1(measured)
    return list(dict.fromkeys([*described, *measured]))


def _named(history: Sequence[Record], metric: str) -> str:
    about = metric_info(history, metric)
    unit = with_direction(about, "percent" if about.unit == FRACTION else about.unit)
    return f"{metric} in {unit}" if about.unit else labelled(metric, about, "")


def _figures(history: Sequence[Record], metrics: Sequence[str], schedule: Schedule) -> list[dict[str, Any]]:
    return [
        {"title": title, "note": note, "svg": inline_svg(figure, f"{title} over time. {note}")}
        for title, note, figure in drawn(history, metrics, schedule)
    ]


def drawn(history: Sequence[Record], metrics: Sequence[str], schedule: Schedule) -> Iterator[tuple[str, str, Figure]]:
    """The trends, each after its title and a note; none without a metric. Each is drawn when asked for."""
    if not metrics:
        return
    zone = schedule.timezone
    rates = {key: NAMES[key] for key in RATES if key != "exact_set"}
    for metric in metrics:
        yield metric, "With the 95 % interval.", trends.metric_trend(history, metric, zone)
    yield "Exactly right", "Samples answered with exactly the right set.", trends.exact_trend(history, zone)
    yield "Latency", "Median; the band reaches to the 90th percentile.", trends.latency_trend(history, zone)
    yield "Failures", "Samples in each category.", trends.failure_trends(history, rates, zone)


def _row(
    record: Record, names: Sequence[str], metric: tuple[str, str], schedule: Schedule, folder: Path
) -> dict[str, Any]:
    """What the table shows of a comparison; `metric` is the name and the unit of the one that is shown."""
    report = f"{record['name']}/report.html"
    cells = []
    for name in names:
        system = record["systems"].get(name)
        value = system["metrics"].get(metric[0]) if system else None
        middle = system["latency"]["p50"] if system else None
        cells.append(
            {
                "value": NONE if value is None else shown(value, metric[1]),
                "latency": "" if middle is None else seconds(middle),
                "failed": system["n_failed"] if system else 0,
            }
        )
    commit = record["git"]["commit"]
    return {
        "date": f"{_local(record['name'], schedule):%Y-%m-%d %H:%M}",
        "report": report if (folder / report).exists() else None,
        "state": record["state"],
        "what": _what(record, schedule),
        "cells": cells,
        "commit": f"{commit[:7]}{'+' if record['git']['dirty'] else ''}" if commit else NONE,
        "duration": _duration(record),
    }


def _what(record: Record, schedule: Schedule) -> str:
    """Details beside the state: the reason, the baseline, or what got worse."""
    if record["state"] == FAILED:
        return _first_line(record["reason"])
    if not record["baseline"]:
        return "the first of these samples"
    since = f"against {_baseline(record['baseline'], schedule)}"
    return "; ".join(map(_worse, record["gate"]["failed"])) + f"; {since}" if record["gate"]["failed"] else since


def _worse(check: Mapping[str, Any]) -> str:
    unit = check.get("unit", FRACTION)  # lines of workbench 0.1.0 know fractions alone
    changed = f"{change(check['change'], unit)} {difference_unit(unit)}".rstrip()
    interval = check["interval"]
    spread = f" ({change(interval[0], unit)} to {change(interval[1], unit)})" if interval else ""
    return f"{check['system']} {NAMES.get(check['name'], check['name'])} {changed}{spread}"


def _baseline(name: str, schedule: Schedule) -> str:
    """The date of an earlier comparison; the configuration's baseline is named by its folder."""
    return name if schedule.baseline not in BASELINES else f"{_local(name, schedule):%Y-%m-%d %H:%M}"


def _local(name: str, schedule: Schedule) -> datetime:
    return started(name).astimezone(schedule.timezone)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _duration(record: Record) -> str:
    if record["seconds"] is None:
        return NONE
    parts = f" (part {record['attempts']})" if record["attempts"] > 1 else ""
    return seconds(record["seconds"]) + parts


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 240 else line[:237] + "..."
