"""The page of a stress suite on made results: safe, whole, and readable on a phone."""

from dataclasses import replace
from pathlib import Path

import pytest

from reports.pages.stress import markdown, write_stress
from tests.reports.browser import Browser, needs_chromium
from tests.reports.page import Page
from tests.reports.text.test_stress import results
from workbench.data.stress import Crossing
from workbench.runs.run import Run
from workbench.suites.running import DONE, FAILED, MISSING, Row
from workbench.suites.suite import Entry, Suite

ENTRIES = [
    Entry("one", "First <b>axis</b>", "", {}, ""),
    Entry("two", "Second | axis", "", {}, ""),
    Entry("three", "Third", "made", {}, "from https://example.org"),
    Entry("four", "Fourth", "made", {}, ""),
]
SUITE = Suite("mine", "Mine & yours", ENTRIES)


@pytest.fixture
def rows(run: Run) -> list[Row]:
    crossing = Crossing(at=2.0, interval=(1.0, 3.0), drawn=0.98)
    stressed = [results(0, 4, crossings=(crossing,)), results("English", "German")]
    runs = [
        replace(run, scored=run.results.model_copy(update={"stress": one, "report": "report.html"})) for one in stressed
    ]
    return [
        Row(ENTRIES[0], DONE, runs[0]),
        Row(ENTRIES[1], DONE, runs[1]),
        Row(ENTRIES[2], MISSING, reason="not there: data/<three>"),
        Row(ENTRIES[3], FAILED, reason="four.json: expected a list"),
    ]


def test_the_page_has_every_axis_and_is_safe(rows: list[Row], tmp_path: Path) -> None:
    html = write_stress(SUITE, rows, tmp_path / "out").read_text()
    page = Page(html)
    assert page.scripts == [] and html.count("<svg") == 2
    assert {one for one in page.loads if not one.startswith("#")} == {"one/report.html", "two/report.html"}
    assert "2 of 4 axes swept" in page.text
    for said in ("First <b>axis</b>", "Second | axis", "not there: data/<three>", "Fourth could not be run"):
        assert said in page.text
    assert "The curves cross at 2 targets (1 to 3)." in page.text and "one at “German”" in page.text
    text = markdown(SUITE, rows)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 4 and len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert "* Third: not there: data/\\<three\\>" in text


def test_what_is_still_to_be_swept_is_said(rows: list[Row], tmp_path: Path) -> None:
    assert "3 still to be swept" in write_stress(SUITE, rows[:1], tmp_path).read_text()


@needs_chromium
def test_it_fits_a_phone(rows: list[Row], tmp_path: Path) -> None:
    page = write_stress(SUITE, rows, tmp_path)
    with Browser(tmp_path / "profile", width=390, height=800) as browser:
        browser.show(page)
        browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert browser.run("document.documentElement.scrollWidth <= window.innerWidth")
        assert browser.run(
            "[...document.querySelectorAll('h1, h2, h3, figure, svg')]"
            ".every((e) => e.getBoundingClientRect().right <= 390)"
        )
