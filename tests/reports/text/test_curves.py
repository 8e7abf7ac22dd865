"""What is said about curves, and the numbers of scores as rows of a table."""

from reports.pages.markdown import markdown
from reports.text.curves import notes, score_rows
from tests.reports import made_run
from tests.reports.drawn import copied, typed
from workbench.runs.run import Run


def test_notes_say_what_is_known_and_what_is_not(run: Run) -> None:
    said = notes(run.results)
    single = run.results.systems[made_run.SINGLE].curves
    assert single is not None
    lowest = f"Below {single.threshold.known_from:.2f} nothing is known of {made_run.SINGLE}"
    assert lowest in said["threshold"]
    assert "selection" not in said["threshold"] and "suppressed" not in said["suppression"]
    assert f"{made_run.SINGLE} {100 * single.reliability.error:.1f} (" in said["reliability"]
    results = copied(run)
    threshold = results["systems"][made_run.SINGLE]["curves"]["threshold"]
    for system in results["systems"].values():
        system["curves"]["threshold"]["known_from"] = 0.3
    both = f"Below 0.30 nothing is known of {made_run.SINGLE} and {made_run.AGENT}: they stored no such masks."
    assert both in notes(typed(results))["threshold"]
    threshold["known_from"] = 0.0
    agent = results["systems"][made_run.AGENT]["curves"]
    agent["suppression"]["suppressed"], agent["unselected"] = 7, agent["threshold"]
    said = notes(typed(results))
    assert f"{made_run.SINGLE} stored what scored too low" in said["threshold"]
    assert f"in place of the selection by {made_run.AGENT}" in said["threshold"]
    assert f"7 by {made_run.AGENT}) stay so" in said["suppression"]


def test_scores_as_rows_of_a_table(run: Run) -> None:
    threshold, error, risk = score_rows(run.results)
    single = run.results.systems[made_run.SINGLE].curves
    assert single is not None and single.reliability.interval is not None and single.reliability.error is not None
    assert threshold.cells[0].detail == f"known from {single.threshold.known_from:.2f} up"
    assert error.cells[0].text == f"{100 * single.reliability.error:.1f}" and " to " in error.cells[0].detail
    assert risk.cells[0].text == f"{100 * single.risk.area:.1f}"
    assert "| expected calibration error % |" in markdown(run)


def test_a_run_without_curves_has_no_rows(run: Run) -> None:
    results = copied(run)
    for system in results["systems"].values():
        del system["curves"]
    assert score_rows(typed(results)) == []
