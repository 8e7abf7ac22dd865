"""The report of a run without truth shows the answers, and neither scores them nor invents numbers."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.pages.markdown import markdown
from reports.pages.report import write_report
from reports.text.caveats import caveats
from reports.text.glossary import definitions
from tests.conftest import installing
from tests.reports.browser import Browser, needs_chromium
from tests.workbench.asking.asked import saved
from workbench.asking.folder import ask_in, picture_at
from workbench.data.conditions import Conditions
from workbench.runs.run import Run


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patch, installing(folder / "site", patch) as install:
        install("toys", {"systems": {"toy": "tests.workbench.toys:threshold"}})
        pictures = [picture_at(saved(folder)), picture_at(saved(folder, "other.png", colour="blue"))]
        run, _ = ask_in(
            folder / "run", pictures, ["the red box"], {"one": "toy", "two": "toy"}, {}, "workbench ask photo.png"
        )
        yield run


def test_the_page_says_so_and_has_times_and_no_metrics(asked: Run, tmp_path: Path) -> None:
    page = write_report(asked, tmp_path / "report.html").read_text()
    assert "No verdict: no truth was given, so the answers are shown but not scored." in page
    assert "latency p50" in page and "latency p90" not in page, "two questions are too few for a percentile"
    for word in (
        "mAP",
        "gIoU",
        "N_acc",
        "95 % intervals",
        "What went wrong",
        "matched",
        "missed target",
        "By the inst2seg",
    ):
        assert word not in re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.S), word
    assert '<pre class="command">workbench ask photo.png</pre>' in page


def test_the_markdown_says_the_same(asked: Run) -> None:
    text = markdown(asked)
    assert "ask, 2 samples, without truth" in text and "latency p50" in text
    assert "Differences" not in text and "mAP" not in text and "IoU" not in text


def test_what_systems_know_is_a_caveat_only_without_truth(asked: Run) -> None:
    stated = {name: Conditions(knows="boxes only") for name in asked.systems}
    manifest = asked.manifest.model_copy(update={"conditions": stated})
    line = "What one and two know: boxes only. Answers about other pictures are guesses."
    assert line in caveats(asked.results, manifest)
    known = {name: one.model_copy(update={"without_truth": 0}) for name, one in asked.results.systems.items()}
    assert line not in caveats(asked.results.model_copy(update={"systems": known}), manifest)


def test_only_words_that_occur_are_defined(asked: Run) -> None:
    assert set(definitions(asked.results)) == {
        "Costs and intervals",
        "Calls",
        "What goes wrong in a call",
        "Outcomes",
    }


@needs_chromium
def test_the_gallery_shows_answers_without_right_and_wrong(asked: Run, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        browser.open(write_report(asked, tmp_path / "report.html"))
        cards = browser.run("document.getElementById('cards').innerText")
        assert (
            "no truth given" in cards and "1\N{NO-BREAK SPACE}instance" in cards and "1\N{NO-BREAK SPACE}call" in cards
        )
        for word in ("nothing fits", "right", "wrong", "missed", "IoU", "no target"):
            assert word not in cards
        assert browser.run("document.querySelectorAll('#presets button, [name^=system]').length") == 0
        browser.run("document.querySelector('#cards button').click()")
        assert "1\N{NO-BREAK SPACE}call in" in browser.run("document.getElementById('detail').innerText")
        assert browser.problems == []
