"""Every name in a report is defined."""

from reports.text.glossary import NAMES, definitions
from tests.reports import made_run
from tests.reports.drawn import copied, typed
from workbench.data.vocabulary import (
    CALL_KINDS,
    FUNNEL_STAGES,
    INSTANCE_CATEGORIES,
    MISSED_REASONS,
    MISTAKES,
    OUTCOMES,
    SAMPLE_CATEGORIES,
)
from workbench.runs.run import Run


def test_every_category_has_a_name_and_a_definition(run: Run) -> None:
    lines = {name for section in definitions(run.results).values() for name in section}
    tables = (INSTANCE_CATEGORIES, SAMPLE_CATEGORIES, MISSED_REASONS, FUNNEL_STAGES, OUTCOMES, MISTAKES)
    known = {name for table in tables for name in table}
    assert known <= set(NAMES)
    assert {NAMES[name] for name in known - {"matched", "exact_set"}} <= lines
    assert {kind.title for kind in CALL_KINDS.values()} <= lines


def test_every_metric_of_a_run_is_defined(run: Run) -> None:
    assert set(run.results.systems[made_run.AGENT].metrics) == set(definitions(run.results)["Metrics"])


def test_metrics_of_a_run_of_0_1_0_are_defined_as_they_were_then(run: Run) -> None:
    results = copied(run)
    del results["version"], results["metrics"]
    assert definitions(typed(results))["Metrics"]["AP75"].endswith("found at IoU 0.75.")
