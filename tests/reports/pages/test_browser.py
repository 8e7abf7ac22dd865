"""The report in a real browser: it opens, it filters, it prints, and data in it cannot run."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from reports.figures import catalogue
from reports.pages import report
from reports.pages.index import write_index
from tests.reports import made_run
from tests.reports.browser import Browser, needs_chromium
from tests.reports.pages import test_index
from workbench.regression.history import FAILED
from workbench.runs.run import Run
from workbench.scoring.joined import join

pytestmark = needs_chromium
everything = catalogue.drawn
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


@pytest.fixture(scope="module", autouse=True)
def figures_are_few() -> Iterator[None]:
    """What is tested here are samples and numbers; `test_catalogue` draws every figure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "drawn", lambda results: islice(everything(results), 2))
        yield


@pytest.fixture(scope="module")
def page(runs: tuple[Run, Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the first run, of two systems."""
    return report.write_report(runs[0], tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def joined(runs: tuple[Run, Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of both runs, of four systems."""
    return report.write_report(join(runs), tmp_path_factory.mktemp("joined") / "report.html")


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One tab for all tests: a browser takes a second to start."""
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def browser(tab: Browser) -> Browser:
    """The tab as wide as a laptop, with the address that was last given to it forgotten."""
    tab.resize(1280)
    return tab


def counted(run: Run, right: str | None, wrong: str | None) -> int:
    """Samples that the first system got right and the second wrong."""
    table = run.table().pivot(index="sample_id", columns="system", values="exact_set").astype(bool)
    return int(sum(table[right] & ~table[wrong]))


def test_samples_are_chosen_by_who_is_right(runs: tuple[Run, Run], page: Path, browser: Browser) -> None:
    run = runs[0]
    a, b = run.systems
    browser.open(page)
    assert browser.run(PRESETS)[:2] == ["all samples 45", f"{a} right, {b} wrong {counted(run, a, b)}"]
    assert browser.run(click(f"{b} right, {a} wrong")).endswith(f" of {counted(run, b, a)} samples")
    assert browser.problems == []


def test_any_pair_of_systems_can_be_chosen(runs: tuple[Run, Run], joined: Path, browser: Browser) -> None:
    both = join(runs)
    before, after = "agent (baseline)", "agent (candidate)"
    browser.open(joined)
    browser.run(choose("pair-1", str(both.systems.index(after))))
    browser.run(choose("pair-0", str(both.systems.index(before))))
    assert browser.run(PRESETS)[1] == f"{before} right, {after} wrong {counted(both, before, after)}"
    assert browser.run(click(f"{before} right")).endswith(f" of {counted(both, before, after)} samples")
    assert browser.problems == []


def test_samples_are_chosen_by_failure_of_a_system_and_by_kind(
    runs: tuple[Run, Run], page: Path, browser: Browser
) -> None:
    table = runs[0].table()
    missed = table[table.missed > 0]
    ours = missed[missed.system == made_run.AGENT]
    browser.open(page)
    assert browser.run(choose("cause", "missed")).endswith(f" of {missed.sample_id.nunique()} samples")
    assert browser.run(choose("where", made_run.AGENT)).endswith(f" of {len(ours)} samples")
    kind = ours.kind.iloc[0]
    assert browser.run(choose("kind", kind)).endswith(f" of {sum(ours.kind == kind)} samples")


def test_what_is_chosen_is_in_the_address_and_stays_when_the_page_is_loaded_again(
    runs: tuple[Run, Run], joined: Path, browser: Browser
) -> None:
    browser.open(joined)
    assert browser.run("location.hash") == "", "nothing is written before something is chosen"
    browser.run(choose("pair-0", "2"))
    shown = browser.run(choose("cause", "missed"))
    browser.run(click("Next"))
    second = browser.run(SHOWN)
    assert second.startswith("13 to ") and second.endswith(shown.split(" of ")[1])
    address = browser.run("location.hash")
    assert address == "#samples&cause=missed&pair=2%2C1&page=2"
    browser.open(joined, address)
    assert browser.run(SHOWN) == second
    assert browser.run("document.querySelector('[name=cause]').value") == "missed"
    assert browser.run(PRESETS)[1].startswith("single-pass (candidate) right, agent (baseline) wrong")
    browser.run("document.querySelector('.open').click()")
    opened = browser.run("location.hash")
    assert re.fullmatch(r"#sample=drawn-\d+&cause=missed&pair=2%2C1&page=2", opened)
    browser.open(joined, opened)
    assert browser.run("document.getElementById('detail').open") is True
    browser.open(joined, "#samples&cause=nonsense&kind=counting&page=99")
    kinds = [sample.kind for sample in runs[0].samples()]
    assert browser.run(SHOWN).endswith(f" of {kinds.count('counting')} samples"), "what cannot be meant is left out"
    assert browser.problems == []


def test_a_search_that_finds_one_sample_says_so_and_links_within_the_page_keep_it(page: Path, browser: Browser) -> None:
    browser.open(page)
    browser.run(
        "(() => { const field = document.querySelector('[name=text]'); field.value = 'drawn-00007';"
        "field.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )
    assert browser.run(SHOWN) == "1 of 1 sample"
    browser.run("new Promise((done) => { window.onhashchange = done; document.querySelector('nav a').click(); })")
    assert browser.run("location.hash") == "#numbers&text=drawn-00007"


WIDTHS = (
    "[...document.querySelectorAll('#cards .card')].map((card) => [...card.querySelectorAll('canvas')]"
    ".map((one) => one.getBoundingClientRect()).filter((box) => box.width).map((box) => [box.top, box.width]))"
)


def test_pictures_have_240_pixels_and_cells_stand_two_a_row_on_a_phone(
    page: Path, joined: Path, browser: Browser
) -> None:
    for report_of, cells in ((page, 3), (joined, 5)):
        browser.resize(1280)
        browser.open(report_of)
        for shown in browser.run(WIDTHS):
            assert len(shown) == cells and all(width >= 240 for _, width in shown)
        browser.resize(390)
        browser.open(report_of)
        assert all(len(shown) == 1 and shown[0][1] >= 240 for shown in browser.run(WIDTHS)), "one picture for all cells"
        said = (
            "[...document.querySelector('.strip').querySelectorAll('.said')].map((one) => one.getBoundingClientRect())"
        )
        tops = browser.run(f"{said}.map((box) => Math.round(box.top))")
        assert [tops.count(top) for top in sorted(set(tops))] == [1, *[2] * (cells // 2)], "the truth, then pairs"
        browser.run("document.querySelector('.said').click()")
        assert browser.run("document.querySelector('.card .column').classList.contains('front')"), "now the truth's"
        assert browser.run("document.getElementById('detail').open") is False
        assert browser.problems == []


OPENED = "document.querySelectorAll('#detail {0}')"


def test_the_opened_sample_fills_its_rows_and_a_click_enlarges_with_masks_and_without(
    page: Path, joined: Path, browser: Browser
) -> None:
    browser.resize(1280)
    for report_of, systems in ((page, 2), (joined, 4)):
        browser.open(report_of, "#sample=drawn-00002")
        for row, count in ((".strip", 1 + systems), (".sides", systems)):
            boxes = browser.run(
                f"(() => {{ const row = document.querySelector('#detail {row}'), own = row.getBoundingClientRect();"
                "return [...row.children].map((one) => one.getBoundingClientRect()).map((box) =>"
                "[Math.round(box.top), box.left - own.left, own.right - box.right]); })()"
            )
            assert len(boxes) == count
            for top in {top for top, *_ in boxes}:
                inside = [box for box in boxes if box[0] == top]
                assert min(left for _, left, _ in inside) < 1 and min(right for *_, right in inside) < 2, "no blanks"
    canvas = OPENED.format(".strip canvas")
    before = browser.run(f"{canvas}[1].getBoundingClientRect().width")
    browser.run(f"{canvas}[1].click()")
    assert browser.run(f"{canvas}[1].getBoundingClientRect().width") > 1.8 * before
    picture = f"new Promise((done) => setTimeout(() => done({canvas}[1].toDataURL()), 200))"
    with_masks = browser.run(picture)
    browser.run(f"{OPENED.format('.masks')}[0].click()")
    without = browser.run(picture)
    assert with_masks != without
    browser.run(f"{OPENED.format('.masks')}[0].click()")
    assert browser.run(picture) == with_masks
    browser.run(f"{canvas}[1].click()")
    assert browser.run(f"{canvas}[1].getBoundingClientRect().width") == before
    assert browser.problems == []


def test_candidates_are_a_grid_with_number_score_and_what_became_of_them(
    runs: tuple[Run, Run], page: Path, browser: Browser
) -> None:
    answer = next(one for one in runs[0].predictions(made_run.AGENT) if one.candidates and one.instances)
    browser.open(page, f"#sample={answer.sample_id}")
    texts = browser.run(f"[...{OPENED.format('.sides section:last-child .candidates li')}].map((one) => one.innerText)")
    fates = [(one.score, "in the answer") for one in answer.instances]
    fates += [(one.score, f"{one.dropped.replace('_', ' ')} “{one.phrase}”") for one in answer.candidates]
    expected = [f"{i} {score:.2f} {fate}" for i, (score, fate) in enumerate(sorted(fates, reverse=True), 1)]
    assert [" ".join(text.split()) for text in texts] == expected
    first = f"{OPENED.format('.sides section:last-child .candidates button')}[0]"
    assert browser.run(f"{first}.querySelector('canvas').getBoundingClientRect().width") > 60
    assert browser.run(f"{first}.click(); {first}.getAttribute('aria-pressed')") == "true"


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_data_is_shown_and_does_not_run(tmp_path: Path, browser: Browser, width: int) -> None:
    names = [made_run.SINGLE, f"agent {made_run.HOSTILE.replace('/', '')}"]
    run = made_run.make_run(tmp_path, samples=12, systems=names, hostile=True)
    browser.resize(width)
    browser.open(report.write_report(run, tmp_path / "report.html"))
    scripts = browser.run("document.scripts.length")
    browser.run("document.querySelector('.open').click()")
    shown = browser.run("document.getElementById('detail').innerText")
    assert shown.count(made_run.HOSTILE) >= 3, "instruction, message and reply, as text"
    assert browser.run("document.scripts.length") == scripts == 3 + len(report.SCRIPTS)
    assert browser.run("document.querySelector('main b[onclick], main img')") is None
    assert browser.run("document.documentElement.scrollWidth") <= width, "nothing is pushed off the screen"
    assert browser.problems == []


CUT = "[...document.querySelectorAll('#numbers .scroll')].filter((one) => one.scrollWidth > one.clientWidth)"


@pytest.mark.parametrize("samples", [36, pytest.param(24, id="too few for intervals")])
def test_all_columns_of_the_numbers_are_on_the_screen(tmp_path: Path, browser: Browser, samples: int) -> None:
    names = ["single-pass-tiny", "agent-of-sam3-tiny"]
    run = made_run.make_run(tmp_path, samples=samples, systems=names)
    written = report.write_report(run, tmp_path / "report.html")
    for width in (1280, 390):
        browser.resize(width)
        browser.open(written)
        assert browser.run(f"{CUT}.map((one) => one.innerText)") == []


def test_numbers_of_many_systems_scroll_in_their_own_box_beside_their_names(joined: Path, browser: Browser) -> None:
    browser.resize(390)
    browser.open(joined)
    assert browser.run("document.documentElement.scrollWidth") <= 390
    place = "document.querySelector('#numbers tbody th').getBoundingClientRect().left"
    before = browser.run(place)
    browser.run(f"{CUT}[0].scrollLeft = 500")
    assert browser.run(f"{CUT}[0].scrollLeft") > 50 and browser.run(place) == before


@pytest.mark.parametrize("width", [1280, 390])
def test_the_index_of_a_schedule_shows_hostile_names_as_text(tmp_path: Path, browser: Browser, width: int) -> None:
    history = [test_index.record(day) for day in range(3)]
    history[1]["systems"] = {test_index.HOSTILE: history[1]["systems"]["a"]}
    page = write_index(test_index.schedule(), [*history, test_index.record(3, FAILED)], tmp_path)
    browser.resize(width)
    browser.show(page)
    assert browser.run("document.body.innerText").count(test_index.HOSTILE) >= 2, "a name and a reason"
    assert browser.run("document.scripts.length") == 0
    assert browser.run("document.querySelectorAll('figure svg').length") >= 4
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.problems == []


def test_it_prints_on_a_few_pages(
    runs: tuple[Run, Run], tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "drawn", everything)
    browser.open(report.write_report(runs[0], tmp_path / "report.html"))
    browser.pdf(tmp_path / "report.pdf")
    pages = re.findall(rb"/Type\s*/Page\b", (tmp_path / "report.pdf").read_bytes())
    assert 3 <= len(pages) <= 14


def test_on_paper_are_the_cards_that_are_chosen_and_an_opened_sample_alone(page: Path, browser: Browser) -> None:
    seen = "[...document.querySelectorAll({0})].filter((one) => one.getClientRects().length).length"
    browser.open(page)
    total = int(browser.run(choose("kind", "absent")).split(" of ")[1].split()[0])
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.run(seen.format("'.card'")) == min(total, 12)
        assert browser.run(seen.format("'#filters, #presets, #pager, header nav'")) == 0
        assert (
            browser.run("document.getElementById('selection').innerText") == f"Selected: Instruction: absent ({total})"
        )
        browser.run("document.querySelector('.open').click()")
        assert browser.run(seen.format("'header, .card, #numbers, #figures'")) == 0
        assert browser.run(seen.format("'#detail .strip canvas, #detail .sides section'")) == 5
        browser.run("window.dispatchEvent(new Event('beforeprint'))")
        replies = browser.run("document.querySelectorAll('#detail details').length")
        assert browser.run(seen.format("'#detail details pre'")) == replies > 0, "long replies in full"
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")
