"""Comparisons of systems that sleep, and what two of the same samples must agree in, whoever asked the systems."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.killing import without_times
from tests.workbench.workers.sleepers import toy
from workbench.comparison.runner import run
from workbench.runs.files import read_json, read_records
from workbench.workers.wanted import Workers

TIMES_AND_HOSTS = {
    "run",
    "store",
    "report",
    "mlflow",
    "crc",
    "latency",
    "machine",
    "cold_start",
    "load",
    "warm_up",
    "samples_per_second",
    "seconds",
}


def ask(
    folder: Path,
    out: Path,
    systems: Mapping[str, Any],
    workers: Workers | None = None,
    mode: str = "throughput",
    samples: int = 12,
    **options: Any,
) -> None:
    benchmark = toy(folder, samples)
    run(systems, lambda: benchmark, out, workers=workers, mode=mode, **options)  # type: ignore[arg-type]


def outcomes(out: Path, system: str = "a") -> Counter[str]:
    return Counter(one["outcome"] for one in answers(out, system))


def answers(out: Path, system: str) -> list[dict[str, Any]]:
    """The stored answers by sample, without times and workers; fails where a sample is stored twice."""
    records = read_records(out / "toy" / system / "predictions.jsonl")
    assert len({one["sample_id"] for one in records}) == len(records), "no answer is stored twice"
    untimed = without_times({system: records})[system]
    for one in untimed:
        for key in ("worker", "wall"):
            one.pop(key, None)
    return sorted(untimed, key=lambda one: str(one["sample_id"]))


def sessions(out: Path, system: str) -> list[dict[str, Any]]:
    """What is known of each worker."""
    return read_records(out / "toy" / system / "sessions.jsonl")


def results(out: Path) -> Any:
    """All of `results.json` but times and hosts."""
    return _without(read_json(out / "results.json"))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in TIMES_AND_HOSTS}
    return [_without(item) for item in value] if isinstance(value, list) else value
