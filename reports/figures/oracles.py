"""What perfect parts would buy, as a figure and as rows of a table; empty where the run has no oracles."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures.style import FIGURE_STYLE, GRID, INK, MUTED, WIDTH, system_style
from reports.text.tables import Cell, Row
from workbench.data.numbers import NONE, change
from workbench.data.results import Difference, OracleResult, Results, info
from workbench.data.units import difference_unit, factor, labelled, with_direction
from workbench.scoring.oracles import shown_metrics


def available(results: Results) -> list[OracleResult]:
    """The oracles that have numbers, in the run's order."""
    return [row for row in results.oracles if row.gains is not None]


def unavailable(results: Results) -> list[str]:
    """A sentence for each oracle without numbers."""
    without = (row for row in results.oracles if row.gains is None)
    return [f"{row.system}, perfect {row.oracle}: {row.note}." for row in without]


@mpl.rc_context(FIGURE_STYLE)
def oracle_gains(results: Results) -> Figure:
    """Gain of each oracle over the real run in the metric's unit (fractions in points), with its 95 % interval; a panel
    for each shown metric."""
    metrics, rows = shown_metrics(results), available(results)
    figure = Figure(figsize=(WIDTH, 1.2 + 0.3 * max(len(rows), 2)), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(metrics), sharey=True))
    style = system_style(results.systems)
    for axes, metric in zip(panels, metrics, strict=True):
        about = info(results, metric)
        scale = factor(about.unit)
        for place, row in enumerate(rows):
            gain = (row.gains or {}).get(metric)
            if gain is None or gain.difference is None:
                continue
            axes.barh(place, scale * gain.difference, height=0.6, color=style[row.system][0])
            if gain.interval:
                low, high = gain.interval
                axes.plot([scale * low, scale * high], [place] * 2, color=INK, lw=1.2, solid_capstyle="butt")
        axes.axvline(0, color=MUTED, lw=0.7)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel(labelled(metric, about, difference_unit(about.unit)))
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    for place in range(1, len(rows)):
        if rows[place].system != rows[place - 1].system:
            for axes in panels:
                axes.axhline(place - 0.5, color=GRID, lw=0.7)
    panels[0].set_yticks(range(len(rows)), [f"perfect {row.oracle}" for row in rows])
    panels[0].set_ylim(max(len(rows), 1) - 0.5, -0.5)
    shown = list(dict.fromkeys(row.system for row in rows))
    handles = [mpl.patches.Patch(color=style[name][0], label=name) for name in shown]
    figure.legend(handles=handles, loc="outside upper left", ncols=min(len(shown), 3) or 1, handlelength=0.9)
    return figure


def oracle_rows(results: Results) -> list[Row]:
    """One row for each oracle: its gain in each of `shown_metrics`, then samples changed, and failed; strong where the
    corrected p-value is below 0.05."""
    rows = []
    for row in available(results):
        n_samples = results.systems[row.system].samples
        counts = Cell(str(row.changed), f"of {n_samples}, {row.n_failed} failed")
        cells = [_gain((row.gains or {}).get(m), info(results, m).unit) for m in shown_metrics(results)]
        rows.append(Row(f"{row.system}, perfect {row.oracle}", "", [*cells, counts]))
    return rows


def oracle_columns(results: Results) -> Sequence[str]:
    """Names of the columns of `oracle_rows`."""
    infos = {metric: info(results, metric) for metric in shown_metrics(results)}
    units = {metric: with_direction(about, difference_unit(about.unit)) for metric, about in infos.items()}
    return [*(", ".join(filter(None, (metric, unit))) for metric, unit in units.items()), "changed"]


def _gain(gain: Difference | None, unit: str) -> Cell:
    if gain is None or gain.difference is None:
        return Cell(NONE)
    text = change(gain.difference, unit)
    if not gain.interval:
        return Cell(text)
    low, high = gain.interval
    detail = f"{change(low, unit)} to {change(high, unit)}" + ("" if gain.p_holm is None else f", p {gain.p_holm:.3f}")
    return Cell(text, detail, strong=gain.beyond_chance)
