"""What differs between the systems of a comparison."""

import json
from pathlib import Path

import pytest

from reports.pages import report
from reports.pages.markdown import markdown
from reports.text.asymmetries import asymmetries
from tests.reports import made_run
from workbench.data.conditions import Conditions
from workbench.data.manifest import Manifest, read_manifest
from workbench.runs.run import Run

SINGLE = Conditions(resizing="logits", threshold=0.39, threshold_chosen="chosen on val", timed="everything")
AGENT = Conditions(resizing="probabilities", threshold=0.3, timed="everything")


def stated(run: Run, **conditions: Conditions) -> Manifest:
    named = {name.replace("_", "-"): one for name, one in conditions.items()}
    return run.manifest.model_copy(update={"conditions": named})


def test_what_differs_comes_first_and_what_is_left_out_is_not_stated(run: Run) -> None:
    aspects = asymmetries(stated(run, single_pass=SINGLE, agent=AGENT))
    assert [(one.title, one.differs) for one in aspects] == [
        ("Masks at image size", True),
        ("Score threshold", True),
        ("Device and precision", False),
        ("Detector", False),
        ("Training", False),
        ("Inside the clock", False),
        ("Outside the clock", False),
    ]
    assert aspects[1].said == {"0.39, chosen on val": [made_run.SINGLE], "0.3": [made_run.AGENT]}
    assert aspects[2].said == {"not stated": [made_run.SINGLE, made_run.AGENT]}


def test_a_system_that_states_nothing_differs_from_one_that_does(run: Run) -> None:
    (first, *_) = asymmetries(stated(run, agent=AGENT))
    assert first.said == {"not stated": [made_run.SINGLE], "probabilities": [made_run.AGENT]}


def test_nothing_is_listed_where_nothing_is_stated(run: Run) -> None:
    assert asymmetries(run.manifest) == []
    assert "What differs between the sides" not in markdown(run)


def test_report_and_markdown_list_them(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "drawn_once", lambda results: [])
    told = Conditions(resizing="<b>probabilities</b>")
    described = Run(run.path, stated(run, single_pass=SINGLE, agent=told), run.scored)
    text = markdown(described)
    assert f"* Masks at image size: logits ({made_run.SINGLE}); \\<b\\>probabilities" in text
    page = report.write_report(described, tmp_path / "report.html").read_text()
    assert 'id="conditions"' in page and "&lt;b&gt;probabilities" in page


def test_conditions_are_read_back_from_a_manifest(run: Run) -> None:
    kept = json.loads(json.dumps(stated(run, single_pass=SINGLE).to_json()))
    assert read_manifest(kept, "manifest.json").conditions == {made_run.SINGLE: SINGLE}
