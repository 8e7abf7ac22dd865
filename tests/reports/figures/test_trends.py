"""Trends over the comparisons of a schedule."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reports.figures.trends import metric_trend
from tests.reports.schedules import record
from workbench.regression.history import FAILED, REGRESSION


def test_the_trends_have_a_line_and_a_band_for_each_system_and_marks(tmp_path: Path) -> None:
    history = [record(0), record(1), record(2, FAILED), record(3, REGRESSION), record(4, asked="other")]
    (axes,) = metric_trend(history, "mAP", ZoneInfo("UTC")).axes
    lines = [line for line in axes.lines if len(line.get_xdata()) > 2]
    assert len(lines) == 2
    assert len(axes.collections) == 2
    drawn = lines[0].get_ydata()
    assert drawn[:3] == pytest.approx([40, 40.1, 40.3])
    assert drawn[3] != drawn[3]  # broken where the samples changed
    assert drawn[4] == pytest.approx(40.4)
    assert sum(line.get_linestyle() == "--" for line in axes.lines) == 1
    assert sum(line.get_marker() == "x" for line in axes.lines) == 1
