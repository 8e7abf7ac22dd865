"""The page of a suite: the leading metrics of every benchmark that was run, and where to get those that are missing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reports.figures.style import system_style
from reports.figures.svg import COLOURS, variable
from reports.pages.markdown import cell_text, escaped
from reports.pages.rendering import TEMPLATE, rendered, replaced
from reports.text import tables
from reports.text.caveats import caveats
from workbench.data.numbers import many
from workbench.data.results import Results, leading_metrics
from workbench.scoring.verdict import sentences
from workbench.suites.running import DONE, FAILED, MISSING, Row
from workbench.suites.suite import Suite

METRICS = 3
"""Leading metrics of each benchmark that are shown; its own report has all."""


def write_suite(suite: Suite, rows: Sequence[Row], folder: Path) -> Path:
    """Write `suite.html` and `suite.md` of what was run so far; returns the path of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    replaced(folder / "suite.md", markdown(suite, rows))
    return replaced(folder / "suite.html", rendered("suite.html.j2", _page(suite, rows)))


def markdown(suite: Suite, rows: Sequence[Row]) -> str:
    """The table, the verdicts, and what is missing, in Markdown."""
    names = _systems(rows)
    lines = [f"## {escaped(suite.title)}", ""]
    if names:
        lines += [f"| benchmark | | {' | '.join(map(escaped, names))} |", f"|---|---|{'--:|' * len(names)}"]
    for one in _done(rows):
        for place, row in enumerate(one["rows"]):
            title = escaped(one["title"]) if place == 0 else ""
            lines.append(f"| {title} | {escaped(row['name'])} | {' | '.join(map(cell_text, row['cells']))} |")
    lines += ["", *(f"* {escaped(one['title'])}: {escaped(one['verdict'])}" for one in _done(rows))]
    lines += [f"* {escaped(one.entry.title)}: {escaped(_why(one))}" for one in rows if one.state != DONE]
    return "\n".join(lines).rstrip() + "\n"


def _page(suite: Suite, rows: Sequence[Row]) -> dict[str, Any]:
    count = sum(row.state == DONE for row in rows)
    return {
        **common(suite, rows, _systems(rows)),
        "headline": f"{many(count, 'benchmark')} of {len(suite.entries)} run",
        "done": _done(rows),
    }


def common(suite: Suite, rows: Sequence[Row], systems: Sequence[str]) -> dict[str, Any]:
    """What the pages of all suites have: title, systems, what is failed, missing and still to be run, and colours."""
    style = system_style(systems)
    return {
        "title": suite.title,
        "systems": [{"name": name, "colour": variable(style[name][0])} for name in systems],
        "failed": [{"title": row.entry.title, "why": row.reason} for row in rows if row.state == FAILED],
        "missing": [
            {"title": row.entry.title, "why": row.reason, "where": row.entry.get}
            for row in rows
            if row.state == MISSING
        ],
        "waiting": len(suite.entries) - len(rows),
        "written": f"{datetime.now(UTC):%-d %B %Y, %H:%M} UTC",
        "colours": COLOURS,
        "css": Markup((TEMPLATE / "report.css").read_text(encoding="utf-8")),
    }


def _systems(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows if row.run is not None for name in row.run.systems))


def _done(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What the page shows of each benchmark that was run."""
    names = _systems(rows)
    return [_benchmark(row, names) for row in rows if row.run is not None]


def _benchmark(row: Row, names: Sequence[str]) -> dict[str, Any]:
    assert row.run is not None
    results = row.run.results
    return {
        "title": row.entry.title,
        "report": f"{row.entry.name}/report.html",
        "about": f"{many(results.benchmark.samples, 'sample')}, {results.protocol}",
        "rows": [_line(one, results, names) for one in _shown(results)],
        "verdict": " ".join(sentences(results)),
        "notes": caveats(results, row.run.manifest),
    }


def _shown(results: Results) -> list[tables.Row]:
    """The rows of the report's headline table that the suite's shows too."""
    rows = tables.headline(results)
    metrics = list(next(iter(results.systems.values())).metrics) if results.has_truth else []
    leading = leading_metrics(results)[:METRICS]
    chosen = [row for name, row in zip(metrics, rows, strict=False) if name in leading]
    further = [row for row in rows[len(metrics) :] if row.name in ("latency p50", "failed")]
    return [*chosen, *further]


def _line(row: tables.Row, results: Results, names: Sequence[str]) -> dict[str, Any]:
    cells = dict(zip(results.systems, row.cells, strict=True))
    return {"name": f"{row.name} {row.unit}".strip(), "cells": [cells.get(name, tables.Cell("")) for name in names]}


def _why(row: Row) -> str:
    return f"{row.reason}{f'; get it: {row.entry.get}' if row.state == MISSING and row.entry.get else ''}"
