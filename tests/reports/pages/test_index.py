"""The index page of a schedule shows every comparison, needs nothing else and escapes what it shows."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from reports.figures.trends import metric_trend
from reports.pages.index import headline, main_metrics, write_index
from reports.text.numbers import points
from tests.reports.pages.test_report import Page
from workbench.comparison.comparison import Comparison
from workbench.regression.history import FAILED, NAME, PASSED, RATES, REGRESSION
from workbench.regression.schedule import Schedule

HOSTILE = '<script>alert(1)</script> & "x" | `y`'
BEGIN = datetime(2026, 10, 1, 1, tzinfo=UTC)


def schedule(baseline: str = "previous") -> Schedule:
    comparison = Comparison(("a", "b"), "drawn")
    return Schedule("nightly", Path("runs"), comparison, "0 3 * * *", ZoneInfo("Europe/Berlin"), baseline, None, None)


def name(day: int) -> str:
    return (BEGIN + timedelta(days=day)).strftime(NAME)


def record(day: int, state: str = PASSED, **changes: Any) -> dict[str, Any]:
    system = {
        "metrics": {"mAP": 0.4 + 0.001 * day, "gIoU": 0.5, "N_acc": None},
        "intervals": {"mAP": [0.3, 0.5], "gIoU": None, "N_acc": None},
        "latency": {"p50": 0.05, "p90": 0.08},
        "rates": dict.fromkeys(RATES, 0.1),
        "n_failed": 0,
        "failures": {},
    }
    lost = {"system": "a", "name": "mAP", "change": -0.071, "interval": [-0.1, -0.04], "bound": 0.01, "p_holm": 0.001}
    return {
        "name": name(day),
        "state": state,
        "reason": HOSTILE if state == FAILED else None,
        "baseline": None if state == FAILED or day == 0 else name(day - 1),
        "gate": None
        if state == FAILED or day == 0
        else {"failed": [lost] if state == REGRESSION else [], "checks": 12, "changed": 3, "notes": []},
        "asked": "same",
        "samples": 240,
        "protocol": "inst2seg",
        "machine": "cpu",
        "git": {"commit": f"{day:040x}", "dirty": day == 2},
        "seconds": 82.0,
        "attempts": 2 if day == 3 else 1,
        "systems": {} if state == FAILED else {"a": system, "b": {**system, "n_failed": 7, "failures": {"timeout": 7}}},
        **changes,
    }


def page(history: list[dict[str, Any]], folder: Path) -> Page:
    return Page(write_index(schedule(), history, folder).read_text())


def test_every_comparison_is_there_with_verdict_numbers_commit_and_the_report_that_exists(tmp_path: Path) -> None:
    (tmp_path / name(1)).mkdir()
    (tmp_path / name(1) / "report.html").write_text("")
    shown = page([record(0), record(1), record(2, FAILED), record(3, REGRESSION)], tmp_path)
    text = " ".join(shown.text.split())
    assert [link for link in shown.loads if not link.startswith("#")] == [f"{name(1)}/report.html"]
    for day in range(4):
        assert f"2026-10-0{day + 1} 03:00" in text  # 01:00 UTC
    assert (
        f"The comparison of 4 October 2026 is worse than that of 3 October 2026: a mAP {points(-0.071)} points" in text
    )
    assert "Of 4 comparisons: 1 worse than the baseline, 1 failed." in text
    assert "b failed on 7 of 240 samples (timeout 7)." in text
    assert "0000000+" in text
    assert "1.4 min (part 2)" in text
    assert "The next comparison is due on" in text


def test_it_needs_nothing_else_and_escapes_names_and_reasons(tmp_path: Path) -> None:
    good = record(0)
    good["systems"] = {HOSTILE: good["systems"]["a"]}
    html = write_index(schedule(), [good, record(1, FAILED)], tmp_path).read_text()
    shown = Page(html)
    assert shown.scripts == []
    assert "<script" not in html
    assert HOSTILE in shown.text
    assert not re.search(r"https?://(?!www\.w3\.org)", html)
    summary = (tmp_path / "summary.md").read_text()
    assert r"failed: \<script\>alert(1)\</script\> \& " in summary
    assert r"\| \`y\`" in summary


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


def test_a_history_of_failures_alone_is_shown(tmp_path: Path) -> None:
    shown = page([record(0, FAILED)], tmp_path)
    assert "The comparison of 1 October 2026 failed: <script>" in shown.text
    assert "Trends" not in shown.text
    assert "failed" in (tmp_path / "summary.md").read_text()


def test_the_first_comparison_has_no_baseline(tmp_path: Path) -> None:
    assert "nothing to judge it against yet" in headline(record(0), schedule())
    fixed = record(1, baseline="runs/published")
    assert headline(fixed, schedule("runs/published")).endswith("passed against runs/published.")


def test_usual_metrics_come_first_and_undefined_ones_are_left_out() -> None:
    assert main_metrics([record(0)]) == ["mAP", "gIoU"]
    other = record(0)
    other["systems"]["a"]["metrics"] = {"cgF1": 0.2, "IL_MCC": 0.1, "gIoU": 0.4}
    assert main_metrics([{**other, "systems": {"a": other["systems"]["a"]}}]) == ["gIoU", "cgF1", "IL_MCC"]
