"""Runs as tidy pandas frames: one row for each number, difference or model call, and many runs as one frame."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Prediction

if TYPE_CHECKING:
    import pandas as pd

Results = Mapping[str, Any]
_RATES, _RATIO = ("only_a", "only_b"), ("ratio", "ratio_low", "ratio_high")


def metrics(results: Results, by: str | None = None) -> "pd.DataFrame":
    """See `workbench.runs.run.Run.metrics`; `results` as in `results.json`."""
    import pandas as pd

    if by not in (None, "kind", "targets"):
        raise ConfigurationError(f"expected by to be None, 'kind' or 'targets', got {by!r}")
    rows: list[dict[str, Any]] = []
    for system, result in _finished(results)["systems"].items():
        if by is None:
            rows += [{"system": system, **row} for row in (*_measured(result), *_costs(result))]
        else:
            groups = result[f"by_{by}"].items()
            rows += [{"system": system, "group": name, **row} for name, group in groups for row in _measured(group)]
    group = [] if by is None else ["group"]
    columns = ["system", *group, "metric", "value", "low", "high", "unit", "samples"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(("value", "low", "high"), float))


def differences(results: Results) -> "pd.DataFrame":
    """See `workbench.runs.run.Run.differences`; empty for one system."""
    import pandas as pd

    rows = []
    for pair in _finished(results)["differences"]:
        for family in ("metrics", "rates", "latency"):
            for name, found in pair.get(family, {}).items():
                low, high = found["interval"] or (None, None)
                measured = {"difference": found["difference"], "low": low, "high": high}
                ratio = (found.get("ratio"), *(found.get("ratio_interval") or (None, None)))
                chance = {key: found.get(key) for key in ("p", "p_holm", *_RATES)} | dict(
                    zip(_RATIO, ratio, strict=True)
                )
                named = {"a": pair["a"], "b": pair["b"], "family": family.removesuffix("s"), "name": name}
                rows.append({**named, **measured, **chance})
    numbers = ["difference", "low", "high", "p", "p_holm", *_RATIO]
    frame = pd.DataFrame(rows, columns=["a", "b", "family", "name", *numbers, *_RATES])
    return frame.astype(dict.fromkeys(numbers, float) | dict.fromkeys(_RATES, "Int64"))


def calls(predictions: Mapping[str, Sequence[Prediction]]) -> "pd.DataFrame":
    """See `workbench.runs.run.Run.calls`; predictions by system."""
    import pandas as pd

    columns = ("call", "kind", "name", "start", "seconds", "tokens_in", "tokens_out", "phrase", "failed", "mistake")
    rows = []
    for system, answers in predictions.items():
        for answer in answers:
            for place, call in enumerate(answer.calls):
                note = call.note
                name = note.tool or note.request or call.kind
                said = (note.phrase, note.failed, note.mistake)
                spent = (call.start, call.duration, call.tokens_in, call.tokens_out)
                rows.append((system, answer.sample_id, place, call.kind, name, *spent, *said))
    return pd.DataFrame(rows, columns=["system", "sample_id", *columns])


def _finished(results: Results, path: Path | None = None) -> Results:
    if not results:
        where = f" {path}" if path else ""
        raise ConfigurationError(f"the run{where} is not finished: continue it with `workbench compare ... --out RUN`")
    return results


def _measured(group: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in group["metrics"].items():
        low, high = group["intervals"].get(name) or (None, None)
        yield {
            "metric": name, "value": value, "low": low, "high": high, "unit": "fraction", "samples": group["samples"]
        }  # fmt: skip


def _costs(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Under the names that MLflow's metrics have."""
    latency, tokens = result["latency"], result["tokens_per_sample"]
    measures = {"latency": latency, "per_correct_instance": result.get("per_correct_instance", {})}
    numbers = [
        *((f"latency.{name}", latency[name], "s") for name in ("p50", "p90", "p95", "p99", "mean") if name in latency),
        *(
            (f"per_correct_instance.{name}", measures["per_correct_instance"].get(name), unit)
            for name, unit in (("seconds", "s"), ("calls", "calls"), ("tokens_in", "tokens"), ("tokens_out", "tokens"))
        ),
        ("cold_start", result["cold_start"], "s"),
        ("samples_per_second", result["samples_per_second"], "samples/s"),
        ("calls_per_sample", result["calls_per_sample"], "calls"),
        ("tokens_per_sample.in", tokens["in"], "tokens"),
        ("tokens_per_sample.out", tokens["out"], "tokens"),
        ("n_failed", result["n_failed"], "samples"),
    ]
    for name, value, unit in numbers:
        samples = latency["samples"] if name.startswith("latency.") else result["samples"]
        group, _, key = name.partition(".")
        low, high = measures.get(group, {}).get("intervals", {}).get(key) or (None, None)
        yield {"metric": name, "value": value, "low": low, "high": high, "unit": unit, "samples": samples}
