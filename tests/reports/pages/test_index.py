"""The index page of a schedule shows every comparison, needs nothing else and escapes what it shows."""

import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from reports.pages.index import headline, main_metrics, write_index
from tests.reports.page import Page
from tests.reports.schedules import HOSTILE, name, record
from workbench.comparison.comparison import Comparison
from workbench.data.numbers import points
from workbench.regression.history import FAILED, REGRESSION
from workbench.regression.schedule import Schedule


def schedule(baseline: str = "previous") -> Schedule:
    comparison = Comparison(("a", "b"), "drawn")
    return Schedule("nightly", Path("runs"), comparison, "0 3 * * *", ZoneInfo("Europe/Berlin"), baseline, None, None)


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
