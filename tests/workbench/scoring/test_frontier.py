"""What variants cost and save against the first of them, in words and rows."""

from typing import Any

import pytest

from tests.reports.made_results import made_results
from workbench.data.numbers import NONE
from workbench.data.results import Results, read_results
from workbench.scoring.frontier import heads, rows, sentences, variants
from workbench.scoring.verdict import sentences as verdict

VALUES = {"float32": 0.5, "int8": 0.49, "tiny": 0.3}


MINUS = "\N{MINUS SIGN}"


def around(value: float) -> list[float]:
    return [value - 0.02, value + 0.02]


def made(p: dict[str, float], weights: dict[str, int], seconds: dict[str, float]) -> Results:
    """A frontier whose differences to the first have these corrected p-values."""
    record: dict[str, Any] = made_results(dict(VALUES), None, dict(seconds))
    record["frontier"] = "model"
    record["differences"] = [
        {
            "a": name,
            "b": "float32",
            "changed": 25,
            "metrics": {
                "mAP": {
                    "difference": VALUES[name] - 0.5,
                    "interval": [VALUES[name] - 0.52, VALUES[name] - 0.48],
                    "p_holm": value,
                }
            },
        }
        for name, value in p.items()
    ]
    for name, size in weights.items():
        record["systems"][name] |= {"weights": size, "peak_memory": 4 * size, "load": 1.5}
    return read_results(record, "made")


@pytest.fixture
def results() -> Results:
    weights = {"float32": 100 * 2**20, "int8": 30 * 2**20, "tiny": 2**20}
    return made({"int8": 0.6, "tiny": 0.001}, weights, {"float32": 0.1, "int8": 0.08, "tiny": 0.01})


def test_those_that_are_worse_beyond_chance_are_named_and_the_rest_compared(results: Results) -> None:
    assert sentences(results) == [
        f"Of 2 variants of model, 1 is worse than float32 in mAP beyond chance: tiny ({MINUS}20.0 points).",
        "Of the others int8 is the smallest: 0.30 times the size on disk.",
        "Of the others int8 is the quickest: 0.80 times the median latency.",
    ]
    assert verdict(results) == sentences(results)


def test_where_nothing_is_saved_that_is_said() -> None:
    weights = dict.fromkeys(VALUES, 2**20)
    slow = made({"int8": 0.6, "tiny": 0.7}, weights, {"float32": 0.1, "int8": 0.2, "tiny": 0.3})
    assert sentences(slow) == [
        "Of 2 variants of model, none is worse than float32 in mAP beyond chance.",
        "None is smaller.",
        "None is quicker.",
    ]


def test_the_table_has_a_row_for_each_with_its_interval(results: Results) -> None:
    assert heads(results) == [
        "mAP", "against float32 (points)", "p50", "p90", "memory at the peak", "size on disk", "load time", "changed",
    ]  # fmt: skip
    first, second, third = rows(results)
    assert first.cells == ["50.0", NONE, "100 ms", NONE, "400 MiB", "100 MiB", "1.5 s", NONE]
    assert second.cells == [
        "49.0",
        f"{MINUS}1.0 ({MINUS}3.0 to +1.0)",
        "80 ms",
        NONE,
        "120 MiB",
        "30.0 MiB",
        "1.5 s",
        "25%",
    ]
    assert [row.decided for row in (first, second, third)] == [False, False, True]


def test_any_other_run_has_no_variants(results: Results) -> None:
    plain = results.model_copy(update={"frontier": None})
    assert variants(plain) == sentences(plain) == []
