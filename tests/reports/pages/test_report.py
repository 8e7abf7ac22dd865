"""The report is one file that needs nothing else and leaves nothing out."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from reports.pages.report import SCRIPTS, _command, write_report
from tests.reports import made_run
from tests.reports.page import Page
from workbench.data.numbers import NONE, points
from workbench.data.results import read_results
from workbench.runs.run import Run


def written(run: Run, folder: Path) -> Page:
    return Page(write_report(run, folder / "report.html").read_text())


def test_nothing_is_fetched(run: Run, tmp_path: Path) -> None:
    html = write_report(run, tmp_path / "report.html").read_text()
    assert all(value.startswith("#") for value in Page(html).loads), "only links within the page"
    assert "default-src 'none'" in html, "and the browser is told to refuse anything else"
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import|https?://", html.replace("&#x2F;", "/"))


def test_a_hostile_instruction_is_text(page: Page) -> None:
    assert [name for name, _ in page.scripts] == ["setup", "pictures", "packed", *[None] * len(SCRIPTS)], (
        "no script was added"
    )
    assert not any("alert(1)" in script for _, script in page.scripts)
    assert made_run.HOSTILE in [sample["text"] for sample in page.content["samples"]]


def test_hostile_names_are_text(tmp_path: Path) -> None:
    name = "agent</script><b onclick=x>$_$"
    run = made_run.make_run(tmp_path, samples=12, systems=[made_run.SINGLE, name])
    text = json.dumps(run.results.to_json()).replace('"counting"', '"</text><script>$^{</script>"')
    manifest = run.manifest.model_copy(update={"name": "<i>name</i>"})
    hostile = replace(run, scored=read_results(json.loads(text), "results.json"), manifest=manifest)
    html = write_report(hostile, tmp_path / "report.html").read_text()
    assert len(Page(html).scripts) == 3 + len(SCRIPTS)
    assert not any(tag in html for tag in ("<b onclick", "<i>name", "<script>$"))
    assert name in Page(html).text


def test_control_characters_and_reordering_marks_are_in_no_text_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made_run, "HOSTILE", "the \x1b[31mred\x07 \x00\x85box\x9b0m \u202eoff\u2066\x7f")
    run = made_run.make_run(tmp_path, samples=12, systems=[made_run.SINGLE], hostile=True)
    html = write_report(run, tmp_path / "report.html").read_text()
    page = Page(html)
    for text in (html, json.dumps(page.content, ensure_ascii=False)):
        assert "the red box off" in text
        assert sorted(set(re.findall(r"[^\n\t -~\xa0-\u2027\u202f-\u2065\u206a-\uffff]", text))) == []
    escapes = json.dumps(page.content)
    assert not re.search(r"\\u00[01789][0-9a-f]|\\u202[a-e]|\\u206[6-9]", escapes)
    assert "the red box off" in [sample["text"] for sample in page.content["samples"]]


def test_every_number_is_there(run: Run, page: Page) -> None:
    for name, system in run.results.systems.items():
        assert name in page.text
        for metric, value in system.metrics.items():
            assert metric in page.text
            assert f"{100 * value:.1f}" in page.text
            low, high = system.intervals[metric]
            assert f"{100 * low:.1f}{NONE}{100 * high:.1f}" in page.text
        assert f"of {system.samples}" in page.text
    for value in run.results.differences[0].metrics.values():
        assert points(value.difference) in page.text


def test_provenance_names_what_the_results_depend_on(run: Run, page: Page) -> None:
    for fact in ("5f0c1d8e2b7a", "digest-of-agent", run.manifest.git.commit, run.manifest.versions["torch"]):
        assert fact in page.text
    assert "workbench compare --systems single-pass,agent --benchmark drawn --mode latency --seed 0" in page.text


def test_the_command_that_repeats_it_says_which_samples_were_asked(run: Run) -> None:
    options = run.manifest.options.model_copy(update={"limit": 5, "sample": "random"})
    assert "--limit 5 " in (said := _command(run.manifest.model_copy(update={"options": options})))
    assert "--sample random" in said
    assert "--sample" not in _command(run.manifest)


def test_one_system(tmp_path: Path) -> None:
    run = made_run.make_run(tmp_path, samples=12, systems=[made_run.SINGLE])
    page = written(run, tmp_path)
    assert "single-pass reaches" in page.text
    assert "Differences;" not in page.text


def test_too_few_images_for_intervals(tmp_path: Path) -> None:
    run = made_run.make_run(tmp_path, samples=9)
    assert run.results.systems[made_run.AGENT].intervals["mAP"] is None
    assert "Undecided between" in written(run, tmp_path).text


def test_every_sample_failed(tmp_path: Path) -> None:
    run = made_run.make_run(tmp_path, samples=12, failing=True)
    page = written(run, tmp_path)
    assert "No verdict: every system failed on every sample." in page.text
    assert page.content["samples"][0]["answers"][made_run.AGENT]["message"] == "RuntimeError: out of memory"


def test_no_sample_without_targets(tmp_path: Path) -> None:
    run = made_run.make_run(tmp_path, samples=12, no_targets=False)
    assert run.results.systems[made_run.AGENT].metrics["N_acc"] is None
    page = written(run, tmp_path)
    assert "no target (" not in page.text
    assert f"2 or more ({sum(len(sample.targets) > 1 for sample in run.samples())})" in page.text
