"""The figure of a frontier, and its table in the report."""

import pytest

from reports.figures.catalogue import drawn
from reports.figures.frontier import variants_against_first
from reports.text import frontier
from reports.text.tables import MINUS
from tests.reports.made_results import made_results
from workbench.data.results import Results, read_results


@pytest.fixture
def results() -> Results:
    record = made_results({"one": 0.5, "two": 0.4}, None, {"one": 0.1, "two": 0.05})
    record["frontier"] = "model"
    record["differences"] = [
        {
            "a": "two",
            "b": "one",
            "changed": 40,
            "metrics": {"mAP": {"difference": -0.1, "interval": [-0.2, -0.05], "p_holm": 0.01}},
        }
    ]
    for name, size in (("one", 4), ("two", 1)):
        record["systems"][name] |= {"weights": size * 2**20, "peak_memory": (size + 1) * 2**20}
    return read_results(record, "made")


def test_there_is_a_panel_for_accuracy_and_for_each_cost(results: Results) -> None:
    accuracy, *others = variants_against_first(results).axes
    assert accuracy.get_xlabel() == "mAP minus one (points)"
    assert [text.get_text() for text in accuracy.get_yticklabels()] == ["one", "two"]
    drawn_ends = [list(line.get_xdata()) for line in accuracy.lines]
    assert [-20, -5] in [[round(x) for x in ends] for ends in drawn_ends]
    assert {axes.get_xlabel(): [round(bar.get_width(), 2) for bar in axes.patches] for axes in others} == {
        "median latency, times": [1, 0.5],
        "memory at the peak, times": [1, 0.4],
        "size on disk, times": [1, 0.25],
    }


def test_the_table_sets_what_is_beyond_chance_in_bold(results: Results) -> None:
    columns, (first, second) = frontier.columns(results), frontier.rows(results)
    assert len(columns) == len(first.cells) == len(second.cells)
    assert [cell.strong for cell in second.cells] == [False, True, *[False] * (len(columns) - 2)]
    assert (second.cells[1].text, second.cells[1].detail) == (f"{MINUS}10.0", f"{MINUS}20.0 to {MINUS}5.0")


def test_a_run_that_is_no_frontier_has_neither(results: Results) -> None:
    plain = results.model_copy(update={"frontier": None})
    assert frontier.columns(plain) == frontier.rows(plain) == []
    assert next(iter(drawn(results)))[0] == "What variants cost"
    assert next(iter(drawn(plain)))[0] != "What variants cost"
