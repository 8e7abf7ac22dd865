"""Small tables for MLflow's UI, which shows them beside those of other runs. The Parquet artifacts hold the complete
data.
"""

from typing import TYPE_CHECKING

from workbench.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

ROWS = 100
"""Samples in a table, the first ones: the same in every system and every run, so that the UI can set them side by
side."""
DIGITS = 4
METRICS, DIFFERENCES, SAMPLES = "tables/metrics.json", "tables/differences.json", "tables/samples.json"
STRESS = "tables/stress.json"


def log_comparison(client: "MlflowClient", run_id: str, run: Run) -> None:
    """Log every number of every system, every difference of two systems where there are several, and the curves of a
    stress axis."""
    client.log_table(run_id, run.metrics().round(DIGITS), METRICS)
    differences = run.differences()
    if len(differences):
        client.log_table(run_id, differences.round(DIGITS), DIFFERENCES)
    if run.results.stress is not None:
        client.log_table(run_id, run.stress().round(DIGITS), STRESS)


def log_samples(client: "MlflowClient", run_id: str, run: Run, system: str) -> None:
    """Log the first samples as one system answered them."""
    client.log_table(run_id, samples(run, system), SAMPLES)


def samples(run: Run, system: str) -> "pd.DataFrame":
    """One row for each of the first samples: what was asked, how it was answered, what it cost."""
    from workbench.data.vocabulary import SAMPLE_CATEGORIES

    table = run.table()
    own = table[table["system"] == system].head(ROWS)
    asked = {sample.sample_id: sample.instruction for sample in run.samples()}
    shown = own[["sample_id", "kind", "n_targets", "n_instances", "iou", "latency", "calls", "outcome"]].round(DIGITS)
    shown.insert(1, "instruction", own["sample_id"].map(asked))
    verdicts = own[list(SAMPLE_CATEGORIES)].fillna(False).astype(bool)
    shown["verdict"] = verdicts.idxmax(axis=1).where(verdicts.any(axis=1), "unscored")
    return shown
