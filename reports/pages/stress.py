"""The page of a stress suite: a small multiple for each axis, what its curves say, and all numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reports.figures.stress import against_level
from reports.figures.svg import inline_svg
from reports.pages.markdown import escaped
from reports.pages.rendering import rendered, replaced
from reports.pages.suite import common
from reports.text.stress import about, findings, shown_metrics, summary_rows, table
from workbench.data.numbers import listed
from workbench.data.stress import StressResults
from workbench.suites.running import DONE, Row
from workbench.suites.suite import Suite

_drawn: dict[int, tuple[StressResults, Markup]] = {}
"""Figures of the page that is written again after each axis, by the identity of what they show."""


def write_stress(suite: Suite, rows: Sequence[Row], folder: Path) -> Path:
    """Write `stress.html` and `stress.md` of what was run so far; returns the path of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    replaced(folder / "stress.md", markdown(suite, rows))
    return replaced(folder / "stress.html", rendered("stress.html.j2", _page(suite, rows)))


def markdown(suite: Suite, rows: Sequence[Row]) -> str:
    """A table of all axes, what the curves say, and what is missing, in Markdown."""
    done = _done(rows)
    lines = [f"## {escaped(suite.title)}", ""]
    if done:
        metrics = shown_metrics(done.values())
        heads = [f"{name} {what}" for name in metrics for what in ("plain", "mean height", "half at")]
        lines += [_line(["axis", "system", *heads]), _line(["---", "---", *["--:"] * len(heads)])]
        lines += [_line(row) for row in summary_rows(done, metrics)] + [""]
        for title, stress in done.items():
            lines.append(f"* {escaped(title)}: {escaped(' '.join(findings(stress, metrics[0])))}")
    lines += [f"* {escaped(row.entry.title)}: {escaped(row.reason)}" for row in rows if row.state != DONE]
    return "\n".join(lines).rstrip() + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"


def _done(rows: Sequence[Row]) -> dict[str, StressResults]:
    return {
        row.entry.title: row.run.results.stress
        for row in rows
        if row.run is not None and row.run.results.stress is not None
    }


def _page(suite: Suite, rows: Sequence[Row]) -> dict[str, Any]:
    done = _done(rows)
    metrics = shown_metrics(done.values())
    names = list(dict.fromkeys(name for one in done.values() for name in one.curves))
    reports = {
        row.entry.title: f"{row.entry.name}/report.html"
        for row in rows
        if row.run is not None and row.run.results.report
    }
    return {
        **common(suite, rows, names),
        "headline": f"{len(done)} of {len(suite.entries)} axes swept",
        "metrics": listed(metrics) if metrics else "",
        "linked": bool(reports),
        "axes": [_axis(title, reports.get(title), stress, metrics) for title, stress in done.items()],
    }


def _axis(title: str, report: str | None, stress: StressResults, metrics: Sequence[str]) -> dict[str, Any]:
    return {
        "title": title,
        "report": report,
        "about": about(stress),
        "svg": _svg(title, stress, metrics),
        "findings": findings(stress, metrics[0]),
        "table": table(stress),
    }


def _svg(title: str, stress: StressResults, metrics: Sequence[str]) -> Markup:
    """The figure of an axis, the same one when it is asked for again."""
    said = f"{title}: {listed(metrics)} against {stress.axis.unit or 'the level'}"
    key = hash((id(stress), said))
    if key not in _drawn:
        _drawn[key] = (stress, inline_svg(against_level(stress, metrics, with_legend=False), said))
    return _drawn[key][1]
