"""Published numbers stand in grey beside measured ones, with their split, source and protocol."""

from pathlib import Path
from typing import Any

import pytest

from reports.pages.report import write_report
from reports.text.published import Published, beside_published
from tests.reports import made_run
from tests.reports.made_results import made_results
from tests.reports.page import Page
from workbench.data.metric_info import MetricInfo
from workbench.data.numbers import NONE
from workbench.data.results import Results, read_results

KNOWN = {"mAP": 0.2, "gIoU": 0.5, "N_acc": None}
PART = {"samples": 1, "metrics": {"mAP": 0.1, "gIoU": 0.25, "N_acc": None}, "intervals": {}}


def results(split: str | None) -> Results:
    found = made_results({"a": 0.2}, None, {})
    found["systems"]["a"] |= {"metrics": KNOWN, "by_kind": {"part": PART}}
    found["benchmark"]["identity"] = {"split": split}
    return read_results({**found, "protocol": "p/ours"}, "results.json")


RESULTS = results("val")


def number(value: float, metric: str, system: str = "B", **more: Any) -> Published:
    given = {"split": "val", "kind": None, "protocol": "p/ours", "source": "a paper", **more}
    return Published(value, system, "toy", metric=metric, **given)


def test_measured_rows_come_first_with_the_same_columns() -> None:
    found = beside_published(
        RESULTS, [number(0.6, "gIoU"), number(0.75, "gIoU", kind="part"), number(0.9, "N_acc", "C")]
    )
    assert found is not None
    assert found.columns == ["gIoU", "N_acc", "part: gIoU"]
    assert [(row.system, row.measured, list(row.cells)) for row in found.rows] == [
        ("a", True, ["50.0", NONE, "25.0"]),
        ("B", False, ["60.0", NONE, "75.0"]),
        ("C", False, [NONE, "90.0", NONE]),
    ]
    assert [row.split for row in found.rows] == ["val"] * 3


def test_numbers_are_of_the_data_set_that_was_run_or_of_all_where_it_is_not_known() -> None:
    numbers = [number(0.6, "gIoU", name, data_set=name) for name in ("one", "two")] + [number(0.7, "gIoU", "C")]
    shown = {}
    for data_set in ("one", None):
        run = results("val")
        run.benchmark.identity["data_set"] = data_set
        found = beside_published(run, numbers)
        assert found is not None
        shown[data_set] = [(row.system, row.split) for row in found.rows[1:]]
    assert shown == {
        "one": [("one", "one val"), ("C", "val")],
        None: [("one", "one val"), ("two", "two val"), ("C", "val")],
    }


def test_another_or_unknown_protocol_is_said() -> None:
    numbers = [number(0.6, "gIoU", name, protocol=name) for name in ("p/ours", "p/theirs")]
    found = beside_published(RESULTS, [*numbers, number(0.6, "gIoU", "D", protocol=None)])
    assert found is not None
    assert [row.remark for row in found.rows[1:]] == [
        "a paper",
        "a paper; scored by p/theirs, not p/ours",
        "a paper; protocol not stated",
    ]


def test_numbers_of_another_split_are_left_out() -> None:
    numbers = [number(0.6, "gIoU", split="val"), number(0.7, "gIoU", split="test")]
    assert [row.split for row in beside_published(RESULTS, numbers).rows[1:]] == ["val"]  # type: ignore[union-attr]
    assert [row.split for row in beside_published(results(None), numbers).rows] == [NONE, "val", "test"]  # type: ignore[union-attr]


def test_nothing_to_compare_with() -> None:
    assert beside_published(RESULTS, []) is None
    assert beside_published(RESULTS, [number(0.6, "cgF1"), number(0.7, "gIoU", split="test")]) is None


def test_a_metric_in_another_unit_is_not_put_beside_published_fractions() -> None:
    found = results("val")
    in_pixels = {**found.metrics, "gIoU": MetricInfo(unit="pixels")}
    assert beside_published(found.model_copy(update={"metrics": in_pixels}), [number(0.6, "gIoU")]) is None


def test_the_report_shows_them_where_the_benchmark_has_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_run.MadeBenchmark, "name", "grefcoco")
    monkeypatch.setattr(made_run.MadeBenchmark, "identity", lambda self: {"split": "val"})
    html = write_report(made_run.make_run(tmp_path, samples=9), tmp_path / "report.html").read_text()
    text = Page(html).text
    assert "Beside published numbers" in text
    assert "GSVA-7B, fine-tuned" in text
    assert "scored by grefcoco/gsva, not inst2seg" in text
    assert "CoHD; protocol not stated" in text
    assert html.count('<tr class="others">') == 8
    assert "testA" not in text


def test_the_report_has_no_such_table_where_nothing_was_published(tmp_path: Path) -> None:
    html = write_report(made_run.make_run(tmp_path, samples=9), tmp_path / "report.html").read_text()
    assert "Beside published numbers" not in html
