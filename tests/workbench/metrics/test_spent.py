"""Costs in columns say what the answers said."""

import math

from tests.workbench.metrics.scenes import answer, sample
from workbench.data.predictions import Call, Note
from workbench.metrics.latency import latency
from workbench.metrics.spent import Spent

CALLS = (
    Call("llm", 0.0, 2.0, 100, 10, processor=0.5),
    Call("look up", 1.0, 2.0),
    Call("llm", 3.0, 4.0, 50, 5, Note(request="check_mask"), processor=1.0),
)
PAIRS = [
    (sample("a", [(0, 9)], kind="colour"), answer("a", calls=CALLS, latency=8.0, processor=2.0, waited=0.5)),
    (sample("b"), answer("b")),
    (sample("c", [(0, 9), (20, 30)]), answer("c", calls=CALLS[:1], latency=0.5)),
]


def test_every_sample_has_its_place_in_the_columns() -> None:
    spent = Spent.of(PAIRS)
    assert len(spent) == 3 and Spent.of(spent) is spent
    assert (spent.sample_ids, spent.kinds, spent.outcomes) == (["a", "b", "c"], ["colour", None, None], ["ok"] * 3)
    columns = {name: spent.counts(name).tolist() for name in ("targets", "rounds", "calls", "tokens_in", "tokens_out")}
    assert columns == {
        "targets": [1, 0, 2],
        "rounds": [1, 0, 1],
        "calls": [3, 0, 1],
        "tokens_in": [150, 0, 100],
        "tokens_out": [15, 0, 10],
    }
    assert spent.timed.tolist() == [0, 2] and spent.latencies() == {"a": 8.0, "c": 0.5}
    assert math.isnan(spent.processor[1]) and math.isnan(spent.waited[2])


def test_calls_are_kept_by_kind_with_the_clock_that_they_share() -> None:
    calls = Spent.of(PAIRS).calls_of
    assert (list(calls["llm"].owners), list(calls["llm"].durations)) == ([0, 0, 2], [2.0, 4.0, 2.0])
    assert (list(calls["llm"].clocked), list(calls["llm"].clock)) == ([0, 2], [5.5, 2.0])
    assert list(calls["other: look up"].clock) == [1.5]
    assert math.isnan(calls["other: look up"].processors[0])


def test_latency_of_columns_is_that_of_the_answers() -> None:
    assert latency(Spent.of(iter(PAIRS))) == latency(PAIRS)
