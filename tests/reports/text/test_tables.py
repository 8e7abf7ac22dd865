"""The tables of a report."""

from reports.text import tables
from tests.reports import made_run
from tests.reports.drawn import copied, typed
from workbench.data.results import Cost
from workbench.runs.run import Run


def test_what_reads_the_same_is_equally_good(run: Run) -> None:
    results = copied(run)
    for name, seconds in ((made_run.SINGLE, 0.0561), (made_run.AGENT, 0.0564)):
        results["systems"][name]["latency"]["p50"] = seconds
    results["differences"][0]["latency"] = {}
    rows = {row.name: row for row in tables.headline(typed(results))}
    assert [cell.strong for cell in rows["latency p50"].cells] == [False, False]
    assert [cell.strong for cell in rows["latency p90"].cells] == [True, False]
    assert tables.differences(typed(results))[-1].cells[0].text == "same"


def test_how_much_faster_is_said_with_its_interval(run: Run) -> None:
    results = copied(run)
    (pair,) = results["differences"]
    for ratio, interval, expected in (
        (0.25, [0.2, 0.5], ("4.0\u00d7", "faster (2.0 to 5.0)", True)),
        (3.0, [0.8, 4.0], ("3.0\u00d7", "slower (0.8 to 4.0)", False)),
        (1.01, [0.9, 1.2], ("same", "(0.9 to 1.2)", False)),
        (0.25, None, ("4.0\u00d7", "faster", False)),
    ):
        pair["latency"]["p50"] |= {"ratio": ratio, "ratio_interval": interval}
        cell = tables.differences(typed(results))[-1].cells[0]
        assert (cell.text, cell.detail, cell.strong) == expected


def test_samples_that_were_asked_again_are_counted_where_there_are_any(run: Run) -> None:
    name = "asked again after a server failure"
    assert name not in [row.name for row in tables.headline(run.results)]
    first, *others = run.results.systems
    again = run.results.systems[first].model_copy(update={"asked_again": 3})
    results = run.results.model_copy(update={"systems": {**run.results.systems, first: again}})
    row = tables.headline(results)[-1]
    assert (row.name, row.unit) == (name, "samples")
    assert [cell.text for cell in row.cells] == ["3", *["0"] * len(others)]


def test_costs_of_a_correct_instance_stand_in_the_table(run: Run) -> None:
    rows = {(row.name, row.unit): row for row in tables.headline(run.results)}
    found = run.results.systems[made_run.AGENT].per_correct_instance
    cell = rows["calls", "per correct instance"].cells[1]
    assert cell.text == f"{found.calls:.1f}"
    assert cell.detail == "\u2013".join(f"{bound:.1f}" for bound in found.intervals["calls"])


def test_prices_in_two_currencies_each_name_their_own(run: Run) -> None:
    first, second, *_ = run.results.systems
    for currencies, unit, texts in ((("EUR", "EUR"), "EUR", ["2", "2"]), (("EUR", "USD"), "", ["2 EUR", "2 USD"])):
        systems = dict(run.results.systems)
        for name, currency in zip((first, second), currencies, strict=True):
            cost = Cost(
                currency=currency,
                total=1.0,
                per_thousand_samples=2.0,
                per_correct_instance=None,
                intervals={},
                note=None,
            )
            systems[name] = systems[name].model_copy(update={"cost": cost})
        rows = tables.headline(run.results.model_copy(update={"systems": systems}))
        (row,) = [row for row in rows if row.name == tables.PRICES["per_thousand_samples"]]
        assert row.unit == unit and [cell.text for cell in row.cells[:2]] == texts


def test_the_tables_as_data_frames(run: Run) -> None:
    frame = tables.frame(tables.headline(run.results), run.systems)
    assert list(frame.columns) == run.systems
    low, _ = run.results.systems[made_run.AGENT].intervals["mAP"]
    assert f" ({100 * low:.1f}" in frame.loc["mAP %", made_run.AGENT]
    assert frame.loc["failed samples", made_run.AGENT].endswith("of 36")
