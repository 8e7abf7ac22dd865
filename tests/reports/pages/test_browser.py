"""The report in a real browser: it opens, it filters, it prints, and data in it cannot run."""

import json
import re
from pathlib import Path

import pytest

from reports.pages.index import write_index
from reports.pages.report import write_report
from tests.reports import made_run
from tests.reports.browser import Browser, needs_chromium
from tests.reports.pages import test_index
from workbench.regression.history import FAILED
from workbench.runs.run import Run
from workbench.scoring.joined import join

pytestmark = needs_chromium
PRESETS = "[...document.querySelectorAll('#presets button')].map((b) => b.textContent)"
SHOWN = "document.getElementById('count').textContent"


def click(text: str) -> str:
    """Press the first button with this text; returns what the gallery then shows."""
    find = f"[...document.querySelectorAll('button')].find((b) => b.textContent.startsWith({json.dumps(text)}))"
    return f"{find}.click(); {SHOWN}"


def choose(name: str, value: str) -> str:
    """Choose in a filter; returns what the gallery then shows."""
    field = f"document.querySelector('select[name={json.dumps(name)}]')"
    return f"""(() => {{ const field = {field}; field.value = {json.dumps(value)};
      field.dispatchEvent(new Event("input", {{ bubbles: true }})); return {SHOWN}; }})()"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    folder = tmp_path_factory.mktemp("runs")
    return (
        made_run.make_run(folder / "a", samples=45, name="baseline"),
        made_run.make_run(folder / "b", samples=45, name="candidate", seed=3),
    )


def counted(run: Run, right: str | None, wrong: str | None) -> int:
    """Samples that the first system got right and the second wrong."""
    table = run.table().pivot(index="sample_id", columns="system", values="exact_set").astype(bool)
    return int(sum(table[right] & ~table[wrong]))


def test_samples_are_chosen_by_who_is_right(runs: tuple[Run, Run], tmp_path: Path) -> None:
    run = runs[0]
    a, b = run.systems
    with Browser(tmp_path / "profile") as browser:
        browser.open(write_report(run, tmp_path / "report.html"))
        assert browser.run(PRESETS)[:2] == ["all samples 45", f"{a} right, {b} wrong {counted(run, a, b)}"]
        assert browser.run(click(f"{b} right, {a} wrong")).endswith(f" of {counted(run, b, a)} samples")
        assert browser.problems == []


def test_any_pair_of_systems_can_be_chosen(runs: tuple[Run, Run], tmp_path: Path) -> None:
    joined = join(runs)
    before, after = "agent (baseline)", "agent (candidate)"
    with Browser(tmp_path / "profile") as browser:
        browser.open(write_report(joined, tmp_path / "report.html"))
        browser.run(choose("pair-1", str(joined.systems.index(after))))
        browser.run(choose("pair-0", str(joined.systems.index(before))))
        assert browser.run(PRESETS)[1] == f"{before} right, {after} wrong {counted(joined, before, after)}"
        assert browser.run(click(f"{before} right")).endswith(f" of {counted(joined, before, after)} samples")
        assert browser.problems == []


def test_samples_are_chosen_by_failure_of_a_system_and_by_kind(runs: tuple[Run, Run], tmp_path: Path) -> None:
    run = runs[0]
    table = run.table()
    missed = table[table.missed > 0]
    ours = missed[missed.system == made_run.AGENT]
    with Browser(tmp_path / "profile") as browser:
        browser.open(write_report(run, tmp_path / "report.html"))
        assert browser.run(choose("cause", "missed")).endswith(f" of {missed.sample_id.nunique()} samples")
        assert browser.run(choose("where", made_run.AGENT)).endswith(f" of {len(ours)} samples")
        kind = ours.kind.iloc[0]
        assert browser.run(choose("kind", kind)).endswith(f" of {sum(ours.kind == kind)} samples")


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_data_is_shown_and_does_not_run(tmp_path: Path, width: int) -> None:
    names = [made_run.SINGLE, f"agent {made_run.HOSTILE.replace('/', '')}"]
    run = made_run.make_run(tmp_path, samples=12, systems=names, hostile=True)
    with Browser(tmp_path / "profile", width) as browser:
        browser.open(write_report(run, tmp_path / "report.html"))
        scripts = browser.run("document.scripts.length")
        browser.run("document.querySelector('.open').click()")
        shown = browser.run("document.getElementById('detail').innerText")
        assert shown.count(made_run.HOSTILE) >= 3, "instruction, message and reply, as text"
        assert browser.run("document.scripts.length") == scripts == 5
        assert browser.run("document.querySelector('main b[onclick], main img')") is None
        assert browser.run("document.documentElement.scrollWidth") <= width, "nothing is pushed off the screen"
        assert browser.problems == []


@pytest.mark.parametrize("samples", [36, pytest.param(24, id="too few for intervals")])
@pytest.mark.parametrize("width", [1280, 390])
def test_all_columns_of_the_numbers_are_on_the_screen(tmp_path: Path, width: int, samples: int) -> None:
    names = ["single-pass-tiny", "agent-of-sam3-tiny"]
    run = made_run.make_run(tmp_path, samples=samples, systems=names)
    with Browser(tmp_path / "profile", width) as browser:
        browser.open(write_report(run, tmp_path / "report.html"))
        cut = "[...document.querySelectorAll('#numbers .scroll')].filter((one) => one.scrollWidth > one.clientWidth)"
        assert browser.run(f"{cut}.map((one) => one.innerText)") == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_index_of_a_schedule_shows_hostile_names_as_text(tmp_path: Path, width: int) -> None:
    history = [test_index.record(day) for day in range(3)]
    history[1]["systems"] = {test_index.HOSTILE: history[1]["systems"]["a"]}
    page = write_index(test_index.schedule(), [*history, test_index.record(3, FAILED)], tmp_path)
    with Browser(tmp_path / "profile", width) as browser:
        browser.show(page)
        assert browser.run("document.body.innerText").count(test_index.HOSTILE) >= 2, "a name and a reason"
        assert browser.run("document.scripts.length") == 0
        assert browser.run("document.querySelectorAll('figure svg').length") >= 4
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.problems == []


def test_it_prints_on_a_few_pages(runs: tuple[Run, Run], tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        browser.open(write_report(runs[0], tmp_path / "report.html"))
        browser.pdf(tmp_path / "report.pdf")
    pages = re.findall(rb"/Type\s*/Page\b", (tmp_path / "report.pdf").read_bytes())
    assert 3 <= len(pages) <= 12
