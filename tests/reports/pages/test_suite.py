"""The page of a suite on made runs: safe, whole, and readable on a phone."""

from pathlib import Path

import pytest

from reports.pages.suite import markdown, write_suite
from tests.reports.browser import Browser, needs_chromium
from tests.reports.page import Page
from workbench.runs.run import Run
from workbench.suites.running import DONE, FAILED, MISSING, Row
from workbench.suites.suite import Entry, Suite

ENTRIES = [
    Entry("one", "First <b>benchmark</b>", "made", {}, ""),
    Entry("two", "Second | benchmark", "made", {}, ""),
    Entry("three", "Third", "made", {}, "from https://example.org"),
    Entry("four", "Fourth", "made", {}, ""),
]


@pytest.fixture
def rows(run: Run) -> list[Row]:
    return [
        Row(ENTRIES[0], DONE, run),
        Row(ENTRIES[1], DONE, run),
        Row(ENTRIES[2], MISSING, reason="not there: data/<three>"),
        Row(ENTRIES[3], FAILED, reason="four.json: expected a list"),
    ]


def test_the_page_has_every_benchmark_and_is_safe(rows: list[Row], run: Run, tmp_path: Path) -> None:
    html = write_suite(Suite("mine", "Mine & yours", ENTRIES), rows, tmp_path / "out").read_text()
    page = Page(html)
    assert page.loads == ["one/report.html", "two/report.html"] and page.scripts == []
    assert "2 benchmarks of 4 run" in page.text
    for said in ("First <b>benchmark</b>", "Second | benchmark", "not there: data/<three>", "Fourth could not be run"):
        assert said in page.text
    assert page.text.count(f"{run.results.benchmark.samples} samples, {run.results.protocol}") == 2
    assert all(name in page.text for name in run.systems)
    text = markdown(Suite("mine", "Mine", ENTRIES), rows)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {3 + len(run.systems)}
    assert "* Third: not there: data/\\<three\\>; get it: from https" in text


def test_what_is_still_to_be_run_is_said(rows: list[Row], tmp_path: Path) -> None:
    html = write_suite(Suite("mine", "Mine", ENTRIES), rows[:1], tmp_path).read_text()
    assert "1 benchmark of 4 run" in html and "3 still to be run" in html


@needs_chromium
def test_it_fits_a_phone(rows: list[Row], tmp_path: Path) -> None:
    page = write_suite(Suite("mine", "Mine", ENTRIES), rows, tmp_path)
    with Browser(tmp_path / "profile", width=390, height=800) as browser:
        browser.show(page)
        assert browser.run("document.documentElement.scrollWidth <= window.innerWidth")
        assert browser.run(
            "[...document.querySelectorAll('h1, h2, dd')].every((e) => e.getBoundingClientRect().right <= 390)"
        )
